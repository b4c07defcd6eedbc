"""A declared map → its MAP type and its attributes: what its types and the kind of map make of keys and values.

Source: docs/format.md, sections 3 and 6; the kernel's map_alloc_check functions.
"""

from __future__ import annotations

from btfkit.convert import maptypes
from btfkit.errors import EncodeError
from btfkit.format.maptype import BY_REFERENCE, INDEXED, MAPS_OF_MAPS, OPAQUE, MapType, map_type_word
from btfkit.frontend.objects.decls import MapDecl
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.object import MapDef

STREAMS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})
NO_KEY = STREAMS | {MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER, MapType.ARENA}
NO_VALUE = STREAMS | {MapType.ARENA}
HANDLE_SIZE = 4
"""Bytes of what stands for a map, program, socket or file in the maps that hold them."""


def define_map(types: Builder, btf: Btf, decl: MapDecl) -> tuple[int, MapDef]:
    """The id of its MAP type, and its definition, but for the symbols in it. btf: a view of ``types``.

    EncodeError for a key or value that is missing, has no size, or another one than is said.
    """
    key, key_size = _key(types, btf, decl)
    value, value_size = _value(types, btf, decl)
    definition = MapDef(
        int(decl.map_type), key_size, value_size, decl.max_entries, int(decl.flags), decl.numa_node, int(decl.pinning),
        decl.map_extra,
    )  # fmt: skip
    return types.intern(t.Map(key, value)), definition


def _key(types: Builder, btf: Btf, decl: MapDecl) -> tuple[int, int]:
    kind, key, told = decl.map_type, decl.key, decl.key_size
    if kind in NO_KEY:
        if key or told:
            raise _error(decl, f"a {map_type_word(kind)} map has no keys")
        return 0, 0
    if kind in INDEXED and not key and told is None:
        key = types.intern(maptypes.INDEX)
    size = _size(btf, decl, "key", key, told)
    return key or maptypes.key_for_size(types, kind, size), size


def _value(types: Builder, btf: Btf, decl: MapDecl) -> tuple[int, int]:
    kind, value, told = decl.map_type, decl.value, decl.value_size
    if kind in NO_VALUE:
        return value, told or 0
    if kind in MAPS_OF_MAPS:
        if decl.inner is not None:
            if decl.inner.inner is not None:
                raise _error(decl, "the maps in it hold maps again: the kernel knows one level")
            value = define_map(types, btf, decl.inner)[0]
        elif btf.map_type(value) is None:
            raise _error(decl, "say what the maps in it are like: inner=")
    elif decl.inner is not None:
        raise _error(decl, f"a {map_type_word(kind)} map holds no maps")
    if kind == MapType.PROG_ARRAY and isinstance(btf.resolved(value), t.FuncProto):
        value = types.intern(t.Ptr(value))
    if kind in OPAQUE and value:
        size = _size(btf, decl, "value", value, told)
        return maptypes.value_for_type(btf, kind, value), size
    if kind in BY_REFERENCE:
        return value, HANDLE_SIZE if told is None else told
    size = _size(btf, decl, "value", value, told)
    return value or maptypes.value_for_size(types, kind, size), size


def _size(btf: Btf, decl: MapDecl, what: str, type_id: int, told: int | None) -> int:
    """Bytes of a key or value."""
    size = btf.size_of(type_id) if type_id else told
    if type_id and size is None:
        raise _error(decl, f"its {what} type, {btf.describe(type_id)}, has no size")
    if not size:
        raise _error(decl, f"a {map_type_word(decl.map_type)} map needs a {what}: give {what}= or {what}_size=")
    if told is not None and told != size:
        raise _error(decl, f"its {what} type, {btf.describe(type_id)}, has {size} bytes; {what}_size says {told}")
    return size


def _error(decl: MapDecl, reason: str) -> EncodeError:
    return EncodeError(reason, thing=decl.label if decl.name else "an inner map")


__all__ = ["define_map"]
