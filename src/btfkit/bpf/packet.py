"""Packet headers: what ``ctx.packet(EthHdr)`` and ``eth.next(IPv4Hdr)`` give.

Out: `Header` classes with the layouts and names of the kernel's structs, and field names that are short and the same
from header to header: src, dst, proto, sport, dport, len. Numbers are in network order and read as numbers. A checksum
(``check``) is an u16 as it lies in the packet, as csum_diff and the kernel take it. Ethernet and IPv6 addresses are
bytes. ``header_len`` says where the next header starts, in bytes.
Source: include/uapi/linux/{if_ether,if_arp,ip,ipv6,tcp,udp,icmp,icmpv6,igmp,mpls}.h, include/linux/if_vlan.h,
include/net/{gre,vxlan,geneve,ipv6}.h.
"""
# mypy: disable-error-code="valid-type,type-arg,operator,return-value"

from btfkit.bpf.ints import be16, be32, u8, u16, u32
from btfkit.bpf.records import Bits, Header
from btfkit.bpf.structs import overlay


class EthHdr(Header, name="ethhdr"):
    dst: u8[6]
    src: u8[6]
    proto: be16


class VlanHdr(Header, name="vlan_hdr"):
    """Behind an EthHdr or VlanHdr whose proto is ETH_P_8021Q or ETH_P_8021AD. tci: priority << 13 | id."""

    tci: be16
    proto: be16


class MplsHdr(Header, name="mpls_label"):
    """entry: label << 12 | class << 9 | last << 8 | ttl."""

    entry: be32


class ArpHdr(Header, name="arphdr"):
    """hw_len, proto_len: bytes of the addresses behind it; op: 1 asks, 2 answers."""

    hw_type: be16
    proto: be16
    hw_len: u8
    proto_len: u8
    op: be16


class ArpIPv4(Header, packed=True):
    """What is behind an ArpHdr for IPv4 on Ethernet: the sender's addresses and the target's."""

    src_mac: u8[6]
    src: be32
    dst_mac: u8[6]
    dst: be32


class IPv4Hdr(Header, name="iphdr"):
    """ihl: words of 4 bytes; frag_off: flags << 13 | offset in 8 bytes; tot_len: bytes from this header on."""

    ihl: Bits[u8, 4]
    version: Bits[u8, 4]
    tos: u8
    tot_len: be16
    id: be16
    frag_off: be16
    ttl: u8
    proto: u8
    check: u16
    src: be32
    dst: be32

    def header_len(self) -> u32:
        return self.ihl * 4


class IPv6Hdr(Header, name="ipv6hdr"):
    """payload_len: bytes behind this header; next_header: IPPROTO_*."""

    priority: Bits[u8, 4]
    version: Bits[u8, 4]
    flow_lbl: u8[3]
    payload_len: be16
    next_header: u8
    hop_limit: u8
    src: u8[16]
    dst: u8[16]


class IPv6OptHdr(Header, name="ipv6_opt_hdr"):
    """Hop-by-hop and destination options, routing. hdr_len: words of 8 bytes behind the first."""

    next_header: u8
    hdr_len: u8

    def header_len(self) -> u32:
        return (self.hdr_len + 1) * 8


class IPv6FragHdr(Header, name="frag_hdr"):
    """frag_off: offset in 8 bytes << 3 | more."""

    next_header: u8
    reserved: u8
    frag_off: be16
    id: be32


class TcpHdr(Header, name="tcphdr"):
    """doff: words of 4 bytes; flags: fin to cwr in one byte, TCPHDR_*; ack is the flag, ack_seq the number."""

    sport: be16
    dport: be16
    seq: be32
    ack_seq: be32
    ae: Bits[u8, 1]
    res1: Bits[u8, 3]
    doff: Bits[u8, 4]
    fin: Bits[u8, 1]
    syn: Bits[u8, 1]
    rst: Bits[u8, 1]
    psh: Bits[u8, 1]
    ack: Bits[u8, 1]
    urg: Bits[u8, 1]
    ece: Bits[u8, 1]
    cwr: Bits[u8, 1]
    window: be16
    check: u16
    urg_ptr: be16

    def header_len(self) -> u32:
        return self.doff * 4


overlay(TcpHdr, "fin", flags=u8)


class UdpHdr(Header, name="udphdr"):
    """len: bytes from this header on."""

    sport: be16
    dport: be16
    len: be16
    check: u16


class SctpHdr(Header, name="sctphdr"):
    sport: be16
    dport: be16
    vtag: be32
    check: u32


class IcmpHdr(Header, name="icmphdr"):
    """id and sequence: of an echo; gateway: of a redirect; mtu: where fragmentation was needed."""

    type: u8
    code: u8
    check: u16
    id: be16
    sequence: be16


overlay(IcmpHdr, "id", gateway=be32)
overlay(IcmpHdr, "sequence", mtu=be16)


class Icmp6Hdr(Header, name="icmp6hdr"):
    """id and sequence: of an echo; mtu: of packet too big; pointer: of a parameter problem."""

    type: u8
    code: u8
    check: u16
    id: be16
    sequence: be16


overlay(Icmp6Hdr, "id", mtu=be32)
overlay(Icmp6Hdr, "id", pointer=be32)


class IgmpHdr(Header, name="igmphdr"):
    type: u8
    code: u8
    check: u16
    group: be32


class GreHdr(Header, name="gre_base_hdr"):
    """flags: bit 15 a checksum, 13 a key, 12 a sequence number; each is 4 bytes behind this header."""

    flags: be16
    proto: be16

    def header_len(self) -> u32:
        return 4 + (self.flags >> 15 & 1) * 4 + (self.flags >> 13 & 1) * 4 + (self.flags >> 12 & 1) * 4


class VxlanHdr(Header, name="vxlanhdr"):
    """Behind UDP port 4789. flags: 1 << 27 where vni is valid; vni: the network's number << 8."""

    flags: be32
    vni: be32


class GeneveHdr(Header, name="genevehdr"):
    """Behind UDP port 6081. opt_len: words of 4 bytes behind this header; vni: the network's number."""

    opt_len: Bits[u8, 6]
    version: Bits[u8, 2]
    reserved: Bits[u8, 6]
    critical: Bits[u8, 1]
    oam: Bits[u8, 1]
    proto: be16
    vni: u8[3]
    reserved2: u8

    def header_len(self) -> u32:
        return 8 + self.opt_len * 4


class EspHdr(Header, name="ip_esp_hdr"):
    spi: be32
    seq: be32


__all__ = [
    "ArpHdr",
    "ArpIPv4",
    "EspHdr",
    "EthHdr",
    "GeneveHdr",
    "GreHdr",
    "IPv4Hdr",
    "IPv6FragHdr",
    "IPv6Hdr",
    "IPv6OptHdr",
    "Icmp6Hdr",
    "IcmpHdr",
    "IgmpHdr",
    "MplsHdr",
    "SctpHdr",
    "TcpHdr",
    "UdpHdr",
    "VlanHdr",
    "VxlanHdr",
]
