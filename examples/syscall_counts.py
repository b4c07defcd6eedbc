"""System calls, counted by process name and number: the ten most frequent, once a second.

sudo python examples/syscall_counts.py
"""

import time

from btfkit.bpf import *


class Call(Struct):
    comm: char[16]
    nr: u32


counts: HashMap[Call, u64] = HashMap(max_entries=8192)


@raw_tracepoint("sys_enter")
def enter(id: i64):
    counts[Call(comm=current_comm(), nr=u32(id))] += 1
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.enter.attach():
        while True:
            time.sleep(1)
            top = sorted(bpf.counts.items(), key=lambda item: -item[1])[:10]
            print("\n".join(f"{count:8} {call.comm:16} system call {call.nr}" for call, count in top), end="\n\n")
            bpf.counts.clear()
