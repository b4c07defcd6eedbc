"""Places in types: a field that an object's code names, and the same one in the target's types.

In: a relocation's access string (``0:2:1``: element 0, its member 2, of that member 1), in the object's types. Out: a
`Place`, whose steps are those with a meaning: names, and positions in arrays; and the `Place` of the same steps in a
candidate, through anonymous members wherever they lie there. Source: libbpf's bpf_core_parse_spec, bpf_core_spec_match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from btfkit.errors import LoadError
from btfkit.format.ext import CoreRelo as Kind
from btfkit.load.core.compat import fields_compatible, types_compatible, types_match
from btfkit.load.core.targets import Candidate, Side, essential
from btfkit.model import types as t
from btfkit.model.ext import CoreRelo

FIELD_KINDS: Final = frozenset(Kind(number) for number in range(Kind.FIELD_BYTE_OFFSET, Kind.FIELD_RSHIFT_U64 + 1))
ENUM_KINDS: Final = frozenset((Kind.ENUMVAL_EXISTS, Kind.ENUMVAL_VALUE))
MAX_STEPS: Final = 64
"""As in libbpf, of either side, anonymous members counted."""


class Step(NamedTuple):
    """Member ``idx`` of the struct, union or enumeration type_id, of that name; or (``""``) element ``idx`` of an
    array of type_id."""

    type_id: int
    idx: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """steps: none where the type itself is meant. bit_off: from the start of the type. type_id: as the record says."""

    side: Side
    type_id: int
    steps: tuple[Step, ...] = ()
    bit_off: int = 0

    @property
    def words(self) -> str:
        """``task_struct.cred.uid``, ``file::FMODE_READ``."""
        name = self.side.btf[self.type_id].name or "(anonymous)"
        if self.steps and self.steps[0].name:
            return f"{name}::{self.steps[0].name}"
        return name + path_words(self.steps)


def path_words(steps: tuple[Step, ...]) -> str:
    """``.cred.uid``, ``[3].name[0]``."""
    shown = steps[1:] if steps and not steps[0].name and not steps[0].idx else steps
    return "".join(f".{step.name}" if step.name else f"[{step.idx}]" for step in shown)


# -- in the object's types ----------------------------------------------------------------------------------------


def local_place(local: Side, relo: CoreRelo) -> Place:
    """What the relocation means. LoadError for an access that the object's own types do not have."""
    numbers = _numbers(relo.access)
    if relo.kind not in FIELD_KINDS and relo.kind not in ENUM_KINDS:
        if numbers != [0]:
            raise LoadError(f"access {relo.access!r} of a relocation to a whole type")
        return Place(local, relo.type_id)
    btf = local.btf
    root_id = btf.resolve(relo.type_id)
    root = btf[root_id]
    if relo.kind in ENUM_KINDS:
        if not isinstance(root, (t.Enum, t.Enum64)) or len(numbers) > 1 or numbers[0] >= len(root.values):
            raise LoadError(f"access {relo.access!r} is no value of an enumeration in {btf.describe(relo.type_id)}")
        return Place(local, relo.type_id, (Step(root_id, numbers[0], root.values[numbers[0]].name),))
    return _follow(local, relo, root_id, numbers)


def _numbers(access: str) -> list[int]:
    parts = access.split(":")
    if not all(part.isascii() and part.isdecimal() for part in parts) or len(parts) > MAX_STEPS:
        raise LoadError(f"access {access[:80]!r} is not made of numbers and colons")
    numbers = [int(part) for part in parts]
    if max(numbers) >> 31:
        raise LoadError(f"access {access[:80]!r} has a number of more than 31 bits")
    return numbers


