"""One frozen dataclass per kind of type.

References to other types are type ids (0 is void); names are text ("" is anonymous). Offsets and sizes say their
unit in their name: ``size`` bytes, ``bit_off`` and ``bit_size`` bits.

Each class says once how it lies on the wire, with `parts` and `of`; `KIND_SPECS` says which of those parts are
names and ids, so that the codec and `walk` need to know no class by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import Self

from btfkit.format.kinds import FuncLinkage, IntEncoding, Kind, VarLinkage
from btfkit.model.locations import Loc, LocParam, LocProto, LocSec
from btfkit.model.parts import NO_FIT, U32, Anonymous, Parts, Type, parts_of

__all__ = [
    "Array", "Const", "DataSec", "DeclTag", "Enum", "Enum64", "EnumValue", "Float", "Func", "FuncProto",
    "Fwd", "Int", "Loc", "LocParam", "LocProto", "LocSec", "Map", "Member", "Modifier", "Param", "Parts",
    "Ptr", "Restrict", "Struct", "TYPE_CLASSES", "Type", "TypeTag", "Typedef", "Union", "Unknown", "VOID",
    "Var", "VarSecInfo", "Void", "Volatile",
]  # fmt: skip

UNSIGNED = IntEncoding(0)

# A number that the enum does not name stays a number: meaning is not the decoder's to judge.
_FUNC_LINKAGES: dict[int, int] = {int(linkage): linkage for linkage in FuncLinkage}
_VAR_LINKAGES: dict[int, int] = {int(linkage): linkage for linkage in VarLinkage}


@dataclass(frozen=True, slots=True)
class Void(Anonymous, Type):
    """Type id 0: no type. It has no record."""

    kind = Kind.VOID


@dataclass(frozen=True, slots=True)
class Int(Type):
    """size: bytes; bits: how many of them count, from bit_off on."""

    kind = Kind.INT
    name: str
    size: int
    encoding: IntEncoding = UNSIGNED
    bits: int = -1
    bit_off: int = 0

    def __post_init__(self) -> None:
        if self.bits < 0:
            object.__setattr__(self, "bits", self.size * 8)

    @property
    def is_signed(self) -> bool:
        return bool(self.encoding & IntEncoding.SIGNED)

    @property
    def is_bool(self) -> bool:
        return bool(self.encoding & IntEncoding.BOOL)

    @property
    def is_char(self) -> bool:
        return bool(self.encoding & IntEncoding.CHAR)

    @classmethod
    def of(cls, parts: Parts) -> Self:
        word = parts.info[0]
        return cls(parts.name, parts.word, IntEncoding(word >> 24), word & 0xFFFF, word >> 16 & 0xFF)

    def parts(self) -> Parts:
        fits = 0 <= self.bits <= 0xFFFF and 0 <= self.bit_off <= 0xFF
        word = int(self.encoding) << 24 | self.bit_off << 16 | self.bits if fits else NO_FIT
        return parts_of(self.name, word=self.size, info=(word,))


@dataclass(frozen=True, slots=True)
class _Reference(Anonymous, Type):
    type_id: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.word)

    def parts(self) -> Parts:
        return parts_of(word=self.type_id)


@dataclass(frozen=True, slots=True)
class Ptr(_Reference):
    kind = Kind.PTR


@dataclass(frozen=True, slots=True)
class Volatile(_Reference):
    kind = Kind.VOLATILE


@dataclass(frozen=True, slots=True)
class Const(_Reference):
    kind = Kind.CONST


@dataclass(frozen=True, slots=True)
class Restrict(_Reference):
    kind = Kind.RESTRICT


@dataclass(frozen=True, slots=True)
class Typedef(Type):
    kind = Kind.TYPEDEF
    name: str
    type_id: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word)

    def parts(self) -> Parts:
        return parts_of(self.name, word=self.type_id)


@dataclass(frozen=True, slots=True)
class Array(Anonymous, Type):
    """nelems elements of type elem_type; index_type is what C would index it with."""

    kind = Kind.ARRAY
    elem_type: int
    index_type: int
    nelems: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(*parts.info)

    def parts(self) -> Parts:
        return parts_of(info=(self.elem_type, self.index_type, self.nelems))


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct or union. bit_size is 0 unless the composite has kind_flag and this is a bitfield."""

    name: str
    type_id: int
    bit_off: int
    bit_size: int = 0


