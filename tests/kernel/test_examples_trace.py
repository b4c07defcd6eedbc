"""The examples that trace, and those that keep state: in the running kernel, on what this process does."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.examples_support import PATIENCE, check_forms, compiled, module, running
from tests.kernel.python_support import loaded

from btfkit.errors import SourceError

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

NAMES = (
    "idle_processes", "kernel_functions", "list_tasks", "malloc_sizes", "new_programs", "open_log", "process_log",
    "profiler", "sched_latency", "slow_syscalls", "syscall_counts", "watch_user", "work_queue",
)  # fmt: skip

GETPPID = 110 if os.uname().machine == "x86_64" else 173
"""The number of getppid(2)."""


def comm(pid: int | str = "self") -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def until(stream: Any, wanted: Callable[[Any], bool]) -> Any:
    """The first record that is wanted."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        record = stream.read(0.1)
        if record is not None and wanted(record):
            return record
    raise AssertionError("the record did not come")


@pytest.mark.parametrize("name", NAMES)
def test_forms(name: str, tmp_path: Path) -> None:
    check_forms(name, tmp_path)


# -- tracepoints ---------------------------------------------------------------------------------------------------


def test_syscall_counts() -> None:
    with compiled("syscall_counts").load() as bpf:
        with bpf.enter.attach():
            for _ in range(1234):
                os.getppid()
        mine = {call.nr: count for call, count in bpf.counts.items() if call.comm == comm(threading.get_native_id())}
    assert 1234 <= mine[GETPPID] < 1500
    with running("syscall_counts") as shown:
        assert "system call" in shown.wait_for("system call")


def test_sched_latency() -> None:
    with compiled("sched_latency").load() as bpf:
        bpf.only = os.getpid()
        with bpf.attach():
            begin = time.monotonic()
            for _ in range(200):
                time.sleep(0.0005)
            took = time.monotonic() - begin
        counts = [sum(per_cpu) for per_cpu in bpf.histogram.values()]
    assert 150 <= sum(counts) < 2000  # nearly every sleep ends in a wakeup, and a switch to here
    assert sum(count << slot for slot, count in enumerate(counts)) <= took * 1e6 * 8  # microseconds, on all CPUs
    with running("sched_latency", 0.3) as shown:
        assert "*" in shown.wait_for("µs")


@pytest.mark.parametrize(
    ("number", "bits"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (1 << 25, 25), ((1 << 64) - 1, 63)]
)
def test_log2_is_a_python_function(number: int, bits: int) -> None:
    assert module("sched_latency")["log2"](number) == bits


def test_process_log() -> None:
    with compiled("process_log").load() as bpf, bpf.attach():
        child = subprocess.Popen([sys.executable, "-c", "import os; os._exit(7)"])
        child.wait()
        begun = until(bpf.events, lambda event: event.pid == child.pid)
        ended = until(bpf.events, lambda event: event.pid == child.pid and event.is_exit)
        assert (begun.is_exit, begun.ppid, begun.comm) == (False, os.getpid(), Path(sys.executable).name)
        assert (begun.what.executed.file, begun.what.executed.uid) == (sys.executable[:63], os.getuid())
        assert (ended.ppid, ended.what.ended.status >> 8) == (os.getpid(), 7)
        assert 0 < ended.what.ended.lifetime_ns < PATIENCE * 1e9

        child = subprocess.Popen(["sleep", "60"])
        until(bpf.events, lambda event: event.pid == child.pid)
        child.kill()
        child.wait()
        ended = until(bpf.events, lambda event: event.pid == child.pid and event.is_exit)
        assert (ended.comm, ended.what.ended.status & 0x7F) == ("sleep", 9)
    with running("process_log") as shown, running("list_tasks"):
        shown.wait_for(" runs ")


def test_open_log(tmp_path: Path) -> None:
    there, missing = tmp_path / "there", tmp_path / ("missing" * 20)
    there.touch()
    name = comm(threading.get_native_id())
    with compiled("open_log").load(variables={"only": name}) as bpf, bpf.attach():
        with there.open() as file:
            number = file.fileno()
        with pytest.raises(FileNotFoundError):
            missing.open()
        opened = until(bpf.opened, lambda call: call.path == str(there)[:63])
        assert (opened.pid, opened.result, opened.comm) == (os.getpid(), number, name)
        assert until(bpf.opened, lambda call: call.path == str(missing)[:63]).result == -2
        subprocess.run(["cat", there], check=True)
        assert {call.comm for call in bpf.opened.drain()} <= {name}
        assert len(bpf.begun) == 0


def test_slow_syscalls() -> None:
    with compiled("slow_syscalls").load() as bpf, bpf.attach():
        thread = threading.Thread(target=time.sleep, args=(0.05,))
        thread.start()
        slow = until(bpf.slow, lambda call: call.pid == thread.native_id)
        thread.join()
        assert 45e6 <= slow.took_ns < PATIENCE * 1e9
        assert slow.comm == comm(os.getpid()) or slow.comm.startswith("python")
        bpf.limit_ns = 1 << 62
        time.sleep(0.05)
        bpf.slow.drain()
        time.sleep(0.05)
        assert bpf.slow.drain() == []


