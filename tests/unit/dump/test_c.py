"""The C dump: what is written for what. That compilers take it is asked in tests/oracle/test_dump_oracle.py."""

from __future__ import annotations

import re
import textwrap

import pytest
from tests.unit.dump.c_cases import CASES, m
from tests.unit.dump.samples import INT, U8, U32, btf_of, every_kind

from btfkit.codec import decode_btf, encode_btf
from btfkit.dump import dump_c
from btfkit.dump.c.names import Scope, legal
from btfkit.dump.c.text import c_comment, c_string, enum_mode, enum_value
from btfkit.errors import BadReferenceError, FormatError, UnsupportedError
from btfkit.model import types as t
from btfkit.model.instances import Instance


def c_of(*types: t.Type, **options: bool) -> str:
    return dump_c(btf_of(*types), guard=False, **options)


def test_empty() -> None:
    assert c_of() == ""
    assert re.fullmatch(r"#ifndef (BTF_[0-9A-F]{8}_H)\n#define \1\n\n#endif /\* \1 \*/\n", dump_c(btf_of()))


@pytest.mark.parametrize(("types", "want"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_dump(types: list[t.Type], want: str) -> None:
    assert c_of(*types) == textwrap.dedent(want).lstrip("\n").replace("    ", "\t")


def test_type_tags_are_a_macro() -> None:
    text = c_of(INT, t.TypeTag('us"er', 1), t.Ptr(2), t.Typedef("p", 3))
    assert text.startswith("#if defined(__has_attribute)\n")
    assert text.endswith('typedef BTF_TYPE_TAG("us\\"er") int *p;\n\n')
    attribute = c_of(INT, t.TypeTag("address_space(1)", 1, True), t.Ptr(2), t.Typedef("p", 3))
    assert attribute == "typedef __attribute__((address_space(1))) int *p;\n\n"
    assert "BTF_TYPE_TAG" in c_of(INT, t.TypeTag("x)) evil((", 1, True), t.Ptr(2), t.Typedef("p", 3))


def test_asserts() -> None:
    inner = t.Struct("", 8, (m("x", 1, 0), m("bits", 1, 32, 4)), True)
    types = [
        U32,
        inner,
        t.Array(2, 1, 2),
        t.Struct("s", 32, (m("", 2, 0), m("in", 2, 64), m("many", 3, 128))),
        t.Typedef("t", 2),
    ]
    asserts = re.findall(r"_Static_assert\((.*) == (\d+), \"(.*)\"\);", c_of(*types, asserts=True))
    assert asserts == [
        ("__builtin_offsetof(struct s, x)", "0", "struct s: x"),
        ("__builtin_offsetof(struct s, in)", "8", "struct s: in"),
        ("__builtin_offsetof(struct s, in.x)", "8", "struct s: in.x"),
        ("__builtin_offsetof(struct s, many)", "16", "struct s: many"),
        ("__builtin_offsetof(struct s, many[0].x)", "16", "struct s: many[0].x"),
        ("sizeof(struct s)", "32", "struct s"),
        ("__builtin_offsetof(t, x)", "0", "t: x"),
        ("sizeof(t)", "8", "t"),
    ]


def test_instances() -> None:
    btf = btf_of(
        INT, t.Struct("flow", 4, (m("src", 1, 0),)), t.Ptr(2), t.FuncProto(1, (t.Param("ctx", 3),)), t.Func("count", 4), t.Map(2, 1),
        instances=(
            Instance(5, "count"), Instance(6, "flows"), Instance(1, "calls"), Instance(1, "local", 1), Instance(1, "a.b"),
        ),
    )  # fmt: skip
    assert dump_c(btf, guard=False).partition("};\n\n")[2].splitlines() == [
        "int count(struct flow *ctx);",
        "/* map<struct flow, int> flows */",
        "extern int calls;",
        "/* count: int local */",
        "/* int a.b */",
        "",
    ]
    assert "count" not in dump_c(btf, root_ids=[2])


def test_root_ids() -> None:
    btf = btf_of(INT, t.Struct("a", 4, (m("x", 1, 0),)), t.Struct("b", 8, (m("a", 4, 0),)), t.Ptr(2), t.Struct("c", 0))
    assert dump_c(btf, root_ids=[3], guard=False) == "struct a;\n\nstruct b {\n\tstruct a *a;\n};\n\n"
    assert "struct a {" in dump_c(btf, root_ids=[4])


def test_split() -> None:
    base = btf_of(INT, t.Struct("a", 4, (m("x", 1, 0),)), t.Struct("unused", 0))
    split = btf_of(t.Struct("b", 4, (m("a", 2, 0),)), base=base)
    for btf in (split, decode_btf(encode_btf(split), base=decode_btf(encode_btf(base)))):
        text = dump_c(btf)
        assert text.index("struct a {") < text.index("struct b {")
        assert "unused" not in text


def test_every_kind_from_values_and_bytes() -> None:
    btf = every_kind()
    with pytest.raises(FormatError, match="type 9 STRUCT 'flags': its members end at bit 128"):
        dump_c(btf)
    text = dump_c(decode_btf(encode_btf(btf)), root_ids=[8, 11, 12, 15, 31, 32])
    assert text == dump_c(btf, root_ids=[8, 11, 12, 15, 31, 32])


def test_preserve_access_index() -> None:
    text = c_of(t.Struct("s", 0), preserve_access_index=True)
    assert text.index("attribute push") < text.index("struct s") < text.index("attribute pop")


ERRORS: list[tuple[str, list[t.Type], str]] = [
    ("a struct in itself", [t.Struct("s", 8, (m("s", 1, 0),))], r"type 1 STRUCT 's': has to be complete before itself"),
    ("two in each other", [t.Struct("a", 8, (m("b", 2, 0),)), t.Struct("b", 8, (m("a", 1, 0),))], "before itself"),
    ("typedefs in a circle", [t.Typedef("a", 2), t.Typedef("b", 1)], "before itself: type 1 TYPEDEF 'a' -> type 2"),
    ("a pointer to itself", [t.Ptr(1), t.Typedef("p", 1)], "type 1 PTR: is made of itself"),
    ("a function of itself", [t.FuncProto(2), t.Ptr(1), t.Typedef("f", 2)], "is made of itself"),
    ("a member of a FUNC_PROTO", [t.FuncProto(0), t.Struct("s", 8, (m("f", 1, 0),))], r"member 'f' is of type 1 FUNC_PROTO, which has no size"),
    ("a member that is only declared", [t.Fwd("f"), t.Struct("s", 8, (m("f", 1, 0),))], "type 2 STRUCT 's': has to have type 1 FWD 'f' complete"),
    ("an array of what is only declared", [t.Fwd("f"), t.Array(1, 1, 3), t.Typedef("a", 2)], "type 3 TYPEDEF 'a': has to have type 1 FWD 'f' complete"),
    ("an array of void", [t.Const(0), t.Array(1, 1, 3), t.Typedef("a", 2)], "type 2 ARRAY: is an array of type 0"),
    ("an array of functions", [t.FuncProto(0), t.Array(1, 1, 3), t.Typedef("a", 2)], "type 2 ARRAY: is an array of type 1 FUNC_PROTO"),
    ("a function that returns an array", [INT, t.Array(1, 1, 3), t.FuncProto(2), t.Typedef("f", 3)], "type 3 FUNC_PROTO: returns type 2 ARRAY"),
    ("a void parameter", [INT, t.FuncProto(1, (t.Param("a", 0), t.Param("b", 1))), t.Typedef("f", 2)], "has a parameter of type 0"),
    ("a member of a map", [t.Map(0, 0), t.Struct("s", 8, (m("f", 1, 0),))], "which has no size"),
    ("a DATASEC as a type", [t.DataSec(".x", 0), t.Typedef("d", 1)], "type 1 DATASEC '.x': is used as the type of something"),
    ("past the end", [INT, t.Struct("s", 2, (m("a", 1, 0),))], "its members end at bit 32, it ends at bit 16"),
    ("an enum of 3 bytes", [t.Enum("e", 3)], "type 1 ENUM 'e': is an enum of 3 bytes"),
    ("half a byte", [INT, t.Struct("s", 8, (m("a", 1, 4),))], "member 'a' starts at bit 4, and is no bit-field"),
    ("a bit-field of a pointer", [t.Ptr(0), t.Struct("s", 8, (m("a", 1, 0, 4),), True)], "is a bit-field of 4 bits of type 1 PTR"),
    ("a bit-field too wide", [U8, t.Struct("s", 8, (m("a", 1, 0, 9),), True)], "is a bit-field of 9 bits"),
]  # fmt: skip


@pytest.mark.parametrize(("types", "match"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_what_c_cannot_say(types: list[t.Type], match: str) -> None:
    with pytest.raises(FormatError, match=match) as caught:
        c_of(*types)
    assert caught.value.type_id


def test_bad_references() -> None:
    with pytest.raises(BadReferenceError):
        c_of(t.Typedef("t", 9))
    with pytest.raises(UnsupportedError, match=r"UNKNOWN\(40\)"):
        c_of(t.Unknown(40, "x", 0, False, 0, b"", "little"), t.Typedef("t", 1))


def test_no_recursion() -> None:
    depth = 20_000
    pointers = [INT, *(t.Ptr(i) for i in range(1, depth)), t.Typedef("deep", depth)]
    assert "*" * (depth - 1) + "deep;" in c_of(*pointers)
    nested = [INT, *(t.Struct("", 4, (m("x", i, 0),)) for i in range(1, depth)), t.Typedef("deep", depth)]
    assert c_of(*nested).count("struct {") == depth - 1
    named = [t.Struct(f"s{i}", 4, (m("x", i + 1, 0),)) for i in range(1, depth)]
    assert c_of(*named, INT).startswith(f"struct s{depth - 1} {{")
    functions: list[t.Type] = [t.Typedef("deep", 2)]
    for i in range(2, 4000, 2):
        functions += [t.Ptr(i + 1), t.FuncProto(0, (t.Param("", i + 2),))]
    assert c_of(*functions, INT).count("(*)(") == len(functions) // 2 - 1


def test_text_does_not_explode() -> None:
    """Each struct has the next one twice: in place, 2**40 members."""
    bombs = [t.Struct("", 0, (m("a", i + 1, 0), m("b", i + 1, 0))) for i in range(1, 40)]
    text = c_of(*bombs, t.Struct("", 0), t.Typedef("t", 1))
    assert len(text) < 200_000 and "struct anon_" in text
    functions: list[t.Type] = [t.Typedef("f", 2)]
    for i in range(2, 60, 2):
        functions += [t.Ptr(i + 1), t.FuncProto(0, (t.Param("", i + 2), t.Param("", i + 2)))]
    with pytest.raises(FormatError, match="declarations in one another to write"):
        c_of(*functions, INT)
    ladder: list[t.Type] = []
    for i in range(1, 40_000, 2):
        ladder += [t.Ptr(i + 2), t.Typedef(f"t{i}", i)]
    with pytest.raises(FormatError, match="and all types together"):
        c_of(*ladder, INT)


def test_names() -> None:
    assert [legal(name) for name in ("a", "a.b", "1", "int", "", "a b<c>", "__builtin_x")] == [
        "a", "a_b", "_1", "int_", "_", "a_b_c_", "__builtin_x_",
    ]  # fmt: skip
    scope = Scope({"a", "a___2"})
    assert [scope.take(name) for name in ("a", "a", "a___2", "a", "a!", "a_")] == [
        "a",
        "a___3",
        "a___2",
        "a___4",
        "a_",
        "a____2",
    ]


def test_text() -> None:
    assert c_string('a"b\\c\n') == 'a\\"b\\\\c_'
    assert c_comment("a*/b/*c\nd\udcff") == "a* /b/ *c d?"
    assert [enum_mode(4, [0]), enum_mode(4, [-1, 5]), enum_mode(8, [1 << 40]), enum_mode(3, [0])] == [""] * 4
    assert enum_mode(8, [-1, 1 << 31]) == "" and "DI" in enum_mode(8, [1]) and "HI" in enum_mode(2, [1])
    assert [enum_value(v) for v in (-1, 1 << 32, 1 << 63)] == ["-1", "4294967296LL", "9223372036854775808ULL"]
