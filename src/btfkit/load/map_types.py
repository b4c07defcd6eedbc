"""What the bytes in a map are: its types' codecs, or the next best thing.

In: a `Store`, and a Btf with the types of key and value, as far as they are known. Out: codecs. Where a type is not
known, or is of another size than the map says, bytes are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from btfkit.convert import maptypes
from btfkit.errors import FormatError, ValueTypeError
from btfkit.format.maptype import MapType
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import Codec, codec

ARRAYS = frozenset({MapType.ARRAY, MapType.PERCPU_ARRAY})
"""Maps whose elements are always there, and cannot be deleted."""

PER_CPU = frozenset({MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH, MapType.PERCPU_CGROUP_STORAGE})
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


class Reader(Protocol):
    """Where the records of a stream come from. lost: those there was no room for, where that is counted."""

    @property
    def lost(self) -> int: ...
    def fileno(self) -> int: ...
    def take(self, unpack: Callable[[memoryview, int], Any] | None, size: int, most: int) -> list[Any]:
        """The records that are there, or about `most` of them.

        unpack: makes a value of one of `size` bytes; others are bytes.
        """

    def wait(self, seconds: float | None) -> None: ...
    def close(self) -> None: ...


class Writer(Protocol):
    """Where the records of a stream go to."""

    def put(self, record: bytes) -> bool:
        """False where there is no room."""

    def close(self) -> None: ...


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
    def reader(self) -> Reader: ...
    def writer(self) -> Writer: ...


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
    """A program, map, socket or the like: written as a descriptor, or what has one (``fileno``); read as a number."""

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

    def record_codec(self) -> Codec | None:
        """Of what goes through a stream: the value type, whose size is not the map's value_size."""
        return self._codec(self.value_type_id, None)

    def _codec(self, type_id: int, size: int | None) -> Codec | None:
        """None where the type has no size or another one than the map: then the bytes are all that can be said."""
        if self.btf is None or not type_id or maptypes.is_bytes_type(self.btf, type_id):
            return None
        try:
            found = codec(self.btf, type_id, self.byte_order)
        except (FormatError, ValueTypeError):
            return None
        return found if size is None or found.size == size else None

    def type(self, type_id: int) -> t.Type | None:
        return self.btf[type_id] if self.btf is not None and type_id else None


__all__ = [
    "ARRAYS",
    "HANDLES",
    "KEYLESS",
    "PER_CPU",
    "STREAMS",
    "AnyCodec",
    "BytesOf",
    "Handle",
    "MapTypes",
    "Reader",
    "Store",
    "Writer",
]
