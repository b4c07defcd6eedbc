"""C programs that tests compile, and the compilers that do it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import need_tool

from btfkit import api

ROOT = Path(__file__).parents[3]
INCLUDE = ROOT / "src/btfkit/frontend/c/include"
FLOWS = ROOT / "examples/flows.c"
SUM = ROOT / "examples/syscall_sum.c"

COMPILERS = {
    "clang-22": ("-g", "-O2", "-target", "bpf"),
    "clang-14": ("-g", "-O2", "-target", "bpf"),
    "bpf-gcc": ("-gbtf", "-O2"),
}

HEAD = """
#include <btfkit/bpf.h>
char _license[] SEC("license") = "GPL";
"""


def compile_c(
    tmp_path: Path, source: str | Path, compiler: str = "clang-22", *options: str, name: str = "prog"
) -> Path:
    """The path of the object made of C text (behind `HEAD`) or of a C file."""
    if isinstance(source, str):
        path = tmp_path / f"{name}.c"
        path.write_text(HEAD + source)
    else:
        path, name = source, source.stem
    out = tmp_path / f"{name}.{compiler}.o"
    command = [need_tool(compiler), *COMPILERS[compiler], f"-I{INCLUDE}", *options, "-c", str(path), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def build(tmp_path: Path, source: str | Path, compiler: str = "clang-22", *options: str) -> api.Object:
    """The object, opened."""
    return api.open(compile_c(tmp_path, source, compiler, *options))
