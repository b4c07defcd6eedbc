"""Answer pings before the kernel sees them.

    sudo python examples/ping_responder.py eth0

An XDP program turns an ICMP echo request into the reply where it lies: it swaps the addresses, changes the type, mends
the checksum, and sends the packet back out of the interface. IPv4 and IPv6.
"""

import argparse
import time

from btfkit.bpf import *

answered: PerCpuArray[u64] = PerCpuArray(2)  # IPv4, IPv6


def add_to_checksum(check: u16, by: u16) -> u16:
    """A checksum after a word of what it covers became less by that much (RFC 1624)."""
    total = u32(check) + by
    return u16(total + (total >> 16))


def send_back(eth: EthHdr) -> XdpAction:
    mac = copy(eth.dst)
    eth.dst = eth.src
    eth.src = mac
    return XDP_TX


@xdp
def reply(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return XDP_PASS
    match eth.proto:
        case EthProto.ETH_P_IP:
            ip = eth.next(IPv4Hdr)
            if ip is None or ip.proto != IPPROTO_ICMP or ip.frag_off & 0x3FFF:
                return XDP_PASS
            icmp = ip.next(IcmpHdr)
            if icmp is None or icmp.type != ICMP_ECHO:
                return XDP_PASS
            icmp.type = ICMP_ECHOREPLY
            icmp.check = add_to_checksum(icmp.check, htons(ICMP_ECHO << 8))
            ip.src, ip.dst = ip.dst, ip.src  # which leaves the sum as it is
            answered[0] += 1
            return send_back(eth)
        case EthProto.ETH_P_IPV6:
            ip6 = eth.next(IPv6Hdr)
            if ip6 is None or ip6.next_header != IPPROTO_ICMPV6:
                return XDP_PASS
            icmp6 = ip6.next(Icmp6Hdr)
            if icmp6 is None or icmp6.type != ICMPV6_ECHO_REQUEST:
                return XDP_PASS
            icmp6.type = ICMPV6_ECHO_REPLY
            icmp6.check = add_to_checksum(icmp6.check, htons(0xFEFF))  # the type is one more
            address = copy(ip6.src)
            ip6.src = ip6.dst
            ip6.dst = address
            answered[1] += 1
            return send_back(eth)
    return XDP_PASS


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    args = cli.parse_args()
    with load() as bpf, bpf.reply.attach(args.interface):
        while True:
            time.sleep(1)
            print(f"pings answered: {sum(bpf.answered[0])} of IPv4, {sum(bpf.answered[1])} of IPv6")
