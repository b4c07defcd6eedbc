"""Log every TCP connection that this machine opens, and every DNS question it asks.

    sudo python examples/connections.py eth0

A program on the way out of the interface (tc) sees each packet before it leaves: SYNs and DNS queries become events
in a ring buffer. Nothing is held up or changed.
"""

import argparse
from enum import IntEnum
from ipaddress import IPv4Address

from btfkit.bpf import *

MOST_NAME: Final = 64


class What(IntEnum):
    CONNECTION = 1
    QUESTION = 2


class Event(Struct):
    when: u64
    what: What
    src: be32
    dst: be32
    dport: u16
    length: u16
    name: u8[MOST_NAME]  # of a question: labels, each behind its length


class DnsHdr(Header):
    id: be16
    flags: be16
    questions: be16
    answers: be16
    authorities: be16
    additional: be16


events: RingBuf[Event] = RingBuf(size=1 << 18)


def connection(tcp: TcpHdr, ip: IPv4Hdr) -> None:
    if tcp.syn and not tcp.ack:
        with events.reserve() as event:
            event.when = ktime_ns()
            event.what = What.CONNECTION
            event.src, event.dst, event.dport = ip.src, ip.dst, tcp.dport


def question(dns: DnsHdr, ip: IPv4Hdr, ctx: __sk_buff, offset: u32) -> None:
    if dns.flags >> 15 or dns.questions == 0:
        return  # an answer
    length = min(ctx.len - offset, MOST_NAME)
    with events.reserve() as event:
        event.when = ktime_ns()
        event.what = What.QUESTION
        event.src, event.dst, event.dport = ip.src, ip.dst, 53
        event.length = length
        if length > 0:
            skb_load_bytes(ctx, offset, event.name, length)


@tc
def watch(ctx: __sk_buff) -> TcAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return TC_ACT_UNSPEC
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.frag_off & 0x1FFF:
        return TC_ACT_UNSPEC
    if ip.proto == IPPROTO_TCP:
        tcp = ip.next(TcpHdr)
        if tcp is not None:
            connection(tcp, ip)
    elif ip.proto == IPPROTO_UDP:
        udp = ip.next(UdpHdr)
        if udp is not None and udp.dport == 53:
            dns = udp.next(DnsHdr)
            if dns is not None:
                question(dns, ip, ctx, sizeof(EthHdr) + ip.header_len() + sizeof(UdpHdr) + sizeof(DnsHdr))
    return TC_ACT_UNSPEC


def text(event) -> str:
    """What an event says, in words."""
    if event.what == What.CONNECTION:
        return f"connection to {IPv4Address(event.dst)}:{event.dport}"
    data, labels = bytes(event.name[: event.length]), []
    while data and data[0]:
        labels.append(data[1 : 1 + data[0]].decode("ascii", "replace"))
        data = data[1 + data[0] :]
    return f"question to {IPv4Address(event.dst)}: {'.'.join(labels)}"


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    args = cli.parse_args()
    with load() as bpf, bpf.watch.attach(args.interface, direction="egress"):
        for event in bpf.events:
            print(text(event))
