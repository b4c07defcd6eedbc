"""The types of a .BTF section as they lie: indexed at once, decoded when asked for.

In: the type section's bytes and the strings. Checked: that records tile the section, so nothing is read past its end.
Out: a `TypeTable`. What a type means is not looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import Any

from btfkit._core.walk import UNKNOWN_KIND, index_types, pick_words
from btfkit.codec.cursor import Cursor, record
from btfkit.errors import BadReferenceError, TruncatedError, UnsupportedError
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
)
from btfkit.model import types as t
from btfkit.model.strings import StringTable

KINDS = KIND_MASK + 1
FEW_LOOKUPS, FEW_PLACES = 4, 16
"""Up to here a look-up by name scans; past it, it pays to make an index (some 200 ms for the kernel's types)."""
MANY_TEXTS = 2000
"""Who asked for so many texts one by one is likely to want them all, which is quicker at one go."""
Layout = tuple[tuple[int, int, int], ...]
"""(info_sz, elem_sz, flags) per kind."""

NAMED = frozenset(kind for kind, spec in KIND_SPECS.items() if spec.elem and spec.elem[0].role is Role.NAME_OFF)
"""The kinds whose elements begin with a name; none has it elsewhere."""


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
            len(spec.elem) if kind in NAMED else 0,
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
        self._view = data
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

    @cached_property
    def data(self) -> bytes:
        """The type section's bytes."""
        return bytes(self._view)

    def __len__(self) -> int:
        return len(self.offs)

    def __getitem__(self, index: int) -> t.Type:
        found = self._cache.get(index)
        if found is None:
            if index < 0:
                raise IndexError(index)
            found = self._cache[index] = self._decode(index)
        return found

    def place(self, index: int) -> int:
        """Byte offset of that type's record in the .BTF section."""
        return self._base_off + self.offs[index]

    @property
    def name_offs(self) -> array[int]:
        """The name offset of each type."""
        if self._name_offs is None:
            self._name_offs = pick_words(self._view, self.offs, 0, self.byte_order == "big")
        return self._name_offs

    def kinds_from(self, layout: Sequence[tuple[int, int, int]]) -> bool:
        """Whether that layout tells all that this table's own did."""
        return tuple(layout[: len(self.layout)]) == self.layout

    def kinds(self) -> set[int]:
        """The numbers of all kinds that are there."""
        tops = {info >> KIND_SHIFT for info in pick_words(self._view, self.offs, 4, self.byte_order == "big")}
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
        status, pos, offs = index_types(self._view, fixed, elem, self.byte_order == "big")
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

    def rows(self) -> Iterator[tuple[int, t.Parts]]:
        """`row` of every type, in order."""
        self._texts.update(self.strings.texts())
        return map(self.row, range(len(self.offs)))

    def row(self, index: int) -> tuple[int, t.Parts]:
        """(kind, parts) of that type. Of a kind that only the layout section knows, the one element is its bytes."""
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
                return kind, t.Parts(name, vlen, kind_flag, word, (), ((self.data[pos:end],),))
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
        return kind, t.Parts(name, vlen, kind_flag, word, info_values, elems)

    def _decode(self, index: int) -> t.Type:
        kind, parts = self.row(index)
        rec = self._records.get(kind)
        if rec is not None:
            return rec.of(parts)
        data = parts.elems[0][0]
        return t.Unknown(kind, parts.name, parts.vlen, parts.kind_flag, parts.word, data, self.byte_order)


def _all_positions(values: array[int], wanted: int) -> list[int]:
    out, pos = [], -1
    try:
        while True:
            pos = values.index(wanted, pos + 1)
            out.append(pos)
    except ValueError:
        return out
