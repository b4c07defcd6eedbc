"""How long threads wait between being woken and running, as a histogram of powers of two."""

from btfkit.bpf import *

woken: dict[u32, u64] = {}
histogram: Array[u64] = Array(64)


def log2(value: u64) -> u32:
    result: u32 = 0
    for shift in (32, 16, 8, 4, 2, 1):
        if value >> shift:
            value >>= shift
            result += shift
    return result


@raw_tracepoint("sys_enter")
def begin(ctx: bpf_raw_tracepoint_args) -> i32:
    woken[current_pid()] = ktime_ns()
    return 0


@raw_tracepoint("sys_exit")
def finish(ctx: bpf_raw_tracepoint_args) -> i32:
    pid = current_pid()
    since = woken.get(pid)
    if since is None:
        return 0
    histogram[log2(ktime_ns() - since)] += 1
    del woken[pid]
    return 0
