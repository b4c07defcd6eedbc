"""What a type refers to, and the same type with other references. All of it follows from `KIND_SPECS`; no recursion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from btfkit.format.fields import Field, Role
from btfkit.format.kinds import KIND_SPECS
from btfkit.model import types as t

if TYPE_CHECKING:
    from btfkit.model.btf import Btf


@dataclass(frozen=True, slots=True)
class _Roles:
    """Positions of type ids in a kind's parts."""

    word: bool
    info: tuple[int, ...]
    elem: tuple[int, ...]


def _positions(fields: tuple[Field, ...], role: Role) -> tuple[int, ...]:
    return tuple(index for index, field in enumerate(fields) if field.role is role)


_IDS = {
    kind: _Roles(
        spec.word is not None and spec.word.role is Role.TYPE_ID,
        _positions(spec.info, Role.TYPE_ID),
        _positions(spec.elem, Role.TYPE_ID),
    )
    for kind, spec in KIND_SPECS.items()
}
_NAMES = {kind: _positions(spec.elem, Role.NAME_OFF) for kind, spec in KIND_SPECS.items()}


def ids(type_: t.Type) -> Iterator[int]:
    """Every type id in the record, void too, in the record's order."""
    roles = _IDS.get(type_.kind)
    if roles is None:
        return
    parts = type_.parts()
    if roles.word:
        yield parts.word
    for index in roles.info:
        yield parts.info[index]
    for elem in parts.elems if roles.elem else ():
        for index in roles.elem:
            yield elem[index]


def names(type_: t.Type) -> Iterator[str]:
    """The type's name and its elements', empty ones too."""
    yield type_.name
    positions = _NAMES.get(type_.kind)
    if positions:
        for elem in type_.parts().elems:
            for index in positions:
                yield elem[index]


def remap(type_: t.Type, new_id: Callable[[int], int]) -> t.Type:
    """The same type with each id replaced by new_id(id)."""
    roles = _IDS.get(type_.kind)
    if roles is None:
        return type_
    parts = type_.parts()
    if roles.word:
        parts = parts._replace(word=new_id(parts.word))
    if roles.info:
        parts = parts._replace(info=_replaced(parts.info, roles.info, new_id))
    if roles.elem:
        parts = parts._replace(elems=tuple(_replaced(elem, roles.elem, new_id) for elem in parts.elems))
    return type(type_).of(parts)


def _replaced(values: tuple[int, ...], at: tuple[int, ...], new_id: Callable[[int], int]) -> tuple[int, ...]:
    return tuple(new_id(value) if index in at else value for index, value in enumerate(values))


def reachable(btf: Btf, roots: Iterable[int]) -> set[int]:
    """Ids of all types that the roots refer to, themselves included, void not."""
    seen = {0}
    todo = list(roots)
    while todo:
        type_id = todo.pop()
        if type_id not in seen:
            seen.add(type_id)
            todo.extend(ids(btf[type_id]))
    seen.discard(0)
    return seen


def postorder(btf: Btf, roots: Iterable[int]) -> list[int]:
    """Ids of all types that the roots refer to, each after what it refers to (as far as cycles allow)."""
    out: list[int] = []
    seen = {0}
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, ids(btf[root]))]
        while stack:
            type_id, rest = stack[-1]
            for ref in rest:
                if ref not in seen:
                    seen.add(ref)
                    stack.append((ref, ids(btf[ref])))
                    break
            else:
                stack.pop()
                out.append(type_id)
    return out
