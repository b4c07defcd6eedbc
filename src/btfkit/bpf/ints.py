"""Integers of fixed width, as values that also work in plain Python: they wrap as the compiled program's do.

The rules of arithmetic are here once; the front end compiles by the same functions.

- A type narrower than 32 bits counts as one of 32 bits of the same sign.
- Two types: the narrowest that holds both, of at most 64 bits; u64 with a signed type has none: say which is meant.
- A plain int takes the other side's type where it fits, else the narrowest type of its own that does.
- Results wrap. Comparisons are exact. ``//`` and ``%`` are Python's (floor). A shift by more than the width shifts
  everything out.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal, Self

ByteOrder = Literal["host", "big"]


class MixedSignsError(TypeError):
    """u64 and a signed type in one operation."""


class FixedInt(int):
    """Base of the integer types; see the module. bits: width; byte_order: how it lies in memory."""

    bits: ClassVar[int] = 64
    signed: ClassVar[bool] = False
    byte_order: ClassVar[ByteOrder] = "host"

    def __new__(cls, value: Any = 0) -> Self:
        return int.__new__(cls, wrap(int(value), cls.bits, cls.signed))

    def __class_getitem__(cls, count: int) -> ArrayType:
        return ArrayType(cls, count)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"

    __str__ = int.__repr__
    __hash__ = int.__hash__

    def __neg__(self) -> FixedInt:
        return promoted(type(self))(-int(self))

    def __pos__(self) -> FixedInt:
        return promoted(type(self))(int(self))

    def __invert__(self) -> FixedInt:
        return promoted(type(self))(~int(self))

    def __abs__(self) -> FixedInt:
        return promoted(type(self))(abs(int(self)))

    def __pow__(self, exponent: int, modulus: None = None) -> FixedInt:  # type: ignore[override]
        return promoted(type(self))(int(self) ** int(exponent))

    def __lshift__(self, count: int) -> FixedInt:
        return promoted(type(self))(_shift(int(self), count))

    def __rshift__(self, count: int) -> FixedInt:
        return promoted(type(self))(int(self) >> min(int(count), 64))

    def __rlshift__(self, value: int) -> int:
        return int(value) << int(self)

    def __rrshift__(self, value: int) -> int:
        return int(value) >> int(self)


def _shift(value: int, count: int) -> int:
    return 0 if count >= 64 else value << int(count)


def wrap(value: int, bits: int, signed: bool) -> int:
    """The value modulo 2**bits, in the range of that type."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def fits(value: int, bits: int, signed: bool) -> bool:
    """The type holds the value."""
    return wrap(value, bits, signed) == value


def common(a: tuple[int, bool], b: tuple[int, bool]) -> tuple[int, bool]:
    """(bits, signed) of an operation on two types of (bits, signed). MixedSignsError: there is none."""
    a, b = (max(a[0], 32), a[1]), (max(b[0], 32), b[1])
    if a[1] == b[1]:
        return max(a, b)
    unsigned, signed = (b[0], a[0]) if a[1] else (a[0], b[0])
    if signed > unsigned:
        return signed, True
    if unsigned == 32:
        return 64, True
    raise MixedSignsError("u64 and a signed integer have no common type")


def narrowest(value: int) -> tuple[int, bool]:
    """(bits, signed) of the narrowest type, of 32 bits at least, that holds a plain int. OverflowError: none does."""
    for bits, signed in ((32, True), (64, True)) if value < 0 else ((32, False), (64, False)):
        if fits(value, bits, signed):
            return bits, signed
    raise OverflowError(f"{value} does not fit 64 bits")


def _type_of(bits: int, signed: bool) -> type[FixedInt]:
    return BY_SHAPE[bits, signed]


def promoted(cls: type[FixedInt]) -> type[FixedInt]:
    """The type that arithmetic on the type gives."""
    return _type_of(max(cls.bits, 32), cls.signed)


def result_type(a: int, b: int) -> type[FixedInt] | None:
    """The type of an operation on two values, of which one may be a plain int; None where both are."""
    shape_a = (type(a).bits, type(a).signed) if isinstance(a, FixedInt) else None
    shape_b = (type(b).bits, type(b).signed) if isinstance(b, FixedInt) else None
    if shape_a is None and shape_b is None:
        return None
    if shape_a is None or shape_b is None:
        known = shape_a or shape_b
        assert known is not None
        plain = int(b if shape_b is None else a)
        known = max(known[0], 32), known[1]
        shape_a, shape_b = known, known if fits(plain, *known) else narrowest(plain)
    return _type_of(*common(shape_a, shape_b))


def _binary(op: Callable[[int, int], int]) -> tuple[Callable[[int, Any], Any], Callable[[int, Any], Any]]:
    def forward(self: int, other: Any) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        cls = result_type(self, other)
        return cls(op(int(self), int(other))) if cls else op(int(self), int(other))

    def backward(self: int, other: Any) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        cls = result_type(other, self)
        return cls(op(int(other), int(self))) if cls else op(int(other), int(self))

    return forward, backward


