"""Whether a type of the target can stand for one of the object's.

In: two types, each on its side. Three questions, from lenient to strict: as a field that is read; as a type that is to
exist; as a type that is to match, names and all. Source: libbpf's relo_core.c (bpf_core_fields_are_compat,
__bpf_core_types_are_compat, __bpf_core_types_match).
"""

from __future__ import annotations

from typing import Final

from btfkit.errors import LoadError
from btfkit.load.core.targets import Side, core_kind, essential
from btfkit.model import types as t
from btfkit.model.btf import MAX_RESOLVE_DEPTH

MAX_DEPTH: Final = 64
"""How deep types that are to match may be nested."""


def fields_compatible(local: Side, local_id: int, target: Side, target_id: int) -> bool:
    """Whether a field of the one type may be read where the object has one of the other."""
    for _ in range(MAX_RESOLVE_DEPTH):
        mine, theirs = local.btf.resolved(local_id), target.btf.resolved(target_id)
        if isinstance(mine, (t.Struct, t.Union)) and isinstance(theirs, (t.Struct, t.Union)):
            return True
        if core_kind(mine) is not core_kind(theirs):
            return False
        match mine, theirs:
            case t.Array(), t.Array():
                local_id, target_id = mine.elem_type, theirs.elem_type
            case t.Int(), t.Int():
                return not mine.bit_off and not theirs.bit_off
            case ((t.Fwd() | t.Enum() | t.Enum64()), _):
                names = essential(mine.name), essential(theirs.name)
                return not all(names) or names[0] == names[1]
            case _:
                return isinstance(mine, (t.Ptr, t.Float))
    return False


def types_compatible(local: Side, local_id: int, target: Side, target_id: int) -> bool:
    """Whether the types are of the same make: kinds, what pointers lead to, parameters; no names, no sizes."""
    todo = [(local_id, target_id)]
    seen: set[tuple[int, int]] = set()
    while todo:
        pair = todo.pop()
        if pair in seen:
            continue
        seen.add(pair)
        mine, theirs = local.btf.resolved(pair[0]), target.btf.resolved(pair[1])
        if core_kind(mine) is not core_kind(theirs):
            return False
        match mine, theirs:
            case t.Int(), t.Int():
                if mine.bit_off or theirs.bit_off:
                    return False
            case t.Ptr(), t.Ptr():
                todo.append((mine.type_id, theirs.type_id))
            case t.Array(), t.Array():
                todo.append((mine.elem_type, theirs.elem_type))
            case t.FuncProto(), t.FuncProto():
                if len(mine.params) != len(theirs.params):
                    return False
                todo.append((mine.return_type, theirs.return_type))
                todo += [(a.type_id, b.type_id) for a, b in zip(mine.params, theirs.params, strict=True)]
            case ((t.Void() | t.Struct() | t.Union() | t.Enum() | t.Enum64() | t.Fwd()), _):
                pass
            case _:
                return False
    return True


def types_match(local: Side, local_id: int, target: Side, target_id: int) -> bool:
    """Whether the target's type has all that the object's has, by name and of a type that matches in turn."""
    return _Matcher(local, target).match(local_id, target_id, False, MAX_DEPTH)


class _Matcher:
    """known: answers, and True for what is being asked already."""

    def __init__(self, local: Side, target: Side) -> None:
        self.local = local
        self.target = target
        self.known: dict[tuple[int, int, bool], bool] = {}

    def match(self, local_id: int, target_id: int, behind: bool, depth: int) -> bool:
        """behind: a pointer, where a declaration will do."""
        if not depth:
            raise LoadError(f"{self.local.btf.describe(local_id)} is nested too deeply to be matched")
        key = self.local.btf.resolve(local_id), self.target.btf.resolve(target_id), behind
        if key not in self.known:
            self.known[key] = True
            self.known[key] = self._match(self.local.btf[key[0]], self.target.btf[key[1]], behind, depth - 1)
        return self.known[key]

    def _match(self, mine: t.Type, theirs: t.Type, behind: bool, depth: int) -> bool:
        if essential(mine.name) != essential(theirs.name):
            return False
        match mine, theirs:
            case ((t.Fwd() | t.Struct() | t.Union()), (t.Fwd() | t.Struct() | t.Union())) if behind:
                return _is_union(mine) is _is_union(theirs)
            case t.Fwd(), t.Fwd():
                return mine.kind_flag is theirs.kind_flag
            case ((t.Struct() | t.Union()), (t.Struct() | t.Union())):
                return mine.kind is theirs.kind and self._members(mine, theirs, depth)
            case ((t.Enum() | t.Enum64()), (t.Enum() | t.Enum64())):
                names = {essential(value.name) for value in theirs.values}
                fits = mine.size == theirs.size and len(mine.values) <= len(theirs.values)
                return fits and all(essential(value.name) in names for value in mine.values)
            case t.Int(), t.Int():
                return mine.size == theirs.size and mine.is_signed == theirs.is_signed
            case t.Ptr(), t.Ptr():
                return self.match(mine.type_id, theirs.type_id, True, depth)
            case t.Array(), t.Array():
                return mine.nelems == theirs.nelems and self.match(mine.elem_type, theirs.elem_type, behind, depth)
            case t.FuncProto(), t.FuncProto():
                return (
                    len(mine.params) == len(theirs.params)
                    and self.match(mine.return_type, theirs.return_type, behind, depth)
                    and all(
                        self.match(a.type_id, b.type_id, behind, depth)
                        for a, b in zip(mine.params, theirs.params, strict=True)
                    )
                )
            case t.Void(), t.Void():
                return True
        return False

    def _members(self, mine: t.Struct | t.Union, theirs: t.Struct | t.Union, depth: int) -> bool:
        if len(mine.members) > len(theirs.members):
            return False
        by_name: dict[str, list[int]] = {}
        for member in theirs.members:
            by_name.setdefault(essential(member.name), []).append(member.type_id)
        return all(
            any(self.match(m.type_id, other, False, depth) for other in by_name.get(essential(m.name), ()))
            for m in mine.members
        )


def _is_union(type_: t.Fwd | t.Struct | t.Union) -> bool:
    return type_.kind_flag if isinstance(type_, t.Fwd) else isinstance(type_, t.Union)


__all__ = ["fields_compatible", "types_compatible", "types_match"]
