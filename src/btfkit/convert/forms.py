"""From any form of object to any other (docs/format.md, section 8).

Every way goes through the instance form: `upgrade` makes it from what compilers write, `lower_*` make what other
loaders read. Nothing is changed in the object that comes in. What a target cannot say is listed in ``warnings``, and is
an error under ``strict``.
"""

from __future__ import annotations

from enum import StrEnum

from btfkit.convert import annotate, byteorder, declarations, dotmaps, legal, mend
from btfkit.convert.dotmaps import MapDecl
from btfkit.convert.match import find_or_copy
from btfkit.convert.work import Work, begin, clone_elf, finish
from btfkit.elf import Section, Symbol
from btfkit.errors import BtfkitError, ConvertError
from btfkit.format.btf import SECTION_INST, SECTION_INST_EXT, Form
from btfkit.format.kinds import FuncLinkage
from btfkit.format.mapdef import SECTION_DOT_MAPS, SECTION_MAPS
from btfkit.model import types as t
from btfkit.model.ext import BtfExt, FuncInfo
from btfkit.model.walk import ids, remap
from btfkit.object import BpfObject, ObjectForm, decode_map_def, read_object, require_sound, write_object


class Target(StrEnum):
    """What an object can be converted to."""

    INSTANCE = "instance"
    PROPOSED = "proposed"
    """Instances under the header of the first proposal."""
    SIDECAR = "sidecar"
    """A libbpf object with instances beside it."""
    LIBBPF = "libbpf"
    """Mainline: ``.maps``, VAR, DATASEC."""
    CLASSIC = "classic"
    """Mainline of 2018: the section ``maps`` and BPF_ANNOTATE_KV_PAIR."""


def convert(
    obj: BpfObject, to: Target | str = Target.INSTANCE, *, byte_order: str | None = None, strict: bool = False
) -> BpfObject:
    """The object in another form, and byte order if one is given.

    ConvertError for what makes no sense; under ``strict`` also where the target cannot say everything.
    """
    try:
        to = Target(to)
    except ValueError:
        raise ConvertError(f"there is no form {str(to)!r}: it is one of {', '.join(Target)}", path=obj.path) from None
    try:
        known = len(obj.warnings)
        out = obj
        if byte_order is not None and byte_order != obj.byte_order:
            out = byteorder.swap(upgrade(out), byte_order)
        match to:
            case Target.INSTANCE:
                out = upgrade(out)
            case Target.PROPOSED:
                out = as_form(upgrade(out), ObjectForm.PROPOSED, Form.PROPOSED)
            case Target.SIDECAR:
                out = add_sidecar(out)
            case Target.LIBBPF:
                out = to_libbpf(upgrade(out))
            case Target.CLASSIC:
                out = to_classic(upgrade(out))
        losses = out.warnings[known:]
        if strict and losses:
            raise ConvertError(f"the {to} form cannot say everything: {'; '.join(losses)}", losses=losses)
        return out
    except BtfkitError as error:
        raise error.at(path=obj.path) from None


# -- to instances -------------------------------------------------------------------------------------------


def upgrade(obj: BpfObject) -> BpfObject:
    """The object in instance form: from what a compiler, a linker or this module made."""
    try:
        match obj.form:
            case ObjectForm.INSTANCE:
                require_sound(obj)
                return obj
            case ObjectForm.PROPOSED:
                return as_form(obj, ObjectForm.INSTANCE, Form.INSTANCE)
            case ObjectForm.SIDECAR:
                return _upgrade_sidecar(obj)
        return _upgrade_plain(obj)
    except BtfkitError as error:
        raise error.at(path=obj.path) from None


def _upgrade_plain(obj: BpfObject) -> BpfObject:
    work = begin(obj, instances=False)
    mend.mend(work)
    functions = declarations.upgrade_functions(work)
    annotate.upgrade_annotated(work, work.elf.section(SECTION_MAPS), obj.dialect)
    _upgrade_dotmaps(work)
    declarations.upgrade_variables(work, functions)
    return finish(work, ObjectForm.INSTANCE, Form.INSTANCE)


def as_form(obj: BpfObject, form: ObjectForm, btf_form: Form) -> BpfObject:
    """The same instances under another header."""
    return finish(begin(obj), form, btf_form, obj.dialect)


def _upgrade_dotmaps(work: Work) -> None:
    section = work.elf.section(SECTION_DOT_MAPS)
    variables = _dotmap_variables(work)
    if section is None:
        if variables:
            raise work.error(f"DATASEC '{SECTION_DOT_MAPS}' is there without the section", section=".BTF")
        return
    symbols = annotate.map_symbols(work, section)
    found = {}
    for symbol in symbols:
        var = _var_of(variables, symbol)
        if var is None:
            raise work.error(f"has no VAR in DATASEC '{SECTION_DOT_MAPS}' that says what it is", symbol.name, ".maps")
        found[symbol] = dotmaps.parse(work.btf, var.type_id, symbol.name)
    map_ids = {symbol: dotmaps.map_type(work, dot) for symbol, dot in found.items()}
    dotmaps.upgrade_section(work, section, found)
    for symbol, map_id in map_ids.items():
        work.definitions[work.types.instance(map_id, symbol.name)] = symbol
    for _, var_id, var in variables:
        work.removed |= {var_id, work.btf.resolve(var.type_id)}
    work.removed |= {i for i, type_ in work.btf if isinstance(type_, t.DeclTag) and type_.type_id in work.removed}


