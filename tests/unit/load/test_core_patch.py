"""Resolutions put into instructions."""

from __future__ import annotations

import pytest

from btfkit.errors import LoadError
from btfkit.format.insn import Insn, decode_insn, encode_insn
from btfkit.load.core import BAD_RELO, Resolution, patch

MOV, MOV_REG, ADD, LDX_W, STX_H, ST_B, LDX_DW, LDX_B, LD64, JEQ = (
    0xB7, 0xBF, 0x07, 0x61, 0x6B, 0x72, 0x79, 0x71, 0x18, 0x15,
)  # fmt: skip
POISON = Insn(0x85, 0, 0, 0, BAD_RELO)
NOTHING = Insn(0, 0, 0, 0, 0)
PATCHES: dict[str, tuple[list[Insn], Resolution, list[Insn]]] = {
    "mov": ([Insn(MOV, 1, 0, 0, 8)], Resolution(12, 8), [Insn(MOV, 1, 0, 0, 12)]),
    "add": ([Insn(ADD, 1, 0, 0, 8)], Resolution(12), [Insn(ADD, 1, 0, 0, 12)]),
    "load": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(12, 8), [Insn(LDX_W, 1, 2, 12, 0)]),
    "store": ([Insn(STX_H, 1, 2, 8, 0)], Resolution(12, 8), [Insn(STX_H, 1, 2, 12, 0)]),
    "store of a constant": ([Insn(ST_B, 1, 0, 8, 3)], Resolution(0, 8), [Insn(ST_B, 1, 0, 0, 3)]),
    "narrower": ([Insn(LDX_DW, 1, 2, 8, 0)], Resolution(8, 8, 8, 1), [Insn(LDX_B, 1, 2, 8, 0)]),
    "wider": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(8, 8, 4, 8), [Insn(LDX_DW, 1, 2, 8, 0)]),
    "size that does not fit": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(8, 8, 4, 8, "why"), [POISON]),
    "size beside the point": ([Insn(MOV, 1, 0, 0, 8)], Resolution(9, 8, 4, 8, "why"), [Insn(MOV, 1, 0, 0, 9)]),
    "constant": (
        [Insn(LD64, 1, 0, 0, 1), NOTHING],
        Resolution(-2, 1),
        [Insn(LD64, 1, 0, 0, -2), Insn(0, 0, 0, 0, -1)],
    ),
    "constant of 64 bits": (
        [Insn(LD64, 1, 0, 0, 0), Insn(0, 0, 0, 0, 1)],
        Resolution(3, 1 << 32),
        [Insn(LD64, 1, 0, 0, 3), NOTHING],
    ),
    "poison": ([Insn(MOV, 1, 0, 0, 8)], Resolution(lack="why"), [POISON]),
    "poison twice": ([Insn(LD64, 1, 0, 0, 0), NOTHING], Resolution(lack="why"), [POISON, POISON]),
}


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("case", PATCHES)
def test_patches(case: str, byte_order: str) -> None:
    before, found, after = PATCHES[case]
    code = bytearray(b"".join(encode_insn(insn, byte_order) for insn in [NOTHING, *before, NOTHING]))
    assert patch(code, 8, byte_order, found) == ("why" if POISON in after else "")
    assert [decode_insn(code, pos, byte_order) for pos in range(0, len(code), 8)] == [NOTHING, *after, NOTHING]


REFUSED: dict[str, tuple[list[Insn], Resolution, str]] = {
    "other number": ([Insn(MOV, 1, 0, 0, 8)], Resolution(1, 9), "has 8, not 9"),
    "other offset": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(1, 9), "has 8, not 9"),
    "other constant": ([Insn(LD64, 1, 0, 0, 8), NOTHING], Resolution(1, 9), "has 8, not 9"),
    "register": ([Insn(MOV_REG, 1, 2, 0, 0)], Resolution(1), "an instruction of code 0xbf takes no relocation"),
    "jump": ([Insn(JEQ, 1, 0, 0, 0)], Resolution(1), "code 0x15 takes no relocation"),
    "map": ([Insn(LD64, 1, 1, 0, 0), NOTHING], Resolution(1), "code 0x18 takes no relocation"),
    "half": ([Insn(LD64, 1, 0, 0, 0), POISON], Resolution(1), "without its second half"),
    "end": ([Insn(LD64, 1, 0, 0, 0)], Resolution(1), "code 0x18 takes no relocation"),
    "too far": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(1 << 15, 8), "offset 32768 is too large"),
    "other size": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(8, 8, 8, 4), "moves 4 bytes of a field of 8"),
    "no such size": ([Insn(LDX_W, 1, 2, 8, 0)], Resolution(8, 8, 4, 3), "is to move 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_instructions_that_are_not_those_relocated(case: str) -> None:
    before, found, want = REFUSED[case]
    code = bytearray(b"".join(encode_insn(insn, "little") for insn in before))
    with pytest.raises(LoadError, match=want):
        patch(code, 0, "little", found)
