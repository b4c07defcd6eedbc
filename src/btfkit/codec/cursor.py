"""Reading with a place: every bound is checked, and what goes wrong says where."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from struct import Struct
from typing import Any

from btfkit.errors import FormatError, TruncatedError, UnsupportedError
from btfkit.format.btf import MAGIC, VERSION
from btfkit.format.fields import Field, layout

_RECORDS: dict[tuple[tuple[Field, ...], str], Struct] = {}


def record(fields: tuple[Field, ...], byte_order: str) -> Struct:
    """`layout`, made once."""
    key = (fields, byte_order)
    if key not in _RECORDS:
        _RECORDS[key] = layout(fields, byte_order)
    return _RECORDS[key]


class Cursor:
    """The bytes of one section."""

    def __init__(self, data: bytes, section: str, path: str | None, byte_order: str = "little") -> None:
        self.data = data
        self.section = section
        self.path = path
        self.byte_order = byte_order

    def where(self, off: int | None, **more: Any) -> dict[str, Any]:
        return {"path": self.path, "section": self.section, "off": off, **more}

    def unpack(self, fields: tuple[Field, ...], off: int, what: str) -> Sequence[int]:
        """One record. TruncatedError where the bytes end before it does."""
        struct = record(fields, self.byte_order)
        if off + struct.size > len(self.data):
            raise TruncatedError(
                f"{what} needs {struct.size} bytes, {max(0, len(self.data) - off)} are left", **self.where(off)
            )
        return struct.unpack_from(self.data, off)

    def slice(self, off: int, length: int, what: str) -> bytes:
        """Bytes [off, off + length)."""
        if off + length > len(self.data):
            raise TruncatedError(
                f"{what} is to end at 0x{off + length:x}, the section ends at 0x{len(self.data):x}", **self.where(off)
            )
        return self.data[off : off + length]


def start(data: bytes, fields: tuple[Field, ...], section: str, path: str | None) -> tuple[Cursor, int, int]:
    """Read the common start of both headers: (cursor in the byte order that magic tells, flags, hdr_len)."""
    cursor = Cursor(data, section, path)
    if len(data) >= 2 and data[:2] == MAGIC.to_bytes(2, "big"):
        cursor.byte_order = "big"
    elif len(data) >= 2 and data[:2] != MAGIC.to_bytes(2, "little"):
        raise FormatError(
            f"magic is {data[0]:02x} {data[1]:02x}, not 9f eb (little endian) or eb 9f (big endian)", **cursor.where(0)
        )
    _, version, flags, hdr_len = cursor.unpack(fields, 0, "the header")
    if version != VERSION:
        raise UnsupportedError(f"version {version}, only {VERSION} is known", **cursor.where(2, field="version"))
    if hdr_len > len(data):
        raise TruncatedError(
            f"the header is to be {hdr_len} bytes long, {len(data)} are there", **cursor.where(4, field="hdr_len")
        )
    return cursor, flags, hdr_len


def check_spans(cursor: Cursor, spans: list[tuple[str, int, int]]) -> None:
    """No two of the non-empty (name, offset, length) spans overlap, and none ends past the data."""
    known = sorted((off, length, name) for name, off, length in spans if length)
    for off, length, name in known:
        cursor.slice(off, length, f"the {name} section")
    for (off, length, name), (next_off, _, next_name) in pairwise(known):
        if off + length > next_off:
            raise FormatError(
                f"the {name} section (0x{off:x} to 0x{off + length:x}) overlaps "
                f"the {next_name} section at 0x{next_off:x}",
                **cursor.where(next_off),
            )
