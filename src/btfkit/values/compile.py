"""Types to codecs: each type once, what it holds by value first.

In: any Btf, sound or not. Checked: what would make a codec go wrong (sizes, bounds, types that hold themselves,
nesting without end).
"""

from __future__ import annotations

import weakref
from itertools import pairwise
from typing import NamedTuple

from btfkit.errors import FormatError, ValueTypeError
from btfkit.format.fields import PREFIX
from btfkit.model import types as t
from btfkit.model.btf import MAX_RESOLVE_DEPTH, POINTER_SIZE, Btf
from btfkit.values.arrays import BytesCodec, ListCodec, TextCodec
from btfkit.values.base import Codec, Site, under
from btfkit.values.enums import EnumCodec
from btfkit.values.floats import FloatCodec, RawCodec
from btfkit.values.integers import FIXED_ORDER, Be32Codec, BitsCodec, BoolCodec, CharCodec, IntCodec, PtrCodec
from btfkit.values.members import Members
from btfkit.values.structs import AddressCodec, StructCodec
from btfkit.values.unions import UnionCodec

MAX_DEPTH = 32
"""Levels of types that hold one another by value, as the kernel has it (MAX_RESOLVE_DEPTH)."""

_BYTE_NAMES = {"u8", "s8", "__u8", "__s8", "uint8_t", "int8_t", "unsigned char", "signed char"}
_ADDRESSES = {("in_addr", 4), ("in6_addr", 16)}


class _Resolved(NamedTuple):
    """A type behind its typedefs and modifiers. names: the typedefs', outermost first; last: the innermost's id."""

    type_id: int
    type_: t.Type
    names: tuple[str, ...]
    last: int


class Compiler:
    """Makes and keeps the codecs of one Btf in one byte order."""

    def __init__(self, byte_order: str) -> None:
        self.byte_order = byte_order
        self.codecs: dict[int, Codec] = {}

    def codec(self, btf: Btf, type_id: int) -> Codec:
        found = self.codecs.get(type_id)
        return found if found is not None else _Run(self, btf).codec(type_id)


