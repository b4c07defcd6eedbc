"""Where the CPU's time goes: 99 samples a second on each CPU, counted by process and call stack.

sudo python examples/profiler.py [seconds]
"""

import sys
import time
from bisect import bisect_right

from btfkit.bpf import *

USER_STACK: Final = 1 << 8


class Where(Struct):
    pid: u32
    comm: char[16]
    kernel: i32
    user: i32


stacks: StackTrace = StackTrace(8192, depth=32)
samples: HashMap[Where, u64] = HashMap(max_entries=8192)
only: u32 = 0  # the process to look at; 0: all


@perf_event
def sample(ctx: bpf_perf_event_data) -> i32:
    pid = current_tgid()
    if pid == 0 or only not in (0, pid):
        return 0
    where = Where(pid=pid, comm=current_comm())
    where.kernel = i32(stacks.stack_id(ctx))
    where.user = i32(stacks.stack_id(ctx, USER_STACK))
    samples[where] += 1
    return 0


def kernel_symbols() -> list[tuple[int, str]]:
    """Addresses and names of the kernel's functions, in order."""
    with open("/proc/kallsyms", encoding="ascii") as file:
        lines = (line.split() for line in file)
        return sorted((int(address, 16), name) for address, kind, name, *_ in lines if kind in "tTwW")


def main(seconds: float) -> None:
    symbols = kernel_symbols()
    with load() as bpf, bpf.sample.attach(frequency=99):
        time.sleep(seconds)
        print(f"{sum(bpf.samples.values())} samples in {seconds:g} s")
        for where, count in sorted(bpf.samples.items(), key=lambda item: -item[1])[:10]:
            print(f"{count} samples in {where.comm} ({where.pid})")
            for address in bpf.stacks[where.kernel] if where.kernel >= 0 else []:
                if address:
                    print("   ", symbols[bisect_right(symbols, (address, "~")) - 1][1])
            for address in bpf.stacks[where.user] if where.user >= 0 else []:
                if address:
                    print(f"    0x{address:x}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
