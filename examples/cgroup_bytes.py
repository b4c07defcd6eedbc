"""How much do the programs in a cgroup send, and to whom? A quota can end it.

    sudo python examples/cgroup_bytes.py /sys/fs/cgroup/user.slice --quota 1000000

Programs of the type cgroup_skb see the packets of all sockets in a cgroup, and may refuse them. The packets start with
the IP header: here is no Ethernet yet.
"""

import argparse
import time
from ipaddress import ip_address

from btfkit.bpf import *


class Traffic(Struct):
    packets: u64
    bytes: u64


sent: LruHash[u8[16], Traffic] = LruHash(max_entries=4096)  # by address; IPv4's as ::ffff:a.b.c.d
total: u64 = 0
refused: u64 = 0
quota: u64 = 0  # bytes; 0: none


def destination(ctx: __sk_buff) -> u8[16] | None:
    if ctx.protocol == ETH_P_IPV6:
        ip6 = ctx.packet(IPv6Hdr)
        if ip6 is None:
            return None
        return ip6.dst
    ip = ctx.packet(IPv4Hdr)
    if ip is None or ctx.protocol != ETH_P_IP:
        return None
    address = u8[16]()
    address[10] = address[11] = 0xFF
    for i in range(4):
        address[12 + i] = ip.dst >> (24 - 8 * i) & 0xFF
    return address


@cgroup_skb_egress
def account(ctx: __sk_buff) -> u32:
    global total, refused
    if quota and total + ctx.len > quota:
        refused += 1
        return 0
    total += ctx.len
    to = destination(ctx)
    if to is not None:
        traffic = sent.setdefault(to)
        traffic.packets += 1
        traffic.bytes += ctx.len
    return 1


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("cgroup")
    cli.add_argument("--quota", type=int, default=0, help="bytes, after which nothing is sent any more")
    args = cli.parse_args()
    with load() as bpf:
        bpf.quota = args.quota
        with bpf.account.attach(args.cgroup):
            while True:
                time.sleep(1)
                print(f"{bpf.total} bytes sent, {bpf.refused} packets refused")
                for address, traffic in sorted(bpf.sent.items(), key=lambda item: -item[1].bytes)[:10]:
                    print(f"  {ip_address(address)}: {traffic.packets} packets, {traffic.bytes} bytes")
