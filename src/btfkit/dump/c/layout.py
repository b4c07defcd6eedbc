"""Where the compiler would put members, and what has to be written so that it puts them where BTF has them.

In: a `Graph`. Out: per struct or union a `Plan`: padding before members and at the end, ``packed``, or, where members
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

from btfkit.dump.c.graph import Graph
from btfkit.dump.c.scalars import scalar
from btfkit.model import types as t
from btfkit.model.btf import POINTER_SIZE


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


class _Shape(NamedTuple):
    """A type of members. leaf: through typedefs, qualifiers and arrays; size: bytes of the whole, None: it has none."""

    leaf: int
    size: int | None
    is_array: bool


class Layouts:
    """Plans, made when asked for and kept."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.types = graph.types
        self._plans: dict[int, Plan] = {}
        self._shapes: dict[int, _Shape] = {}
        self._aligns: dict[int, int] = {}

    def plan(self, type_id: int) -> Plan:
        """The plan of a STRUCT or UNION. FormatError where C cannot say it."""
        found = self._plans.get(type_id)
        if found is not None:
            return found
        stack, open_ = [type_id], {type_id}
        while stack:
            current = stack[-1]
            todo = self._unplanned(current)
            if todo is None:
                stack.pop()
                open_.discard(current)
                self._plans[current] = self._make(current)
            elif todo in open_:
                raise self.graph.error("contains itself", todo)
            else:
                stack.append(todo)
                open_.add(todo)
        return self._plans[type_id]

    def _unplanned(self, type_id: int) -> int | None:
        """A struct or union that this one has a member of, and that has no plan yet."""
        for ref in self.graph.refs[type_id]:
            leaf = self._shape(ref).leaf
            if leaf not in self._plans and isinstance(self.types[leaf], (t.Struct, t.Union)):
                return leaf
        return None

    def leaf(self, type_id: int) -> int:
        """Through typedefs, qualifiers and arrays."""
        return self._shape(type_id).leaf

    def _shape(self, type_id: int) -> _Shape:
        found = self._shapes.get(type_id)
        if found is None:
            found = self._shapes[type_id] = self._make_shape(type_id)
        return found

    def _make_shape(self, type_id: int) -> _Shape:
        count, is_array, leaf = 1, False, type_id
        for _ in range(len(self.types) + 1):
            type_ = self.types[leaf]
            match type_:
                case t.Typedef() | t.Const() | t.Volatile() | t.Restrict() | t.TypeTag():
                    leaf = type_.type_id
                case t.Array():
                    leaf = type_.elem_type
                    count *= type_.nelems
                    is_array = True
                case t.Ptr():
                    return _Shape(leaf, count * POINTER_SIZE, is_array)
                case t.Int() | t.Float() | t.Enum() | t.Enum64() | t.Struct() | t.Union():
                    return _Shape(leaf, count * type_.size, is_array)
                case _:
                    return _Shape(leaf, None, is_array)
        raise self.graph.error("typedefs, qualifiers or arrays form a cycle", type_id)

    def _align(self, leaf: int) -> int:
        found = self._aligns.get(leaf)
        if found is None:
            type_ = self.types[leaf]
            found = 1
            match type_:
                case t.Int() | t.Float():
                    found = scalar(type_).align
                case t.Enum() | t.Enum64():
                    found = type_.size if type_.size in (1, 2, 4, 8) else 1
                case t.Ptr():
                    found = POINTER_SIZE
                case t.Struct() | t.Union():
                    found = self._plans[leaf].align
            self._aligns[leaf] = found
        return found

    def _field(self, type_id: int, member: t.Member) -> _Field:
        leaf, size, is_array = self._shape(member.type_id)
        base = self.types[leaf]
        bit_off, bit_size = member.bit_off, member.bit_size
        if not bit_size and isinstance(base, t.Int) and 0 < base.bits != 8 * base.size and not is_array:
            # Before kind_flag (2018), a bit-field was a member of an INT of so many bits.
            bit_off, bit_size = bit_off + base.bit_off, base.bits
        what = f"member {member.name!r}" if member.name else "a member"
        if size is None:
            raise self.graph.error(
                f"{what} is of {self.graph.btf.describe(member.type_id)}, which has no size", type_id
            )
        if not bit_size and bit_off % 8:
            raise self.graph.error(f"{what} starts at bit {bit_off}, and is no bit-field", type_id)
        if not bit_size:
            return _Field(bit_off, 0, size, self._align(leaf))
        takes = isinstance(base, (t.Int, t.Enum, t.Enum64)) and not is_array and bit_size <= 8 * size <= 64
        if not takes:
            named = self.graph.btf.describe(member.type_id)
            raise self.graph.error(f"{what} is a bit-field of {bit_size} bits of {named}", type_id)
        unit = unit_size(size)
        return _Field(bit_off, bit_size, unit, unit)

    def _make(self, type_id: int) -> Plan:
        type_ = self.types[type_id]
        assert isinstance(type_, (t.Struct, t.Union))
        fields = [self._field(type_id, member) for member in type_.members]
        for packed in (False, True):
            plan = _try(fields, type_, packed)
            if plan:
                return plan
        end = max((f.bit_off + (f.bit_size or 8 * f.size) for f in fields), default=0)
        if end > 8 * type_.size:
            raise self.graph.error(f"its members end at bit {end}, it ends at bit {8 * type_.size}", type_id)
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
