"""A map as a typed Python mapping; queues and their kin, which have no keys.

In: a `Store`, which has the map's bytes and knows nothing of types, and the codecs of key and value. Out: Python values
both ways, as `btfkit.values` has them. An element that is not there is a KeyError or a default; what a kind of map
cannot do is a `MapUseError`; what the store refuses is whatever the store raises.
"""

from __future__ import annotations

import itertools
from collections.abc import ItemsView, Iterator, MutableMapping, ValuesView
from typing import Any

from btfkit.errors import BtfkitError, LoadError, ValueTypeError
from btfkit.format.maptype import MapType, map_type_word
from btfkit.load.map_types import ARRAYS, HANDLES, KEYLESS, PER_CPU, STREAMS, AnyCodec, BytesOf, Handle, MapTypes, Store
from btfkit.model import types as t
from btfkit.model.btf import Btf

_POP = object()


class MapUseError(BtfkitError, TypeError):
    """Something that this kind of map cannot do."""


class _Common:
    """What a map with keys and one without have in common."""

    def __init__(self, store: Store, types: MapTypes) -> None:
        self.store = store
        self.types = types
        self.key_codec = types.key_codec(store)
        self.value_codec = types.value_codec(store)

    @property
    def name(self) -> str:
        return self.store.name

    @property
    def type(self) -> MapType | int:
        """BPF_MAP_TYPE_*."""
        number = self.store.type
        try:
            return MapType(number)
        except ValueError:
            return number

    @property
    def btf(self) -> Btf | None:
        return self.types.btf

    @property
    def key_type(self) -> t.Type | None:
        """As the BTF has it, typedefs and all; None where it is not known."""
        return self.types.type(self.types.key_type_id)

    @property
    def value_type(self) -> t.Type | None:
        return self.types.type(self.types.value_type_id)

    @property
    def max_entries(self) -> int:
        return self.store.max_entries

    @property
    def info(self) -> Any:
        """What the backend knows of the map."""
        return self.store.info

    @property
    def fd(self) -> int:
        return self.store.fileno()

    def fileno(self) -> int:
        return self.store.fileno()

    def __repr__(self) -> str:
        names = [self.key_codec.name] if self.store.key_size else []
        types = ", ".join([*names, self.value_codec.name])
        return f"<{type(self).__name__} {self.name!r}: {map_type_word(self.store.type)}<{types}>>"

    def close(self) -> None:
        """Give the map's descriptor up, where it is the map's own."""
        close = getattr(self.store, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cannot(self, what: str) -> MapUseError:
        return MapUseError(f"{what}: it is a map of type {map_type_word(self.store.type)}", thing=f"map '{self.name}'")

    @property
    def is_per_cpu(self) -> bool:
        return self.store.type in PER_CPU

    def _pack_value(self, value: Any) -> bytes:
        if not self.is_per_cpu:
            return self.value_codec.pack(value, field="value")
        cpus = self.store.cpus
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__") or len(value) != cpus:
            thing = f"map '{self.name}'"
            raise ValueTypeError(f"is not a list of {cpus} values, one for each CPU", thing=thing, field="value")
        slot = -(-self.value_codec.size // 8) * 8
        packed = (self.value_codec.pack(one, field=f"value[{cpu}]") for cpu, one in enumerate(value))
        return b"".join(one.ljust(slot, b"\0") for one in packed)

    def _unpack_value(self, data: bytes) -> Any:
        if not self.is_per_cpu:
            return self.value_codec.unpack(data)
        slot = -(-self.value_codec.size // 8) * 8
        return [self.value_codec.unpack(data, cpu * slot) for cpu in range(self.store.cpus)]


class TypedMap(_Common, MutableMapping[Any, Any]):
    """A map: ``flows[key] = value``, ``for key, value in flows.items()``, and all else that a dict does.

    A struct is given as a dict, a tuple or a record, and comes back as a record. A per-CPU map's value is a list of one
    value for each possible CPU. What is read while a program changes the map may hold or lack what comes and goes:
    `items` and `as_dict` stand that, ``dict(flows)`` asks for each key again and may find it gone.
    """

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def is_array(self) -> bool:
        """Its elements are always there."""
        return self.store.type in ARRAYS

    def __getitem__(self, key: Any) -> Any:
        data = self.store.lookup(self._pack_key(key))
        if data is None:
            raise KeyError(key)
        return self._unpack_value(data)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.put(key, value)

    def put(self, key: Any, value: Any, flags: int = 0) -> None:
        """Set an element. flags: 1 only make it (BPF_NOEXIST), 2 only replace it (BPF_EXIST), 4 with its lock held."""
        self.store.update(self._pack_key(key), self._pack_value(value), flags)

    def __delitem__(self, key: Any) -> None:
        if self.is_array:
            raise self._cannot("an element of an array is always there, and cannot be deleted")
        if not self.store.delete(self._pack_key(key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        if self.is_array:
            yield from map(self.key_codec.unpack, (self._index(i) for i in range(self.store.max_entries)))
            return
        for key in self._walk(self.store.keys):
            yield self.key_codec.unpack(key)

    def __len__(self) -> int:
        """Counted by reading all elements: in batches that is many times quicker than key by key."""
        if self.is_array:
            return self.store.max_entries
        try:
            return sum(1 for _ in self._walk(self.store.items))
        except BtfkitError:  # a map whose values cannot be read
            return sum(1 for _ in self._walk(self.store.keys))

    def __bool__(self) -> bool:
        """Whether there is any element; a map is never asked how many for that."""
        return next(iter(self), _POP) is not _POP

    def __contains__(self, key: object) -> bool:
        try:
            packed = self._pack_key(key)
        except ValueTypeError:
            return False
        return self.store.lookup(packed) is not None

    def items(self) -> ItemsView[Any, Any]:
        """Pairs, read many at a time."""
        return _Items(self)

    def values(self) -> ValuesView[Any]:
        return _Values(self)

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        unpack_key = self.key_codec.unpack
        for key, value in self._walk(self.store.items):
            yield unpack_key(key), self._unpack_value(value)

    def pop(self, key: Any, default: Any = _POP) -> Any:
        """Take an element out and return it, in one go where the kernel can."""
        if self.is_array:
            raise self._cannot("an element of an array is always there, and cannot be taken out")
        packed = self._pack_key(key)
        try:
            data = self.store.take(packed)
        except LoadError:  # before 5.14, and of maps that have no such operation
            data = self.store.lookup(packed)
            if data is not None and not self.store.delete(packed):
                data = None
        if data is not None:
            return self._unpack_value(data)
        if default is _POP:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[Any, Any]:
        for key in list(itertools.islice(iter(self), 1)):
            return key, self.pop(key)
        raise KeyError(f"map '{self.name}' is empty")

    def clear(self) -> None:
        if self.is_array:
            raise self._cannot("the elements of an array are always there, and cannot be deleted")
        for key in list(self._walk(self.store.keys)):
            self.store.delete(key)

    def as_dict(self) -> dict[Any, Any]:
        """All elements, as they are now."""
        return dict(self.pairs())

    def _walk(self, of: Any) -> Any:
        if self.store.type in STREAMS or not self.store.key_size:
            raise self._cannot("has no elements to look at one by one")
        return of()

    def _index(self, number: int) -> bytes:
        return number.to_bytes(4, "big" if self.types.byte_order == "big" else "little")

    def _pack_key(self, key: Any) -> bytes:
        if not self.store.key_size:
            raise self._cannot("has no keys")
        return self.key_codec.pack(key, field="key")


class _Items(ItemsView[Any, Any]):
    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self._mapping.pairs()  # type: ignore[attr-defined, no-any-return]


class _Values(ValuesView[Any]):
    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self._mapping.pairs())  # type: ignore[attr-defined]


class TypedQueue(_Common):
    """A map without keys: a queue, a stack; or a Bloom filter, which takes values and says if it may hold one."""

    def push(self, value: Any, *, replace: bool = False) -> None:
        """Put a value in. replace: where it is full, the oldest goes (BPF_EXIST)."""
        self.store.update(b"", self._pack_value(value), 2 if replace else 0)

    def peek(self) -> Any:
        """The next value, which stays. IndexError where there is none."""
        return self._next(self.store.lookup)

    def pop(self) -> Any:
        """The next value, which is taken out. IndexError where there is none."""
        return self._next(self.store.take)

    def __contains__(self, value: object) -> bool:
        if self.store.type != MapType.BLOOM_FILTER:
            raise self._cannot("cannot tell what it holds")
        return self.store.holds(self._pack_value(value))

    def __iter__(self) -> Iterator[Any]:
        raise self._cannot("cannot be read without taking its values out: pop() them")

    def _next(self, read: Any) -> Any:
        if self.store.type == MapType.BLOOM_FILTER:
            raise self._cannot("does not give its values back")
        data = read(b"")
        if data is None:
            raise IndexError(f"map '{self.name}' is empty")
        return self._unpack_value(data)


def typed_map(store: Store, types: MapTypes) -> TypedMap | TypedQueue:
    """The mapping, the queue or the stream that the map's type makes it."""
    from btfkit.load.streams import STREAMED  # noqa: PLC0415 (they are made of what is defined here)

    found = STREAMED.get(store.type)
    if found is not None:
        return found(store, types)
    return (TypedQueue if store.type in KEYLESS else TypedMap)(store, types)


__all__ = [
    "AnyCodec",
    "BytesOf",
    "HANDLES",
    "Handle",
    "MapTypes",
    "MapUseError",
    "Store",
    "TypedMap",
    "TypedQueue",
    "typed_map",
]
