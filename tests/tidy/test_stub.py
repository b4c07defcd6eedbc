"""The vocabulary's stub says what the vocabulary is."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import btfkit.bpf as vocabulary

ROOT = Path(__file__).parents[2]


def test_the_stub_is_up_to_date() -> None:
    written = (ROOT / "src" / "btfkit" / "bpf" / "__init__.pyi").read_text()
    assert runpy.run_path(str(ROOT / "tools" / "make_stub.py"))["stub"]() == written, "run tools/make_stub.py"


def test_the_stub_has_the_names_that_a_star_import_takes() -> None:
    names: set[str] = set()
    for node in ast.parse((ROOT / "src" / "btfkit" / "bpf" / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname for alias in node.names if alias.asname}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    assert names == set(vocabulary.__all__)
