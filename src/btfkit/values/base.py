"""`Codec`: one type's values to bytes and back; what all kinds of codec share.

In: Python values and bytes. Out: the other. A codec is made once per type (`btfkit.values.codec`) and keeps no
reference to the Btf it was made from.
"""

from __future__ import annotations

import difflib
import json
import reprlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from typing import Any, NoReturn

from btfkit.errors import ValueTypeError
from btfkit.format.fields import PREFIX

Bytes = (bytes, bytearray, memoryview)
PACK_ERRORS = (StructError, TypeError, OverflowError, ValueError)
"""What `struct` raises for a value that it does not take."""

MAX_SIZE = 1 << 30
"""Bytes of the largest value: past it a type is refused before any memory is asked for."""

MAX_EMPTY = 1 << 12
"""Values that may be made of no bytes at all, or of bytes that others are made of too."""


@dataclass(frozen=True, slots=True)
class Site:
    """The type that a codec is made for.

    name:       as a C programmer would write it: ``u8``, ``struct flow``
    thing:      as errors name it: ``type 812 STRUCT 'flow'``
    byte_order: ``little`` or ``big``
    """

    name: str
    thing: str
    byte_order: str


class Codec:
    """Values of one type.

    size:       bytes of a value
    name:       the type, as C writes it
    byte_order: of the object or kernel whose bytes these are

    For the codecs that hold this one (a struct its members'), values pass through one `struct` code:
    code:   what stands for the type in a `struct` format
    lift:   makes a value of what `struct` unpacked; None where that is the value
    direct: `struct` packs good values as they are, and refuses all others; `lower` need only be asked then
    depth:  levels of types that hold one another by value
    weight: how many Python values `unpack` makes
    """

    lift: Callable[[Any], Any] | None = None
    direct = False
    is_bits = False
    bare_text = False

    def __init__(self, site: Site, size: int, code: str | None = None, *, depth: int = 1, weight: int = 1) -> None:
        if size > MAX_SIZE:
            raise ValueTypeError(f"has {size} bytes, more than a value may have ({MAX_SIZE})", thing=site.thing)
        if weight > 8 * size + MAX_EMPTY:
            raise ValueTypeError(f"makes {weight} values of {size} bytes, more than there may be", thing=site.thing)
        self.size = size
        self.name = site.name
        self.thing = site.thing
        self.byte_order = site.byte_order
        self.code = code or f"{size}s"
        self.depth = depth
        self.weight = weight
        self._struct = Struct(PREFIX[site.byte_order] + self.code)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.size} bytes, {self.byte_order} endian>"

    # -- bytes -----------------------------------------------------------------------------------------------

    def unpack(self, data: bytes | bytearray | memoryview, off: int = 0) -> Any:
        """The value whose bytes start at ``off``; what follows them is not looked at. ValueTypeError if cut off."""
        try:
            (raw,) = self._struct.unpack_from(data, off)
        except StructError:
            raise self.short(data, off) from None
        return raw if self.lift is None else self.lift(raw)

    def pack(self, value: Any, *, field: str = "") -> bytes:
        """The bytes of a value: exactly ``size``, padding zero.

        field: what the caller calls the value (``key``); errors name the part at fault as ``key.members[3].port``.
        Raises ValueTypeError for what the type cannot hold.
        """
        try:
            return self.encode(value)
        except ValueTypeError as error:
            raise under(error, field, self.thing) from None

    # -- text ------------------------------------------------------------------------------------------------

    def to_json(self, value: Any) -> Any:
        """The value (as `unpack` gives it) made of what JSON has; `from_json` makes the same bytes of it again."""
        return value

    def from_json(self, obj: Any, *, field: str = "") -> Any:
        """The value that JSON says, as `unpack` would give it. Raises ValueTypeError as `pack` does."""
        return self.unpack(self.pack(self.loosen(obj), field=field))

    def parse(self, text: str, *, field: str = "") -> Any:
        """The value that a command line's argument says.

        JSON, or else the bare text of an enumerator, an address, a string, or a number as Python writes it (``0x1f``).
        Raises ValueTypeError.
        """
        start = text.lstrip()[:1]
        if self.bare_text and start not in ('"', "[", "{"):
            return self.from_json(text, field=field)
        try:
            obj = json.loads(text, object_pairs_hook=_no_name_twice)
        except ValueTypeError as error:
            raise under(error, field, self.thing) from None
        except (ValueError, RecursionError) as error:
            if start in ('"', "[", "{"):
                raise ValueTypeError(f"is not JSON: {error}", thing=self.thing, field=field) from None
            obj = text.strip()
        return self.from_json(obj, field=field)

    def format(self, value: Any) -> str:
        """The value (as `unpack` gives it) in one line for people."""
        return str(value)

    # -- for codecs that hold this one -------------------------------------------------------------------------

    def encode(self, value: Any) -> bytes:
        """`pack`, with errors whose ``field`` starts at this value, and that do not yet name the type."""
        return self._struct.pack(self.lower(value))

    def lower(self, value: Any) -> Any:
        """What `struct` is to pack under ``code``. ValueTypeError for what the type cannot hold."""
        return self.encode(value)

    def loosen(self, obj: Any) -> Any:
        """What came from JSON, as something that `pack` takes; what makes no sense is left for `pack` to refuse."""
        return obj

    # -- errors ----------------------------------------------------------------------------------------------

    def refuse(self, value: Any, what: str) -> NoReturn:
        """``'x' is not <what>``."""
        raise ValueTypeError(f"{short_repr(value)} is not {what}")

    def short(self, data: bytes | bytearray | memoryview, off: int) -> ValueTypeError:
        have = len(data) if off == 0 else max(len(data) - off, 0)
        where = f" from byte {off} on" if off else ""
        return ValueTypeError(f"{self.name} has {self.size} bytes, and there are only {have}{where}", thing=self.thing)


def under(error: ValueTypeError, field: str, thing: str | None = None) -> ValueTypeError:
    """The error, its path inside the value put behind ``field``, told of the type that holds it."""
    inner = error.field or ""
    error.field = field + ("" if not inner or inner[0] == "[" or not field else ".") + inner
    if thing is not None:
        error.thing = thing
    return error


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60


def short_repr(value: Any) -> str:
    """``repr``, cut to what fits an error message."""
    try:
        return _short.repr(value)
    except ValueError:  # an int of more digits than Python prints
        return f"a number of {value.bit_length()} bits"


def near_names(name: Any, names: Collection[str]) -> str:
    """`` (near: a, b)``: what may have been meant; all of the names where none is near and they are few."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) if isinstance(name, str) else []
    if near:
        return f" (near: {', '.join(near)})"
    return f" (it has {', '.join(names)})" if 0 < len(names) <= 8 else ""


def quoted(text: str) -> str:
    """A text in double quotes, as JSON writes it."""
    return json.dumps(text, ensure_ascii=False)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in pairs:
        if name in out:
            raise ValueTypeError("is given twice", field=name)
        out[name] = value
    return out
