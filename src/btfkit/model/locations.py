"""Kinds 20 to 22: where inlined functions and their parameters are. Part of `types`, which see.

Source: include/uapi/linux/btf.h of September 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import Self

from btfkit.format.kinds import Kind
from btfkit.model.parts import Anonymous, Parts, Type, parts_of


@dataclass(frozen=True, slots=True)
class LocParam(Anonymous, Type):
    """Where a parameter of an inlined function is: flags BTF_LOC_*, values as they say; size: bytes of the value."""

    kind = Kind.LOC_PARAM
    size: int
    flags: int = 0
    values: tuple[int, ...] = ()

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.word, parts.info[0], tuple(value for (value,) in parts.elems))

    def parts(self) -> Parts:
        return parts_of(word=self.size, info=(self.flags,), elems=tuple((value,) for value in self.values))


@dataclass(frozen=True, slots=True)
class LocProto(Anonymous, Type):
    """params: a LOC_PARAM's type id, or 0, for each parameter."""

    kind = Kind.LOC_PROTO
    params: tuple[int, ...] = ()

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(tuple(param for (param,) in parts.elems))

    def parts(self) -> Parts:
        return parts_of(elems=tuple((param,) for param in self.params))


@dataclass(frozen=True, slots=True)
class Loc:
    """An inlined copy of func (a FUNC), its parameters where loc_proto says, offset bytes into the section."""

    func: int
    loc_proto: int
    offset: int


@dataclass(frozen=True, slots=True)
class LocSec(Type):
    kind = Kind.LOCSEC
    name: str
    locs: tuple[Loc, ...] = ()

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, tuple(starmap(Loc, parts.elems)))

    def parts(self) -> Parts:
        return parts_of(self.name, elems=tuple((loc.func, loc.loc_proto, loc.offset) for loc in self.locs))
