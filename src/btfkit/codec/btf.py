""".BTF bytes to `Btf` and back.

In: a .BTF section, any header form, any byte order. Checked: every bound (nothing is read past its section, records
tile the type section, the strings end with NUL). Not checked: meaning (ids in range, names legal); that is `check`'s.
Out: a `Btf` whose types stay bytes until they are asked for. Source: docs/format.md, sections 2 to 4.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from btfkit._core.walk import UNKNOWN_KIND, index_types, pick_words
from btfkit.codec.cursor import Cursor, check_spans, record, start
from btfkit.errors import BadReferenceError, EncodeError, FormatError, TruncatedError, UnsupportedError
from btfkit.format import btf as f
from btfkit.format.btf import Form
from btfkit.format.fields import PREFIX, Role
from btfkit.format.kinds import (
    KIND_FLAG_SHIFT,
    KIND_MASK,
    KIND_SHIFT,
    KIND_SPECS,
    TYPE_FIELDS,
    TYPE_SIZE,
    VLEN_MASK,
    Kind,
    info_word,
    kind_name,
)
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable

KINDS = KIND_MASK + 1
FEW_LOOKUPS, FEW_PLACES = 4, 16
"""Up to here a look-up by name scans; past it, it pays to make an index (some 50 ms for the kernel's types)."""
MANY_TEXTS = 2000
"""Who asked for so many texts one by one is likely to want them all, which is quicker at one go."""
Layout = tuple[tuple[int, int, int], ...]

_ELEM_NAMES = {
    kind: tuple(i for i, field in enumerate(spec.elem) if field.role is Role.NAME_OFF)
    for kind, spec in KIND_SPECS.items()
}


# -- decoding -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """What `RawTypes` needs to decode a kind, looked up once per kind and byte order."""

    of: Callable[[t.Parts], t.Type]
    info: Struct
    elem: Struct
    info_size: int
    elem_size: int
    named: int
    """How many fields an element has whose first is its name; 0 where it has no name."""


def _records(byte_order: str) -> dict[int, _Record]:
    return {
        kind: _Record(
            t.TYPE_CLASSES[kind].of,
            record(spec.info, byte_order),
            record(spec.elem, byte_order),
            spec.info_size,
            spec.elem_size,
            len(spec.elem) if _ELEM_NAMES[kind] else 0,
        )
        for kind, spec in KIND_SPECS.items()
    }


_RECORDS = {byte_order: _records(byte_order) for byte_order in PREFIX}


class _Texts(dict[int, str]):
    """Offset to text, each text made once. BadReferenceError past the strings' end."""

    def __init__(self, strings: StringTable) -> None:
        super().__init__({0: ""})
        self.strings = strings

    def __missing__(self, off: int) -> str:
        text = self[off] = self.strings.get(off)
        if len(self) == MANY_TEXTS:
            self.update(self.strings.texts())
        return text


class RawTypes:
    """A `TypeTable` over the bytes of a type section; a type is decoded when it is asked for, and kept."""

    def __init__(
        self,
        data: bytes | memoryview,
        strings: StringTable,
        start_id: int,
        cursor: Cursor,
        base_off: int,
        layout: Layout,
    ) -> None:
        """base_off: where in the .BTF section ``data`` starts (for errors)."""
        self.data = data
        self.strings = strings
        self.byte_order = cursor.byte_order
        self.layout = layout
        self._start_id = start_id
        self._cursor = cursor
        self._base_off = base_off
        self._cache: dict[int, t.Type] = {}
        self._texts = _Texts(strings)
        self._unpack = record(TYPE_FIELDS, self.byte_order).unpack_from
        self._records = _RECORDS[self.byte_order]
        self._name_offs: array[int] | None = None
        self._names: dict[str, list[int]] | None = None
        self._lookups = 0
        self.offs = self._index()

    def __len__(self) -> int:
        return len(self.offs)

    def __getitem__(self, index: int) -> t.Type:
        found = self._cache.get(index)
        if found is None:
            if index < 0:
                raise IndexError(index)
            found = self._cache[index] = self._decode(index)
        return found

    @property
    def name_offs(self) -> array[int]:
        """The name offset of each type."""
        if self._name_offs is None:
            self._name_offs = pick_words(self.data, self.offs, 0, self.byte_order == "big")
        return self._name_offs

    def kinds(self) -> set[int]:
        """The numbers of all kinds that are there."""
        tops = {info >> KIND_SHIFT for info in pick_words(self.data, self.offs, 4, self.byte_order == "big")}
        return {top & KIND_MASK for top in tops}

    def positions(self, name: str) -> list[int]:
        """A few look-ups scan the name offsets; then an index by name is made."""
        if self._names is None:
            self._lookups += 1
            places = self.strings.places(name)
            if self._lookups <= FEW_LOOKUPS and len(places) <= FEW_PLACES:
                return sorted(index for off in places for index in _all_positions(self.name_offs, off))
            self._names = self._index_names()
        return self._names.get(name, [])

    def names(self) -> Collection[str]:
        """The names of all types, each once."""
        if self._names is None:
            self._names = self._index_names()
        return self._names

    def _index_names(self) -> dict[str, list[int]]:
        texts = self.strings.texts()
        names: dict[str, list[int]] = {}
        for index, off in enumerate(self.name_offs):
            text = texts.get(off)
            if text is None:  # the tail of a longer string, or no string at all
                try:
                    text = self._texts[off]
                except BadReferenceError as error:
                    raise self._at(error, index) from None
            names.setdefault(text, []).append(index)
        return names

    def _index(self) -> array[int]:
        fixed, elem = [0] * KINDS, [0] * KINDS
        for kind, (info_size, elem_size, _) in enumerate(self.layout[:KINDS]):
            fixed[kind], elem[kind] = TYPE_SIZE + info_size, elem_size
        for kind, spec in KIND_SPECS.items():
            fixed[kind], elem[kind] = spec.size(0), spec.elem_size
        fixed[Kind.VOID] = 0
        status, pos, offs = index_types(self.data, fixed, elem, self.byte_order == "big")
        if status:
            type_id = self._start_id + len(offs)
            where = self._cursor.where(self._base_off + pos, type_id=type_id, thing=f"type {type_id}")
            if status == UNKNOWN_KIND:
                kind = self._unpack(self.data, pos)[1] >> KIND_SHIFT & KIND_MASK
                raise UnsupportedError(f"kind {kind} is not known, and no layout section tells its size", **where)
            raise TruncatedError("the record runs past the end of the type section", **where)
        return offs

    def _at(self, error: BadReferenceError, index: int) -> BadReferenceError:
        """The error with the type's place filled in."""
        type_id = self._start_id + index
        error.type_id = type_id
        return error.at(**self._cursor.where(self._base_off + self.offs[index], thing=f"type {type_id}"))

    def _decode(self, index: int) -> t.Type:
        pos = self.offs[index]
        name_off, info, word = self._unpack(self.data, pos)
        kind, vlen, kind_flag = info >> KIND_SHIFT & KIND_MASK, info & VLEN_MASK, info >> KIND_FLAG_SHIFT == 1
        pos += TYPE_SIZE
        rec = self._records.get(kind)
        texts = self._texts
        try:
            name = texts[name_off]
            if rec is None:
                end = self.offs[index + 1] if index + 1 < len(self.offs) else len(self.data)
                data = bytes(self.data[pos:end])
                return t.Unknown(kind, name, vlen, kind_flag, word, data, self.byte_order)
            info_values: tuple[int, ...] = ()
            if rec.info_size:
                info_values = rec.info.unpack_from(self.data, pos)
                pos += rec.info_size
            elems: tuple[tuple[Any, ...], ...] = ()
            if rec.elem_size and vlen:
                values = rec.elem.iter_unpack(self.data[pos : pos + rec.elem_size * vlen])
                if rec.named == 3:
                    elems = tuple([(texts[off], a, b) for off, a, b in values])
                elif rec.named == 2:
                    elems = tuple([(texts[off], a) for off, a in values])
                else:
                    elems = tuple(values)
        except BadReferenceError as error:
            raise self._at(error, index) from None
        return rec.of(t.Parts(name, vlen, kind_flag, word, info_values, elems))


def _all_positions(values: array[int], wanted: int) -> list[int]:
    out, pos = [], -1
    try:
        while True:
            pos = values.index(wanted, pos + 1)
            out.append(pos)
    except ValueError:
        return out


def decode_btf(data: bytes, *, base: Btf | None = None, section: str = f.SECTION_BTF, path: str | None = None) -> Btf:
    """The `Btf` of a .BTF section (bytes, or an mmap or memoryview of them).

    base: what it stands on, if it is split BTF. Raises TruncatedError, BadReferenceError, UnsupportedError or another
    FormatError, with section, offset and thing.
    """
    if not isinstance(data, bytes):
        data = bytes(data)
    cursor, flags, hdr_len = start(data, f.HEADER_START, section, path)
    if base is not None and base.byte_order != cursor.byte_order:
        raise FormatError(f"is {cursor.byte_order} endian, its base is {base.byte_order} endian", **cursor.where(0))
    spans, form = _header(cursor, flags, hdr_len)
    check_spans(cursor, [(name, off, length) for name, (off, length) in spans.items()])

    def part(name: str) -> tuple[int, bytes]:
        off, length = spans.get(name, (hdr_len, 0))
        return off, data[off : off + length]

    str_off, str_data = part("string")
    if str_data and str_data[-1] or not str_data and base is None:
        raise FormatError("the string section does not end with NUL", **cursor.where(str_off + max(len(str_data) - 1, 0)))
    if base is None and str_data[0]:
        raise FormatError("the string section does not start with the empty string", **cursor.where(str_off))
    strings = StringTable(str_data, base.strings if base else None)
    layout = _decode_layout(cursor, *part("layout")) if form.has_layout else None
    type_off, type_data = part("type")
    if type_off % 4:
        raise FormatError(f"the type section starts at 0x{type_off:x}, not at a multiple of 4", **cursor.where(type_off))
    types = RawTypes(type_data, strings, base.next_id if base else 1, cursor, type_off, layout or _base_layout(base))
    instances = _decode_instances(cursor, *part("instance"), strings)
    return Btf(types, strings, instances, base=base, byte_order=cursor.byte_order, form=form, layout=layout)


def _header(cursor: Cursor, flags: int, hdr_len: int) -> tuple[dict[str, tuple[int, int]], Form]:
    """Offsets from the start of the section, by name, and the form."""
    if hdr_len < f.HDR_LEN_MIN:
        raise FormatError(
            f"hdr_len {hdr_len} is less than {f.HDR_LEN_MIN}", **cursor.where(4, field="hdr_len")
        )
    if flags not in (0, f.FLAG_PROPOSED) or (flags and not f.HDR_LEN_PROPOSED <= hdr_len):
        raise UnsupportedError(f"flags 0x{flags:x} with hdr_len {hdr_len} are not known", **cursor.where(3, field="flags"))
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
                f"header byte {off} is 0x{cursor.data[off]:02x}: a header of {hdr_len} bytes with something in it "
                f"past byte {known} is not known",
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
        if info_size % 4 or elem_size % 4:
            raise FormatError(
                f"kind {kind} is to have {info_size} and {elem_size} bytes, not multiples of 4",
                **cursor.where(off + kind * f.LAYOUT_SIZE, field="layout"),
            )
    return entries


def _decode_instances(cursor: Cursor, off: int, data: bytes, strings: StringTable) -> list[Instance]:
    if len(data) % f.INSTANCE_SIZE:
        raise TruncatedError(
            f"the instance section's 0x{len(data):x} bytes are not a multiple of {f.INSTANCE_SIZE}", **cursor.where(off)
        )
    out = []
    for type_id, name_off, parent in record(f.INSTANCE_FIELDS, cursor.byte_order).iter_unpack(data):
        try:
            out.append(Instance(type_id, strings.get(name_off), parent))
        except BadReferenceError as error:
            place = off + len(out) * f.INSTANCE_SIZE
            raise error.at(**cursor.where(place, thing=f"instance {len(out) + 1}")) from None
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
        raise EncodeError(f"the {form} form has no instance section for {len(btf.own_instances)} instances", section=".BTF")
    types = _encode_types(btf, byte_order)
    layout = _encode_layout(btf, form, byte_order)
    instances = _encode_instances(btf, byte_order)
    strings = btf.strings.data
    if form.has_instances:
        strings += bytes(-(len(strings)) % 4)
    end = len(types) + len(layout)
    spans = [(0, len(types)), (end, len(strings))]
    if form.has_layout:
        spans.append((len(types), len(layout)) if layout else (0, 0))
    if form.has_instances:
        spans.append((end + len(strings), len(instances)))
    hdr_len = 8 + 8 * len(spans)
    pair = record(f.PAIR, byte_order)
    header = record(f.HEADER_START, byte_order).pack(
        f.MAGIC, f.VERSION, f.FLAG_PROPOSED if form is Form.PROPOSED else 0, hdr_len
    )
    return b"".join([header, *(pair.pack(*span) for span in spans), types, layout, strings, instances])


def _encode_types(btf: Btf, byte_order: str) -> bytes:
    types = btf.types
    if isinstance(types, RawTypes) and types.byte_order == byte_order and types.strings is btf.strings:
        return types.data
    return b"".join(encode_type(type_, btf, type_id, byte_order) for type_id, type_ in btf)


def encode_type(type_: t.Type, btf: Btf, type_id: int, byte_order: str) -> bytes:
    """One record; its names are added to ``btf.strings``. type_id: for errors."""
    add = btf.strings.add
    common = record(TYPE_FIELDS, byte_order)
    if isinstance(type_, t.Unknown):
        if type_.byte_order != byte_order:
            raise EncodeError(
                f"kind {type_.number} is not known: its bytes cannot be turned to {byte_order} endian",
                section=".BTF",
                thing=btf.describe(type_id),
            )
        info = info_word(type_.number, type_.vlen, type_.kind_flag)
        return common.pack(add(type_.name), info, type_.size_type) + type_.data
    parts = type_.parts()
    spec = KIND_SPECS[type_.kind]
    try:
        if parts.vlen > VLEN_MASK:
            raise EncodeError(f"{parts.vlen} elements, a record holds {VLEN_MASK}")
        out = [common.pack(add(parts.name), info_word(spec.kind, parts.vlen, parts.kind_flag), parts.word)]
        if spec.info:
            out.append(record(spec.info, byte_order).pack(*parts.info))
        if parts.elems:
            pack = record(spec.elem, byte_order).pack
            if _ELEM_NAMES[spec.kind]:
                out += [pack(add(elem[0]), *elem[1:]) for elem in parts.elems]
            else:
                out += [pack(*elem) for elem in parts.elems]
    except EncodeError as error:
        raise error.at(section=".BTF", thing=f"type {type_id} {kind_name(spec.kind)} {parts.name!r}") from None
    except Exception as error:  # struct.error: a number that its field cannot hold
        raise EncodeError(
            f"a number does not fit its field ({error})",
            section=".BTF",
            thing=f"type {type_id} {kind_name(spec.kind)} {parts.name!r}",
        ) from error
    return b"".join(out)


def _encode_layout(btf: Btf, form: Form, byte_order: str) -> bytes:
    kinds = _kinds(btf)
    if not form.has_layout:
        unknown = sorted(kinds - KIND_SPECS.keys())
        if unknown:
            raise EncodeError(f"the {form} form has no layout section to carry unknown kinds {unknown}", section=".BTF")
        return b""
    entries: Sequence[tuple[int, int, int]] = f.layout_entries(max(KIND_SPECS))
    if btf.layout is not None:
        # An own kind may be missing from a layout made elsewhere; an unknown one came with it.
        needed = max(kinds & {Kind.MAP}, default=0)
        entries = [*btf.layout, *f.layout_entries(needed)[len(btf.layout) :]]
    pack = record(f.LAYOUT_FIELDS, byte_order).pack
    return b"".join(pack(*entry) for entry in entries)


def _kinds(btf: Btf) -> set[int]:
    """The kinds that are there, but those that every reader knows need not all be listed."""
    types = btf.types
    if isinstance(types, RawTypes):
        if len(types.layout) == 0 and not btf.own_instances:
            return set()
        return types.kinds()
    return {type_.number if isinstance(type_, t.Unknown) else int(type_.kind) for _, type_ in btf}


def _encode_instances(btf: Btf, byte_order: str) -> bytes:
    pack = record(f.INSTANCE_FIELDS, byte_order).pack
    out = []
    for inst_id, inst in zip(btf.inst_ids(), btf.own_instances, strict=True):
        try:
            out.append(pack(inst.type_id, btf.strings.add(inst.name), inst.parent))
        except EncodeError as error:
            raise error.at(section=".BTF", thing=btf.describe_instance(inst_id)) from None
    return b"".join(out)


__all__ = ["FormatError", "RawTypes", "decode_btf", "encode_btf", "encode_type"]
