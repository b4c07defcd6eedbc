"""What the types of maps say about their keys and values, and the types that stand for "bytes of unknown meaning".

Source: docs/format.md, sections 3 and 6; the kernel's map_alloc_check functions.
"""

from __future__ import annotations

from btfkit.format.kinds import IntEncoding
from btfkit.format.maptype import BY_REFERENCE, INDEXED, MAPS_OF_MAPS, OPAQUE, RECORDS, MapType
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder

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


__all__ = [
    "BY_REFERENCE",
    "INDEX",
    "INDEXED",
    "INDEX_ARRAY",
    "MAPS_OF_MAPS",
    "OPAQUE",
    "RECORDS",
    "bytes_type",
    "is_bytes_type",
    "key_for_size",
    "value_for_size",
    "value_for_type",
]
