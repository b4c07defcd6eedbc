"""A plan for people and for programs: lines of text, and JSON.

In: a `LoadPlan`. Out: the same as text; nothing is looked up anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from btfkit.errors import BtfkitError
from btfkit.format.insn import INSN_SIZE
from btfkit.format.maptype import map_type_word
from btfkit.load.core import CoreResolver, Targets, relo_words
from btfkit.load.linux.uapi import AttachType, MapFlags, ProgFlags
from btfkit.load.plan import CoreAt, LoadPlan, MapPlan, ProgramPlan, Reloc, RelocKind
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import codec


def type_words(btf: Btf, type_id: int) -> str:
    """The type as C writes it: ``struct flow``, ``u64``; of a map ``map<struct flow, u64>``."""
    if not type_id:
        return "void"
    try:
        type_ = btf.resolved(type_id)
        if isinstance(type_, t.Map):
            return f"map<{type_words(btf, type_.key_type)}, {type_words(btf, type_.value_type)}>"
        return codec(btf, type_id).name
    except BtfkitError:
        return btf.describe(type_id)


# -- text ---------------------------------------------------------------------------------------------------------


def plan_lines(plan: LoadPlan) -> Iterator[str]:
    """The plan, a line at a time."""
    yield f"object {plan.name}: {plan.byte_order} endian, licence {plan.license or 'none'!r}"
    yield f"types: {len(plan.btf)}, instances: {len(plan.btf.instances)}"
    if plan.maps:
        yield "maps:"
        for index, map_ in enumerate(plan.maps):
            yield f"  {index} {_map_words(plan.btf, map_)}"
            if map_.inner is not None:
                yield f"    each: {_map_words(plan.btf, map_.inner)}"
            for initial in map_.values:
                what = f"map {plan.maps[initial.map].name}" if initial.map >= 0 else f"program {initial.program}"
                yield f"    [{initial.element}] = {what}"
    for program in plan.programs:
        yield from _program_lines(plan, program)
    for ops in plan.struct_ops:
        yield f"struct {ops.name}: {ops.struct}{', by a link' if ops.link else ''}"
        yield from (f"  {field} = program {name}" for field, name in ops.programs.items())
        yield from (f"  {field} = {data.hex(' ')}" for field, data in ops.values.items())
    if plan.variables:
        yield "variables:"
        for var in plan.variables:
            place = f"{plan.maps[var.map].name}+0x{var.off:x}"
            type_ = type_words(plan.btf, var.type_id) if var.type_id else "type unknown"
            yield f"  {var.qualified_name}: {type_}, {var.size} bytes at {place}"
    for warning in plan.warnings:
        yield f"warning: {warning}"


def _map_words(btf: Btf, map_: MapPlan) -> str:
    words = [f"{map_.name}: {map_type_word(map_.type)}"]
    sides = (("key", map_.key_type_id, map_.key_size), ("value", map_.value_type_id, map_.value_size))
    for what, type_id, size in sides:
        told = f" {type_words(btf, type_id)}" if type_id else ""
        words.append(f"{what}{told} {size} bytes")
    words.append(f"{map_.max_entries} entries")
    if map_.flags:
        words.append(f"flags {_flag_words(MapFlags(map_.flags))}")
    for name in ("numa_node", "map_extra", "pinning"):
        if getattr(map_, name):
            words.append(f"{name} {getattr(map_, name)}")
    if map_.is_data:
        words.append("read-only data" if map_.frozen else "data")
    if map_.kernel_name != map_.name:
        words.append(f"called {map_.kernel_name} in the kernel")
    return ", ".join(words)


def _flag_words(flags: MapFlags | ProgFlags) -> str:
    return "|".join((flag.name or "").lower() for flag in flags) or hex(flags)


def attach_words(program: ProgramPlan) -> str:
    """``xdp``, ``cgroup_skb (cgroup_inet_egress)``."""
    if program.prog_type is None:
        return "no type"
    words = program.prog_type.name.lower()
    if program.expected_attach_type:
        try:
            attach = AttachType(program.expected_attach_type).name.lower()
        except ValueError:
            attach = str(program.expected_attach_type)
        words += f" ({attach})" if attach != words else ""
    return words


def _program_lines(plan: LoadPlan, program: ProgramPlan) -> Iterator[str]:
    words = [
        f"program {program.name}: section {program.section}",
        attach_words(program),
        f"{len(program.insns) // INSN_SIZE} insns",
    ]
    if program.target:
        words.append(f"target {program.target}")
    if program.flags:
        words.append(f"flags {_flag_words(program.flags)}")
    if not program.autoload:
        words.append("loaded only if named")
    yield ", ".join(words)
    names = {f.insn_idx: f.name for f in program.functions}
    for reloc in program.relocs:
        yield f"  insn {reloc.insn_idx}: {reloc_words(reloc)}"
    yield from _core_lines(plan, program)
    for insn_idx, inst_id in program.func_info:
        yield f"  func_info insn {insn_idx}: instance {inst_id} {names[insn_idx]}"
    if not program.func_info:
        for function in program.functions:
            yield f"  function at insn {function.insn_idx}: {function.name}, of unknown type"
    for map_info in program.map_info:
        yield f"  map_info fd({plan.maps[map_info.map].name}): instance {map_info.inst_id}"
    for var_info in program.var_info:
        place = f"fd({plan.maps[var_info.map].name})+0x{var_info.off:x}"
        yield f"  var_info {place}: {plan.btf.describe_instance(var_info.inst_id)}"
    if program.line_info:
        yield f"  line_info: {len(program.line_info)} records"
    for problem in program.problems:
        yield f"  cannot be loaded: {problem}"


def _core_lines(plan: LoadPlan, program: ProgramPlan) -> Iterator[str]:
    """``insn 12: CO-RE: task_struct.pid byte_off``, and what it comes to where the target's types are known."""
    resolver = None
    if plan.target is not None and program.core:
        resolver = CoreResolver(plan.btf, Targets(plan.target, name="the given BTF"), [c.relo for c in program.core])
    for insn_idx, relo in program.core:
        words = f"  insn {insn_idx}: CO-RE: {relo_words(plan.btf, relo)}"
        if resolver is not None:
            try:
                found = resolver.resolve(relo)
                words += f": {found.lack}" if found.lack else f" = {found.number}"
            except BtfkitError as error:
                words += f": {error}"
        yield words


