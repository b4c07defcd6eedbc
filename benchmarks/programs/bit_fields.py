"""Count TCP packets by their flags, and pack what was seen of the last one into few bits."""

from btfkit.bpf import *


class Last(Struct):
    words: Bits[u32, 4]
    syn: Bits[u32, 1]
    fin: Bits[u32, 1]
    port: Bits[u32, 16]


flags: Array[u64] = Array(256)
last: Array[Last] = Array(1)


@tc
def look(skb: __sk_buff) -> TcAction:
    eth = skb.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return TC_ACT_OK
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.version != 4 or ip.proto != IPPROTO_TCP:
        return TC_ACT_OK
    tcp = ip.next(TcpHdr)
    if tcp is None:
        return TC_ACT_OK
    flags[tcp.flags] += 1
    seen = last[0]
    seen.words = tcp.doff
    seen.syn = tcp.syn
    seen.fin = tcp.fin
    seen.port = tcp.dport
    return TC_ACT_OK
