"""Typed maps over a store in memory: what a mapping has to do, for each kind of map."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from btfkit.errors import BtfkitError, LoadError, ValueTypeError
from btfkit.format.maptype import MapType
from btfkit.load.maps import MapTypes, MapUseError, TypedMap, TypedQueue, typed_map
from btfkit.model import types as t
from btfkit.model.btf import Btf

BTF = Btf(
    [
        t.Int("unsigned int", 4),  # 1
        t.Typedef("u32", 1),  # 2
        t.Int("unsigned short", 2),  # 3
        t.Struct("flow", 8, (t.Member("src", 2, 0), t.Member("port", 3, 32))),  # 4
        t.Int("unsigned long long", 8),  # 5
        t.Typedef("u64", 5),  # 6
    ]
)
U32, FLOW, U64 = 2, 4, 6


class Memory:
    """A `Store` that is a dict, a list for queues."""

    def __init__(
        self, map_type: MapType, key_size: int, value_size: int, max_entries: int = 8, *, takes: bool = True
    ) -> None:
        self.type = int(map_type)
        self.name = "m"
        self.key_size = key_size
        self.value_size = value_size
        self.max_entries = max_entries
        self.cpus = 3
        self.info = None
        self.takes = takes
        self.data: dict[bytes, bytes] = {}
        self.queue: list[bytes] = []
        if map_type in (MapType.ARRAY, MapType.PERCPU_ARRAY):
            room = value_size if map_type is MapType.ARRAY else -(-value_size // 8) * 8 * self.cpus
            self.data = {i.to_bytes(4, "little"): bytes(room) for i in range(max_entries)}

    def fileno(self) -> int:
        return 77

    def lookup(self, key: bytes) -> bytes | None:
        if not self.key_size:
            return self.queue[0] if self.queue else None
        return self.data.get(key)

    def take(self, key: bytes) -> bytes | None:
        if not self.key_size:
            return self.queue.pop(0) if self.queue else None
        if not self.takes:
            raise LoadError("not supported", errno=524)
        return self.data.pop(key, None)

    def holds(self, value: bytes) -> bool:
        return value in self.queue

    def update(self, key: bytes, value: bytes, flags: int = 0) -> None:
        if not self.key_size:
            self.queue.append(value)
            return
        if self.type == MapType.ARRAY and key not in self.data:
            raise LoadError("past the end", errno=7)
        if flags == 1 and key in self.data:
            raise LoadError("exists", errno=17)
        self.data[key] = value

    def delete(self, key: bytes) -> bool:
        return self.data.pop(key, None) is not None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(list(self.data.items()))

    def keys(self) -> Iterator[bytes]:
        return iter(list(self.data))


def make(map_type: MapType, key: int, value: int, **more: Any) -> Any:
    sizes = [BTF.size_of(i) or 0 if i else 0 for i in (key, value)]
    return typed_map(Memory(map_type, *sizes, **more), MapTypes(BTF, key, value))


@pytest.mark.parametrize("takes", [True, False])
def test_hash(takes: bool) -> None:
    flows = make(MapType.HASH, FLOW, U64, takes=takes)
    assert isinstance(flows, TypedMap)
    assert isinstance(flows, MutableMapping)
    assert not flows
    flows[{"src": 1, "port": 80}] = 7
    flows[2, 443] = 8
    assert len(flows) == 2
    (key, value), *_ = flows.items()
    assert (key.src, key.port, value) == (1, 80, 7)
    assert flows[key] == 7
    assert flows[{"src": 2, "port": 443}] == 8
    assert (1, 80) in flows
    assert (1, 81) not in flows
    assert "nonsense" not in flows
    assert flows.get((9, 9)) is None
    with pytest.raises(KeyError):
        flows[9, 9]
    with pytest.raises(KeyError):
        del flows[9, 9]
    assert list(flows) == [(1, 80), (2, 443)]
    assert list(flows.values()) == [7, 8]
    assert flows.as_dict() == dict(flows) == {(1, 80): 7, (2, 443): 8}
    assert flows.pop((1, 80)) == 7
    assert flows.pop((1, 80), None) is None
    with pytest.raises(KeyError):
        flows.pop((1, 80))
    flows.update({(5, 5): 1, (6, 6): 2})
    assert flows.setdefault((5, 5), 9) == 1
    assert flows.popitem()[0] == (2, 443)
    flows.clear()
    assert len(flows) == 0
    with pytest.raises(KeyError):
        flows.popitem()
    flows.put((1, 1), 1, 1)
    with pytest.raises(LoadError):
        flows.put((1, 1), 1, 1)
    assert repr(flows) == "<TypedMap 'm': hash<struct flow, u64>>"
    assert flows.key_type == BTF[FLOW]
    assert flows.value_type == BTF[U64]
    assert {flows: 1}[flows] == 1
    assert flows != {}


def test_bad_values() -> None:
    flows = make(MapType.HASH, FLOW, U64)
    with pytest.raises(ValueTypeError, match="key: struct flow has no member 'prt'"):
        flows[{"src": 1, "prt": 80}] = 7
    with pytest.raises(ValueTypeError, match="value: -1 does not fit"):
        flows[1, 2] = -1


def test_array() -> None:
    array = make(MapType.ARRAY, U32, U64, max_entries=3)
    assert dict(array) == {0: 0, 1: 0, 2: 0}
    array[1] = 5
    assert list(array.values()) == [0, 5, 0]
    assert len(array) == 3
    assert 2 in array
    assert 3 not in array
    with pytest.raises(KeyError):
        array[3]
    for use in (lambda: array.__delitem__(1), lambda: array.pop(1), array.clear):
        with pytest.raises(MapUseError, match=r"map 'm': .*: it is a map of type array") as error:
            use()
        assert isinstance(error.value, BtfkitError)
        assert isinstance(error.value, TypeError)
    with pytest.raises(LoadError):
        array[3] = 1


def test_per_cpu() -> None:
    counts = make(MapType.PERCPU_HASH, FLOW, U32)
    counts[1, 2] = [1, 2, 3]
    assert counts[1, 2] == [1, 2, 3]
    assert counts.store.data[bytes([1, 0, 0, 0, 2, 0, 0, 0])] == bytes.fromhex(
        "0100000000000000 0200000000000000 0300000000000000"
    )
    for wrong in (5, [1, 2], "abc", {1: 2, 2: 3, 3: 4}):
        with pytest.raises(ValueTypeError, match="is not a list of 3 values, one for each CPU"):
            counts[1, 2] = wrong
    with pytest.raises(ValueTypeError, match=r"value\[1\]"):
        counts[1, 2] = [1, -2, 3]


def test_queue() -> None:
    queue = make(MapType.QUEUE, 0, U32)
    assert isinstance(queue, TypedQueue)
    with pytest.raises(IndexError, match="map 'm' is empty"):
        queue.pop()
    queue.push(4)
    queue.push(5)
    assert (queue.peek(), queue.pop(), queue.pop()) == (4, 4, 5)
    with pytest.raises(MapUseError):
        list(queue)
    with pytest.raises(MapUseError):
        assert 4 in queue
    assert repr(queue) == "<TypedQueue 'm': queue<u32>>"


def test_bloom() -> None:
    bloom = make(MapType.BLOOM_FILTER, 0, U32)
    bloom.push(4)
    assert 4 in bloom
    assert 5 not in bloom
    with pytest.raises(MapUseError):
        bloom.pop()


def test_without_types() -> None:
    raw: Any = typed_map(Memory(MapType.HASH, 2, 4), MapTypes())
    raw[b"ab"] = b"1234"
    raw[1] = 258
    assert dict(raw) == {b"ab": b"1234", b"\1\0": b"\2\1\0\0"}
    with pytest.raises(ValueTypeError, match="key: has 3 bytes, not 2"):
        raw[b"abc"] = b"1234"
    with pytest.raises(ValueTypeError, match="does not fit 2 bytes"):
        raw[1 << 16] = 1
    with pytest.raises(ValueTypeError, match="the type is not known"):
        raw["ab"] = 1
    codec = raw.value_codec
    assert codec.parse("01020304") == b"\1\2\3\4"
    assert codec.parse("01 02 03 04") == b"\1\2\3\4"
    assert codec.parse("5") == b"\5\0\0\0"
    assert codec.from_json([1, 2, 3, 4]) == b"\1\2\3\4"
    assert codec.to_json(b"\1\2\3\4") == "01020304"
    index: Any = typed_map(Memory(MapType.ARRAY, 4, 1), MapTypes())
    assert list(index)[:2] == [0, 1]


def test_types_of_another_size_are_not_used() -> None:
    map_: Any = typed_map(Memory(MapType.HASH, 4, 16), MapTypes(BTF, U32, U64))
    map_[1] = bytes(16)
    assert map_[1] == bytes(16)


def test_handles() -> None:
    programs = make(MapType.PROG_ARRAY, U32, U32)
    programs[0] = programs  # anything with a descriptor
    assert programs[0] == 77


def test_streams_have_no_elements() -> None:
    ring = make(MapType.RINGBUF, 0, 0)
    for use in (lambda: ring[0], lambda: list(ring.items()), lambda: len(ring)):
        with pytest.raises(MapUseError):
            use()
