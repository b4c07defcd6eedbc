"""BPF_ANNOTATE_KV_PAIR: a struct with a magic name says the types of a map in the section ``maps``. Read, and written.

Source: docs/format.md, section 8; libbpf's btf__get_map_kv_tids (to v0.8), iproute2's bpf_btf_find_kv.
"""

from __future__ import annotations

from btfkit.convert import maptypes
from btfkit.convert.declarations import VarIn
from btfkit.convert.dotmaps import MapDecl, retarget
from btfkit.convert.work import Work, remove_section
from btfkit.elf import Section, Symbol
from btfkit.format.elf import SHF_ALLOC, SHF_WRITE, SHT_NOBITS, STB_GLOBAL, STT_NOTYPE, STT_OBJECT
from btfkit.format.mapdef import CLASSIC_SIZE, EXTENDED_SIZE, SECTION_MAPS
from btfkit.format.maptype import MapType
from btfkit.model import types as t
from btfkit.object.mapdef import MapDef, decode_map_def, put_map_def, size_problem

PREFIXES = ("____btf_map_", "____bpf_map_")
"""The macro's, and the spelling of the first proposal."""

SECTION_PREFIX = ".maps."


def map_symbols(work: Work, section: Section) -> list[Symbol]:
    """What ``maps`` defines, in its order. Assemblers leave the symbols' type out."""
    found = [s for s in work.elf.symbols if s.section is section and (s.is_object or (s.type == STT_NOTYPE and s.name))]
    return sorted(found, key=_value)


def _value(symbol: Symbol) -> int:
    return symbol.value


def find_annotations(work: Work) -> dict[str, int]:
    """Map name to the id of its annotation. ConvertError where a map is annotated twice."""
    found: dict[str, int] = {}
    for type_id, type_ in work.btf:
        if isinstance(type_, t.Struct) and type_.name.startswith(PREFIXES):
            name = type_.name[len(PREFIXES[0]) :]
            if name in found:
                first = work.btf.describe(found[name])
                raise work.error(f"is annotated twice: {first} and {work.btf.describe(type_id)}", name, ".BTF")
            found[name] = type_id
    return found


def upgrade_annotated(work: Work, section: Section | None, dialect: str | None) -> None:
    """An instance for each definition in ``maps``; annotations leave the types, the sections and the symbols."""
    found = find_annotations(work)
    symbols = map_symbols(work, section) if section is not None else []
    named: dict[str, Symbol] = {symbol.name: symbol for symbol in symbols}
    for name, type_id in found.items():
        if name not in named:
            where = "no such symbol in the section 'maps'" if section is not None else "there is no section 'maps'"
            raise work.error(f"{work.btf.describe(type_id)} annotates a map that does not exist: {where}", name, ".BTF")
    definitions = {symbol: decode_map_def(work.elf, symbol, dialect) for symbol in symbols}
    if section is not None:
        _make_canonical(work, section, definitions, dialect)
    templates = {definition.inner for definition in definitions.values()}
    for symbol, definition in definitions.items():
        if symbol in templates and symbol.name not in found:
            continue  # not a map, but what the maps in another one are like
        type_id = found.get(symbol.name, 0)
        map_id = _annotated(work, symbol, definition, type_id) if type_id else _untyped(work, symbol, definition)
        map_ = work.btf.map_type(map_id)
        assert map_ is not None
        problem = size_problem(work.btf, map_, definition)
        if problem:
            raise work.error(problem, symbol.name, SECTION_MAPS)
        work.definitions[work.types.instance(map_id, symbol.name)] = symbol
    _remove(work, set(found.values()), {prefix + name for name in found for prefix in PREFIXES})


def _make_canonical(work: Work, section: Section, definitions: dict[Symbol, MapDef], dialect: str | None) -> None:
    """Code refers to the maps' symbols, not to the section; a definition of another producer's form is written anew."""
    retarget(work, section, dict.fromkeys(definitions))
    sizes = {symbol.size for symbol in definitions}
    if dialect is None and all(size == CLASSIC_SIZE or size >= EXTENDED_SIZE for size in sizes):
        return
    section.data = b""
    for symbol, definition in definitions.items():
        symbol.type = STT_OBJECT
        put_map_def(work.elf, section, symbol, definition)


