"""What all kinds of types have in common: a record taken apart, and the base class.

In `Parts` numbers are those of the wire, names are text. The codec makes parts of bytes and bytes of parts; the
classes of `types` make values of parts and parts of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from btfkit.format.kinds import Kind

U32 = 0xFFFF_FFFF
NO_FIT = -1
"""Stands in `Parts` for a number that its bits cannot hold; the encoder refuses it as it does any other too large."""


class Parts(NamedTuple):
    """A type's record with its names already text: what `KIND_SPECS` lists, in that order."""

    name: str
    vlen: int
    kind_flag: bool
    word: int
    info: tuple[int, ...]
    elems: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Type:
    """Base of all kinds. `of` makes one from its parts, `parts` is the way back."""

    kind: ClassVar[Kind]

    if TYPE_CHECKING:

        @property
        def name(self) -> str:
            """The empty text for the kinds that never have one."""

    @classmethod
    def of(cls, parts: Parts) -> Self:
        raise NotImplementedError

    def parts(self) -> Parts:
        raise NotImplementedError


class Anonymous:
    """A kind that never has a name. (Not in `Type`: a dataclass would take it for a field's default.)"""

    __slots__ = ()
    name = ""


def parts_of(
    name: str = "",
    *,
    vlen: int = 0,
    kind_flag: bool = False,
    word: int = 0,
    info: tuple[int, ...] = (),
    elems: tuple[tuple[Any, ...], ...] = (),
) -> Parts:
    return Parts(name, vlen or len(elems), kind_flag, word, info, elems)
