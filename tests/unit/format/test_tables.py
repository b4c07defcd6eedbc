"""The tables of `format` against the C headers' numbers, written out here once more by hand."""

from __future__ import annotations

import struct

import pytest

from btfkit.errors import EncodeError, TruncatedError
from btfkit.format import btf, ext, mapdef
from btfkit.format.fields import Role, layout, size_of
from btfkit.format.insn import Insn, decode_insn, encode_insn, patch_insn, swap_code
from btfkit.format.kinds import (
    KIND_SPECS,
    LONG_KNOWN_KINDS,
    TYPE_SIZE,
    Kind,
    Vlen,
    info_word,
    kind_name,
)

# include/uapi/linux/btf.h: kind, bytes after struct btf_type, bytes of an element, what the third word is.
KINDS = [
    (1, "INT", 4, 0, "size"),
    (2, "PTR", 0, 0, "type"),
    (3, "ARRAY", 12, 0, None),
    (4, "STRUCT", 0, 12, "size"),
    (5, "UNION", 0, 12, "size"),
    (6, "ENUM", 0, 8, "size"),
    (7, "FWD", 0, 0, None),
    (8, "TYPEDEF", 0, 0, "type"),
    (9, "VOLATILE", 0, 0, "type"),
    (10, "CONST", 0, 0, "type"),
    (11, "RESTRICT", 0, 0, "type"),
    (12, "FUNC", 0, 0, "type"),
    (13, "FUNC_PROTO", 0, 8, "type"),
    (14, "VAR", 4, 0, "type"),
    (15, "DATASEC", 0, 12, "size"),
    (16, "FLOAT", 0, 0, "size"),
    (17, "DECL_TAG", 4, 0, "type"),
    (18, "TYPE_TAG", 0, 0, "type"),
    (19, "ENUM64", 0, 12, "size"),
    (20, "LOC_PARAM", 4, 4, "size"),
    (21, "LOC_PROTO", 0, 4, None),
    (22, "LOCSEC", 0, 12, None),
    (31, "MAP", 8, 0, None),
]


@pytest.mark.parametrize(("kind", "name", "info", "elem", "word"), KINDS, ids=[k[1] for k in KINDS])
def test_kind(kind: int, name: str, info: int, elem: int, word: str | None) -> None:
    spec = KIND_SPECS[kind]
    assert (spec.kind, spec.kind.name, kind_name(kind)) == (kind, name, name)
    assert (spec.info_size, spec.elem_size) == (info, elem)
    assert (spec.word.name if spec.word else None) == word
    assert (spec.word is not None and spec.word.role is Role.TYPE_ID) == (word == "type")
    assert (spec.vlen is Vlen.ELEMENTS) == bool(elem)
    assert spec.size(0) == TYPE_SIZE + info
    assert spec.size(3) == TYPE_SIZE + info + 3 * elem
    for byte_order in ("little", "big"):
        assert layout(spec.info, byte_order).size == info
        assert layout(spec.elem, byte_order).size == elem
    # The decoder relies on names being first, and being NAME_OFF only.
    assert all(field.role is not Role.NAME_OFF for field in (*spec.info, *spec.elem[1:]))


def test_kinds() -> None:
    numbers = [k[0] for k in KINDS]
    assert sorted(KIND_SPECS) == numbers
    assert [kind for kind in Kind if kind] == numbers
    assert set(range(20)) == LONG_KNOWN_KINDS
    assert KIND_SPECS[12].vlen is Vlen.LINKAGE
    assert kind_name(0) == "VOID"
    assert kind_name(40) == "UNKNOWN(40)"
    assert info_word(31, 0xFFFFFF, 1) == 0x9FFFFFFF
    entries = btf.layout_entries(31)
    assert len(entries) == 32
    assert {k: entry for k, entry in enumerate(entries) if any(entry)} == {
        k: (info, elem, 0) for k, _, info, elem, _ in KINDS if info or elem
    }


