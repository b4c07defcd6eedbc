"""Damaged programs in Python: each compiles, or is refused with diagnostics that have a place."""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import CASES, kernel_btf
from tests.mutate import mutated_text, mutated_tree

from btfkit.api import read_btf
from btfkit.errors import SourceError
from btfkit.frontend.python import Options, compile_namespace
from btfkit.frontend.python.module import run_text
from btfkit.model.btf import Btf

BROAD = CASES / "python" / "good" / "broad.py"
PLACED = re.compile(r"m\.py:\d+:\d+: error: \S")


@cache
def kernel() -> Btf:
    return read_btf(kernel_btf())


def compile_text(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own of odd code
        namespace = run_text(text, "m.py")
        file = namespace["__file__"]
        compile_namespace(namespace, "m.py", Options(kernel_btf=kernel, texts={file: text}, shown={file: "m.py"}))


def test_undamaged() -> None:
    compile_text(BROAD.read_text())


@pytest.mark.parametrize("mutated", [mutated_tree, mutated_text], ids=["tree", "text"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_damaged(mutated: Callable[[str, random.Random], str], seed: int) -> None:
    text = mutated(BROAD.read_text(), random.Random(seed))
    try:
        compile_text(text)
    except SourceError as error:
        assert error.diagnostics
        assert all(PLACED.match(diagnostic) for diagnostic in error.diagnostics)
