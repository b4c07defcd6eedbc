"""The core's walk over types: plain Python, and compiled where it is, against a walk that is written to be obvious."""

from __future__ import annotations

import importlib.util
import os
import struct
from array import array
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import btfkit._core.walk as imported

PREFIX = {False: "<", True: ">"}
FIXED, ELEM = [0] * 128, [0] * 128
FIXED[1], FIXED[2], FIXED[4], FIXED[5], FIXED[127] = 16, 12, 12, 12, 24
ELEM[4], ELEM[5], ELEM[127] = 12, 252, 4


def plain() -> ModuleType:
    """The module as Python, whatever `import` finds."""
    folder = Path(importlib.util.find_spec("btfkit._core").origin or "").parent  # type: ignore[union-attr]
    spec = importlib.util.spec_from_file_location("plain_walk", folder / "walk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLAIN = plain()
IS_COMPILED = not str(imported.__file__).endswith(".py")
WALKS = {"plain": PLAIN, "compiled": imported} if IS_COMPILED else {"plain": PLAIN}
walks = pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS.keys())


def obvious(data: bytes, big_endian: bool) -> tuple[int, int, list[int]]:
    offs: list[int] = []
    pos = 0
    while pos < len(data):
        if len(data) - pos < 12:
            return PLAIN.TRUNCATED, pos, offs
        (info,) = struct.unpack_from(PREFIX[big_endian] + "I", data, pos + 4)
        kind, vlen = info >> 24 & 127, info & 0xFFFFFF
        if not FIXED[kind]:
            return PLAIN.UNKNOWN_KIND, pos, offs
        size = FIXED[kind] + ELEM[kind] * vlen
        if pos + size > len(data):
            return PLAIN.TRUNCATED, pos, offs
        offs.append(pos)
        pos += size
    return PLAIN.OK, pos, offs


def record(kind: int, vlen: int, size: int, big_endian: bool, name_off: int = 0) -> bytes:
    return struct.pack(PREFIX[big_endian] + "II", name_off, kind << 24 | vlen).ljust(size, b"\0")


@walks
@pytest.mark.parametrize("big_endian", [False, True])
def test_records(walk: ModuleType, big_endian: bool) -> None:
    data = (
        record(1, 0, 16, big_endian, 0x11)
        + record(4 | 128, 2, 36, big_endian, 0xFFFFFFFF)
        + record(127, 3, 36, big_endian, 0x1000000)
        + record(2, 0xFFFFFF, 12, big_endian, 0x80000000)  # no elements, whatever vlen says
    )
    status, pos, offs = walk.index_types(data, FIXED, ELEM, big_endian)
    assert (status, pos, list(offs)) == (walk.OK, 100, [0, 16, 52, 88])
    assert list(walk.pick_words(data, offs, 0, big_endian)) == [0x11, 0xFFFFFFFF, 0x1000000, 0x80000000]
    assert [info >> 24 & 127 for info in walk.pick_words(data, offs, 4, big_endian)] == [1, 4, 127, 2]
    assert walk.index_types(memoryview(bytearray(data)), FIXED, ELEM, big_endian) == (status, pos, offs)


@walks
@pytest.mark.parametrize(
    ("kind", "vlen", "size"),
    # At 2**16, 2**24 and 2**32 bytes and elements: nothing wraps.
    [
        (4, 0xFFFFFF, 12),
        (5, 0xFFFFFF, 12),
        (5, 0x1041041, 12),
        (4, 0x1555555, 12),
        (4, 0xFFFF, 0xFFFF * 12),
        (4, 1, 12),
    ],
)
def test_records_past_the_end(walk: ModuleType, kind: int, vlen: int, size: int) -> None:
    for big_endian in (False, True):
        data = record(2, 0, 12, big_endian) + record(kind, vlen & 0xFFFFFF, size, big_endian)
        assert walk.index_types(data, FIXED, ELEM, big_endian) == (walk.TRUNCATED, 12, array("I", [0]))


@walks
def test_large(walk: ModuleType) -> None:
    """A record of more than 2**16 elements, and more than 2**16 records."""
    data = record(4, 70_000, 12 + 12 * 70_000, False) + record(2, 0, 12, False) * 70_000
    status, pos, offs = walk.index_types(data, FIXED, ELEM, False)
    assert (status, pos, len(offs), offs[1], offs[-1]) == (walk.OK, len(data), 70_001, 840_012, len(data) - 12)


@walks
def test_nothing(walk: ModuleType) -> None:
    assert walk.index_types(b"", FIXED, ELEM, False) == (walk.OK, 0, array("I"))
    assert list(walk.pick_words(b"", array("I"), 0, True)) == []
    for size in range(1, 12):
        assert walk.index_types(bytes(size), FIXED, ELEM, False) == (walk.TRUNCATED, 0, array("I"))
    assert walk.index_types(bytes(12), FIXED, ELEM, False) == (walk.UNKNOWN_KIND, 0, array("I"))


KNOWN = st.sampled_from([1, 2, 4, 5, 127])
PIECES = st.one_of(
    st.tuples(KNOWN, st.integers(0, 4)).map(lambda kv: (kv[0], kv[1], FIXED[kv[0]] + ELEM[kv[0]] * kv[1])),
    st.tuples(st.integers(0, 255), st.integers(0, 0xFFFFFF), st.integers(8, 40)),
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=8), st.booleans(), st.integers(0, 5))
def test_any_bytes(pieces: list[tuple[int, int, int]], big_endian: bool, cut: int) -> None:
    data = b"".join(record(kind, vlen, size, big_endian, index) for index, (kind, vlen, size) in enumerate(pieces))
    data = data[: len(data) - cut]
    want = obvious(data, big_endian)
    for walk in WALKS.values():
        status, pos, offs = walk.index_types(data, FIXED, ELEM, big_endian)
        assert (status, pos, list(offs)) == want
        names = list(walk.pick_words(data, offs, 0, big_endian))
        assert names == [struct.unpack_from(PREFIX[big_endian] + "I", data, off)[0] for off in want[2]]


def test_which_one_is_in_use() -> None:
    from btfkit._core import COMPILED

    assert COMPILED == IS_COMPILED or not COMPILED
    if os.environ.get("BTFKIT_PURE") == "1":
        assert not IS_COMPILED
