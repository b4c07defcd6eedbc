"""Programs in Python that read the kernel's structs, in the running kernel: what they read is what /proc says."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.conftest import kernel_btf

from btfkit.codec import decode_btf
from btfkit.errors import LoadError
from btfkit.frontend.python import Options, compile_namespace
from btfkit.frontend.python.module import run_text
from btfkit.load.linux import LoadedObject, load
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object import BpfObject

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


def compiled(text: str, btf: Btf | None = None) -> BpfObject:
    text = "from btfkit.bpf import *\n" + textwrap.dedent(text)
    path = "/nowhere/prog.py"
    options = Options(kernel_btf=btf or decode_btf(kernel_btf()), texts={path: text})
    return compile_namespace(run_text(text, path), path, options)


@contextlib.contextmanager
def running(text: str) -> Iterator[LoadedObject]:
    """Loaded; the programs that can be are attached by the test."""
    with load(compiled(text)) as bpf:
        yield bpf


def switch_often() -> None:
    """Let the scheduler run: threads that wake each other."""
    threads = [threading.Thread(target=time.sleep, args=(0.005,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def comm(pid: int) -> str:
    with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
        return file.read().strip()


SWITCH = """
class Seen(Struct):
    count: u64
    pid: i32
    comm: char[16]
    state: u32
    sum: u64
    leader: i32
    parent: i32
    weight: u64
    cpu: u64
    bits: u32

seen: Array[Seen] = Array(1)
me: i32 = 0

@{section}("sched_switch")
def prog({params}):
    s = seen[0]
    if next.tgid == me:
        s.count += 1
        s.pid = next.pid
        s.comm = next.comm
        s.state = next.__state
        s.sum = next.se.sum_exec_runtime
        s.leader = next.group_leader.tgid
        s.parent = next.real_parent.tgid
        s.weight = next.se.load.weight
        s.cpu = next.cpus_ptr.bits[0]
        s.bits = next.in_execve + 2 * next.no_cgroup_migration + 4 * next.sched_reset_on_fork
    return 0
"""


@pytest.mark.parametrize("params", ["next", "prev, next: kernel.task_struct", "next, prev, preempt"])
@pytest.mark.parametrize("section", ["raw_tracepoint", "tp_btf"])
def test_switch(section: str, params: str) -> None:
    """The same program: by the helper from a raw tracepoint's pointers, directly from what the verifier knows."""
    with running(SWITCH.format(section=section, params=params)) as bpf:
        bpf.me = os.getpid()
        with bpf.prog.attach():
            switch_often()
        seen = bpf.seen[0]
        assert seen["count"] > 0
        assert seen["comm"] == comm(os.getpid()) and seen["pid"] >= os.getpid()
        assert (seen["state"], seen["leader"], seen["parent"]) == (0, os.getpid(), os.getppid())
        assert seen["weight"] == 1024 << 10 and seen["sum"] > 0 and seen["bits"] == 0
        assert seen["cpu"] & sum(1 << cpu for cpu in os.sched_getaffinity(0))


CHAIN = """
class Args(Struct):
    pid: i32
    tgid: i32
    comm: char[16]
    start: u64
    total_vm: u64
    exe: u64
    euid: u32
    ns: i32
    size: u64
    there: u8
    nice: i32

@syscall
def prog(args: Args) -> i32:
    task = current_task()
    args.pid, args.tgid, args.comm = task.pid, task.tgid, task.comm
    args.start = task.start_boottime
    mm = task.mm
    if mm is None:
        return 1
    args.total_vm = mm.total_vm
    exe = mm.exe_file
    if exe is not None:
        args.exe = exe.f_inode.i_ino
    args.euid = task.cred.euid.val
    i: u32 = args.nice
    numbers = task.thread_pid.numbers
    args.ns = numbers[i].nr
    args.there = field_exists(task.mm) and type_exists(kernel.mm_struct) and field_exists(kernel.task_struct.se.vruntime)
    args.nice = task.static_prio - 120
    return 0
"""


