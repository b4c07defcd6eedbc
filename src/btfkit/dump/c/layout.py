"""Where the compiler would put members, and what has to be written so that it puts them where BTF has them.

In: a `Btf`. Out: per struct or union a `Plan`: padding before members and at the end, ``packed``, or, where members
overlap or go backwards, a union of one-member structs. The rules are those of the System V ABI for x86-64, which clang
and gcc follow for BPF too:

- a member starts at the next multiple of its type's alignment (1 byte in a packed struct);
- a bit-field of a type of S bits starts right behind the last one, unless it would cross a multiple of S (in a packed
  struct, even then);
- an unnamed bit-field aligns nothing: that is what padding is made of;
- the whole has the strictest alignment of its members, and a size that is a multiple of it.

Alignment that attributes gave is not in BTF; all that it did to offsets is, and that is what the plans restore.
"""

from __future__ import annotations

from typing import NamedTuple

from btfkit.dump.c.scalars import scalar
from btfkit.errors import FormatError
from btfkit.model import types as t
from btfkit.model.btf import POINTER_SIZE, Btf


class Slot(NamedTuple):
    """pad: bits of padding before the member; bit_size: 0 but for bit-fields; end: its last bit + 1; align: bytes."""

    pad: int
    bit_off: int
    bit_size: int
    end: int
    align: int


class Plan(NamedTuple):
    """align: bytes. tail: bits of padding behind the last member. overlay: write each member as a packed struct of its
    own, all in one union."""

    align: int
    packed: bool
    slots: tuple[Slot, ...]
    tail: int = 0
    overlay: bool = False


class _Field(NamedTuple):
    bit_off: int
    bit_size: int
    size: int
    """bytes"""
    align: int


Composite = t.Struct | t.Union


def unit_size(size: int) -> int:
    """Bytes of the builtin integer that a bit-field of a type of ``size`` (up to 8) bytes is declared with."""
    return next(unit for unit in (1, 2, 4, 8) if size <= unit)


