"""A firewall for IPv4: blocked networks by longest prefix, and the TCP and UDP ports that are open.

    sudo python examples/firewall.py eth0 --block 198.51.100.0/24 --open 22 --open 443

Packets that are no TCP or UDP pass unless their source is blocked. Every second it prints the packets by verdict, and
how often each blocked network was met. Both maps can be changed while it runs.
"""

import argparse
import time
from enum import IntEnum
from ipaddress import IPv4Network

from btfkit.bpf import *


class Verdict(IntEnum):
    PASSED = 0
    BLOCKED_NETWORK = 1
    CLOSED_PORT = 2
    MALFORMED = 3


class Prefix(Struct):
    bits: u32
    addr: be32


blocked: LpmTrie[Prefix, u64] = LpmTrie(max_entries=1024)  # to the packets met
open_ports: HashMap[u16, bool] = HashMap(max_entries=1024)
verdicts: PerCpuArray[u64] = PerCpuArray(len(Verdict))


def judge(ctx: xdp_md) -> Verdict:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return Verdict.MALFORMED
    if eth.proto != ETH_P_IP:
        return Verdict.PASSED
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.version != 4 or ip.ihl < 5:
        return Verdict.MALFORMED
    network = Prefix(bits=32, addr=ip.src)
    if network in blocked:
        blocked[network] += 1
        return Verdict.BLOCKED_NETWORK
    if ip.proto not in (IPPROTO_TCP, IPPROTO_UDP):
        return Verdict.PASSED
    if ip.frag_off & 0x1FFF:
        return Verdict.PASSED  # a later piece: its first one was judged
    ports = ip.next(UdpHdr)  # TCP's are in the same place
    if ports is None:
        return Verdict.MALFORMED
    return Verdict.PASSED if ports.dport in open_ports else Verdict.CLOSED_PORT


@xdp
def firewall(ctx: xdp_md) -> XdpAction:
    verdict = judge(ctx)
    verdicts[verdict] += 1
    return XDP_PASS if verdict == Verdict.PASSED else XDP_DROP


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("--block", type=IPv4Network, action="append", default=[], metavar="NETWORK")
    cli.add_argument("--open", type=int, action="append", default=[], metavar="PORT")
    args = cli.parse_args()
    with load() as bpf:
        for network in args.block:
            bpf.blocked[network.prefixlen, str(network.network_address)] = 0
        for port in args.open:
            bpf.open_ports[port] = True
        with bpf.firewall.attach(args.interface):
            while True:
                time.sleep(1)
                print(*(f"{verdict.name}={sum(bpf.verdicts[verdict])}" for verdict in Verdict))
                for prefix, met in bpf.blocked.items():
                    print(f"  {IPv4Network((prefix.addr, prefix.bits))}: {met}")
