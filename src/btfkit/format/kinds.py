"""Every kind of type, as one table. Size, decoding, encoding, walking, swapping and the layout section follow from it.

A type is ``struct btf_type {name_off, info, size or type}`` (12 bytes), then the kind's own fields once
(``info``), then its elements ``vlen`` times. A row here says what those are.

Source: include/uapi/linux/btf.h (kinds 1 to 22), docs/format.md (MAP).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from btfkit.format.fields import Field, Role, name_off, number, size_of, type_id

KIND_MASK, KIND_SHIFT = 0x7F, 24
VLEN_MASK = 0xFF_FFFF
KIND_FLAG_SHIFT = 31

OLD_KIND_MAX, OLD_VLEN_MAX = 0x1F, 0xFFFF
"""What readers from before April 2026 can tell apart: 5 bits of kind, 16 bits of vlen."""


class Kind(IntEnum):
    """BTF_KIND_*."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19
    LOC_PARAM = 20
    LOC_PROTO = 21
    LOCSEC = 22
    MAP = 31


class IntEncoding(IntFlag):
    """BTF_INT_*: bits 24 to 31 of an INT's own word."""

    SIGNED = 1
    CHAR = 2
    BOOL = 4


class FuncLinkage(IntEnum):
    """BTF_FUNC_*: the vlen of a FUNC."""

    STATIC = 0
    GLOBAL = 1
    EXTERN = 2


class VarLinkage(IntEnum):
    """BTF_VAR_*."""

    STATIC = 0
    GLOBAL_ALLOCATED = 1
    GLOBAL_EXTERN = 2


class Vlen(IntEnum):
    """What the vlen of a kind counts."""

    UNUSED = 0
    ELEMENTS = 1
    LINKAGE = 2


@dataclass(frozen=True, slots=True)
class KindSpec:
    """One kind's layout.

    word: the third word of btf_type: ``size`` (bytes), ``type`` (a type id), or None where it is unused
    info: fields that follow once
    elem: fields that follow vlen times
    """

    kind: Kind
    word: Field | None = None
    info: tuple[Field, ...] = ()
    elem: tuple[Field, ...] = ()
    vlen: Vlen = Vlen.UNUSED

    @property
    def info_size(self) -> int:
        return size_of(self.info)

    @property
    def elem_size(self) -> int:
        return size_of(self.elem)

    def size(self, vlen: int) -> int:
        """Bytes of a whole record."""
        return TYPE_SIZE + self.info_size + self.elem_size * (vlen if self.elem else 0)


TYPE_FIELDS = (name_off("name_off"), number("info"), number("size_type"))
TYPE_SIZE = size_of(TYPE_FIELDS)

_SIZE = number("size")
_TYPE = type_id("type")


def _modifier(kind: Kind) -> KindSpec:
    return KindSpec(kind, word=_TYPE)


def _elements(kind: Kind, word: Field | None, *elem: Field, info: tuple[Field, ...] = ()) -> KindSpec:
    return KindSpec(kind, word=word, info=info, elem=elem, vlen=Vlen.ELEMENTS)


_MEMBER = (name_off("name_off"), type_id("type"), number("offset"))

KIND_SPECS: dict[int, KindSpec] = {
    spec.kind: spec
    for spec in (
        KindSpec(Kind.INT, word=_SIZE, info=(number("encoding_offset_bits"),)),
        _modifier(Kind.PTR),
        KindSpec(Kind.ARRAY, info=(type_id("type"), type_id("index_type"), number("nelems"))),
        _elements(Kind.STRUCT, _SIZE, *_MEMBER),
        _elements(Kind.UNION, _SIZE, *_MEMBER),
        _elements(Kind.ENUM, _SIZE, name_off("name_off"), number("val")),
        KindSpec(Kind.FWD),
        _modifier(Kind.TYPEDEF),
        _modifier(Kind.VOLATILE),
        _modifier(Kind.CONST),
        _modifier(Kind.RESTRICT),
        KindSpec(Kind.FUNC, word=_TYPE, vlen=Vlen.LINKAGE),
        _elements(Kind.FUNC_PROTO, _TYPE, name_off("name_off"), type_id("type")),
        KindSpec(Kind.VAR, word=_TYPE, info=(number("linkage"),)),
        _elements(Kind.DATASEC, _SIZE, type_id("type"), number("offset"), number("size")),
        KindSpec(Kind.FLOAT, word=_SIZE),
        KindSpec(Kind.DECL_TAG, word=_TYPE, info=(number("component_idx", "i"),)),
        _modifier(Kind.TYPE_TAG),
        _elements(Kind.ENUM64, _SIZE, name_off("name_off"), number("val_lo32"), number("val_hi32")),
        _elements(Kind.LOC_PARAM, _SIZE, number("value"), info=(number("flags"),)),
        _elements(Kind.LOC_PROTO, None, type_id("param")),
        _elements(Kind.LOCSEC, None, type_id("func"), type_id("loc_proto"), number("offset")),
        KindSpec(Kind.MAP, info=(type_id("key_type"), type_id("value_type"))),
    )
}

LONG_KNOWN_KINDS = frozenset(range(Kind.ENUM64 + 1))
"""Those that every reader of a layout section knows: kinds that came after it need their entry."""


def info_word(kind: int, vlen: int, kind_flag: int) -> int:
    """The second word of btf_type."""
    return (kind_flag << KIND_FLAG_SHIFT) | (kind << KIND_SHIFT) | vlen


def kind_name(kind: int) -> str:
    """``STRUCT``, or ``UNKNOWN(40)``."""
    return Kind(kind).name if kind in KIND_SPECS or kind == 0 else f"UNKNOWN({kind})"


def refers_to_types(field: Field | None) -> bool:
    return field is not None and field.role is Role.TYPE_ID
