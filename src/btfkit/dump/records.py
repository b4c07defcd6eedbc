"""Records that would not come out as they went in, for the JSON to carry as bytes beside what they mean.

Encoding refers to the first string that is a name, and leaves unused fields 0. Some writers do not: gcc writes a string
again for each use, and leaves numbers in unused words; others point into the tail of a longer string. The bytes that
such a type has are its ``raw``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from btfkit.codec.btf import decode_btf, encode_btf
from btfkit.codec.cursor import record
from btfkit.codec.raw import NAMED, RawTypes
from btfkit.codec.rows import rows, value_row
from btfkit.dump.schema import fail
from btfkit.format.btf import HDR_LEN_CLASSIC, HDR_LEN_INSTANCE, HDR_LEN_LAYOUT, HDR_LEN_PROPOSED, Form
from btfkit.format.kinds import (
    KIND_MASK,
    KIND_SHIFT,
    KIND_SPECS,
    TYPE_FIELDS,
    TYPE_SIZE,
    VLEN_MASK,
    kind_name,
)
from btfkit.model import types as t
from btfkit.model.btf import Btf

HDR_LENS = {
    Form.CLASSIC: HDR_LEN_CLASSIC,
    Form.LAYOUT: HDR_LEN_LAYOUT,
    Form.PROPOSED: HDR_LEN_PROPOSED,
    Form.INSTANCE: HDR_LEN_INSTANCE,
}


def odd_records(btf: Btf) -> dict[int, bytes]:
    """Type id to bytes, of the types that encoding would write otherwise; none of a Btf that was not read."""
    types, strings = btf.types, btf.strings
    if not isinstance(types, RawTypes) or types.strings is not strings:
        return {}
    usual = {0: True}
    out = {}
    ends = [*types.offs[1:], len(types.data)]
    for index, row in enumerate(rows(btf)):
        odd = row != value_row(types[index])
        for off in _name_offs(types, types.offs[index]):
            if off not in usual:
                usual[off] = strings.find(strings.get(off)) == off
            odd = odd or not usual[off]
        if odd:
            out[btf.start_id + index] = bytes(types.data[types.offs[index] : ends[index]])
    return out


def _name_offs(types: RawTypes, pos: int) -> Iterator[int]:
    name_off, info, _ = record(TYPE_FIELDS, types.byte_order).unpack_from(types.data, pos)
    yield name_off
    kind, vlen = info >> KIND_SHIFT & KIND_MASK, info & VLEN_MASK
    if kind in NAMED and vlen:
        start = pos + TYPE_SIZE + KIND_SPECS[kind].info_size
        elem = record(KIND_SPECS[kind].elem, types.byte_order)
        for values in elem.iter_unpack(types.data[start : start + elem.size * vlen]):
            yield values[0]


def with_records(btf: Btf, records: dict[int, bytes]) -> Btf:
    """The Btf as it is read from bytes with these records in it. FormatError where one is not what its type says."""
    types = [type_ for _, type_ in btf]
    for type_id, raw in records.items():
        index = type_id - btf.start_id
        _check_size(raw, types[index], f"types[{index}].raw", btf.byte_order)
        types[index] = _nameless(types[index])  # so that no string is added for it
    nameless = Btf(
        types, btf.strings, btf.own_instances,
        base=btf.base, byte_order=btf.byte_order, form=btf.form, layout=btf.layout,
    )  # fmt: skip
    data = bytearray(encode_btf(nameless))
    hdr_len = HDR_LENS[btf.form]
    once = decode_btf(bytes(data), base=btf.base)
    assert isinstance(once.types, RawTypes)
    for type_id, raw in records.items():
        pos = hdr_len + once.types.offs[type_id - btf.start_id]
        data[pos : pos + len(raw)] = raw
    out = decode_btf(bytes(data), base=btf.base)
    for type_id in records:
        if out[type_id] != btf[type_id]:
            raise fail("is not what the rest of the type says", f"types[{type_id - btf.start_id}].raw")
    return out


def _check_size(raw: bytes, type_: t.Type, where: str, byte_order: str) -> None:
    """The record is of the type's kind, and as long as that kind's is."""
    kind, parts = value_row(type_)
    if len(raw) < TYPE_SIZE:
        raise fail(f"is {len(raw)} bytes, a record has at least {TYPE_SIZE}", where)
    info = record(TYPE_FIELDS, byte_order).unpack_from(raw)[1]
    found, vlen = info >> KIND_SHIFT & KIND_MASK, info & VLEN_MASK
    if found != kind:
        raise fail(f"is of kind {kind_name(found)}, not {kind_name(kind)}", where)
    if kind in KIND_SPECS:
        has_elems = bool(KIND_SPECS[kind].elem)
        want = KIND_SPECS[kind].size(parts.vlen)
        if has_elems and vlen != parts.vlen:
            raise fail(f"has {vlen} elements, the type has {parts.vlen}", where)
    else:
        want = TYPE_SIZE + len(parts.elems[0][0])
    if len(raw) != want:
        raise fail(f"is {len(raw)} bytes, the type has {want}", where)


def _nameless(type_: t.Type) -> t.Type:
    if isinstance(type_, t.Unknown):
        return replace(type_, name="")
    parts = type_.parts()
    elems = parts.elems
    if type_.kind in NAMED:
        elems = tuple(("", *elem[1:]) for elem in elems)
    return type(type_).of(parts._replace(name="", elems=elems))
