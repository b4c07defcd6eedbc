"""The error family. Errors carry fields; the text is made in ``__str__``; each layer fills in what it knows.

A located error reads from the outside in: ``prog.o: .BTF+0x1a4c: type 812 STRUCT 'foo': member 3: reason``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

__all__ = [
    "AmbiguousTypeError",
    "BadReferenceError",
    "BtfkitError",
    "CheckError",
    "ConvertError",
    "EncodeError",
    "FormatError",
    "InternalError",
    "LinkError",
    "LoadError",
    "SourceError",
    "TruncatedError",
    "TypeNotFoundError",
    "UnsupportedError",
    "ValueTypeError",
]


class BtfkitError(Exception):
    """Base of every error that btfkit raises on purpose.

    ``reason`` says what is wrong; the other fields say where. Any of them may be None until a layer that
    knows better fills it in with `at`.

    path:    the file, as the user named it
    section: the section's name, e.g. ``.BTF``
    off:     byte offset from the start of that section (from the start of the file where section is None)
    thing:   what was being looked at: ``type 812 STRUCT 'foo'``, ``instance 3 'flows'``, ``symbol 17 'flows'``
    field:   the part of that thing: ``member 3``, ``hdr_len``
    """

    def __init__(
        self,
        reason: str,
        *,
        path: str | None = None,
        section: str | None = None,
        off: int | None = None,
        thing: str | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.section = section
        self.off = off
        self.thing = thing
        self.field = field

    def at(self, **where: Any) -> Self:
        """Fill in coordinates that are still unknown, and return the error itself (to be raised again)."""
        for name, value in where.items():
            if getattr(self, name) is None:
                setattr(self, name, value)
        return self

    def __str__(self) -> str:
        place = self.section or ""
        if self.off is not None:
            place += f"+0x{self.off:x}" if self.section else f"byte 0x{self.off:x}"
        parts = [self.path, place, self.thing, self.field, self.reason]
        return ": ".join(part for part in parts if part)


class FormatError(BtfkitError):
    """Bytes that are not what they claim to be.

    type_id, inst_id: the record's number where the error is about one, else None.
    """

    def __init__(self, reason: str, *, type_id: int | None = None, inst_id: int | None = None, **where: Any) -> None:
        super().__init__(reason, **where)
        self.type_id = type_id
        self.inst_id = inst_id


class TruncatedError(FormatError):
    """The bytes end before the thing that was announced does."""


class BadReferenceError(FormatError):
    """An id, offset or number that points at nothing."""


class UnsupportedError(FormatError):
    """Well-formed as far as can be seen, but of a version or kind that this reader does not know."""


class EncodeError(BtfkitError, ValueError):
    """A value that the wire cannot hold."""


class ValueTypeError(BtfkitError, ValueError):
    """A Python value that does not fit the BTF type it is to be packed as. ``field`` is the path inside the value."""


class TypeNotFoundError(BtfkitError, KeyError):
    """No type, instance, map or program of that name. ``near``: names that are close to it."""

    def __init__(self, reason: str, *, near: Sequence[str] = (), **where: Any) -> None:
        super().__init__(reason, **where)
        self.near = tuple(near)

    def __str__(self) -> str:
        text = super().__str__()
        if self.near:
            text += " (near: " + ", ".join(self.near) + ")"
        return text


class AmbiguousTypeError(BtfkitError, KeyError):
    """More than one type or instance has that name. ``ids``: all of them."""

    def __init__(self, reason: str, *, ids: Sequence[int] = (), **where: Any) -> None:
        super().__init__(reason, **where)
        self.ids = tuple(ids)

    __str__ = BtfkitError.__str__


class CheckError(BtfkitError):
    """All findings of a check. ``findings``: (rule, text) pairs, each text with its place."""

    def __init__(self, findings: Sequence[tuple[str, str]], **where: Any) -> None:
        super().__init__("; ".join(f"{text} [{rule}]" for rule, text in findings), **where)
        self.findings = tuple(findings)


class SourceError(BtfkitError):
    """A source file that does not compile. ``diagnostics``: the front end's or compiler's messages, a string each."""

    def __init__(self, reason: str, *, diagnostics: Sequence[str] = (), **where: Any) -> None:
        super().__init__(reason, **where)
        self.diagnostics = tuple(diagnostics)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.diagnostics])


class ConvertError(BtfkitError):
    """An object that cannot be converted. ``symbol``: the name of the symbol it is about, if any.

    losses: what the target form cannot say, a line each (under ``strict``).
    """

    def __init__(self, reason: str, *, symbol: str | None = None, losses: Sequence[str] = (), **where: Any) -> None:
        super().__init__(reason, **where)
        self.symbol = symbol
        self.losses = tuple(losses)


class LinkError(BtfkitError):
    """Objects that do not fit together. ``symbol``: the name at issue; ``objects``: the files' paths."""

    def __init__(self, reason: str, *, symbol: str | None = None, objects: Sequence[str] = (), **where: Any) -> None:
        super().__init__(reason, **where)
        self.symbol = symbol
        self.objects = tuple(objects)


class LoadError(BtfkitError, OSError):
    """The kernel refused.

    errno:  as bpf(2) returned it, or None where the loader itself refused
    log:    the verifier's whole log ("" where there is none); ``reason`` has its last words in one line
    source: the source line the verifier was at, ``flows.c:31: text``, if known
    """

    def __init__(
        self,
        reason: str,
        *,
        errno: int | None = None,
        log: str = "",
        source: str | None = None,
        **where: Any,
    ) -> None:
        BtfkitError.__init__(self, reason, **where)
        self.errno = errno
        self.log = log
        self.source = source

    def __str__(self) -> str:
        text = BtfkitError.__str__(self)
        return f"{text} (at {self.source})" if self.source else text


class InternalError(BtfkitError):
    """A bug of btfkit itself: no input may cause it."""
