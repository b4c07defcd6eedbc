"""The short C spelling of types."""

from __future__ import annotations

import pytest

from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.spell import ELLIPSIS, declare, spell

TYPES: list[t.Type] = [
    t.Int("int", 4, IntEncoding.SIGNED),  # 1
    t.Int("char", 1, IntEncoding.SIGNED),  # 2
    t.Struct("flow", 4, (t.Member("src", 1, 0),)),  # 3
    t.Struct("", 4, (t.Member("src", 1, 0),)),  # 4
    t.Typedef("u64", 1),  # 5
]
"""Every case has these before its own, which begin at 6."""

CASES: list[tuple[str, list[t.Type], str, str]] = [
    ("int", [t.Typedef("s32", 1)], "s32", "s32 x"),
    ("array", [t.Array(2, 1, 16)], "char[16]", "char x[16]"),
    ("two dimensions", [t.Array(7, 1, 2), t.Array(2, 1, 16)], "char[2][16]", "char x[2][16]"),
    ("pointer", [t.Ptr(3)], "struct flow *", "struct flow *x"),
    ("const char *", [t.Ptr(7), t.Const(2)], "const char *", "const char *x"),
    ("char *const", [t.Const(7), t.Ptr(2)], "char *const", "char *const x"),
    ("array of pointers", [t.Array(7, 1, 3), t.Ptr(1)], "int *[3]", "int *x[3]"),
    ("pointer to array", [t.Ptr(7), t.Array(1, 1, 3)], "int (*)[3]", "int (*x)[3]"),
    ("const array", [t.Const(7), t.Array(2, 1, 3)], "const char[3]", "const char x[3]"),
    (
        "function",
        [t.Func("count", 7), t.FuncProto(1, (t.Param("ctx", 8),)), t.Ptr(3)],
        "int (struct flow *ctx)",
        "int x(struct flow *ctx)",
    ),
    ("function pointer", [t.Ptr(7), t.FuncProto(0)], "void (*)(void)", "void (*x)(void)"),
    ("variadic", [t.FuncProto(1, (t.Param("n", 1), t.Param("", 0)))], "int (int n, ...)", "int x(int n, ...)"),
    (
        "function returning a pointer to a function",
        [t.FuncProto(7, (t.Param("", 1),)), t.Ptr(8), t.FuncProto(2, (t.Param("f", 9),)), t.Ptr(10), t.FuncProto(0)],
        "char (*(int))(void (*f)(void))",
        "char (*x(int))(void (*f)(void))",
    ),
    ("qualified function", [t.Ptr(7), t.Const(8), t.FuncProto(1)], "int (*)(void)", "int (*x)(void)"),
    ("restrict", [t.Restrict(7), t.Ptr(1)], "int *restrict", "int *restrict x"),
    ("restrict of no pointer", [t.Restrict(1)], "int", "int x"),
    ("twice const", [t.Const(7), t.Const(1)], "const int", "const int x"),
    ("map", [t.Map(3, 5)], "map<struct flow, u64>", "map<struct flow, u64> x"),
    ("queue", [t.Map(0, 7), t.Ptr(8), t.FuncProto(1)], "map<void, int (*)(void)>", "map<void, int (*)(void)> x"),
    ("anonymous", [t.Ptr(4)], "struct { … } *", "struct { … } *x"),
    ("union", [t.Union("", 4)], "union { … }", "union { … } x"),
    ("enum", [t.Enum("color", 4)], "enum color", "enum color x"),
    ("fwd", [t.Ptr(7), t.Fwd("u", True)], "union u *", "union u *x"),
    ("type tag", [t.Ptr(7), t.TypeTag("user", 1)], "__user int *", "__user int *x"),
    ("var", [t.Var("v", 5)], "u64", "u64 x"),
    ("void", [t.Const(0)], "const void", "const void x"),
    ("no name", [t.Int("", 3)], "<int of 3 bytes>", "<int of 3 bytes> x"),
    ("unknown", [t.Unknown(40, "", 0, False, 0, b"", "little")], "UNKNOWN(40)", "UNKNOWN(40) x"),
    ("decl tag", [t.DeclTag("hot", 3)], "DECL_TAG hot", "DECL_TAG hot x"),
    ("bad id", [t.Ptr(99)], ELLIPSIS, f"{ELLIPSIS} x"),
    ("cycle", [t.Ptr(6)], ELLIPSIS, f"{ELLIPSIS} x"),
]


@pytest.mark.parametrize(("types", "short", "declared"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_spell(types: list[t.Type], short: str, declared: str) -> None:
    btf = Btf([*TYPES, *types])
    assert spell(btf, 6) == short
    assert declare(btf, 6, "x") == declared


def test_void_and_past_the_end() -> None:
    assert spell(Btf(), 0) == "void"
    assert spell(Btf(), 7) == "<type 7>"


def test_function_of_itself_ends() -> None:
    btf = Btf([t.Ptr(2), t.FuncProto(1, (t.Param("", 1), t.Param("", 1)))])
    assert ELLIPSIS in spell(btf, 1)
    text = spell(Btf([t.FuncProto(0, (t.Param("", 2), t.Param("", 2))), t.Ptr(1)]), 1)
    assert text.startswith("void (void (*)(") and ELLIPSIS in text and len(text) < 10_000
