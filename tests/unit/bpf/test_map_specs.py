"""Map declarations in plain Python: attributes, and dicts to try functions with."""

from __future__ import annotations

from typing import get_args, get_origin

import pytest

from btfkit.bpf import (
    Array,
    HashMap,
    LpmTrie,
    LruHash,
    PerCpuArray,
    PerfEvents,
    RingBuf,
    StackTrace,
    TaskStorage,
    u32,
    u64,
)
from btfkit.bpf.maps import MAP_CLASSES, MapSpec
from btfkit.format.maptype import INDEXED, MapType


def test_a_class_a_type() -> None:
    types = [cls.type for cls in MAP_CLASSES]
    assert len(set(types)) == len(types)
    assert not set(MapType) - set(types) - {MapType.UNSPEC, MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE,
                                            MapType.STRUCT_OPS, MapType.INSN_ARRAY}  # fmt: skip


@pytest.mark.parametrize("cls", MAP_CLASSES, ids=lambda cls: cls.__name__)
def test_class(cls: type[MapSpec]) -> None:
    assert set(cls.types) <= {"key", "value"}
    assert ("key" in cls.types) <= (cls.type not in INDEXED)
    assert cls.per_cpu == ("PERCPU" in cls.type.name)
    made = cls()
    assert hash(made) is not None and repr(made).startswith(f"{cls.__name__}(")


def test_attributes() -> None:
    made = LruHash(64, flags=2, pinned=True, numa_node=1, map_extra=3)
    assert (made.max_entries, made.flags, made.pinned, made.numa_node, made.map_extra) == (64, 2, True, 1, 3)
    assert LpmTrie(8).flags == 1 and TaskStorage(flags=4).flags == 5
    assert (
        RingBuf(1 << 20).max_entries == 1 << 20 and PerfEvents().max_entries == 0 and StackTrace(9, depth=3).depth == 3
    )


def test_annotations() -> None:
    annotation = LruHash[u32, u64]
    assert (get_origin(annotation), get_args(annotation)) == (LruHash, (u32, u64))


def test_plain_python() -> None:
    """Two maps are two, even when empty; a hash map is a dict; an array has all its elements."""
    counts: HashMap[int, int] = HashMap(4)
    counts[3] = 1
    counts[3] += 1
    assert counts == {3: 2} and counts.get(4) is None and 3 in counts
    assert {HashMap(4): 1, HashMap(4): 2}.__len__() == 2
    for table in (Array(4), PerCpuArray(4)):
        table[1] += 5
        assert (table[1], table[0]) == (5, 0)
        with pytest.raises(IndexError):
            table[4]
