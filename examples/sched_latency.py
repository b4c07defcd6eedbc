"""How long tasks wait for a CPU: a histogram of the time from being woken to running, in powers of two microseconds.

sudo python examples/sched_latency.py [seconds]
"""

import sys
import time

from btfkit.bpf import *

SLOTS: Final = 26

woken: LruHash[u32, u64] = LruHash(max_entries=16384)
histogram: PerCpuArray[u64] = PerCpuArray(SLOTS)
only: i32 = 0  # the process to look at; 0: all


def log2(number: u64) -> u32:
    """The number of bits, less one; 0 of 0."""
    result: u32 = 0
    for shift in (32, 16, 8, 4, 2, 1):
        if number >> shift:
            number >>= shift
            result += shift
    return result


def queued(pid: i32, tgid: i32) -> None:
    if pid != 0 and only in (0, tgid):
        woken[u32(pid)] = ktime_ns()


@raw_tracepoint("sched_wakeup")
def wakeup(p):
    queued(p.pid, p.tgid)
    return 0


@raw_tracepoint("sched_wakeup_new")
def wakeup_new(p):
    queued(p.pid, p.tgid)
    return 0


@raw_tracepoint("sched_switch")
def switch(prev, next, prev_state):
    if prev_state == 0:  # still runnable: it waits from now on
        queued(prev.pid, prev.tgid)
    since = woken.pop(u32(next.pid), 0)
    if since != 0:
        histogram[min(log2((ktime_ns() - since) // 1000), SLOTS - 1)] += 1
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.attach():
        time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
        counts = [sum(per_cpu) for per_cpu in bpf.histogram.values()]
    width = max(counts) or 1
    for slot, count in enumerate(counts):
        if count:
            print(f"{1 << slot:>10} µs {count:>8} {'*' * (50 * count // width)}")
