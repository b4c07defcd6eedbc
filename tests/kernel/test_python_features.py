"""Programs in Python, a row of the feature table each: they load, and do what they say."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.kernel.load_support import bpftool_text, udp_packet
from tests.kernel.python_rows_code import ROWS as CODE_ROWS
from tests.kernel.python_rows_maps import ROWS as MAP_ROWS
from tests.kernel.python_support import build, loaded

from btfkit.errors import LoadError
from btfkit.load.linux import LoadedObject

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

ROWS = MAP_ROWS | CODE_ROWS
PACKET = udp_packet(0x0A000001, 0x0A000002, 80)
XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX = range(4)

Load = Callable[[str], LoadedObject]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Load a row by its name."""
    made: list[LoadedObject] = []

    def load_row(name: str) -> LoadedObject:
        made.append(loaded(tmp_path, ROWS[name]))
        return made[-1]

    yield load_row
    for bpf in made:
        bpf.close()


# -- maps


def test_hash_counter(load: Load) -> None:
    bpf = load("01 hash counter")
    seen = [bpf.run.test_run(ctx=(key, 0)).ctx.seen for key in (7, 7, 8, 7)]
    assert seen == [1, 2, 1, 3]
    assert bpf.counts.as_dict() == {7: 3, 8: 1}


def test_dict_operations(load: Load) -> None:
    bpf = load("02 dict operations")
    assert [bpf.count.test_run(ctx=(5, False)).ctx.was for _ in range(2)] == [False, True]
    assert bpf.counts.as_dict() == {5: 6}
    assert bpf.forget.test_run(ctx=(5, False)).retval == 7
    assert bpf.forget.test_run(ctx=(5, False)).retval == -1  # an uncaught KeyError
    assert bpf.counts.as_dict() == {}


def test_array(load: Load) -> None:
    bpf = load("03 array")
    assert bpf.run.test_run(ctx=(1, 40)).retval == 4
    assert bpf.run.test_run(ctx=(4, 1)).retval == -1  # an uncaught IndexError
    assert list(bpf.table.values()) == [0, 40, 0, 99]


def test_per_cpu_maps(load: Load) -> None:
    bpf = load("04 per-CPU maps")
    assert bpf.count.test_run(PACKET, repeat=5).retval == XDP_PASS
    assert sum(bpf.total[0]) == 5
    assert [sum(cpu.packets for cpu in bpf.by_port[80]), sum(cpu.bytes for cpu in bpf.by_port[80])] == [
        5,
        5 * len(PACKET),
    ]


def test_lru_hash(load: Load) -> None:
    bpf = load("05 LRU hash")
    for key in range(2000):
        bpf.run.test_run(ctx=[key])
    assert 0 < len(bpf.recent) < 2000
    assert 1999 in bpf.recent


def test_lpm_trie(load: Load) -> None:
    bpf = load("06 LPM trie")
    assert bpf.route.test_run(PACKET).retval == 0
    bpf.routes[(8, 0x0A000000)] = 2
    assert bpf.route.test_run(PACKET).retval == 2
    bpf.routes[(31, 0x0A000002)] = 5
    assert bpf.route.test_run(PACKET).retval == 5


def test_maps_of_maps(load: Load) -> None:
    bpf = load("07 maps of maps")
    bpf.inner[3] = 10
    result = bpf.run.test_run(ctx=(0, 3, 0))
    assert (result.retval, result.ctx.found) == (1, 15)
    assert bpf.run.test_run(ctx=(1, 3, 0)).retval == -1  # no map there


def test_tail_call(load: Load) -> None:
    bpf = load("08 tail call")
    results = [bpf.entry.test_run(bytes(size)).retval for size in (16, 17, 18)]
    assert results == [XDP_DROP, XDP_TX, XDP_PASS]  # the third: KeyError, and what XDP programs do then
    assert bpf.handled.test_run(PACKET).retval == XDP_ABORTED


def test_ring_buffer_output(load: Load) -> None:
    bpf = load("09 ring buffer output")
    bpf.run.test_run(ctx=[443])
    (event,) = bpf.events.drain()
    assert (event.port, event.comm) == (443, Path("/proc/self/comm").read_text().strip())
    assert 0 < event.when <= time.monotonic_ns()


def test_ring_buffer_reserve(load: Load) -> None:
    bpf = load("10 ring buffer reserve")
    bpf.run.test_run(ctx=[11])
    (event,) = bpf.events.drain()
    assert (event.number, list(event.data)) == (11, [0, 0, 0, 42, 0, 0, 0, 0])