def _follow(local: Side, relo: CoreRelo, type_id: int, numbers: list[int]) -> Place:
    btf = local.btf
    steps = [Step(type_id, numbers[0])]
    bit_off = numbers[0] * local.size_of(type_id) * 8
    for index in numbers[1:]:
        type_id = btf.resolve(type_id)
        type_ = btf[type_id]
        if isinstance(type_, (t.Struct, t.Union)) and index < len(type_.members):
            member = type_.members[index]
            bit_off += member.bit_off
            if member.name:
                steps.append(Step(type_id, index, member.name))
            type_id = member.type_id
        elif isinstance(type_, t.Array) and _inside(local, steps[-1], type_, index):
            type_id = btf.resolve(type_.elem_type)
            steps.append(Step(type_id, index))
            bit_off += index * local.size_of(type_id) * 8
        else:
            raise LoadError(f"access {relo.access!r} leads to {index} in {btf.describe(type_id)}, which has none such")
    return Place(local, relo.type_id, tuple(steps), bit_off)


def _inside(side: Side, before: Step, array: t.Array, index: int) -> bool:
    """Whether the array has that element. One without a size, last in its struct, has any."""
    if index < array.nelems:
        return True
    holder = side.btf[before.type_id]
    is_last = isinstance(holder, (t.Struct, t.Union)) and before.idx == len(holder.members) - 1
    return not array.nelems and bool(before.name) and is_last


# -- in a candidate -----------------------------------------------------------------------------------------------


def target_place(local: Place, kind: int, candidate: Candidate) -> Place | None:
    """The same in a type of the target; None where it has no such thing, or of a type that cannot stand for it."""
    side, type_id = candidate
    if kind in ENUM_KINDS:
        return _enumerator(local, candidate)
    if kind not in FIELD_KINDS:
        fits = types_match if kind == Kind.TYPE_MATCHES else types_compatible
        return Place(side, type_id) if fits(local.side, local.type_id, side, type_id) else None
    steps: list[Step] = []
    bit_off = taken = 0
    for position, mine in enumerate(local.steps):
        type_id = side.btf.resolve(type_id)
        if mine.name:
            found = _member(side, type_id, mine.name, MAX_STEPS - taken)
            if found is None:
                return None
            step, off, levels = found
            taken += levels
            member = _members(side, step.type_id)[step.idx]
            local_member = _members(local.side, mine.type_id)[mine.idx]
            if not fields_compatible(local.side, local_member.type_id, side, member.type_id):
                return None
            steps.append(step)
            bit_off += off
            type_id = member.type_id
            continue
        if position:
            array = side.btf[type_id]
            if not isinstance(array, t.Array) or not _inside(side, steps[-1], array, mine.idx):
                return None
            type_id = side.btf.resolve(array.elem_type)
        steps.append(Step(type_id, mine.idx))
        taken += 1
        bit_off += mine.idx * side.size_of(type_id) * 8
    return Place(side, candidate.type_id, tuple(steps), bit_off)


def _enumerator(local: Place, candidate: Candidate) -> Place | None:
    side = candidate.side
    type_id = side.btf.resolve(candidate.type_id)
    type_ = side.btf[type_id]
    if isinstance(type_, (t.Enum, t.Enum64)):
        wanted = essential(local.steps[0].name)
        for index, value in enumerate(type_.values):
            if essential(value.name) == wanted:
                return Place(side, candidate.type_id, (Step(type_id, index, value.name),))
    return None


def _members(side: Side, type_id: int) -> tuple[t.Member, ...]:
    type_ = side.btf[type_id]
    return type_.members if isinstance(type_, (t.Struct, t.Union)) else ()


def _member(side: Side, type_id: int, name: str, room: int) -> tuple[Step, int, int] | None:
    """The first member of that name, its bit offset, and how deep it lies: anonymous members are looked into.

    LoadError where that takes more than ``room`` levels.
    """
    stack = [(type_id, iter(enumerate(_members(side, type_id))), 0)]
    while stack:
        holder, members, base = stack[-1]
        for idx, member in members:
            if len(stack) > room:
                raise LoadError(f"{side.btf.describe(type_id)} of {side.name} is nested too deeply")
            if member.name == name:
                return Step(holder, idx, name), base + member.bit_off, len(stack)
            if not member.name:
                inner = side.btf.resolve(member.type_id)
                stack.append((inner, iter(enumerate(_members(side, inner))), base + member.bit_off))
                break
        else:
            stack.pop()
    return None


__all__ = ["ENUM_KINDS", "FIELD_KINDS", "Place", "Step", "local_place", "path_words", "target_place"]
