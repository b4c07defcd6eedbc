"""A map as a typed Python mapping; queues and their kin, which have no keys.

In: a `Store`, which has the map's bytes and knows nothing of types, and the codecs of key and value. Out: Python values
both ways, as `btfkit.values` has them. An element that is not there is a KeyError or a default; what a kind of map
cannot do is a `MapUseError`; what the store refuses is whatever the store raises.
"""

from __future__ import annotations

import itertools
from collections.abc import ItemsView, Iterator, MutableMapping, ValuesView
from dataclasses import dataclass
from typing import Any, Protocol

from btfkit.errors import BtfkitError, FormatError, LoadError, ValueTypeError
from btfkit.format.maptype import MapType, map_type_word
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import Codec, codec

ARRAYS = frozenset({MapType.ARRAY, MapType.PERCPU_ARRAY})
"""Maps whose elements are always there, and cannot be deleted."""

PER_CPU = frozenset(
    {MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH, MapType.PERCPU_CGROUP_STORAGE}
)
KEYLESS = frozenset({MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER})
STREAMS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF, MapType.ARENA})
"""Maps that are mapped into memory, not looked up."""

HANDLES = frozenset(
    {
        MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY, MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS,
        MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.REUSEPORT_SOCKARRAY,
    }
)  # fmt: skip
"""Maps whose value is written as a file descriptor, and read (where it can be) as an id."""

_POP = object()


class MapUseError(BtfkitError, TypeError):
    """Something that this kind of map cannot do."""


class Store(Protocol):
    """A map's bytes. value_size: bytes of one value; of a per-CPU map, of one CPU's."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> int: ...
    @property
    def key_size(self) -> int: ...
    @property
    def value_size(self) -> int: ...
    @property
    def max_entries(self) -> int: ...
    @property
    def cpus(self) -> int:
        """How many values an element of a per-CPU map has."""

    @property
    def info(self) -> Any: ...
    def fileno(self) -> int: ...
    def lookup(self, key: bytes) -> bytes | None: ...
    def take(self, key: bytes) -> bytes | None:
        """Look up and delete in one go."""

    def holds(self, value: bytes) -> bool:
        """Whether a Bloom filter may hold the value."""

    def update(self, key: bytes, value: bytes, flags: int = 0) -> None: ...
    def delete(self, key: bytes) -> bool: ...
    def items(self) -> Iterator[tuple[bytes, bytes]]: ...
    def keys(self) -> Iterator[bytes]: ...


# -- codecs of what has no type, or is a handle ----------------------------------------------------------------------


class BytesOf:
    """A value of which only the size is known: bytes; takes a non-negative number too, in the map's byte order."""

    def __init__(self, size: int, byte_order: str) -> None:
        self.size = size
        self.name = f"{size} bytes"
        self.byte_order = byte_order

    def unpack(self, data: bytes, off: int = 0) -> bytes:
        return bytes(data[off : off + self.size])

    def pack(self, value: Any, *, field: str = "") -> bytes:
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                return value.to_bytes(self.size, "big" if self.byte_order == "big" else "little")
            except OverflowError:
                raise ValueTypeError(f"{value} does not fit {self.name} without a sign", field=field) from None
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise ValueTypeError(f"{value!r} is not bytes: the type is not known", field=field)
        if len(value) != self.size:
            raise ValueTypeError(f"has {len(value)} bytes, not {self.size}", field=field)
        return bytes(value)

    def to_json(self, value: Any) -> Any:
        return value.hex()

    def from_json(self, obj: Any, *, field: str = "") -> bytes:
        if isinstance(obj, str):
            try:
                obj = bytes.fromhex(obj.removeprefix("0x"))
            except ValueError:
                raise ValueTypeError(f"{obj!r} is not hex digits ({self.name})", field=field) from None
        return self.pack(bytes(obj) if isinstance(obj, list) else obj, field=field)

    def parse(self, text: str, *, field: str = "") -> bytes:
        """Hex digits, all of them; or a number as Python writes it."""
        plain = text.strip().replace(" ", "")
        if len(plain.removeprefix("0x")) != 2 * self.size and plain.isdigit():
            return self.pack(int(plain), field=field)
        return self.from_json(plain, field=field)

    def format(self, value: Any) -> str:
        return value.hex(" ")  # type: ignore[no-any-return]


class Handle(BytesOf):
    """A program, map, socket or the like: its descriptor, or what has one (``fileno``), is written; a number is read."""

    def unpack(self, data: bytes, off: int = 0) -> Any:
        return int.from_bytes(super().unpack(data, off), "big" if self.byte_order == "big" else "little")

    def pack(self, value: Any, *, field: str = "") -> bytes:
        return super().pack(value.fileno() if hasattr(value, "fileno") else value, field=field)

    def to_json(self, value: Any) -> Any:
        return value

    def parse(self, text: str, *, field: str = "") -> Any:
        try:
            return int(text, 0)
        except ValueError:
            raise ValueTypeError(f"{text!r} is not a number", field=field) from None

    def format(self, value: Any) -> str:
        return str(value)


AnyCodec = Codec | BytesOf


@dataclass(frozen=True)
class MapTypes:
    """What a map's keys and values are: types of ``btf``, 0 where unknown."""

    btf: Btf | None = None
    key_type_id: int = 0
    value_type_id: int = 0
    byte_order: str = "little"

    def key_codec(self, store: Store) -> AnyCodec:
        found = self._codec(self.key_type_id, store.key_size)
        if found is None and store.type in ARRAYS | HANDLES and store.key_size == 4:
            index = Btf([t.Int("unsigned int", 4)], byte_order=self.byte_order)
            return codec(index, 1, self.byte_order)
        return found or BytesOf(store.key_size, self.byte_order)

    def value_codec(self, store: Store) -> AnyCodec:
        if store.type in HANDLES:
            return Handle(store.value_size, self.byte_order)
        return self._codec(self.value_type_id, store.value_size) or BytesOf(store.value_size, self.byte_order)

    def _codec(self, type_id: int, size: int) -> Codec | None:
        """None where the type has no size or another one than the map: then the bytes are all that can be said."""
        if self.btf is None or not type_id:
            return None
        try:
            found = codec(self.btf, type_id, self.byte_order)
        except (FormatError, ValueTypeError):
            return None
        return found if found.size == size else None

    def type(self, type_id: int) -> t.Type | None:
        return self.btf[type_id] if self.btf is not None and type_id else None


# -- maps ---------------------------------------------------------------------------------------------------------


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
        return MapType(number) if number in MapType else number

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
        types = f"<{self.key_codec.name}, {self.value_codec.name}>" if self.store.key_size else f"<{self.value_codec.name}>"
        return f"<{type(self).__name__} {self.name!r}: {map_type_word(self.store.type)}{types}>"

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
            raise ValueTypeError(f"is not a list of {cpus} values, one for each CPU", thing=f"map '{self.name}'", field="value")
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
    value for each possible CPU. What is read while a program changes the map may hold or lack what comes and goes.
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
        return self.store.max_entries if self.is_array else sum(1 for _ in self._walk(self.store.keys))

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
    """A map without keys: a queue, a stack, or a Bloom filter, which only takes values and says whether it may hold one."""

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
    """The mapping, or the queue, that the map's type makes it."""
    return (TypedQueue if store.type in KEYLESS else TypedMap)(store, types)


__all__ = [
    "AnyCodec",
    "BytesOf",
    "Handle",
    "MapTypes",
    "MapUseError",
    "Store",
    "TypedMap",
    "TypedQueue",
    "typed_map",
]
