"""The stack: 512 bytes, for a program and all that it calls at one time.

In: LLVM's refusals, which come one by one; the code that it made. Out: a diagnostic for each function whose own
variables are too many, and for each program whose calls are too deep. Source: check_max_stack_depth in
kernel/bpf/verifier.c as of 6.18.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

from btfkit.elf import Elf, Symbol, read_elf
from btfkit.errors import InternalError
from btfkit.format.insn import (
    BPF_CLASS_MASK,
    BPF_LDX,
    BPF_ST,
    BPF_STX,
    INSN_SIZE,
    OP_CALL,
    OP_LD_IMM64,
    PSEUDO_CALL,
    PSEUDO_FUNC,
    Insn,
    decode_insn,
)
from btfkit.frontend.python import ir
from btfkit.frontend.python.declared import FunctionInfo
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.llvm import LLVMError, compile_ir
from btfkit.frontend.python.unit import Unit
from btfkit.frontend.span import Span

MOST = 512
FRAME_POINTER = 10
ROUNDED = 16
"""A frame's bytes are a multiple of this, where the kernel has a JIT compiler."""
OP_MOV_REG, OP_ADD_IMM = 0xBF, 0x07
HINT = "keep large records in a map: PerCpuArray[T](1) is the usual place"


def refuse(unit: Unit, infos: Sequence[FunctionInfo], error: LLVMError, path: str, cpu: str) -> NoReturn:
    """What LLVM refused, and whatever else it would: a function that does is emptied for the next try."""
    known: set[int] = set()
    while True:
        symbol = (error.function or "").split(".loop.")[0].split(".each.")[0]
        info = next((i for i in infos if i.function.symbol == symbol), None)
        if error.kind != "stack" or info is None or id(info) in known:
            raise InternalError(f"LLVM cannot compile this: {error.reason}", path=path, thing=error.thing)
        known.add(id(info))
        unit.diagnostics.add(_name(info), f"'{info.name}' needs more than the {MOST} bytes of stack that BPF has", HINT)
        result = info.function.result
        info.function.body = [ir.Return(None if result == ir.NOTHING else ir.Const(result, 0))]
        try:
            text = emit(ir.Program([i.function for i in infos], path), byte_order=unit.byte_order)  # type: ignore[arg-type]
            compile_ir(text, byte_order=unit.byte_order, cpu=cpu)  # type: ignore[arg-type]
        except LLVMError as more:
            error = more
            continue
        unit.diagnostics.check(path)


def check_depth(unit: Unit, infos: Sequence[FunctionInfo], data: bytes, path: str) -> None:
    """The frames of a program and of what it calls fit together. Kernels give tracing programs stacks of their own."""
    calls = _Calls(read_elf(data, path), {i.function.symbol for i in infos if i.function.is_callback})
    for info in infos:
        if info.program is None or info.program.kind.args not in ("ctx", "any"):
            continue
        depth, chain = calls.deepest(info.function.symbol)
        if depth > MOST:
            names = ", ".join(_shown(name) for name in chain)
            unit.diagnostics.add(_name(info), f"{names} need {depth} bytes of stack together, and BPF has {MOST}", HINT)
    unit.diagnostics.check(path)


def _shown(symbol: str) -> str:
    """A function, or the loop that was made one."""
    name, callback, _ = symbol.replace(".each.", ".loop.").partition(".loop.")
    return f"a loop in '{name}'" if callback else f"'{name}'"


def _name(info: FunctionInfo) -> Span:
    line, col = info.node.lineno, info.node.col_offset + len("def ")
    return Span(info.path, line, col, line, col + len(info.node.name))


class _Calls:
    """Which function calls which, and how much stack each has. callbacks: those that are called later, on a new one."""

    def __init__(self, elf: Elf, callbacks: set[str]) -> None:
        self.elf = elf
        self.callbacks = callbacks
        self.functions = {s.name: s for s in elf.symbols if s.is_function and s.section is not None}
        self.found: dict[str, tuple[int, list[str]]] = {}

    def deepest(self, name: str) -> tuple[int, list[str]]:
        """Bytes, and the functions of the deepest chain of calls."""
        if name not in self.found:
            symbol = self.functions[name]
            frame = -(-max(frame_size(self._code(symbol)), 1) // ROUNDED) * ROUNDED
            below = max((self.deepest(callee) for callee in self._callees(symbol)), default=(0, []))
            self.found[name] = frame + below[0], [name, *below[1]]
        return self.found[name]

    def _code(self, symbol: Symbol) -> list[Insn]:
        assert symbol.section is not None
        ends = range(symbol.value, symbol.value + symbol.size, INSN_SIZE)
        return [decode_insn(symbol.section.data, pos, self.elf.byte_order) for pos in ends]

    def _callees(self, symbol: Symbol) -> Iterator[str]:
        assert symbol.section is not None
        relocations = {rel.off: rel.symbol for rel in self.elf.relocations(symbol.section)}
        for i, insn in enumerate(self._code(symbol)):
            is_call = insn.code == OP_CALL and insn.src == PSEUDO_CALL
            if not is_call and not (insn.code == OP_LD_IMM64 and insn.src in (0, PSEUDO_FUNC)):
                continue
            off = symbol.value + i * INSN_SIZE
            to = relocations.get(off)
            if to is not None and to.is_function:
                yield from self._once(to.name)
            elif to is not None and to.is_section and to.section is not None:
                at = (insn.imm + 1) * INSN_SIZE if is_call else insn.imm
                yield from (n for n, s in self.functions.items() if s.section is to.section and s.value == at)
            elif to is None and is_call:
                at = off + INSN_SIZE * (insn.imm + 1)
                yield from (n for n, s in self.functions.items() if s.section is symbol.section and s.value == at)

    def _once(self, name: str) -> Iterator[str]:
        if name in self.functions and name not in self.callbacks:
            yield name


def frame_size(code: Sequence[Insn]) -> int:
    """The bytes below the frame pointer that a function uses."""
    lowest = 0
    copies: set[int] = set()
    for insn in code:
        kind = insn.code & BPF_CLASS_MASK
        if (kind == BPF_LDX and insn.src == FRAME_POINTER) or (kind in (BPF_ST, BPF_STX) and insn.dst == FRAME_POINTER):
            lowest = min(lowest, insn.off)
        elif insn.code == OP_MOV_REG and insn.src == FRAME_POINTER:
            copies.add(insn.dst)
        elif insn.dst in copies and kind not in (BPF_ST, BPF_STX):
            copies.discard(insn.dst)
            if insn.code == OP_ADD_IMM:
                lowest = min(lowest, insn.imm)
    return -lowest


__all__ = ["check_depth", "frame_size", "refuse"]