def test_perf_events(load: Load) -> None:
    bpf = load("11 perf events")
    assert bpf.events.drain() == []  # from now on there are buffers
    bpf.run.test_run(PACKET)
    (event,) = bpf.events.poll(5)
    assert (event.size, event.mark) == (len(PACKET), 7)


def test_struct_values_in_place(load: Load) -> None:
    bpf = load("20 struct values in place")
    for _ in range(2):
        bpf.account.test_run(PACKET)
    (stats,) = bpf.stats.values()
    assert (stats.packets, stats.bytes, list(stats.last)) == (6, 2 * (len(PACKET) - 14), [0, 0, 5, 0])


def test_struct_keys(load: Load) -> None:
    """Padding is zero wherever a key comes from: there is one element, not two."""
    bpf = load("21 struct keys")
    assert [bpf.run.test_run(ctx=[9]).retval for _ in range(2)] == [2, 4]
    assert bpf.seen.as_dict() == {(1, 9, 3): 4}


def test_atomics(load: Load) -> None:
    bpf = load("22 atomics")
    bpf.run.test_run(ctx=[0] * 4)
    assert list(bpf.run.test_run(ctx=[0] * 4).ctx) == [2, 11, 9, 11]
    assert (bpf.cells[0].count, bpf.cells[0].owner, bpf.cells[0].tickets, bpf.hits) == (20, 11, 4, 2)


def test_spin_lock(load: Load) -> None:
    bpf = load("23 spin lock")
    bpf.accounts[1] = ((0,), 100, 0)
    bpf.pay.test_run(PACKET, repeat=4)
    assert (bpf.accounts[1].balance, bpf.accounts[1].moves) == (80, 4)


def test_timers(load: Load) -> None:
    bpf = load("24 timers")
    assert bpf.begin.test_run(ctx=[0]).retval == 0
    assert bpf.begin.test_run(ctx=[0]).retval == -errno.EBUSY
    for _ in range(100):
        if bpf.jobs[0].runs >= 3:
            break
        time.sleep(0.01)
    assert bpf.jobs[0].runs in (3, 4)


def test_queue_stack_bloom_filter(load: Load) -> None:
    bpf = load("31 queue, stack, Bloom filter")
    bpf.run.test_run(PACKET)
    assert (bpf.pushed, bpf.first, bpf.top, list(bpf.known)) == (4, 10, 2, [1, 0])


# -- code


def test_packet_parsing(load: Load) -> None:
    bpf = load("12 packet parsing")
    verdicts = [bpf.count.test_run(PACKET[:size]).retval for size in (len(PACKET), 42, 41, 33, 14)]
    assert verdicts == [XDP_DROP, XDP_DROP, XDP_PASS, XDP_PASS, XDP_PASS]
    assert bpf.flows.as_dict() == {(0x0A000001, 0x0A000002, 80): 2}


def test_contexts(load: Load) -> None:
    bpf = load("13 contexts")
    assert bpf.skb.test_run(PACKET).retval == 0
    assert bpf.frame.test_run(PACKET).retval == XDP_TX
    assert bpf.frame.test_run(PACKET[:20]).retval == XDP_DROP
    assert list(bpf.seen)[0::2] == [len(PACKET), 15]


def test_tracepoint_context(load: Load) -> None:
    bpf = load("14 tracepoint context")
    with bpf.switch.attach():
        time.sleep(0.05)
    assert bpf.switches > 0
    assert bpf.last.after >= 0
    assert bpf.last.name


def test_globals(load: Load) -> None:
    bpf = load("15 globals")
    assert (bpf.total, list(bpf.table), bpf.config.name) == (5, [1, 2, 3, 4], "eth")
    result = bpf.run.test_run(ctx=[2, 0])
    assert (result.retval, list(result.ctx), bpf.total, bpf.empty) == (4, [2, 21], 21, 3)
    bpf.total = 100
    assert list(bpf.run.test_run(ctx=[1, 0]).ctx) == [1, 108]


def test_static_locals(load: Load) -> None:
    bpf = load("16 static locals")
    results = [bpf.run.test_run(ctx=[0, 0]) for _ in range(2)]
    assert [(r.retval, *r.ctx) for r in results] == [(1, 12, 101), (2, 14, 102)]
    assert bpf.variables["tick.calls"].value == 14
    assert bpf.variables["run.calls"].value == 2
    assert bpf.variables["run.inner.calls"].value == 102