def _dotmap_variables(work: Work) -> list[tuple[t.VarSecInfo, int, t.Var]]:
    out = []
    for _, datasec in work.btf:
        if isinstance(datasec, t.DataSec) and datasec.name == SECTION_DOT_MAPS:
            for entry in datasec.vars:
                var = work.btf[entry.type_id]
                if isinstance(var, t.Var):
                    out.append((entry, entry.type_id, var))
    return out


def _var_of(variables: list[tuple[t.VarSecInfo, int, t.Var]], symbol: Symbol) -> t.Var | None:
    named = [(entry.offset == symbol.value, var) for entry, _, var in variables if var.name == symbol.name]
    return next((var for exact, var in named if exact), named[0][1] if named else None)


# -- the sidecar --------------------------------------------------------------------------------------------


def add_sidecar(obj: BpfObject) -> BpfObject:
    """What a compiler made (or `to_libbpf`, from an instance object), with the instances in sections beside it."""
    if obj.form is ObjectForm.SIDECAR:
        return obj
    up, plain = upgrade(obj), obj
    if obj.form is not ObjectForm.PLAIN:
        mainline = to_libbpf(up)  # what it cannot say, the sidecar says: its losses are none
        plain = read_object(write_object(mainline), obj.path)
    elf, _ = clone_elf(plain.elf)
    # The converted copies have kept the order of the symbols that all of them have.
    definitions = {}
    for inst_id, symbol in up.definitions.items():
        match = _same_symbol(elf.symbols, symbol)
        if match is None:
            raise ConvertError("has no symbol in the mainline object", symbol=symbol.name, thing=symbol.label)
        definitions[inst_id] = match
    plain_ext = BtfExt(plain.ext.func_info, plain.ext.line_info, plain.ext.core_relo)
    return BpfObject(
        elf,
        up.btf,
        BtfExt(byte_order=up.byte_order),
        ObjectForm.SIDECAR,
        definitions,
        (plain.btf, plain_ext),
        list(up.warnings),
        obj.dialect,
    )


def _same_symbol(symbols: list[Symbol], wanted: Symbol) -> Symbol | None:
    """The symbol of that name, kind and place; a map's place differs between ``maps`` and ``.maps``."""
    named = [s for s in symbols if s.name == wanted.name and s.bind == wanted.bind and s.type == wanted.type]
    if wanted.section is None or wanted.section.name in declarations.MAP_SECTIONS:
        homes = [s for s in named if _home(s) in (*declarations.MAP_SECTIONS, "")]
        return homes[0] if homes else None
    return next((s for s in named if _home(s) == wanted.section.name and s.value == wanted.value), None)


def _home(symbol: Symbol) -> str:
    return symbol.section.name if symbol.section is not None else ""


def _upgrade_sidecar(obj: BpfObject) -> BpfObject:
    """The sidecar's types and instances, with maps' attributes from the mainline half where they are in ``.maps``."""
    assert obj.plain is not None
    plain_btf, plain_ext = obj.plain
    mainline = BpfObject(obj.elf, plain_btf, plain_ext, dialect=obj.dialect)
    work = begin(mainline, instances=False)
    _strip_sidecar(work)
    mend.mend(work)
    annotate.upgrade_annotated(work, work.elf.section(SECTION_MAPS), obj.dialect)
    _upgrade_dotmaps(work)
    side = begin(obj)
    side.definitions = {}
    for inst_id, symbol in obj.definitions.items():
        match = _same_symbol(work.elf.symbols, symbol)
        if match is None:
            raise ConvertError("has no symbol in the mainline object", symbol=symbol.name, thing=symbol.label)
        side.definitions[inst_id] = match
    side.elf, side.warnings = work.elf, []
    side.ext = BtfExt(line_info=plain_ext.line_info, byte_order=work.elf.byte_order)
    _functions(side)
    view = side.btf
    side.ext.core_relo = [
        (section, [r._replace(type_id=find_or_copy(plain_btf, r.type_id, side.types, view)) for r in records])
        for section, records in plain_ext.core_relo
    ]
    return finish(side, ObjectForm.INSTANCE, Form.INSTANCE)


def _strip_sidecar(work: Work) -> None:
    for name in (SECTION_INST_EXT, SECTION_INST):
        section = work.elf.section(name)
        if section is not None:
            work.elf.remove_section(section)


# -- to mainline --------------------------------------------------------------------------------------------


