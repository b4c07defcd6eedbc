"""Damaged objects: every way through the forms ends in an object or in a BtfkitError that has a place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.objects import compiled

from btfkit.convert import Target, convert, upgrade
from btfkit.elf import read_elf
from btfkit.errors import BtfkitError, InternalError
from btfkit.load.plan import make_plan
from btfkit.object import read_object, write_object

TOLD = (".BTF", ".rel", "maps", ".maps", ".symtab")
"""Sections whose bytes say something to the conversions; the others are only carried."""


def bases() -> list[bytes]:
    out = []
    for program, compiler in (("annotated", "clang-22"), ("map_in_map", "clang-14"), ("statics", "bpf-gcc")):
        plain = compiled(program, compiler)
        out += [
            plain,
            write_object(upgrade(read_object(plain))),
            write_object(convert(read_object(plain), Target.SIDECAR)),
        ]
    return out


def spans(data: bytes) -> list[tuple[int, int]]:
    """Byte ranges worth damaging, the file's header and section headers too."""
    told = [(s.off, s.off + len(s.data)) for s in read_elf(data).sections if s.name.startswith(TOLD) and s.data]
    return [*told, (0, 64), (len(data) - 640, len(data))]


@pytest.fixture(scope="module")
def objects() -> list[tuple[bytes, list[tuple[int, int]]]]:
    return [(data, spans(data)) for data in bases()]


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage(objects: list[tuple[bytes, list[tuple[int, int]]]], data: st.DataObject) -> None:
    original, ranges = data.draw(st.sampled_from(objects))
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        low, high = data.draw(st.sampled_from(ranges))
        damaged[data.draw(st.integers(low, high - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(damaged)))
    content = bytes(damaged[:cut])
    try:
        up = upgrade(read_object(content, "damaged.o"))
        read_object(write_object(up), "damaged.o")
        for target in Target:
            write_object(convert(up, target))
        write_object(convert(up, byte_order="big"))
        str(make_plan(up))
    except InternalError:
        raise
    except BtfkitError as error:
        assert str(error)
        assert error.path == "damaged.o"