class Layouts:
    """Plans, made when asked for and kept."""

    def __init__(self, btf: Btf) -> None:
        self.btf = btf
        self._plans: dict[int, Plan] = {}
        self._leaves: dict[int, int] = {}

    def plan(self, type_id: int) -> Plan:
        """The plan of a STRUCT or UNION. FormatError where C cannot say it."""
        found = self._plans.get(type_id)
        if found is not None:
            return found
        stack, open_ = [type_id], set()
        while stack:
            current = stack[-1]
            type_ = self.btf[current]
            assert isinstance(type_, (t.Struct, t.Union))
            todo = []
            if current not in self._plans:
                open_.add(current)
                for member in type_.members:
                    leaf = self._leaf(member.type_id)
                    if leaf not in self._plans and isinstance(self.btf[leaf], (t.Struct, t.Union)):
                        if leaf in open_:
                            raise self._error("contains itself", leaf)
                        todo.append(leaf)
            if todo:
                stack += todo[:1]
                continue
            stack.pop()
            open_.discard(current)
            if current not in self._plans:
                self._plans[current] = self._make(current, type_)
        return self._plans[type_id]

    def _leaf(self, type_id: int) -> int:
        """Through typedefs, qualifiers and arrays."""
        found = self._leaves.get(type_id)
        if found is None:
            found = self.btf.resolve(type_id)
            seen = 0
            while isinstance(array := self.btf[found], t.Array):
                found = self.btf.resolve(array.elem_type)
                seen += 1
                if seen > len(self.btf):
                    raise self._error("arrays form a cycle", type_id)
            self._leaves[type_id] = found
        return found

    def _error(self, reason: str, type_id: int) -> FormatError:
        return FormatError(reason, section=".BTF", type_id=type_id, thing=self.btf.describe(type_id))

    def _align(self, leaf: int) -> int:
        type_ = self.btf[leaf]
        match type_:
            case t.Int() | t.Float():
                return scalar(type_).align
            case t.Enum() | t.Enum64():
                return type_.size if type_.size in (1, 2, 4, 8) else 1
            case t.Ptr():
                return POINTER_SIZE
            case t.Struct() | t.Union():
                return self._plans[leaf].align
        return 1

    def _fields(self, type_id: int, type_: Composite) -> list[_Field]:
        return [self._field(type_id, member) for member in type_.members]

    def _field(self, type_id: int, member: t.Member) -> _Field:
        leaf = self._leaf(member.type_id)
        base = self.btf[leaf]
        size = self.btf.size_of(member.type_id)
        what = f"member {member.name!r}" if member.name else "a member"
        if size is None:
            raise self._error(f"{what} is of {self.btf.describe(member.type_id)}, which has no size", type_id)
        bit_off, bit_size = member.bit_off, member.bit_size
        old_style = isinstance(base, t.Int) and 0 < base.bits != 8 * base.size
        if not bit_size and old_style and leaf == self.btf.resolve(member.type_id):
            # Before kind_flag (2018), a bit-field was a member of an INT of so many bits.
            assert isinstance(base, t.Int)
            bit_off, bit_size = bit_off + base.bit_off, base.bits
        if bit_size:
            if not isinstance(base, (t.Int, t.Enum, t.Enum64)) or bit_size > 8 * size or size > 8:
                raise self._error(f"{what} is a bit-field of {bit_size} bits of {self.btf.describe(leaf)}", type_id)
        elif bit_off % 8:
            raise self._error(f"{what} starts at bit {bit_off}, and is no bit-field", type_id)
        if bit_size:
            size = unit_size(size)
            return _Field(bit_off, bit_size, size, size)
        return _Field(bit_off, 0, size, self._align(leaf))

    def _make(self, type_id: int, type_: Composite) -> Plan:
        fields = self._fields(type_id, type_)
        for packed in (False, True):
            plan = _try(fields, type_, packed)
            if plan:
                return plan
        end = max((f.bit_off + (f.bit_size or 8 * f.size) for f in fields), default=0)
        if end > 8 * type_.size:
            raise self._error(f"its members end at bit {end}, it ends at bit {8 * type_.size}", type_id)
        return _overlay(fields, type_)


def _overlay(fields: list[_Field], type_: Composite) -> Plan:
    slots = [Slot(f.bit_off, f.bit_off, f.bit_size, f.bit_off + (f.bit_size or 8 * f.size), 1) for f in fields]
    return Plan(1, True, tuple(slots), 8 * type_.size, overlay=True)


def _round_up(value: int, to: int) -> int:
    return -(-value // to) * to


def _try(fields: list[_Field], type_: Composite, packed: bool) -> Plan | None:
    """The plan of a struct or union with or without ``packed``; None where that does not give BTF's offsets."""
    is_union = isinstance(type_, t.Union)
    pos, end, align, slots = 0, 0, 1, []
    for field in fields:
        if is_union:
            pos = 0
        if not packed:
            align = max(align, field.align)
        start = _natural(pos, field, packed)
        pad = 0
        if start != field.bit_off:
            pad = field.bit_off - pos
            if pad < 0 or is_union or _natural(field.bit_off, field, packed) != field.bit_off:
                return None
        pos = field.bit_off + (field.bit_size or 8 * field.size)
        end = max(end, pos)
        slots.append(Slot(pad, field.bit_off, field.bit_size, pos, 1 if packed else field.align))
    size = 8 * type_.size
    if end > size or size % (8 * align):
        return None
    tail = 0 if _round_up(end, 8 * align) == size else size - end
    return Plan(align, packed, tuple(slots), tail)


def _natural(pos: int, field: _Field, packed: bool) -> int:
    """The bit at which the compiler puts a member that comes after bit ``pos``."""
    if not field.bit_size:
        return _round_up(pos, 8 if packed else 8 * field.align)
    unit = 8 * field.size
    if packed or pos % (8 * field.align) + field.bit_size <= unit:
        return pos
    return _round_up(pos, 8 * field.align)
