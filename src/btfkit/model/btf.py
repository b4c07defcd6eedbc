"""`Btf`: one .BTF section as values. Types are decoded when asked for, whatever ``types`` does behind its back."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from btfkit.errors import AmbiguousTypeError, BadReferenceError, FormatError, TypeNotFoundError
from btfkit.format.btf import Form
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import Kind, kind_name
from btfkit.model import types as t
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable
from btfkit.model.walk import names

POINTER_SIZE = 8
"""BPF's pointers."""

MAX_ALIGN = 16
"""That of __int128."""

MAX_RESOLVE_DEPTH = 64
"""How many typedefs, modifiers and arrays may stand on one another (the kernel's is 32); past it there is a cycle."""


NEAR_NAMES_MAX = 20_000
"""In a Btf of more types than this no near names are looked for: it would take longer than the answer is worth."""


class TypeTable(Protocol):
    """Own types by position (type id less start_id)."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> t.Type: ...
    def positions(self, name: str) -> list[int]:
        """Positions of all types of that name."""

    def names(self) -> Collection[str]:
        """The names of all types, each once."""


class TypeList:
    """A `TypeTable` over types that are values already."""

    def __init__(self, types: Sequence[t.Type]) -> None:
        self.types = list(types)
        self._names: dict[str, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, index: int) -> t.Type:
        return self.types[index]

    def positions(self, name: str) -> list[int]:
        return self._by_name().get(name, [])

    def names(self) -> Collection[str]:
        return self._by_name()

    def _by_name(self) -> dict[str, list[int]]:
        if self._names is None:
            self._names = {}
            for index, type_ in enumerate(self.types):
                self._names.setdefault(type_.name, []).append(index)
        return self._names


class Btf:
    """Types, strings and instances, optionally on a base (split BTF).

    base:      the Btf that this one stands on: its ids come first
    start_id:  the first own type id (1 without a base); next_id: one past the last
    layout:    (info_sz, elem_sz, flags) per kind as read; None: every kind known at writing
    """

    def __init__(
        self,
        types: TypeTable | Sequence[t.Type] = (),
        strings: StringTable | None = None,
        instances: Sequence[Instance] = (),
        *,
        base: Btf | None = None,
        byte_order: str = "little",
        form: Form = Form.INSTANCE,
        layout: tuple[tuple[int, int, int], ...] | None = None,
    ) -> None:
        if base is not None:
            base.settle_names()
        self.types: TypeTable = TypeList(types) if isinstance(types, (list, tuple)) else types  # type: ignore[assignment]
        self.strings: StringTable = strings or (StringTable(b"", base.strings) if base is not None else StringTable())
        self.own_instances = tuple(instances)
        self.base = base
        self.byte_order = byte_order
        self.form = form
        self.layout = layout
        self.start_id: int = base.next_id if base is not None else 1
        self.start_inst_id: int = base.next_inst_id if base is not None else 1

    @property
    def next_id(self) -> int:
        return self.start_id + len(self.types)

    @property
    def next_inst_id(self) -> int:
        return self.start_inst_id + len(self.own_instances)

    def __len__(self) -> int:
        """Number of types, the base's included, void not."""
        return self.next_id - 1

    def __repr__(self) -> str:
        base = f" on a base of {self.start_id - 1}" if self.base is not None else ""
        return f"<Btf {self.form}: {len(self.types)} types, {len(self.own_instances)} instances{base}>"

    def __eq__(self, other: object) -> bool:
        """Same types in the same order, same instances, same base. Forms, strings and byte orders do not count."""
        if not isinstance(other, Btf):
            return NotImplemented
        return (
            len(self.types) == len(other.types)
            and self.own_instances == other.own_instances
            and self.base == other.base
            and all(self.types[i] == other.types[i] for i in range(len(self.types)))
        )

    __hash__ = None  # type: ignore[assignment]

    def settle_names(self) -> None:
        """Add all names to ``strings``, as encoding would. A base's must be there before a split table numbers on."""
        if isinstance(self.types, TypeList):  # any other table's names come from the strings
            for type_ in self.types.types:
                for name in names(type_):
                    self.strings.add(name)
            for inst in self.own_instances:
                self.strings.add(inst.name)

    # -- types ---------------------------------------------------------------------------------------------

    def __getitem__(self, type_id: int) -> t.Type:
        """The type of that id; 0 is `Void`. BadReferenceError where there is none."""
        if type_id >= self.start_id:
            index = type_id - self.start_id
            if index < len(self.types):
                return self.types[index]
        elif type_id == 0:
            return t.VOID
        elif type_id > 0 and self.base is not None:
            return self.base[type_id]
        raise BadReferenceError(f"type_id {type_id} is past the last id {self.next_id - 1}", section=".BTF")

    def __contains__(self, type_id: int) -> bool:
        return 0 <= type_id < self.next_id

    def ids(self) -> range:
        """Own type ids (without the base's, without void)."""
        return range(self.start_id, self.next_id)

    def __iter__(self) -> Iterator[tuple[int, t.Type]]:
        """(type id, type) of own types."""
        types = self.types
        return ((self.start_id + index, types[index]) for index in range(len(types)))

    def find_all(self, name: str, *kinds: type[t.Type]) -> list[int]:
        """Ids of all types of that name (and of one of those classes), the base's first."""
        found = self.base.find_all(name, *kinds) if self.base is not None else []
        own = [self.start_id + index for index in self.types.positions(name)]
        return found + [i for i in own if not kinds or isinstance(self[i], kinds)]

    def find(self, name: str, *kinds: type[t.Type]) -> int:
        """The id of the one type of that name. TypeNotFoundError with near names; AmbiguousTypeError with the ids."""
        found = self.find_all(name, *kinds)
        if len(found) == 1:
            return found[0]
        what = f"type {name!r}" if not kinds else f"{'/'.join(k.kind.name for k in kinds)} {name!r}"
        if found:
            some = ", ".join(map(str, found[:8])) + (", …" if len(found) > 8 else "")
            raise AmbiguousTypeError(f"there are {len(found)} of {what}: type ids {some}", ids=found)
        near = difflib.get_close_matches(name, self.names(), n=3) if len(self) < NEAR_NAMES_MAX else []
        raise TypeNotFoundError(f"there is no {what}", near=near)

    def names(self) -> set[str]:
        """Names of all types, the base's included."""
        found = {name for name in self.types.names() if name}
        return found | self.base.names() if self.base is not None else found

    # -- meaning -------------------------------------------------------------------------------------------

    def resolve(self, type_id: int) -> int:
        """Step over typedefs, qualifiers and type tags. FormatError where they form a cycle."""
        start = type_id
        for _ in range(MAX_RESOLVE_DEPTH):
            type_ = self[type_id]
            if not isinstance(type_, (t.Typedef, *t.Modifier)):
                return type_id
            type_id = type_.type_id
        raise FormatError(
            "typedefs or qualifiers form a cycle", section=".BTF", type_id=start, thing=self.describe(start)
        )

    def resolved(self, type_id: int) -> t.Type:
        return self[self.resolve(type_id)]

    def size_of(self, type_id: int) -> int | None:
        """Bytes of a value of that type; None where it has no size (void, functions, forward declarations, maps)."""
        count, start = 1, type_id
        for _ in range(MAX_RESOLVE_DEPTH):
            type_ = self[self.resolve(type_id)]
            match type_:
                case t.Int() | t.Struct() | t.Union() | t.Enum() | t.Enum64() | t.Float() | t.DataSec():
                    return count * type_.size
                case t.Ptr():
                    return count * POINTER_SIZE
                case t.Array():
                    count *= type_.nelems
                    type_id = type_.elem_type
                case t.Var():
                    type_id = type_.type_id
                case _:
                    return None
        raise FormatError("arrays form a cycle", section=".BTF", type_id=start, thing=self.describe(start))

    def align_of(self, type_id: int) -> int:
        """Natural alignment in bytes (1 where there is none): of a struct, that of its members, packed or not."""
        known: dict[int, int] = {}
        todo = [type_id]
        while todo:
            current = todo[-1]
            parts, own = self._aligned_as(current)
            if current in known:  # seen before: its parts are done, or contain it, which is an error of the BTF
                todo.pop()
                known[current] = max([own, *(known[part] for part in parts)])
            else:
                known[current] = own
                todo += [part for part in parts if part not in known]
        return known[type_id]

    def _aligned_as(self, type_id: int) -> tuple[list[int], int]:
        """The types whose alignment a type has, and its own."""
        type_ = self.resolved(type_id)
        match type_:
            case t.Int() | t.Enum() | t.Enum64() | t.Float():
                return [], min(type_.size & -type_.size, MAX_ALIGN) or 1
            case t.Ptr():
                return [], POINTER_SIZE
            case t.Array():
                return [type_.elem_type], 1
            case t.Var():
                return [type_.type_id], 1
            case t.Struct() | t.Union():
                return [member.type_id for member in type_.members], 1
        return [], 1

    def describe(self, type_id: int) -> str:
        """``type 812 STRUCT 'foo'``: how errors name a type."""
        if type_id not in self or type_id == 0:
            return f"type {type_id}" + (" (void)" if type_id == 0 else "")
        try:
            type_ = self[type_id]
        except FormatError:
            return f"type {type_id}"
        kind = kind_name(type_.number if isinstance(type_, t.Unknown) else type_.kind)
        return f"type {type_id} {kind}" + (f" {type_.name!r}" if type_.name else "")

    # -- instances -----------------------------------------------------------------------------------------

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All instances, the base's first: that of id n stands at n - 1."""
        return (self.base.instances if self.base is not None else ()) + self.own_instances

    def instance(self, inst_id: int) -> Instance:
        """The instance of that id. BadReferenceError where there is none."""
        if self.start_inst_id <= inst_id < self.next_inst_id:
            return self.own_instances[inst_id - self.start_inst_id]
        if self.base is not None and 0 < inst_id < self.start_inst_id:
            return self.base.instance(inst_id)
        raise BadReferenceError(
            f"inst_id {inst_id} is past the last instance {self.next_inst_id - 1}", section=".BTF", inst_id=inst_id
        )

    def inst_ids(self) -> range:
        """Own instance ids."""
        return range(self.start_inst_id, self.next_inst_id)

    def instance_kind(self, inst_id: int) -> InstanceKind:
        """Function, map or variable: as its type says, seen through typedefs and modifiers."""
        type_ = self.resolved(self.instance(inst_id).type_id)
        if isinstance(type_, (t.Func, t.FuncProto)):
            return InstanceKind.FUNCTION
        return InstanceKind.MAP if isinstance(type_, t.Map) else InstanceKind.VARIABLE

    def map_type(self, type_id: int) -> t.Map | None:
        """The MAP that a type resolves to, or None."""
        type_ = self.resolved(type_id)
        return type_ if isinstance(type_, t.Map) else None

    def func_proto(self, type_id: int) -> t.FuncProto | None:
        """The FUNC_PROTO of a FUNC, FUNC_PROTO or pointer to one."""
        for _ in range(3):
            type_ = self.resolved(type_id)
            if isinstance(type_, t.FuncProto):
                return type_
            if not isinstance(type_, (t.Func, t.Ptr)):
                return None
            type_id = type_.type_id
        return None

    def describe_instance(self, inst_id: int) -> str:
        """``instance 3 'flows'``: how errors name an instance."""
        try:
            return f"instance {inst_id} {self.instance(inst_id).name!r}"
        except FormatError:
            return f"instance {inst_id}"


__all__ = ["Btf", "Kind", "TypeList", "TypeTable"]
