"""Types of expressions, as the checker sees them.

The vocabulary's types (`u32`, `char[16]`, a Struct) say how something lies in memory; these say what a value is. An
integer that has no fixed width, as Python's own, has a range; it is computed in 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from btfkit.bpf.ints import BY_SHAPE, ArrayType, FixedInt
from btfkit.bpf.records import Context, Header, Record
from btfkit.frontend.python import ir

I64_MIN, I64_MAX = -(1 << 63), (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class IntType:
    """An integer of fixed width. cls: the vocabulary's type it came from (an enumeration too)."""

    bits: int
    signed: bool

    @property
    def ir(self) -> ir.Type:
        return ir.Int(self.bits, self.signed)

    @property
    def name(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"

    @property
    def shape(self) -> tuple[int, bool]:
        return self.bits, self.signed


@dataclass(frozen=True, slots=True)
class PlainType:
    """A Python int, from low to high, in 64 bits with a sign."""

    low: int = I64_MIN
    high: int = I64_MAX

    @property
    def ir(self) -> ir.Type:
        return ir.I64

    @property
    def name(self) -> str:
        return "int"


@dataclass(frozen=True, slots=True)
class BoolType:
    name = "bool"
    ir = ir.BOOL


@dataclass(frozen=True, slots=True)
class NoneType:
    name = "None"
    ir = ir.NOTHING


@dataclass(frozen=True, slots=True)
class RecordType:
    """The address of a record. space: where it is:

    own:    memory that this function made: nobody else sees it
    mem:    other memory that can be read and written: a map's value, another function's record, a packet
    shared: a map's value that other CPUs change too: ``+=`` is atomic
    read:   memory that can only be read
    ctx:    a context or socket: whole fields at fixed offsets only
    args:   what a syscall program is given: fixed offsets only
    """

    cls: type[Record]
    space: str = "mem"

    @property
    def ir(self) -> ir.Type:
        return ir.POINTER

    @property
    def name(self) -> str:
        return self.cls.__name__

    @property
    def is_context(self) -> bool:
        return issubclass(self.cls, Context)

    @property
    def is_header(self) -> bool:
        return issubclass(self.cls, Header)


@dataclass(frozen=True, slots=True)
class ArrayRef:
    """The address of an array. length: elements, of a slice of it fewer than its type's."""

    type: ArrayType
    space: str = "mem"

    @property
    def ir(self) -> ir.Type:
        return ir.POINTER

    @property
    def name(self) -> str:
        return self.type.__name__


@dataclass(frozen=True, slots=True)
class KernelPtr:
    """The address of a kernel type (``struct task_struct``; by its id in the kernel's BTF).

    trusted: the verifier knows it too, so that fields are loaded directly; otherwise they are read with a helper.
    space: "ctx", "iter": it is a program's context, of a tracepoint or an iterator: fields at fixed offsets only
    """

    type_id: int
    type_name: str
    trusted: bool = False
    space: str = ""

    @property
    def ir(self) -> ir.Type:
        return ir.POINTER

    @property
    def name(self) -> str:
        return f"kernel.{self.type_name}"


@dataclass(frozen=True, slots=True)
class Address:
    """A pointer to what is not known."""

    name = "pointer"
    ir = ir.POINTER


@dataclass(frozen=True, slots=True)
class OptionalType:
    """T | None. by_flag: whether it is there is a boolean of its own; else a null pointer says so."""

    inner: ValueType
    by_flag: bool = False

    @property
    def ir(self) -> ir.Type:
        return self.inner.ir

    @property
    def name(self) -> str:
        return f"{self.inner.name} | None"


@dataclass(frozen=True, slots=True)
class MapRef:
    """The address of a map that is found at run time: an element of a map of maps. decl: as declared for it."""

    decl: Any

    name = "map"

    @property
    def ir(self) -> ir.Type:
        return ir.POINTER


@dataclass(frozen=True, slots=True)
class TupleType:
    """Values side by side, known one by one."""

    items: tuple[ValueType, ...]
    name = "tuple"
    ir = ir.NOTHING


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A Python object, known when compiling: a constant, a type, a function, a map."""

    name = "object"
    ir = ir.NOTHING


ValueType = (
    IntType
    | PlainType
    | BoolType
    | NoneType
    | RecordType
    | ArrayRef
    | KernelPtr
    | Address
    | OptionalType
    | MapRef
    | TupleType
    | ObjectType
)
BOOL, NONE, OBJECT, ADDRESS, PLAIN = BoolType(), NoneType(), ObjectType(), Address(), PlainType()
U8, U16, U32, U64 = (IntType(bits, False) for bits in (8, 16, 32, 64))
I8, I16, I32, I64 = (IntType(bits, True) for bits in (8, 16, 32, 64))


@dataclass(slots=True)
class Value:
    """An expression, checked.

    const: the Python object, where type is OBJECT. most: of an unsigned value, an upper bound. items: of a tuple
    flag:  of an optional by flag, the boolean. bound: the `storage.Place` that it was read from, if any
    """

    type: ValueType
    expr: ir.Expr | None = None
    const: Any = None
    most: int | None = None
    items: list[Value] | None = None
    flag: ir.Expr | None = None
    bound: Any = None

    @property
    def ir(self) -> ir.Expr:
        assert self.expr is not None
        return self.expr

    @property
    def is_const(self) -> bool:
        return isinstance(self.type, ObjectType)

    @property
    def is_int(self) -> bool:
        """An integer, constant or not (a boolean counts as one)."""
        if self.is_const:
            return isinstance(self.const, int)
        return isinstance(self.type, (IntType, PlainType, BoolType))


def vocabulary_type(shape: tuple[int, bool]) -> type[FixedInt]:
    return BY_SHAPE[shape]


def type_name(storage: Any) -> str:
    """How a user writes a vocabulary type."""
    return getattr(storage, "__name__", None) or repr(storage)


def is_int_storage(storage: Any) -> bool:
    return isinstance(storage, type) and issubclass(storage, (FixedInt, IntEnum))


__all__ = [
    "ADDRESS", "Address", "ArrayRef", "BOOL", "BoolType", "I16", "I32", "I64", "I64_MAX", "I64_MIN", "I8", "IntType",
    "KernelPtr", "MapRef", "NONE", "NoneType", "OBJECT", "ObjectType", "OptionalType", "PLAIN", "PlainType",
    "RecordType", "TupleType", "U16", "U32", "U64", "U8", "Value", "ValueType", "is_int_storage", "type_name",
    "vocabulary_type",
]  # fmt: skip
