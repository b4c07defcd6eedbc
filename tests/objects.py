"""Objects to test with: the C programs of tests/cases/c, compiled by every compiler there is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.conftest import skip_or_fail

from btfkit.errors import SourceError
from btfkit.frontend.c import ByteOrder, compile_c, find_compiler

CASES = Path(__file__).parent / "cases" / "c"
PROGRAMS = tuple(sorted(path.stem for path in CASES.glob("*.c")))
COMPILERS = ("clang-14", "clang-22", "bpf-gcc", "zig")

GCC_CANNOT = {
    "dotmaps": "bpf-gcc 12 negates a map value's pointer, which the verifier refuses",
    "tags": "bpf-gcc 12 has no btf_decl_tag",
    "map_in_map": "bpf-gcc 12 leaves struct inner out of the BTF's map definition (a FWD)",
    "types": "bpf-gcc 12 spills to the stack what the verifier then refuses",
}
"""Programs that bpf-gcc compiles to something that says less than the source."""


@cache
def compiled(
    program: str, compiler: str = "clang-22", byte_order: ByteOrder = "little", defines: tuple[str, ...] = ()
) -> bytes:
    """The object as that compiler makes it. Where it is missing the test is skipped, or fails if CI=true."""
    try:
        found = find_compiler(compiler)
    except SourceError as error:
        skip_or_fail(str(error))
    return compile_c(CASES / f"{program}.c", compiler=found.name, byte_order=byte_order, defines=defines)


def programs_of(compiler: str) -> list[str]:
    """The programs that mean the same to this compiler."""
    return [p for p in PROGRAMS if compiler != "bpf-gcc" or p not in GCC_CANNOT]


EVERY = [(program, compiler) for compiler in COMPILERS for program in PROGRAMS]
