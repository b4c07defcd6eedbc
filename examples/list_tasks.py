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
    mm = task.mm
    pages = u64(0) if mm is None else mm.total_vm
    line = u64[4]([task.pid, task.real_parent.pid, pages, u64(task.comm)])
    seq_printf(ctx.meta.seq, "%d\t%d\t%d\t%s\n", line)
    return 0


if __name__ == "__main__":
    with load() as bpf:
        print("pid\tparent\tpages\tname")
        print(bpf.ps.read(), end="")
        print(bpf.tasks, "processes")
