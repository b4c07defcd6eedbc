""".BTF bytes to `Btf` and back.

In: a .BTF section, any header form, any byte order. Checked: every bound (nothing is read past its section, records
tile the type section, the strings end with NUL). Not checked: meaning (ids in range, names legal); that is `check`'s.
Out: a `Btf` whose types stay bytes until they are asked for. Source: docs/format.md, sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from mmap import mmap
from struct import error as struct_error

from btfkit.codec.cursor import Cursor, check_spans, record, start
from btfkit.codec.raw import NAMED, Layout, RawTypes
from btfkit.errors import BadReferenceError, EncodeError, FormatError, TruncatedError, UnsupportedError
from btfkit.format import btf as f
from btfkit.format.btf import Form
from btfkit.format.kinds import (
    KIND_SPECS,
    LONG_KNOWN_KINDS,
    TYPE_FIELDS,
    VLEN_MASK,
    info_word,
    kind_name,
)
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable

# -- decoding -----------------------------------------------------------------------------------------------


def decode_btf(
    data: bytes | bytearray | memoryview | mmap,
    *,
    base: Btf | None = None,
    section: str = f.SECTION_BTF,
    path: str | None = None,
) -> Btf:
    """The `Btf` of a .BTF section; what is not bytes is copied first.

    base: what it stands on, if it is split BTF. Raises TruncatedError, BadReferenceError, UnsupportedError or another
    FormatError, with section, offset and thing.
    """
    if not isinstance(data, bytes):
        data = bytes(data)
    cursor, flags, hdr_len = start(data, f.HEADER_START, section, path)
    if base is not None:
        if base.byte_order != cursor.byte_order:
            raise FormatError(f"is {cursor.byte_order} endian, its base is {base.byte_order} endian", **cursor.where(0))
        base.settle_names()
    spans, form = _header(cursor, flags, hdr_len)
    check_spans(cursor, [(name, off, length) for name, (off, length) in spans.items()])

    def part(name: str) -> tuple[int, bytes]:
        off, length = spans.get(name, (hdr_len, 0))
        return off, data[off : off + length]

    strings = _decode_strings(cursor, *part("string"), base)
    layout = _decode_layout(cursor, *part("layout")) if form.has_layout else None
    type_off, type_len = spans["type"]
    if type_off % 4:
        raise FormatError(
            f"the type section starts at 0x{type_off:x}, not at a multiple of 4", **cursor.where(type_off)
        )
    start_id = base.next_id if base is not None else 1
    types = RawTypes(
        memoryview(data)[type_off : type_off + type_len],
        strings,
        start_id,
        cursor,
        type_off,
        layout or _base_layout(base),
    )
    start_inst_id = base.next_inst_id if base is not None else 1
    instances = _decode_instances(cursor, *part("instance"), strings, start_inst_id)
    return Btf(types, strings, instances, base=base, byte_order=cursor.byte_order, form=form, layout=layout)


def _decode_strings(cursor: Cursor, off: int, data: bytes, base: Btf | None) -> StringTable:
    if base is None and not data:
        raise FormatError("there is no string section", **cursor.where(off))
    if data and data[-1]:
        raise FormatError("the string section does not end with NUL", **cursor.where(off + len(data) - 1))
    if base is None and data[0]:
        raise FormatError("the string section does not start with the empty string", **cursor.where(off))
    return StringTable(data, base.strings if base is not None else None)


def _header(cursor: Cursor, flags: int, hdr_len: int) -> tuple[dict[str, tuple[int, int]], Form]:
    """Offsets from the start of the section, by name, and the form."""
    if hdr_len < f.HDR_LEN_MIN:
        raise FormatError(f"hdr_len {hdr_len} is less than {f.HDR_LEN_MIN}", **cursor.where(4, field="hdr_len"))
    if flags not in (0, f.FLAG_PROPOSED) or (flags and hdr_len < f.HDR_LEN_PROPOSED):
        raise UnsupportedError(
            f"flags 0x{flags:x} with hdr_len {hdr_len} are not known", **cursor.where(3, field="flags")
        )
    names, form = ["type", "string"], Form.CLASSIC
    if flags:
        names, form = [*names, "instance"], Form.PROPOSED
    elif hdr_len >= f.HDR_LEN_INSTANCE:
        names, form = [*names, "layout", "instance"], Form.INSTANCE
    elif hdr_len >= f.HDR_LEN_LAYOUT:
        names, form = [*names, "layout"], Form.LAYOUT
    known = 8 + 8 * len(names)
    for off in range(known, hdr_len):
        if cursor.data[off]:
            raise UnsupportedError(
                f"0x{cursor.data[off]:02x} in a header of {hdr_len} bytes, past the {known} that are known",
                **cursor.where(off, field="hdr_len"),
            )
    spans = {}
    for index, name in enumerate(names):
        off, length = cursor.unpack(f.PAIR, 8 + 8 * index, f"the header's {name} section")
        spans[name] = (hdr_len + off, length)
    return spans, form


def _base_layout(base: Btf | None) -> Layout:
    while base is not None:
        if base.layout:
            return base.layout
        base = base.base
    return ()


def _decode_layout(cursor: Cursor, off: int, data: bytes) -> Layout:
    if len(data) % f.LAYOUT_SIZE or (data and off % 4):
        raise FormatError(
            f"the layout section (0x{len(data):x} bytes at 0x{off:x}) is not made of whole, aligned entries",
            **cursor.where(off),
        )
    entries: Layout = tuple(record(f.LAYOUT_FIELDS, cursor.byte_order).iter_unpack(data))
    for kind, (info_size, elem_size, _) in enumerate(entries):
        where = cursor.where(off + kind * f.LAYOUT_SIZE, thing=f"layout of {kind_name(kind)}")
        if info_size % 4 or elem_size % 4:
            raise FormatError(f"{info_size} and {elem_size} bytes are not multiples of 4", **where)
        spec = KIND_SPECS.get(kind)
        known = (spec.info_size, spec.elem_size) if spec else (0, 0)
        if spec and (info_size, elem_size) not in (known, (0, 0)):
            raise UnsupportedError(f"{info_size} and {elem_size} bytes, {known[0]} and {known[1]} are known", **where)
    return entries


def _decode_instances(
    cursor: Cursor, off: int, data: bytes, strings: StringTable, start_inst_id: int
) -> list[Instance]:
    if len(data) % f.INSTANCE_SIZE:
        raise TruncatedError(
            f"the instance section's 0x{len(data):x} bytes are not a multiple of {f.INSTANCE_SIZE}", **cursor.where(off)
        )
    out = []
    for type_id, name_off, parent in record(f.INSTANCE_FIELDS, cursor.byte_order).iter_unpack(data):
        try:
            out.append(Instance(type_id, strings.get(name_off), parent))
        except BadReferenceError as error:
            error.inst_id = start_inst_id + len(out)
            place = off + len(out) * f.INSTANCE_SIZE
            raise error.at(**cursor.where(place, thing=f"instance {error.inst_id}")) from None
    return out


# -- encoding -----------------------------------------------------------------------------------------------


def encode_btf(btf: Btf, *, form: Form | None = None, byte_order: str | None = None) -> bytes:
    """The bytes of a .BTF section.

    form, byte_order: as the Btf says unless given. Names are added to ``btf.strings`` where they are missing.
    EncodeError for what the form or a field cannot hold.
    """
    form = form or btf.form
    byte_order = byte_order or btf.byte_order
    if btf.own_instances and not form.has_instances:
        raise EncodeError(
            f"the {form} form has no instance section for {len(btf.own_instances)} instances", section=".BTF"
        )
    types = _encode_types(btf, byte_order)
    layout = _encode_layout(btf, form, byte_order)
    instances = _encode_instances(btf, byte_order)
    strings = btf.strings.data
    end = len(types) + len(layout)
    spans = [(0, len(types)), (end, len(strings))]
    if form.has_layout:
        spans.append((len(types), len(layout)) if layout else (0, 0))
    padding = b""
    if form.has_instances:
        # Not part of the strings: split BTF numbers on from their end, whatever form its base is written in.
        padding = bytes(-(end + len(strings)) % 4)
        spans.append((end + len(strings) + len(padding), len(instances)))
    hdr_len = 8 + 8 * len(spans)
    pair = record(f.PAIR, byte_order)
    header = record(f.HEADER_START, byte_order).pack(
        f.MAGIC, f.VERSION, f.FLAG_PROPOSED if form is Form.PROPOSED else 0, hdr_len
    )
    return b"".join([header, *(pair.pack(*span) for span in spans), types, layout, strings, padding, instances])


def _encode_types(btf: Btf, byte_order: str) -> bytes:
    types = btf.types
    if isinstance(types, RawTypes) and types.byte_order == byte_order and types.strings is btf.strings:
        return types.data
    return b"".join([encode_type(type_, btf, type_id, byte_order) for type_id, type_ in btf])


def encode_type(type_: t.Type, btf: Btf, type_id: int, byte_order: str) -> bytes:
    """One record; its names are added to ``btf.strings``. type_id: for errors."""
    try:
        if isinstance(type_, t.Unknown):
            return _encode_unknown(type_, btf, byte_order)
        spec = KIND_SPECS.get(type_.kind)
        if spec is None:
            raise EncodeError("void has no record")
        parts = type_.parts()
        if parts.vlen > VLEN_MASK:
            raise EncodeError(f"{parts.vlen} elements, a record holds {VLEN_MASK}")
        add = btf.strings.add
        info = info_word(spec.kind, parts.vlen, parts.kind_flag)
        out = [record(TYPE_FIELDS, byte_order).pack(add(parts.name), info, parts.word)]
        if spec.info:
            out.append(record(spec.info, byte_order).pack(*parts.info))
        if parts.elems:
            pack = record(spec.elem, byte_order).pack
            if spec.kind in NAMED:
                out += [pack(add(elem[0]), *elem[1:]) for elem in parts.elems]
            else:
                out += [pack(*elem) for elem in parts.elems]
    except EncodeError as error:
        raise error.at(section=".BTF", thing=btf.describe(type_id)) from None
    except struct_error as error:
        raise EncodeError(
            f"a number does not fit its field ({error})", section=".BTF", thing=btf.describe(type_id)
        ) from None
    return b"".join(out)


def _encode_unknown(type_: t.Unknown, btf: Btf, byte_order: str) -> bytes:
    if type_.byte_order != byte_order:
        raise EncodeError(f"its kind is not known, so its bytes cannot be turned to {byte_order} endian")
    info = info_word(type_.number, type_.vlen, type_.kind_flag)
    return record(TYPE_FIELDS, byte_order).pack(btf.strings.add(type_.name), info, type_.size_type) + type_.data


def _encode_layout(btf: Btf, form: Form, byte_order: str) -> bytes:
    """The layout section, which is empty where the form has none. EncodeError for a kind that no layout tells."""
    inherited = _base_layout(btf.base)
    entries: list[tuple[int, int, int]] = []
    if form.has_layout and btf.layout is None:
        own = f.layout_entries(max(KIND_SPECS))
        entries = [entry if any(entry) else other for entry, other in zip_longest(own, inherited, fillvalue=(0, 0, 0))]
    elif form.has_layout and btf.layout:
        # A layout made elsewhere need not list the kinds that came later.
        entries = list(btf.layout)
        for kind in sorted(_kinds(btf) & KIND_SPECS.keys() - LONG_KNOWN_KINDS):
            entries += f.layout_entries(kind)[len(entries) :]
            if not any(entries[kind]):
                entries[kind] = f.layout_entries(kind)[kind]
    _check_unknown(btf, entries or inherited)
    pack = record(f.LAYOUT_FIELDS, byte_order).pack
    return b"".join([pack(*entry) for entry in entries])


def _kinds(btf: Btf) -> set[int]:
    """The numbers of the own types' kinds."""
    if isinstance(btf.types, RawTypes):
        return btf.types.kinds()
    return {type_.number if isinstance(type_, t.Unknown) else int(type_.kind) for _, type_ in btf}


