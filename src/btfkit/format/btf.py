"""The header of .BTF, its forms, its layout section and its instance records.

Source: docs/format.md; include/uapi/linux/btf.h.
"""

from __future__ import annotations

from enum import StrEnum

from btfkit.format.fields import Field, Role, name_off, number, size_of, type_id
from btfkit.format.kinds import KIND_SPECS

MAGIC = 0xEB9F
VERSION = 1
FLAG_PROPOSED = 1
"""Bit 0 of the header's flags: bytes 24 to 31 hold inst_off and inst_len."""

HEADER_START = (number("magic", "H"), number("version", "B"), number("flags", "B"), number("hdr_len"))
HEADER_SECTIONS = (
    number("type_off"),
    number("type_len"),
    number("str_off"),
    number("str_len"),
)
PAIR = (number("off"), number("len"))

HDR_LEN_CLASSIC, HDR_LEN_LAYOUT, HDR_LEN_PROPOSED, HDR_LEN_INSTANCE = 24, 32, 32, 40
HDR_LEN_MIN, HDR_LEN_KNOWN = HDR_LEN_CLASSIC, HDR_LEN_INSTANCE

INSTANCE_FIELDS: tuple[Field, ...] = (type_id("type_id"), name_off("name_off"), Field("parent", "I", Role.INST_ID))
INSTANCE_SIZE = size_of(INSTANCE_FIELDS)

LAYOUT_FIELDS = (number("info_sz", "B"), number("elem_sz", "B"), number("flags", "H"))
LAYOUT_SIZE = size_of(LAYOUT_FIELDS)

SECTION_BTF = ".BTF"
SECTION_BTF_EXT = ".BTF.ext"
SECTION_INST = ".BTF.inst"
SECTION_INST_EXT = ".BTF.inst.ext"


class Form(StrEnum):
    """The forms of the header (docs/format.md, section 2)."""

    CLASSIC = "classic"
    LAYOUT = "layout"
    PROPOSED = "proposed"
    INSTANCE = "instance"

    @property
    def has_instances(self) -> bool:
        return self in (Form.PROPOSED, Form.INSTANCE)

    @property
    def has_layout(self) -> bool:
        return self in (Form.LAYOUT, Form.INSTANCE)


def layout_entries(highest_kind: int) -> list[tuple[int, int, int]]:
    """(info_sz, elem_sz, flags) of every kind from 0 up to highest_kind; zeros for numbers no kind has."""
    entries = []
    for kind in range(highest_kind + 1):
        spec = KIND_SPECS.get(kind)
        entries.append((spec.info_size, spec.elem_size, 0) if spec else (0, 0, 0))
    return entries
