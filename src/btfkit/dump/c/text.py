"""Small pieces of C text: numbers, strings, comments, attributes."""

from __future__ import annotations

from collections.abc import Sequence

ALIGNED_16 = " __attribute__((aligned(16)))"
"""For __int128: bpf-gcc 12 aligns it to 8 bytes; clang and the kernel's own gcc, to 16."""

BEFORE_C23 = "#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L"

_MODES = {1: "QI", 2: "HI", 4: "SI", 8: "DI"}


def before_c23(definition: str) -> str:
    """The same; a typedef of bool, only where C has none of its own."""
    return f"{BEFORE_C23}\n{definition}\n#endif" if definition.endswith(" bool;") else definition


def enum_mode(size: int, values: Sequence[int]) -> str:
    """The attribute that gives an enum of these values its size in bytes; "" where the compiler does so by itself."""
    low, high = min(values), max(values)
    fits = (low >= 0 and high < 1 << 32) or (low >= -(1 << 31) and high < 1 << 31)
    return "" if size == (4 if fits else 8) or size not in _MODES else f" __attribute__((mode({_MODES[size]})))"


def enum_value(value: int) -> str:
    """A constant of at least 64 bits where it needs them."""
    if value == -(1 << 63):  # there are no negative constants in C, and 1 << 63 does not fit a signed one
        return f"({value + 1}LL - 1)"
    if value >= 1 << 63:
        return f"{value}ULL"
    return str(value) if -(1 << 31) <= value < 1 << 32 else f"{value}LL"


def c_string(text: str) -> str:
    """Text between the quotes of a C string, such as an attribute takes (no numeric escapes): the rest is ``_``."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(char if " " <= char <= "~" else "_" for char in escaped)


def c_comment(text: str) -> str:
    """Text inside a C comment."""
    text = text.encode("utf-8", "replace").decode()
    return text.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")