def test_subprograms(load: Load) -> None:
    bpf = load("17 subprograms")
    result = bpf.run.test_run(ctx=[-7, 0, 0, 0])
    assert (result.retval, list(result.ctx)) == (64, [-7, 36 + 16, -4, 1])


def test_bpf_loop_callbacks(load: Load) -> None:
    bpf = load("18 bpf_loop callbacks")
    bpf.weights.update({1: 10, 2: 20})
    assert list(bpf.run.test_run(ctx=[100, 0, 0, 0]).ctx) == [100, 100 * 4950, 4950, 50]


def test_range_loops(load: Load) -> None:
    bpf = load("19 range loops")
    assert list(bpf.run.test_run(ctx=[1000, 0, 0, 0]).ctx) == [1000, 45, 20 + 17 + 14 + 11 + 5 + 2, 499500]


def test_kfuncs(load: Load) -> None:
    bpf = load("25 kfuncs")
    result = bpf.run.test_run(ctx=(os.getpid(), 0))
    assert (result.retval, result.ctx.found) == (1, os.getpid())
    assert bpf.run.test_run(ctx=(2**22 + 1, 0)).retval == -1


def test_core_field_access(load: Load) -> None:
    bpf = load("26 CO-RE field access")
    seen = bpf.run.test_run(ctx=(0, 0, "", False, 0)).ctx
    assert (seen.tgid, seen.parent, seen.has) == (os.getpid(), os.getppid(), True)
    assert seen.comm == Path("/proc/self/comm").read_text().strip()
    assert 0 < seen.start < time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize("program", ["entered", "left", "opened"])
def test_fentry_and_lsm(tmp_path: Path, program: str) -> None:
    """Where the kernel lets nobody change its code, it says so before it looks at ours."""
    try:
        bpf = build(tmp_path, ROWS["27 fentry and LSM"]).load(programs=[program])
    except LoadError as error:
        assert (error.errno, error.log) == (errno.EPERM, "")
        return
    with bpf, bpf.programs[program].attach():
        os.read(os.open("/proc/self/comm", os.O_RDONLY | os.O_CLOEXEC), 64)
    assert program != "entered" or bpf.calls > 0


def test_strings_and_dynptrs(load: Load) -> None:
    bpf = load("28 strings and dynptrs")
    got = bpf.run.test_run(ctx=("hello", 1, False, 0, 0, 0)).ctx
    assert (got.same, got.starts, got.found, got.number) == (0, True, 5, -42)
    assert bpf.run.test_run(ctx=("help", 0, False, 0, 0, 0)).ctx.starts is False
    result = bpf.dynamic.test_run(ctx=[0, 9])
    assert (result.retval, result.ctx[1]) == (0, 0)
    (record,) = bpf.events.drain()
    assert (record.size, record.first) == (3, 9)


def test_types_and_lines(load: Load, tmp_path: Path) -> None:
    bpf = load("29 types and lines")
    assert [bpf.run.test_run(ctx=[4]).retval for _ in range(2)] == [2, 3]
    assert bpf.pairs.as_dict() == {4: (3, 2)}
    assert {getattr(found, "name", "") for found in bpf.btf.types} >= {"Pair", "run"}
    listing = bpftool_text("prog", "dump", "xlated", "id", str(bpf.run.info.id), "linum")
    path = tmp_path / "program.py"
    lines = re.findall(r"^; (.*) \[file:(.*) line_num:(\d+) line_col:(\d+)\]$", listing, re.MULTILINE)
    assert {"pair.left += 1", "pair = pairs.setdefault(ctx[0], Pair(1, 2))"} <= {line[0] for line in lines}
    text = path.read_text().splitlines()
    assert [(shown, file) for shown, file, _, _ in lines] == [
        (text[int(line[2]) - 1].strip(), str(path)) for line in lines
    ]


def test_ternary_walrus_slices(load: Load) -> None:
    bpf = load("30 ternary, walrus, slices")
    result = bpf.run.test_run(ctx=(10, "eth12", [0] * 4))
    assert (result.retval, list(result.ctx.out)) == (5, [1, 5, 3, 4])
    result = bpf.run.test_run(ctx=(2, "lo", [0] * 4))
    assert (result.retval, list(result.ctx.out)) == (5, [2, 0, 0, 0])
