"""Limit each source address to so many packets a second, without a lock: the generic cell rate algorithm.

    sudo python examples/rate_limiter.py eth0 --rate 1000 --burst 200

For each source there is one number: when its next packet is due if it sends evenly. A packet that comes too early by
more than the burst is dropped; one that passes moves the time on, by compare-and-swap. The sources seen least recently
are forgotten when the map is full.
"""

import argparse
import time
from ipaddress import IPv4Address

from btfkit.bpf import *


class Source(Struct):
    due: u64  # nanoseconds since boot
    passed: u64
    dropped: u64


sources: LruHash[be32, Source] = LruHash(max_entries=65536)
interval: u64 = 1_000_000  # nanoseconds a packet
tolerance: u64 = 200_000_000  # nanoseconds a burst


@xdp
def limit(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    now = ktime_ns()
    source = sources.setdefault(ip.src, Source())
    for _ in range(8):
        due = source.due
        start = max(due, now)
        if start - now > tolerance:
            break
        if cmpxchg(source.due, due, start + interval) == due:
            source.passed += 1
            return XDP_PASS
    source.dropped += 1
    return XDP_DROP


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("--rate", type=int, default=1000, help="packets a second")
    cli.add_argument("--burst", type=int, default=200, help="packets at once")
    args = cli.parse_args()
    with load() as bpf:
        bpf.interval = 1_000_000_000 // args.rate
        bpf.tolerance = bpf.interval * (args.burst - 1)
        with bpf.limit.attach(args.interface):
            while True:
                time.sleep(1)
                worst = sorted(bpf.sources.items(), key=lambda item: -item[1].dropped)[:10]
                for address, source in worst:
                    print(f"{IPv4Address(address)}: {source.passed} passed, {source.dropped} dropped")
