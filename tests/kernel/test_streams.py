"""Ring buffers and perf buffers: records typed, none lost, none twice; waiting, closing, and what is wrong."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kernel.conftest import open_fds
from tests.kernel.namespaces import in_own_network, ping

import btfkit
from btfkit.errors import ValueTypeError
from btfkit.frontend.c import compile_c
from btfkit.load.linux import LoadedObject, open_map
from btfkit.load.maps import MapUseError
from btfkit.load.streams import TypedSink, TypedStream

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

SOURCE = """
#include <btfkit/bpf.h>
struct event { u64 number; u32 cpu; char name[12]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __type(value, struct event); }
	events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } plain SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __type(key, u32); __type(value, struct event); }
	perf SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_USER_RINGBUF); __uint(max_entries, 4096); __type(value, struct event); }
	commands SEC(".maps");

u32 count, size = sizeof(struct event), discard;
u64 number, failed, sum, taken;

SEC("syscall") int ring(void *ctx)
{
	for (u32 i = 0; i < 1000; i++) {
		if (i >= count)
			break;
		struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
		if (!e) {
			failed++;
			break;
		}
		e->number = number++;
		e->cpu = 7;
		__builtin_memcpy(e->name, "hello\\0\\0\\0\\0\\0\\0", 12);
		if (discard && e->number % discard == 0)
			bpf_ringbuf_discard(e, 0);
		else
			bpf_ringbuf_submit(e, 0);
	}
	return 0;
}

SEC("syscall") int odd(void *ctx)
{
	struct event e[2] = {{.number = 1}, {.number = 2}};
	bpf_ringbuf_output(&events, e, 5, 0);
	bpf_ringbuf_output(&events, e, sizeof(e[0]), 0);
	bpf_ringbuf_output(&events, e, sizeof(e), 0);
	bpf_ringbuf_output(&plain, e, 5, 0);
	return 0;
}

SEC("raw_tp") int to_perf(u64 *ctx)
{
	struct event e = {.number = 0, .cpu = 9};
	for (u32 i = 0; i < 1000; i++) {
		if (i >= count)
			break;
		e.number = number++;
		if (bpf_perf_event_output(ctx, &perf, 0xffffffffULL, &e, sizeof(e)))
			failed++;
	}
	return 0;
}

static long (*drain)(void *map, void *fn, void *ctx, u64 flags) = (void *)209;
static long (*dynptr_read)(void *dst, u32 len, void *src, u32 off, u64 flags) = (void *)201;

static long one(void *dynptr, void *ctx)
{
	struct event e = {};
	if (dynptr_read(&e, sizeof(e), dynptr, 0, 0) == 0)
		sum += e.number;
	taken++;
	return 0;
}

