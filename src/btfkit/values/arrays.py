"""ARRAY: a list; of ``char`` a text; of unsigned bytes, bytes."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from struct import error as StructError
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.format.fields import PREFIX
from btfkit.values.addresses import ADDRESS_NAMES, address_bytes
from btfkit.values.base import PACK_ERRORS, Bytes, Codec, Site, quoted, under


class ListCodec(Codec):
    """A list of nelems values. Takes any sequence of that length, and bytes of exactly ``size``.

    Of no elements (a flexible array), an empty list.
    """

    def __init__(self, site: Site, elem: Codec, nelems: int) -> None:
        super().__init__(site, elem.size * nelems, depth=elem.depth + 1, weight=1 + elem.weight * nelems)
        self.elem = elem
        self.nelems = nelems
        self.lift = self.unpack
        self._offs = range(0, self.size, elem.size) if elem.size else range(0)
        self._all = None
        if elem.direct and nelems:
            self._all = Struct(f"{PREFIX[site.byte_order]}{nelems}{elem.code}")

    def unpack(self, data: bytes | bytearray | memoryview, off: int = 0) -> list[Any]:
        if self._all is not None:
            try:
                values = self._all.unpack_from(data, off)
            except StructError:
                raise self.short(data, off) from None
            lift = self.elem.lift
            return [lift(value) for value in values] if lift else list(values)
        if len(data) - off < self.size:
            raise self.short(data, off)
        unpack = self.elem.unpack
        if not self.elem.size:
            return [unpack(data, off) for _ in range(self.nelems)]
        return [unpack(data, off + elem_off) for elem_off in self._offs]

    def encode(self, value: Any) -> bytes:
        if isinstance(value, Bytes):
            return exact_bytes(self, value)
        values = self._values(value)
        if self._all is not None:
            try:
                return self._all.pack(*values)
            except PACK_ERRORS:
                pass
        out = []
        for index, elem in enumerate(values):
            try:
                out.append(self.elem.encode(elem))
            except ValueTypeError as error:
                raise under(error, f"[{index}]") from None
        return b"".join(out)

    def _values(self, value: Any) -> Sequence[Any]:
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or not hasattr(value, "__iter__"):
            if value == "" and not self.nelems:
                return ()
            self.refuse(value, f"a list ({self.name})")
        if len(value) != self.nelems:
            raise ValueTypeError(f"has {len(value)} elements, {self.name} has {self.nelems}")
        return value  # type: ignore[no-any-return]

    def loosen(self, obj: Any) -> Any:
        return [self.elem.loosen(elem) for elem in obj] if isinstance(obj, list) else obj

    def to_json(self, value: Any) -> Any:
        to_json = self.elem.to_json
        return [to_json(elem) for elem in value]

    def format(self, value: Any) -> str:
        return "[" + ", ".join(map(self.elem.format, value)) + "]"


class TextCodec(Codec):
    """An array of ``char``: str, UTF-8, the rest of the array NUL. A text may fill it to the last byte, without a NUL.

    Bytes that are no such text (not UTF-8, or something behind the NUL) are given as bytes, all of them. Takes str,
    bytes (filled up with NUL), and a list of nelems numbers.
    """

    bare_text = True

    def __init__(self, site: Site, elem: Codec, nelems: int) -> None:
        super().__init__(site, nelems)
        self._elems = ListCodec(site, elem, nelems)
        self.lift = self._lift

    @staticmethod
    def _lift(raw: bytes) -> str | bytes:
        text = raw.rstrip(b"\0")
        if b"\0" in text:
            return raw
        try:
            return text.decode()
        except UnicodeDecodeError:
            return raw

    def encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            if "\0" in value:
                raise ValueTypeError(f"a text with NUL in it ({value[:40]!r}) is not read back as it is: give bytes")
            try:
                raw = value.encode()
            except UnicodeEncodeError:
                self.refuse(value, "text that UTF-8 can write")
        elif isinstance(value, Bytes):
            raw = bytes(value)
        else:
            return self._elems.encode(value)
        if len(raw) > self.size:
            raise ValueTypeError(f"has {len(raw)} bytes, {self.name} has room for {self.size}")
        return raw.ljust(self.size, b"\0")

    def to_json(self, value: Any) -> Any:
        """The text; of bytes that are none, a list of numbers."""
        return value if isinstance(value, str) else self._elems.unpack(value)

    def format(self, value: Any) -> str:
        return quoted(value) if isinstance(value, str) else repr(value)


class BytesCodec(Codec):
    """An array of unsigned bytes: bytes. Takes bytes of exactly that length, and a list of numbers.

    As text: hex digits (what JSON shows), an IPv4, MAC or IPv6 address where there are 4, 6 or 16.
    """

    bare_text = True

    def __init__(self, site: Site, elem: Codec, nelems: int) -> None:
        super().__init__(site, nelems)
        self._elems = ListCodec(site, elem, nelems)

    def encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            return self._from_text(value)
        return self._elems.encode(value)

    def _from_text(self, text: str) -> bytes:
        raw = address_bytes(text, self.size)
        if raw is None:
            try:
                raw = bytes.fromhex(text.removeprefix("0x"))
            except ValueError:
                raw = b""
            if len(raw) != self.size:
                address = f" or {ADDRESS_NAMES[self.size]}" if self.size in ADDRESS_NAMES else ""
                self.refuse(text, f"{2 * self.size} hex digits{address} ({self.name})")
        return raw

    def to_json(self, value: Any) -> Any:
        return value.hex()

    def format(self, value: Any) -> str:
        return value.hex()  # type: ignore[no-any-return]


def exact_bytes(codec: Codec, value: Any) -> bytes:
    """A value given as its bytes. ValueTypeError unless there are as many as it has."""
    raw = bytes(value)
    if len(raw) != codec.size:
        raise ValueTypeError(f"has {len(raw)} bytes, {codec.name} has {codec.size}")
    return raw
