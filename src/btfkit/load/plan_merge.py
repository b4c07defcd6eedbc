"""One program's code: its function and all that it calls, one behind the other, calls and addresses resolved.

In: a function and the object's `Code`. Out: instructions, relocations, func_info and line_info of a `ProgramPlan`.
A function is appended where it is first referred to, then what it refers to itself (libbpf's order).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from btfkit.elf import Relocation, Section, Symbol
from btfkit.format.ext import CoreRelo as CoreReloKind
from btfkit.format.insn import (
    INSN_SIZE,
    OP_CALL,
    OP_LD_IMM64,
    PSEUDO_CALL,
    PSEUDO_FUNC,
    PSEUDO_KFUNC_CALL,
    PSEUDO_MAP_FD,
    PSEUDO_MAP_VALUE,
    Insn,
    decode_insn,
    patch_insn,
)
from btfkit.load.plan import CoreAt, FuncAt, LineAt, MapInfo, ProgramPlan, Reloc, RelocKind, VarInfo
from btfkit.load.plan_maps import SPECIAL_SECTIONS, is_map_section
from btfkit.model import types as t

if TYPE_CHECKING:
    from btfkit.load.plan_code import Code, Function


def merge(program: ProgramPlan, main: Function, code: Code) -> None:
    """Fill in the program's instructions and tables."""
    merger = _Merger(program, code)
    merger.run(main)
    program.insns = bytes(merger.out)
    _tables(program, code, merger.starts)


class _Merger:
    """out: the program so far; starts: its functions, and the slot each starts at."""

    def __init__(self, program: ProgramPlan, code: Code) -> None:
        self.program = program
        self.code = code
        self.order = code.obj.byte_order
        self.out = bytearray()
        self.starts: dict[Function, int] = {}

    def run(self, main: Function) -> None:
        stack = [(main, self._append(main))]
        while stack:
            function, pos = stack.pop()
            while pos < function.end:
                size, called = self._insn(function, pos)
                pos += size
                if called is not None:
                    stack += [(function, pos), (called, self._append(called))]
                    break

    def _append(self, function: Function) -> int:
        self.starts[function] = len(self.out) // INSN_SIZE
        self.out += function.section.data[function.off : function.end]
        for relo in self.code.core_relos(function):
            insn_idx = self._idx(function, relo.insn_off)
            if relo.insn_off % INSN_SIZE:
                self._problem(function, relo.insn_off, "a CO-RE relocation inside an instruction")
            elif relo.kind == CoreReloKind.TYPE_ID_LOCAL:
                self._patch(insn_idx, imm=relo.type_id)
            else:
                self.program.core.append(CoreAt(insn_idx, relo))
        return function.off

    def _patch(self, insn_idx: int, **fields: int) -> None:
        patch_insn(self.out, insn_idx * INSN_SIZE, self.order, **fields)

    def _problem(self, function: Function, pos: int, text: str) -> None:
        self.program.problems.append(f"{function.section.name}+0x{pos:x} ({function.name}): {text}")

    def _insn(self, function: Function, pos: int) -> tuple[int, Function | None]:
        """Deal with the instruction at byte ``pos`` of its section: its bytes, and a function to go through next."""
        opcode = function.section.data[pos]
        if opcode == OP_LD_IMM64:
            rel = self.code.relocation(function.section, pos)
            if pos + 2 * INSN_SIZE > function.end:
                self._problem(function, pos, "the function ends inside an instruction")
            elif rel is not None:
                insn = decode_insn(function.section.data, pos, self.order)
                return 2 * INSN_SIZE, self._load(function, pos, insn, rel)
            return 2 * INSN_SIZE, None
        rel = self.code.relocation(function.section, pos)
        if opcode == OP_CALL:
            insn = decode_insn(function.section.data, pos, self.order)
            if rel is not None or insn.src == PSEUDO_CALL:
                return INSN_SIZE, self._call(function, pos, insn, rel)
        elif rel is not None:
            what = rel.symbol.label if rel.symbol is not None else "no symbol"
            self._problem(function, pos, f"a relocation to {what} on an instruction that is neither ld_imm64 nor call")
        return INSN_SIZE, None

    def _idx(self, function: Function, pos: int) -> int:
        return self.starts[function] + (pos - function.off) // INSN_SIZE

    # -- calls -------------------------------------------------------------------------------------------------

    def _call(self, function: Function, pos: int, insn: Insn, rel: Relocation | None) -> Function | None:
        if rel is None:
            section: Section | None = function.section
            off = pos + (insn.imm + 1) * INSN_SIZE
            name = f"{function.section.name}+0x{off:x}"
        else:
            if rel.symbol is None:
                self._problem(function, pos, "a call without a symbol")
                return None
            section, name = rel.symbol.section, rel.symbol.name
            if rel.symbol.is_undefined:
                idx = self._idx(function, pos)
                self._patch(idx, src=PSEUDO_KFUNC_CALL, imm=0)
                self._relocate(idx, RelocKind.KFUNC, name=name, weak=rel.symbol.is_weak)
                return None
            off = self.code.symbol_place(rel.symbol, rel, insn.imm, call=True)
        target = self.code.function_at(section, off) if section is not None else None
        if target is None:
            self._problem(function, pos, f"calls {name or 'something'}, where no function starts")
            return None
        return self._refer(function, pos, target, RelocKind.CALL, PSEUDO_CALL)

    def _refer(self, function: Function, pos: int, target: Function, kind: RelocKind, src: int) -> Function | None:
        """Point a call or an address at a function; the function, if it has only now been appended."""
        new = target not in self.starts
        start = len(self.out) // INSN_SIZE if new else self.starts[target]
        idx = self._idx(function, pos)
        self._patch(idx, src=src, imm=start - idx - 1)
        if kind is RelocKind.FUNC:
            patch_insn(self.out, (idx + 1) * INSN_SIZE, self.order, imm=0)
        self._relocate(idx, kind, off=start, name=target.name)
        return target if new else None

    # -- ld_imm64 ----------------------------------------------------------------------------------------------

    def _load(self, function: Function, pos: int, insn: Insn, rel: Relocation) -> Function | None:
        symbol = rel.symbol
        if symbol is None:
            self._problem(function, pos, "a ld_imm64 whose relocation has no symbol")
            return None
        if symbol.is_undefined:
            self._extern(function, pos, symbol)
            return None
        section = symbol.section
        off = self.code.symbol_place(symbol, rel, insn.imm, call=False)
        if section is None:
            self._problem(function, pos, f"refers to {symbol.label}, which is in no section")
        elif section.is_code:
            target = self.code.function_at(section, off)
            if target is not None:
                return self._refer(function, pos, target, RelocKind.FUNC, PSEUDO_FUNC)
            self._problem(function, pos, f"takes the address of {section.name}+0x{off:x}, where no function starts")
        elif is_map_section(section):
            index = self.code.maps.map_at(section, off)
            if index is None:
                self._problem(function, pos, f"refers to {section.name}+0x{off:x}, where no map is defined")
            else:
                self._map(function, pos, PSEUDO_MAP_FD, RelocKind.MAP_FD, index)
        elif section.name in SPECIAL_SECTIONS:
            self._problem(function, pos, f"refers to the section '{section.name}', which cannot be loaded yet")
        elif section.is_alloc and section.size:
            index = self.code.maps.data_map(section)
            self._map(function, pos, PSEUDO_MAP_VALUE, RelocKind.MAP_VALUE, index, off)
        else:
            self._problem(function, pos, f"refers to the section '{section.name}', which holds no data")
        return None

    def _map(self, function: Function, pos: int, src: int, kind: RelocKind, index: int, off: int = 0) -> None:
        idx = self._idx(function, pos)
        self._patch(idx, src=src, imm=0)
        self._patch(idx + 1, imm=_signed(off))
        self._relocate(idx, kind, map=index, off=off, name=self.code.maps.plan.maps[index].name)

    def _extern(self, function: Function, pos: int, symbol: Symbol) -> None:
        """A variable or function that is declared here, and not defined."""
        btf = self.code.obj.btf
        inst_id = self.code.instances.get(symbol, 0)
        type_id = btf.resolve(btf.instance(inst_id).type_id) if inst_id else 0
        place = self.code.maps.kconfig.get(type_id)
        if place is not None:
            self._map(function, pos, PSEUDO_MAP_VALUE, RelocKind.MAP_VALUE, *place)
            return
        home = self.code.extern_sections.get(type_id)
        type_ = btf[type_id]
        if home == ".ksyms" or isinstance(type_, t.Func):
            typed = not isinstance(type_, t.Var) or not isinstance(btf.resolved(type_.type_id), t.Void)
            idx = self._idx(function, pos)
            self._patch(idx, imm=0)
            self._patch(idx + 1, imm=0)
            self._relocate(idx, RelocKind.KSYM, name=symbol.name, weak=symbol.is_weak, typed=typed)
            return
        what = "map" if inst_id and btf.map_type(type_id) else "variable"
        self._problem(function, pos, f"needs the {what} '{symbol.name}', which is not defined here: link it first")

    def _relocate(
        self,
        idx: int,
        kind: RelocKind,
        *,
        map: int = -1,
        off: int = 0,
        name: str = "",
        weak: bool = False,
        typed: bool = False,
    ) -> None:
        self.program.relocs.append(Reloc(idx, kind, map, off, name, weak, typed))


