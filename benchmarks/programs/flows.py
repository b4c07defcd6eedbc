"""Count the packets of each flow; those of busy ones are dropped, and user space hears of them."""

from btfkit.bpf import *


class Flow(Struct):
    src: be32
    dst: be32
    port: u16


class Event(Struct):
    flow: Flow
    when: u64
    comm: char[16]


counts: dict[Flow, u64] = {}
events: RingBuf[Event] = RingBuf(size=1 << 20)
limit: u64 = 1000


def parse(ctx: xdp_md) -> Flow | None:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return None
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return None
    return Flow(src=ip.src, dst=ip.dst, port=0)


@xdp
def count(ctx: xdp_md) -> XdpAction:
    flow = parse(ctx)
    if flow is None:
        return XDP_PASS
    counts[flow] += 1
    if counts[flow] > limit:
        events.emit(Event(flow=flow, when=ktime_ns(), comm=current_comm()))
        return XDP_DROP
    return XDP_PASS
