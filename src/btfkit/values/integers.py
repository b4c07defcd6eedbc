"""Integers of all sizes: INT, PTR, bool, char, network order, and bitfields of any of them.

Bits are counted as C lays them out: from the least significant bit of the first byte on a little-endian machine, from
the most significant on a big-endian one. Source: kernel/bpf/btf.c, btf_int_bits_show and btf_bitfield_show.
"""

from __future__ import annotations

import operator
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.values.addresses import ipv4_bytes, ipv4_text
from btfkit.values.base import PACK_ERRORS, Codec, Site

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}

FIXED_ORDER = {
    **{f"{prefix}be{bits}": (bits // 8, "big") for bits in (16, 32, 64) for prefix in ("", "__")},
    **{f"{prefix}le{bits}": (bits // 8, "little") for bits in (16, 32, 64) for prefix in ("", "__")},
}
"""Typedefs that say the byte order of what they name: (bytes, byte order)."""


class IntCodec(Codec):
    """An integer. Takes ints (anything with ``__index__``) and floats without a fraction; gives int.

    low, high: the range. One of 4 bytes without sign also takes an IPv4 address as text, its bytes in network order.
    """

    what = "an integer"

    def __init__(self, site: Site, size: int, *, signed: bool, byte_order: str | None = None) -> None:
        """byte_order: that of this integer, where its type fixes it (``__be32``)."""
        own_order = byte_order or site.byte_order
        code = _CODES.get(size) if own_order == site.byte_order or size == 1 else None
        super().__init__(site, size, code.lower() if code and signed else code)
        self.signed = signed
        self.own_order = own_order
        self.set_range(size * 8)
        self.direct = code is not None
        if code is None:
            self.lift = self._lift

    def set_range(self, bits: int) -> None:
        self.low = -(1 << (bits - 1)) if self.signed else 0
        self.high = (1 << (bits - self.signed)) - 1

    def _lift(self, raw: bytes) -> Any:
        return self.from_int(int.from_bytes(raw, self.own_order, signed=self.signed))  # type: ignore[arg-type]

    def encode(self, value: Any) -> bytes:
        if self.direct:
            try:
                return self._struct.pack(value)
            except PACK_ERRORS:
                pass
        return self._struct.pack(self.lower(value))

    def lower(self, value: Any) -> Any:
        number = self.in_range(self.to_int(value))
        if self.code[-1] != "s":
            return number
        return number.to_bytes(self.size, self.own_order, signed=self.signed)  # type: ignore[arg-type]

    def in_range(self, number: int) -> int:
        if self.low <= number <= self.high:
            return number
        text = str(number) if number.bit_length() <= 256 else f"a number of {number.bit_length()} bits"
        raise ValueTypeError(f"{text} does not fit {self.name} ({self.low} to {self.high})")

    def to_int(self, value: Any) -> int:
        """The number that a value stands for, whatever its size."""
        try:
            return operator.index(value)
        except TypeError:
            pass
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and self.size == 4 and not self.signed:
            address = ipv4_bytes(value)
            if address is not None:
                return int.from_bytes(address, self.own_order)  # type: ignore[arg-type]
        self.refuse(value, f"{self.what} ({self.name})")

    def from_int(self, number: int) -> Any:
        """The value that a number in the range stands for."""
        return number

    def loosen(self, obj: Any) -> Any:
        if isinstance(obj, str):
            try:
                return int(obj, 0)
            except ValueError:
                pass
        return obj


class BoolCodec(IntCodec):
    """True or False. Takes these and 0 and 1; any byte that is not zero reads as True."""

    what = "a bool: True, False, 0 or 1"

    def __init__(self, site: Site, size: int) -> None:
        super().__init__(site, size, signed=False)
        self.direct = False
        self.lift = bool if self.code != f"{size}s" else self._lift

    def lower(self, value: Any) -> Any:
        number = self.to_int(value)
        if number not in (0, 1):
            self.refuse(value, f"{self.what} ({self.name})")
        return super().lower(number)

    def from_int(self, number: int) -> bool:
        return number != 0

    def format(self, value: Any) -> str:
        return "true" if value else "false"


class CharCodec(IntCodec):
    """A single ``char``, as C has it: a number. Takes a text or bytes of length 1 as well."""

    what = "an integer or a single character"

    def to_int(self, value: Any) -> int:
        if isinstance(value, str) and len(value) == 1 and value.isascii():
            return ord(value)
        if isinstance(value, bytes) and len(value) == 1:
            return value[0] - (256 if self.signed and value[0] > 127 else 0)
        return super().to_int(value)

    def loosen(self, obj: Any) -> Any:
        return obj if isinstance(obj, str) and len(obj) == 1 else super().loosen(obj)


class PtrCodec(IntCodec):
    """A pointer: the address as int, shown in hex."""

    def format(self, value: Any) -> str:
        return hex(value)


class Be32Codec(IntCodec):
    """``__be32``: a number in the host's sense (10.0.0.1 is 0x0a000001), shown as an IPv4 address."""

    def to_json(self, value: Any) -> Any:
        return ipv4_text(value.to_bytes(4, "big"))

    def format(self, value: Any) -> str:
        return ipv4_text(value.to_bytes(4, "big"))


class BitsCodec(Codec):
    """A bitfield: ``bits`` bits of an integer, from bit ``shift`` of the first byte on. Others may share its bytes.

    `encode` leaves the bits that belong to others zero.
    """

    is_bits = True

    def __init__(self, site: Site, number: IntCodec, bits: int, shift: int, size: int | None = None) -> None:
        """size: bytes, where they are more than the bits reach."""
        super().__init__(site, size or (shift + bits + 7) // 8)
        self.name = f"{site.name}:{bits}"
        self.number = number
        self.signed = number.signed
        self.mask = (1 << bits) - 1
        self.sign = 1 << (bits - 1) if self.signed else 0
        self.shift = shift if self.byte_order == "little" else self.size * 8 - shift - bits
        self.lift = self._lift
        self.low, self.high = -self.sign, self.mask >> self.signed

    def _lift(self, raw: bytes) -> Any:
        value = int.from_bytes(raw, self.byte_order) >> self.shift & self.mask  # type: ignore[arg-type]
        return self.number.from_int((value ^ self.sign) - self.sign)

    def encode(self, value: Any) -> bytes:
        number = self.number.to_int(value)
        if not self.low <= number <= self.high:
            raise ValueTypeError(f"{number} does not fit {self.name} ({self.low} to {self.high})")
        return ((number & self.mask) << self.shift).to_bytes(self.size, self.byte_order)  # type: ignore[arg-type]

    def to_json(self, value: Any) -> Any:
        return self.number.to_json(value)

    def loosen(self, obj: Any) -> Any:
        return self.number.loosen(obj)

    def format(self, value: Any) -> str:
        return self.number.format(value)
