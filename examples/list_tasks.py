"""A ps(1) of one's own: a program that goes over all tasks, and writes a line for each into a file that is read.

    sudo python examples/list_tasks.py
"""

from btfkit.bpf import *

threads: bool = False
tasks: u64 = 0


@iter("task")
def ps(ctx):
    global tasks
    task = ctx.task
    if task is None or (task.pid != task.tgid and not threads):
        return 0
    tasks += 1
    comm = task.comm
    mm = task.mm
    pages = u64(0) if mm is None else mm.total_vm
    seq_printf(ctx.meta.seq, "%d\t%d\t%d\t", u64[3]([task.pid, task.real_parent.pid, pages]))
    seq_printf(ctx.meta.seq, "%s\n", u64[1]([u64(comm)]))
    return 0


if __name__ == "__main__":
    with load() as bpf:
        print("pid\tparent\tpages\tname")
        print(bpf.ps.read(), end="")
        print(bpf.tasks, "processes")
