"""Which process opens which file: a log of openat(2), with what each call returned.

The path is read when the call begins, the result is known when it ends; between the two it waits in a map by thread.

    sudo python examples/open_log.py [name of a process]
"""

import os
import sys

from btfkit.bpf import *


class Open(Struct):
    pid: u32
    result: i32
    comm: char[16]
    path: char[64]


begun: LruHash[u32, Open] = LruHash(max_entries=4096)
opened: RingBuf[Open] = RingBuf(size=1 << 18)
only: char[16] = ""


@tracepoint("syscalls/sys_enter_openat")
def enter(ctx):
    comm = current_comm()
    if only in ("", comm):
        path = read_user(char[64], ctx.args[1])
        begun[current_pid()] = Open(pid=current_tgid(), comm=comm, path=path)
    return 0


@tracepoint("syscalls/sys_exit_openat")
def leave(ctx):
    call = begun.get(current_pid())
    if call is not None:
        call.result = i32(ctx.ret)
        opened.emit(call)
        del begun[current_pid()]
    return 0


if __name__ == "__main__":
    with load(variables={"only": sys.argv[1] if len(sys.argv) > 1 else ""}) as bpf, bpf.attach():
        for call in bpf.opened:
            result = os.strerror(-call.result) if call.result < 0 else f"descriptor {call.result}"
            print(f"{call.comm} ({call.pid}) opens {call.path}: {result}")
