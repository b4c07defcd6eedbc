"""Where the members of a struct or union lie, and by which names they are reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from btfkit.errors import FormatError, ValueTypeError
from btfkit.values.base import Codec, near_names

MAX_MEMBERS = 1 << 17
"""Members that anonymous structs may add up to."""

Place = tuple[int, str | None]
"""A member: the position of its slot, and its name inside that where the slot is an anonymous struct or union."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value in a record: ``off`` bytes from the start. anonymous: its own members stand for it."""

    name: str
    codec: Codec
    off: int
    anonymous: bool = False


@dataclass(slots=True)
class Members:
    """Slots in the type's order; names to places; places back to names."""

    thing: str
    size: int
    slots: list[Slot] = field(default_factory=list)
    names: dict[str, Place] = field(default_factory=dict)
    outer: dict[Place, str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, codec: Codec, off: int, index: int) -> None:
        """Append a named member. index: its position in the type, for errors; FormatError past the type's end."""
        self._check(codec, off, index)
        name = self._name(name, (len(self.slots), None))
        self.slots.append(Slot(name, codec, off))

    def add_anonymous(self, codec: Codec, inner: Members, off: int, index: int) -> None:
        """Append an anonymous member as one slot, whose members are reached through it."""
        self._check(codec, off, index)
        position = len(self.slots)
        name = self._name(f"_{position}", (position, None))
        self.slots.append(Slot(name, codec, off, anonymous=True))
        for view, (at, through) in inner.names.items():
            if through is not None or not inner.slots[at].anonymous:
                self._name(view, (position, view))

    def add_inline(self, codec: Codec, inner: Members, off: int, index: int) -> None:
        """Append each member of an anonymous struct."""
        self._check(codec, off, index)
        views: dict[int, list[tuple[str, str]]] = {}
        for name, (at, view) in inner.names.items():
            if view is not None:
                views.setdefault(at, []).append((name, view))
        for at, slot in enumerate(inner.slots):
            if slot.anonymous:
                position = len(self.slots)
                unique = self._name(f"_{position}", (position, None))
                self.slots.append(Slot(unique, slot.codec, off + slot.off, anonymous=True))
                for name, view in views.get(at, ()):
                    self._name(name, (position, view))
            else:
                self.add(slot.name, slot.codec, off + slot.off, index)

    def codec(self, name: str) -> Codec:
        """The codec of the member of that name. KeyError."""
        at, view = self.names[name]
        codec = self.slots[at].codec
        if view is not None:
            members: Members = codec.members  # type: ignore[attr-defined]
            return members.codec(view)
        return codec

    def label(self, at: int) -> str:
        """A slot as errors list it: its name, or the choice of its views."""
        if not self.slots[at].anonymous:
            return self.slots[at].name
        views = [name for name, place in self.names.items() if place[0] == at and place[1] is not None]
        return "one of " + "|".join(views) if views else self.slots[at].name

    def renamed(self, at: int, inner: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Values by the names that an anonymous slot's members have outside; None if one has none."""
        if inner is None or any((at, name) not in self.outer for name in inner):
            return None
        return {self.outer[at, name]: value for name, value in inner.items()}

    def unknown(self, name: Any, of: str) -> ValueTypeError:
        """The error for a name that is no member's."""
        return ValueTypeError(f"{of} has no member {name!r}{near_names(name, self.names)}")

    def _name(self, name: str, place: Place) -> str:
        unique, count = name, self._last.get(name, 1)
        while unique in self.names:
            count += 1
            unique = f"{name}_{count}"
        self._last[name] = count
        self.names[unique] = place
        self.outer[place] = unique
        if len(self.names) > MAX_MEMBERS:
            raise FormatError(f"has more than {MAX_MEMBERS} members", section=".BTF", thing=self.thing)
        return unique

    def _check(self, codec: Codec, off: int, index: int) -> None:
        if off + codec.size > self.size:
            raise FormatError(
                f"ends at byte {off + codec.size}, past the end {self.size}",
                section=".BTF",
                thing=self.thing,
                field=f"member {index}",
            )
