"""Instructions and BTF by hand, from code that is not under test."""

from __future__ import annotations

import struct
import sys as python_sys

u32 = struct.Struct("=I").pack
u64 = struct.Struct("=Q").pack


def insn(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    regs = dst | src << 4 if python_sys.byteorder == "little" else dst << 4 | src
    return struct.pack("=2Bhi", code, regs, off, imm)


EXIT = insn(0x95)
XDP_PASS = insn(0xB7, 0, imm=2) + EXIT  # r0 = 2; exit
STRINGS = b"\0int\0main\0flows.c\0\treturn r0;\0x\0"
INT, MAIN, FILE, TEXT = 1, 5, 10, 18


def btf_blob(types: bytes, strings: bytes = STRINGS, magic: int = 0xEB9F) -> bytes:
    return struct.pack("=HBB5I", magic, 1, 0, 24, 0, len(types), len(types), len(strings)) + types + strings


def btf_type(name_off: int, kind: int, vlen: int, size_or_type: int, *rest: int) -> bytes:
    return struct.pack(f"={3 + len(rest)}I", name_off, kind << 24 | vlen, size_or_type, *rest)


BTF_INT = btf_type(INT, 1, 0, 4, 1 << 24 | 32)
BTF_MAIN = BTF_INT + btf_type(0, 13, 0, 1) + btf_type(MAIN, 12, 0, 2)  # 1 int, 2 int (void), 3 int main(void)
