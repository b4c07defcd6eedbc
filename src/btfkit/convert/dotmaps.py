"""Mainline's ``.maps``: a map's attributes and types smuggled through the members of a struct. Read here, and written.

Source: libbpf's parse_btf_map_def and bpf_helpers.h (``__uint``, ``__type``, ``__array``, ``__ulong``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from btfkit.convert import maptypes
from btfkit.convert.declarations import VarIn
from btfkit.convert.work import Work, remove_section
from btfkit.elf import Relocation, Section, Symbol
from btfkit.errors import ConvertError
from btfkit.format.elf import R_BPF_64_ABS64, R_BPF_DATA_64, STB_LOCAL, STT_OBJECT
from btfkit.format.insn import OP_LD_IMM64, decode_insn, patch_insn
from btfkit.format.kinds import IntEncoding
from btfkit.format.mapdef import SECTION_DOT_MAPS, SECTION_MAPS
from btfkit.format.maptype import MapType
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object.mapdef import MapDef, put_map_def

UINTS = {
    "type": "type",
    "max_entries": "max_entries",
    "map_flags": "map_flags",
    "key_size": "key_size",
    "value_size": "value_size",
    "numa_node": "numa_node",
    "pinning": "pinning",
    "map_extra": "map_extra",
}
"""Member to `MapDef` field of the attributes that are numbers."""

POINTER = 8


@dataclass(slots=True)
class DotMap:
    """One parsed struct.

    key, value: type ids, or None where only a size (or nothing) is given
    inner:      of a map of maps, what its values are; proto: of a program array, its FUNC_PROTO, or 0
    values_off: bytes from the symbol to the first initial value
    """

    definition: MapDef
    key: int | None = None
    value: int | None = None
    inner: DotMap | None = None
    proto: int = 0
    values_off: int | None = None


def parse(btf: Btf, type_id: int, name: str, *, inner: bool = False) -> DotMap:
    """The definition that a struct type says. ConvertError for members that say nothing known."""
    struct = btf.resolved(type_id)

    def fail(reason: str) -> ConvertError:
        return ConvertError(reason, symbol=name, section=SECTION_DOT_MAPS, thing=f"map '{name}'")

    if not isinstance(struct, t.Struct):
        raise fail(f"is defined by {btf.describe(type_id)}, not by a STRUCT")
    out = DotMap(MapDef())
    sizes: dict[str, int] = {}
    for member in struct.members:
        if member.name in UINTS:
            number = _number(btf, member.type_id)
            if number is None:
                raise fail(f"member '{member.name}' does not hold a number: {btf.describe(member.type_id)}")
            if member.name in ("key_size", "value_size"):
                sizes[member.name] = number
            setattr(out.definition, UINTS[member.name], number)
        elif member.name in ("key", "value"):
            pointer = btf.resolved(member.type_id)
            if not isinstance(pointer, t.Ptr):
                raise fail(f"member '{member.name}' is {btf.describe(member.type_id)}, not a PTR to the type")
            size = btf.size_of(pointer.type_id)
            if size is None:
                raise fail(f"the {member.name} type, {btf.describe(pointer.type_id)}, has no size")
            if sizes.setdefault(member.name + "_size", size) != size:
                raise fail(
                    f"{member.name}_size is {sizes[member.name + '_size']}, the {member.name} type has {size} bytes"
                )
            setattr(out, member.name, pointer.type_id)
            setattr(out.definition, member.name + "_size", size)
        elif member.name == "values":
            if inner:
                raise fail("an inner map holds maps again: the kernel knows one level")
            _parse_values(btf, member, name, out, fail)
        else:
            raise fail(f"attribute '{member.name}' is not known")
    if not out.definition.type:
        raise fail("has no attribute 'type'")
    return out


def _number(btf: Btf, type_id: int) -> int | None:
    """``__uint``: PTR to an ARRAY whose length is the number; ``__ulong``: an enum whose one value it is."""
    type_ = btf.resolved(type_id)
    if isinstance(type_, t.Ptr):
        array = btf.resolved(type_.type_id)
        return array.nelems if isinstance(array, t.Array) else None
    if isinstance(type_, (t.Enum, t.Enum64)) and len(type_.values) == 1:
        return type_.values[0].value & 0xFFFF_FFFF_FFFF_FFFF
    return None


def _parse_values(btf: Btf, member: t.Member, name: str, out: DotMap, fail: Callable[[str], ConvertError]) -> None:
    array = btf.resolved(member.type_id)
    pointer = btf.resolved(array.elem_type) if isinstance(array, t.Array) else None
    if not isinstance(pointer, t.Ptr):
        raise fail(f"member 'values' is {btf.describe(member.type_id)}, not an ARRAY of PTR")
    out.values_off = member.bit_off // 8
    target = btf.resolved(pointer.type_id)
    if out.definition.type in maptypes.MAPS_OF_MAPS:
        out.inner = parse(btf, pointer.type_id, f"{name}.inner", inner=True)
    elif isinstance(target, t.FuncProto):
        out.proto = btf.resolve(pointer.type_id)
    elif not isinstance(target, (t.Void, t.Struct)):
        raise fail(f"'values' points at {btf.describe(pointer.type_id)}, neither a map nor a function")
    out.definition.value_size = out.definition.value_size or 4
    out.definition.key_size = out.definition.key_size or 4


def map_type(work: Work, dot: DotMap) -> int:
    """The id of the MAP that the struct says; sizes that it leaves to the map's type are filled in."""
    definition, btf = dot.definition, work.btf
    if definition.type in maptypes.RECORDS and dot.value is not None and definition.type != MapType.PERF_EVENT_ARRAY:
        definition.value_size = 0  # libbpf's dialect forbids a record type here, others say it so
    if definition.type in maptypes.MAPS_OF_MAPS | {MapType.PROG_ARRAY} and not definition.value_size:
        definition.value_size = 4
    if definition.type in maptypes.INDEXED and not definition.key_size:
        definition.key_size = 4
    key = dot.key if dot.key is not None else maptypes.key_for_size(work.types, definition.type, definition.key_size)
    if dot.inner is not None:
        value = map_type(work, dot.inner)
    elif dot.proto:
        value = work.types.intern(t.Ptr(dot.proto))
    elif dot.value is not None:
        value = maptypes.value_for_type(btf, definition.type, dot.value)
    else:
        value = maptypes.value_for_size(work.types, definition.type, definition.value_size)
    return work.types.intern(t.Map(key, value))


