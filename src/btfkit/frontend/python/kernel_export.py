"""What of the kernel's types an object must say itself: those that its CO-RE relocations and kfuncs are about.

In: relocations and externs of a unit, with type ids of the kernel's BTF. Out: declarations with the object's own types.
A struct has only those members that relocations go through, at the offsets that they have; of what pointers point at,
no more than the name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from btfkit.frontend.objects import ObjectBuilder
from btfkit.frontend.python.declared import RelocationDecl
from btfkit.model import types as m
from btfkit.model.btf import Btf

if TYPE_CHECKING:
    from btfkit.frontend.python.unit import Unit


class KernelExport:
    """Types of one object, of the kernel's."""

    def __init__(self, btf: Btf, builder: ObjectBuilder, relocations: Iterable[RelocationDecl]) -> None:
        self.btf = btf
        self.builder = builder
        self._used: dict[int, set[int]] = {}
        self._made: dict[int, int] = {}
        for relocation in relocations:
            for type_id, index in self._path(relocation):
                self._used.setdefault(type_id, set()).add(index)

    def _path(self, relocation: RelocationDecl) -> Iterable[tuple[int, int]]:
        """(struct, member index) of each step through one."""
        type_id = self.btf.resolve(relocation.type_id)
        for index in relocation.access[1:]:
            type_ = self.btf[type_id]
            if isinstance(type_, m.Array):
                type_id = self.btf.resolve(type_.elem_type)
            else:
                assert isinstance(type_, (m.Struct, m.Union))
                yield type_id, index
                type_id = self.btf.resolve(type_.members[index].type_id)

    def access(self, relocation: RelocationDecl) -> str:
        """``0:1:2``, in the object's types."""
        steps = dict(enumerate(self._path(relocation)))
        out, type_id, step = [relocation.access[0]], self.btf.resolve(relocation.type_id), 0
        for index in relocation.access[1:]:
            type_ = self.btf[type_id]
            if isinstance(type_, m.Array):
                out.append(index)
                type_id = self.btf.resolve(type_.elem_type)
                continue
            assert isinstance(type_, (m.Struct, m.Union))
            out.append(sorted(self._used[steps[step][0]]).index(index))
            step += 1
            type_id = self.btf.resolve(type_.members[index].type_id)
        return ":".join(map(str, out))

    def type(self, type_id: int) -> int:
        """The object's type for one of the kernel's."""
        if type_id == 0:
            return 0
        if type_id not in self._made:
            self._made[type_id] = self._type(type_id)
        return self._made[type_id]

    def _type(self, type_id: int) -> int:
        type_, add = self.btf[type_id], self.builder.type
        match type_:
            case m.Struct() | m.Union():
                made = self._made[type_id] = self.builder.reserve()
                kept = [type_.members[i] for i in sorted(self._used.get(type_id, ()))]
                members = tuple(replace(member, type_id=self.type(member.type_id)) for member in kept)
                self.builder.define(made, replace(type_, members=members))
                return made
            case m.Ptr(type_id=target):
                return add(m.Ptr(self._pointee(target)))
            case m.Array():
                index = self.type(type_.index_type)
                return add(replace(type_, elem_type=self.type(type_.elem_type), index_type=index))
            case m.Typedef() | m.Const() | m.Volatile() | m.Restrict() | m.TypeTag():
                return add(replace(type_, type_id=self.type(type_.type_id)))
            case m.Int() | m.Enum() | m.Enum64() | m.Float() | m.Fwd():
                return add(type_)
        return 0

    def _pointee(self, type_id: int) -> int:
        """A pointer's target is told by name; functions are not."""
        return 0 if isinstance(self.btf.resolved(type_id), m.FuncProto) else self.type(type_id)


def declare(unit: Unit, btf: Btf, builder: ObjectBuilder) -> None:
    """The unit's externs and relocations, to the builder."""
    export = KernelExport(btf, builder, unit.relocations.values())
    for extern in unit.externs.values():
        proto = btf.func_proto(extern.type_id)
        assert proto is not None
        params = [(param.name, export.type(param.type_id)) for param in proto.params]
        builder.extern_function(extern.symbol, params, export.type(proto.return_type))
    for relocation in unit.relocations.values():
        builder.core_relo(
            relocation.symbol,
            export.type(relocation.type_id),
            export.access(relocation),
            relocation.kind,
            relocation.value,
        )


__all__ = ["KernelExport", "declare"]