def reloc_words(reloc: Reloc) -> str:
    """``ld_imm64 map_fd(flows)``."""
    weak = ", weak" if reloc.weak else ""
    match reloc.kind:
        case RelocKind.MAP_FD:
            return f"ld_imm64 map_fd({reloc.name})"
        case RelocKind.MAP_VALUE:
            return f"ld_imm64 map_value({reloc.name} + 0x{reloc.off:x})"
        case RelocKind.FUNC:
            return f"ld_imm64 func({reloc.name}, insn {reloc.off})"
        case RelocKind.CALL:
            return f"call {reloc.name} (insn {reloc.off})"
        case RelocKind.KFUNC:
            return f"call kfunc({reloc.name}{weak})"
    return f"ld_imm64 ksym({reloc.name}{weak})"


# -- JSON ---------------------------------------------------------------------------------------------------------


def plan_json(plan: LoadPlan) -> dict[str, Any]:
    """See `plan_to_json`."""
    return {
        "name": plan.name,
        "path": plan.path,
        "byte_order": plan.byte_order,
        "license": plan.license,
        "kern_version": plan.kern_version,
        "maps": [_map_json(plan, map_) for map_ in plan.maps],
        "programs": [_program_json(plan.btf, program) for program in plan.programs],
        "struct_ops": [
            {
                "name": ops.name,
                "struct": ops.struct,
                "link": ops.link,
                "programs": ops.programs,
                "values": {field: data.hex() for field, data in ops.values.items()},
            }
            for ops in plan.struct_ops
        ],
        "variables": [
            {
                "name": var.qualified_name,
                "map": var.map,
                "off": var.off,
                "size": var.size,
                "type": type_words(plan.btf, var.type_id) if var.type_id else None,
                "inst_id": var.inst_id,
            }
            for var in plan.variables
        ],
        "warnings": list(plan.warnings),
    }


def _map_json(plan: LoadPlan, map_: MapPlan) -> dict[str, Any]:
    out: dict[str, Any] = {
        "name": map_.name,
        "kernel_name": map_.kernel_name,
        "type": map_type_word(map_.type),
        "key_size": map_.key_size,
        "value_size": map_.value_size,
        "max_entries": map_.max_entries,
        "flags": map_.flags,
        "numa_node": map_.numa_node,
        "map_extra": map_.map_extra,
        "pinning": map_.pinning,
        "key_type": type_words(plan.btf, map_.key_type_id) if map_.key_type_id else None,
        "value_type": type_words(plan.btf, map_.value_type_id) if map_.value_type_id else None,
        "inst_id": map_.inst_id,
        "inner": _map_json(plan, map_.inner) if map_.inner is not None else None,
        "values": [
            {"element": v.element, "map": v.map if v.map >= 0 else None, "program": v.program or None}
            for v in map_.values
        ],
    }
    if map_.data is not None:
        out |= {"data": map_.data.hex(), "frozen": map_.frozen, "externs": [var.name for var in map_.externs]}
    return out


def _core_json(btf: Btf, core: CoreAt) -> dict[str, Any]:
    relo = core.relo
    return {
        "insn_idx": core.insn_idx,
        "kind": int(relo.kind),
        "type_id": relo.type_id,
        "access": relo.access,
        "text": relo_words(btf, relo),
    }


def _program_json(btf: Btf, program: ProgramPlan) -> dict[str, Any]:
    return {
        "name": program.name,
        "section": program.section,
        "type": program.prog_type.name.lower() if program.prog_type is not None else None,
        "expected_attach_type": program.expected_attach_type,
        "flags": int(program.flags),
        "target": program.target,
        "autoload": program.autoload,
        "inst_id": program.inst_id,
        "insns": program.insns.hex(),
        "relocs": [
            {
                "insn_idx": r.insn_idx,
                "kind": str(r.kind),
                "map": r.map if r.map >= 0 else None,
                "off": r.off,
                "name": r.name,
                "weak": r.weak,
            }
            for r in program.relocs
        ],
        "core": [_core_json(btf, core) for core in program.core],
        "functions": [f._asdict() for f in program.functions],
        "func_info": [{"insn_idx": idx, "inst_id": inst_id} for idx, inst_id in program.func_info],
        "map_info": [record._asdict() for record in program.map_info],
        "var_info": [record._asdict() for record in program.var_info],
        "line_info": [record._asdict() for record in program.line_info],
        "problems": list(program.problems),
    }


__all__ = ["attach_words", "plan_json", "plan_lines", "reloc_words", "type_words"]
