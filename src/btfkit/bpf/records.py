"""Records: ``class Flow(Struct)`` with typed fields, laid out as C lays them out, and usable in plain Python.

In: a class body's annotations. Out: a class with ``__layout__``; its instances start with zeros, hold copies, compare
and hash by value. Source: the System V ABI's rules for structs; all BPF ABIs are the same there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Self

from btfkit.bpf.ints import ArrayType, ArrayValue, FixedInt, char, u8, u32, wrap


class Bits:
    """``Bits[u8, 4]``: four bits of an u8. The first such field has the lowest bits, in either byte order."""

    def __init__(self, base: type[FixedInt], bits: int) -> None:
        if not 0 < bits <= base.bits:
            raise TypeError(f"{bits} bits of a {base.__name__}")
        self.base = base
        self.bits = bits

    def __class_getitem__(cls, args: tuple[type[FixedInt], int]) -> Bits:
        return cls(*args)

    @property
    def __name__(self) -> str:
        return f"Bits[{self.base.__name__}, {self.bits}]"

    def __repr__(self) -> str:
        return self.__name__

    def __call__(self, value: int = 0) -> FixedInt:
        return self.base(wrap(int(value), self.bits, self.base.signed))


class Ptr:
    """``Ptr[Flow]``, ``Ptr["bpf_sock"]``: a pointer. As a field it takes eight bytes."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __class_getitem__(cls, target: Any) -> Ptr:
        return cls(target)

    @property
    def __name__(self) -> str:
        return f"Ptr[{getattr(self.target, '__name__', self.target)}]"

    def __repr__(self) -> str:
        return self.__name__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ptr) and self.target == other.target

    def __hash__(self) -> int:
        return hash(("Ptr", self.target))

    def __call__(self, value: int = 0) -> int:
        return int(value)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its type as written; off, size: bytes of what it lies in; of a bitfield, which bits of its value."""

    name: str
    type: Any
    off: int
    size: int
    bit_off: int = 0
    bit_size: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """size, align: bytes."""

    size: int
    align: int
    fields: Mapping[str, Field]


def size_align(type_: Any) -> tuple[int, int]:
    """Bytes and alignment of any type a field can have. TypeError where it has none."""
    if isinstance(type_, Ptr):
        return 8, 8
    if isinstance(type_, Bits):
        return type_.base.bits // 8, type_.base.bits // 8
    if isinstance(type_, ArrayType):
        size, align = size_align(type_.elem)
        return size * type_.count, align
    if isinstance(type_, type):
        if issubclass(type_, Record):
            return type_.__layout__.size, type_.__layout__.align
        if issubclass(type_, FixedInt):
            return type_.bits // 8, type_.bits // 8
        if issubclass(type_, bool):
            return 1, 1
        if issubclass(type_, IntEnum):
            return enum_size(type_), enum_size(type_)
    name = getattr(type_, "__name__", repr(type_))
    hint = ": say how wide, as in u32 or i64" if type_ is int else ""
    raise TypeError(f"{name} is not a type of fixed size{hint}")


def enum_size(cls: type[IntEnum]) -> int:
    """Bytes of an enumeration: 4, or 8 where a value needs it."""
    return 4 if all(-(1 << 31) <= v < 1 << 32 for v in cls) else 8


def lay_out(annotations: Mapping[str, Any], *, is_union: bool = False, packed: bool = False) -> Layout:
    """Offsets of fields in their order."""
    fields: dict[str, Field] = {}
    off = size = 0
    align = 1
    unit: tuple[int, type[FixedInt]] | None = None  # the bytes that bitfields are being put into: offset, type
    used = 0
    for name, type_ in annotations.items():
        field_size, field_align = size_align(type_)
        if packed:
            field_align = 1
        align = max(align, field_align)
        if isinstance(type_, Bits):
            if unit is None or unit[1] is not type_.base or used + type_.bits > type_.base.bits or is_union:
                off = 0 if is_union else -(-off // field_align) * field_align
                unit, used = (off, type_.base), 0
                off += field_size
            fields[name] = Field(name, type_, unit[0], field_size, used, type_.bits)
            used += type_.bits
        else:
            unit = None
            off = 0 if is_union else -(-off // field_align) * field_align
            fields[name] = Field(name, type_, off, field_size)
            off += field_size
        size = max(size, off)
    return Layout(-(-size // align) * align, align, fields)


class RecordMeta(type):
    """Evaluates the annotations of a class body, lays the fields out."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], /, *, packed: bool = False, **keywords: Any
    ) -> RecordMeta:
        c_name = keywords.pop("name", None)
        annotations = body.get("__annotations__", {})
        fields: dict[str, Any] = {}
        for base in reversed(bases):
            fields.update({f.name: f.type for f in getattr(base, "__layout__", _EMPTY).fields.values()})
        frame = sys._getframe(1)
        for field, type_ in annotations.items():
            found = type_
            if isinstance(type_, str):
                if type_.startswith("ClassVar"):
                    continue
                found = eval(type_, frame.f_globals, {**frame.f_locals, **body})
            elif getattr(type_, "__origin__", None) is ClassVar or type_ is ClassVar:
                continue
            fields[field] = found
        defaults = {field: body.pop(field) for field in annotations if field in body and field in fields}
        cls = super().__new__(mcs, name, bases, body, **keywords)
        is_union = any(getattr(base, "_is_union", False) for base in bases) or bool(body.get("_is_union"))
        try:
            layout = lay_out(fields, is_union=is_union, packed=packed)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        cls.__layout__ = layout  # type: ignore[attr-defined]
        cls.__c_name__ = c_name or name  # type: ignore[attr-defined]
        inherited = {k: v for base in bases for k, v in getattr(base, "__defaults__", {}).items()}
        cls.__defaults__ = {**inherited, **defaults}  # type: ignore[attr-defined]
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], /, **keywords: Any) -> None:
        super().__init__(name, bases, body)

    def __getitem__(cls, count: int) -> ArrayType:
        """``Flow[4]``: an array of four."""
        return ArrayType(cls, count)


