"""The header of .BTF.ext and its records: mainline's three tables and the four symbol tables.

Source: docs/format.md, section 5; libbpf's src/libbpf_internal.h (struct btf_ext_header).
"""

from __future__ import annotations

from enum import IntEnum

from btfkit.format.fields import Field, Role, name_off, number, size_of, type_id

HEADER_START = (number("magic", "H"), number("version", "B"), number("flags", "B"), number("hdr_len"))
PAIR = (number("off"), number("len"))

HDR_LEN_MIN, HDR_LEN_RELO, HDR_LEN_SYMBOLS = 24, 32, 64

FUNC_INFO = (number("insn_off"), type_id("type_id"))
LINE_INFO = (number("insn_off"), name_off("file_name_off"), name_off("line_off"), number("line_col"))
CORE_RELO = (number("insn_off"), type_id("type_id"), name_off("access_str_off"), number("kind"))

SECTION_TABLES: dict[str, tuple[Field, ...]] = {
    "func_info": FUNC_INFO,
    "line_info": LINE_INFO,
    "core_relo": CORE_RELO,
}
"""Tables of blocks, a block per ELF section, in the header's order."""

_SYMBOL = Field("symbol", "I", Role.SYMBOL)
_INST_ID = Field("inst_id", "I", Role.INST_ID)

SYM_RECORD = (_SYMBOL, _INST_ID)
SYM_RECORD_TAGGED = (_SYMBOL, _INST_ID, number("kind"))

SYMBOL_TABLES = ("func_sym", "map_sym", "var_sym", "inst_sym")
"""Flat tables, in the header's order; the pair of the first stands at byte 32."""

SYM_RECORD_SIZE = size_of(SYM_RECORD)
SYM_RECORD_TAGGED_SIZE = size_of(SYM_RECORD_TAGGED)

LINE_NUM_SHIFT, LINE_COL_MASK = 10, 0x3FF
LINE_NUM_MAX = 0x3F_FFFF


class InstanceKind(IntEnum):
    """What an instance is; the number is the ``kind`` of a tagged record."""

    FUNCTION = 1
    MAP = 2
    VARIABLE = 3

    @property
    def word(self) -> str:
        return self.name.lower()


TABLE_KIND: dict[str, InstanceKind | None] = {
    "func_sym": InstanceKind.FUNCTION,
    "map_sym": InstanceKind.MAP,
    "var_sym": InstanceKind.VARIABLE,
    "inst_sym": None,
}


class CoreRelo(IntEnum):
    """BPF_CORE_*: what a CO-RE relocation asks for (include/uapi/linux/bpf.h, enum bpf_core_relo_kind)."""

    FIELD_BYTE_OFFSET = 0
    FIELD_BYTE_SIZE = 1
    FIELD_EXISTS = 2
    FIELD_SIGNED = 3
    FIELD_LSHIFT_U64 = 4
    FIELD_RSHIFT_U64 = 5
    TYPE_ID_LOCAL = 6
    TYPE_ID_TARGET = 7
    TYPE_EXISTS = 8
    TYPE_SIZE = 9
    ENUMVAL_EXISTS = 10
    ENUMVAL_VALUE = 11
    TYPE_MATCHES = 12
