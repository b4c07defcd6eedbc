"""The C front end: a C source file in, the ELF object that a C compiler made of it out.

Nothing is converted here: the object's bytes are the compiler's own. This is the only package, besides the
command line, that starts processes.
"""

from btfkit.frontend.c.compile import INCLUDE_DIR, ByteOrder, Compiled, Cpu, compile_c, run_compiler
from btfkit.frontend.c.compilers import Compiler, Family, find_compiler, list_compilers

__all__ = [
    "INCLUDE_DIR",
    "ByteOrder",
    "Compiled",
    "Compiler",
    "Cpu",
    "Family",
    "compile_c",
    "find_compiler",
    "list_compilers",
    "run_compiler",
]
