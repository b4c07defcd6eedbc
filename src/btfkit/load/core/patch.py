"""A `Resolution` put into the instruction it is for.

In: a program's code. Out: the same with that instruction's number, and the bytes it loads or stores, changed; or
poisoned: a call of a helper that does not exist, which kernels refuse only where it can be reached. Source: libbpf's
bpf_core_patch_insn.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from btfkit.errors import LoadError
from btfkit.format.insn import (
    BPF_ALU,
    BPF_ALU64,
    BPF_CLASS_MASK,
    BPF_LDX,
    BPF_ST,
    BPF_STX,
    INSN_SIZE,
    OP_CALL,
    OP_LD_IMM64,
    Insn,
    decode_insn,
    encode_insn,
)

if TYPE_CHECKING:
    from btfkit.load.core.resolve import Resolution

BAD_RELO: Final = 0xBAD2310
"""libbpf's helper that does not exist; logs say ``unknown#195896080``."""

_POISON: Final = Insn(OP_CALL, 0, 0, 0, BAD_RELO)
_SOURCE_REG: Final = 0x08
_SIZE_MASK: Final = 0x18
_SIZES: Final = {4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18}
_OFF_MAX: Final = (1 << 15) - 1


def patch(code: bytearray, pos: int, byte_order: str, found: Resolution) -> str:
    """Change the instruction at byte ``pos``. Why it was poisoned, or "".

    LoadError where it is not the instruction that the relocation was made for.
    """
    insn = decode_insn(code, pos, byte_order)
    kind = insn.code & BPF_CLASS_MASK
    lack = found.lack
    if not lack and kind in (BPF_LDX, BPF_ST, BPF_STX):
        _expect(insn.off, found, 64)
        if found.number > _OFF_MAX:
            raise _error(f"offset {found.number} is too large for a load or store")
        lack = found.bad_size
        if not lack:
            _write(code, pos, byte_order, insn._replace(code=_resized(insn.code, found), off=found.number))
    elif not lack and kind in (BPF_ALU, BPF_ALU64) and not insn.code & _SOURCE_REG:
        _expect(insn.imm, found, 32)
        _write(code, pos, byte_order, insn._replace(imm=_signed(found.number)))
    elif not lack:
        _load_constant(code, pos, byte_order, insn, found)
    if lack:
        if insn.code == OP_LD_IMM64 and pos + 2 * INSN_SIZE <= len(code):
            _write(code, pos + INSN_SIZE, byte_order, _POISON)
        _write(code, pos, byte_order, _POISON)
    return lack


def _load_constant(code: bytearray, pos: int, byte_order: str, insn: Insn, found: Resolution) -> None:
    if insn.code != OP_LD_IMM64 or insn.src or insn.off or pos + 2 * INSN_SIZE > len(code):
        raise _error(f"an instruction of code 0x{insn.code:02x} takes no relocation")
    second = decode_insn(code, pos + INSN_SIZE, byte_order)
    if (second.code, second.dst, second.src, second.off) != (0, 0, 0, 0):
        raise _error("a ld_imm64 without its second half")
    small = found.expected is not None and -(1 << 31) <= found.expected < 1 << 32
    _expect(insn.imm & 0xFFFF_FFFF | second.imm << 32, found, 32 if small else 64)
    _write(code, pos, byte_order, insn._replace(imm=_signed(found.number)))
    _write(code, pos + INSN_SIZE, byte_order, second._replace(imm=_signed(found.number >> 32)))


def _expect(have: int, found: Resolution, bits: int) -> None:
    """The number that is in place is what it should be, as far as that many bits show."""
    if found.expected is not None and (have - found.expected) % (1 << bits):
        raise _error(f"the instruction has {have}, not {found.expected}: it is not the one that was relocated")


def _resized(code: int, found: Resolution) -> int:
    if found.old_size == found.size:
        return code
    moves = next(size for size, bits in _SIZES.items() if bits == code & _SIZE_MASK)
    if moves != found.old_size or found.size not in _SIZES:
        raise _error(f"it moves {moves} bytes of a field of {found.old_size}, and is to move {found.size}")
    return code & ~_SIZE_MASK | _SIZES[found.size]


def _write(code: bytearray, pos: int, byte_order: str, insn: Insn) -> None:
    code[pos : pos + INSN_SIZE] = encode_insn(insn, byte_order)


def _signed(number: int) -> int:
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number


def _error(text: str) -> LoadError:
    return LoadError(text, errno=errno.EINVAL)


__all__ = ["BAD_RELO", "patch"]
