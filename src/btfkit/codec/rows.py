"""Every type of a `Btf` as (kind, parts), for those who go over all of them: no type is decoded into a value, or kept.

In: a `Btf`, read or built. Out: the parts that `types` decodes from and encodes to, names already text. Of a kind that
only the layout section knows, the one element is its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct

from btfkit.codec.cursor import record
from btfkit.codec.raw import RawTypes
from btfkit.errors import BadReferenceError
from btfkit.format.fields import Role
from btfkit.format.kinds import KIND_FLAG_SHIFT, KIND_MASK, KIND_SHIFT, KIND_SPECS, TYPE_FIELDS, TYPE_SIZE, VLEN_MASK
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.strings import StringTable

Row = tuple[int, t.Parts]


def rows(btf: Btf, type_ids: Iterable[int] | None = None) -> Iterator[Row]:
    """(kind, parts) of all own types in order, or of the given ids (the base's too). BadReferenceError for bad ones."""
    if type_ids is not None:
        return (_row(btf, type_id) for type_id in type_ids)
    types = btf.types
    if isinstance(types, RawTypes):
        return _raw_rows(types)
    return (value_row(type_) for _, type_ in btf)


def value_row(type_: t.Type) -> Row:
    """The row of one type that is a value already."""
    if isinstance(type_, t.Unknown):
        parts = t.Parts(type_.name, type_.vlen, type_.kind_flag, type_.size_type, (), ((type_.data,),))
        return type_.number, parts
    return type_.kind, type_.parts()


def kinds(btf: Btf) -> Iterator[int]:
    """The number of every own type's kind, in order, without decoding any."""
    types = btf.types
    if not isinstance(types, RawTypes):
        return (type_.number if isinstance(type_, t.Unknown) else int(type_.kind) for _, type_ in btf)
    unpack, data = record(TYPE_FIELDS, types.byte_order).unpack_from, types.data
    return (unpack(data, off)[1] >> KIND_SHIFT & KIND_MASK for off in types.offs)


def _row(btf: Btf, type_id: int) -> Row:
    owner = btf
    while type_id < owner.start_id and owner.base is not None:
        owner = owner.base
    types, index = owner.types, type_id - owner.start_id
    if isinstance(types, RawTypes) and 0 <= index < len(types):
        return next(_raw_rows(types, (index,)))
    return value_row(btf[type_id])


class _Texts(dict[int, str]):
    """Offset to text, all at once; the tails of strings when asked for."""

    def __init__(self, strings: StringTable) -> None:
        super().__init__(strings.texts())
        self.strings = strings

    def __missing__(self, off: int) -> str:
        text = self[off] = self.strings.get(off)
        return text


_Reader = tuple[Struct | None, Struct | None, bool]


def _readers(byte_order: str) -> dict[int, _Reader]:
    """Per kind: its own fields, an element's, and whether an element's first field is its name."""
    readers: dict[int, _Reader] = {}
    for kind, spec in KIND_SPECS.items():
        info = record(spec.info, byte_order) if spec.info else None
        elem = record(spec.elem, byte_order) if spec.elem else None
        readers[int(kind)] = info, elem, bool(spec.elem) and spec.elem[0].role is Role.NAME_OFF
    return readers


_READERS = {byte_order: _readers(byte_order) for byte_order in ("little", "big")}


def _raw_rows(types: RawTypes, indexes: Iterable[int] | None = None) -> Iterator[Row]:
    if indexes is None:
        indexes, text = range(len(types)), _Texts(types.strings).__getitem__
    else:
        text = types.strings.get
    data, offs = types.data, types.offs
    unpack, find, parts = record(TYPE_FIELDS, types.byte_order).unpack_from, _READERS[types.byte_order].get, t.Parts
    index = 0
    try:
        for index in indexes:
            pos = offs[index]
            name_off, info, word = unpack(data, pos)
            kind, vlen, kind_flag = info >> KIND_SHIFT & KIND_MASK, info & VLEN_MASK, bool(info >> KIND_FLAG_SHIFT)
            name = text(name_off) if name_off else ""
            pos += TYPE_SIZE
            reader = find(kind)
            if reader is None:
                end = offs[index + 1] if index + 1 < len(offs) else len(data)
                yield kind, parts(name, vlen, kind_flag, word, (), ((bytes(data[pos:end]),),))
                continue
            fixed, elem, named = reader
            own: tuple[int, ...] = ()
            if fixed:
                own = fixed.unpack_from(data, pos)
                pos += fixed.size
            elems: tuple[tuple[int | str, ...], ...] = ()
            if elem and vlen:
                raw = elem.iter_unpack(data[pos : pos + elem.size * vlen])
                if not named:
                    elems = tuple(raw)
                elif elem.size == 8:
                    elems = tuple([(text(n) if n else "", a) for n, a in raw])
                else:
                    elems = tuple([(text(n) if n else "", a, b) for n, a, b in raw])
            yield kind, parts(name, vlen, kind_flag, word, own, elems)
    except BadReferenceError:
        types[index]  # the same error, from the one place that knows where the record lies
        raise