for _name in ("add", "sub", "mul", "floordiv", "mod", "and_", "or_", "xor"):
    _forward, _backward = _binary(getattr(operator, _name))
    setattr(FixedInt, f"__{_name.rstrip('_')}__", _forward)
    setattr(FixedInt, f"__r{_name.rstrip('_')}__", _backward)


# The names are the field's own.
class u8(FixedInt):
    bits = 8


class u16(FixedInt):
    bits = 16


class u32(FixedInt):
    bits = 32


class u64(FixedInt):
    bits = 64


class i8(FixedInt):
    bits, signed = 8, True


class i16(FixedInt):
    bits, signed = 16, True


class i32(FixedInt):
    bits, signed = 32, True


class i64(FixedInt):
    bits, signed = 64, True


class be16(u16):
    """An u16 that lies in memory in network order; its value is the number."""

    byte_order = "big"


class be32(u32):
    """An u32 that lies in memory in network order; its value is the number."""

    byte_order = "big"


class be64(u64):
    """An u64 that lies in memory in network order; its value is the number."""

    byte_order = "big"


class char(u8):
    """A byte of text; ``char[16]`` is text of at most 16 bytes."""


BY_SHAPE: dict[tuple[int, bool], type[FixedInt]] = {
    (cls.bits, cls.signed): cls for cls in (u8, u16, u32, u64, i8, i16, i32, i64)
}


class ArrayType:
    """``u8[6]``: an array type. Calling it makes a value: zeros, or of an iterable, bytes or text."""

    def __init__(self, elem: Any, count: int) -> None:
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise TypeError(f"an array's length is a number, not {count!r}")
        self.elem = elem
        self.count = int(count)

    def __getitem__(self, count: int) -> ArrayType:
        """``u8[6][4]``: four arrays of six."""
        return ArrayType(self, count)

    def __or__(self, other: Any) -> Any:
        """``u8[6] | None``."""
        from btfkit.bpf.words import Optional  # noqa: PLC0415 (words have types too)

        return Optional(self) if other is None else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrayType) and (self.elem, self.count) == (other.elem, other.count)

    def __hash__(self) -> int:
        return hash((self.elem, self.count))

    @property
    def __name__(self) -> str:
        return f"{getattr(self.elem, '__name__', self.elem)}[{self.count}]"

    def __repr__(self) -> str:
        return self.__name__

    def __call__(self, values: Any = ()) -> ArrayValue:
        return ArrayValue(self, values)


@functools.total_ordering
class ArrayValue:
    """An array in plain Python: as many elements as its type has, each of the element type."""

    def __init__(self, type: ArrayType, values: Any = ()) -> None:
        if isinstance(values, str):
            values = values.encode()
        given = list(values)
        if len(given) > type.count:
            raise ValueError(f"{len(given)} values for {type}")
        self.type = type
        elem = type.elem
        self._items = [elem(v) for v in given] + [elem() for _ in range(type.count - len(given))]

    def __len__(self) -> int:
        return self.type.count

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getitem__(self, index: Any) -> Any:
        found = self._items[index]
        return bytes(found) if isinstance(index, slice) and self._is_bytes else found

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            self._items[index] = self.type.elem(value)
            return
        new = [self.type.elem(v) for v in value]
        if len(new) != len(self._items[index]):
            raise ValueError(f"{len(new)} values for {len(self._items[index])} of {self.type}")
        self._items[index] = new

    @property
    def _is_bytes(self) -> bool:
        return isinstance(self.type.elem, type) and issubclass(self.type.elem, u8)

    def __bytes__(self) -> bytes:
        return bytes(int(v) for v in self._items)

    def __str__(self) -> str:
        if self.type.elem is char:
            return bytes(self).split(b"\0")[0].decode(errors="replace")
        return repr(self._items)

    def __repr__(self) -> str:
        return f"{self.type}({str(self)!r})" if self.type.elem is char else f"{self.type}({self._items})"

    def _other(self, other: object) -> list[Any] | None:
        if isinstance(other, str):
            other = other.encode()
        if isinstance(other, bytes) and self.type.elem is char:
            other = other.ljust(len(self), b"\0")
        if isinstance(other, (ArrayValue, bytes, bytearray, list, tuple)):
            return list(other)
        return None

    def __eq__(self, other: object) -> bool:
        return self._items == self._other(other)

    def __lt__(self, other: object) -> bool:
        found = self._other(other)
        if found is None:
            return NotImplemented
        return self._items < found

    def __hash__(self) -> int:
        return hash(tuple(self._items))

    def startswith(self, prefix: str | bytes) -> bool:
        data = prefix.encode() if isinstance(prefix, str) else prefix
        return bytes(self).startswith(data)


__all__ = [
    "ArrayType",
    "ArrayValue",
    "BY_SHAPE",
    "FixedInt",
    "MixedSignsError",
    "be16",
    "be32",
    "be64",
    "char",
    "common",
    "fits",
    "i8",
    "i16",
    "i32",
    "i64",
    "narrowest",
    "promoted",
    "result_type",
    "u8",
    "u16",
    "u32",
    "u64",
    "wrap",
]
