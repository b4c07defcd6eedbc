"""Count packets and bytes by protocol, a table every second.

    sudo python examples/traffic.py eth0

IPv4 and IPv6 are counted by the number of the protocol inside; everything else as "other". Each CPU counts for itself,
so that counting costs next to nothing; user space adds up.
"""

import argparse
import time

from btfkit.bpf import *

OTHER: Final = 256
NAMES: Final = {int(proto): proto.name.removeprefix("IPPROTO_").lower() for proto in IpProto}


class Traffic(Struct):
    packets: u64
    bytes: u64


traffic: PerCpuArray[Traffic] = PerCpuArray(OTHER + 1)


def protocol(ctx: xdp_md) -> u32:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return OTHER
    match eth.proto:
        case EthProto.ETH_P_IP:
            ip = eth.next(IPv4Hdr)
            return OTHER if ip is None else ip.proto
        case EthProto.ETH_P_IPV6:
            ip6 = eth.next(IPv6Hdr)
            return OTHER if ip6 is None else ip6.next_header
        case _:
            return OTHER


@xdp
def count(ctx: xdp_md) -> XdpAction:
    seen = traffic[protocol(ctx)]
    seen.packets += 1
    seen.bytes += len(ctx)
    return XDP_PASS


def table(bpf) -> dict[str, tuple[int, int]]:
    """Packets and bytes by name of protocol, of those that were seen."""
    totals = {}
    for number, per_cpu in bpf.traffic.items():
        packets = sum(cpu.packets for cpu in per_cpu)
        if packets:
            name = "other" if number == OTHER else NAMES.get(number, str(number))
            totals[name] = packets, sum(cpu.bytes for cpu in per_cpu)
    return totals


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    args = cli.parse_args()
    with load() as bpf, bpf.count.attach(args.interface):
        while True:
            time.sleep(1)
            print(f"{'protocol':<12}{'packets':>12}{'bytes':>16}")
            for name, (packets, size) in sorted(table(bpf).items(), key=lambda item: -item[1][1]):
                print(f"{name:<12}{packets:>12}{size:>16}")
