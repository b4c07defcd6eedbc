"""A packet parser of small programs that call one another: VLAN tags, IPv4, IPv6 and its extension headers.

    sudo python examples/packet_parser.py eth0

Each program takes one layer, and goes on in the one for the next layer through a program array: a tail call, which
does not come back. What was found on the way is kept in a per-CPU array. Any of the programs can be replaced while
the others run: bpf.layers[Layer.IPV6] = another_program.
"""

import argparse
import time
from enum import IntEnum

from btfkit.bpf import *


class Layer(IntEnum):
    VLAN = 0
    IPV4 = 1
    IPV6 = 2
    TRANSPORT = 3


class Packet(Struct):
    """What is known of a packet so far. offset: bytes from its start to what comes next."""

    offset: u32
    proto: u16
    vlan: u16
    extensions: u8


class Kind(Struct):
    proto: u8
    vlan: u16
    extensions: u8


state: PerCpuArray[Packet] = PerCpuArray(1)
kinds: HashMap[Kind, u64] = HashMap(max_entries=4096)


@xdp
def parse(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return XDP_PASS
    state[0] = Packet(offset=sizeof(EthHdr), proto=eth.proto)
    network(ctx, eth.proto)
    return XDP_PASS


def network(ctx: xdp_md, proto: u16) -> None:
    """Go on in the program for an EtherType; come back where there is none."""
    match proto:
        case EthProto.ETH_P_8021Q | EthProto.ETH_P_8021AD:
            tail_call(ctx, layers, Layer.VLAN)
        case EthProto.ETH_P_IP:
            tail_call(ctx, layers, Layer.IPV4)
        case EthProto.ETH_P_IPV6:
            tail_call(ctx, layers, Layer.IPV6)


@xdp
def vlan(ctx: xdp_md) -> XdpAction:
    packet = state[0]
    tag = ctx.packet(VlanHdr, packet.offset)
    if tag is None:
        return XDP_PASS
    packet.vlan = tag.tci & 0xFFF
    packet.offset += sizeof(VlanHdr)
    network(ctx, tag.proto)
    return XDP_PASS


@xdp
def ipv4(ctx: xdp_md) -> XdpAction:
    packet = state[0]
    ip = ctx.packet(IPv4Hdr, packet.offset)
    if ip is None:
        return XDP_PASS
    packet.offset += ip.header_len()
    packet.proto = ip.proto
    layers[Layer.TRANSPORT](ctx)


@xdp
def ipv6(ctx: xdp_md) -> XdpAction:
    packet = state[0]
    ip = ctx.packet(IPv6Hdr, packet.offset)
    if ip is None:
        return XDP_PASS
    packet.offset += sizeof(IPv6Hdr)
    packet.proto = ip.next_header
    for _ in range(8):
        if packet.proto not in (IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS):
            break
        option = ctx.packet(IPv6OptHdr, packet.offset)
        if option is None:
            return XDP_PASS
        packet.extensions += 1
        packet.offset += option.header_len()
        packet.proto = option.next_header
    layers[Layer.TRANSPORT](ctx)


@xdp
def transport(ctx: xdp_md) -> XdpAction:
    packet = state[0]
    kinds[Kind(proto=u8(packet.proto), vlan=packet.vlan, extensions=packet.extensions)] += 1
    return XDP_PASS


layers: ProgArray = ProgArray(len(Layer), values=[vlan, ipv4, ipv6, transport])


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    args = cli.parse_args()
    with load() as bpf, bpf.parse.attach(args.interface):
        while True:
            time.sleep(1)
            for kind, count in bpf.kinds.items():
                where = f"in VLAN {kind.vlan}, behind {kind.extensions} extension headers"
                print(f"protocol {kind.proto} {where}: {count} packets")
