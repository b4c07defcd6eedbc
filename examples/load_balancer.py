"""A layer 4 load balancer: connections to one address are spread over backends, each always to the same one.

    sudo python examples/load_balancer.py eth0 192.0.2.1 --backend 10.0.0.11,02:00:00:00:00:11 --backend …

Consistent hashing: a ring of slots is shared out among the backends (rendezvous hashing, in user space), and a
connection's hash says its slot; when a backend goes, only its own slots move. The program rewrites the destination's
addresses, mends the checksums and sends the packet back out of the interface. Backends answer for themselves (they
are on the same network, and their way back leads through this machine).
"""

import argparse
import time
from hashlib import blake2b

from btfkit.bpf import *

SLOTS: Final = 1024


class Backend(Struct):
    addr: be32
    mac: u8[6]


class Connection(Struct):
    src: be32
    sport: be16
    dport: be16
    proto: u8


ring: Array[u32] = Array(SLOTS)  # slot to number of backend
backends: dict[u32, Backend] = {}
packets: PerCpuHash[u32, u64] = PerCpuHash(max_entries=256)  # by number of backend
service: be32 = 0


def mix(h: u32, word: u32) -> u32:
    """A round of MurmurHash3."""
    word *= 0xCC9E2D51
    word = (word << 15 | word >> 17) * 0x1B873593
    h ^= word
    return (h << 13 | h >> 19) * 5 + 0xE6546B64


def hashed(c: Connection) -> u32:
    h = mix(mix(mix(0, c.src), u32(c.sport) << 16 | c.dport), c.proto)
    h = (h ^ h >> 16) * 0x85EBCA6B
    h = (h ^ h >> 13) * 0xC2B2AE35
    return h ^ h >> 16


def mended(check: u16, old: be32, new: be32) -> u16:
    """A checksum after 4 of its bytes have changed (RFC 1624)."""
    before = htonl(old)
    after = htonl(new)
    total = u32(~check & 0xFFFF) + (~before & 0xFFFF) + (~before >> 16) + (after & 0xFFFF) + (after >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return u16(~total)


@xdp
def balance(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.dst != service or ip.frag_off & 0x3FFF:
        return XDP_PASS
    if ip.proto not in (IPPROTO_TCP, IPPROTO_UDP):
        return XDP_PASS
    ports = ip.next(UdpHdr)  # TCP's are in the same place
    if ports is None:
        return XDP_DROP
    number = ring[hashed(Connection(ip.src, ports.sport, ports.dport, ip.proto)) % SLOTS]
    backend = backends[number]  # none there: KeyError, and the packet passes
    if ip.proto == IPPROTO_TCP:
        tcp = ip.next(TcpHdr)
        if tcp is None:
            return XDP_DROP
        tcp.check = mended(tcp.check, ip.dst, backend.addr)
    elif ports.check != 0:
        ports.check = mended(ports.check, ip.dst, backend.addr) or 0xFFFF
    ip.check = mended(ip.check, ip.dst, backend.addr)
    ip.dst = backend.addr
    eth.src = eth.dst
    eth.dst = backend.mac
    packets[number] += 1
    return XDP_TX


def shares(numbers: list[int]) -> list[int]:
    """The number of the backend for each slot: the one that the slot gives the highest hash."""

    def weight(slot: int, number: int) -> bytes:
        return blake2b(f"{slot} {number}".encode(), digest_size=8).digest()

    return [max(numbers, key=lambda number: weight(slot, number)) for slot in range(SLOTS)]


def configure(bpf, address: str, servers: list[tuple[str, str]]) -> None:
    """Share the slots out among servers, of which each is an address and a MAC address."""
    for number, (addr, mac) in enumerate(servers, 1):
        bpf.backends[number] = {"addr": addr, "mac": mac}
    for slot, number in enumerate(shares(list(range(1, len(servers) + 1)))):
        bpf.ring[slot] = number
    bpf.service = address


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("service", help="the address that clients know")
    cli.add_argument("--backend", action="append", required=True, metavar="ADDRESS,MAC")
    args = cli.parse_args()
    with load() as bpf:
        configure(bpf, args.service, [tuple(backend.split(",")) for backend in args.backend])
        with bpf.balance.attach(args.interface):
            while True:
                time.sleep(1)
                print({args.backend[number - 1]: sum(per_cpu) for number, per_cpu in bpf.packets.items()})
