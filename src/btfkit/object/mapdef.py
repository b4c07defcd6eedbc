"""A map's attributes: ``struct bpf_map_def`` in the section ``maps``, read and written with its relocations.

Source: docs/format.md, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import error as struct_error
from typing import Any

from btfkit.elf import Elf, Relocation, Section, Symbol
from btfkit.errors import EncodeError, FormatError, TruncatedError, UnsupportedError
from btfkit.format.elf import R_BPF_64_ABS64
from btfkit.format.fields import layout
from btfkit.format.mapdef import (
    CLASSIC_FIELDS,
    CLASSIC_SIZE,
    DIALECTS,
    EXTENDED_FIELDS,
    EXTENDED_SIZE,
    INNER_OFF,
    VALUE_SIZE,
    VALUES_OFF,
)
from btfkit.format.maptype import BY_REFERENCE
from btfkit.model import types as t
from btfkit.model.btf import Btf

LEAST_SIZE = 16
"""Four words: what iproute2's loader takes as a definition; missing words count as 0."""


@dataclass(slots=True)
class MapDef:
    """What BPF_MAP_CREATE is to be told, and what the map is to hold at the start.

    type: BPF_MAP_TYPE_*; key_size, value_size: bytes; pinning: 0 none, 1 by name
    inner: the symbol of the inner map, or None; values: a map's or function's symbol per initial element, or None
    """

    type: int = 0
    key_size: int = 0
    value_size: int = 0
    max_entries: int = 0
    map_flags: int = 0
    numa_node: int = 0
    pinning: int = 0
    map_extra: int = 0
    inner: Symbol | None = None
    values: list[Symbol | None] = field(default_factory=list)

    @property
    def is_classic(self) -> bool:
        """Five words say it all."""
        return not (self.numa_node or self.pinning or self.map_extra or self.inner or self.values)


def symbol_span(elf: Elf, symbol: Symbol) -> int:
    """Bytes of what the symbol stands for: its size, or (assemblers leave it 0) up to the next symbol or the end."""
    section = symbol.section
    assert section is not None
    if symbol.size:
        return symbol.size
    later = [s.value for s in elf.symbols if s.section is section and s.value > symbol.value]
    return min([*later, section.size]) - symbol.value


def decode_map_def(elf: Elf, symbol: Symbol, dialect: str | None = None) -> MapDef:
    """The definition that a symbol in ``maps`` points at.

    dialect: a name of `DIALECTS`, whose words behind the fifth are then understood. FormatError and its kin for sizes,
    reserved words and relocations that make no sense.
    """
    section = symbol.section
    assert section is not None
    where: dict[str, Any] = {"path": elf.path, "section": section.name, "off": symbol.value, "thing": symbol.label}
    size = symbol_span(elf, symbol)
    if symbol.value + size > section.size or section.is_nobits:
        raise TruncatedError(f"its {size} bytes end past the section's {section.size}", **where)
    if size < LEAST_SIZE or size % 4:
        raise FormatError(
            f"a map definition of {size} bytes is not {CLASSIC_SIZE}, or {EXTENDED_SIZE} and more", **where
        )
    data = section.data[symbol.value : symbol.value + size]
    relocations = {
        rel.off - symbol.value: rel.symbol
        for rel in elf.relocations(section)
        if symbol.value <= rel.off < symbol.value + size
    }
    if dialect is not None:
        return _dialect(data, dialect, elf.byte_order, where)
    if size < EXTENDED_SIZE:
        if any(data[CLASSIC_SIZE:]):
            raise UnsupportedError(
                f"a map definition of {size} bytes with something in it past byte {CLASSIC_SIZE}: "
                f"producers disagree about these words; name the dialect ({', '.join(DIALECTS)})",
                **where,
            )
        words: tuple[int, ...] = layout(CLASSIC_FIELDS, elf.byte_order).unpack(
            data[:CLASSIC_SIZE].ljust(CLASSIC_SIZE, b"\0")
        )
        type_, key_size, value_size, max_entries, map_flags = words
        return MapDef(type_, key_size, value_size, max_entries, map_flags)
    fields = layout(EXTENDED_FIELDS, elf.byte_order)
    head: tuple[int, ...] = fields.unpack_from(data)
    numa_node, pinning, reserved, map_extra, inner = head[len(CLASSIC_FIELDS) :]
    if (size - VALUES_OFF) % VALUE_SIZE:
        raise FormatError(f"a map definition of {size} bytes does not hold whole initial values", **where)
    if reserved:
        raise UnsupportedError(f"the reserved word is 0x{reserved:x}, not 0", **where)
    slots = [inner, *(v for (v,) in layout(EXTENDED_FIELDS[-1:], elf.byte_order).iter_unpack(data[VALUES_OFF:]))]
    offs = [INNER_OFF, *range(VALUES_OFF, size, VALUE_SIZE)]
    symbols = []
    for slot, off in zip(slots, offs, strict=True):
        target = relocations.get(off)
        if slot and target is None:
            raise FormatError(f"byte {off} is 0x{slot:x} and has no relocation to a map or function", **where)
        symbols.append(_pointed_at(elf, target, slot) if target is not None else None)
    type_, key_size, value_size, max_entries, map_flags = head[: len(CLASSIC_FIELDS)]
    return MapDef(
        type_, key_size, value_size, max_entries, map_flags, numa_node, pinning, map_extra, symbols[0], symbols[1:]
    )


