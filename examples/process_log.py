"""A log of processes: what is executed, by whom, and how each process ends.

sudo python examples/process_log.py
"""

from btfkit.bpf import *


class Exec(Struct):
    file: char[64]
    uid: u32


class Exit(Struct):
    status: u32
    lifetime_ns: u64


class What(Union):
    executed: Exec
    ended: Exit


class Event(Struct):
    is_exit: bool
    pid: u32
    ppid: u32
    comm: char[16]
    what: What


events: RingBuf[Event] = RingBuf(size=1 << 18)


@tp_btf("sched_process_exec")
def executed(p, bprm):
    with events.reserve() as event:
        event.is_exit = False
        event.pid = p.tgid
        event.ppid = p.real_parent.tgid
        event.comm = p.comm
        event.what.executed.file = read_kernel(char[64], bprm.filename)
        event.what.executed.uid = current_uid()
    return 0


@tp_btf("sched_process_exit")
def ended(p):
    if p.pid != p.tgid:
        return 0  # a thread
    with events.reserve() as event:
        event.is_exit = True
        event.pid = p.tgid
        event.ppid = p.real_parent.tgid
        event.comm = p.comm
        event.what.ended.status = p.exit_code
        event.what.ended.lifetime_ns = ktime_ns() - p.start_time
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.attach():
        for event in bpf.events:
            who = f"{event.comm} ({event.pid}, child of {event.ppid})"
            if event.is_exit:
                ended = event.what.ended
                how = f"signal {ended.status & 0x7F}" if ended.status & 0x7F else f"status {ended.status >> 8}"
                print(f"{who} ended with {how} after {ended.lifetime_ns / 1e6:.1f} ms")
            else:
                print(f"{who} runs {event.what.executed.file} as user {event.what.executed.uid}")