def _signed(number: int) -> int:
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number


# -- what goes with the code --------------------------------------------------------------------------------------


def _tables(program: ProgramPlan, code: Code, starts: dict[Function, int]) -> None:
    program.relocs.sort(key=lambda r: r.insn_idx)
    program.functions = [FuncAt(idx, function.inst_id, function.name) for function, idx in starts.items()]
    if all(function.inst_id for function in starts):  # a kernel takes all of them or none
        program.func_info = [(f.insn_idx, f.inst_id) for f in program.functions]
    for function, start in starts.items():
        program.line_info += _lines(code, function, start)
    plan = code.maps.plan
    used = sorted({r.map for r in program.relocs if r.map >= 0})
    program.map_info = [MapInfo(i, plan.maps[i].inst_id) for i in used if plan.maps[i].inst_id]
    sections = {plan.maps[i].section: i for i in used if plan.maps[i].section is not None}
    for inst_id, symbol in code.obj.definitions.items():
        if symbol.section in sections and not symbol.is_section:
            program.var_info.append(VarInfo(sections[symbol.section], symbol.value, inst_id))


def _lines(code: Code, function: Function, start: int) -> list[LineAt]:
    """The function's lines at their new place; a kernel wants one at its very first instruction, and rising ones."""
    out: dict[int, LineAt] = {}
    for line in sorted(code.lines(function), key=lambda r: r.insn_off):
        idx = start + (line.insn_off - function.off) // INSN_SIZE
        if line.insn_off % INSN_SIZE or function.section.data[line.insn_off] == 0:
            continue  # the second half of a ld_imm64
        first = min(idx, start) if not out else idx
        out.setdefault(first, LineAt(first, line.file_name, line.line, line.line_num, line.line_col))
        if first != idx:
            out.setdefault(idx, LineAt(idx, line.file_name, line.line, line.line_num, line.line_col))
    return list(out.values())


__all__ = ["merge"]
