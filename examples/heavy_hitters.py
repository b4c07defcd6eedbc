"""Who sends the most? A count-min sketch of fixed size, whatever the number of sources, and the top talkers.

    sudo python examples/heavy_hitters.py eth0 --window 5 --top 10

Every packet adds its length to one counter in each row of the sketch; the least of a source's counters is what it has
sent, or a little more. There are two sketches in a map of maps: one is filled, while user space clears the other for
the next window. Sources over a threshold go into an LRU map.
"""

import argparse
import time
from ipaddress import IPv4Address

from btfkit.bpf import *

COLUMNS: Final = 2048
SEEDS: Final = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)  # a row each

even: Array[u64[COLUMNS]] = Array(len(SEEDS))
odd: Array[u64[COLUMNS]] = Array(len(SEEDS))
sketches: ArrayOfMaps[Array[u64[COLUMNS]]] = ArrayOfMaps(2, inner=even, values=[even, odd])
talkers: LruHash[be32, u64] = LruHash(max_entries=1024)
window: u32 = 0
threshold: u64 = 10_000


def column(address: u32, seed: u32) -> u32:
    h = (address ^ seed) * 0x9E3779B1
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
    sketch = sketches[window % 2]
    least: u64 = 2**64 - 1
    for number, seed in enumerate(SEEDS):
        row = sketch[number]
        at = column(ip.src, seed)
        row[at] += ip.tot_len
        least = min(least, row[at])
    if least >= threshold:
        talkers[ip.src] = least
    return XDP_PASS


def next_window(bpf) -> list[tuple[str, int]]:
    """Start the next window; the sources over the threshold in the last one, and their bytes, the most first."""
    cleared = bpf.even if bpf.window % 2 else bpf.odd
    for row in cleared:
        cleared[row] = [0] * COLUMNS
    bpf.window += 1
    top = sorted(bpf.talkers.items(), key=lambda item: -item[1])
    bpf.talkers.clear()
    return [(str(IPv4Address(address)), size) for address, size in top]


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
                print(f"{time.strftime('%X')}")
                for address, size in next_window(bpf)[: args.top]:
                    print(f"{address:<16}{size:>12} bytes")