_EMPTY = Layout(0, 1, {})


class Record(metaclass=RecordMeta):
    """What `Struct`, `Union`, `Header` and `Context` share."""

    __layout__: ClassVar[Layout] = _EMPTY
    __c_name__: ClassVar[str] = ""
    __defaults__: ClassVar[dict[str, Any]] = {}
    _is_union: ClassVar[bool] = False

    def __init__(self, *args: Any, **fields: Any) -> None:
        names = list(self.__layout__.fields)
        if len(args) == 1 and not fields and isinstance(args[0], type(self)):
            fields, args = {name: getattr(args[0], name) for name in names}, ()
        if len(args) > len(names):
            raise TypeError(f"{type(self).__name__} has {len(names)} fields, not {len(args)}")
        given = dict(zip(names, args, strict=False))
        for name, value in fields.items():
            if name not in self.__layout__.fields or name in given:
                problem = "given twice" if name in given else f"not a field; it has {', '.join(names)}"
                raise TypeError(f"{type(self).__name__}.{name} is {problem}")
            given[name] = value
        for name, field in self.__layout__.fields.items():
            if name in given:
                setattr(self, name, given[name])
            elif name in self.__defaults__:
                setattr(self, name, self.__defaults__[name])
            elif not self._is_union:
                self.__dict__[name] = _make(field.type)

    def __setattr__(self, name: str, value: Any) -> None:
        field = self.__layout__.fields.get(name)
        if field is None:
            raise AttributeError(f"{type(self).__name__} has no field {name!r}")
        self.__dict__[name] = _make(field.type, value)

    @classmethod
    def _sizeof(cls) -> int:
        return cls.__layout__.size

    def _asdict(self) -> dict[str, Any]:
        """Its fields, as what `btfkit.values` packs."""
        return {name: _plain(self.__dict__[name]) for name in self.__layout__.fields if name in self.__dict__}

    def __eq__(self, other: object) -> bool:
        """With another of its class; with a tuple, which is what maps give back."""
        if isinstance(other, tuple):
            return self._values() == other
        if not isinstance(other, Record):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        """Which hash and compare as the tuples of maps do."""
        return tuple(v._values() if isinstance(v, Record) else _plain(v) for v in self.__dict__.values())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({shown})"

    def __copy__(self) -> Self:
        return type(self)(self)


def _make(type_: Any, *value: Any) -> Any:
    if isinstance(type_, type) and issubclass(type_, IntEnum):
        return int(*value)
    return type_(*value)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value._asdict()
    if isinstance(value, ArrayValue):
        if value.type.elem is char:
            return str(value)
        return bytes(value) if value.type.elem is u8 else tuple(_plain(v) for v in value)
    return int(value) if isinstance(value, FixedInt) else value


class Struct(Record):
    """A struct, its fields one behind the other."""


class Union(Record):
    """A union, its fields all at the start. Only the one that was set has a value in plain Python."""

    _is_union = True


class Header(Struct):
    """A packet header. header_len: what `next` steps over, where that is not the struct's size."""

    def header_len(self) -> u32:
        return u32(self.__layout__.size)


class Context(Struct):
    """What a program of some type is given; only its fields can be used, not its memory."""

    writable: ClassVar[frozenset[str]] = frozenset()


def sizeof(what: Any) -> int:
    """Bytes of a type, or of a value of it."""
    if isinstance(what, ArrayValue):
        what = what.type
    elif isinstance(what, (Record, FixedInt)):
        what = type(what)
    return size_align(what)[0]


__all__ = [
    "Bits",
    "Context",
    "Field",
    "Header",
    "Layout",
    "Ptr",
    "Record",
    "RecordMeta",
    "Struct",
    "Union",
    "enum_size",
    "lay_out",
    "size_align",
    "sizeof",
]