def test_new_programs() -> None:
    with compiled("new_programs").load() as bpf, bpf.executed.attach():
        for _ in range(3):
            subprocess.run(["true"], check=True)
        child = subprocess.Popen(["sleep", "0"])
        child.wait()
        names = Counter(program.comm for program in bpf.fresh.drain())
        assert (names["true"], names["sleep"]) == (1, 1)
        assert bpf.execs >= 4
        assert "true" in bpf.seen and "surely not" not in bpf.seen


def test_watch_user() -> None:
    with compiled("watch_user").load() as bpf, bpf.enter.attach():
        os.getppid()
        assert (len(bpf.even), len(bpf.odd)) == (0, 0)
        bpf.watched[os.getuid()] = bpf.even
        for _ in range(100):
            os.getppid()
        bpf.watched[os.getuid()] = bpf.odd
        before = bpf.even.as_dict()
        for _ in range(10):
            os.getppid()
        assert before[GETPPID] >= 100
        assert bpf.even.as_dict() == before  # it stands still
        assert bpf.odd[GETPPID] >= 10
    with running("watch_user", os.getuid()) as shown:
        shown.wait_for(": ")


def test_idle_processes() -> None:
    with compiled("idle_processes").load(variables={"limit_ns": 100_000_000}) as bpf:
        with bpf.touch.attach(), subprocess.Popen(["sleep", "1.5"]) as child:
            for _ in range(20):
                time.sleep(0.02)  # longer than the limit in all, but never idle
            assert bpf.active[os.getpid()].calls > 20
            gone = until(bpf.idle, lambda idle: idle.pid == child.pid)
            assert gone.comm == "sleep" and gone.calls > 5
            assert child.pid not in bpf.active and os.getpid() in bpf.active
            assert os.getpid() not in {idle.pid for idle in bpf.idle.drain()}
        time.sleep(0.5)
        assert len(bpf.active) == 0  # nobody is seen any more


# -- iterators, samples, probes --------------------------------------------------------------------------------------


def test_list_tasks() -> None:
    with compiled("list_tasks").load() as bpf:
        rows = [line.split("\t") for line in bpf.ps.read().splitlines()]
        by_pid = {int(pid): (int(parent), int(pages), name) for pid, parent, pages, name in rows}
        parent, pages, name = by_pid[os.getpid()]
        assert (parent, name) == (os.getppid(), comm())
        assert abs(pages - int(Path("/proc/self/statm").read_text().split()[0])) < 4096
        assert by_pid[2] == (0, 0, comm(2)) and bpf.tasks == len(rows)  # kthreadd
        bpf.threads = True
        assert len(bpf.ps.read().splitlines()) >= len(rows)
    with running("list_tasks") as shown:
        shown.wait_for("processes")


def test_profiler() -> None:
    with compiled("profiler").load() as bpf:
        bpf.only = os.getpid()
        with bpf.sample.attach(frequency=999):
            end = time.process_time() + 0.3
            while time.process_time() < end:
                os.stat("/proc/self/maps")
        assert {where.pid for where in bpf.samples} == {os.getpid()}
        assert 50 < sum(bpf.samples.values()) < 2000
        names = set()
        symbols = module("profiler")["kernel_symbols"]()
        for where in bpf.samples:
            stack = [address for address in bpf.stacks[where.kernel] if address] if where.kernel >= 0 else []
            names |= {max(name for name in symbols if name[0] <= address)[1] for address in stack}
        assert any("syscall" in name for name in names)
        assert any(where.user >= 0 for where in bpf.samples)
    with running("profiler", 0.5) as shown:
        shown.wait_for("samples in 0.5 s")


def test_malloc_sizes() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    with (
        compiled("malloc_sizes").load() as bpf,
        bpf.malloc.attach(pid=os.getpid()),
        bpf.returned.attach(pid=os.getpid()),
    ):
        before, asked = list(bpf.sizes.values()), bpf.bytes_asked
        for _ in range(50):
            libc.free(libc.malloc(3 << 20))
        assert libc.malloc(1 << 62) is None
        more = [b - a for a, b in zip(before, bpf.sizes.values(), strict=True)]
        assert more[21] == 50 and more[39] == 1
        assert bpf.bytes_asked - asked >= 50 * (3 << 20) + (1 << 62)
        assert bpf.failed == 1
    with running("malloc_sizes", os.getpid(), 0.5) as shown:
        shown.wait_for("bytes in all")


# -- programs that are run -------------------------------------------------------------------------------------------


def fnv1a(data: bytes) -> int:
    result = 0xCBF29CE484222325
    for byte in data:
        result = (result ^ byte) * 0x100000001B3 % (1 << 64)
    return result


