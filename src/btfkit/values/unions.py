"""UNION: a `UnionRecord`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.values.arrays import exact_bytes
from btfkit.values.base import Bytes, Codec, Site, under
from btfkit.values.enums import python_name
from btfkit.values.members import Members
from btfkit.values.records import UnionRecord, union_class
from btfkit.values.structs import StructCodec, format_members, loosen_members

RAW = "_raw"
"""In a dict: all of the union's bytes, where no member says them."""


class UnionCodec(Codec):
    """A union. Takes a dict with one member (or members of one anonymous struct), a union record of the same members,
    or bytes of exactly ``size``. What the member leaves is zero.

    record: the class of the values that `unpack` gives.
    """

    def __init__(self, site: Site, members: Members, *, depth: int) -> None:
        super().__init__(site, members.size, depth=depth)
        self.members = members
        self.names = members.names
        self.record = union_class(python_name(site.name.removeprefix("union "), "union"), self)
        self.lift = self.record._of

    def encode(self, value: Any) -> bytes:
        if isinstance(value, UnionRecord):
            if type(value) is self.record:
                return value._raw
            if value._fields != tuple(self.names):
                self.refuse(value, f"a record of {self.name}: its members are {', '.join(self.names)}")
            value = value._codec.expand(value._raw)
        if isinstance(value, Mapping):
            return self._by_name(value)
        if isinstance(value, Bytes):
            return exact_bytes(self, value)
        if isinstance(value, list):
            return exact_bytes(self, self._numbers(value))
        self.refuse(value, f"a dict of one member, a record or bytes ({self.name})")

    def _numbers(self, value: list[Any]) -> bytes:
        try:
            return bytes(value)
        except (TypeError, ValueError):
            self.refuse(value, f"a list of bytes ({self.name})")

    def _by_name(self, value: Mapping[str, Any]) -> bytes:
        found: dict[int, Any] = {}
        for name, member in value.items():
            place = self.names.get(name)
            if place is None:
                if name == RAW and len(value) == 1 and isinstance(member, (*Bytes, list)):
                    return self.encode(member)
                raise self.members.unknown(name, self.name)
            at, view = place
            if view is None:
                found[at] = member
            else:
                found.setdefault(at, {})[view] = member
        if not found and not self.members.slots:
            return bytes(self.size)
        if len(found) != 1:
            what = f"{', '.join(value)} are given" if found else "nothing is given"
            raise ValueTypeError(f"{self.name} holds one of its members, {what}")
        ((at, member),) = found.items()
        slot = self.members.slots[at]
        try:
            return self._place(at, slot.codec.encode(member))
        except ValueTypeError as error:
            raise under(error, "" if slot.anonymous else slot.name) from None

    def _place(self, at: int, raw: bytes) -> bytes:
        off = self.members.slots[at].off
        return bytes(off) + raw + bytes(self.size - off - len(raw))

    # -- what records ask ------------------------------------------------------------------------------------

    def view(self, raw: bytes, name: str) -> Any:
        """The member of that name. KeyError."""
        at, view = self.names[name]
        slot = self.members.slots[at]
        value = slot.codec.unpack(raw, slot.off)
        return value if view is None else value[view]

    def exact(self, raw: bytes) -> dict[str, Any] | None:
        """The first member (or those of an anonymous struct) that says all of the bytes, by name; None if none does."""
        for at, slot in enumerate(self.members.slots):
            value = slot.codec.unpack(raw, slot.off)
            if self._place(at, slot.codec.encode(value)) != raw:
                continue
            if not slot.anonymous:
                return {slot.name: value}
            if isinstance(slot.codec, StructCodec):
                return self.members.renamed(at, slot.codec.expand(value)) or {slot.name: value}
            inner = value._codec.exact(value._raw)
            if inner is not None:
                return self.members.renamed(at, inner) or {slot.name: value}
        return {} if not self.members.slots and not any(raw) else None

    def expand(self, raw: bytes) -> dict[str, Any]:
        members = self.exact(raw)
        return {RAW: raw} if members is None else members

    # -- text ------------------------------------------------------------------------------------------------

    def to_json(self, value: Any) -> Any:
        """The member that says all of the bytes, by name; a list of the bytes where none does."""
        raw = self.encode(value)
        members = self.exact(raw)
        if members is None:
            return list(raw)
        return {name: self.members.codec(name).to_json(member) for name, member in members.items()}

    def loosen(self, obj: Any) -> Any:
        return loosen_members(self.members, obj) if isinstance(obj, dict) else obj

    def format(self, value: Any) -> str:
        raw = self.encode(value)
        members = self.exact(raw)
        return "0x" + raw.hex() if members is None else format_members(self.members, members)
