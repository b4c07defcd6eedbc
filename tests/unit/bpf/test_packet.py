"""Packet headers: sizes, and where the next one starts."""

from __future__ import annotations

import pytest

from btfkit.bpf import packet as p
from btfkit.bpf.records import Header

SIZES = [
    (p.EthHdr, "ethhdr", 14),
    (p.VlanHdr, "vlan_hdr", 4),
    (p.ArpHdr, "arphdr", 8),
    (p.ArpIPv4, "ArpIPv4", 20),
    (p.IPv4Hdr, "iphdr", 20),
    (p.IPv6Hdr, "ipv6hdr", 40),
    (p.IPv6OptHdr, "ipv6_opt_hdr", 2),
    (p.IPv6FragHdr, "frag_hdr", 8),
    (p.TcpHdr, "tcphdr", 20),
    (p.UdpHdr, "udphdr", 8),
    (p.SctpHdr, "sctphdr", 12),
    (p.IcmpHdr, "icmphdr", 8),
    (p.Icmp6Hdr, "icmp6hdr", 8),
    (p.IgmpHdr, "igmphdr", 8),
    (p.GreHdr, "gre_base_hdr", 4),
    (p.VxlanHdr, "vxlanhdr", 8),
    (p.GeneveHdr, "genevehdr", 8),
    (p.MplsHdr, "mpls_label", 4),
    (p.EspHdr, "ip_esp_hdr", 8),
]

NEXT = [
    (p.IPv4Hdr(ihl=5, version=4), 20),
    (p.IPv4Hdr(ihl=15), 60),
    (p.TcpHdr(doff=8), 32),
    (p.IPv6OptHdr(hdr_len=0), 8),
    (p.IPv6OptHdr(hdr_len=255), 2048),
    (p.GreHdr(flags=0), 4),
    (p.GreHdr(flags=0xB000), 16),
    (p.GeneveHdr(opt_len=63), 260),
    (p.EthHdr(), 14),
    (p.IPv6Hdr(), 40),
]


@pytest.mark.parametrize(("header", "name", "size"), SIZES)
def test_size(header: type[Header], name: str, size: int) -> None:
    assert (header.__c_name__, header.__layout__.size) == (name, size)


def test_every_header_is_here() -> None:
    assert {header.__name__ for header, _, _ in SIZES} == set(p.__all__)


@pytest.mark.parametrize(("header", "length"), NEXT, ids=str)
def test_next(header: Header, length: int) -> None:
    assert header.header_len() == length


def test_flags_of_tcp() -> None:
    """The bits from fin to cwr, and the byte they are in."""
    fields = p.TcpHdr.__layout__.fields
    bits = [fields[name] for name in ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")]
    assert {(field.off, field.size, field.bit_size) for field in bits} == {(13, 1, 1)}
    assert {1 << fields[name].bit_off for name in ("fin", "syn", "ack", "cwr")} == {0x01, 0x02, 0x10, 0x80}
    assert (fields["flags"].off, fields["flags"].size, fields["flags"].bit_size) == (13, 1, 0)
    assert (fields["doff"].off, fields["doff"].bit_off) == (12, 4)
