"""Enums: the class that is made, signs and sizes, names that Python or C is not happy with."""

from __future__ import annotations

from enum import IntEnum

import pytest
from tests.unit.values.shapes import ORDERS, Shapes

from btfkit.errors import ValueTypeError
from btfkit.model import types as t


def values(**named: int) -> tuple[t.EnumValue, ...]:
    return tuple(t.EnumValue(name, value) for name, value in named.items())


def test_a_class_is_made() -> None:
    open_ = Shapes().codec("state").unpack(b"\1\0\0\0")
    assert isinstance(open_, IntEnum)
    assert (type(open_).__name__, open_.name, open_) == ("state", "OPEN", 1)
    assert Shapes().codec("state").unpack(b"\2\0\0\0").__class__ is int


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("signed", [False, True])
def test_sizes_and_signs(size: int, signed: bool, order: str) -> None:
    shapes = Shapes()
    low = -1 << (size * 8 - 1) if signed else 0
    high = (1 << (size * 8 - signed)) - 1
    cls = t.Enum64 if size == 8 else t.Enum
    codec = shapes.codec(shapes.add(cls("e", size, values(LOW=low, HIGH=high, ONE=1), signed)), order)
    for name, value in {"LOW": low, "HIGH": high, "ONE": 1}.items():
        data = value.to_bytes(size, order, signed=signed)  # type: ignore[arg-type]
        assert codec.unpack(data) == value
        assert codec.unpack(data).name == name
        assert codec.pack(name) == codec.pack(value) == codec.pack(codec.unpack(data)) == data
        assert codec.to_json(value) == codec.format(value) == name
    for value in (low - 2, high + 1):  # -1 may be the highest, of an enum that does not say its sign
        with pytest.raises(ValueTypeError, match="does not fit enum e"):
            codec.pack(value)


def test_negative_enumerators_of_compilers_that_do_not_say_so() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.add(t.Enum("e", 4, values(NONE=0xFFFF_FFFF))))
    assert codec.pack(-1) == codec.pack("NONE") == b"\xff" * 4
    assert codec.unpack(b"\xff" * 4).name == "NONE"
    byte = shapes.codec(shapes.add(t.Enum("b", 1, values(NONE=0xFFFF_FFFF))))
    assert byte.pack("NONE") == byte.pack(-1) == b"\xff"
    assert byte.unpack(b"\xff").name == "NONE"
    with pytest.raises(ValueTypeError, match="-2 does not fit"):
        codec.pack(-2)


def test_names_given_twice_and_two_names_for_a_value() -> None:
    shapes = Shapes()
    same = (*values(A=1, B=1, C=2), t.EnumValue("C", 3), t.EnumValue("", 4))
    codec = shapes.codec(shapes.add(t.Enum("e", 4, same)))
    assert codec.unpack(b"\1\0\0\0").name == "A"
    assert codec.pack("B") == b"\1\0\0\0"
    assert codec.pack("C") == b"\2\0\0\0"
    assert codec.unpack(b"\3\0\0\0") == 3
    assert codec.to_json(4) == 4
    with pytest.raises(ValueTypeError, match="has no enumerator ''"):
        codec.pack("")


AWKWARD = ["class", "mro", "name", "value", "_x_", "__init__", "__x", "a b", "1", "real", "_value_", "to_bytes", "é"]


@pytest.mark.parametrize("name", AWKWARD)
def test_names_that_python_is_not_happy_with(name: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.add(t.Enum("e", 4, (t.EnumValue(name, 7),))))
    assert codec.unpack(b"\7\0\0\0") == 7
    assert codec.pack(name) == b"\7\0\0\0"
    assert codec.to_json(codec.unpack(b"\7\0\0\0")) == codec.format(7) == name
    assert codec.from_json(name) == 7


def test_a_nameless_enum_is_called_by_its_typedef() -> None:
    shapes = Shapes()
    anonymous = shapes.add(t.Enum("", 4, values(A=1)))
    typedef = shapes.add(t.Typedef("mode_t", anonymous))
    assert type(shapes.codec(typedef).unpack(b"\1\0\0\0")).__name__ == "mode_t"
    assert type(shapes.codec(anonymous).unpack(b"\1\0\0\0")).__name__ == "enum"
    empty = shapes.codec(shapes.add(t.Enum("later", 4)))
    assert empty.unpack(b"\1\0\0\0") == 1
    weird = shapes.codec(shapes.add(t.Enum("Opt<\udcff>", 4, values(A=1))))
    assert weird.unpack(b"\1\0\0\0") == 1
