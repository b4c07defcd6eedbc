"""Find a type of one Btf in another: the same shape all the way down, cycles and all."""

from __future__ import annotations

from btfkit.model.btf import Btf
from btfkit.model.builder import Builder, copy_types
from btfkit.model.walk import ids, remap


def same(left: Btf, left_id: int, right: Btf, right_id: int) -> bool:
    """Whether the two types cannot be told apart by anything but their ids."""
    assumed: set[tuple[int, int]] = set()
    todo = [(left_id, right_id)]
    while todo:
        pair = todo.pop()
        if pair in assumed:
            continue
        assumed.add(pair)
        a, b = left[pair[0]], right[pair[1]]
        if type(a) is not type(b) or remap(a, _void) != remap(b, _void):
            return False
        todo += zip(ids(a), ids(b), strict=True)
    return True


def _void(type_id: int) -> int:
    return 0


def find_or_copy(source: Btf, type_id: int, target: Builder, view: Btf) -> int:
    """The id of the same type in the target (view: its types as they were), or of a copy."""
    if not type_id:
        return 0
    wanted = source[type_id]
    near = view.find_all(wanted.name, type(wanted))
    for candidate in near:
        if same(source, type_id, view, candidate):
            return candidate
    return copy_types(source, target, [type_id])[type_id]
