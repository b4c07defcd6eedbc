"""Types, and the C that is written for them."""

from __future__ import annotations

from tests.unit.dump.samples import BOOL, CHAR, INT, U8, U32, U64

from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t


def m(name: str, type_id: int, bit_off: int, bit_size: int = 0) -> t.Member:
    return t.Member(name, type_id, bit_off, bit_size)


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
