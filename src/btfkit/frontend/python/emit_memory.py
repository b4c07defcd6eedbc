"""Copying and clearing of memory by loads and stores, as wide as the alignment allows: BPF has no calls for it.

In: addresses as LLVM writes them, sizes and alignments in bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from btfkit.frontend.python.emit_module import Code

MAX_UNROLLED = 64
"""Loads or stores written one by one; more go in a loop."""


def copy(code: Code, to: str, source: str, size: int, align: int) -> None:
    """size bytes from one place to another."""

    def move(off: str, width: int) -> None:
        value = code.let(f"load i{8 * width}, ptr {_at(code, source, off)}, align {width}")
        code.put(f"store i{8 * width} {value}, ptr {_at(code, to, off)}, align {width}")

    _each_unit(code, size, align, move)


def zero(code: Code, to: str, size: int, align: int) -> None:
    """size bytes become 0."""

    def clear(off: str, width: int) -> None:
        code.put(f"store i{8 * width} 0, ptr {_at(code, to, off)}, align {width}")

    _each_unit(code, size, align, clear)


def _at(code: Code, base: str, off: str) -> str:
    return base if off == "0" else code.let(f"getelementptr i8, ptr {base}, i64 {off}")


def _each_unit(code: Code, size: int, align: int, act: Callable[[str, int], None]) -> None:
    unit = min(align, 8)
    done = 0
    if size // unit > MAX_UNROLLED:
        done = size - size % unit
        _loop(code, done, unit, act)
    while done < size:
        width = unit
        while width > size - done:
            width //= 2
        act(str(done), width)
        done += width


def _loop(code: Code, end: int, unit: int, act: Callable[[str, int], None]) -> None:
    before, head, after = code.block, code.label(), code.label()
    if not code.is_open:
        code.start(before := code.label())
    following = code.name()
    code.start(head)
    off = code.let(f"phi i64 [ 0, %{before} ], [ {following}, %{head} ]")
    act(off, unit)
    code.put(f"{following} = add i64 {off}, {unit}")
    code.fork(code.let(f"icmp ult i64 {following}, {end}"), head, after)
    code.start(after)
