"""Arrays: lists, texts, bytes, addresses."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from tests.unit.values.shapes import ORDERS, Shapes

from btfkit.errors import FormatError, ValueTypeError
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t


@pytest.mark.parametrize("order", ORDERS)
def test_lists(order: str) -> None:
    shapes = Shapes()
    cases: list[tuple[str, list[Any]]] = [
        ("u16", [1, 2, 3]), ("s128", [-1, 5]), ("bool", [True, False]), ("__be32", [1, 2]), ("f8", [1.5, -1.0]),
        ("state", [1, 99]), ("s8", [-1, 1]), ("ptr", [0]),
    ]  # fmt: skip
    for elem, values in cases:
        one = shapes.codec(elem, order)
        codec = shapes.codec(shapes.array(elem, len(values)), order)
        data = b"".join(map(one.pack, values))
        assert codec.unpack(data) == values
        assert codec.unpack(b"x" + data, 1) == values
        assert codec.pack(values) == codec.pack(tuple(values)) == codec.pack(data) == data
        assert codec.from_json(codec.to_json(values)) == values
        with pytest.raises(ValueTypeError, match="there are only"):
            codec.unpack(data[:-1])


def test_arrays_of_arrays() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array(shapes.array("u16", 3), 2))
    assert codec.name == "u16[2][3]"
    assert codec.pack([[1, 2, 3], [4, 5, 6]]).hex() == "010002000300040005000600"
    assert codec.unpack(bytes.fromhex("010002000300040005000600")) == [[1, 2, 3], [4, 5, 6]]
    with pytest.raises(ValueTypeError) as caught:
        codec.pack([[1, 2, 3], [4, 5, 65536]], field="value")
    assert caught.value.field == "value[1][2]"
    names = shapes.codec(shapes.array(shapes.array("char", 4), 2))
    assert names.unpack(b"eth0lo\0\0") == ["eth0", "lo"]
    assert names.pack(["eth0", "lo"]) == b"eth0lo\0\0"


def test_any_sequence_of_the_length() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array("u32", 3))
    assert codec.pack(range(3)) == codec.pack(array("I", [0, 1, 2])) == codec.pack([0, 1.0, 2])
    for value, reason in [
        ([1, 2], r"has 2 elements, u32\[3\] has 3"), (5, r"5 is not a list \(u32\[3\]\)"),
        ("abc", "'abc' is not a list"),
        ({}, "is not a list"), (b"1", r"has 1 bytes, u32\[3\] has 12"), ([1, None, 2], "None is not an integer"),
    ]:  # fmt: skip
        with pytest.raises(ValueTypeError, match=reason):
            codec.pack(value)


@pytest.mark.parametrize("elem", ["u32", "char", "u8", "bool"])
def test_flexible(elem: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array(elem, 0))
    assert (codec.size, codec.unpack(b""), codec.unpack(b"rest")) == (0, [], [])
    assert codec.pack([]) == codec.pack(()) == codec.pack(b"") == codec.pack("") == b""
    assert codec.from_json(codec.to_json([])) == []
    with pytest.raises(ValueTypeError, match="has 1 elements"):
        codec.pack([1])


TEXTS: list[tuple[bytes, Any]] = [
    (b"eth0\0\0\0\0", "eth0"), (b"\0" * 8, ""), (b"exactly8", "exactly8"), (b"\xc3\xa4\0\0\0\0\0\0", "ä"),
    (b"\xff\0\0\0\0\0\0\0", b"\xff\0\0\0\0\0\0\0"), (b"a\0b\0\0\0\0\0", b"a\0b\0\0\0\0\0"),
    (b"1234567\xc3", b"1234567\xc3"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "value"), TEXTS)
def test_text(data: bytes, value: Any) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array("char", 8))
    assert codec.unpack(data) == value
    assert codec.pack(value) == data
    assert codec.from_json(codec.to_json(value)) == value
    assert codec.pack(list(memoryview(data).cast("b"))) == data


def test_what_text_takes_and_refuses() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array("char", 8))
    assert codec.pack(b"eth0") == codec.pack(bytearray(b"eth0")) == codec.pack("eth0") == b"eth0\0\0\0\0"
    for value, reason in [
        ("123456789", r"has 9 bytes, char\[8\] has room for 8"), ("ääääx", "has 9 bytes"),
        (b"123456789", "has 9 bytes"),
        ("a\0b", "NUL"), ("\udcff", "is not text that UTF-8 can write"), (5, "5 is not a list"),
    ]:  # fmt: skip
        with pytest.raises(ValueTypeError, match=reason):
            codec.pack(value)
    assert codec.parse("eth0") == codec.parse('"eth0"') == "eth0"
    assert codec.parse("12") == "12"
    assert codec.parse("true") == "true"
    with pytest.raises(ValueTypeError, match="is not JSON"):
        codec.parse('"eth0')
    assert codec.format("eth0") == '"eth0"'
    assert codec.format(b"\xff\0") == r"b'\xff\x00'"


def test_which_arrays_are_text_and_which_are_bytes() -> None:
    shapes = Shapes()
    plain = shapes.add(t.Int("char", 1))
    utf8 = shapes.add(t.Int("utf8", 1, IntEncoding.CHAR))
    gnu = shapes.add(t.Int("unsigned char", 1, IntEncoding.CHAR))
    as_u8 = shapes.add(t.Typedef("u8", shapes.ids["char"]))
    const = shapes.add(t.Const(shapes.ids["char"]))
    cases: list[tuple[str | int, Any]] = [
        ("char", "ab"), (plain, "ab"), (utf8, "ab"), (const, "ab"), ("u8", b"ab"), (gnu, b"ab"), ("s8", [97, 98]),
        (as_u8, [97, 98]), ("bool", [True, True]),
    ]  # fmt: skip
    for elem, value in cases:
        assert shapes.codec(shapes.array(elem, 2)).unpack(b"ab") == value


def test_bytes() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array("u8", 3))
    assert codec.unpack(b"\1\2\xff") == b"\1\2\xff"
    assert codec.pack(b"\1\2\xff") == codec.pack([1, 2, 255]) == codec.pack("0102ff") == codec.pack("0x0102ff")
    assert codec.to_json(b"\1\2\xff") == codec.format(b"\1\2\xff") == "0102ff"
    assert codec.parse("0102ff") == codec.parse("010203").replace(b"\3", b"\xff") == b"\1\2\xff"
    for value, reason in [
        (b"12", "has 2 bytes"), ("abc", r"'abc' is not 6 hex digits \(u8\[3\]\)"), ([1, 2], "has 2 elements"),
        ([1, 2, 256], "256 does not fit u8"), (5, "is not a list"),
    ]:  # fmt: skip
        with pytest.raises(ValueTypeError, match=reason):
            codec.pack(value)


ADDRESSES = [
    (4, "10.0.0.1", "0a000001"), (6, "aa:bb:cc:dd:ee:0f", "aabbccddee0f"), (6, "AA-BB-CC-DD-EE-0F", "aabbccddee0f"),
    (16, "fe80::1", "fe800000000000000000000000000001"), (16, "::", "00" * 16),
]  # fmt: skip


@pytest.mark.parametrize(("size", "text", "hex_"), ADDRESSES)
def test_addresses(size: int, text: str, hex_: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.array("u8", size))
    assert codec.pack(text).hex() == codec.parse(text).hex() == codec.from_json(text).hex() == hex_
    assert codec.pack(hex_).hex() == hex_


@pytest.mark.parametrize("text", ["fe80::1%eth0", "aa:bb-cc:dd:ee:ff", "1.2.3", "xyz", ""])
def test_no_addresses(text: str) -> None:
    shapes = Shapes()
    for size, what in ((4, "an IPv4 address"), (6, "a MAC address"), (16, "an IPv6 address")):
        with pytest.raises(ValueTypeError, match=f"hex digits or {what}"):
            shapes.codec(shapes.array("u8", size)).pack(text)


def test_huge_arrays_cost_nothing() -> None:
    shapes = Shapes()
    big = shapes.codec(shapes.array("u32", 1 << 27))
    with pytest.raises(ValueTypeError, match="has 536870912 bytes, and there are only 4"):
        big.unpack(bytes(4))
    with pytest.raises(ValueTypeError, match="has 1 elements"):
        big.pack([1])
    empty = shapes.struct("empty", 0)
    for type_id, reason in [
        (shapes.array("u32", 0xFFFF_FFFF), "has 17179869180 bytes, more than"),
        (shapes.array(empty, 1 << 31), "makes 2147483649 values of 0 bytes"),
    ]:
        with pytest.raises(ValueTypeError, match=reason):
            shapes.codec(type_id)
    deep = shapes.ids["u8"]
    for _ in range(20):
        deep = shapes.array(deep, 0xFFFF)
    with pytest.raises(ValueTypeError, match="bytes, more than a value may have"):
        shapes.codec(deep)
    assert shapes.codec(shapes.array(empty, 3)).unpack(b"") == [(), (), ()]


def test_an_array_of_itself() -> None:
    shapes = Shapes()
    itself = shapes.reserve()
    shapes.set(itself, t.Array(itself, shapes.ids["u32"], 1))
    with pytest.raises(FormatError, match="holds itself by value"):
        shapes.codec(itself)
