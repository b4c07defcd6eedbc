"""Programs written in Python and in C, and how many instructions each of the two has.

In: the pairs ``programs/*.py`` and ``*.c``. Out: counts of instructions, in the object and after the kernel has
rewritten it at its load. The C is what its author would write by hand, with the tests that the Python makes for itself.
"""

from __future__ import annotations

from pathlib import Path

import btfkit
from btfkit.elf import read_elf
from btfkit.format.elf import SHF_EXECINSTR
from btfkit.format.insn import INSN_SIZE, OP_LD_IMM64

PROGRAMS = Path(__file__).parent / "programs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))
HEADERS = Path(btfkit.__file__).parent / "frontend" / "c" / "include"


def compile_command(clang: str, source: Path, output: Path, *options: str) -> list[str]:
    """How clang compiles a BPF program."""
    target = ["--target=bpfel", "-O2", "-g", "-mcpu=v3", f"-I{HEADERS}"]
    return [*clang.split(), *target, *options, "-c", str(source), "-o", str(output)]


def instructions(data: bytes) -> int:
    """Of all functions of an ELF object; one that takes two slots counts once."""
    count = 0
    for section in read_elf(data).sections:
        if section.flags & SHF_EXECINSTR:
            code, at = section.data, 0
            while at < len(code):
                at += 2 * INSN_SIZE if code[at] == OP_LD_IMM64 else INSN_SIZE
                count += 1
    return count


def xlated(path: Path) -> int:
    """The slots of all programs of an object as the kernel has them after its load."""
    with btfkit.open(path).load() as bpf:
        return sum(program.info.xlated_prog_len // INSN_SIZE for program in bpf.programs.values())
