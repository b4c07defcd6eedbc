"""Where relocated types are looked for: a kernel's BTF, and its modules' where that has no such type.

In: Btf, of which nothing need have been decoded. Out: candidates by name, flavours (``task_struct___old``) set aside.
Source: libbpf's bpf_core_essential_name_len, bpf_core_add_cands and bpf_core_find_cands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

from btfkit.codec.raw import RawTypes
from btfkit.errors import LoadError
from btfkit.format.kinds import Kind
from btfkit.model import types as t
from btfkit.model.btf import MAX_RESOLVE_DEPTH, POINTER_SIZE, Btf
from btfkit.model.strings import StringTable

_FLAVOUR: Final = re.compile(r"(.*[^_])___[^_].*", re.DOTALL)
_LONGS: Final = ("long int", "long unsigned int", "long", "unsigned long")
MANY_NAMES = 30
"""Up to here a search of the strings for each name is quicker than a look at every type's name."""


def essential(name: str) -> str:
    """The name without its flavour: what stands before the last ``___`` that has other characters on both sides."""
    found = _FLAVOUR.fullmatch(name) if "___" in name else None
    return found[1] if found else name


def core_kind(type_: t.Type) -> Kind:
    """The type's kind, where both of enumerations are one."""
    return Kind.ENUM if type_.kind is Kind.ENUM64 else type_.kind


class Side:
    """The types of one side of a relocation. name: as errors call it. pointer_size: bytes; None: as its longs are."""

    def __init__(self, btf: Btf, name: str, pointer_size: int | None = None) -> None:
        self.btf = btf
        self.name = name
        if pointer_size is not None:
            self.pointer_size = pointer_size

    @cached_property
    def pointer_size(self) -> int:
        """A kernel of 32 bits is known by its ``long``."""
        btf = self.btf.base or self.btf
        for found in ids_by_name(btf, _LONGS).values():
            for type_id in found:
                type_ = btf[type_id]
                if isinstance(type_, t.Int) and type_.size in (4, 8):
                    return type_.size
        return POINTER_SIZE

    def size_of(self, type_id: int) -> int:
        """Bytes of a value of that type. LoadError where it has no size."""
        count, start = 1, type_id
        for _ in range(MAX_RESOLVE_DEPTH):
            type_ = self.btf.resolved(type_id)
            if isinstance(type_, t.Array):
                count *= type_.nelems
                type_id = type_.elem_type
                continue
            size = self.pointer_size if isinstance(type_, t.Ptr) else self.btf.size_of(type_id)
            if size is not None:
                return count * size
            break
        raise LoadError(f"{self.btf.describe(start)} of {self.name} has no size")

    def element_of(self, type_id: int) -> int:
        """The type itself; of an array that of its elements, however many dimensions it has."""
        for _ in range(MAX_RESOLVE_DEPTH):
            type_id = self.btf.resolve(type_id)
            type_ = self.btf[type_id]
            if not isinstance(type_, t.Array):
                return type_id
            type_id = type_.elem_type
        raise LoadError(f"{self.btf.describe(type_id)} of {self.name}: arrays form a cycle")


class Candidate(NamedTuple):
    """A type that a relocation may mean."""

    side: Side
    type_id: int

    def __str__(self) -> str:
        return f"{self.side.btf.describe(self.type_id)} of {self.side.name}"


class Targets:
    """btf: the kernel's types; modules: name and split Btf of each, asked for where btf has no candidate."""

    def __init__(
        self, btf: Btf, modules: Callable[[], Iterable[tuple[str, Btf]]] = tuple, *, name: str = "this kernel"
    ) -> None:
        self.name = name
        self._main = Side(btf, name)
        self._modules = modules
        self._known: dict[Side, dict[str, list[int]]] = {}

    @cached_property
    def _module_sides(self) -> list[Side]:
        return [Side(btf, f"module {name}") for name, btf in self._modules()]

    def expect(self, names: Iterable[str]) -> None:
        """Look for all these essential names at one go."""
        self._look(self._main, set(names))

    def candidates(self, name: str, kind: Kind) -> list[Candidate]:
        """All types of that essential name and `core_kind`."""
        found = list(self._of(self._main, name, kind))
        if not found:
            found = [candidate for side in self._module_sides for candidate in self._of(side, name, kind)]
        return found

    def _of(self, side: Side, name: str, kind: Kind) -> Iterator[Candidate]:
        self._look(side, {name})
        for type_id in self._known[side][name]:
            if core_kind(side.btf[type_id]) is kind:
                yield Candidate(side, type_id)

    def _look(self, side: Side, names: set[str]) -> None:
        known = self._known.setdefault(side, {})
        new = names - known.keys()
        if new:
            known.update(ids_by_name(side.btf, new))


# -- by essential name --------------------------------------------------------------------------------------------


def ids_by_name(btf: Btf, names: Collection[str]) -> dict[str, list[int]]:
    """Ids of the Btf's own types (not its base's) by each of these essential names."""
    out: dict[str, list[int]] = {name: [] for name in names}
    types = btf.types
    if isinstance(types, RawTypes) and len(names) <= MANY_NAMES:
        places = {off: name for name in names for off in _places(types.strings, name)}
        for index, off in enumerate(types.name_offs):
            if off in places:
                out[places[off]].append(btf.start_id + index)
        return out
    for text in types.names():
        found = out.get(essential(text))
        if found is not None:
            found += [btf.start_id + index for index in types.positions(text)]
    for found in out.values():
        found.sort()
    return out


def _places(strings: StringTable, name: str) -> Iterator[int]:
    """Every offset of the strings at which a text of that essential name starts."""
    if essential(name) == name:
        yield from strings.places(name)
    needle = name.encode("utf-8", "surrogateescape") + b"___"
    table: StringTable | None = strings
    while table is not None:
        data = table.data
        pos = data.find(needle)
        while pos >= 0:
            if essential(table.get(table.start + pos)) == name:
                yield table.start + pos
            pos = data.find(needle, pos + 1)
        table = table.base


__all__ = ["Candidate", "Side", "Targets", "core_kind", "essential", "ids_by_name"]
