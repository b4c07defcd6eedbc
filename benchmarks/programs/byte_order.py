"""Send UDP packets to one port back to where they came from."""

from btfkit.bpf import *

PORT: Final = 7


@xdp
def echo(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.proto != IPPROTO_UDP or ip.ihl != 5:
        return XDP_PASS
    udp = ip.next(UdpHdr)
    if udp is None or udp.dport != PORT or udp.sport < 1024:
        return XDP_PASS
    for i in range(6):
        eth.src[i], eth.dst[i] = eth.dst[i], eth.src[i]
    ip.src, ip.dst = ip.dst, ip.src
    udp.dport = udp.sport
    udp.sport = PORT
    ip.ttl = 64
    udp.check = 0
    return XDP_TX