# -- .maps → maps -------------------------------------------------------------------------------------------


def upgrade_section(work: Work, section: Section, found: dict[Symbol, DotMap]) -> None:
    """Turn the section ``.maps`` into ``maps`` (or add it to the one there): a definition for each symbol.

    What refers to the section then refers to the symbols.
    """
    retarget(work, section, dict.fromkeys(found))
    initial = {rel.off: rel.symbol for rel in work.elf.relocations(section)}
    spans = {symbol: (symbol.value, symbol.size) for symbol in found}
    for symbol, (start, size) in spans.items():
        if start + size > section.size:
            raise work.error(f"its {size} bytes end past the section's {section.size}", symbol.name, section.name)
    work.elf.set_relocations(section, [])
    home = work.elf.section(SECTION_MAPS)
    if home is None:
        home = section
        section.name, section.data, section.align = SECTION_MAPS, b"", 8
    templates: list[tuple[Symbol, MapDef]] = []
    for symbol, dot in found.items():
        start, size = spans[symbol]
        definition = dot.definition
        if dot.values_off is not None and size > dot.values_off:
            offs = range(start + dot.values_off, start + size, POINTER)
            definition.values = [initial.get(off) for off in offs]
        if dot.inner is not None:
            definition.inner = work.elf.add_symbol(f"{symbol.name}.inner", home, 0, 0, STB_LOCAL, STT_OBJECT)
            templates.append((definition.inner, dot.inner.definition))
    for symbol, dot in found.items():
        put_map_def(work.elf, home, symbol, dot.definition)
    for symbol, definition in templates:
        put_map_def(work.elf, home, symbol, definition)
    if home is not section:
        home.align = max(home.align, 8)
        remove_section(work.elf, section)


def retarget(work: Work, section: Section, symbols: dict[Symbol, None]) -> None:
    """Relocations against the section itself (of static maps, with an offset in place) become ones to the map."""
    starts = {symbol.value: symbol for symbol in symbols}
    for target in list(work.elf.sections):
        if not target.is_alloc:
            continue
        data = None
        for rel in work.elf.relocations(target):
            if rel.symbol is None or not rel.symbol.is_section or rel.symbol.section is not section:
                continue
            data = bytearray(target.data) if data is None else data
            off = _take_addend(work, rel, data, target.is_code)
            if off not in starts:
                raise work.error(f"{target.name}+0x{rel.off:x} refers to {section.name}+0x{off:x}, where no map starts")
            rel.symbol = starts[off]
        if data is not None:
            target.data = bytes(data)


def _take_addend(work: Work, rel: Relocation, data: bytearray, is_code: bool) -> int:
    """The offset in place, which is then 0."""
    order = work.elf.byte_order
    if rel.addend is not None:
        off, rel.addend = rel.addend, 0
        return off
    if rel.off + POINTER > len(data):
        raise work.error(f"the relocation at 0x{rel.off:x} runs past its section")
    if is_code and data[rel.off] == OP_LD_IMM64:
        off = decode_insn(data, rel.off, order).imm
        patch_insn(data, rel.off, order, imm=0)
        return off
    if rel.type in (R_BPF_64_ABS64, R_BPF_DATA_64):
        off = int.from_bytes(data[rel.off : rel.off + POINTER], order)
        data[rel.off : rel.off + POINTER] = bytes(POINTER)
        return off
    return 0


# -- maps → .maps -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class MapDecl:
    """A map of an instance object. name: the instance's; inner: the definition of its inner map, if it has one."""

    name: str
    map_: t.Map
    definition: MapDef
    inner: MapDef | None = None


