"""ENUM and ENUM64: an `IntEnum` made from the type."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.model.types import EnumValue
from btfkit.values.base import Site, near_names
from btfkit.values.integers import IntCodec


class EnumCodec(IntCodec):
    """An enumerator. Gives a member of ``enum``, or int for a value that has no name (flags together, newer values).

    Takes members, ints, an enumerator's name, and names joined by ``|``.
    """

    what = "an enumerator or an integer"

    def __init__(self, site: Site, size: int, values: Sequence[EnumValue], *, signed: bool) -> None:
        super().__init__(site, size, signed=signed)
        bits = size * 8
        self.numbers: dict[str, int] = {}
        for value in values:
            if value.name:
                self.numbers.setdefault(value.name, _wrapped(value.value, bits, signed))
        self.enum = make_enum(site.name.removeprefix("enum "), self.numbers)
        members = {int(member): member for member in self.enum}
        self.members = members
        self.names = {number: name for name, number in reversed(self.numbers.items())}
        if self.lift is None:
            self.lift = lambda number: members.get(number, number)

    def from_int(self, number: int) -> Any:
        return self.members.get(number, number)

    def to_int(self, value: Any) -> int:
        if isinstance(value, str):
            return self._named(value)
        number = super().to_int(value)
        if number < 0 and not self.signed:
            # Compilers from before 2022 do not say that an enum is signed: its -1 is then 0xffffffff.
            wrapped = number & self.high
            if number >= -(self.high // 2 + 1) and wrapped in self.names:
                return wrapped
        return number

    def _named(self, text: str) -> int:
        number = 0
        for name in text.split("|"):
            found = self.numbers.get(name.strip() if name != text else text)
            if found is None:
                near = near_names(name.strip(), self.numbers)
                raise ValueTypeError(f"{self.name} has no enumerator {name.strip()!r}{near}")
            number |= found
        return number

    def loosen(self, obj: Any) -> Any:
        return obj if isinstance(obj, str) and obj in self.numbers else super().loosen(obj)

    def to_json(self, value: Any) -> Any:
        return self.names.get(value) or int(value)

    def format(self, value: Any) -> str:
        return str(self.names.get(value) or int(value))


def make_enum(name: str, numbers: dict[str, int]) -> type[IntEnum]:
    """An IntEnum with those of the names that Python lets an enum have; the others stay numbers."""
    safe = [(n, number) for n, number in numbers.items() if _may_be_member(n)]
    make: Any = IntEnum
    made: type[IntEnum] = make(python_name(name, "enum"), safe)
    return made


def python_name(name: str, default: str) -> str:
    """A class's name: any text but NUL and lone surrogates."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "") or default


def _may_be_member(name: str) -> bool:
    return name != "mro" and not (name.startswith("_") and name.endswith("_")) and "\0" not in name


def _wrapped(value: int, bits: int, signed: bool) -> int:
    """The number that an enum of that many bits has for it: enumerators are stored with 32 bits or more."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value