def to_libbpf(obj: BpfObject) -> BpfObject:
    """Mainline's form of today, from an instance object."""
    work = begin(obj)
    maps = _maps_of(work, obj)
    variables = declarations.variable_instances(work)
    section = work.elf.section(SECTION_MAPS)
    if section is not None:
        variables = dotmaps.downgrade_section(work, section, maps) + variables
    return _mainline(work, variables)


def to_classic(obj: BpfObject) -> BpfObject:
    """Mainline's form of 2018, from an instance object."""
    work = begin(obj)
    maps = _maps_of(work, obj)
    variables = declarations.variable_instances(work)
    section = work.elf.section(SECTION_MAPS)
    if section is not None:
        for decl in maps.values():
            if not decl.definition.is_classic:
                work.losses.append(f"map '{decl.name}': attributes past the fifth, which loaders of that time refuse")
        variables = annotate.downgrade_annotated(work, maps) + variables
    return _mainline(work, variables)


def _maps_of(work: Work, obj: BpfObject) -> dict[Symbol, MapDecl]:
    """The map instances by symbol, in the order of their section; definitions without an instance are an error."""
    out: dict[Symbol, MapDecl] = {}
    for inst_id, symbol in work.definitions.items():
        instance = work.types.instances[inst_id - 1]
        map_ = work.btf.map_type(instance.type_id)
        if map_ is None or symbol.section is None:
            continue
        definition = decode_map_def(work.elf, symbol, obj.dialect)
        template = definition.inner
        inner = decode_map_def(work.elf, template, obj.dialect) if template and template.section else None
        out[symbol] = MapDecl(instance.name, map_, definition, inner)
    templates = {decl.definition.inner for decl in out.values()}
    section = work.elf.section(SECTION_MAPS)
    for symbol in annotate.map_symbols(work, section) if section is not None else ():
        if symbol not in out and symbol not in templates:
            raise work.error("is a map definition without an instance", symbol.name, SECTION_MAPS)
    return dict(sorted(out.items(), key=_place))


def _place(item: tuple[Symbol, object]) -> int:
    return item[0].value


def _mainline(work: Work, variables: list[declarations.VarIn]) -> BpfObject:
    """VAR, DATASEC, FUNC and func_info; the instances go."""
    sections: dict[Section, list[declarations.VarIn]] = {}
    constants = work.elf.section(".rodata")
    if constants is not None and constants.size:
        sections[constants] = []  # clang declares it for nameless constants too; libbpf types its map by it
    for var in variables:
        declarations.add_var(work, var)
        if var.symbol.section is not None:
            sections.setdefault(var.symbol.section, []).append(var)
    for section in sorted(sections, key=_index):
        declarations.add_datasec(work, section, sections[section])
    _functions(work)
    work.types.instances, work.definitions = [], {}
    _drop_maps(work)
    legal.make_legal(work)
    work.warnings += work.losses
    return finish(work, ObjectForm.PLAIN, Form.CLASSIC)


def _index(section: Section) -> int:
    return section.index


def _functions(work: Work) -> None:
    """A FUNC for each function instance, and func_info for those that are defined here, where there is none."""
    told = {(section, r.insn_off) for section, rs in work.ext.func_info for r in rs}
    missing: dict[str, list[FuncInfo]] = {}
    for inst_id, instance in enumerate(list(work.types.instances), 1):
        type_id = work.btf.resolve(instance.type_id)
        type_ = work.btf[type_id]
        symbol = work.definitions.get(inst_id)
        if isinstance(type_, t.FuncProto):
            linkage = FuncLinkage.STATIC if symbol is not None and symbol.is_local else FuncLinkage.GLOBAL
            type_id = work.types.add(t.Func(symbol.name if symbol else instance.name, type_id, linkage))
        elif not isinstance(type_, t.Func):
            continue
        if symbol is not None and symbol.section is not None and (symbol.section.name, symbol.value) not in told:
            missing.setdefault(symbol.section.name, []).append(FuncInfo(symbol.value, type_id))
    if work.ext.func_info:
        # Records of one section must be in one block: what has some is complete.
        have = {section for section, _ in work.ext.func_info}
        missing = {section: records for section, records in missing.items() if section not in have}
    work.ext.func_info += [(section, sorted(records)) for section, records in missing.items()]


def _drop_maps(work: Work) -> None:
    """MAP types go; what still refers to one says void (a typedef of one goes too)."""
    gone = {i for i, type_ in work.btf if isinstance(type_, t.Map)}
    names = {i for i, type_ in work.btf if isinstance(type_, t.Typedef) and work.btf.resolve(i) in gone}
    work.removed |= gone | names
    for type_id, type_ in list(work.btf):
        if type_id in work.removed or not (set(ids(type_)) & (gone | names)):
            continue
        work.losses.append(f"{work.btf.describe(type_id)} refers to a MAP")
        work.types.set(type_id, remap(type_, lambda ref: 0 if ref in gone | names else ref))


__all__ = ["Target", "add_sidecar", "convert", "to_classic", "to_libbpf", "upgrade"]