class _Run:
    """One compilation: the Btf, and the types that are being compiled, outermost first."""

    def __init__(self, compiler: Compiler, btf: Btf) -> None:
        self.btf = btf
        self.byte_order = compiler.byte_order
        self.codecs = compiler.codecs
        self.active: list[int] = []

    def codec(self, type_id: int) -> Codec:
        found = self.codecs.get(type_id)
        if found is not None:
            return found
        resolved = self._resolve(type_id)
        key = type_id
        if isinstance(resolved.type_, (t.Struct, t.Union, t.Enum, t.Enum64, t.DataSec)):
            # One class per type: a nameless one is known by the typedef next to it.
            key = resolved.type_id if resolved.type_.name or not resolved.names else resolved.last
        if key in self.active:
            raise FormatError("holds itself by value", section=".BTF", type_id=key, thing=self.btf.describe(key))
        if key not in self.codecs:
            self.active.append(key)
            self._check_depth(len(self.active), key)
            codec = self._make(resolved if key == type_id else self._resolve(key), key)
            self._check_depth(codec.depth, key)
            self.active.pop()
            self.codecs[key] = codec
        self.codecs[type_id] = self.codecs[key]
        return self.codecs[key]

    def _check_depth(self, depth: int, type_id: int) -> None:
        if depth > MAX_DEPTH:
            raise FormatError(
                f"types hold one another more than {MAX_DEPTH} deep",
                section=".BTF",
                type_id=type_id,
                thing=self.btf.describe(type_id),
            )

    def _resolve(self, type_id: int) -> _Resolved:
        start, last, names = type_id, type_id, []
        for _ in range(MAX_RESOLVE_DEPTH):
            type_ = self.btf[type_id]
            if isinstance(type_, t.Typedef):
                names.append(type_.name)
                last = type_id
            elif not isinstance(type_, (*t.Modifier, t.Var)):
                return _Resolved(type_id, type_, tuple(names), last)
            type_id = type_.type_id
        raise FormatError(
            "typedefs or qualifiers form a cycle", section=".BTF", type_id=start, thing=self.btf.describe(start)
        )

    def _site(self, resolved: _Resolved, key: int) -> Site:
        return Site(self._name(resolved), self.btf.describe(key), self.byte_order)

    def _name(self, resolved: _Resolved, depth: int = 0) -> str:
        """The type as C writes it."""
        if resolved.names:
            return resolved.names[0]
        type_ = resolved.type_
        match type_:
            case t.Struct() | t.Union() | t.Enum() | t.Enum64():
                kind = "enum" if isinstance(type_, t.Enum64) else type_.kind.name.lower()
                return f"{kind} {type_.name}".rstrip()
            case t.Array():
                elem = self._name(self._resolve(type_.elem_type), depth + 1) if depth < MAX_DEPTH else "…"
                name, bracket, rest = elem.partition("[")
                return f"{name}[{type_.nelems}]{bracket}{rest}"
            case t.Ptr():
                return "pointer"
        return type_.name or type_.kind.name

    # -- one kind each ---------------------------------------------------------------------------------------

    def _make(self, resolved: _Resolved, key: int) -> Codec:
        site = self._site(resolved, key)
        type_ = resolved.type_
        match type_:
            case t.Int():
                return self._int(type_, resolved.names, site)
            case t.Ptr():
                return PtrCodec(site, POINTER_SIZE, signed=False)
            case t.Enum() | t.Enum64():
                self._want(type_.size in (1, 2, 4, 8), f"an enum of {type_.size} bytes", site)
                return EnumCodec(site, type_.size, type_.values, signed=type_.is_signed)
            case t.Float():
                self._want(type_.size > 0, "a float of no bytes", site)
                return FloatCodec(site, type_.size) if FloatCodec.known(type_.size) else RawCodec(site, type_.size)
            case t.Array():
                return self._array(type_, site)
            case t.Struct():
                return self._struct(type_, site)
            case t.Union():
                members, depth = self._members(type_, site)
                return UnionCodec(site, members, depth=depth)
            case t.DataSec():
                return self._datasec(type_, site)
        raise ValueTypeError("has no size: there are no values of it", thing=site.thing)

    def _want(self, good: bool, what: str, site: Site) -> None:
        if not good:
            raise FormatError(f"{what} cannot be", section=".BTF", thing=site.thing)

    def _int(self, type_: t.Int, names: tuple[str, ...], site: Site) -> Codec:
        number = self._number(type_, site)
        if type_.bits != type_.size * 8 or type_.bit_off:
            return BitsCodec(site, number, type_.bits, type_.bit_off, type_.size)
        fixed = [FIXED_ORDER[name] for name in names if name in FIXED_ORDER]
        if fixed and fixed[0][0] == type_.size and type(number) is IntCodec:
            cls = Be32Codec if fixed[0] == (4, "big") and not type_.is_signed else IntCodec
            return cls(site, type_.size, signed=type_.is_signed, byte_order=fixed[0][1])
        return number

    def _number(self, type_: t.Int, site: Site) -> IntCodec:
        """An INT of all of its bits."""
        bits = type_.bit_off + type_.bits
        self._want(
            1 <= type_.size <= 16 and type_.bit_off < bits <= type_.size * 8,
            f"an integer of {type_.bits} bits from bit {type_.bit_off} in {type_.size} bytes",
            site,
        )
        if type_.is_bool:
            return BoolCodec(site, type_.size)
        cls = CharCodec if type_.size == 1 and type_.name == "char" else IntCodec
        return cls(site, type_.size, signed=type_.is_signed)

    def _array(self, type_: t.Array, site: Site) -> Codec:
        resolved = self._resolve(type_.elem_type)
        elem = self._inner(type_.elem_type, site, "its elements")
        int_ = resolved.type_
        if type_.nelems and isinstance(int_, t.Int) and elem.size == 1 and type(elem) in (IntCodec, CharCodec):
            is_byte = not _BYTE_NAMES.isdisjoint((*resolved.names, int_.name))
            if not is_byte and (int_.is_char or int_.name == "char"):
                return TextCodec(site, elem, type_.nelems)
            if not int_.is_signed:
                return BytesCodec(site, elem, type_.nelems)
        return ListCodec(site, elem, type_.nelems)

    def _inner(self, type_id: int, site: Site, field: str) -> Codec:
        """The codec of what a type holds; an error tells of the holder too."""
        try:
            return self.codec(type_id)
        except ValueTypeError as error:
            if error.field is None:
                error.reason = f"{error.thing} {error.reason}"
            raise under(error, field, site.thing) from None

    def _struct(self, type_: t.Struct, site: Site) -> Codec:
        members, depth = self._members(type_, site)
        cls = AddressCodec if (type_.name, type_.size) in _ADDRESSES else StructCodec
        return cls(site, members, depth=depth)

    def _members(self, type_: t.Struct | t.Union, site: Site) -> tuple[Members, int]:
        members, depth = Members(site.thing, type_.size), 0
        for index, member in enumerate(type_.members):
            codec, off = self._member(member, index, site)
            depth = max(depth, codec.depth)
            if member.name:
                members.add(member.name, codec, off, index)
            elif isinstance(codec, StructCodec) and isinstance(type_, t.Struct):
                members.add_inline(codec, codec.members, off, index)
            elif isinstance(codec, (StructCodec, UnionCodec)):
                members.add_anonymous(codec, codec.members, off, index)
        return members, depth + 1

    def _member(self, member: t.Member, index: int, site: Site) -> tuple[Codec, int]:
        """Its codec and its offset in bytes. Old-style bitfields say their bits in the INT, new ones in the member."""
        codec = self._inner(member.type_id, site, member.name or f"member {index}")
        off, shift = divmod(member.bit_off, 8)
        bits = member.bit_size
        if isinstance(codec, BitsCodec) and not bits:
            type_ = self._resolve(member.type_id).type_
            assert isinstance(type_, t.Int)
            off, shift = divmod(member.bit_off + type_.bit_off, 8)
            bits = type_.bits
        if isinstance(codec, BitsCodec):
            codec = codec.number
        if not bits and not shift:
            return codec, off
        if not isinstance(codec, IntCodec) or bits > codec.size * 8:
            raise FormatError(
                f"a bitfield of {bits} bits from bit {member.bit_off} on cannot be {codec.name}",
                section=".BTF",
                thing=site.thing,
                field=f"member {index}",
            )
        if codec.own_order != site.byte_order or isinstance(codec, Be32Codec):
            codec = IntCodec(Site(codec.name, codec.thing, site.byte_order), codec.size, signed=codec.signed)
        inner = Site(codec.name, codec.thing, site.byte_order)
        return BitsCodec(inner, codec, bits or codec.size * 8, shift), off

    def _datasec(self, type_: t.DataSec, site: Site) -> Codec:
        """A section: its variables by name. Where it says no size (an object not yet linked), it ends with the last."""
        places = []
        for var in type_.vars:
            name = self.btf[var.type_id].name
            places.append((name, self._inner(var.type_id, site, name), var.offset))
        size = type_.size or max((off + codec.size for _, codec, off in places), default=0)
        members = Members(site.thing, size)
        for index, (name, codec, off) in enumerate(places):
            members.add(name, codec, off, index)
        spans = sorted((slot.off, slot.off + slot.codec.size) for slot in members.slots)
        for (_, end), (off, _) in pairwise(spans):
            if off < end:
                raise FormatError(
                    f"two variables lie at byte {off}: the section is not laid out", section=".BTF", thing=site.thing
                )
        return StructCodec(site, members, depth=1 + max((codec.depth for _, codec, _ in places), default=0))


_compilers: dict[int, dict[str, Compiler]] = {}


def codec(btf: Btf, type_id: int, byte_order: str | None = None) -> Codec:
    """The codec of a type, made when first asked for.

    byte_order: of the bytes, ``little`` or ``big``; that of the Btf unless given.
    Raises ValueTypeError for a type that has no size (void, functions, forward declarations, maps); FormatError for one
    that cannot be laid out; BadReferenceError for an id that is not there.
    """
    order = byte_order or btf.byte_order
    if order not in PREFIX:
        raise ValueError(f"byte_order is 'little' or 'big', not {order!r}")
    kept = _compilers.get(id(btf))
    if kept is None:
        kept = _compilers[id(btf)] = {}
        weakref.finalize(btf, _compilers.pop, id(btf), None)
    if order not in kept:
        kept[order] = Compiler(order)
    return kept[order].codec(btf, type_id)
