"""Let each source send a number of packets a second, and some more in a burst."""

from btfkit.bpf import *


class Bucket(Struct):
    tokens: u64
    last: u64


buckets: LruHash[be32, Bucket] = LruHash(4096)
rate: u64 = 1000
burst: u64 = 100
SECOND: Final = 1_000_000_000


@xdp
def limit(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    now = ktime_ns()
    bucket = buckets.get(ip.src)
    if bucket is None:
        buckets[ip.src] = Bucket(tokens=burst, last=now)
        return XDP_PASS
    more = (now - bucket.last) * rate // SECOND
    if more > 0:
        bucket.tokens = min(bucket.tokens + more, burst)
        bucket.last = now
    if bucket.tokens == 0:
        return XDP_DROP
    bucket.tokens -= 1
    return XDP_PASS
