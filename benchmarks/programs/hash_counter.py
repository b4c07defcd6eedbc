"""Count the system calls of each process."""

from btfkit.bpf import *

counts: dict[u32, u64] = {}


@raw_tracepoint("sys_enter")
def count(ctx: bpf_raw_tracepoint_args) -> i32:
    counts[current_tgid()] += 1
    return 0
