"""The programs of a plan: which functions are programs, and each with the functions it needs behind it.

In: an object in instance form, its maps planned. Out: `ProgramPlan` in the plan's list. What is a program, and in
which order its subprograms follow, is as libbpf has it (bpf_object__add_programs, bpf_object__reloc_code); beyond that,
a static function outside ``.text`` that nothing calls is a program too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from btfkit.elf import Relocation, Section, Symbol
from btfkit.errors import LoadError, TypeNotFoundError
from btfkit.format.elf import STT_NOTYPE
from btfkit.format.insn import INSN_SIZE, OP_CALL, OP_LD_IMM64, PSEUDO_CALL, decode_insn
from btfkit.load.plan import LoadPlan, ProgramPlan
from btfkit.load.plan_maps import Maps
from btfkit.load.plan_merge import merge
from btfkit.load.sections import section_type
from btfkit.model import types as t
from btfkit.model.ext import CoreRelo, LineInfo
from btfkit.object import BpfObject

TEXT = ".text"


@dataclass(frozen=True, slots=True)
class Function:
    """A function that is defined here: its bytes in its section. inst_id: 0 where no instance says its type."""

    name: str
    section: Section
    off: int
    size: int
    is_local: bool
    inst_id: int

    @property
    def end(self) -> int:
        return self.off + self.size


class Code:
    """The object's functions, and what is known of their instructions."""

    def __init__(self, obj: BpfObject, maps: Maps) -> None:
        self.obj = obj
        self.maps = maps
        self.instances = {symbol: inst_id for inst_id, symbol in obj.definitions.items()}
        datasecs = [type_ for _, type_ in obj.btf if isinstance(type_, t.DataSec)]
        self.extern_sections = {entry.type_id: datasec.name for datasec in datasecs for entry in datasec.vars}
        self.functions: list[Function] = []
        self._starts: dict[tuple[Section, int], Function] = {}
        self._relocations: dict[Section, dict[int, Relocation]] = {}
        self._lines: dict[str, list[LineInfo]] = {}
        self._core: dict[str, list[CoreRelo]] = {}
        for name, lines in obj.ext.line_info:
            self._lines.setdefault(name, []).extend(lines)
        for name, relos in obj.ext.core_relo:
            self._core.setdefault(name, []).extend(relos)
        self._typed = self._by_func_info()
        for section in obj.elf.sections:
            if section.is_code and section.in_file and section.size:
                self._add_functions(section)

    def _by_func_info(self) -> dict[tuple[str, int], int]:
        """Instances by what func_info says, for functions whose symbols no record ties to one."""
        by_type = {declared.type_id: declared.inst_id for declared in reversed(self.obj.functions)}
        records = [(section, record) for section, found in self.obj.ext.func_info for record in found]
        return {(section, r.insn_off): by_type[r.type_id] for section, r in records if r.type_id in by_type}

    def _add_functions(self, section: Section) -> None:
        if section.size % INSN_SIZE:
            raise LoadError(f"its {section.size} bytes are not whole instructions", section=section.name)
        found = []
        here = [s for s in self.obj.elf.symbols if s.section is section and not s.is_section]
        symbols = [s for s in here if s.is_function]
        if not symbols:  # assemblers leave the type out
            symbols = [s for s in here if s.type == STT_NOTYPE and not s.is_local and s.name]
        starts = sorted({s.value for s in symbols} | {section.size})
        for symbol in sorted(symbols, key=lambda s: s.value):
            size = symbol.size or next((start for start in starts if start > symbol.value), 0) - symbol.value
            if symbol.value % INSN_SIZE or size % INSN_SIZE or symbol.value + size > section.size or size <= 0:
                raise LoadError(
                    f"its {size} bytes at 0x{symbol.value:x} are not whole instructions of a section of {section.size}",
                    section=section.name,
                    thing=symbol.label,
                )
            inst_id = self.instances.get(symbol, 0) or self._typed.get((section.name, symbol.value), 0)
            found.append(Function(symbol.name, section, symbol.value, size, symbol.is_local, inst_id))
        if not symbols and section.name != TEXT:
            found.append(Function(section.name, section, 0, section.size, False, 0))
        for function in found:
            self.functions.append(function)
            known = self._starts.get((section, function.off))
            if known is None or (known.is_local and not function.is_local):
                self._starts[section, function.off] = function

    # -- look-ups ----------------------------------------------------------------------------------------------

    def function_at(self, section: Section, off: int) -> Function | None:
        return self._starts.get((section, off))

    def relocation(self, section: Section, off: int) -> Relocation | None:
        if section not in self._relocations:
            self._relocations[section] = {rel.off: rel for rel in self.obj.elf.relocations(section)}
        return self._relocations[section].get(off)

    def relocations(self, function: Function) -> list[Relocation]:
        self.relocation(function.section, 0)
        found = self._relocations[function.section].values()
        return [rel for rel in found if function.off <= rel.off < function.end]

    def lines(self, function: Function) -> list[LineInfo]:
        return [r for r in self._lines.get(function.section.name, ()) if function.off <= r.insn_off < function.end]

    def core_relos(self, function: Function) -> list[CoreRelo]:
        return [r for r in self._core.get(function.section.name, ()) if function.off <= r.insn_off < function.end]

    def symbol_place(self, symbol: Symbol, rel: Relocation, imm: int, *, call: bool) -> int:
        """Byte offset in the symbol's section that an instruction means; in a call the number in place counts slots.

        A call of a function's own symbol means that function: clang leaves -1 in place, bpf-gcc 12 bytes, not slots.
        """
        if call and not symbol.is_section:
            return symbol.value
        if rel.addend is not None:
            return symbol.value + rel.addend
        return symbol.value + ((imm + 1) * INSN_SIZE if call else imm)

    def called(self) -> set[Function]:
        """Every function that code of this object calls or takes the address of."""
        out = set()
        for function in self.functions:
            data, order = function.section.data, self.obj.byte_order
            pos = function.off
            while pos < function.end:
                code, start = data[pos], pos
                pos += 2 * INSN_SIZE if code == OP_LD_IMM64 else INSN_SIZE
                if code not in (OP_CALL, OP_LD_IMM64):
                    continue
                rel = self.relocation(function.section, start)
                insn = decode_insn(data, start, order)
                target = None
                if rel is not None and rel.symbol is not None and rel.symbol.section is not None:
                    off = self.symbol_place(rel.symbol, rel, insn.imm, call=code == OP_CALL)
                    target = self.function_at(rel.symbol.section, off)
                elif rel is None and code == OP_CALL and insn.src == PSEUDO_CALL:
                    target = self.function_at(function.section, start + (insn.imm + 1) * INSN_SIZE)
                if target is not None:
                    out.add(target)
        return out


