"""JSON objects for records: dataclasses and named tuples, both ways, from their fields' names and types.

In: a class of `types`, `ext` or `Instance`. Out: a `Schema`. A field that has its default value may be missing, and is
left out when writing, but for lists and linkages. What does not fit is a FormatError whose ``field`` is the place:
``types[12].members[3].type_id``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from btfkit.errors import FormatError
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import FuncLinkage, IntEncoding, VarLinkage
from btfkit.model import types as t

MISSING = object()
Read = Callable[[Any, str], Any]
Write = Callable[[Any], Any]

U32 = (0, 0xFFFF_FFFF)
_RANGES = {"value": (-(1 << 63), (1 << 64) - 1), "component_idx": (-(1 << 31), (1 << 31) - 1)}
"""Fields that are not u32."""

_LINKAGES: dict[type, dict[int, str]] = {
    t.Func: {FuncLinkage.STATIC: "static", FuncLinkage.GLOBAL: "global", FuncLinkage.EXTERN: "extern"},
    t.Var: {VarLinkage.STATIC: "static", VarLinkage.GLOBAL_ALLOCATED: "global", VarLinkage.GLOBAL_EXTERN: "extern"},
}


class _Field(NamedTuple):
    name: str
    read: Read
    write: Write
    default: Any
    left_out: bool
    """where it has its default value"""


def fail(reason: str, where: str) -> FormatError:
    return FormatError(reason, field=where)


class Schema:
    """Objects of one class."""

    def __init__(self, cls: type[Any], fields: tuple[_Field, ...]) -> None:
        self.cls = cls
        self.fields = fields
        self.names = frozenset(field.name for field in fields)

    def write(self, value: Any) -> dict[str, Any]:
        """The JSON object."""
        out = {}
        for name, _, write, default, left_out in self.fields:
            item = getattr(value, name)
            if not (left_out and item == default):
                out[name] = write(item)
        return out

    def read(self, value: Any, where: str, more: frozenset[str] = frozenset()) -> Any:
        """The value. more: keys that are read elsewhere."""
        data = as_object(value, where)
        arguments = {}
        for name, read, _, default, _ in self.fields:
            item = data.get(name, MISSING)
            if item is MISSING:
                if default is MISSING:
                    raise fail("is missing", f"{where}.{name}")
                continue
            arguments[name] = read(item, f"{where}.{name}")
        if len(arguments) < len(data):
            known_keys(data, self.names | more, where)
        return self.cls(**arguments)


_SCHEMAS: dict[Any, Schema] = {}


def schema(cls: Any) -> Schema:
    """The schema of a dataclass or named tuple, made once."""
    found = _SCHEMAS.get(cls)
    if found is None:
        found = _SCHEMAS[cls] = _make_schema(cls)
    return found


def _make_schema(cls: Any) -> Schema:
    hints = get_type_hints(cls)
    if dataclasses.is_dataclass(cls):
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        defaults = {name: MISSING if value is dataclasses.MISSING else value for name, value in defaults.items()}
    else:
        defaults = {name: cls._field_defaults.get(name, MISSING) for name in cls._fields}
    fields = []
    for name, default in defaults.items():
        read, write = _converters(cls, name, hints[name])
        left_out = default is not MISSING and name != "linkage" and get_origin(hints[name]) is not tuple
        fields.append(_Field(name, read, write, default, left_out))
    return Schema(cls, tuple(fields))


def _converters(cls: type[Any], name: str, hint: Any) -> tuple[Read, Write]:
    if name == "linkage":
        return _words(_LINKAGES[cls])
    if hint is int:
        low, high = _RANGES.get(name, U32)
        return (lambda value, where: as_int(value, where, low, high)), int
    if hint is IntEncoding:
        return _read_encoding, _write_encoding
    if hint is bytes:
        return as_bytes, bytes.hex
    if hint == InstanceKind | None:
        return _words({int(kind): kind.word for kind in InstanceKind}, InstanceKind)
    if get_origin(hint) is tuple:
        return _list_of(get_args(hint)[0])
    return {str: (as_text, str), bool: (as_bool, bool)}[hint]


def _list_of(hint: Any) -> tuple[Read, Write]:
    if hint is int:
        return _read_ints, list
    own = schema(hint)
    return (
        lambda value, where: tuple(own.read(item, f"{where}[{i}]") for i, item in enumerate(as_list(value, where))),
        lambda items: [own.write(item) for item in items],
    )


def _read_ints(value: Any, where: str) -> tuple[int, ...]:
    return tuple(as_int(item, f"{where}[{index}]") for index, item in enumerate(as_list(value, where)))


def _words(words: Mapping[int, str], cls: Callable[[int], Any] = int) -> tuple[Read, Write]:
    """A number that is a word where it has one. Numbers without one stay numbers, unless cls refuses them."""
    numbers = {word: number for number, word in words.items()}

    def read(value: Any, where: str) -> Any:
        if isinstance(value, str):
            if value not in numbers:
                raise fail(f"{value!r} is none of {', '.join(numbers)}", where)
            return cls(numbers[value])
        number = as_int(value, where)
        try:
            return cls(number)
        except ValueError:
            raise fail(f"{number} is none of {', '.join(numbers)}", where) from None

    return read, lambda number: words.get(number, number)


def _read_encoding(value: Any, where: str) -> IntEncoding:
    bits = 0
    for index, item in enumerate(as_list(value, where)):
        if isinstance(item, str):
            if item not in IntEncoding.__members__:
                raise fail(f"{item!r} is none of {', '.join(IntEncoding.__members__)}", f"{where}[{index}]")
            bits |= IntEncoding[item]
        else:
            bits |= as_int(item, f"{where}[{index}]", 0, 0xFF)
    return IntEncoding(bits)


def _write_encoding(value: IntEncoding) -> list[str | int]:
    out: list[str | int] = [name for name, flag in IntEncoding.__members__.items() if value & flag]
    rest = int(value) & ~sum(IntEncoding)
    return [*out, rest] if rest else out


# -- JSON's own types, checked -----------------------------------------------------------------------------------


def as_object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise fail(f"is {_what(value)}, not an object", where)
    return value


def as_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise fail(f"is {_what(value)}, not a list", where)
    return value


def as_int(value: Any, where: str, low: int = U32[0], high: int = U32[1]) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise fail(f"is {_what(value)}, not a whole number", where)
    if not low <= value <= high:
        raise fail(f"{value} is not in the range {low} to {high}", where)
    return value


def as_bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise fail(f"is {_what(value)}, not true or false", where)
    return value


def as_text(value: Any, where: str) -> str:
    """Text without NUL; bytes that are not UTF-8 are lone surrogates U+DC80 to U+DCFF in it."""
    if not isinstance(value, str):
        raise fail(f"is {_what(value)}, not a string", where)
    if not value.isascii():
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise fail(f"has a surrogate U+{ord(value[error.start]):04X} that stands for no byte", where) from None
    if "\0" in value:
        raise fail("holds a NUL", where)
    return value


def as_bytes(value: Any, where: str) -> bytes:
    """Bytes written as hex digits."""
    if not isinstance(value, str):
        raise fail(f"is {_what(value)}, not a string of hex digits", where)
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise fail("is not made of pairs of hex digits", where) from None


def get(data: dict[str, Any], key: str, where: str) -> Any:
    """A key that has to be there."""
    if key not in data:
        raise fail("is missing", f"{where}.{key}" if where else key)
    return data[key]


def one_of(data: dict[str, Any], key: str, words: tuple[str, ...], where: str) -> str:
    """A key that has to be there, and one of the words."""
    value = get(data, key, where)
    if value not in words:
        raise fail(f"{value!r} is none of {', '.join(words)}", f"{where}.{key}" if where else key)
    return str(value)


def known_keys(data: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Every key is one that is read."""
    for key in data:
        if key not in known:
            raise fail("is not a key that is known here", f"{where}.{key}" if where else key)


def _what(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), f"the number {value!r}")