def _pointed_at(elf: Elf, target: Symbol, addend: int) -> Symbol:
    """Where the relocation goes against a section, the object or function that lies there."""
    if not target.is_section:
        return target
    for symbol in elf.symbols:
        if symbol.section is target.section and symbol.value == addend and not symbol.is_section:
            return symbol
    return target


def _dialect(data: bytes, dialect: str, byte_order: str, where: dict[str, Any]) -> MapDef:
    if dialect not in DIALECTS:
        raise UnsupportedError(f"dialect {dialect!r} is not one of {', '.join(DIALECTS)}", **where)
    names = DIALECTS[dialect]
    count = len(CLASSIC_FIELDS) + len(names)
    words = layout(CLASSIC_FIELDS[:1] * count, byte_order).unpack(data[: count * 4].ljust(count * 4, b"\0"))
    extra: dict[str, int] = dict(zip(names, words[len(CLASSIC_FIELDS) :], strict=True))
    if any(extra.get(name) for name in ("inner_map_idx", "inner_id", "inner_idx")):
        raise UnsupportedError(f"inner maps of the dialect {dialect} are not known", **where)
    type_, key_size, value_size, max_entries, map_flags = words[: len(CLASSIC_FIELDS)]
    numa_node, pinning = extra.get("numa_node", 0), 1 if extra.get("pinning") else 0
    return MapDef(type_, key_size, value_size, max_entries, map_flags, numa_node, pinning)


def encode_map_def(definition: MapDef, byte_order: str) -> tuple[bytes, list[Relocation]]:
    """Bytes and relocations (offsets from the definition's start) of a definition."""
    d = definition
    try:
        if d.is_classic:
            words = (d.type, d.key_size, d.value_size, d.max_entries, d.map_flags)
            return layout(CLASSIC_FIELDS, byte_order).pack(*words), []
        data = layout(EXTENDED_FIELDS, byte_order).pack(
            d.type, d.key_size, d.value_size, d.max_entries, d.map_flags, d.numa_node, d.pinning, 0, d.map_extra, 0
        )
    except struct_error as error:
        raise EncodeError(f"an attribute does not fit its field ({error})", thing=f"map definition {d}") from None
    slots = [(INNER_OFF, d.inner), *((VALUES_OFF + VALUE_SIZE * i, v) for i, v in enumerate(d.values))]
    relocations = [Relocation(off, symbol, R_BPF_64_ABS64) for off, symbol in slots if symbol is not None]
    return data + bytes(VALUE_SIZE * len(d.values)), relocations


def size_problem(btf: Btf, map_: t.Map, definition: MapDef) -> str | None:
    """What is wrong if the MAP's types are of other sizes than the definition says."""
    for what, type_id, told in (
        ("key", map_.key_type, definition.key_size),
        ("value", map_.value_type, definition.value_size),
    ):
        if what == "value" and definition.type in BY_REFERENCE:
            continue
        size = 0 if type_id == 0 else btf.size_of(type_id)
        if size is None:
            return f"its {what} type, {btf.describe(type_id)}, has no size"
        if size != told:
            return f"its {what} type, {btf.describe(type_id)}, has {size} bytes; the definition says {told}"
    return None


def put_map_def(elf: Elf, section: Section, symbol: Symbol, definition: MapDef) -> None:
    """Append a definition to the section and let the symbol point at it."""
    data, relocations = encode_map_def(definition, elf.byte_order)
    start = -(-len(section.data) // 8) * 8 if not definition.is_classic else len(section.data)
    section.data = section.data.ljust(start, b"\0") + data
    symbol.section, symbol.value, symbol.size = section, start, len(data)
    elf.set_relocations(
        section,
        [*elf.relocations(section), *(Relocation(start + r.off, r.symbol, r.type) for r in relocations)],
    )


__all__ = ["MapDef", "decode_map_def", "encode_map_def", "put_map_def", "size_problem", "symbol_span"]
