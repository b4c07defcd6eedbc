"""How C spells an INT or a FLOAT of a given size, whatever BTF calls it.

In: the type. Out: C's own name for it, where the name is one and has that size; else a typedef to be written first,
whose right-hand side has that size on every target. Sizes are those of LP64, which x86-64 and BPF share.
"""

from __future__ import annotations

from typing import NamedTuple

from btfkit.model import types as t

_SIZES = {"char": 1, "short": 2, "int": 4, "long": 8, "long long": 8, "_Bool": 1, "__int128": 16}

NAME = "@"
"""Stands for the new name in `Scalar.definition`."""


class Scalar(NamedTuple):
    """align: bytes. text: C's own name; "" where ``definition``, a typedef of `NAME`, has to be written first.

    is_integer: whether a bit-field may be declared with it.
    """

    align: int
    text: str
    definition: str = ""
    is_integer: bool = False


def scalar(type_: t.Int | t.Float) -> Scalar:
    """The C spelling of an INT or FLOAT."""
    size = type_.size
    align = size if size in (1, 2, 4, 8, 16) else 1
    blob = _typedef_of_bytes(size, align)
    if isinstance(type_, t.Float):
        if type_.name and type_.name == {4: "float", 8: "double"}.get(size):
            return Scalar(align, type_.name)
        if type_.name == "long double" and size == 16:  # BPF's has 8 bytes
            own = f"typedef long double {NAME};"
            return Scalar(align, "", f"#if __SIZEOF_LONG_DOUBLE__ == 16\n{own}\n#else\n{blob}\n#endif")
        return Scalar(align, "", blob)
    plain = integer_of(size, signed=type_.is_signed, is_bool=type_.is_bool)
    builtin = _builtin_size(type_.name)
    if builtin == size:
        return Scalar(align, type_.name, is_integer=True)
    if not plain:
        return Scalar(align, "", blob)
    if builtin is not None or not type_.name:  # a long of 4 bytes
        return Scalar(align, plain, is_integer=True)
    return Scalar(align, "", f"typedef {plain} {NAME};", is_integer=True)


def integer_of(size: int, *, signed: bool, is_bool: bool = False) -> str:
    """The builtin integer of ``size`` bytes; "" where there is none."""
    if is_bool and size == 1:
        return "_Bool"
    word = {1: "char", 2: "short", 4: "int", 8: "long long", 16: "__int128"}.get(size, "")
    if not word:
        return ""
    if not signed:
        return f"unsigned {word}"
    return "signed char" if size == 1 else word


def _builtin_size(name: str) -> int | None:
    """Bytes of the builtin integer type of that name, its words in any order (gcc: ``long long unsigned int``)."""
    words = name.split()
    sign = next((word for word in ("signed", "unsigned") if word in words), None)
    if sign:
        words.remove(sign)
        words = words or ["int"]
        if words == ["_Bool"]:
            return None
    if len(words) > 1 and "int" in words and "char" not in words:
        words.remove("int")
    return _SIZES.get(" ".join(words))


def _typedef_of_bytes(size: int, align: int) -> str:
    """Something that has that size and alignment, and no more to it."""
    aligned = f" __attribute__((aligned({align})))" if align > 1 else ""
    return f"typedef struct {{ unsigned char bytes[{size}]; }}{aligned} {NAME};"