def test_current_task() -> None:
    record = struct.Struct("<ii16sQQQIiQBxxxi")
    with running(CHAIN) as bpf:
        run = bpf.prog.test_run(ctx=bytes(record.size))
        pid, tgid, name, start, total_vm, exe, euid, ns, _, there, nice = record.unpack(run.ctx)
    assert run.retval == 0
    assert (pid, tgid) == (threading.get_native_id(), os.getpid())
    assert name.rstrip(b"\0").decode() == comm(os.getpid())
    with open("/proc/self/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    assert start // 10_000_000 == int(fields[19])
    assert abs(total_vm - int(fields[20]) // os.sysconf("SC_PAGE_SIZE")) < 4096
    assert exe == os.stat("/proc/self/exe").st_ino
    assert (euid, ns, there, nice) == (os.geteuid(), pid, 1, os.getpriority(os.PRIO_PROCESS, 0))


BITS = """
class Args(Struct):
    reset: u32
    nice: u32

@syscall
def prog(args: Args) -> i32:
    task = current_task()
    args.reset = task.sched_reset_on_fork
    args.nice = cast(kernel.task_struct, u64(task)).sched_reset_on_fork
    return 0
"""


def test_bitfield_follows() -> None:
    """sched_reset_on_fork, set and cleared for this thread."""
    sched_reset_on_fork = 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    parameter = ctypes.byref(ctypes.c_int(0))
    with running(BITS) as bpf:
        assert struct.unpack("<II", bpf.prog.test_run(ctx=bytes(8)).ctx) == (0, 0)
        assert libc.sched_setscheduler(0, os.SCHED_OTHER | sched_reset_on_fork, parameter) == 0
        try:
            assert struct.unpack("<II", bpf.prog.test_run(ctx=bytes(8)).ctx) == (1, 1)
        finally:
            libc.sched_setscheduler(0, os.SCHED_OTHER, parameter)


ITER = """
count: u64 = 0

@iter("task")
def tasks(ctx):
    global count
    task = ctx.task
    if task is None:
        return 0
    count += 1
    if task.tgid == task.pid:
        seq_write(ctx.meta.seq, task.comm)
    return 0

@iter("task")
def by_name(meta, task):
    if task is None:
        return 0
    seq_printf(meta.seq, "%d\\n", u64[1]([task.pid]))
    return 0
"""


def test_iterator() -> None:
    with running(ITER) as bpf:
        told = bpf.tasks.read()
        assert bpf.count >= threading.active_count()
        assert comm(os.getpid()) in told.split("\0")
        assert str(threading.get_native_id()) in bpf.by_name.read().split()


TRACEPOINT = """
switched: u64 = 0
same: u64 = 0
pid: i32 = 0
name: char[16] = ""

@tracepoint("sched/sched_switch")
def prog(ctx, next_comm, next_pid):
    global switched, same, pid, name
    switched += 1
    if ctx.next_pid == next_pid and ctx.next_comm == next_comm:
        same += 1
    pid = next_pid
    name = next_comm
    return 0

@tracepoint("raw_syscalls/sys_enter")
def enter(id, args):
    if id == 39 and args[0] == 1:
        return 1
    return 0

@tracepoint("syscalls/sys_enter_openat")
def openat(ctx):
    path = read_user(char[8], ctx.args[1])
    return ctx.id == 257 and path == "/etc"

@tracepoint("sched/sched_process_exec")
def execed(ctx, filename):
    text = read_kernel(char[32], ctx.filename)
    again = read_kernel(char[32], filename)
    return text == again and text == "/bin/sh"
"""


def test_tracepoint_loads() -> None:
    """There is no tracefs on every machine: that the verifier takes it is asked here."""
    with running(TRACEPOINT) as bpf:
        assert {"prog", "enter", "openat", "execed"} <= set(bpf.programs)


KFUNC = """
class Args(Struct):
    pid: i32
    tgid: i32
    comm: char[16]

@syscall
def find(args: Args) -> i32:
    task = kfunc.bpf_task_from_pid(args.pid)
    if task is None:
        return 1
    args.tgid = task.tgid
    args.comm = task.comm
    kfunc.bpf_task_release(task)
    return 0

@syscall
def text(args: Args) -> i32:
    return kfunc.bpf_strlen("hello") * 10 + kfunc.bpf_strcmp(s1="a", s2="a")
"""


def test_kfuncs() -> None:
    record = struct.Struct("<ii16s")
    with running(KFUNC) as bpf:
        run = bpf.find.test_run(ctx=record.pack(os.getpid(), 0, b""))
        assert (run.retval, *record.unpack(run.ctx)) == (
            0,
            os.getpid(),
            os.getpid(),
            comm(os.getpid()).encode().ljust(16, b"\0"),
        )
        assert bpf.find.test_run(ctx=record.pack(1 << 30, 0, b"")).retval == 1
        assert bpf.text.test_run(ctx=bytes(24)).retval == 50


HELPERS = """
class Args(Struct):
    result: i64
    number: u64
    comm: char[16]
    buf: char[16]

numbers: dict[u32, u64] = {}
queue: Queue[u64] = Queue(4)
total: u64 = 0

def each(map: u64, key: u64, value: u64, frame: u64) -> i64:
    return 0

@syscall
def prog(args: Args) -> i32:
    global total
    n = u64[1]()
    if strtoul("123", 0, n) != 3:
        return 1
    args.number = n[0]
    name = char[16]()
    get_current_comm(name)
    args.comm = name
    if map_update_elem(numbers, 7, 70, 0) != 0:
        return 2
    if map_lookup_elem(numbers, 7) is None or map_lookup_elem(numbers, 8) is not None:
        return 3
    if snprintf(name, fmt="%d-%d", data=u64[2]([1, 2])) != 4:
        return 4
    args.buf = name
    if strncmp(name, 3, "abc") == 0:
        return 5
    pid = get_current_pid_tgid() >> 32
    task = get_current_task_btf()
    if task.tgid != pid:
        return 6
    if map_push_elem(queue, 9, flags=0) != 0:
        return 7
    if strtoul(buf="77", flags=0, res=total) != 2 or total != 77:
        return 8
    return 0

@xdp
def packets(ctx: xdp_md) -> XdpAction:
    if xdp_adjust_head(ctx, -4) != 0 or xdp_adjust_head(4) != 0 or xdp_get_buff_len() != 64:
        return XDP_DROP
    data = u8[6]()
    if xdp_load_bytes(ctx, 6, data) != 0 or data[0] != 3:
        return XDP_ABORTED
    return XDP_PASS
"""


def test_helpers() -> None:
    record = struct.Struct("<qQ16s16s")
    with running(HELPERS) as bpf:
        run = bpf.prog.test_run(ctx=bytes(record.size))
        _, number, name, buf = record.unpack(run.ctx)
        assert (run.retval, number) == (0, 123)
        assert name.rstrip(b"\0").decode() == comm(threading.get_native_id())
        assert buf[:4] == b"1-2\0"
        assert bpf.packets.test_run(bytes([1] * 6 + [3] * 6) + bytes(52)).retval == 2


TRAMPOLINES = {
    "fentry": '@fentry("vfs_read")\ndef prog(file, count):\n    x = file.f_inode.i_ino + count\n    return 0',
    "fexit": '@fexit("vfs_read")\ndef prog(ret, count, buf):\n    return 0',
    "lsm": '@lsm("file_open")\ndef prog(file) -> i32:\n    return 0 if file.f_flags else -1',
}


@pytest.mark.parametrize("kind", TRAMPOLINES)
def test_trampolines(kind: str) -> None:
    """Where the kernel allows none, it says so before it looks at the program."""
    try:
        with running(TRAMPOLINES[kind]) as bpf:
            assert "prog" in bpf.programs
    except LoadError as error:
        assert (error.errno, error.log) == (errno.EPERM, "")


OTHERS = {
    "kprobe": '@kprobe("do_sys_openat2")\ndef prog(dfd, filename, how):\n    return dfd if how.flags else 0',
    "kretprobe": '@kretprobe("do_sys_openat2")\ndef prog(ret):\n    return ret < 0',
    "uprobe": '@uprobe("/bin/sh:main")\ndef prog(a: u64, b: i32, ctx):\n    return b if ctx.ip == a else 0',
    "ksyscall": '@ksyscall("openat")\ndef prog(dfd: i32, name: u64):\n    return dfd if name else 0',
    "iter of maps": '@iter("bpf_map")\ndef prog(map):\n    return 0 if map is None or map.id else 0',
    "raw context": '@raw_tracepoint("sys_enter")\ndef prog(ctx, id):\n    return id == 5',
    "registers": '@tp_btf("sys_enter")\ndef prog(regs, id: i64):\n    return regs.di if id == 5 else 0',
    "index of the program": '@tp_btf("sched_switch")\ndef prog(next):\n    i: u32 = next.pid\n'
    "    return next.signal.rlim[i & 15].rlim_cur == 8",
    "subprogram": "def sub(t: kernel.task_struct | None) -> i32:\n    return 0 if t is None else t.pid + t.se.on_rq\n"
    '@tp_btf("sched_switch")\ndef prog(next, prev):\n    return sub(next) + sub(prev.real_parent) + sub(None)',
    "may be null": '@tp_btf("sched_switch")\ndef prog(next):\n    inode = next.fs.pwd.dentry.d_inode\n'
    "    return 0 if inode is None else inode.i_ino == 2",
    "walk": '@tp_btf("sched_switch")\ndef prog(next):\n    n: i32 = 0\n    task = next\n    for _ in range(8):\n'
    "        task = task.real_parent\n        n += task.pid\n    return n",
}


@pytest.mark.parametrize("case", OTHERS)
def test_the_verifier_takes(case: str) -> None:
    with running(OTHERS[case]) as bpf:
        assert "prog" in bpf.programs


def test_an_object_of_another_kernel() -> None:
    """Built where struct task_struct has everything elsewhere, it reads the same here."""
    btf = decode_btf(kernel_btf())
    far = 64
    types = [type_ for _, type_ in btf]
    task = btf.find("task_struct", t.Struct)
    old = types[task - 1]
    assert isinstance(old, t.Struct)
    moved = tuple(replace(member, bit_off=member.bit_off + far * 8) for member in old.members)
    types[task - 1] = replace(old, members=moved, size=old.size + far)
    with load(compiled(CHAIN, Btf(types))) as bpf:
        run = bpf.prog.test_run(ctx=bytes(80))
    pid, tgid, name = struct.unpack_from("<ii16s", run.ctx)
    assert (run.retval, pid, tgid) == (0, threading.get_native_id(), os.getpid())
    assert name.rstrip(b"\0").decode() == comm(os.getpid())