@pytest.mark.parametrize("descending", [False, True])
def test_sort_and_digest(descending: bool) -> None:
    rng = random.Random(7)
    with compiled("kernel_functions").load(variables={"descending": descending}) as bpf:
        compared = 0
        for count in (0, 1, 2, 7, 32):
            numbers = [rng.choice([rng.randrange(-(1 << 31), 1 << 31), rng.randrange(4)]) for _ in range(count)]
            job = {"count": count, "numbers": numbers + [5] * (32 - count), "swaps": 0, "crc": 0, "hash": 0}
            run = bpf.sort.test_run(ctx=job)
            assert (run.retval, run.ctx.numbers[:count]) == (0, sorted(numbers, reverse=descending))
            assert run.ctx.numbers[count:] == [5] * (32 - count)
            compared += run.ctx.swaps
            data = b"".join((number % (1 << 32)).to_bytes(4, "little") for number in numbers)
            run = bpf.digest.test_run(ctx=job)
            assert (run.ctx.crc, run.ctx.hash) == (zlib.crc32(data), fnv1a(data))
        assert bpf.sort.test_run(ctx=job | {"count": 33}).retval == -22
        assert bpf.sorted_in_all == 42
        assert bpf.variables["sort.before.compared"].value >= compared
    with running("kernel_functions") as shown:
        shown.wait_for("[-70000, -7, 0, 12, 30, 1000] after 10 swaps")
        shown.wait_for("crc32 23ef9dee")


def test_work_queue() -> None:
    with compiled("work_queue").load() as bpf:
        numbers = [91, 97, 1_000_003, 999_999_000_001, 12_345_678_901, (1 << 61) - 1]
        wanted = [7, 97, 1_000_003, 999_999_000_001, 857, 0]
        for index, number in enumerate(numbers * 20):
            bpf.jobs.push((index, number))
        bpf.urgent.push((1000, 4))
        bpf.urgent.push((1001, 9))

        def work() -> int:
            count = 0
            while bpf.work.test_run().retval == 0:
                count += 1
            return count

        assert bpf.work.test_run().retval == 0
        assert bpf.done.read(0).id == 1001
        with ThreadPoolExecutor(3) as pool:
            counts = [job.result() for job in [pool.submit(work) for _ in range(3)]]
        found = {result.id: result.factor for result in bpf.done.drain()}
        assert found == {1000: 2} | {index: wanted[index % 6] for index in range(120)}
        assert sum(counts) == 121 and sum(bpf.per_cpu[0]) == 122
    with running("work_queue", 91) as shown:
        shown.wait_for("91 = 7")


# -- what the examples need of the language, in few words --------------------------------------------------------------

LOOPS = """
class Args(Struct):
    number: u64
    out: u64

rounds: u64 = 1 << 20
squares: u64[4096] = [0]
calls: TaskStorage[u64] = TaskStorage()

@syscall
def counted(args: Args) -> i32:
    factor: u64 = 2
    for _ in range(rounds):
        if factor * factor > args.number or args.number % factor == 0:
            break
        factor += 1
    args.out = factor
    return 0

@syscall
def until_then(args: Args) -> i32:
    n = 0
    while True:
        n += 1
        if n == 100_000:
            break
    args.out = n
    return 0

@syscall
def indexed(args: Args) -> i32:
    for i in range(4096):
        squares[i] = i * i
    args.out = squares[args.number]
    return 0

@tp_btf("sys_enter")
def stored():
    calls[current_task()] += 1
    return 0
"""


@pytest.mark.parametrize(
    ("program", "number", "out"),
    [("counted", 91, 7), ("counted", 1_000_003 * 5003, 5003), ("until_then", 0, 100_000), ("indexed", 4095, 4095**2)],
)
def test_loops_that_the_verifier_would_walk_through(tmp_path: Path, program: str, number: int, out: int) -> None:
    with loaded(tmp_path, LOOPS) as bpf:
        run = bpf.programs[program].test_run(ctx=(number, 0))
        assert (run.retval, run.ctx.out) == (0, out)


REFUSED = [
    ("def prog(x: Args) -> i32:\n    return i32(x.n[x.n[0]])", "x.n[x.n[0]]", "copy it first"),
    ("def prog(x: Args) -> i32:\n    for n in x.n:\n        pass\n    return 0", "x.n", "copy it first"),
    ("def prog() -> i32:\n    typed[1] = 2\n    return 0", "typed[1]", "name: dict[K, V] = {}"),
    ("def prog() -> i32:\n    bare[1] = 2\n    return 0", "bare", "write it as name: LruHash[K, V] = LruHash(...)"),
]


@pytest.mark.parametrize(("text", "marked", "hint"), REFUSED)
def test_what_is_refused(tmp_path: Path, text: str, marked: str, hint: str) -> None:
    head = "class Args(Struct):\n    n: u32[8]\n\ntyped = {}\nbare = LruHash(8)\n\n@syscall\n"
    with pytest.raises(SourceError) as caught:
        loaded(tmp_path, head + text)
    said = str(caught.value)
    assert "^" * len(marked) in said and hint in said
