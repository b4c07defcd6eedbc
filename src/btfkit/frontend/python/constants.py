"""Python values known when compiling, as the bytes of a vocabulary type: what variables start with."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from btfkit.bpf.ints import ArrayType, ArrayValue, FixedInt, fits
from btfkit.bpf.records import Bits, Ptr, Record, size_align


def pack(storage: Any, value: Any, byte_order: str) -> bytes:
    """TypeError or ValueError where the value is none of that type."""
    size = size_align(storage)[0]
    order: Any = byte_order
    if isinstance(storage, ArrayType):
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, (bytes, bytearray, list, tuple, ArrayValue)):
            raise TypeError(f"{value!r} is not {storage}")
        parts = [pack(storage.elem, v, byte_order) for v in value]
        if len(parts) > storage.count:
            raise ValueError(f"{len(parts)} values do not fit {storage}")
        return b"".join(parts).ljust(size, b"\0")
    if isinstance(storage, type) and issubclass(storage, Record):
        if not isinstance(value, storage):
            raise TypeError(f"{value!r} is not a {storage.__name__}")
        return _pack_record(storage, value, byte_order)
    if isinstance(storage, Ptr):
        if value not in (0, None):
            raise TypeError("a pointer starts as None")
        return bytes(8)
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not {storage.__name__}")
    if storage is bool:
        return bytes([bool(value)])
    signed = min(storage) < 0 if issubclass(storage, IntEnum) else storage.signed
    if not fits(int(value), size * 8, signed):
        raise ValueError(f"{int(value)} does not fit {storage.__name__}")
    if issubclass(storage, FixedInt) and storage.byte_order == "big":
        order = "big"
    return int(value).to_bytes(size, order, signed=signed)


def _pack_record(cls: type[Record], value: Record, byte_order: str) -> bytes:
    order: Any = byte_order
    out = bytearray(cls.__layout__.size)
    for field in cls.__layout__.fields.values():
        if field.name not in value.__dict__:
            continue
        part = value.__dict__[field.name]
        if isinstance(field.type, Bits):
            old = int.from_bytes(out[field.off : field.off + field.size], order)
            old |= (int(part) & ((1 << field.bit_size) - 1)) << field.bit_off
            out[field.off : field.off + field.size] = old.to_bytes(field.size, order)
        else:
            out[field.off : field.off + field.size] = pack(field.type, part, byte_order)
    return bytes(out)


__all__ = ["pack"]
