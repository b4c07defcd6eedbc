"""System calls that take long: each thread notes in storage of its own when its call began.

Task storage comes and goes with the task: nothing to clean up, and no lock, as every thread has its own.

    sudo python examples/slow_syscalls.py [milliseconds]
"""

import sys

from btfkit.bpf import *


class Call(Struct):
    began: u64
    nr: u64


class Slow(Struct):
    pid: u32
    nr: u32
    took_ns: u64
    comm: char[16]


calls: TaskStorage[Call] = TaskStorage()
slow: RingBuf[Slow] = RingBuf(size=1 << 16)
limit_ns: u64 = 10_000_000


@tp_btf("sys_enter")
def enter(id: i64):
    call = calls[current_task()]
    call.nr = u64(id)
    call.began = ktime_ns()
    return 0


@tp_btf("sys_exit")
def leave():
    call = calls.get(current_task())
    if call is None or call.began == 0:
        return 0
    took = ktime_ns() - call.began
    if took >= limit_ns:
        slow.emit(Slow(pid=current_pid(), nr=u32(call.nr), took_ns=took, comm=current_comm()))
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.attach():
        bpf.limit_ns = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 10_000_000
        for call in bpf.slow:
            print(f"{call.comm} ({call.pid}): system call {call.nr} took {call.took_ns / 1e6:.1f} ms")
