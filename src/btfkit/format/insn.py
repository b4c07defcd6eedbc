"""``struct bpf_insn``: eight bytes a slot; ld_imm64 takes two.

Source: include/uapi/linux/bpf.h; Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

from btfkit.errors import EncodeError, TruncatedError

INSN_SIZE = 8

BPF_CLASS_MASK = 0x07
BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_JMP32, BPF_ALU64 = range(8)

OP_LD_IMM64 = 0x18
OP_CALL = 0x85
OP_EXIT = 0x95

PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, PSEUDO_BTF_ID, PSEUDO_FUNC = 1, 2, 3, 4
"""src_reg of a ld_imm64."""
PSEUDO_CALL, PSEUDO_KFUNC_CALL = 1, 2
"""src_reg of a call."""


class Insn(NamedTuple):
    """One slot. off is signed 16 bits, imm signed 32 bits."""

    code: int
    dst: int
    src: int
    off: int
    imm: int


_STRUCT = {"little": Struct("<BBhi"), "big": Struct(">BBhi")}


def decode_insn(data: bytes | bytearray | memoryview, pos: int, byte_order: str) -> Insn:
    """The slot at byte ``pos``. The two register nibbles lie the other way round in a big-endian object.

    TruncatedError where fewer than eight bytes are left.
    """
    if not 0 <= pos <= len(data) - INSN_SIZE:
        raise TruncatedError(f"an instruction needs {INSN_SIZE} bytes, {max(0, len(data) - pos)} are left", off=pos)
    code, regs, off, imm = _STRUCT[byte_order].unpack_from(data, pos)
    dst, src = (regs & 15, regs >> 4) if byte_order == "little" else (regs >> 4, regs & 15)
    return Insn(code, dst, src, off, imm)


def encode_insn(insn: Insn, byte_order: str) -> bytes:
    """The slot's bytes. EncodeError for a number that its field cannot hold."""
    low, high = (insn.dst, insn.src) if byte_order == "little" else (insn.src, insn.dst)
    try:
        return _STRUCT[byte_order].pack(insn.code, low | high << 4 if low >> 4 == 0 else -1, insn.off, insn.imm)
    except struct_error as error:
        raise EncodeError(f"{insn} does not fit an instruction ({error})") from None


def patch_insn(
    data: bytearray,
    pos: int,
    byte_order: str,
    *,
    src: int | None = None,
    imm: int | None = None,
    off: int | None = None,
) -> None:
    """Change fields of the slot at byte ``pos`` in place."""
    old = decode_insn(data, pos, byte_order)
    new = Insn(
        old.code,
        old.dst,
        old.src if src is None else src,
        old.off if off is None else off,
        old.imm if imm is None else imm,
    )
    data[pos : pos + INSN_SIZE] = encode_insn(new, byte_order)


def swap_code(data: bytes | bytearray | memoryview, byte_order: str) -> bytes:
    """Instructions of one byte order as those of the other. TruncatedError where the last one is not whole."""
    other = "big" if byte_order == "little" else "little"
    return b"".join(encode_insn(decode_insn(data, pos, byte_order), other) for pos in range(0, len(data), INSN_SIZE))
