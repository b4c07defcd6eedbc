"""Random well-typed programs: CPython with wrapping integers and the kernel agree. For longer: tools/random_programs.py."""

from __future__ import annotations

import os

import pytest
from tests.random_oracle import compare, compile_only
from tests.random_programs import make

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

CHANGING = int.from_bytes(os.urandom(4), "little")
SEEDS = [(seed, ("v3", "v3", "v4", "v2")[seed % 4]) for seed in range(12)]


@pytest.mark.parametrize(("seed", "cpu"), [*SEEDS, pytest.param(CHANGING, "v3", id="changing")])
def test_cpython_and_the_kernel_agree(seed: int, cpu: str) -> None:
    failures = [failure for failure in compare(make(seed, 10), seed, cpu=cpu) if not failure.is_limit]
    assert not failures, f"make({seed}, 10) for {cpu}: {failures}"


@pytest.mark.parametrize("seed", range(100, 103))
def test_they_compile_for_big_endian(seed: int) -> None:
    compile_only(make(seed, 10), byte_order="big")


def test_the_same_seed_makes_the_same_text() -> None:
    assert make(5, 4).text == make(5, 4).text != make(6, 4).text
