"""What the tests of the builder share: instructions by hand, objects from LLVM, a builder with some types."""

from __future__ import annotations

import llvmlite.binding as llvm

from btfkit.format.insn import Insn, encode_insn
from btfkit.format.kinds import IntEncoding
from btfkit.frontend.objects import ObjectBuilder
from btfkit.model import types as t

TRIPLES = {"little": "bpfel", "big": "bpfeb"}
LAYOUT = "m:e-p:64:64-i64:64-i128:128-n32:64-S128"

METADATA = """
!llvm.module.flags = !{!90}
!llvm.dbg.cu = !{!92}
!90 = !{i32 2, !"Debug Info Version", i32 3}
!91 = !DIFile(filename: "in.toy", directory: "")
!92 = distinct !DICompileUnit(language: DW_LANG_C, file: !91, emissionKind: LineTablesOnly)
!93 = !DISubroutineType(types: !{})
!1 = distinct !DISubprogram(name: "a", file: !91, line: 1, type: !93, unit: !92, spFlags: DISPFlagDefinition)
!2 = distinct !DISubprogram(name: "b", file: !91, line: 4, type: !93, unit: !92, spFlags: DISPFlagDefinition)
!11 = !DILocation(line: 2, column: 3, scope: !1)
!12 = !DILocation(line: 5, column: 7, scope: !2)
"""
"""!1 and !2 are for two functions, on lines 1 and 4; !11 and !12 are places in them, on lines 2 and 5."""


def llvm_object(ir: str, byte_order: str = "little") -> bytes:
    """The object that LLVM makes of a module without triple and metadata (`METADATA` is added)."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    head = f'source_filename = "in.toy"\ntarget datalayout = "{"e" if byte_order == "little" else "E"}-{LAYOUT}"\n'
    module = llvm.parse_assembly(f'{head}target triple = "{TRIPLES[byte_order]}"\n{ir}\n{METADATA}')
    machine = llvm.Target.from_triple(TRIPLES[byte_order]).create_target_machine(cpu="v3", opt=2)
    return machine.emit_object(module)


def assemble(*insns: tuple[int, int, int, int, int], byte_order: str = "little") -> bytes:
    """Instructions: (code, dst, src, off, imm) each."""
    return b"".join(encode_insn(Insn(*insn), byte_order) for insn in insns)


def ld_imm64(dst: int, imm: int = 0) -> tuple[tuple[int, int, int, int, int], ...]:
    return (0x18, dst, 0, 0, imm), (0, 0, 0, 0, 0)


MOV0, EXIT = (0xB7, 0, 0, 0, 0), (0x95, 0, 0, 0, 0)
NOTHING = ((MOV0), (EXIT))
CALL = (0x85, 0, 0, 0, 0)


class Toolbox(ObjectBuilder):
    """A builder that knows some types."""

    def __init__(self, byte_order: str = "little") -> None:
        super().__init__(byte_order, "toy.o")
        self.u32 = self.type(t.Int("u32", 4))
        self.u64 = self.type(t.Int("u64", 8))
        self.i32 = self.type(t.Int("int", 4, IntEncoding.SIGNED))
        self.char = self.type(t.Int("char", 1, IntEncoding.SIGNED))
        self.text = self.type(t.Ptr(self.type(t.Const(self.char))))
        self.args = self.type(t.Struct("args", 16, (t.Member("x", self.u64, 0), t.Member("y", self.u64, 64))))
        self.ctx = self.type(t.Ptr(self.args))