def _annotated(work: Work, symbol: Symbol, definition: MapDef, type_id: int) -> int:
    btf = work.btf
    struct = btf[type_id]
    assert isinstance(struct, t.Struct)
    if len(struct.members) < 2:
        raise work.error(
            f"{btf.describe(type_id)} has {len(struct.members)} members, not key and value", symbol.name, ".BTF"
        )
    key, value = struct.members[:2]
    if (key.name, value.name) != ("key", "value") or len(struct.members) > 2:
        names = ", ".join(member.name for member in struct.members)
        work.warnings.append(f"map '{symbol.name}': its annotation's members are {names}; the first two are taken")
    return work.types.intern(t.Map(key.type_id, value.type_id))


def _untyped(work: Work, symbol: Symbol, definition: MapDef) -> int:
    work.warnings.append(
        f"map '{symbol.name}': the types of its key and value are not known "
        f"({definition.key_size} and {definition.value_size} bytes); BPF_ANNOTATE_KV_PAIR would tell"
    )
    key = maptypes.key_for_size(work.types, definition.type, definition.key_size)
    value = maptypes.value_for_size(work.types, definition.type, definition.value_size)
    return work.types.intern(t.Map(key, value))


def _remove(work: Work, structs: set[int], names: set[str]) -> None:
    """The annotations' structs, VARs, DATASECs, symbols, and the sections that hold nothing else."""
    work.removed |= structs
    for type_id, type_ in work.btf:
        if isinstance(type_, t.Var) and type_.name in names:
            work.removed.add(type_id)
    for symbol in list(work.elf.symbols):
        if symbol.name in names and symbol.section is not None:
            section = symbol.section
            work.elf.remove_symbol(symbol)
            if section.name.startswith(SECTION_PREFIX) and not any(
                s.section is section and not s.is_section for s in work.elf.symbols
            ):
                remove_section(work.elf, section)


# -- and back -----------------------------------------------------------------------------------------------


def downgrade_annotated(work: Work, maps: dict[Symbol, MapDecl]) -> list[VarIn]:
    """An annotation for each map that has types; the VARs of the definitions are returned, for their DATASEC."""
    out = []
    u32 = work.types.intern(maptypes.INDEX)
    for symbol, decl in maps.items():
        name, map_, definition = decl.name, decl.map_, decl.definition
        out.append(VarIn(symbol, _def_type(work, u32)))
        if definition.type in maptypes.MAPS_OF_MAPS or definition.type == MapType.PROG_ARRAY:
            work.losses.append(f"map '{name}': what its values are")
        elif _sized(work, map_):
            _annotate(work, symbol, map_)
        elif not maptypes.is_bytes_type(work.btf, map_.value_type):
            work.losses.append(f"map '{name}': a key or value without a type cannot be annotated")
    return out


def _sized(work: Work, map_: t.Map) -> bool:
    btf = work.btf
    return all(
        type_id and btf.size_of(type_id) is not None and not maptypes.is_bytes_type(btf, type_id)
        for type_id in (map_.key_type, map_.value_type)
    )


def _def_type(work: Work, u32: int) -> int:
    names = ("type", "key_size", "value_size", "max_entries", "map_flags")
    members = tuple(t.Member(name, u32, 32 * index) for index, name in enumerate(names))
    return work.types.intern(t.Struct("bpf_map_def", 20, members))


def _annotate(work: Work, symbol: Symbol, map_: t.Map) -> None:
    """The struct, the variable of it, and the section for that: as the macro makes them, but that no byte is stored."""
    btf = work.btf
    name = PREFIXES[0] + symbol.name
    key_size, value_size = btf.size_of(map_.key_type) or 0, btf.size_of(map_.value_type) or 0
    align = btf.align_of(map_.value_type)
    value_off = -(-key_size // align) * align
    align = max(align, btf.align_of(map_.key_type))
    size = -(-(value_off + value_size) // align) * align
    members = (t.Member("key", map_.key_type, 0), t.Member("value", map_.value_type, value_off * 8))
    struct = work.types.add(t.Struct(name, size, members))
    section = work.elf.add_section(SECTION_PREFIX + symbol.name, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, align=align)
    section.size = size
    work.elf.add_symbol(name, section, 0, size, STB_GLOBAL, STT_OBJECT)
    entry = t.VarSecInfo(work.types.add(t.Var(name, struct)), 0, size)
    work.types.add(t.DataSec(section.name, size, (entry,)))


__all__ = ["downgrade_annotated", "find_annotations", "map_symbols", "upgrade_annotated"]
