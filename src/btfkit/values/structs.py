"""STRUCT and DATASEC: a `Record`.

A struct without bitfields and overlaps goes through one `struct.Struct`, padding and all; another, slot by slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.format.fields import PREFIX
from btfkit.values.addresses import ADDRESS_NAMES, address_bytes, address_text
from btfkit.values.arrays import exact_bytes
from btfkit.values.base import PACK_ERRORS, Bytes, Codec, Site, quoted, under
from btfkit.values.enums import python_name
from btfkit.values.members import Members
from btfkit.values.records import Record, record_class

_MISSING: Any = object()
_MAX_LISTED = 8


class StructCodec(Codec):
    """A struct. Takes a dict with every member (those of no size may be left out), a tuple or list of the members in
    order, a record of the same members, or bytes of exactly ``size``.

    record: the class of the values that `unpack` gives.
    """

    def __init__(self, site: Site, members: Members, *, depth: int) -> None:
        weight = 1 + sum(slot.codec.weight for slot in members.slots)
        super().__init__(site, members.size, depth=depth, weight=weight)
        self.members = members
        self.slots = members.slots
        self.names = members.names
        self.fields = tuple(slot.name for slot in members.slots)
        self._field_set = frozenset(self.fields)
        self.lift = self.unpack
        codecs = [slot.codec for slot in self.slots]
        while codecs and codecs[-1].size == 0:
            codecs.pop()
        self._needed = len(codecs)
        self._all = self._plan()
        self._lifts = [(at, slot.codec.lift) for at, slot in enumerate(self.slots) if slot.codec.lift is not None]
        self._lowers = [(at, slot.codec.lower) for at, slot in enumerate(self.slots) if not slot.codec.direct]
        self._direct = [(at, slot.codec.lower) for at, slot in enumerate(self.slots) if slot.codec.direct]
        has_lists = any(getattr(slot.codec, "nelems", None) is not None for slot in self.slots)
        name = python_name(site.name.removeprefix("struct "), "struct")
        self.record = record_class(name, self, has_lists=has_lists)

    def _plan(self) -> Struct | None:
        """All slots and the padding as one `struct` format; None where slots share bytes or are out of order."""
        codes, end = [PREFIX[self.byte_order]], 0
        for slot in self.slots:
            if slot.codec.is_bits or slot.off < end:
                return None
            codes.append(f"{slot.off - end}x" * (slot.off > end) + slot.codec.code)
            end = slot.off + slot.codec.size
        codes.append(f"{self.size - end}x" * (self.size > end))
        return Struct("".join(codes))

    # -- reading ---------------------------------------------------------------------------------------------

    def unpack(self, data: bytes | bytearray | memoryview, off: int = 0) -> Record:
        values: Sequence[Any]
        if self._all is None:
            if len(data) - off < self.size:
                raise self.short(data, off)
            values = [slot.codec.unpack(data, off + slot.off) for slot in self.slots]
        else:
            try:
                values = self._all.unpack_from(data, off)
            except StructError:
                raise self.short(data, off) from None
            if self._lifts:
                values = list(values)
                for at, lift in self._lifts:
                    values[at] = lift(values[at])
        return tuple.__new__(self.record, values)

    # -- writing ---------------------------------------------------------------------------------------------

    def encode(self, value: Any) -> bytes:
        if type(value) is self.record:
            return self._encode(value)
        if isinstance(value, (dict, Mapping)):
            if value.keys() == self._field_set:
                return self._encode([value[name] for name in self.fields])
            return self._encode(self._by_name(value))
        if isinstance(value, (tuple, list)):
            return self._encode(self._by_position(value))
        if isinstance(value, Bytes):
            return exact_bytes(self, value)
        if hasattr(value, "_asdict"):  # a record of another make, as of btfkit.bpf
            return self.encode(value._asdict())
        self.refuse(value, f"a dict, a tuple or a record ({self.name})")

    def _encode(self, given: Sequence[Any]) -> bytes:
        values = list(given)
        if self._all is None:
            return self._encode_slots(values)
        self._lower(values, self._lowers)
        try:
            return self._all.pack(*values)
        except PACK_ERRORS:
            self._lower(values, self._direct)
            return self._all.pack(*values)

    def _encode_slots(self, values: list[Any]) -> bytes:
        self._lower(values, [(at, slot.codec.encode) for at, slot in enumerate(self.slots)])
        out = bytearray(self.size)
        for slot, raw in zip(self.slots, values, strict=True):
            if slot.codec.is_bits:
                for at, byte in enumerate(raw, slot.off):
                    out[at] |= byte
            else:
                out[slot.off : slot.off + len(raw)] = raw
        return bytes(out)

    def _lower(self, values: list[Any], lowers: Sequence[tuple[int, Any]]) -> None:
        for at, lower in lowers:
            try:
                values[at] = lower(values[at])
            except ValueTypeError as error:
                slot = self.slots[at]
                raise under(error, "" if slot.anonymous else slot.name) from None

    def _by_position(self, value: Sequence[Any]) -> Sequence[Any]:
        names = getattr(value, "_fields", self.fields)
        if names != self.fields:
            self.refuse(value, f"a record of {self.name}: its members are {', '.join(self.fields)}")
        if not self._needed <= len(value) <= len(self.slots):
            raise ValueTypeError(
                f"has {len(value)} values, {self.name} has {len(self.slots)} members: {', '.join(self.fields)}"
            )
        return (*value, *(b"" for _ in self.slots[len(value) :]))

    def _by_name(self, value: Mapping[str, Any]) -> list[Any]:
        values = [_MISSING] * len(self.slots)
        views: dict[int, dict[str, Any]] = {}
        for name, member in value.items():
            place = self.names.get(name)
            if place is None:
                raise self.members.unknown(name, self.name)
            at, view = place
            if view is None:
                values[at] = member
            else:
                views.setdefault(at, {})[view] = member
        for at, part in views.items():
            if values[at] is not _MISSING:
                raise ValueTypeError(f"is given besides {', '.join(part)}, which are in it", field=self.slots[at].name)
            values[at] = part
        missing = []
        for at, member in enumerate(values):
            if member is _MISSING:
                if self.slots[at].codec.size:
                    missing.append(at)
                values[at] = b""
        if missing:
            names = ", ".join(self.members.label(at) for at in missing[:_MAX_LISTED])
            more = f" and {len(missing) - _MAX_LISTED} more" if len(missing) > _MAX_LISTED else ""
            raise ValueTypeError(f"{self.name} also needs {names}{more}")
        return values

    # -- what records ask ------------------------------------------------------------------------------------

    def build(self, args: tuple[Any, ...], members: Mapping[str, Any]) -> Record:
        """A record of values given by position and by name."""
        if not members:
            return self.unpack(self.pack(args))
        given = dict(zip(self.fields, args, strict=False))
        twice = sorted(given.keys() & members.keys())
        if len(args) > len(self.fields) or twice:
            what = f"{twice[0]!r} is given twice" if twice else f"{len(args)} values are given"
            raise ValueTypeError(f"{what}, {self.name} has {len(self.fields)} members", thing=self.thing)
        return self.unpack(self.pack({**given, **members}))

    def replace(self, record: Record, members: Mapping[str, Any]) -> Record:
        given: dict[str, Any] = dict(zip(self.fields, record, strict=True))
        for name in members:
            at, view = self.names.get(name, (0, None))
            if view is not None:
                given.pop(self.fields[at], None)
        return self.unpack(self.pack({**given, **members}))

    def member(self, record: Record, name: str) -> Any:
        """KeyError where there is no such member."""
        at, view = self.names[name]
        value = tuple.__getitem__(record, at)
        return value if view is None else value[view]

    def expand(self, record: Record) -> dict[str, Any]:
        """The members by name; of an anonymous union, the view that says all of it."""
        out: dict[str, Any] = {}
        for at, slot in enumerate(self.slots):
            value = tuple.__getitem__(record, at)
            inner = self.members.renamed(at, value._codec.exact(value._raw)) if slot.anonymous else None
            out.update(inner or {slot.name: value})
        return out

    # -- text ------------------------------------------------------------------------------------------------

    def _record(self, value: Any) -> Record:
        return value if type(value) is self.record else self.unpack(self.pack(value))

    def to_json(self, value: Any) -> Any:
        members = self.expand(self._record(value))
        return {name: self.members.codec(name).to_json(member) for name, member in members.items()}

    def loosen(self, obj: Any) -> Any:
        return loosen_members(self.members, obj)

    def format(self, value: Any) -> str:
        return format_members(self.members, self.expand(self._record(value)))


class AddressCodec(StructCodec):
    """``struct in_addr`` and ``struct in6_addr``: also taken as, and shown as, an address in text."""

    bare_text = True

    def encode(self, value: Any) -> bytes:
        if isinstance(value, str):
            raw = address_bytes(value, self.size)
            if raw is None:
                self.refuse(value, f"{ADDRESS_NAMES[self.size]} ({self.name})")
            return raw
        return super().encode(value)

    def to_json(self, value: Any) -> Any:
        return address_text(self.encode(value))

    def format(self, value: Any) -> str:
        return address_text(self.encode(value))


def loosen_members(members: Members, obj: Any) -> Any:
    """`Codec.loosen` of a dict by name, of a list by position."""
    if isinstance(obj, dict):
        known = members.names
        return {name: members.codec(name).loosen(value) if name in known else value for name, value in obj.items()}
    if isinstance(obj, list) and len(obj) <= len(members.slots):
        return [slot.codec.loosen(value) for slot, value in zip(members.slots, obj, strict=False)]
    return obj


def format_members(members: Members, values: Mapping[str, Any]) -> str:
    parts = []
    for name, value in values.items():
        shown = name if name.isidentifier() else quoted(name)
        parts.append(f"{shown}={members.codec(name).format(value)}")
    return "{" + ", ".join(parts) + "}"
