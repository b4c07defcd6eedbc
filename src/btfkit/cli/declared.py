"""What an object declares, as rows: for the verb ``show``.

In: an object in instance form. Out: a `Row` an instance, in the order to be shown: maps, functions with what lives in
them behind them, other variables. Parents may be anything (they are not checked when reading): each instance is a row
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from btfkit.errors import FormatError
from btfkit.format.elf import STV_HIDDEN, STV_INTERNAL
from btfkit.format.ext import InstanceKind
from btfkit.format.insn import INSN_SIZE
from btfkit.format.maptype import map_type_word
from btfkit.model.spell import spell
from btfkit.object import BpfObject, Declared, MapDef

SECTIONS_FOR_LOADERS = ("license", "version")
"""What is in them tells a loader something; a program does not use it."""

_ORDER = {InstanceKind.MAP: 0, InstanceKind.FUNCTION: 1, InstanceKind.VARIABLE: 2}


@dataclass(frozen=True, slots=True)
class Row:
    """An instance, and how deep inside others it is shown."""

    declared: Declared
    depth: int

    @property
    def is_minor(self) -> bool:
        """Not worth a line unless all are asked for: for loaders only, or neither defined here nor asked of others."""
        section = self.declared.section
        if self.declared.kind is InstanceKind.VARIABLE and section is not None:
            return section.name in SECTIONS_FOR_LOADERS
        return self.declared.kind is InstanceKind.FUNCTION and self.declared.symbol is None

    def cells(self) -> tuple[str, ...]:
        """Kind, name, type, attributes, place, symbol."""
        d = self.declared
        return (
            d.kind.word,
            "  " * min(self.depth, 40) + d.name,
            type_of(d),
            ", ".join(attributes(d)),
            f"{d.section.name}+0x{d.off:x}" if d.section is not None else "",
            _symbol_text(d),
        )


def rows(obj: BpfObject) -> list[Row]:
    """All instances, in their order."""
    inside: dict[int, list[Declared]] = {}
    everything = list(obj.instances)
    for declared in everything:
        inside.setdefault(obj.btf.instance(declared.inst_id).parent, []).append(declared)
    for siblings in inside.values():
        siblings.sort(key=_rank)
    out: list[Row] = []
    seen: set[int] = set()
    for root in [*inside.get(0, []), *everything]:  # the latter: those in parents that are none
        stack = [(root, 0)]
        while stack:
            declared, depth = stack.pop()
            if declared.inst_id in seen:
                continue
            seen.add(declared.inst_id)
            out.append(Row(declared, depth))
            stack += [(child, depth + 1) for child in reversed(inside.get(declared.inst_id, []))]
    return out


def _rank(declared: Declared) -> int:
    return _ORDER[declared.kind]


def type_of(declared: Declared) -> str:
    """The type in short C spelling; a map's through the typedef that names it."""
    btf = declared.obj.btf
    type_id = declared.type_id
    return spell(btf, btf.resolve(type_id) if declared.kind is InstanceKind.MAP else type_id)


def attributes(declared: Declared) -> list[str]:
    """What else is to be said of it, a phrase each."""
    if declared.kind is InstanceKind.MAP:
        return _map_attributes(declared.map_def) if declared.is_defined else ["extern"]
    out = [linkage(declared)]
    symbol = declared.symbol
    if symbol is not None and symbol.is_weak:
        out.append("weak")
    if symbol is not None and symbol.visibility in (STV_HIDDEN, STV_INTERNAL):
        out.append("hidden")
    parent = parent_name(declared)
    return [*out, f"in {parent}"] if parent else out


def linkage(declared: Declared) -> str:
    """``static``, ``global`` or ``extern``, by the symbol: GCC's BTF calls every function static."""
    if not declared.is_defined:
        return "extern"
    return "static" if declared.symbol is not None and declared.symbol.is_local else "global"


def parent_name(declared: Declared) -> str:
    """The function that it lives in; "" where there is none."""
    parent = declared.obj.btf.instance(declared.inst_id).parent
    try:
        return declared.obj.btf.instance(parent).name if parent else ""
    except FormatError:
        return f"<instance {parent}>"


def _map_attributes(definition: MapDef) -> list[str]:
    out = [map_type_word(definition.type)]
    if definition.max_entries:
        out.append("1 entry" if definition.max_entries == 1 else f"{definition.max_entries} entries")
    if definition.map_flags:
        out.append(f"flags 0x{definition.map_flags:x}")
    if definition.numa_node:
        out.append(f"NUMA node {definition.numa_node}")
    if definition.pinning:
        out.append("pinned by name" if definition.pinning == 1 else f"pinning {definition.pinning}")
    if definition.map_extra:
        out.append(f"extra 0x{definition.map_extra:x}")
    if definition.inner is not None:
        out.append(f"of maps like '{definition.inner.name}'")
    filled = sum(1 for value in definition.values if value is not None)
    if filled:
        out.append(f"{filled} set at the start")
    return out


def _symbol_text(declared: Declared) -> str:
    symbol = declared.symbol
    if symbol is None:
        return ""
    text = f"symbol {symbol.index} '{symbol.name}'" if symbol.index else f"symbol '{symbol.name}'"
    if declared.kind is InstanceKind.FUNCTION and declared.is_defined and symbol.size:
        text += f", {symbol.size // INSN_SIZE} insns"
    return text


def as_json(row: Row) -> dict[str, Any]:
    """An instance as JSON has it. Offsets and sizes are bytes."""
    d = row.declared
    symbol = d.symbol
    out: dict[str, Any] = {
        "id": d.inst_id,
        "kind": d.kind.word,
        "name": d.name,
        "type": type_of(d),
        "type_id": d.type_id,
        "parent": d.obj.btf.instance(d.inst_id).parent,
    }
    if d.kind is not InstanceKind.MAP:
        out["linkage"] = linkage(d)
    out["symbol"] = None
    if symbol is not None:
        out["symbol"] = {"number": symbol.index, "name": symbol.name, "size": symbol.size, "weak": symbol.is_weak}
    out["section"], out["off"] = (d.section.name, d.off) if d.section is not None else (None, None)
    if d.kind is InstanceKind.MAP and d.is_defined:
        out["map"] = _map_json(d.map_def)
    return out


def _map_json(definition: MapDef) -> dict[str, Any]:
    return {
        "type": map_type_word(definition.type),
        "key_size": definition.key_size,
        "value_size": definition.value_size,
        "max_entries": definition.max_entries,
        "map_flags": definition.map_flags,
        "numa_node": definition.numa_node,
        "pinning": definition.pinning,
        "map_extra": definition.map_extra,
        "inner": definition.inner.name if definition.inner is not None else None,
        "values": [value.name if value is not None else None for value in definition.values],
    }
