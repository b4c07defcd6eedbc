"""Drop TCP packets to ports in a map, and those from sources in another; count what was dropped."""

from btfkit.bpf import *

closed: HashMap[u16, u8] = HashMap(1024)
banned: HashMap[be32, u8] = HashMap(1024)
dropped: PerCpuArray[u64] = PerCpuArray(2)


@xdp
def firewall(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    if ip.src in banned:
        dropped[0] += 1
        return XDP_DROP
    if ip.proto != IPPROTO_TCP:
        return XDP_PASS
    tcp = ip.next(TcpHdr)
    if tcp is None:
        return XDP_PASS
    if tcp.dport in closed:
        dropped[1] += 1
        return XDP_DROP
    return XDP_PASS
