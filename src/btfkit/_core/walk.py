# cython: boundscheck=False, wraparound=False
"""Index a type section: where each of its records starts.

In: the section's bytes and, per kind, the size of a record's fixed part and of one element. Out: arrays of u32.
Bounds are checked here, meaning is not. One source, plain Python and compiled: the annotations are Cython's, and
nothing of Cython is needed to run it.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cython  # type: ignore[import-untyped]

OK, UNKNOWN_KIND, TRUNCATED = 0, 1, 2

LEAST = 12
"""Bytes of the shortest record."""


def index_types(
    data: bytes | memoryview, fixed: list[int], elem: list[int], big_endian: bool
) -> tuple[int, int, array[int]]:
    """(status, byte offset where it stopped, byte offsets of the records before that).

    fixed[kind]: bytes of a record without elements, less than 12 for a kind that is not known; elem[kind]: bytes of
    each of its vlen elements. Both are 128 long; all sizes are multiples of 4.
    """
    end: cython.longlong = len(data) // 4
    found = array("I", bytes(end // 3 * 4))
    words: cython.const[cython.uint][::1] = words_of(data, big_endian)  # type: ignore[valid-type]
    offs: cython.uint[::1] = found
    # By the info word's top byte: kind_flag, then seven bits of kind.
    fixed_words: cython.uint[::1] = array("I", [max(0, size) // 4 for size in fixed] * 2)
    elem_words: cython.uint[::1] = array("I", [size // 4 for size in elem] * 2)
    info: cython.uint
    top: cython.uint
    step: cython.uint
    count: cython.Py_ssize_t = 0
    pos: cython.longlong = 0
    before: cython.longlong = 0
    # The last two words cannot be a record's start; a step is at least three words, so offs has room.
    stop: cython.longlong = end - 2
    while pos < stop:
        info = words[pos + 1]
        top = info >> 24
        step = fixed_words[top]
        if step < 3:
            break
        offs[count] = pos * 4
        count += 1
        before = pos
        pos += step + elem_words[top] * (info & 0xFFFFFF)
    status = OK
    if pos > end:
        status, pos, count = TRUNCATED, before, count - 1
    elif pos < stop:
        status = UNKNOWN_KIND
    elif pos * 4 < len(data):
        status = TRUNCATED
    return status, pos * 4, found[:count]


def words_of(data: bytes | memoryview, big_endian: bool) -> memoryview:
    """The whole u32 words of data, as numbers."""
    view = memoryview(data)[: len(data) // 4 * 4]
    if big_endian == (sys.byteorder == "big"):
        return view.cast("I")
    swapped = array("I", view.tobytes())
    swapped.byteswap()
    return memoryview(swapped)


def pick_words(data: bytes | memoryview, offs: array[int], delta: int, big_endian: bool) -> array[int]:
    """The u32 word delta bytes into each record."""
    words: cython.const[cython.uint][::1] = words_of(data, big_endian)  # type: ignore[valid-type]
    starts: cython.uint[::1] = offs
    out = array("I", bytes(4 * len(offs)))
    picked: cython.uint[::1] = out
    shift: cython.Py_ssize_t = delta // 4
    index: cython.Py_ssize_t
    for index in range(len(offs)):
        picked[index] = words[(starts[index] >> 2) + shift]
    return out
