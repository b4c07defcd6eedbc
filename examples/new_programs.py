"""Names of programs that were not run before, each once: a Bloom filter in front of a stream.

``name in seen`` is one look at a few bits, however many names there are, and never misses one that was added; one name
in a few hundred may be taken for a known one.

    sudo python examples/new_programs.py
"""

from btfkit.bpf import *


class Program(Struct):
    pid: u32
    uid: u32
    comm: char[16]


seen: BloomFilter[char[16]] = BloomFilter(max_entries=10_000)
fresh: RingBuf[Program] = RingBuf(size=1 << 16)
execs: u64 = 0


@raw_tracepoint("sched_process_exec")
def executed():
    global execs
    execs += 1
    comm = current_comm()
    if comm in seen:
        return 0
    seen.add(comm)
    fresh.emit(Program(pid=current_tgid(), uid=current_uid(), comm=comm))
    return 0


if __name__ == "__main__":
    with load() as bpf, bpf.executed.attach():
        for program in bpf.fresh:
            print(
                f"{program.comm} is new: process {program.pid} of user {program.uid}, {bpf.execs} programs run so far"
            )
