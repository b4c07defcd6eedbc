"""Limit each source address to so many packets a second, with some more in a burst: a token bucket for each.

    sudo python examples/token_bucket.py eth0 --rate 1000 --burst 200

A bucket holds up to ``burst`` tokens, and ``rate`` tokens a second drop into it; a packet takes one, or is dropped.
A spin lock in each bucket keeps CPUs apart. When the map is full, new sources are dropped.
"""

import argparse
import time
from ipaddress import IPv4Address

from btfkit.bpf import *

NANO: Final = 1_000_000_000


class Bucket(Struct):
    lock: SpinLock
    tokens: u64  # in billionths
    filled: u64  # when, in nanoseconds
    passed: u64
    dropped: u64


buckets: HashMap[be32, Bucket] = HashMap(max_entries=65536)
rate: u64 = 1000
burst: u64 = 200


def take(bucket: Bucket, now: u64) -> bool:
    """Take a token, if there is one."""
    if now > bucket.filled:
        elapsed = min(now - bucket.filled, 60 * NANO)
        bucket.tokens = min(bucket.tokens + elapsed * rate, burst * NANO)
        bucket.filled = now
    if bucket.tokens < NANO:
        bucket.dropped += 1
        return False
    bucket.tokens -= NANO
    bucket.passed += 1
    return True


@xdp(default=XDP_DROP)
def limit(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    now = ktime_ns()
    bucket = buckets.setdefault(ip.src, Bucket(tokens=burst * NANO, filled=now))
    with bucket.lock:
        allowed = take(bucket, now)
    return XDP_PASS if allowed else XDP_DROP


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("--rate", type=int, default=1000, help="packets a second")
    cli.add_argument("--burst", type=int, default=200, help="packets at once")
    args = cli.parse_args()
    with load() as bpf:
        bpf.rate, bpf.burst = args.rate, args.burst
        with bpf.limit.attach(args.interface):
            while True:
                time.sleep(1)
                worst = sorted(bpf.buckets.items(), key=lambda item: -item[1].dropped)[:10]
                for source, bucket in worst:
                    print(f"{IPv4Address(source)}: {bucket.passed} passed, {bucket.dropped} dropped")
