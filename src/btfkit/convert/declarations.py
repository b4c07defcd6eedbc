"""Mainline's declarations and ours: FUNC, and VAR in DATASEC, become instances; and VAR and DATASEC are made again.

Source: docs/format.md, sections 4 and 8. Compilers' differences are named where they are met.
"""

from __future__ import annotations

from dataclasses import dataclass

from btfkit.convert.work import Work
from btfkit.elf import Section, Symbol
from btfkit.format.kinds import VarLinkage
from btfkit.model import types as t

EXTERN_SECTIONS = (".kconfig", ".ksyms")
"""DATASECs of what the kernel defines: no section of the object could say the same."""

MAP_SECTIONS = ("maps", ".maps")


# -- functions ----------------------------------------------------------------------------------------------


def upgrade_functions(work: Work) -> dict[str, int]:
    """An instance for each FUNC that has a name. Returns instance ids by symbol name.

    bpf-gcc makes a nameless FUNC for every helper called by number: a type, not a declaration.
    """
    at_place = {(s.section.name, s.value): s for s in work.elf.symbols if s.is_function and s.section is not None}
    placed = {
        record.type_id: at_place.get((section, record.insn_off))
        for section, records in work.ext.func_info
        for record in records
    }
    named: dict[str, Symbol] = {}
    for symbol in work.elf.symbols:
        if symbol.name and (symbol.is_function or (symbol.is_undefined and not symbol.is_object)):
            known = named.get(symbol.name)
            if known is None or known.is_undefined:
                named[symbol.name] = symbol
    out: dict[str, int] = {}
    for type_id, type_ in work.btf:
        if not isinstance(type_, t.Func) or not type_.name:
            continue
        inst_id = work.types.instance(type_id, type_.name)
        definition = placed.get(type_id) or named.get(type_.name)
        if definition is not None:
            work.definitions[inst_id] = definition
            out.setdefault(definition.name, inst_id)
        else:
            out.setdefault(type_.name, inst_id)
    return out


# -- variables ----------------------------------------------------------------------------------------------


def upgrade_variables(work: Work, functions: dict[str, int]) -> None:
    """An instance for each VAR but maps' and annotations'; VAR and DATASEC go, where docs/format.md lets them."""
    tagged = {i.type_id for _, i in work.btf if isinstance(i, t.DeclTag)}
    in_section: dict[int, tuple[t.DataSec, t.VarSecInfo]] = {}
    for type_id, type_ in work.btf:
        if isinstance(type_, t.DataSec):
            if type_.name not in EXTERN_SECTIONS:
                work.removed.add(type_id)
            for entry in type_.vars:
                in_section[entry.type_id] = (type_, entry)
    taken = set(work.definitions.values())
    for type_id, type_ in work.btf:
        if not isinstance(type_, t.Var) or type_id in work.removed:
            continue
        place = in_section.get(type_id)
        datasec = place[0] if place is not None else None
        stays = type_id in tagged or (datasec is not None and datasec.name in EXTERN_SECTIONS)
        if not stays:
            work.removed.add(type_id)
        symbol = _symbol_of(work, type_, place, taken)
        if symbol is None and type_.linkage != VarLinkage.GLOBAL_EXTERN:
            # bpf-gcc keeps VARs of variables that were folded away: nothing declares them any more.
            work.removed.add(type_id)
            continue
        name, parent = _owner(type_.name, functions)
        inst_id = work.types.instance(type_id if stays else type_.type_id, name, parent)
        if symbol is not None:
            taken.add(symbol)
            work.definitions[inst_id] = symbol


def _symbol_of(
    work: Work, var: t.Var, place: tuple[t.DataSec, t.VarSecInfo] | None, taken: set[Symbol]
) -> Symbol | None:
    """By name in the DATASEC's section; several of a name (statics of linked objects) are told apart by offset.

    bpf-gcc puts an extern variable's VAR into the DATASEC ``.bss``; its symbol says that it is undefined.
    """
    named = [s for s in work.elf.symbols if s.name == var.name and not s.is_section and not s.is_function]
    if place is None or place[0].name in EXTERN_SECTIONS:
        return next((s for s in named if s.is_undefined), next(iter(named), None))
    datasec, entry = place
    here = [s for s in named if s.section is not None and s.section.name == datasec.name and s not in taken]
    if len(here) > 1:
        here = [s for s in here if s.value == entry.offset] or here
    if here:
        return here[0]
    return next((s for s in named if s.is_undefined), None)


def _owner(name: str, functions: dict[str, int]) -> tuple[str, int]:
    """(name, parent) of a variable that clang calls ``f.v`` or ``f.v.1``: static in function f.

    Where f was inlined away there is nobody to be the parent, and the name stays as it is.
    """
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        parent = functions.get(".".join(parts[:cut]))
        if parent:
            rest = parts[cut:]
            if len(rest) > 1 and rest[-1].isdigit():
                rest = rest[:-1]
            return ".".join(rest), parent
    return name, 0


# -- and back -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class VarIn:
    """A variable to be declared: its symbol, and what its VAR's type is to be."""

    symbol: Symbol
    type_id: int
    var_id: int = 0
    """The VAR, where it is there already (a tag is on it)."""


def linkage_of(symbol: Symbol) -> VarLinkage:
    """What the symbol's binding says."""
    if symbol.is_undefined:
        return VarLinkage.GLOBAL_EXTERN
    return VarLinkage.STATIC if symbol.is_local else VarLinkage.GLOBAL_ALLOCATED


def variable_instances(work: Work) -> list[VarIn]:
    """What is to be declared as VAR, in the order of the instances."""
    btf = work.btf
    out: list[VarIn] = []
    declared = {e.type_id for _, d in btf if isinstance(d, t.DataSec) for e in d.vars}
    for inst_id, instance in enumerate(work.types.instances, 1):
        type_ = btf.resolved(instance.type_id)
        symbol = work.definitions.get(inst_id)
        if isinstance(type_, (t.Func, t.FuncProto, t.Map)) or instance.type_id in declared:
            continue
        if symbol is None:
            work.losses.append(f"variable '{instance.name}': declared, without a symbol")
            continue
        var = VarIn(symbol, instance.type_id)
        if isinstance(type_, t.Var):
            var.var_id, var.type_id = btf.resolve(instance.type_id), type_.type_id
        out.append(var)
    return out


def add_datasec(work: Work, section: Section, variables: list[VarIn]) -> int:
    """The DATASEC of one section, whose VARs are there already, with its true size and offsets. Returns its id."""
    entries = [t.VarSecInfo(v.var_id, v.symbol.value, v.symbol.size) for v in sorted(variables, key=_place)]
    return work.types.add(t.DataSec(section.name, section.size, tuple(entries)))


def _place(var: VarIn) -> int:
    return var.symbol.value


def add_var(work: Work, var: VarIn) -> None:
    """The VAR: named as the symbol is, as compilers do."""
    type_ = t.Var(var.symbol.name, var.type_id, linkage_of(var.symbol))
    if var.var_id:
        work.types.set(var.var_id, type_)
    else:
        var.var_id = work.types.add(type_)