@dataclass(frozen=True, slots=True)
class _Composite(Type):
    name: str
    size: int
    members: tuple[Member, ...] = ()
    kind_flag: bool = False

    @classmethod
    def of(cls, parts: Parts) -> Self:
        if parts.kind_flag:
            members = tuple(Member(n, t, o & 0xFF_FFFF, o >> 24) for n, t, o in parts.elems)
        else:
            members = tuple(starmap(Member, parts.elems))
        return cls(parts.name, parts.word, members, parts.kind_flag)

    def parts(self) -> Parts:
        if self.kind_flag:
            elems = tuple([(m.name, m.type_id, _bit_offset(m)) for m in self.members])
        else:
            elems = tuple([(m.name, m.type_id, NO_FIT if m.bit_size else m.bit_off) for m in self.members])
        return parts_of(self.name, kind_flag=self.kind_flag, word=self.size, elems=elems)


def _bit_offset(member: Member) -> int:
    """The offset word of a member whose composite has kind_flag: 24 bits of offset below 8 of size."""
    fits = member.bit_off >> 24 == 0 and member.bit_size >> 8 == 0
    return member.bit_size << 24 | member.bit_off if fits else NO_FIT


@dataclass(frozen=True, slots=True)
class Struct(_Composite):
    """kind_flag: the members' offsets carry a bit_size (24 bits of offset are left)."""

    kind = Kind.STRUCT


@dataclass(frozen=True, slots=True)
class Union(_Composite):
    kind = Kind.UNION


@dataclass(frozen=True, slots=True)
class EnumValue:
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class _Enumeration(Type):
    name: str
    size: int
    values: tuple[EnumValue, ...] = ()
    kind_flag: bool = False

    @property
    def is_signed(self) -> bool:
        return self.kind_flag


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@dataclass(frozen=True, slots=True)
class Enum(_Enumeration):
    """kind_flag: the values are signed. (Compilers from before 2022 never set it: from 2**31 on they are negative.)"""

    kind = Kind.ENUM

    @classmethod
    def of(cls, parts: Parts) -> Self:
        if parts.kind_flag:
            values = tuple(EnumValue(n, _signed(v, 32)) for n, v in parts.elems)
        else:
            values = tuple(starmap(EnumValue, parts.elems))
        return cls(parts.name, parts.word, values, parts.kind_flag)

    def parts(self) -> Parts:
        least, most = (-(1 << 31), (1 << 31) - 1) if self.kind_flag else (0, U32)
        elems = tuple([(v.name, v.value & U32 if least <= v.value <= most else NO_FIT) for v in self.values])
        return parts_of(self.name, kind_flag=self.kind_flag, word=self.size, elems=elems)


@dataclass(frozen=True, slots=True)
class Enum64(_Enumeration):
    """kind_flag: the values are signed."""

    kind = Kind.ENUM64

    @classmethod
    def of(cls, parts: Parts) -> Self:
        values = ((n, hi << 32 | lo) for n, lo, hi in parts.elems)
        if parts.kind_flag:
            values = ((n, _signed(v, 64)) for n, v in values)
        return cls(parts.name, parts.word, tuple(EnumValue(n, v) for n, v in values), parts.kind_flag)

    def parts(self) -> Parts:
        least, most = (-(1 << 63), (1 << 63) - 1) if self.kind_flag else (0, (1 << 64) - 1)
        elems = tuple(
            [(v.name, v.value & U32, v.value >> 32 & U32 if least <= v.value <= most else NO_FIT) for v in self.values]
        )
        return parts_of(self.name, kind_flag=self.kind_flag, word=self.size, elems=elems)


@dataclass(frozen=True, slots=True)
class Fwd(Type):
    """A struct (kind_flag False) or union (True) that is only declared."""

    kind = Kind.FWD
    name: str
    kind_flag: bool = False

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.kind_flag)

    def parts(self) -> Parts:
        return parts_of(self.name, kind_flag=self.kind_flag)


@dataclass(frozen=True, slots=True)
class Func(Type):
    """Mainline's named record of a function; type_id is its FUNC_PROTO."""

    kind = Kind.FUNC
    name: str
    type_id: int
    linkage: int = FuncLinkage.GLOBAL

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word, _FUNC_LINKAGES.get(parts.vlen, parts.vlen))

    def parts(self) -> Parts:
        return parts_of(self.name, vlen=int(self.linkage), word=self.type_id)


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter. A last one of type 0 without a name is C's ``...``."""

    name: str
    type_id: int


