"""The part of the JSON that is a `BtfExt`. See `btfkit.dump.json`."""

from __future__ import annotations

from typing import Any

from btfkit.dump.schema import Schema, as_int, as_list, as_object, as_text, fail, get, known_keys, one_of, schema
from btfkit.format.ext import SECTION_TABLES, SYMBOL_TABLES
from btfkit.format.fields import PREFIX
from btfkit.model.ext import BtfExt, CoreRelo, FuncInfo, LineInfo, SymRecord

_RECORDS: dict[str, type[Any]] = {"func_info": FuncInfo, "line_info": LineInfo, "core_relo": CoreRelo}


def write_ext(ext: BtfExt) -> dict[str, Any]:
    out: dict[str, Any] = {"byte_order": ext.byte_order, "hdr_len": ext.hdr_len, "tables": sorted(ext.tables)}
    for table in SECTION_TABLES:
        record = schema(_RECORDS[table])
        blocks = getattr(ext, table)
        if blocks:
            out[table] = [{"section": name, "records": [record.write(r) for r in records]} for name, records in blocks]
    for table in SYMBOL_TABLES:
        records = getattr(ext, table)
        if records:
            out[table] = [schema(SymRecord).write(r) for r in records]
    return out


def read_ext(data: dict[str, Any]) -> BtfExt:
    tables = (*SECTION_TABLES, *SYMBOL_TABLES)
    known_keys(data, frozenset({"byte_order", "hdr_len", "tables", *tables}), "ext")
    ext = BtfExt(byte_order=one_of(data, "byte_order", tuple(PREFIX), "ext"))
    ext.hdr_len = as_int(data.get("hdr_len", 0), "ext.hdr_len", 0, 0xFFFF)
    names = as_list(data.get("tables", []), "ext.tables")
    for index, name in enumerate(names):
        if name not in tables:
            raise fail(f"{name!r} is none of {', '.join(tables)}", f"ext.tables[{index}]")
    ext.tables = frozenset(names)
    for table in SECTION_TABLES:
        setattr(ext, table, _read_blocks(data.get(table, []), schema(_RECORDS[table]), f"ext.{table}"))
    for table in SYMBOL_TABLES:
        items = as_list(data.get(table, []), f"ext.{table}")
        setattr(ext, table, [schema(SymRecord).read(item, f"ext.{table}[{i}]") for i, item in enumerate(items)])
    return ext


def _read_blocks(value: Any, record: Schema, where: str) -> list[tuple[str, list[Any]]]:
    out = []
    for index, item in enumerate(as_list(value, where)):
        place = f"{where}[{index}]"
        block = as_object(item, place)
        known_keys(block, frozenset({"section", "records"}), place)
        records = as_list(get(block, "records", place), f"{place}.records")
        section = as_text(get(block, "section", place), f"{place}.section")
        out.append((section, [record.read(r, f"{place}.records[{i}]") for i, r in enumerate(records)]))
    return out
