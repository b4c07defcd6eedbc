"""Words, helpers and kernel names outside of a program: they work, or say that they do not."""

from __future__ import annotations

from typing import Any

import pytest

import btfkit.bpf as vocabulary
from btfkit.bpf import Static, Struct, copy, kernel, kfunc, map_update_elem, u32
from btfkit.bpf.helper_table import HELPERS
from btfkit.bpf.words import HELPER_FUNCTIONS, WORDS, KernelType, Optional


class Point(Struct):
    x: u32


def test_exported() -> None:
    """Every name is there, and one is a helper and a word at once."""
    for name in vocabulary.__all__:
        assert getattr(vocabulary, name) is not None
    assert len(set(vocabulary.__all__)) == len(vocabulary.__all__)
    assert set(HELPER_FUNCTIONS) == set(HELPERS)
    assert [name for name in WORDS if name in HELPERS] == ["tail_call"]


@pytest.mark.parametrize("word", [*WORDS.values(), map_update_elem, kfunc.bpf_strlen], ids=lambda word: word.__name__)
def test_outside_of_a_program(word: Any) -> None:
    assert word.__name__ in repr(word)
    if word is copy:
        point = Point(3)
        assert copy(point) == point and copy(point) is not point
        return
    with pytest.raises(TypeError, match=rf"^{word.__name__}\(\) works in a BPF program only$"):
        word()


def test_kernel_names() -> None:
    assert kernel.task_struct is kernel.task_struct and isinstance(kernel.task_struct, KernelType)
    assert repr(kernel.task_struct) == "<kernel type task_struct>"
    maybe = kernel.task_struct | None
    assert isinstance(maybe, Optional) and maybe.type is kernel.task_struct and maybe.__name__ == "task_struct | None"
    with pytest.raises(TypeError):
        kernel.task_struct | 3
    with pytest.raises(AttributeError):
        kernel.__wrapped__  # noqa: B018


def test_static() -> None:
    assert Static[u32].type is u32 and repr(Static[u32]) == "Static[u32]"