@dataclass(frozen=True, slots=True)
class FuncProto(Anonymous, Type):
    kind = Kind.FUNC_PROTO
    return_type: int
    params: tuple[Param, ...] = ()

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.word, tuple(starmap(Param, parts.elems)))

    def parts(self) -> Parts:
        return parts_of(word=self.return_type, elems=tuple((p.name, p.type_id) for p in self.params))


@dataclass(frozen=True, slots=True)
class Var(Type):
    kind = Kind.VAR
    name: str
    type_id: int
    linkage: int = VarLinkage.GLOBAL_ALLOCATED

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word, _VAR_LINKAGES.get(parts.info[0], parts.info[0]))

    def parts(self) -> Parts:
        return parts_of(self.name, word=self.type_id, info=(int(self.linkage),))


@dataclass(frozen=True, slots=True)
class VarSecInfo:
    """A variable (type_id: its VAR, or FUNC in ``.ksyms``) in a section: offset and size in bytes."""

    type_id: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class DataSec(Type):
    """size: bytes of the section; compilers write 0 and leave it to the linker or loader."""

    kind = Kind.DATASEC
    name: str
    size: int
    vars: tuple[VarSecInfo, ...] = ()

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word, tuple(starmap(VarSecInfo, parts.elems)))

    def parts(self) -> Parts:
        return parts_of(self.name, word=self.size, elems=tuple((v.type_id, v.offset, v.size) for v in self.vars))


@dataclass(frozen=True, slots=True)
class Float(Type):
    kind = Kind.FLOAT
    name: str
    size: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word)

    def parts(self) -> Parts:
        return parts_of(self.name, word=self.size)


@dataclass(frozen=True, slots=True)
class DeclTag(Type):
    """A tag on the declaration type_id: on itself (component_idx -1), or its member or parameter of that position.

    kind_flag: the name is an attribute, ``__attribute__((name))``, not a btf_decl_tag.
    """

    kind = Kind.DECL_TAG
    name: str
    type_id: int
    component_idx: int = -1
    kind_flag: bool = False

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word, parts.info[0], parts.kind_flag)

    def parts(self) -> Parts:
        return parts_of(self.name, kind_flag=self.kind_flag, word=self.type_id, info=(self.component_idx,))


@dataclass(frozen=True, slots=True)
class TypeTag(Type):
    """A tag on a type. kind_flag as in `DeclTag`."""

    kind = Kind.TYPE_TAG
    name: str
    type_id: int
    kind_flag: bool = False

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(parts.name, parts.word, parts.kind_flag)

    def parts(self) -> Parts:
        return parts_of(self.name, kind_flag=self.kind_flag, word=self.type_id)


@dataclass(frozen=True, slots=True)
class Map(Anonymous, Type):
    """The type "map from key_type to value_type" (type ids; 0: without keys, without typed values)."""

    kind = Kind.MAP
    key_type: int
    value_type: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        return cls(*parts.info)

    def parts(self) -> Parts:
        return parts_of(info=(self.key_type, self.value_type))


@dataclass(frozen=True, slots=True)
class Unknown(Type):
    """A kind that only the layout section knows: carried, not understood.

    number: its kind; size_type: the third word; data: what follows the common 12 bytes, in byte_order.
    Nothing in it is renumbered, so it cannot be moved to other ids, strings or byte orders.
    """

    kind = Kind.VOID
    number: int
    name: str
    vlen: int
    kind_flag: bool
    size_type: int
    data: bytes
    byte_order: str


VOID = Void()

TYPE_CLASSES: dict[int, type[Type]] = {
    cls.kind: cls
    for cls in (
        Int, Ptr, Array, Struct, Union, Enum, Fwd, Typedef, Volatile, Const, Restrict, Func, FuncProto, Var,
        DataSec, Float, DeclTag, TypeTag, Enum64, LocParam, LocProto, LocSec, Map,
    )
}  # fmt: skip

Modifier = (Volatile, Const, Restrict, TypeTag)
"""Kinds that change nothing about the layout of what they refer to; with TYPEDEF, what `resolve` steps over."""
