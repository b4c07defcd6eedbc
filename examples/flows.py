"""Count the packets of each IPv4 flow, and drop what goes over a limit.

    sudo python examples/flows.py lo --limit 1000

An XDP program counts, and reports every packet over the limit through a ring buffer. Ctrl-C ends it.
"""

import argparse
from ipaddress import IPv4Address

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
    flow = Flow(src=ip.src, dst=ip.dst, port=0)
    if ip.proto in (IPPROTO_TCP, IPPROTO_UDP):
        udp = ip.next(UdpHdr)  # TCP's ports are in the same place
        if udp is not None:
            flow.port = udp.dport
    return flow


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


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("--limit", type=int, default=1000, help="packets of a flow that are let through")
    args = cli.parse_args()
    with load() as bpf, bpf.count.attach(args.interface):
        bpf.limit = args.limit
        for event in bpf.events:
            flow = event.flow
            print(f"{IPv4Address(flow.src)} -> {IPv4Address(flow.dst)}:{flow.port} over the limit ({event.comm})")
