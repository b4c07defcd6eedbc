"""Streams over a reader in memory: what waits, what is typed, what is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.load.test_maps import BTF, FLOW, Memory

from btfkit.errors import ValueTypeError
from btfkit.format.maptype import MapType
from btfkit.load.maps import MapTypes, MapUseError, typed_map
from btfkit.load.streams import TypedSink, TypedStream

SIZE = 8
ONE = bytes([1, 0, 0, 0, 80, 0, 0, 0])


class Pipe(Memory):
    """A `Store` that is its own reader and writer. calls: what happens while somebody waits."""

    lost = 5

    def __init__(self, map_type: MapType, *calls: Callable[[], None]) -> None:
        super().__init__(map_type, 0, 0)
        self.calls = list(calls)
        self.waits: list[float | None] = []
        self.closed = 0

    def reader(self) -> Pipe:
        return self

    writer = reader

    def take(self, unpack: Any, size: int, most: int) -> list[Any]:
        found, self.queue = self.queue[:most], self.queue[most:]
        return [unpack(memoryview(record), 0) if unpack and len(record) == size else record for record in found]

    def put(self, record: bytes) -> bool:
        self.queue.append(record)
        return len(self.queue) < 3

    def wait(self, seconds: float | None) -> None:
        self.waits.append(seconds)
        if self.calls:
            self.calls.pop(0)()

    def close(self) -> None:
        self.closed += 1


def stream(pipe: Pipe, value: int = FLOW) -> TypedStream:
    made = typed_map(pipe, MapTypes(BTF, 0, value))
    assert isinstance(made, TypedStream)
    return made


def test_typed_by_the_value_type() -> None:
    pipe = Pipe(MapType.RINGBUF)
    pipe.queue = [ONE, b"short", ONE * 2]
    flow, short, long = stream(pipe).drain()
    assert (flow.src, flow.port) == (1, 80)
    assert (short, long) == (b"short", ONE * 2)
    pipe.queue = [ONE]
    assert stream(pipe, value=0).drain() == [ONE]


def test_reading_one_by_one_keeps_the_rest() -> None:
    pipe = Pipe(MapType.RINGBUF)
    pipe.queue = [ONE] * 3000
    flows = stream(pipe)
    assert flows.read().port == 80
    assert len(pipe.queue) == 3000 - 1024
    assert sum(1 for _, _ in zip(range(1500), flows, strict=False)) == 1500
    assert len(flows.poll()) == 3000 - 1501
    assert flows.lost == 5
    assert flows.fileno() == 77


def test_waiting_is_in_slices() -> None:
    pipe = Pipe(MapType.RINGBUF)
    flows = stream(pipe)
    pipe.calls = [lambda: None, lambda: pipe.queue.append(ONE)]
    assert next(iter(flows)).src == 1
    assert pipe.waits == [1.0, 1.0]
    pipe.waits.clear()
    assert flows.read(0) is None
    assert flows.poll(0) == []
    assert pipe.waits == []


def test_closed_meanwhile() -> None:
    pipe = Pipe(MapType.RINGBUF)
    flows = stream(pipe)
    pipe.calls = [flows.close]
    with pytest.raises(MapUseError, match="map 'm': is closed"):
        flows.read()
    assert pipe.closed == 2  # the reader, and the map


def test_a_stream_counts_as_true() -> None:
    assert stream(Pipe(MapType.RINGBUF))


def test_sink() -> None:
    pipe = Pipe(MapType.USER_RINGBUF)
    sink = typed_map(pipe, MapTypes(BTF, 0, FLOW))
    assert isinstance(sink, TypedSink)
    sink.push((1, 80))
    sink.push(b"raw")
    assert pipe.queue == [ONE, b"raw"]
    with pytest.raises(ValueTypeError, match=r"value\.port"):
        sink.push({"src": 1, "port": 1 << 16})
    with pytest.raises(MapUseError, match="has no room for 8 bytes more"):
        sink.push((1, 80))