def plan_programs(plan: LoadPlan, obj: BpfObject, maps: Maps, types: Mapping[str, str]) -> None:
    """Add every program of the object to the plan. types: as for `make_plan`."""
    code = Code(obj, maps)
    named = {function.name for function in code.functions} | {function.section.name for function in code.functions}
    for name in types:
        if name not in named:
            raise TypeNotFoundError(f"there is no program or section {name!r}")
    called = code.called() if any(f.is_local and f.section.name != TEXT for f in code.functions) else set()
    for function in code.functions:
        if function.section.name == TEXT and function.name not in types:
            continue  # for others to call; nothing says what type of program it could be
        if function.section.name != TEXT and function.is_local and function in called:
            continue
        program = ProgramPlan(function.name, function.section.name, None, inst_id=function.inst_id)
        _set_type(program, types.get(function.name) or types.get(function.section.name) or function.section.name)
        merge(program, function, code)
        plan.programs.append(program)


def _set_type(program: ProgramPlan, section: str) -> None:
    try:
        found = section_type(section)
    except TypeNotFoundError as error:
        program.problems.append(str(error))
        program.autoload = not section.startswith("?")
        return
    type_ = found.type
    program.prog_type, program.expected_attach_type = type_.prog_type, type_.attach_type
    program.says = type_.name
    program.flags = type_.flags
    program.target, program.target_prefix = found.target, type_.target_prefix
    program.autoload = found.autoload


__all__ = ["Code", "Function", "plan_programs"]
