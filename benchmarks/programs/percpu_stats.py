"""Packets and bytes by protocol, on each CPU."""

from btfkit.bpf import *


class Stat(Struct):
    packets: u64
    bytes: u64
    last: u64


stats: PerCpuArray[Stat] = PerCpuArray(256)
others: PerCpuHash[u16, u64] = PerCpuHash(64)


@xdp
def measure(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return XDP_PASS
    if eth.proto != ETH_P_IP:
        others[eth.proto] += 1
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    stat = stats[ip.proto]
    stat.packets += 1
    stat.bytes += ip.tot_len
    stat.last = ktime_ns()
    return XDP_PASS
