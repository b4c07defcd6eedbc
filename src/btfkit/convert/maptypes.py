"""What the types of maps say about their keys and values, and the types that stand for "bytes of unknown meaning".

Source: docs/format.md, sections 3 and 6; the kernel's map_alloc_check functions.
"""

from __future__ import annotations

from btfkit.format.kinds import IntEncoding
from btfkit.format.maptype import MapType
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder

INDEXED = frozenset(
    {
        MapType.ARRAY, MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.PERCPU_ARRAY, MapType.CGROUP_ARRAY,
        MapType.ARRAY_OF_MAPS, MapType.DEVMAP, MapType.SOCKMAP, MapType.CPUMAP, MapType.XSKMAP,
        MapType.REUSEPORT_SOCKARRAY,
    }
)  # fmt: skip
"""Their key is a u32 index, whatever the source says."""

RECORDS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY})
"""The MAP's value type is the record that goes through; value_size is not its size."""

MAPS_OF_MAPS = frozenset({MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS})

OPAQUE = frozenset(
    {
        MapType.CGROUP_ARRAY, MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.DEVMAP, MapType.DEVMAP_HASH,
        MapType.CPUMAP,
    }
)  # fmt: skip
"""A value is a handle that means nothing as a number: void, unless a struct says more (devices, CPUs)."""

BY_REFERENCE = RECORDS | MAPS_OF_MAPS | OPAQUE | {MapType.PROG_ARRAY}
"""Maps whose value_size is not the size of the MAP's value type."""

BYTE = t.Int("byte", 1, IntEncoding(0))
INDEX = t.Int("unsigned int", 4, IntEncoding(0))
INDEX_ARRAY = t.Int("__ARRAY_SIZE_TYPE__", 4, IntEncoding(0))


def bytes_type(types: Builder, size: int) -> int:
    """``byte[size]``: a type of that size of which nothing else is known; void for 0."""
    if not size:
        return 0
    return types.intern(t.Array(types.intern(BYTE), types.intern(INDEX_ARRAY), size))


def is_bytes_type(btf: Btf, type_id: int) -> bool:
    """Made by `bytes_type`."""
    type_ = btf[type_id]
    return isinstance(type_, t.Array) and btf[type_.elem_type] == BYTE


def key_for_size(types: Builder, map_type: int, size: int) -> int:
    """The key type of a map of which only the key's size is known."""
    if map_type in INDEXED and size == INDEX.size:
        return types.intern(INDEX)
    return bytes_type(types, size)


def value_for_size(types: Builder, map_type: int, size: int) -> int:
    """The value type of a map of which only the value's size is known."""
    return 0 if map_type in BY_REFERENCE else bytes_type(types, size)


def value_for_type(btf: Btf, map_type: int, type_id: int) -> int:
    """The value type of a map whose source gives one: handles are not numbers."""
    if map_type in OPAQUE | {MapType.PERF_EVENT_ARRAY, MapType.PROG_ARRAY} | MAPS_OF_MAPS:
        return type_id if isinstance(btf.resolved(type_id), (t.Struct, t.Map)) else 0
    return type_id


def size_problem(btf: Btf, map_: t.Map, map_type: int, key_size: int, value_size: int) -> str | None:
    """What is wrong if the MAP's types are of other sizes than the definition says."""
    for what, type_id, told in (("key", map_.key_type, key_size), ("value", map_.value_type, value_size)):
        if what == "value" and map_type in BY_REFERENCE:
            continue
        size = 0 if type_id == 0 else btf.size_of(type_id)
        if size is None:
            return f"its {what} type, {btf.describe(type_id)}, has no size"
        if size != told:
            return f"its {what} type, {btf.describe(type_id)}, has {size} bytes; the definition says {told}"
    return None
