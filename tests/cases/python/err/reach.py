# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Guarded(Struct):
    n: u64
    lock: SpinLock


class Timed(Struct):
    inside: Timer[2]


a: LruHash[u32, Guarded] = LruHash(4)  # expect: map 'a': a LruHash may not hold a bpf_spin_lock
b: PerCpuArray[Guarded] = PerCpuArray(4)  # expect: map 'b': a PerCpuArray may not hold a bpf_spin_lock
c: PerCpuHash[u32, Timed] = PerCpuHash(4)  # expect: map 'c': a PerCpuHash may not hold a bpf_timer
d: ArrayOfMaps[Array[u64]] = ArrayOfMaps(4)  # expect: map 'd': the size of its maps is not said
calls: ProgArray = ProgArray(4, values=[3])  # expect: map 'calls' cannot start with 3
others: ProgArray = ProgArray(4)
guarded: HashMap[u32, Guarded] = HashMap(4)
sockets: SockMap = SockMap(4)
devices: XskMap = XskMap(4)


@xdp
def packets(ctx: xdp_md) -> XdpAction:
    made = EthHdr()
    ip = made.next(IPv4Hdr)  # expect: this EthHdr is in no packet
    eth = ctx.packet(EthHdr)
    if eth is None:
        return XDP_PASS
    ip = copy(eth).next(IPv4Hdr)  # expect: this EthHdr is in no packet
    far = ctx.packet(EthHdr, 1 << 15)  # expect: an offset is 0 to 32767, not 32768
    before = ctx.packet(EthHdr, -1)  # expect: an offset is 0 to 32767, not -1
    del others[1]  # expect: an element of map 'others' cannot be deleted by a program
    others.pop(1)  # expect: map 'others' has no values to read
    others.get(1)  # expect: map 'others' has no values to read
    x = devices[1]  # expect: map 'devices' has no values to read
    y = devices.get(1, 5)  # expect: map 'devices' has no values to read
    return XDP_PASS


def deep(g: Guarded) -> None:
    g.n = ktime_ns()


def outer(g: Guarded) -> None:
    deep(g)


@xdp
def locks(ctx: xdp_md) -> XdpAction:
    g = guarded[1]
    with g.lock:
        g.n = ktime_ns()  # expect: no helper is called and no map used while a lock is held
    with g.lock:
        guarded[2] = g  # expect: no helper is called and no map used while a lock is held
    with g.lock:
        outer(g)  # expect: no helper is called and no map used while a lock is held
    return XDP_PASS