def _check_unknown(btf: Btf, layout: Sequence[tuple[int, int, int]]) -> None:
    """What is of an unknown kind must be as long as the layout says, or nobody can step over it."""
    types = btf.types
    if isinstance(types, RawTypes) and types.kinds_from(layout):
        return
    for type_id, type_ in btf:
        if isinstance(type_, t.Unknown):
            if type_.number >= len(layout):
                raise EncodeError(
                    "its kind is not known, and no layout section is there to tell its size",
                    section=".BTF",
                    thing=btf.describe(type_id),
                )
            info_size, elem_size, _ = layout[type_.number]
            size = info_size + elem_size * type_.vlen
            if size != len(type_.data):
                raise EncodeError(
                    f"{len(type_.data)} bytes, the layout makes it {size}", section=".BTF", thing=btf.describe(type_id)
                )


def _encode_instances(btf: Btf, byte_order: str) -> bytes:
    pack = record(f.INSTANCE_FIELDS, byte_order).pack
    out = []
    for inst_id, inst in zip(btf.inst_ids(), btf.own_instances, strict=True):
        try:
            out.append(pack(inst.type_id, btf.strings.add(inst.name), inst.parent))
        except EncodeError as error:
            raise error.at(section=".BTF", thing=btf.describe_instance(inst_id)) from None
        except struct_error as error:
            raise EncodeError(
                f"a number does not fit its field ({error})", section=".BTF", thing=btf.describe_instance(inst_id)
            ) from None
    return b"".join(out)


__all__ = ["FormatError", "RawTypes", "decode_btf", "encode_btf", "encode_type"]
