"""The parts of random programs: types, records, maps, functions, and what a statement can name."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from btfkit.bpf.ints import MixedSignsError, common

SHAPES = {
    "u8": (8, False), "u16": (16, False), "u32": (32, False), "u64": (64, False),
    "i8": (8, True), "i16": (16, True), "i32": (32, True), "i64": (64, True),
    "be16": (16, False), "be32": (32, False), "be64": (64, False),
}  # fmt: skip
BY_SHAPE = {shape: name for name, shape in reversed(SHAPES.items())}
WIDE = ("u32", "u64", "i32", "i64")
FAULTS = ("KeyError", "IndexError", "ZeroDivisionError", "AssertionError", "ValueError", "RuntimeError")
CAUGHT = (
    *FAULTS,
    "LookupError",
    "ArithmeticError",
    "Exception",
    "(KeyError, IndexError)",
    "(ZeroDivisionError, KeyError)",
)


def promoted(name: str) -> str:
    bits, signed = SHAPES[name]
    return BY_SHAPE[max(bits, 32), signed]


def common_name(a: str, b: str) -> str | None:
    """The type of an operation on two; None where there is none."""
    try:
        return BY_SHAPE[common(SHAPES[a], SHAPES[b])]
    except MixedSignsError:
        return None


def limits(name: str) -> tuple[int, int]:
    bits, signed = SHAPES[name]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


@dataclass
class Record:
    """A Struct's fields: name to type; other: the fields that are no integers, as written in the annotation."""

    name: str
    ints: dict[str, str] = field(default_factory=dict)
    bits: dict[str, tuple[str, int]] = field(default_factory=dict)
    bools: list[str] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f"class {self.name}(Struct):"]
        lines += [f"    {name}: {type_}" for name, type_ in self.ints.items()]
        lines += [f"    {name}: bool" for name in self.bools]
        lines += [f"    {name}: Bits[{base}, {count}]" for name, (base, count) in self.bits.items()]
        lines += [f"    {name}: {inner.name}" for name, inner in self.records.items()]
        lines += [f"    {name}: {elem}[{count}]" for name, (elem, count) in self.arrays.items()]
        return "\n".join(lines)


@dataclass
class Map:
    """key: an integer type or a Record; value too. size: of an Array, whose index is a u32."""

    name: str
    key: str | Record
    value: str | Record
    size: int = 0

    def text(self) -> str:
        key, value = (x.name if isinstance(x, Record) else x for x in (self.key, self.value))
        if self.size:
            return f"{self.name}: Array[{value}] = Array({self.size})"
        return f"{self.name}: dict[{key}, {value}] = HashMap(max_entries=512)"


@dataclass
class Function:
    """A helper of a program. result: a type, or a tuple of them; record: it takes one by reference first."""

    name: str
    params: list[str]
    result: str | tuple[str, ...] | Record | None
    optional: bool = False
    record: Record | None = None


@dataclass
class Scope:
    """What a statement can name. steady: variables that are read, never set (counters, elements)."""

    ints: dict[str, str] = field(default_factory=dict)
    steady: dict[str, str] = field(default_factory=dict)
    bools: list[str] = field(default_factory=list)
    plains: dict[str, int] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    result: str | tuple[str, ...] | Record | None = None
    optional: bool = False
    in_loop: int = 0
    loop_kind: str = ""
    in_program: bool = False

    def inner(self) -> Scope:
        new = copy.copy(self)
        for name in ("ints", "steady", "bools", "plains", "records", "arrays", "places", "flags"):
            setattr(new, name, copy.copy(getattr(self, name)))
        return new


@dataclass
class Module:
    """text: the file; programs: their names; maps, variables: what is compared afterwards."""

    text: str
    programs: list[str]
    maps: list[Map]
    variables: dict[str, str]


__all__ = [
    "CAUGHT",
    "FAULTS",
    "Function",
    "Map",
    "Module",
    "Record",
    "SHAPES",
    "Scope",
    "WIDE",
    "common_name",
    "limits",
    "promoted",
]
