"""Who sends the most? A count-min sketch of fixed size, whatever the number of sources, and the top talkers.

    sudo python examples/heavy_hitters.py eth0 --window 5 --top 10

Every packet adds its length to one counter in each row of the sketch; the least of a source's counters is what it has
sent, or a little more. There are two sketches, one that is written while user space clears the other: an array of
maps, of which the program takes the one that ``current`` says. Sources over a threshold go into an LRU map.
"""

import argparse
import time
from ipaddress import IPv4Address

from btfkit.bpf import *

ROWS: Final = 4
COLUMNS: Final = 2048  # a power of two
SEEDS: Final = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)


class Row(Struct):
    bytes: u64[COLUMNS]


sketches: ArrayOfMaps[Array[Row]] = ArrayOfMaps(2, inner=Array(ROWS))
talkers: LruHash[be32, u64] = LruHash(max_entries=1024)
current: u32 = 0
threshold: u64 = 10_000


def column(address: u32, row: int) -> u32:
    h = (address ^ SEEDS[row]) * 0x9E3779B1
    h = (h ^ h >> 15) * 0x85EBCA77
    return (h ^ h >> 13) % COLUMNS


@xdp
def watch(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    sketch = sketches[current]
    least: u64 = 2**64 - 1
    for number in range(ROWS):
        row = sketch[number]
        at = column(ip.src, number)
        row.bytes[at] += ip.tot_len
        least = min(least, row.bytes[at])
    if least >= threshold:
        talkers[ip.src] = least
    return XDP_PASS


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("interface")
    cli.add_argument("--window", type=float, default=5, help="seconds")
    cli.add_argument("--top", type=int, default=10)
    cli.add_argument("--threshold", type=int, default=10_000, help="bytes in a window")
    args = cli.parse_args()
    with load() as bpf:
        bpf.threshold = args.threshold
        with bpf.watch.attach(args.interface):
            while True:
                time.sleep(args.window)
                for address, size in sorted(bpf.talkers.items(), key=lambda item: -item[1])[: args.top]:
                    print(f"{IPv4Address(address)!s:<16}{size:>12} bytes")
