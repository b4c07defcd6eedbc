"""The number that a relocation asks for of a place: an offset, a size, a shift, a value.

In: a kind of relocation, a `Place` on either side. Out: a `Value`. Source: libbpf's bpf_core_calc_field_relo,
bpf_core_calc_type_relo, bpf_core_calc_enumval_relo.
"""

from __future__ import annotations

from typing import NamedTuple

from btfkit.errors import LoadError
from btfkit.format.ext import CoreRelo as Kind
from btfkit.load.core.place import FIELD_KINDS, Place
from btfkit.load.core.targets import Side
from btfkit.model import types as t

WORD = 8
"""Bytes of the largest load, in which the shifts bring a bitfield's bits to the top and down again."""


class Value(NamedTuple):
    """is_sure: no compiler could see it differently. size: bytes of what lies at an offset (of an array, an element);
    type_id: of what lies there; 0 both where no load or store is to be fitted."""

    number: int
    is_sure: bool = True
    size: int = 0
    type_id: int = 0


class Extent(NamedTuple):
    """Where a field lies: bytes that a load can take, and its bits in them."""

    byte_off: int
    byte_size: int
    bit_off: int
    bit_size: int
    is_bitfield: bool


def value(kind: int, place: Place) -> Value:
    """LoadError for what the place has not (the shifts of an array's element, bits that no load reaches)."""
    if kind in (Kind.FIELD_EXISTS, Kind.TYPE_EXISTS, Kind.TYPE_MATCHES, Kind.ENUMVAL_EXISTS):
        return Value(1)
    if kind in FIELD_KINDS:
        return _field(kind, place) if place.steps[-1].name else _element(kind, place)
    if kind == Kind.TYPE_ID_TARGET:
        return Value(place.type_id, is_sure=False)
    if kind == Kind.TYPE_SIZE:
        return Value(place.side.size_of(place.type_id))
    return Value(_enumerator(place).value)


def _element(kind: int, place: Place) -> Value:
    side, type_id = place.side, place.steps[-1].type_id
    if kind == Kind.FIELD_BYTE_OFFSET:
        return Value(place.bit_off // 8, size=side.size_of(side.element_of(type_id)), type_id=type_id)
    if kind == Kind.FIELD_BYTE_SIZE:
        return Value(side.size_of(type_id))
    raise LoadError(f"{place.words} is an array's element, which has an offset and a size, and nothing else")


def _field(kind: int, place: Place) -> Value:
    side, btf = place.side, place.side.btf
    step = place.steps[-1]
    holder = btf[step.type_id]
    assert isinstance(holder, (t.Struct, t.Union))
    member = holder.members[step.idx]
    type_id = btf.resolve(member.type_id)
    type_ = btf[type_id]
    if kind == Kind.FIELD_SIGNED:
        return Value(int(isinstance(type_, (t.Int, t.Enum, t.Enum64)) and type_.is_signed))
    extent = _extent(place, member, type_)
    sure = not extent.is_bitfield
    match kind:
        case Kind.FIELD_BYTE_OFFSET if sure:
            return Value(extent.byte_off, True, side.size_of(side.element_of(type_id)), type_id)
        case Kind.FIELD_BYTE_OFFSET:
            return Value(extent.byte_off, False)
        case Kind.FIELD_BYTE_SIZE:
            return Value(extent.byte_size, sure)
        case Kind.FIELD_RSHIFT_U64:
            return Value(_shift(WORD * 8 - extent.bit_size))
    before = extent.bit_off - extent.byte_off * 8
    if btf.byte_order == "little":
        return Value(_shift(WORD * 8 - before - extent.bit_size), sure)
    return Value(_shift((WORD - extent.byte_size) * 8 + before), sure)


def _shift(bits: int) -> int:
    """In 32 bits, as libbpf counts: of a field that is larger than a word it is below 0, and nobody's shift."""
    return bits & 0xFFFF_FFFF


def _extent(place: Place, member: t.Member, type_: t.Type) -> Extent:
    off = place.bit_off
    if not member.bit_size:
        size = place.side.size_of(member.type_id)
        return Extent(off // 8, size, off, size * 8, False)
    size = type_.size if isinstance(type_, (t.Int, t.Enum, t.Enum64)) else 0
    while 0 < size <= WORD:
        start = off // 8 // size * size
        if off + member.bit_size <= (start + size) * 8:
            return Extent(start, size, off, member.bit_size, True)
        size *= 2
    raise LoadError(f"no load reaches all {member.bit_size} bits of {place.words} of {place.side.name}")


def _enumerator(place: Place) -> t.EnumValue:
    step = place.steps[0]
    type_ = place.side.btf[step.type_id]
    assert isinstance(type_, (t.Enum, t.Enum64))
    return type_.values[step.idx]


def can_resize(local: Side, mine: Value, target: Side, theirs: Value) -> bool:
    """Whether a load or store may move the target's number of bytes instead: pointers, and integers without sign."""
    old, new = local.btf[mine.type_id], target.btf[theirs.type_id]
    if isinstance(old, t.Int) and isinstance(new, t.Int):
        return not old.is_signed and not new.is_signed
    return isinstance(old, t.Ptr) and isinstance(new, t.Ptr)


__all__ = ["Value", "can_resize", "value"]
