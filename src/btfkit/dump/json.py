"""A `Btf`, and the `BtfExt` beside it, as JSON that reads back to the same bytes.

In and out: `dump_json` takes what the codec made of canonical bytes, `load_json` gives back what the codec makes the
same bytes of. The text is one object, a line per type and instance::

    {"format": "btfkit", "version": 1,
     "byte_order": "little",                 or "big"
     "form": "instance",                     classic, layout, proposed or instance: of the header
     "layout": [[4, 0, 0], ...],             only where it was read: info_sz, elem_sz, flags per kind
     "base": {"types": 126610, "instances": 0, "strings": 1400000},
                                             only in split BTF: how many ids and bytes of strings the base has
     "strings": ["", "int", ...],            only where they are not simply the names below in their order
     "types": [
      {"id": 1, "kind": "INT", "name": "int", "size": 4, "encoding": ["SIGNED"]},
      {"id": 2, "kind": "STRUCT", "name": "flow", "size": 4,
       "members": [{"name": "src", "type_id": 1, "bit_off": 0}]}, ...],
     "instances": [{"id": 1, "type_id": 3, "name": "flows", "parent": 0}],
     "ext": {"byte_order": "little", "hdr_len": 64, "tables": ["func_info"],
             "func_info": [{"section": "xdp", "records": [{"insn_off": 0, "type_id": 5}]}],
             "func_sym": [{"symbol": 16, "inst_id": 1}]}}

Fields are named as in `btfkit.model.types`; kinds, as in the kernel. Those that have their usual value may be missing:
``kind_flag`` (false), an INT's ``bits`` (8 * size), ``bit_off`` and ``encoding``, a member's ``bit_size`` (0), a
DECL_TAG's ``component_idx`` (-1), a record's ``tail``. A linkage is ``static``, ``global``, ``extern`` or a number. A
kind that only the layout section knows is ``{"kind": "UNKNOWN", "number": 40, ..., "data": "00ff"}``. A type that
encoding would write otherwise has its bytes as ``raw`` (`btfkit.dump.records`; who changes the type takes it away).
Bytes of names that are not UTF-8 are lone surrogates, ``\\udc80`` to ``\\udcff``. Where relocations stood in .BTF.ext
is not kept: it follows from the records.

Names and shape are near ``bpftool -j btf dump``'s, but not the same: that does not say enough to read it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from btfkit.codec.rows import value_row
from btfkit.dump.json_ext import read_ext, write_ext
from btfkit.dump.records import odd_records, with_records
from btfkit.dump.schema import as_bytes, as_int, as_list, as_object, as_text, fail, get, known_keys, one_of, schema
from btfkit.errors import BtfkitError, FormatError
from btfkit.format.btf import Form
from btfkit.format.fields import PREFIX
from btfkit.format.kinds import KIND_MASK, KIND_SPECS, VLEN_MASK
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable

FORMAT, VERSION = "btfkit", 1

_KINDS: dict[str, type[t.Type]] = {cls.kind.name: cls for cls in t.TYPE_CLASSES.values()}
_KEYS = frozenset({"format", "version", "byte_order", "form", "layout", "base", "strings", "types", "instances", "ext"})
_TYPE_KEYS = frozenset({"id", "kind", "raw"})
_INSTANCE_KEYS = frozenset({"id"})
_UNKNOWN_KEYS = frozenset({"id", "kind", "number", "name", "vlen", "kind_flag", "size_type", "data", "raw"})


# -- writing -----------------------------------------------------------------------------------------------------


def dump_json(btf: Btf, ext: BtfExt | None = None) -> str:
    """The JSON text of a `Btf`, without its base, and of a `BtfExt`."""
    head: dict[str, Any] = {"format": FORMAT, "version": VERSION, "byte_order": btf.byte_order, "form": str(btf.form)}
    if btf.layout is not None:
        head["layout"] = [list(entry) for entry in btf.layout]
    if btf.base is not None:
        head["base"] = _base_ends(btf.base)
    strings = btf.strings.data
    if not _is_canonical(btf, strings):
        head["strings"] = (
            [raw.decode("utf-8", "surrogateescape") for raw in strings[:-1].split(b"\0")] if strings else []
        )
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    raw = {type_id: {"raw": data.hex()} for type_id, data in odd_records(btf).items()}
    lines.append(
        _lines("types", (json.dumps(_write_type(type_id, type_) | raw.get(type_id, {})) for type_id, type_ in btf))
    )
    instances = zip(btf.inst_ids(), btf.own_instances, strict=True)
    lines.append(_lines("instances", (json.dumps(_write_instance(*pair)) for pair in instances)))
    if ext is not None:
        lines.append(f'"ext": {json.dumps(write_ext(ext))}')
    return "{" + ",\n".join(lines) + "}\n"


def _lines(key: str, items: Iterable[str]) -> str:
    text = ",\n".join(items)
    return f'"{key}": [\n{text}\n]' if text else f'"{key}": []'


def _write_type(type_id: int, type_: t.Type) -> dict[str, Any]:
    if isinstance(type_, t.Unknown):
        return {
            "id": type_id,
            "kind": "UNKNOWN",
            "number": type_.number,
            "name": type_.name,
            "vlen": type_.vlen,
            "kind_flag": type_.kind_flag,
            "size_type": type_.size_type,
            "data": type_.data.hex(),
        }
    out = {"id": type_id, "kind": type_.kind.name, **schema(type(type_)).write(type_)}
    if isinstance(type_, t.Int) and type_.bits == 8 * type_.size:
        del out["bits"]
    return out


def _write_instance(inst_id: int, inst: Instance) -> dict[str, Any]:
    return {"id": inst_id, "type_id": inst.type_id, "name": inst.name, "parent": inst.parent}


def _base_ends(base: Btf) -> dict[str, int]:
    return {"types": base.next_id - 1, "instances": base.next_inst_id - 1, "strings": base.strings.end}


def _is_canonical(btf: Btf, strings: bytes) -> bool:
    """Whether encoding the same types and instances anew makes the same string section."""
    fresh = _empty_strings(btf.base)
    try:
        for name in _names(btf):
            fresh.add(name)
    except BtfkitError:  # a NUL in a name: encoding says so
        return False
    return fresh.data.startswith(strings)


def _names(btf: Btf) -> Iterator[str]:
    """All names, in the order in which encoding adds them."""
    named = {kind: bool(spec.elem) and spec.elem[0].name == "name_off" for kind, spec in KIND_SPECS.items()}
    for _, type_ in btf:
        kind, parts = value_row(type_)
        yield parts.name
        if named.get(kind):
            yield from (elem[0] for elem in parts.elems)
    for inst in btf.own_instances:
        yield inst.name


def _empty_strings(base: Btf | None) -> StringTable:
    return StringTable(b"", base.strings) if base is not None else StringTable()


# -- reading -----------------------------------------------------------------------------------------------------


def load_json(text: str | bytes, *, base: Btf | None = None, path: str | None = None) -> tuple[Btf, BtfExt | None]:
    """What `dump_json` wrote. FormatError with the place in the text for what is malformed.

    base: what the BTF stands on, if it is split BTF: the same as when it was written. path: for errors.
    """
    try:
        try:
            data = json.loads(text)
        except RecursionError:
            raise FormatError("is nested too deep") from None
        except ValueError as error:  # not JSON, not UTF-8, a number of thousands of digits
            raise FormatError(f"is not JSON: {error}") from None
        data = as_object(data, "")
        return _load(data, base)
    except FormatError as error:
        raise error.at(path=path) from None


def _load(data: dict[str, Any], base: Btf | None) -> tuple[Btf, BtfExt | None]:
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        raise fail(f'is not "{FORMAT}", version {VERSION}', "format")
    known_keys(data, _KEYS, "")
    byte_order = one_of(data, "byte_order", tuple(PREFIX), "")
    form = Form(one_of(data, "form", tuple(map(str, Form)), ""))
    _check_base(data.get("base"), base, byte_order)
    types = _read_types(get(data, "types", ""), base.next_id if base else 1, byte_order)
    instances = _read_instances(data.get("instances", []), base.next_inst_id if base else 1)
    strings = _read_strings(data["strings"], base) if "strings" in data else _empty_strings(base)
    layout = _read_layout(data["layout"]) if data.get("layout") is not None else None
    btf = Btf(types, strings, instances, base=base, byte_order=byte_order, form=form, layout=layout)
    records = _read_records(data["types"], btf.start_id)
    if records:
        btf = with_records(btf, records)
    ext = read_ext(as_object(data["ext"], "ext")) if data.get("ext") is not None else None
    return btf, ext


def _check_base(ends: Any, base: Btf | None, byte_order: str) -> None:
    if ends is None:
        if base is not None:
            raise fail("is missing: this BTF stands on no base, and one was given", "base")
        return
    ends = as_object(ends, "base")
    if base is None:
        raise fail("this is split BTF: its base has to be given", "base")
    if base.byte_order != byte_order:
        raise fail(f"is {byte_order} endian, its base is {base.byte_order} endian", "byte_order")
    for key, have in _base_ends(base).items():
        want = as_int(get(ends, key, "base"), f"base.{key}")
        if want != have:
            raise fail(f"{want} are told, the base given has {have}: it is another one", f"base.{key}")
    known_keys(ends, frozenset(_base_ends(base)), "base")


def _read_types(value: Any, start_id: int, byte_order: str) -> list[t.Type]:
    out = []
    for index, item in enumerate(as_list(value, "types")):
        where = f"types[{index}]"
        data = as_object(item, where)
        _check_id(data, start_id + index, where)
        kind = get(data, "kind", where)
        if kind == "UNKNOWN":
            out.append(_read_unknown(data, where, byte_order))
            continue
        cls = _KINDS.get(kind) if isinstance(kind, str) else None
        if cls is None:
            raise fail(f"{kind!r} is not a kind", f"{where}.kind")
        out.append(schema(cls).read(data, where, _TYPE_KEYS))
    return out


def _read_unknown(data: dict[str, Any], where: str, byte_order: str) -> t.Type:
    known_keys(data, _UNKNOWN_KEYS, where)
    number = as_int(get(data, "number", where), f"{where}.number", 1, KIND_MASK)
    if number in KIND_SPECS:
        raise fail(f"{number} is {KIND_SPECS[number].kind.name}, which is known", f"{where}.number")
    flag = data.get("kind_flag", False)
    if not isinstance(flag, bool):
        raise fail("is not true or false", f"{where}.kind_flag")
    return t.Unknown(
        number,
        as_text(data.get("name", ""), f"{where}.name"),
        as_int(get(data, "vlen", where), f"{where}.vlen", 0, VLEN_MASK),
        flag,
        as_int(get(data, "size_type", where), f"{where}.size_type"),
        as_bytes(get(data, "data", where), f"{where}.data"),
        byte_order,
    )


def _check_id(data: dict[str, Any], want: int, where: str) -> None:
    found = as_int(get(data, "id", where), f"{where}.id")
    if found != want:
        raise fail(f"{found} stands where {want} is due: ids run on without gaps", f"{where}.id")


def _read_instances(value: Any, start_id: int) -> list[Instance]:
    out: list[Instance] = []
    for index, item in enumerate(as_list(value, "instances")):
        where = f"instances[{index}]"
        _check_id(as_object(item, where), start_id + index, where)
        out.append(schema(Instance).read(item, where, _INSTANCE_KEYS))
    return out


def _read_strings(value: Any, base: Btf | None) -> StringTable:
    texts = [as_text(item, f"strings[{index}]") for index, item in enumerate(as_list(value, "strings"))]
    if base is None and texts[:1] != [""]:
        raise fail("does not start with the empty string", "strings")
    data = "".join(f"{text}\0" for text in texts).encode("utf-8", "surrogateescape")
    return StringTable(data, base.strings if base is not None else None)


def _read_records(types: list[dict[str, Any]], start_id: int) -> dict[int, bytes]:
    return {
        start_id + index: as_bytes(item["raw"], f"types[{index}].raw")
        for index, item in enumerate(types)
        if "raw" in item
    }


def _read_layout(value: Any) -> tuple[tuple[int, int, int], ...]:
    out = []
    for kind, item in enumerate(as_list(value, "layout")):
        where = f"layout[{kind}]"
        numbers = as_list(item, where)
        if len(numbers) != 3:
            raise fail(f"has {len(numbers)} numbers, not info_sz, elem_sz and flags", where)
        limits = (0xFF, 0xFF, 0xFFFF)
        info_sz, elem_sz, flags = (as_int(numbers[i], f"{where}[{i}]", 0, limits[i]) for i in range(3))
        if info_sz % 4 or elem_sz % 4:
            raise fail(f"{info_sz} and {elem_sz} bytes are not multiples of 4", where)
        out.append((info_sz, elem_sz, flags))
    if len(out) > KIND_MASK + 1:
        raise fail(f"has {len(out)} entries, there are {KIND_MASK + 1} kinds", "layout")
    return tuple(out)
