"""The kernel's types, as the program is built with them: structs, their fields, functions, by name.

In: a `Btf`, or what opens one when it is first needed, or None. Out: ids and layouts in that BTF; diagnostics for what
is not in it. Programs that use no kernel types never open it.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from btfkit.bpf.ints import BY_SHAPE, ArrayType, char
from btfkit.errors import BtfkitError
from btfkit.frontend.python import types as t
from btfkit.frontend.span import NOWHERE, Span
from btfkit.model import types as m
from btfkit.model.btf import Btf

if TYPE_CHECKING:
    from btfkit.frontend.objects import ObjectBuilder
    from btfkit.frontend.python.unit import Unit

COMPOSITE = (m.Struct, m.Union)
KFUNC_TAG = "bpf_kfunc"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct, found through unnamed structs and unions: member indices; bits from the struct's start.

    bit_size: of a bitfield, else 0.
    """

    access: tuple[int, ...]
    bit_off: int
    bit_size: int
    type_id: int


class KernelTypes:
    """source: the BTF, or what opens it; None: there is none."""

    def __init__(self, source: Btf | Callable[[], Btf] | None = None) -> None:
        self._source = source
        self._kfuncs: set[int] | None = None

    def btf(self, unit: Unit, span: Span) -> Btf:
        """The BTF. A diagnostic where there is none, or it cannot be read."""
        if self._source is None:
            unit.error(span, "kernel types need the kernel's BTF", "build with --btf FILE")
        if not isinstance(self._source, Btf):
            try:
                self._source = self._source()
            except (BtfkitError, OSError) as error:
                unit.error(span, f"the kernel's BTF cannot be read: {error}", "build with --btf FILE")
        return self._source

    @property
    def opened(self) -> Btf:
        """The BTF that values' type ids are of: it is open, as there are such values."""
        assert isinstance(self._source, Btf)
        return self._source

    # -- by name

    def pointer(self, unit: Unit, name: str, span: Span = NOWHERE, trusted: bool = False) -> t.KernelPtr:
        """A pointer to the struct, union, or typedef of one, of that name."""
        type_id = self.composite(unit, name, span)
        if type_id is None:
            self.missing(unit, span, f"the kernel's BTF has no struct or union '{name}'", name, (*COMPOSITE, m.Typedef))
        return t.KernelPtr(type_id, name, trusted)

    def composite(self, unit: Unit, name: str, span: Span = NOWHERE) -> int | None:
        """The id of the struct, union, or typedef of one; the first, where headers disagree about it."""
        btf = self.btf(unit, span)
        found = btf.find_all(name, *COMPOSITE)
        if not found:
            found = [i for i in map(btf.resolve, btf.find_all(name, m.Typedef)) if isinstance(btf[i], COMPOSITE)]
        return found[0] if found else None

    def func(self, unit: Unit, name: str, span: Span = NOWHERE) -> tuple[int, m.FuncProto] | None:
        """The id of a function of the kernel, and its prototype."""
        btf = self.btf(unit, span)
        for type_id in btf.find_all(name, m.Func):
            proto = btf.func_proto(type_id)
            if proto is not None:
                return type_id, proto
        return None

    def is_kfunc(self, type_id: int) -> bool:
        """Whether programs may call that function; True where the BTF does not tell."""
        if self._kfuncs is None:
            btf = self.opened
            tags = (btf[i] for i in btf.find_all(KFUNC_TAG, m.DeclTag))
            self._kfuncs = {tag.type_id for tag in tags if isinstance(tag, m.DeclTag)}
        return not self._kfuncs or type_id in self._kfuncs

    def missing(
        self,
        unit: Unit,
        span: Span,
        reason: str,
        name: str,
        kinds: tuple[type[m.Type], ...],
        prefix: str = "",
    ) -> typing.NoReturn:
        """A diagnostic, with names that are near; prefix: what the kernel puts before all such names."""
        btf = self.btf(unit, span)
        start, size = prefix + name[:1], len(prefix + name)
        likely = [n for n in btf.names() if n.startswith(start) and abs(len(n) - size) < 4]
        near = [n for n in difflib.get_close_matches(prefix + name, likely, n=6) if btf.find_all(n, *kinds)]
        shown = [n.removeprefix(prefix) for n in near[:2]]
        unit.error(span, reason, f"did you mean {' or '.join(shown)}?" if shown else "")

    # -- layout

    def members(self, type_id: int) -> tuple[m.Member, ...]:
        type_ = self.opened.resolved(type_id)
        return type_.members if isinstance(type_, COMPOSITE) else ()

    def field(self, type_id: int, name: str) -> Field | None:
        """The field of that name, unnamed structs and unions looked through."""
        for access, bit_off, member in self._walk(type_id):
            if member.name == name:
                return self._field(access, bit_off, member)
        return None

    def field_names(self, type_id: int) -> list[str]:
        return [member.name for _, _, member in self._walk(type_id)]

    def _walk(
        self, type_id: int, access: tuple[int, ...] = (), bit_off: int = 0
    ) -> Iterator[tuple[tuple[int, ...], int, m.Member]]:
        """(member indices, bits from the start, member) of all that have a name."""
        for index, member in enumerate(self.members(type_id)):
            path, bits = (*access, index), bit_off + member.bit_off
            if member.name:
                yield path, bits, member
            else:
                yield from self._walk(member.type_id, path, bits)

    def _field(self, access: tuple[int, ...], bit_off: int, member: m.Member) -> Field:
        """BTF from before kind_flag has a bitfield's place in its INT."""
        type_ = self.opened.resolved(member.type_id)
        bit_size = member.bit_size
        if not bit_size and isinstance(type_, m.Int) and type_.bits < type_.size * 8 and not type_.is_bool:
            bit_off, bit_size = bit_off + type_.bit_off, type_.bits
        return Field(access, bit_off, bit_size, self.opened.resolve(member.type_id))

    # -- what values of them are

    def value_type(self, type_id: int, trusted: bool = False, space: str = "") -> t.ValueType | None:
        """Of a member, parameter or result of that type; None where the language has nothing for it.

        Structs, unions and arrays are the address of one.
        """
        btf = self.opened
        type_id = btf.resolve(type_id)
        match btf[type_id]:
            case m.Int(size=size) as number if size in (1, 2, 4, 8):
                return t.BOOL if number.is_bool and size == 1 else t.IntType(size * 8, number.is_signed)
            case m.Enum(size=size) | m.Enum64(size=size) as enum:
                return t.IntType(size * 8, enum.is_signed)
            case m.Ptr(type_id=target):
                return self.target_type(target, trusted)
            case m.Struct() | m.Union() | m.Array():
                return t.KernelPtr(type_id, self.spell(type_id), trusted, space)
            case m.Void():
                return t.NONE
        return None

    def target_type(self, type_id: int, trusted: bool = False) -> t.ValueType:
        """What a pointer to that is: of structs and unions the address of one, of all else an address."""
        btf = self.opened
        target = btf.resolve(type_id)
        if not isinstance(btf[target], COMPOSITE) or self._is_elsewhere(type_id):
            return t.ADDRESS
        return t.KernelPtr(target, self.spell(target), trusted)

    def _is_elsewhere(self, type_id: int) -> bool:
        """In user space, or at another place on each CPU: as the kernel's type tags say."""
        type_ = self.opened[type_id]
        while isinstance(type_, (m.Typedef, *m.Modifier)):
            if isinstance(type_, m.TypeTag) and type_.name in ("user", "percpu"):
                return True
            type_ = self.opened[type_.type_id]
        return False

    def element(self, type_id: int) -> tuple[int, int, int] | None:
        """Of an array: (type id of its elements, how many: 0 where it has no end, bytes of one)."""
        array = self.opened.resolved(type_id)
        if not isinstance(array, m.Array):
            return None
        size = self.opened.size_of(array.elem_type)
        return (self.opened.resolve(array.elem_type), array.nelems, size) if size else None

    def text_array(self, type_id: int, most: int) -> ArrayType | None:
        """Of an array of bytes, not too large to copy: the language's type for it."""
        found = self.element(type_id)
        if found is None or found[2] != 1 or not 0 < found[1] <= most:
            return None
        elem = self.opened[found[0]]
        if not isinstance(elem, m.Int):
            return None
        return ArrayType(char if elem.name == "char" or elem.is_char else BY_SHAPE[8, elem.is_signed], found[1])

    def size(self, type_id: int) -> int:
        """Bytes; 0 where it has none."""
        return self.opened.size_of(type_id) or 0

    def spell(self, type_id: int) -> str:
        """How messages name a type: ``task_struct``, ``int[4]``."""
        suffix = ""
        type_ = self.opened.resolved(type_id)
        while isinstance(type_, m.Array):
            suffix += f"[{type_.nelems}]"
            type_ = self.opened.resolved(type_.elem_type)
        star = ""
        while isinstance(type_, m.Ptr):
            star += "*"
            type_ = self.opened.resolved(type_.type_id)
        return (type_.name or ("void" if isinstance(type_, m.Void) else type_.kind.name.lower())) + star + suffix

    # -- in the object

    def declare(self, unit: Unit, builder: ObjectBuilder) -> None:
        """The kfuncs and relocations that the unit uses, with the types that they need."""
        from btfkit.frontend.python.kernel_export import declare  # noqa: PLC0415 (only where there are any)

        declare(unit, self.opened, builder)


__all__ = ["Field", "KernelTypes"]
