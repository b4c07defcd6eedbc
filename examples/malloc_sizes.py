"""Sizes that a process asks malloc(3) for: a histogram in powers of two, by probes in the C library.

sudo python examples/malloc_sizes.py PID [seconds]
"""

import sys
import time

from btfkit.bpf import *

SLOTS: Final = 40

sizes: Array[u64] = Array(SLOTS)
failed: u64 = 0
bytes_asked: u64 = 0


@uprobe("libc.so.6:malloc")
def malloc(size: u64):
    global bytes_asked
    bytes_asked += size
    slot = 0
    for i in range(SLOTS):
        if size >> i == 0:
            break
        slot = i
    sizes[slot] += 1
    return 0


@uretprobe("libc.so.6:malloc")
def returned(ret: u64):
    global failed
    if ret == 0:
        failed += 1
    return 0


if __name__ == "__main__":
    pid = int(sys.argv[1])
    with load() as bpf, bpf.malloc.attach(pid=pid), bpf.returned.attach(pid=pid):
        time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 5)
        for slot, count in enumerate(bpf.sizes.values()):
            if count:
                print(f"{1 << slot:>12} bytes and more: {count}")
        print(f"{bpf.bytes_asked} bytes in all, {bpf.failed} calls failed")