def test_headers_and_records() -> None:
    assert TYPE_SIZE == 12
    assert size_of(btf.HEADER_START) + size_of(btf.HEADER_SECTIONS) == btf.HDR_LEN_CLASSIC == 24
    assert (btf.HDR_LEN_LAYOUT, btf.HDR_LEN_PROPOSED, btf.HDR_LEN_INSTANCE) == (32, 32, 40)
    assert (btf.INSTANCE_SIZE, btf.LAYOUT_SIZE) == (12, 4)
    assert [form for form in btf.Form if form.has_instances] == ["proposed", "instance"]
    assert [form for form in btf.Form if form.has_layout] == ["layout", "instance"]
    assert {name: size_of(fields) for name, fields in ext.SECTION_TABLES.items()} == {
        "func_info": 8,
        "line_info": 16,
        "core_relo": 16,
    }
    assert 8 + 8 * (len(ext.SECTION_TABLES) + len(ext.SYMBOL_TABLES)) == ext.HDR_LEN_SYMBOLS
    assert (ext.SYM_RECORD_SIZE, ext.SYM_RECORD_TAGGED_SIZE) == (8, 12)
    assert ext.TABLE_KIND.keys() == set(ext.SYMBOL_TABLES)
    assert (ext.LINE_NUM_MAX << ext.LINE_NUM_SHIFT) + ext.LINE_COL_MASK == 0xFFFFFFFF
    assert (mapdef.CLASSIC_SIZE, mapdef.EXTENDED_SIZE, mapdef.VALUES_OFF) == (20, 48, 48)
    offset = 0
    for field in mapdef.EXTENDED_FIELDS:
        if field.name == "inner":
            assert offset == mapdef.INNER_OFF
        offset += struct.calcsize("<" + field.code)


# Documentation/bpf/standardization/instruction-set.rst: the basic encoding.
INSNS = [
    ("r0 = 1", Insn(0xB7, 0, 0, 0, 1), "b7 00 0000 01000000", "b7 00 0000 00000001"),
    ("*(u32 *)(r10 - 4) = r1", Insn(0x63, 10, 1, -4, 0), "63 1a fcff 00000000", "63 a1 fffc 00000000"),
    ("if r2 > r3 goto +5", Insn(0x2D, 2, 3, 5, 0), "2d 32 0500 00000000", "2d 23 0005 00000000"),
    ("call 2", Insn(0x85, 0, 0, 0, 2), "85 00 0000 02000000", "85 00 0000 00000002"),
    ("r1 = map_fd -1 ll", Insn(0x18, 1, 1, 0, -1), "18 11 0000 ffffffff", "18 11 0000 ffffffff"),
]


@pytest.mark.parametrize(("insn", "little", "big"), [i[1:] for i in INSNS], ids=[i[0] for i in INSNS])
def test_insn(insn: Insn, little: str, big: str) -> None:
    raw = {"little": bytes.fromhex(little), "big": bytes.fromhex(big)}
    for byte_order, data in raw.items():
        assert decode_insn(bytes(8) + data, 8, byte_order) == insn
        assert encode_insn(insn, byte_order) == data
    assert swap_code(raw["little"] * 2, "little") == raw["big"] * 2
    assert swap_code(raw["big"], "big") == raw["little"]


def test_patch_insn() -> None:
    for byte_order in ("little", "big"):
        code = bytearray(16)
        patch_insn(code, 8, byte_order, src=2, imm=-2, off=7)
        patch_insn(code, 8, byte_order)
        assert decode_insn(code, 8, byte_order) == Insn(0, 0, 2, 7, -2)
        assert code[:8] == bytes(8)


def test_insns_that_are_none() -> None:
    for data, pos in ((b"", 0), (bytes(7), 0), (bytes(16), 9), (bytes(8), -8)):
        with pytest.raises(TruncatedError, match="an instruction needs 8 bytes"):
            decode_insn(data, pos, "little")
    with pytest.raises(TruncatedError, match="byte 0x8: an instruction needs 8 bytes, 4 are left"):
        swap_code(bytes(12), "little")
    assert swap_code(b"", "little") == b""
    for insn in (
        Insn(256, 0, 0, 0, 0),
        Insn(0, 16, 0, 0, 0),
        Insn(0, 0, 16, 0, 0),
        Insn(0, -1, 0, 0, 0),
        Insn(0, 0, 0, 1 << 15, 0),
        Insn(0, 0, 0, 0, 1 << 31),
    ):
        for byte_order in ("little", "big"):
            with pytest.raises(EncodeError, match="does not fit an instruction"):
                encode_insn(insn, byte_order)
