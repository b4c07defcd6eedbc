"""A map's elements as text and as JSON: for the verbs ``map`` and ``run``.

In: an open map, and texts from the command line. Out: rows, JSON, values that the map takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from btfkit.cli.text import print_table
from btfkit.errors import BtfkitError, ValueTypeError
from btfkit.load.maps import TypedMap, TypedQueue
from btfkit.values.structs import AddressCodec, StructCodec

MAX_COLUMNS = 8
"""A struct of more members than this is one column."""

AnyMap = TypedMap | TypedQueue


# -- to people ----------------------------------------------------------------------------------------------


def print_elements(map_: TypedMap, pairs: Iterable[tuple[Any, Any]]) -> None:
    """A table: a column for each member of a struct, else one for the key and one for the value."""
    key = _columns(map_.key_codec)
    value = [] if map_.is_per_cpu else _columns(map_.value_codec)
    rows = [
        [*_key_cells(map_, key, k), *(_cells(map_.value_codec, value, v) if value else [value_text(map_, v)])]
        for k, v in pairs
    ]
    if not rows:
        return
    names = [*(key or ["key"]), *(value or ["value"])]
    if len(set(names)) < len(names):
        names = [*(f"key.{name}" for name in key or ["key"]), *(f"value.{name}" for name in value or ["value"])]
        names = [name if name not in ("key.key", "value.value") else name.partition(".")[0] for name in names]
    numbers = [i for i in range(len(names)) if all(_is_number(row[i]) for row in rows)]
    print_table(rows, header=names, styles=["cyan"] * len(key or ["key"]), right=numbers)


def _columns(codec: Any) -> Sequence[str]:
    """The members that get a column each; none: the whole is one."""
    if not isinstance(codec, StructCodec) or isinstance(codec, AddressCodec):
        return ()
    plain = not any(slot.anonymous for slot in codec.slots)
    return codec.fields if plain and 0 < len(codec.fields) <= MAX_COLUMNS else ()


def _cells(codec: Any, columns: Sequence[str], value: Any) -> list[str]:
    return [slot.codec.format(tuple.__getitem__(value, at)) for at, slot in enumerate(codec.slots)] if columns else []


def _key_cells(map_: TypedMap, columns: Sequence[str], key: Any) -> list[str]:
    return _cells(map_.key_codec, columns, key) if columns else [map_.key_codec.format(key)]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def value_text(map_: AnyMap, value: Any) -> str:
    """A value in one line; of a per-CPU map, those of all CPUs."""
    text = map_.value_codec.format
    return "[" + ", ".join(map(text, value)) + "]" if map_.is_per_cpu else text(value)


def types_text(map_: AnyMap) -> str:
    """``struct flow -> u64``; "" of a map that has neither keys nor values of one size."""
    if not map_.store.key_size and not map_.store.value_size:
        return ""
    if not map_.store.key_size:
        return map_.value_codec.name
    return f"{map_.key_codec.name} -> {map_.value_codec.name}"


def is_zero(map_: TypedMap, value: Any) -> bool:
    """Whether all of the value's bytes are zero: an array's element that nobody has set."""
    pack = map_.value_codec.pack
    return not any(any(pack(one)) for one in (value if map_.is_per_cpu else [value]))


# -- to programs --------------------------------------------------------------------------------------------


def key_json(map_: TypedMap, key: Any) -> Any:
    """A key as JSON has it."""
    return map_.key_codec.to_json(key)


def value_json(map_: AnyMap, value: Any) -> Any:
    """A value as JSON has it; of a per-CPU map, a list of one for each CPU."""
    to_json = map_.value_codec.to_json
    return [to_json(one) for one in value] if map_.is_per_cpu else to_json(value)


def pairs_json(map_: TypedMap, pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """Elements as JSON has them."""
    return [{"key": key_json(map_, key), "value": value_json(map_, value)} for key, value in pairs]


# -- from the command line ----------------------------------------------------------------------------------


def parse_key(map_: TypedMap, text: str) -> Any:
    """The key that a text says. ValueTypeError, with the map."""
    try:
        return map_.key_codec.parse(text, field="key")
    except BtfkitError as error:
        raise _of(map_, error) from None


def parse_value(map_: AnyMap, text: str) -> Any:
    """The value that a text says; for a per-CPU map a list, or one value for all CPUs."""
    try:
        if not map_.is_per_cpu:
            return map_.value_codec.parse(text, field="value")
        cpus = map_.store.cpus
        parts = _json_list(text)
        if parts is None:
            return [map_.value_codec.parse(text, field="value")] * cpus
        if len(parts) != cpus:
            raise ValueTypeError(f"is a list of {len(parts)} values; there are {cpus} CPUs", field="value")
        return [map_.value_codec.from_json(part, field=f"value[{cpu}]") for cpu, part in enumerate(parts)]
    except BtfkitError as error:
        raise _of(map_, error) from None


def _json_list(text: str) -> list[Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, list) else None


def _of(map_: AnyMap, error: BtfkitError) -> BtfkitError:
    error.thing = f"map '{map_.name}'" + (f": {error.thing}" if error.thing else "")
    return error