@dataclass
class Downgrade:
    """Makes the structs. ``losses`` of what libbpf's convention cannot say go to the work."""

    work: Work

    def struct(self, name: str, decl: MapDecl) -> tuple[int, int]:
        """(id of the struct that says this definition, its bytes, behind which the ``values`` start)."""
        types, btf, definition, map_ = self.work.types, self.work.btf, decl.definition, decl.map_
        members: list[t.Member] = []

        def add(member: str, type_id: int) -> None:
            members.append(t.Member(member, type_id, len(members) * POINTER * 8))

        for member in ("type", "max_entries", "map_flags", "numa_node", "pinning"):
            number = getattr(definition, UINTS[member])
            if number or member == "type":
                add(member, self.uint(number))
        extra = definition.map_extra
        if extra >> 32:  # ``__ulong``, which libbpf before 1.6 does not read
            add("map_extra", types.add(t.Enum64("", 8, (t.EnumValue(f"__unique_value_{len(types.types)}", extra),))))
        elif extra:
            add("map_extra", self.uint(extra))
        value = self.value_type(name, definition, map_)
        key = map_.key_type
        if definition.type in maptypes.INDEXED and not value and btf[key] == maptypes.INDEX:
            key = 0  # only its size was known; and the kernel takes no key type without a value type
        self.typed(add, "key", key, definition.key_size)
        if decl.inner is None:
            self.typed(add, "value", value, definition.value_size)
        pointer = self.values_pointer(name, decl)
        size = len(members) * POINTER
        if pointer:  # a flexible array: libbpf insists, and takes their number from the symbol's size
            add("values", types.add(t.Array(pointer, types.intern(maptypes.INDEX_ARRAY), 0)))
        return types.add(t.Struct("", size, tuple(members))), size

    def value_type(self, name: str, definition: MapDef, map_: t.Map) -> int:
        """The id of the type that is to stand in ``__type(value, …)``, 0 where only a size can."""
        btf = self.work.btf
        if definition.type == MapType.PROG_ARRAY and btf[map_.key_type] not in (t.VOID, maptypes.INDEX):
            return self.work.types.intern(maptypes.INDEX)  # the kernel takes no key type without a value type
        if not map_.value_type or maptypes.is_bytes_type(btf, map_.value_type):
            return 0
        if definition.type in maptypes.RECORDS:
            self.work.losses.append(f"map '{name}': its record type, {btf.describe(map_.value_type)}")
            return 0
        by_reference = definition.type in maptypes.BY_REFERENCE
        return map_.value_type if not by_reference or isinstance(btf.resolved(map_.value_type), t.Struct) else 0

    def values_pointer(self, name: str, decl: MapDecl) -> int:
        """The id of what each initial value is, 0 where there are none."""
        types, definition = self.work.types, decl.definition
        target = self.work.btf.resolved(decl.map_.value_type)
        if definition.type in maptypes.MAPS_OF_MAPS and decl.inner is not None and isinstance(target, t.Map):
            return types.add(t.Ptr(self.struct(f"{name}.inner", MapDecl("", target, decl.inner))[0]))
        if definition.type == MapType.PROG_ARRAY and (definition.values or isinstance(target, t.Ptr)):
            return types.intern(t.Ptr(target.type_id if isinstance(target, t.Ptr) else 0))
        return 0

    def uint(self, number: int) -> int:
        types = self.work.types
        int_ = types.intern(t.Int("int", 4, IntEncoding.SIGNED))
        index = types.intern(maptypes.INDEX_ARRAY)
        array = types.intern(t.Array(int_, index, number))
        return types.intern(t.Ptr(array))

    def typed(self, add: Callable[[str, int], None], what: str, type_id: int, size: int) -> None:
        if type_id and not maptypes.is_bytes_type(self.work.btf, type_id):
            add(what, self.work.types.intern(t.Ptr(type_id)))
        elif size:
            add(what + "_size", self.uint(size))


def downgrade_section(work: Work, section: Section, maps: dict[Symbol, MapDecl]) -> list[VarIn]:
    """Turn the section ``maps`` into ``.maps``. maps: by symbol, in the section's order.

    Returns the variables of the section's DATASEC.
    """
    maker = Downgrade(work)
    retarget(work, section, dict.fromkeys(maps))
    section.name, section.data, section.align = SECTION_DOT_MAPS, b"", 8
    work.elf.set_relocations(section, [])
    out, relocations, data = [], [], bytearray()
    for symbol, decl in maps.items():
        definition = decl.definition
        type_id, values_off = maker.struct(symbol.name, decl)
        symbol.value, symbol.size = len(data), values_off + POINTER * len(definition.values)
        for index, target in enumerate(definition.values):
            if target is not None:
                relocations.append(Relocation(symbol.value + values_off + POINTER * index, target, R_BPF_64_ABS64))
        data += bytes(symbol.size)
        out.append(VarIn(symbol, type_id))
        if definition.inner is not None:
            work.removed_symbols.add(definition.inner)
    section.data = bytes(data)
    work.elf.set_relocations(section, relocations)
    return out
