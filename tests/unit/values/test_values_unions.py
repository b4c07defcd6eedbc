"""Unions: views of bytes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.values.shapes import ORDERS, Shapes

from btfkit.errors import ValueTypeError
from btfkit.values import UnionRecord


def value(shapes: Shapes) -> int:
    pair = shapes.struct("pair", 8, ("a", "u16", 0), ("b", "u32", 32))
    return shapes.struct(
        "value", 8, ("byte", "u8", 0), ("word", "u32", 0), ("pair", pair, 0), ("real", "f8", 0),
        ("text", shapes.array("char", 4), 0), union=True,
    )  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_views(order: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(value(shapes), order)
    data = codec.pack({"pair": (1, 2)})
    record = codec.unpack(data)
    assert isinstance(record, UnionRecord)
    assert bytes(record) == data
    assert record.pair == (1, 2)
    assert record["pair"].b == 2
    assert record.byte == data[0]
    assert record.word == int.from_bytes(data[:4], order)  # type: ignore[arg-type]
    assert codec.pack(record) == codec.pack(data) == codec.pack(record._asdict()) == data
    assert record == codec.unpack(data) != codec.unpack(bytes(8))
    assert len({record, codec.unpack(data), codec.unpack(bytes(8))}) == 2
    assert copy.deepcopy(record) == copy.copy(record) == record
    cls = type(record)
    assert cls.__name__ == "value"
    assert cls(pair=(1, 2)) == cls(data) == record
    assert cls(byte=5)._fields == ("byte", "word", "pair", "real", "text")


SHOWN: list[tuple[Any, str | None, Any]] = [
    ({"byte": 5}, "value(byte=5)", {"byte": 5}),
    ({"word": 256}, "value(word=256)", {"word": 256}),
    ({"pair": (1, 2)}, "value(pair=pair(a=1, b=2))", {"pair": {"a": 1, "b": 2}}),
    ({"real": 1.5}, "value(pair=pair(a=0, b=1073217536))", {"pair": {"a": 0, "b": 1073217536}}),
    ({"real": 0.1}, "value(real=0.1)", {"real": 0.1}),
    (b"\1\2\3\4\5\6\7\x7f", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "shown", "json"), SHOWN)
def test_it_is_shown_by_the_first_member_that_says_all_of_it(given: Any, shown: str | None, json: Any) -> None:
    shapes = Shapes()
    codec = shapes.codec(value(shapes))
    record = codec.unpack(codec.pack(given))
    if shown is not None:
        assert repr(record) == shown
        assert codec.to_json(record) == json
        assert record._asdict() == json
    assert codec.from_json(codec.to_json(record)) == record
    assert codec.pack(record._asdict()) == codec.pack(given)


def test_bytes_that_no_member_says() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.struct("u", 4, ("a", "u8", 0), ("b", "u16", 0), union=True))
    record = codec.unpack(b"\1\2\3\4")
    assert repr(record) == r"u(_raw=b'\x01\x02\x03\x04')"
    assert codec.to_json(record) == [1, 2, 3, 4]
    assert codec.format(record) == "0x01020304"
    assert record._asdict() == {"_raw": b"\1\2\3\4"}
    assert codec.from_json([1, 2, 3, 4]) == codec.from_json({"_raw": [1, 2, 3, 4]}) == record
    assert codec.pack(record._asdict()) == codec.pack(record) == b"\1\2\3\4"
    holder = shapes.codec(shapes.struct("h", 5, ("x", "u8", 0), ("", shapes.ids["u"], 8)))
    held = holder.unpack(b"\0\1\2\3\4")
    assert held._asdict() == {"x": 0, "_1": {"_raw": b"\1\2\3\4"}}
    assert holder.to_json(held) == {"x": 0, "_1": [1, 2, 3, 4]}
    assert holder.from_json(holder.to_json(held)) == held
    assert holder.pack(held._asdict()) == b"\0\1\2\3\4"
    assert holder.format(held) == "{x=0, _1=0x01020304}"


REFUSES: list[tuple[Any, str, str]] = [
    ({"byte": 1, "word": 2}, "v", "union value holds one of its members, byte, word are given"),
    ({}, "v", "union value holds one of its members, nothing is given"),
    ({"wrod": 1}, "v", "union value has no member 'wrod' (near: word)"),
    ({"byte": 256}, "v.byte", "256 does not fit u8 (0 to 255)"),
    ({"pair": (1, -1)}, "v.pair.b", "-1 does not fit u32"),
    (b"123", "v", "has 3 bytes, union value has 8"),
    ([1, 2], "v", "has 2 bytes, union value has 8"),
    ([256] * 8, "v", "is not a list of bytes"),
    (5, "v", "5 is not a dict of one member, a record or bytes (union value)"),
    ((1,), "v", "is not a dict of one member"),
    ("x", "v", "is not a dict of one member"),
    ({"_raw": 5}, "v", "has no member '_raw'"),
]


@pytest.mark.parametrize(("given", "field", "reason"), REFUSES)
def test_refuses(given: Any, field: str, reason: str) -> None:
    shapes = Shapes()
    type_id = value(shapes)
    with pytest.raises(ValueTypeError) as caught:
        shapes.codec(type_id).pack(given, field="v")
    assert (caught.value.field, caught.value.thing) == (field, f"type {type_id} UNION 'value'")
    assert reason in caught.value.reason


def test_a_record_of_another_order_or_type() -> None:
    shapes = Shapes()
    type_id = value(shapes)
    little, big = shapes.codec(type_id), shapes.codec(type_id, "big")
    record = little.unpack(little.pack({"word": 256}))
    assert big.pack(record) == b"\0\0\1\0\0\0\0\0"
    other = shapes.codec(shapes.struct("u", 4, ("a", "u32", 0), union=True))
    with pytest.raises(ValueTypeError, match="is not a record of union u: its members are a"):
        other.pack(record)
    assert record != other.unpack(bytes(4))
    assert record != bytes(record)


def test_it_does_not_change_and_is_no_sequence() -> None:
    shapes = Shapes()
    record = shapes.codec(value(shapes)).unpack(bytes(8))
    with pytest.raises(AttributeError, match="does not change"):
        record.byte = 1
    with pytest.raises(AttributeError, match="'value' has no member 'nope'"):
        record.nope  # noqa: B018
    with pytest.raises(KeyError):
        record["nope"]
    with pytest.raises(TypeError, match="ask for a member"):
        list(record)
    for args, members in [((), {}), ((b"",), {"byte": 1})]:
        with pytest.raises(ValueTypeError, match="made from one member, or from bytes"):
            type(record)(*args, **members)


def test_odd_unions() -> None:
    shapes = Shapes()
    empty = shapes.codec(shapes.struct("e", 4, union=True))
    assert empty.pack({}) == empty.pack(empty.unpack(bytes(4))) == bytes(4)
    assert empty.pack(empty.unpack(b"1234")) == b"1234"
    assert empty.from_json(empty.to_json(empty.unpack(b"1234"))) == empty.unpack(b"1234")
    bits = shapes.codec(shapes.struct("b", 4, ("low", "u32", 0, 3), ("all", "u32", 0), union=True))
    assert bits.pack({"low": 7}) == b"\7\0\0\0"
    assert bits.unpack(b"\xff\0\0\0").low == 7
    awkward = shapes.codec(shapes.struct("a", 4, ("_raw", "u32", 0), ("_codec", "u8", 0), ("x y", "u8", 0), union=True))
    record = awkward.unpack(b"\1\0\0\0")
    assert (record["_raw"], record["_codec"], getattr(record, "x y")) == (1, 1, 1)
    assert awkward.pack({"_raw": 5}) == b"\5\0\0\0"
    inner = shapes.struct("", 4, ("a", "u16", 0), ("b", "u16", 0), union=True)
    nested = shapes.codec(shapes.struct("n", 4, ("", inner, 0), ("c", "u32", 0), union=True))
    assert nested.unpack(b"\1\0\0\0")._asdict() == {"a": 1}
    assert nested.unpack(b"\1\0\0\1")._asdict() == {"c": 0x01000001}
    assert nested.unpack(b"\1\0\0\1").b == 1
    assert nested.pack({"b": 1}) == b"\1\0\0\0"