SEC("syscall") int take(void *ctx)
{
	drain(&commands, one, 0, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
"""


@pytest.fixture(scope="module")
def obj(tmp_path_factory: pytest.TempPathFactory) -> btfkit.Object:
    path: Path = tmp_path_factory.mktemp("streams") / "streams.c"
    path.write_text(SOURCE)
    return btfkit.open(compile_c(path, compiler="clang-22"))


@pytest.fixture
def bpf(obj: btfkit.Object) -> Iterator[LoadedObject]:
    with obj.load() as bpf:
        yield bpf


def send(bpf: LoadedObject, count: int, program: str = "ring") -> None:
    bpf.count = count
    assert bpf.programs[program].test_run(ctx=b"").retval == 0


# -- ring buffers --------------------------------------------------------------------------------------------


def test_records_are_typed(bpf: LoadedObject) -> None:
    assert isinstance(bpf.events, TypedStream)
    assert repr(bpf.events) == "<TypedStream 'events': ringbuf<struct event>>"
    send(bpf, 3)
    assert [(e.number, e.cpu, e.name) for e in bpf.events.drain()] == [
        (0, 7, "hello"),
        (1, 7, "hello"),
        (2, 7, "hello"),
    ]
    assert bpf.events.drain() == []
    send(bpf, 2)
    for event in bpf.events:
        if event.number == 4:
            break
    assert bpf.events.read(0) is None


def test_a_hundred_thousand_records_round_and_round(bpf: LoadedObject) -> None:
    """4096 bytes have room for 127 of 32 bytes."""
    numbers: list[int] = []
    for _ in range(1000):
        send(bpf, 100)
        numbers += [event.number for event in bpf.events.poll()]
    assert numbers == list(range(100_000))
    assert bpf.failed == 0
    send(bpf, 200)
    assert bpf.failed == 1
    assert len(bpf.events.drain()) == bpf.number - 100_000 == 127


def test_while_a_program_sends(bpf: LoadedObject) -> None:
    """Two threads: what is sent is what comes, in order, whoever is quicker."""
    total = 50_000

    def sender() -> None:
        while bpf.number < total:
            send(bpf, 50)

    thread = threading.Thread(target=sender)
    thread.start()
    numbers = []
    while len(numbers) < total:
        event = bpf.events.read(10)
        assert event is not None
        numbers.append(event.number)
    thread.join()
    assert numbers == list(range(total))


def test_discarded_records(bpf: LoadedObject) -> None:
    bpf.discard = 3
    for _ in range(100):
        send(bpf, 100)
        assert all(event.number % 3 for event in bpf.events.drain())
    bpf.discard = 1
    send(bpf, 100)
    assert bpf.events.read(0.01) is None
    assert bpf.failed == 0


def test_records_of_other_sizes_are_bytes(bpf: LoadedObject) -> None:
    bpf.odd.test_run(ctx=b"")
    short, whole, long = bpf.events.drain()
    assert short == b"\x01\0\0\0\0"
    assert whole.number == 1
    assert isinstance(long, bytes)
    assert len(long) == 48
    assert bpf.plain.read() == b"\x01\0\0\0\0"
    assert repr(bpf.plain) == "<TypedStream 'plain': ringbuf<bytes>>"


def test_waiting(bpf: LoadedObject) -> None:
    start = time.monotonic()
    assert bpf.events.read(0.05) is None
    assert bpf.events.poll(0.05) == []
    assert 0.1 <= time.monotonic() - start < 1
    timer = threading.Timer(0.05, send, (bpf, 2))
    timer.start()
    assert next(iter(bpf.events)).number == 0
    timer.join()
    assert [event.number for event in bpf.events.poll()] == [1]
    assert select.select([bpf.events], [], [], 0) == ([], [], [])
    send(bpf, 1)
    assert select.select([bpf.events], [], [], 0)[0] == [bpf.events]


@pytest.mark.parametrize("name", ["events", "perf"])
def test_ctrl_c_ends_waiting(bpf: LoadedObject, name: str) -> None:
    stream = bpf.maps[name]
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in stream:
            pass
    timer.join()


def test_a_ring_buffer_is_no_mapping(bpf: LoadedObject) -> None:
    for use in (lambda: bpf.events[0], lambda: len(bpf.events), lambda: dict(bpf.events.items())):
        with pytest.raises(MapUseError):
            use()
    assert bpf.events


def test_closing(obj: btfkit.Object) -> None:
    with obj.load() as bpf:
        send(bpf, 2)
        events, perf = bpf.events, bpf.perf
        assert events.read().number == 0
        assert perf.read(0) is None
    assert events.read().number == 1
    for stream in (events, perf):
        with pytest.raises(MapUseError, match="is closed"):
            stream.read(0)


def test_closing_while_somebody_waits(obj: btfkit.Object) -> None:
    ends: list[str] = []

    def wait(stream: TypedStream) -> None:
        try:
            stream.read()
        except MapUseError as error:
            ends.append(str(error))

    with obj.load() as bpf:
        threads = [threading.Thread(target=wait, args=(stream,)) for stream in (bpf.events, bpf.perf)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(5)
    assert len(ends) == 2


def test_opened_by_id(bpf: LoadedObject) -> None:
    """Another process reads on where this one has stopped; the kernel keeps no type of the records."""
    send(bpf, 2)
    bpf.events.read()
    with open_map(bpf.plain.info.id) as again:
        assert isinstance(again, TypedStream)
        bpf.odd.test_run(ctx=b"")
        assert again.read() == b"\x01\0\0\0\0"


# -- perf buffers ----------------------------------------------------------------------------------------------


def test_perf_buffers(bpf: LoadedObject) -> None:
    assert repr(bpf.perf) == "<TypedStream 'perf': perf_event_array<struct event>>"
    before = len(open_fds())
    assert bpf.perf.drain() == []
    assert len(open_fds()) > before
    numbers: list[int] = []
    for _ in range(200):
        send(bpf, 500, "to_perf")
        while len(numbers) < bpf.number:
            found = bpf.perf.poll(5)
            assert found
            numbers += [event.number for event in found]
    assert sorted(numbers) == list(range(100_000))
    assert (bpf.failed, bpf.perf.lost) == (0, 0)


def test_what_a_perf_buffer_has_no_room_for(bpf: LoadedObject) -> None:
    bpf.perf.drain()
    for _ in range(20):
        send(bpf, 1000, "to_perf")
    got = len(bpf.perf.drain())
    send(bpf, 1, "to_perf")  # the kernel tells of what is lost before the next record
    got += len(bpf.perf.drain())
    assert bpf.perf.lost > 0
    assert got + bpf.perf.lost == 20_001


def test_perf_events_of_ones_own(bpf: LoadedObject) -> None:
    from btfkit.load.linux.sys_perf import EVENTS, perf_event_open

    with perf_event_open(*EVENTS["cpu-clock"], cpu=0) as event:
        bpf.perf[0] = event
        del bpf.perf[0]


# -- the other way ---------------------------------------------------------------------------------------------


def test_user_ring_buffer(bpf: LoadedObject) -> None:
    assert isinstance(bpf.commands, TypedSink)
    for i in range(1000):
        bpf.commands.push({"number": i, "cpu": 0, "name": ""})
        if i % 50 == 0:
            bpf.take.test_run(ctx=b"")
    bpf.take.test_run(ctx=b"")
    assert (bpf.sum, bpf.taken) == (sum(range(1000)), 1000)
    with pytest.raises(MapUseError, match="has no room for 24 bytes more"):
        for _ in range(1000):
            bpf.commands.push((1, 2, "x"))
    with pytest.raises(ValueTypeError, match=r"value\.number"):
        bpf.commands.push({"number": -1, "cpu": 0, "name": ""})


# -- what a user writes -----------------------------------------------------------------------------------------

PACKETS = """
#include <btfkit/bpf.h>
struct flow { u32 src; u32 dst; };
struct event { struct flow flow; u32 length; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 1 << 16); __type(value, struct event); }
	events SEC(".maps");
u32 limit = 100;

SEC("xdp") int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct event e = {.length = end - data};

	if (data + 34 > end || e.length <= limit)
		return XDP_PASS;
	e.flow.src = *(u32 *)(data + 26);
	e.flow.dst = *(u32 *)(data + 30);
	bpf_ringbuf_output(&events, &e, sizeof(e), 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
"""


def test_packets_become_records(tmp_path: Path) -> None:
    (tmp_path / "packets.c").write_text(PACKETS)
    obj = btfkit.open(compile_c(tmp_path / "packets.c", compiler="clang-22"))

    def test() -> None:
        with obj.load() as bpf, bpf.count.attach("lo", mode="generic"):
            lengths = []
            ping(2, size=50)
            bpf.limit = 10
            for size in (60, 70, 80):
                ping(1, size=size)
            for event in bpf.events:
                assert event.flow.src == event.flow.dst == int.from_bytes(bytes([127, 0, 0, 1]), sys.byteorder)
                lengths.append(event.length)
                if len(lengths) == 3:
                    break
            assert lengths == [102, 112, 122]
            assert bpf.events.read(0) is None

    in_own_network(test)
