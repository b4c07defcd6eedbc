"""What `ir` is about: types of values, locals, symbols, faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Int:
    bits: int
    signed: bool


@dataclass(frozen=True, slots=True)
class Bool:
    """True or False; in memory a byte of 1 or 0."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """An address; what lies there is the checker's business."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a call that returns nothing returns."""


Type = Int | Bool | Pointer | Nothing
U8, U16, U32, U64 = (Int(bits, False) for bits in (8, 16, 32, 64))
I8, I16, I32, I64 = (Int(bits, True) for bits in (8, 16, 32, 64))
BOOL, POINTER, NOTHING = Bool(), Pointer(), Nothing()


@dataclass(eq=False, slots=True)
class Local:
    """A variable of a function: a value (type), or memory (type POINTER, size > 0), of which the address is used.

    is_temp: made by the checker, set before each use: outlined bodies need not share it.
    """

    name: str
    type: Type
    size: int = 0
    align: int = 8
    is_temp: bool = False

    @property
    def is_memory(self) -> bool:
        return self.size > 0


@dataclass(eq=False, slots=True)
class Symbol:
    """A map, variable or extern, known to the object by its symbol's name."""

    name: str
    align: int = 8


class Fault(IntEnum):
    """Why a program ends early: Python's exceptions."""

    NONE = 0
    KEY = 1
    INDEX = 2
    ZERO_DIVISION = 3
    ASSERTION = 4
    VALUE = 5
    RUNTIME = 6


__all__ = [
    "BOOL", "Bool", "Fault", "I16", "I32", "I64", "I8", "Int", "Local", "NOTHING", "Nothing", "POINTER", "Pointer",
    "Symbol", "Type", "U16", "U32", "U64", "U8",
]  # fmt: skip
