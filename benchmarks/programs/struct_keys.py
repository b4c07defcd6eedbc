"""Bytes of each flow; a subprogram makes the key, whose padding is zero."""

from btfkit.bpf import *


class Flow(Struct):
    src: be32
    dst: be32
    sport: u16
    dport: u16
    proto: u8


class Total(Struct):
    packets: u64
    bytes: u64


flows: dict[Flow, Total] = {}


def parse(ctx: xdp_md) -> Flow | None:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return None
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.proto != IPPROTO_TCP:
        return None
    tcp = ip.next(TcpHdr)
    if tcp is None:
        return None
    return Flow(src=ip.src, dst=ip.dst, sport=tcp.sport, dport=tcp.dport, proto=ip.proto)


@xdp
def count(ctx: xdp_md) -> XdpAction:
    flow = parse(ctx)
    if flow is None:
        return XDP_PASS
    total = flows.get(flow)
    if total is None:
        flows[flow] = Total(packets=1, bytes=len(ctx))
        return XDP_PASS
    total.packets += 1
    total.bytes += len(ctx)
    return XDP_PASS
