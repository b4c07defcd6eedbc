"""Every type of a `Btf` as (kind, parts), for those who go over all of them: no type is decoded into a value, or kept.

In: a `Btf`, read or built. Out: the parts that `types` decodes from and encodes to, names already text. Of a kind that
only the layout section knows, the one element is its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from btfkit.codec.cursor import record
from btfkit.codec.raw import RawTypes
from btfkit.format.kinds import KIND_MASK, KIND_SHIFT, TYPE_FIELDS
from btfkit.model import types as t
from btfkit.model.btf import Btf

Row = tuple[int, t.Parts]


def rows(btf: Btf, type_ids: Iterable[int] | None = None) -> Iterator[Row]:
    """(kind, parts) of all own types in order, or of the given ids (the base's too). BadReferenceError for bad ones."""
    if type_ids is not None:
        return (_row(btf, type_id) for type_id in type_ids)
    types = btf.types
    if isinstance(types, RawTypes):
        return types.rows()
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
        return types.row(index)
    return value_row(btf[type_id])
