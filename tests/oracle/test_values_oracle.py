"""Values beside C compilers: what they make of an initialiser is what `pack` makes of the same value in Python.

Every variable lies in a section of its own, so its bytes can be cut out of the object, in either byte order; the types
are those of the same object's .BTF. Nothing is run.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import need_tool

from btfkit.codec import decode_btf
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import Record, UnionRecord, codec

PRELUDE = """
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
typedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;
typedef __int128 s128; typedef unsigned __int128 u128;
typedef u16 __be16; typedef u32 __be32; typedef u64 __be64;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BE16(x) __builtin_bswap16(x)
#define BE32(x) __builtin_bswap32(x)
#define BE64(x) __builtin_bswap64(x)
#else
#define BE16(x) (x)
#define BE32(x) (x)
#define BE64(x) (x)
#endif
enum state { CLOSED, OPEN, LISTEN = 7 };
enum sign { MINUS = -5, PLUS = 5 };
enum small { TINY = 1, HUGE = 200 } __attribute__((packed));
enum tiny { DOWN = -3 } __attribute__((packed));
struct flow { __be32 src, dst; u16 port; };
struct inner { u8 tag; u16 port; };
union number { u8 byte; u32 word; double real; struct { u16 a; u16 b; }; };
struct in6_addr { union { u8 u6_addr8[16]; __be16 u6_addr16[8]; __be32 u6_addr32[4]; } in6_u; };
"""


@dataclass(frozen=True)
class Case:
    """A C declaration with ``%`` for the variable's name, its initialiser, and the value in Python.

    lacks: compilers that do not have it, or say less in .BTF than they know (each with the reason, beside the case).
    """

    name: str
    declaration: str
    init: str
    value: Any
    lacks: tuple[str, ...] = ()


# bpf-gcc 12 has no 128-bit integers for this target.
NO_128 = ("bpf-gcc",)
# clang before 15 and gcc before 13 do not know ENUM64: they say ENUM, and half of each value.
NO_ENUM64 = ("clang-14", "bpf-gcc")
# gcc before 14 says the dimensions of an array of arrays in the wrong order (GCC PR debug/114186).
NO_DIMENSIONS = ("bpf-gcc",)

CASES = [
    Case("s8_", "s8 %", "-128", -128),
    Case("u8_", "u8 %", "255", 255),
    Case("s16_", "s16 %", "-2", -2),
    Case("u16_", "u16 %", "0x1234", 0x1234),
    Case("s32_", "s32 %", "-2", -2),
    Case("u32_", "u32 %", "0x12345678", 0x12345678),
    Case("s64_", "s64 %", "-0x123456789abcdefLL", -0x123456789ABCDEF),
    Case("u64_", "u64 %", "0xfedcba9876543210ULL", 0xFEDCBA9876543210),
    Case("s128_", "s128 %", "-((s128)1 << 100)", -(1 << 100), NO_128),
    Case("u128_", "u128 %", "((u128)0x0123456789abcdefULL << 64) | 5", 0x0123456789ABCDEF << 64 | 5, NO_128),
    Case("bool_", "_Bool %", "1", True),
    Case("char_", "char %", "'a'", 97),
    Case("float_", "float %", "1.5f", 1.5),
    Case("double_", "double %", "-0.1", -0.1),
    Case("ptr_", "void *%", "(void *)0xffff888000001234ULL", 0xFFFF888000001234),
    Case("state_", "enum state %", "LISTEN", "LISTEN"),
    Case("flags_", "enum state %", "OPEN | LISTEN | 8", 15),
    Case("minus_", "enum sign %", "MINUS", "MINUS"),
    Case("small_", "enum small %", "HUGE", "HUGE"),
    Case("tiny_", "enum tiny %", "DOWN", "DOWN"),
    Case("big_", "enum big { BIG = 0x1234567890ULL, BIGGER = ~0ULL } %", "BIG", "BIG", NO_ENUM64),
    Case("low_", "enum low { LOW = -0x1234567890LL, HIGH = 1 } %", "LOW", "LOW", NO_ENUM64),
    Case("be16_", "__be16 %", "BE16(80)", 80),
    Case("be32_", "__be32 %", "BE32(0x0a000001)", "10.0.0.1"),
    Case("be64_", "__be64 %", "BE64(0x0102030405060708ULL)", 0x0102030405060708),
    Case("text_", "char %[8]", '"eth0"', "eth0"),
    Case("full_", "char %[4]", "{'e', 't', 'h', '0'}", "eth0"),
    Case("utf8_", "char %[8]", r'"\xc3\xa4"', "ä"),
    Case("binary_", "char %[4]", r'"a\0b"', b"a\0b\0"),
    Case("raw_", "unsigned char %[4]", "{1, 2, 3, 255}", b"\1\2\3\xff"),
    Case("mac_", "u8 %[6]", "{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}", "aa:bb:cc:dd:ee:ff"),
    Case("signed_", "signed char %[3]", "{-1, 0, 1}", [-1, 0, 1]),
    Case("list_", "u16 %[2][3]", "{{1, 2, 3}, {4, 5, 6}}", [[1, 2, 3], [4, 5, 6]], NO_DIMENSIONS),
    Case("names_", "char %[2][8]", '{"eth0", "lo"}', ["eth0", "lo"], NO_DIMENSIONS),
    Case("bools_", "_Bool %[3]", "{1, 0, 1}", [True, False, True]),
    Case("doubles_", "double %[2]", "{0.5, -2}", [0.5, -2.0]),
    Case("states_", "enum state %[2]", "{OPEN, 9}", ["OPEN", 9]),
    Case("flow_", "struct flow %", "{BE32(0x0a000001), BE32(2), 80}", {"src": "10.0.0.1", "dst": 2, "port": 80}),
    Case("const_", "const volatile struct flow %", "{0, 0, 80}", (0, 0, 80)),
    Case("nested_", "struct { u8 a; struct inner in[2]; char name[4]; u64 last; } %",
         '{1, {{2, 3}, {4, 5}}, "abc", 6}', (1, [(2, 3), {"tag": 4, "port": 5}], "abc", 6)),
    Case("packed_", "struct __attribute__((packed)) { u8 a; u32 b; double c; u16 d; } %", "{1, 2, 3.5, 4}",
         (1, 2, 3.5, 4)),
    Case("wide_", "struct { u8 a; u128 b; } %", "{1, 2}", (1, 2), NO_128),
    Case("empty_", "struct { struct {} none; u32 a; } %", "{{}, 5}", ({}, 5)),
    Case("flexible_", "struct { u32 n; char data[]; } %", "{5}", {"n": 5}),
    Case("bits_", "struct { u32 a:3, b:7, c:22; } %", "{5, 100, 0x212345}", (5, 100, 0x212345)),
    Case("sbits_", "struct { s32 a:3; s32 b:9; u8 c; s64 d:33; u64 e:30; } %",
         "{-4, -200, 3, -0x100000000LL, 0x3fffffff}", (-4, -200, 3, -0x100000000, 0x3FFFFFFF)),
    Case("mbits_",
         "struct { u8 a; u16 b:5; u16 c:11; _Bool d:1; enum state e:4; u8 f:3; u32 :0; u32 g:1; u32 :9; u32 h:20; } %",
         "{1, 17, 0x5a5, 1, LISTEN, 5, 1, 0xabcde}", (1, 17, 0x5A5, True, "LISTEN", 5, 1, 0xABCDE)),
    Case("pbits_", "struct __attribute__((packed)) { u8 a:3; u32 b:30; u16 c:15; u64 d:60; } %",
         "{5, 0x2abcdef0, 0x4321, 0xabcdef012345678ULL}", (5, 0x2ABCDEF0, 0x4321, 0xABCDEF012345678)),
    Case("cross_", "struct { u64 a:40; u64 b:40; } %", "{0x123456789a, 0xfedcba9876}", (0x123456789A, 0xFEDCBA9876)),
    Case("anon_", "struct { u8 a; struct { u16 x, y; }; union { u32 word; u8 bytes[4]; }; u8 z; } %",
         "{1, {2, 3}, {4}, 5}", {"a": 1, "x": 2, "y": 3, "word": 4, "z": 5}),
    Case("ubyte_", "union number %", "{.byte = 5}", {"byte": 5}),
    Case("uword_", "union number %", "{.word = 0x12345678}", {"word": 0x12345678}),
    Case("ureal_", "union number %", "{.real = 0.1}", {"real": 0.1}),
    Case("upair_", "union number %", "{.a = 1, .b = 2}", {"a": 1, "b": 2}),
    Case("ubits_", "union { u32 a:5; u32 b; } %", "{.a = 21}", {"a": 21}),
    Case("in6_", "struct in6_addr %", "{{{0xfe, 0x80, [15] = 1}}}", "fe80::1"),
    Case("typedef_", "typedef struct { u8 a; s16 b; } pair_t; pair_t %", "{1, -1}", (1, -1)),
]  # fmt: skip

COMPILERS = {
    "clang-22": {"little": ("-target", "bpfel"), "big": ("-target", "bpfeb")},
    "clang-14": {"little": ("-target", "bpfel"), "big": ("-target", "bpfeb")},
    "bpf-gcc": {"little": ("-mlittle-endian", "-gbtf"), "big": ("-mbig-endian", "-gbtf")},
}


def section(name: str) -> str:
    return f".data.v.{name}"


def compile_cases(compiler: str, order: str, directory: Path) -> tuple[Btf, dict[str, bytes]]:
    """The types, and the bytes of each variable."""
    cc, objcopy = need_tool(compiler), need_tool("llvm-objcopy")
    cases = [case for case in CASES if compiler not in case.lacks]
    prelude = [line for line in PRELUDE.splitlines() if "__int128" not in line or compiler not in NO_128]
    lines = [case.declaration.replace("%", case.name, 1) for case in cases]
    places = [f' __attribute__((section("{section(case.name)}")))' for case in cases]
    rest = [f" = {case.init};" for case in cases]
    source, obj = directory / "values.c", directory / "values.o"
    source.write_text("\n".join([*prelude, *map("".join, zip(lines, places, rest, strict=True))]))
    subprocess.run([cc, *COMPILERS[compiler][order], "-g", "-w", "-c", source, "-o", obj], check=True)
    dumps = [f"--dump-section={section(case.name)}={directory / case.name}" for case in cases]
    subprocess.run([objcopy, f"--dump-section=.BTF={directory / 'btf'}", *dumps, obj, directory / "copy.o"], check=True)
    return decode_btf((directory / "btf").read_bytes()), {c.name: (directory / c.name).read_bytes() for c in cases}


@pytest.fixture(scope="module", params=[(c, o) for c in COMPILERS for o in ("little", "big")], ids="-".join)
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Btf, dict[str, bytes]]:
    compiler, order = request.param
    btf, data = compile_cases(compiler, order, tmp_path_factory.mktemp("values"))
    assert btf.byte_order == order
    return compiler, btf, data


def plain(value: Any) -> Any:
    """Records as tuples and dicts may be compared with what a case says."""
    if isinstance(value, Record | UnionRecord):
        return value._asdict()
    return [plain(elem) for elem in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_compilers_bytes_are_ours(case: Case, compiled: tuple[str, Btf, dict[str, bytes]]) -> None:
    compiler, btf, sections = compiled
    if compiler in case.lacks:
        return
    data = sections[case.name]
    made = codec(btf, btf.find(case.name, t.Var))
    assert made.size == len(data)
    assert made.pack(case.value).hex(" ") == data.hex(" ")
    value = made.unpack(data)
    assert made.pack(value) == data
    assert plain(value) == plain(made.unpack(made.pack(case.value)))
    assert made.pack(made.from_json(made.to_json(value))) == data
    if isinstance(value, (int, float)) and not isinstance(case.value, str):
        assert value == case.value
    if isinstance(case.value, str) and hasattr(value, "name"):
        assert value.name == case.value
