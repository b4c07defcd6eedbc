"""Programs have no more instructions than clang makes of the same ones in C."""

from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

from benchmarks.sizes import NAMES, PROGRAMS, compile_command, instructions
from tests.conftest import need_tool

import btfkit

MOST = 1.10
"""The median of our count by clang's."""
MOST_OF_ONE = 1.35


def test_code_size(tmp_path: Path) -> None:
    clang = need_tool("clang-22")
    ratios = {}
    for name in NAMES:
        ours, theirs = tmp_path / f"{name}.py.o", tmp_path / f"{name}.c.o"
        btfkit.compile_file(str(PROGRAMS / f"{name}.py")).write(ours)
        subprocess.run(compile_command(clang, PROGRAMS / f"{name}.c", theirs), check=True)
        ratios[name] = instructions(ours.read_bytes()) / instructions(theirs.read_bytes())
    assert statistics.median(ratios.values()) <= MOST, ratios
    assert max(ratios.values()) <= MOST_OF_ONE, ratios
