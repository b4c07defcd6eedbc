"""Which processes are active: those that made a system call within the last second; one that goes quiet is reported.

Every entry of the map has a timer of its own. A system call only notes the time; the timer looks at it, and either goes
off again later or takes the entry out, so there is nothing for user space to sweep.

    sudo python examples/idle_processes.py
"""

from btfkit.bpf import *


class Process(Struct):
    timer: Timer
    last: u64
    calls: u64
    comm: char[16]


class Idle(Struct):
    pid: u32
    calls: u64
    comm: char[16]


active: HashMap[u32, Process] = HashMap(max_entries=4096)
idle: RingBuf[Idle] = RingBuf(size=1 << 16)
limit_ns: u64 = 1_000_000_000


def look(pid: u32, process: Process) -> None:
    quiet = ktime_ns() - process.last
    if quiet < limit_ns:
        process.timer.start(limit_ns - quiet)
        return
    idle.emit(Idle(pid=pid, calls=process.calls, comm=process.comm))
    del active[pid]


@tp_btf("sys_enter")
def touch():
    pid = current_tgid()
    process = active.get(pid)
    if process is None:
        process = active.setdefault(pid)
        if process.timer.init(active) == 0:  # another thread may have been quicker
            process.timer.set_callback(look)
            process.timer.start(limit_ns)
    process.last = ktime_ns()
    process.calls += 1
    process.comm = current_comm()
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.touch.attach():
        for gone in bpf.idle:
            print(f"{gone.comm} ({gone.pid}) is idle after {gone.calls} system calls; {len(bpf.active)} are active")
