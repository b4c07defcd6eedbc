"""A field of a record on the wire: its name, its width, and what its number refers to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from struct import Struct
from typing import Literal

ByteOrder = Literal["little", "big"]

PREFIX: dict[str, str] = {"little": "<", "big": ">"}
"""Byte order to the `struct` module's prefix."""


class Role(Enum):
    """What the number in a field is: only TYPE_ID, NAME_OFF, INST_ID and SYMBOL change when things are renumbered."""

    NUMBER = 0
    TYPE_ID = 1
    NAME_OFF = 2
    INST_ID = 3
    SYMBOL = 4


@dataclass(frozen=True, slots=True)
class Field:
    """name as in the C header; code as in the `struct` module (``I`` u32, ``i`` s32, ``H`` u16 …)."""

    name: str
    code: str = "I"
    role: Role = Role.NUMBER


def number(name: str, code: str = "I") -> Field:
    return Field(name, code)


def type_id(name: str) -> Field:
    return Field(name, "I", Role.TYPE_ID)


def name_off(name: str) -> Field:
    return Field(name, "I", Role.NAME_OFF)


def layout(fields: tuple[Field, ...], byte_order: str) -> Struct:
    """The `struct.Struct` of a record with these fields, without padding."""
    return Struct(PREFIX[byte_order] + "".join(field.code for field in fields))


def size_of(fields: tuple[Field, ...]) -> int:
    """Bytes of a record with these fields."""
    return layout(fields, "little").size
