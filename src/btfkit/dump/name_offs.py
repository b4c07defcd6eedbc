"""Where names lie in the string section, as far as that is not where encoding would look for them.

Encoding refers to the first string that is the name. Some writers (gcc) write a string again each time they need it,
or point into the tail of a longer one. For such a section JSON carries pairs (which name, its offset), names counted
from 0 in the order in which encoding adds them: of each type, its own and then its elements'. With them, it comes out
the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from btfkit.codec.cursor import record
from btfkit.codec.raw import NAMED, RawTypes
from btfkit.errors import FormatError
from btfkit.format.kinds import KIND_MASK, KIND_SHIFT, KIND_SPECS, TYPE_FIELDS, TYPE_SIZE, VLEN_MASK
from btfkit.model.btf import Btf
from btfkit.model.strings import StringTable


def unusual_offsets(btf: Btf) -> list[tuple[int, int]]:
    """The pairs; none for a Btf that is not the codec's reading of bytes."""
    if not isinstance(btf.types, RawTypes) or btf.types.strings is not btf.strings:
        return []
    strings = btf.strings
    usual: dict[int, bool] = {0: True}
    out = []
    for index, off in enumerate(_offsets(btf.types)):
        if off not in usual:
            usual[off] = strings.find(strings.get(off)) == off
        if not usual[off]:
            out.append((index, off))
    return out


def _offsets(types: RawTypes) -> Iterator[int]:
    common = record(TYPE_FIELDS, types.byte_order)
    for pos in types.offs:
        name_off, info, _ = common.unpack_from(types.data, pos)
        yield name_off
        kind, vlen = info >> KIND_SHIFT & KIND_MASK, info & VLEN_MASK
        if kind in NAMED and vlen:
            start = pos + TYPE_SIZE + KIND_SPECS[kind].info_size
            elem = record(KIND_SPECS[kind].elem, types.byte_order)
            for values in elem.iter_unpack(types.data[start : start + elem.size * vlen]):
                yield values[0]


class GivenOffsets(StringTable):
    """A table whose `add` gives the pairs' offsets, in the order of the calls, and for all other names its own."""

    __slots__ = ("_given", "_next")

    def __init__(self, strings: StringTable, pairs: list[tuple[int, int]]) -> None:
        super().__init__(strings.data, strings.base)
        self._given = dict(pairs)
        self._next = 0

    def add(self, text: str) -> int:
        index, self._next = self._next, self._next + 1
        off = self._given.pop(index, None)
        if off is None:
            return super().add(text)
        found = self.get(off) if off < self.end else None
        if found != text:
            raise FormatError(f"name {index} is {text!r}, at offset {off} there is {found!r}", field="name_offs")
        return off

    def check_all_used(self) -> None:
        """FormatError for a pair whose name never came."""
        for index in self._given:
            raise FormatError(f"name {index}: there are only {self._next}", field="name_offs")
