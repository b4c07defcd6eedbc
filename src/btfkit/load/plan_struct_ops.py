"""Structs of operations of a plan: the variables in ``.struct_ops`` and ``.struct_ops.link``, as libbpf takes them.

In: an object in instance form, a plan with its programs. Out: `StructOpsPlan`s; the programs that one of them names
know which operation they are. Source: bpf_object__init_struct_ops_maps, bpf_object__collect_st_ops_relos in libbpf.
"""

from __future__ import annotations

from typing import Any

from btfkit.elf import Section
from btfkit.load.plan import LoadPlan, StructOpsPlan
from btfkit.model import types as t
from btfkit.object import BpfObject

SECTIONS = {".struct_ops": False, ".struct_ops.link": True}
"""Whether what is in the section is registered by a link."""
POINTER = 8


def plan_struct_ops(plan: LoadPlan, obj: BpfObject) -> None:
    """Fill in the plan's structs; programs of the kind that none of them names cannot be loaded."""
    functions = {(f.section, f.off): f.symbol.name for f in obj.functions if f.symbol is not None}
    for variable in obj.variables:
        section = variable.section
        if section is None or section.name not in SECTIONS:
            continue
        programs = {off: functions.get(place, "") for off, place in _pointers(plan, obj, section).items()}
        found = _plan(plan, obj, variable, SECTIONS[section.name], programs)
        if found is not None:
            plan.struct_ops.append(found)
    by_name = {program.name: program for program in plan.programs}
    for ops in plan.struct_ops:
        for field, name in ops.programs.items():
            if name in by_name:
                by_name[name].operation = (ops.struct, field)
    for program in plan.programs:
        if program.says.startswith("struct_ops") and program.operation is None:
            program.problems.append("is in no struct of operations: nothing says which of the kernel's it is")


def _pointers(plan: LoadPlan, obj: BpfObject, section: Section) -> dict[int, tuple[Section | None, int]]:
    """Where the section's relocations go, by byte offset."""
    out: dict[int, tuple[Section | None, int]] = {}
    order: Any = plan.byte_order
    for relocation in obj.elf.relocations(section):
        symbol, off = relocation.symbol, relocation.off
        if symbol is not None:
            in_place = int.from_bytes(section.data[off : off + POINTER], order)
            out[off] = symbol.section, symbol.value + (in_place if relocation.addend is None else relocation.addend)
    return out


def _plan(plan: LoadPlan, obj: BpfObject, variable: Any, link: bool, programs: dict[int, str]) -> StructOpsPlan | None:
    struct = obj.btf.resolved(variable.type_id)
    if not isinstance(struct, t.Struct):
        return None
    found = StructOpsPlan(variable.name, struct.name.partition("___")[0], link)
    for member in struct.members:
        off = variable.off + member.bit_off // 8
        data = variable.section.data[off : off + (obj.btf.size_of(member.type_id) or 0)]
        if off in programs:
            found.programs[member.name] = programs[off]
        elif any(data):
            found.values[member.name] = data
    return found


__all__ = ["plan_struct_ops"]
