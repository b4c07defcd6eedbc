"""Scalars, both ways in both byte orders; what they take besides; what they refuse, and how they say so."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import pytest
from tests.unit.values.shapes import ORDERS, Shapes, swapped

from btfkit.errors import FormatError, ValueTypeError
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t

# (type, the bytes as a big-endian machine has them, value)
BOTH_WAYS = [
    ("s8", "80", -128), ("s8", "7f", 127), ("u8", "ff", 255), ("s16", "fffe", -2), ("u16", "fffe", 65534),
    ("s32", "80000000", -(2**31)), ("u32", "00000050", 80), ("u32", "ffffffff", 2**32 - 1),
    ("s64", "ffffffffffffffff", -1), ("u64", "0123456789abcdef", 0x0123456789ABCDEF),
    ("s128", "80000000000000000000000000000000", -(2**127)),
    ("u128", "0123456789abcdef0011223344556677", 0x0123456789ABCDEF0011223344556677),
    ("u24", "010203", 0x010203), ("char", "61", 97), ("char", "ff", -1), ("bool", "00", False), ("bool", "01", True),
    ("bool4", "00000001", True), ("f2", "3c00", 1.0), ("f4", "3fc00000", 1.5), ("f8", "c000000000000000", -2.0),
    ("ptr", "ffff888000001234", 0xFFFF888000001234), ("state", "00000001", 1), ("state", "00000063", 99),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("name", "hex_", "value"), BOTH_WAYS)
def test_both_ways(name: str, hex_: str, value: Any, order: str) -> None:
    codec = Shapes().codec(name, order)
    data = swapped(bytes.fromhex(hex_), order)
    assert codec.size == len(data)
    assert codec.unpack(data) == value
    assert codec.unpack(b"\xaa" + data + b"\xbb", 1) == value
    assert codec.unpack(memoryview(data)) == value
    assert codec.pack(value) == data
    assert codec.from_json(codec.to_json(value)) == value


# What pack and from_json take besides what unpack gives: (type, given, the same as)
TAKES = [
    ("u8", True, 1), ("u32", 80.0, 80), ("u32", "10.0.0.1", None), ("u128", 3.0, 3), ("bool", 1, True),
    ("bool", 0, False),
    ("char", "a", 97), ("char", b"\xff", -1), ("state", "OPEN", 1), ("state", "OPEN|LISTEN", 7), ("f8", 3, 3.0),
    ("f4", 0.1, 0.1), ("f16", "00" * 16, bytes(16)), ("f16", bytes(range(16)), bytes(range(16))),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("name", "given", "same"), TAKES)
def test_takes(name: str, given: Any, same: Any, order: str) -> None:
    codec = Shapes().codec(name, order)
    want = bytes([10, 0, 0, 1]) if same is None else codec.pack(same)
    assert codec.pack(given) == want
    assert codec.pack(codec.from_json(given if not isinstance(given, bytes) else codec.to_json(same))) == want


class Mine(IntEnum):
    PORT = 80


class Index:
    def __index__(self) -> int:
        return 80


@pytest.mark.parametrize("value", [Mine.PORT, Index()])
def test_takes_what_is_an_index(value: Any) -> None:
    assert Shapes().codec("u16").pack(value) == b"\x50\0"
    assert Shapes().codec("u24").pack(value) == b"\x50\0\0"


REFUSES = [
    ("u8", 300, "300 does not fit u8 (0 to 255)"),
    ("u8", -1, "-1 does not fit u8 (0 to 255)"),
    ("s8", 128, "128 does not fit s8 (-128 to 127)"),
    ("u128", 1 << 128, "does not fit u128"),
    ("u32", 1 << 6000, "a number of 6001 bits does not fit u32 (0 to 4294967295)"),
    ("u32", 1.5, "1.5 is not an integer (u32)"),
    ("u32", math.nan, "nan is not an integer (u32)"),
    ("u32", None, "None is not an integer (u32)"),
    ("u32", "eth0", "'eth0' is not an integer (u32)"),
    ("u32", "10.0.0.256", "is not an integer"),
    ("s32", "10.0.0.1", "is not an integer"),
    ("u64", "10.0.0.1", "is not an integer"),
    ("u32", [1], "[1] is not an integer (u32)"),
    ("bool", 2, "2 is not a bool: True, False, 0 or 1 (_Bool)"),
    ("bool", "yes", "'yes' is not a bool"),
    ("char", "ab", "'ab' is not an integer or a single character (char)"),
    ("char", 200, "200 does not fit char (-128 to 127)"),
    ("ptr", -1, "does not fit pointer"),
    ("f8", "x", "'x' is not a number (f8)"),
    ("f4", 1e300, "1e+300 does not fit f4 (4 bytes)"),
    ("f16", b"1", "b'1' is not 16 bytes (f16)"),
    ("f16", 1.0, "1.0 is not 16 bytes (f16)"),
    ("state", "OPNE", "enum state has no enumerator 'OPNE' (near: OPEN)"),
    ("state", "x", "enum state has no enumerator 'x' (it has CLOSED, OPEN, LISTEN)"),
    ("state", "OPEN|NO", "has no enumerator 'NO'"),
    ("state", 1 << 32, "4294967296 does not fit enum state (0 to 4294967295)"),
    ("state", -3, "-3 does not fit enum state"),
    ("state", 1.5, "1.5 is not an enumerator or an integer (enum state)"),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("name", "value", "reason"), REFUSES)
def test_refuses(name: str, value: Any, reason: str, order: str) -> None:
    shapes = Shapes()
    with pytest.raises(ValueTypeError) as caught:
        shapes.codec(name, order).pack(value, field="key")
    assert reason in caught.value.reason
    assert caught.value.field == "key"
    assert caught.value.thing is not None
    assert caught.value.thing.startswith(f"type {shapes.ids[name]} ")


def test_any_byte_but_zero_is_true() -> None:
    assert Shapes().codec("bool").unpack(b"\x02") is True
    assert Shapes().codec("bool4").unpack(b"\0\0\x02\0") is True


@pytest.mark.parametrize("order", ORDERS)
def test_network_order_is_the_types_not_the_machines(order: str) -> None:
    shapes = Shapes()
    for name, data, value in [
        ("__be16", "0050", 80), ("__be32", "0a000001", 0x0A000001), ("__be64", "0000000000000102", 0x102),
        ("__le16", "5000", 80), ("__le32", "01000000", 1), ("__le64", "0201000000000000", 0x102),
    ]:  # fmt: skip
        codec = shapes.codec(name, order)
        assert codec.unpack(bytes.fromhex(data)) == value
        assert codec.pack(value).hex() == data
        with pytest.raises(ValueTypeError, match=rf"{value << 64} does not fit {name} "):
            codec.pack(value << 64)


@pytest.mark.parametrize("order", ORDERS)
def test_an_ipv4_address_is_in_network_order_whatever_the_type(order: str) -> None:
    shapes = Shapes()
    address = shapes.add(t.Typedef("ip4", shapes.add(t.Const(shapes.ids["__be32"]))))
    for name in ("__be32", address, "u32", shapes.array("u8", 4)):
        assert shapes.codec(name, order).pack("10.0.0.1") == bytes([10, 0, 0, 1])
    codec = shapes.codec(address, order)
    assert codec.to_json(0x0A000001) == codec.format(0x0A000001) == "10.0.0.1"
    assert codec.from_json("10.0.0.1") == codec.parse("10.0.0.1") == codec.parse('"10.0.0.1"') == 0x0A000001
    assert codec.parse("5") == 5
    assert shapes.codec("u32", order).to_json(5) == 5
    assert shapes.codec("__be16", order).to_json(80) == 80


@pytest.mark.parametrize("bits", [1, 3, 12, 31])
@pytest.mark.parametrize("bit_off", [0, 1])
@pytest.mark.parametrize("order", ORDERS)
def test_an_int_of_fewer_bits_than_it_has_room_for(bits: int, bit_off: int, order: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.add(t.Int("odd", 4, IntEncoding(0), bits, bit_off)), order)
    assert codec.size == 4
    digits = "0" * bit_off + "1" * bits + "0" * (32 - bits - bit_off)
    data = int(digits if order == "big" else digits[::-1], 2).to_bytes(4, order)  # type: ignore[arg-type]
    assert codec.unpack(data) == (1 << bits) - 1
    assert codec.unpack(b"\xff" * 4) == (1 << bits) - 1
    assert codec.pack((1 << bits) - 1) == data
    with pytest.raises(ValueTypeError, match=rf"does not fit odd:{bits} \(0 to {(1 << bits) - 1}\)"):
        codec.pack(1 << bits)


def test_cut_off() -> None:
    shapes = Shapes()
    for name in ("u32", "u24", "bool", "f4", "state", "__be32"):
        codec = shapes.codec(name)
        with pytest.raises(ValueTypeError, match=rf"has {codec.size} bytes, and there are only {codec.size - 1}$"):
            codec.unpack(bytes(codec.size - 1))
        with pytest.raises(ValueTypeError, match=r"and there are only 0 from byte 9 on"):
            codec.unpack(bytes(9), 9)


PARSES = [
    ("u32", "5", 5), ("u32", " 0x1f ", 31), ("u32", '"0x1f"', 31), ("s8", "-5", -5),
    ("u64", "18446744073709551615", 2**64 - 1),
    ("bool", "true", True), ("bool", "0", False), ("char", "a", 97), ("char", "5", 5), ("char", '"5"', 53),
    ("state", "OPEN", 1), ("state", '"OPEN"', 1), ("state", "0x63", 99), ("f8", "1.5", 1.5), ("f8", "inf", math.inf),
    ("f8", "-inf", -math.inf), ("ptr", "0xffff", 0xFFFF), ("f16", "00" * 16, bytes(16)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), PARSES)
def test_parse(name: str, text: str, value: Any) -> None:
    assert Shapes().codec(name).parse(text) == value


NOT_U32 = ["", "x", "1.5", "null", "[1]", "{", '"', "9" * 5000, "[" * 100_000, "NaN", "1e400"]


@pytest.mark.parametrize("text", NOT_U32, ids=range(11))
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueTypeError):
        Shapes().codec("u32").parse(text)


FORMATS = [
    ("u32", 5, "5"), ("bool", True, "true"), ("ptr", 0xFFFF, "0xffff"), ("state", 1, "OPEN"), ("state", 99, "99"),
    ("f8", 1.5, "1.5"), ("f16", bytes(16), "0x" + "00" * 16),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "text"), FORMATS)
def test_format(name: str, value: Any, text: str) -> None:
    assert Shapes().codec(name).format(value) == text


def test_json_has_no_infinity() -> None:
    codec = Shapes().codec("f8")
    assert codec.to_json(math.inf) == "inf"
    assert math.isnan(codec.from_json(codec.to_json(math.nan)))


BROKEN = [
    t.Int("i", 0), t.Int("i", 17), t.Int("i", 4, IntEncoding(0), 33), t.Int("i", 4, IntEncoding(0), 0),
    t.Int("i", 4, IntEncoding(0), 32, 1), t.Enum("e", 3), t.Enum64("e", 0), t.Float("f", 0),
]  # fmt: skip


@pytest.mark.parametrize("type_", BROKEN, ids=repr)
def test_types_that_cannot_be(type_: t.Type) -> None:
    shapes = Shapes()
    with pytest.raises(FormatError, match=r"\.BTF: type \d+ .*cannot be"):
        shapes.codec(shapes.add(type_))


def test_no_size_no_values() -> None:
    shapes = Shapes()
    proto = shapes.add(t.FuncProto(0))
    for type_ in (
        t.Fwd("f"), t.FuncProto(0), t.Func("f", proto), t.Map(shapes.ids["u32"], shapes.ids["u32"]), t.Typedef("v", 0),
        t.Const(0), t.DeclTag("x", shapes.ids["u32"]), t.Var("v", 0),
    ):  # fmt: skip
        with pytest.raises(ValueTypeError, match=rf"type \d+ {type_.kind.name}.*: has no size"):
            shapes.codec(shapes.add(type_))
    with pytest.raises(ValueTypeError, match="has no size"):
        shapes.codec(0)
