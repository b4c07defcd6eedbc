"""The C dump: what is written for what. That compilers take it is asked in tests/oracle/test_dump_oracle.py."""

from __future__ import annotations

import re
import textwrap

import pytest
from tests.unit.dump.samples import BOOL, CHAR, INT, U8, U32, U64, btf_of, every_kind

from btfkit.codec import decode_btf, encode_btf
from btfkit.dump import dump_c
from btfkit.dump.c.names import Scope, legal
from btfkit.dump.c.text import c_comment, c_string, enum_mode, enum_value
from btfkit.errors import BadReferenceError, FormatError, UnsupportedError
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.instances import Instance


def c_of(*types: t.Type, **options: bool) -> str:
    return dump_c(btf_of(*types), guard=False, **options)


def m(name: str, type_id: int, bit_off: int, bit_size: int = 0) -> t.Member:
    return t.Member(name, type_id, bit_off, bit_size)


def test_empty() -> None:
    assert c_of() == ""
    assert re.fullmatch(r"#ifndef (BTF_[0-9A-F]{8}_H)\n#define \1\n\n#endif /\* \1 \*/\n", dump_c(btf_of()))


# Goldens are indented by 4 spaces for each tab.
CASES: list[tuple[str, list[t.Type], str]] = [
    (
        "members",
        [INT, t.Ptr(0), t.Array(4, 1, 16), CHAR, t.Struct("s", 32, (m("a", 1, 0), m("p", 2, 64), m("buf", 3, 128)))],
        """
        struct s {
            int a;
            void *p;
            char buf[16];
        };

        """,
    ),
    (
        "a pointer needs it declared, a member complete",
        [t.Struct("a", 16, (m("b", 2, 0), m("c", 4, 64))), t.Ptr(3), t.Struct("b", 0), t.Struct("c", 8, (m("a", 5, 0),)), t.Ptr(1)],
        """
        struct a;

        struct c {
            struct a *a;
        };

        struct b;

        struct a {
            struct b *b;
            struct c c;
        };

        struct b {
        };

        """,
    ),
    (
        "itself",
        [t.Struct("list", 8, (m("next", 2, 0),)), t.Ptr(1)],
        """
        struct list {
            struct list *next;
        };

        """,
    ),
    (
        "anonymous in place",
        [INT, t.Union("", 4, (m("x", 1, 0), m("y", 1, 0))), t.Struct("s", 8, (m("", 2, 0), m("named", 2, 32)))],
        """
        struct s {
            union {
                int x;
                int y;
            };
            union {
                int x;
                int y;
            } named;
        };

        """,
    ),
    (
        "typedefs",
        [t.Typedef("fn", 2), t.Ptr(3), t.FuncProto(4, (t.Param("n", 4), t.Param("", 0))), t.Typedef("s32", 5), INT],
        """
        typedef int s32;

        typedef s32 (*fn)(s32 n, ...);

        """,
    ),
    (
        "a parameter that would hide a typedef has no name",
        [INT, t.Typedef("u", 1), t.Typedef("fn", 4), t.FuncProto(0, (t.Param("u", 2), t.Param("v", 2), t.Param("v", 2)))],
        """
        typedef int u;

        typedef void fn(u, u v, u);

        """,
    ),
    (
        "bit-fields and holes",
        [
            U32,
            t.Struct("s", 16, (m("a", 1, 0, 3), m("b", 1, 3, 5), m("c", 1, 16, 4), m("d", 1, 64), m("e", 1, 96, 1)), True),
        ],
        """
        struct s {
            unsigned int a: 3;
            unsigned int b: 5;
            long: 8;
            unsigned int c: 4;
            long: 44;
            unsigned int d;
            unsigned int e: 1;
        };

        """,
    ),
    (
        "old bit-fields: an INT of so many bits",
        [U32, t.Int("unsigned int", 4, IntEncoding(0), 3, 0), t.Struct("s", 4, (m("a", 2, 0), m("b", 2, 3)))],
        """
        struct s {
            unsigned int a: 3;
            unsigned int b: 3;
        };

        """,
    ),
    (
        "packed, because a member is not aligned",
        [U8, U32, t.Struct("s", 5, (m("a", 1, 0), m("b", 2, 8)))],
        """
        struct s {
            unsigned char a;
            unsigned int b;
        } __attribute__((packed));

        """,
    ),
    (
        "packed, because it is too short",
        [U64, U32, t.Struct("s", 12, (m("a", 1, 0), m("b", 2, 64)))],
        """
        struct s {
            long long unsigned int a;
            unsigned int b;
        } __attribute__((packed));

        """,
    ),
    (
        "padding at the end; much padding is an array",
        [U32, t.Struct("s", 64, (m("a", 1, 0),)), t.Struct("far", 4096, (m("a", 1, 0),)), t.Union("u", 8, (m("a", 1, 0),))],
        """
        struct s {
            unsigned int a;
            long: 32;
            long: 64;
            long: 64;
            long: 64;
            long: 64;
            long: 64;
            long: 64;
            long: 64;
        };

        struct far {
            unsigned int a;
            unsigned char __pad_4[4092];
        };

        union u {
            unsigned int a;
            unsigned char __size[8];
        };

        """,
    ),
    (
        "members that overlap",
        [U32, t.Struct("s", 8, (m("a", 1, 0), m("b", 1, 16)))],
        """
        struct s {
            union {
                struct {
                    unsigned int a;
                } __attribute__((packed));
                struct {
                    long: 16;
                    unsigned int b;
                } __attribute__((packed));
                unsigned char __size[8];
            };
        } __attribute__((packed));

        """,
    ),
    (
        "__int128 says its alignment",
        [t.Int("__int128 unsigned", 16), t.Struct("s", 32, (m("a", 1, 0), m("b", 1, 128)))],
        """
        struct s {
            __int128 unsigned a __attribute__((aligned(16)));
            __int128 unsigned b __attribute__((aligned(16)));
        };

        """,
    ),
    (
        "enums of all sizes and signs",
        [
            t.Enum("e", 4, (t.EnumValue("A", 0), t.EnumValue("B", 0xFFFFFFFF))),
            t.Enum("small", 1, (t.EnumValue("C", -1),), True),
            t.Enum64("big", 8, (t.EnumValue("D", 1 << 63), t.EnumValue("E", 1))),
            t.Enum64("wide", 8, (t.EnumValue("F", 1),)),
            t.Enum64("low", 8, (t.EnumValue("G", -(1 << 63)),), True),
        ],
        """
        enum e {
            A = 0,
            B = 4294967295,
        };

        enum small {
            C = -1,
        } __attribute__((mode(QI)));

        enum big {
            D = 9223372036854775808ULL,
            E = 1,
        };

        enum wide {
            F = 1,
        } __attribute__((mode(DI)));

        enum low {
            G = (-9223372036854775807LL - 1),
        };

        """,
    ),
    (
        "names that are taken",
        [
            INT, t.Struct("s", 4, (m("a", 1, 0),)), t.Struct("s", 0), t.Union("s", 0), t.Ptr(3),
            t.Struct("user", 8, (m("p", 5, 0),)), t.Typedef("X", 1), t.Enum("s___2", 4, (t.EnumValue("X", 0),)),
        ],
        """
        struct s {
            int a;
        };

        struct s___3 {
        };

        union s___4 {
        };

        struct user {
            struct s___3 *p;
        };

        typedef int X;

        enum s___2 {
            X___2 = 0,
        };

        """,
    ),
    (
        "names that are none",
        [INT, t.Struct("Option<u32>", 8, (m("0", 1, 0), m("for", 1, 32))), t.Typedef("int", 1), t.Typedef("é", 1)],
        """
        struct Option_u32_ {
            int _0;
            int for_;
        };

        typedef int int_;

        typedef int _;

        """,
    ),
    (
        "unnamed members that C wants a name for, and names twice",
        [INT, t.Struct("in", 4, (m("", 1, 0),)), t.Struct("s", 12, (m("", 2, 0), m("a", 1, 32), m("a", 1, 64)))],
        """
        struct in {
            int __anon_member;
        };

        struct s {
            struct in __anon_member;
            int a;
            int a___2;
        };

        """,
    ),
    (
        "declared only",
        [t.Fwd("f"), t.Fwd("u", True), t.Fwd("s"), t.Ptr(1), t.Typedef("f_p", 4), t.Struct("s", 0), t.Enum("e", 4), t.Enum("e", 4), t.Enum("d", 4), t.Enum("d", 4, (t.EnumValue("D", 1),))],
        """
        struct f;

        union u;

        struct s {
        };

        typedef struct f *f_p;

        enum e {
            e__declared_only = 0,
        };

        enum d {
            D = 1,
        };

        """,
    ),
    (
        "an anonymous enum used twice has a tag, one used once is in place, one not used is loose",
        [
            t.Enum("", 4, (t.EnumValue("A", 0),)), t.Enum("", 4, (t.EnumValue("B", 0),)), t.Enum("", 4, (t.EnumValue("C", 0),)),
            t.Struct("s", 12, (m("a", 1, 0), m("b", 1, 32), m("c", 2, 64))),
        ],
        """
        enum anon_1 {
            A = 0,
        };

        struct s {
            enum anon_1 a;
            enum anon_1 b;
            enum {
                B = 0,
            } c;
        };

        enum {
            C = 0,
        };

        """,
    ),
    (
        "a typedef of an anonymous struct that points at itself",
        [t.Typedef("node", 2), t.Struct("", 8, (m("next", 3, 0),)), t.Ptr(1)],
        """
        struct anon_2;

        typedef struct anon_2 node;

        struct anon_2 {
            node *next;
        };

        """,
    ),
    (
        "an anonymous struct that points at itself",
        [t.Struct("", 8, (m("next", 2, 0),)), t.Ptr(1), t.Struct("s", 8, (m("head", 1, 0),))],
        """
        struct anon_1 {
            struct anon_1 *next;
        };

        struct s {
            struct anon_1 head;
        };

        """,
    ),
    (
        "scalars that C does not know",
        [
            t.Int("u8", 1), t.Int("long", 4, IntEncoding.SIGNED), t.Int("u24", 3), t.Float("half", 2),
            t.Struct("s", 16, (m("a", 1, 0), m("b", 2, 32), m("c", 3, 64), m("d", 4, 96))),
        ],
        """
        typedef unsigned char u8;

        typedef struct { unsigned char bytes[3]; } u24;

        typedef struct { unsigned char bytes[2]; } __attribute__((aligned(2))) half;

        struct s {
            u8 a;
            int b;
            u24 c;
            half d;
        };

        """,
    ),
    (
        "qualifiers and what they mean nothing on",
        [INT, t.Const(3), t.Volatile(1), t.Restrict(5), t.Ptr(2), t.Struct("s", 8, (m("p", 4, 0),)), t.Typedef("f", 8), t.Const(9), t.FuncProto(0)],
        """
        struct s {
            const volatile int *restrict p;
        };

        typedef void f(void);

        """,
    ),
    (
        "bool before C23",
        [BOOL, t.Typedef("bool", 1), t.Enum("", 4, (t.EnumValue("false", 0), t.EnumValue("true", 1)))],
        """
        #if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
        typedef _Bool bool;
        #endif

        #if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
        enum {
            false = 0,
            true = 1,
        };
        #endif

        """,
    ),
    (
        "maps",
        [INT, t.Struct("flow", 4, (m("src", 1, 0),)), t.Map(2, 1), t.Typedef("flows", 3), t.Ptr(4), t.Struct("s", 8, (m("map", 5, 0),))],
        """
        struct flow {
            int src;
        };

        /* map<struct flow, int> flows */
        typedef void flows;

        struct s {
            flows *map;
        };

        /* map<struct flow, int> */

        """,
    ),
]  # fmt: skip


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
    ("a member that is only declared", [t.Fwd("f"), t.Struct("s", 8, (m("f", 1, 0),))], "which has no size"),
    ("a member of a map", [t.Map(0, 0), t.Struct("s", 8, (m("f", 1, 0),))], "which has no size"),
    ("a DATASEC as a type", [t.DataSec(".x", 0), t.Typedef("d", 1)], "type 1 DATASEC '.x': is used as the type of something"),
    ("past the end", [INT, t.Struct("s", 2, (m("a", 1, 0),))], "its members end at bit 32, it ends at bit 16"),
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
    assert c_comment("a*/b/*c\nd") == "a* /b/ *c d"
    assert [enum_mode(4, [0]), enum_mode(4, [-1, 5]), enum_mode(8, [1 << 40]), enum_mode(3, [0])] == [""] * 4
    assert enum_mode(8, [-1, 1 << 31]) == "" and "DI" in enum_mode(8, [1]) and "HI" in enum_mode(2, [1])
    assert [enum_value(v) for v in (-1, 1 << 32, 1 << 63)] == ["-1", "4294967296LL", "9223372036854775808ULL"]
