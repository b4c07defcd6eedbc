"""Count connections by the port that they are made to."""

from btfkit.bpf import *

ports: dict[u16, u64] = {}


@xdp
def parse(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.proto != IPPROTO_TCP:
        return XDP_PASS
    tcp = ip.next(TcpHdr)
    if tcp is None:
        return XDP_PASS
    if tcp.syn and not tcp.ack:
        ports[tcp.dport] += 1
    return XDP_PASS
