"""Make a `Btf`: add types and instances, get ids that stay."""

from __future__ import annotations

from collections.abc import Callable

from btfkit.errors import BadReferenceError, UnsupportedError
from btfkit.format.btf import Form
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.instances import Instance
from btfkit.model.walk import reachable, remap


class Builder:
    """Types and instances in the order in which they are added; `intern` shares what is there already.

    base: a Btf whose types may be referred to (split BTF).
    """

    def __init__(self, base: Btf | None = None) -> None:
        self.base = base
        self.start_id = base.next_id if base is not None else 1
        self.start_inst_id = base.next_inst_id if base is not None else 1
        self.types: list[t.Type] = []
        self.instances: list[Instance] = []
        self._interned: dict[t.Type, int] = {}
        self._indexed = 0

    @property
    def next_id(self) -> int:
        return self.start_id + len(self.types)

    def add(self, type_: t.Type) -> int:
        """Append a type; its id. It may refer to ids that are still to come."""
        self.types.append(type_)
        return self.next_id - 1

    def intern(self, type_: t.Type) -> int:
        """The id of the first equal own type, else of this one, appended. Void is 0."""
        if type_ == t.VOID:
            return 0
        for index in range(self._indexed, len(self.types)):
            self._interned.setdefault(self.types[index], self.start_id + index)
        self._indexed = len(self.types)
        found = self._interned.get(type_)
        if found is None or self[found] != type_:
            found = self._interned[type_] = self.add(type_)
        return found

    def reserve(self) -> int:
        """An id for a type that is set later (for cycles)."""
        return self.add(t.VOID)

    def set(self, type_id: int, type_: t.Type) -> None:
        """Put a type in an own id's place."""
        self.types[self._index(type_id)] = type_

    def __getitem__(self, type_id: int) -> t.Type:
        """The type of that id; 0 is `Void`, and so is one that is reserved. BadReferenceError where there is none."""
        if type_id == 0:
            return t.VOID
        if 0 < type_id < self.start_id and self.base is not None:
            return self.base[type_id]
        return self.types[self._index(type_id)]

    def _index(self, type_id: int) -> int:
        if not self.start_id <= type_id < self.next_id:
            raise BadReferenceError(
                f"type_id {type_id} is none of the {len(self.types)} added, {self.start_id} to {self.next_id - 1}",
                type_id=type_id,
            )
        return type_id - self.start_id

    def instance(self, type_id: int, name: str, parent: int = 0) -> int:
        """Append an instance; its id. BadReferenceError for a parent that is not there yet."""
        inst_id = self.start_inst_id + len(self.instances)
        if parent >= inst_id:
            raise BadReferenceError(f"parent {parent} is not lower than its own id {inst_id}", inst_id=inst_id)
        self.instances.append(Instance(type_id, name, parent))
        return inst_id

    def build(self, *, byte_order: str = "little", form: Form = Form.INSTANCE) -> Btf:
        """The Btf, with a string table of its own. Types that were reserved and never set are an error."""
        for index, type_ in enumerate(self.types):
            if type_ == t.VOID:
                type_id = self.start_id + index
                raise BadReferenceError(f"type {type_id} was reserved and never set", type_id=type_id)
        return Btf(list(self.types), None, self.instances, base=self.base, byte_order=byte_order, form=form)


def copy_types(
    source: Btf, target: Builder, roots: list[int], change: Callable[[t.Type], t.Type] | None = None
) -> dict[int, int]:
    """Copy the roots and all they refer to, in the source's order; old id to new id.

    change: applied to each type before it is added (its references still the old ids).
    UnsupportedError where one is of an unknown kind: what it refers to cannot be told.
    """
    new_ids = {0: 0}
    old_ids = sorted(reachable(source, roots))
    for old in old_ids:
        if isinstance(source[old], t.Unknown):
            raise UnsupportedError(
                "its kind is not known, so it cannot be copied", type_id=old, thing=source.describe(old)
            )
        new_ids[old] = target.reserve()
    for old in old_ids:
        type_ = source[old]
        target.set(new_ids[old], remap(change(type_) if change else type_, new_ids.__getitem__))
    return new_ids
