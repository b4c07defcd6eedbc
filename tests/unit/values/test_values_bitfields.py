"""Bitfields of both kinds in both byte orders, beside the kernel's own way of reading them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.values.shapes import ORDERS, Shapes

from btfkit.errors import ValueTypeError
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t

DATA = bytes.fromhex("8123456789abcdeffedcba9876543210")


def kernel_bits(data: bytes, bit_off: int, bits: int, order: str) -> int:
    """The unsigned number that btf_bitfield_show shows (kernel/bpf/btf.c), with its shifts of a 128-bit number."""
    data = data[bit_off // 8 :]
    bit_off %= 8
    copied = data[: (bits + bit_off + 7) // 8]
    number = int.from_bytes(copied.ljust(16, b"\0"), order)  # type: ignore[arg-type]
    left = bit_off if order == "big" else 128 - (bits + bit_off)
    return (number << left) % (1 << 128) >> (128 - bits)


WHERE = [(0, 1), (7, 1), (0, 8), (3, 5), (3, 6), (5, 12), (1, 31), (0, 32), (9, 23), (33, 31), (40, 17), (64, 32)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("style", ["kind_flag", "old"])
@pytest.mark.parametrize(("bit_off", "bits"), WHERE)
def test_reads_as_the_kernel_shows(bit_off: int, bits: int, style: str, order: str) -> None:
    shapes = Shapes()
    if style == "old":
        narrow = shapes.add(t.Int("narrow", 4, IntEncoding(0), bits, bit_off % 2 if bits < 31 else 0))
        shift = bit_off % 2 if bits < 31 else 0
        codec = shapes.codec(shapes.struct("s", 16, ("x", narrow, bit_off - shift)), order)
    else:
        codec = shapes.codec(shapes.struct("s", 16, ("x", "u32", bit_off, bits)), order)
    want = kernel_bits(DATA, bit_off, bits, order)
    assert codec.unpack(DATA).x == want
    assert codec.unpack(codec.pack({"x": want})).x == want
    ones = codec.pack({"x": (1 << bits) - 1})
    assert kernel_bits(ones, bit_off, bits, order) == (1 << bits) - 1
    assert sum(map(int.bit_count, ones)) == bits


@pytest.mark.parametrize("order", ORDERS)
def test_neighbours_share_bytes(order: str) -> None:
    shapes = Shapes()
    members = (
        ("a", "s32", 0, 3), ("b", "u32", 3, 7), ("c", "bool", 10, 1), ("d", "state", 11, 4), ("e", "u8", 16),
        ("f", "s64", 24, 33),
    )  # fmt: skip
    codec = shapes.codec(shapes.struct("s", 8, *members), order)
    value = {"a": -4, "b": 100, "c": True, "d": "LISTEN", "e": 200, "f": -(2**32)}
    record = codec.unpack(codec.pack(value))
    assert record == (-4, 100, True, 7, 200, -(2**32))
    assert record.c is True
    assert record.d.name == "LISTEN"
    assert codec.pack(record) == codec.pack(value)
    assert codec.to_json(record) == value
    assert codec.from_json(codec.to_json(record)) == record
    assert codec.format(record) == "{a=-4, b=100, c=true, d=LISTEN, e=200, f=-4294967296}"
    changes: list[tuple[dict[str, Any], str]] = [
        ({"a": 4}, r"a: 4 does not fit s32:3 \(-4 to 3\)"), ({"b": 128}, r"b: 128 does not fit u32:7 \(0 to 127\)"),
        ({"c": 2}, "c: 2 does not fit _Bool:1"), ({"d": 16}, "d: 16 does not fit enum state:4"),
        ({"b": "x"}, "b: 'x' is not an integer"), ({"d": "NO"}, "has no enumerator 'NO'"),
    ]  # fmt: skip
    for change, reason in changes:
        with pytest.raises(ValueTypeError, match=reason):
            codec.pack({**value, **change})


@pytest.mark.parametrize("order", ORDERS)
def test_a_bitfield_of_network_order_is_a_plain_number(order: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.struct("s", 4, ("x", "__be32", 0, 8), ("y", "__be32", 8, 24)), order)
    record = codec.unpack(codec.pack((5, 0x010203)))
    assert record == (5, 0x010203)
    assert codec.to_json(record) == {"x": 5, "y": 0x010203}
    plain = shapes.codec(shapes.struct("p", 4, ("x", "u32", 0, 8), ("y", "u32", 8, 24)), order)
    assert plain.pack(record._asdict()) == codec.pack(record)


@pytest.mark.parametrize("order", ORDERS)
def test_a_bitfield_of_128_bits(order: str) -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.struct("s", 32, ("x", "u128", 3, 128), ("y", "s128", 131, 100)), order)
    value = ((1 << 128) - 2, -(1 << 99))
    assert codec.unpack(codec.pack(value)) == value


def test_a_flag_that_says_bitfields_where_there_are_none() -> None:
    shapes = Shapes()
    codec = shapes.codec(shapes.struct("s", 8, ("a", "u32", 0), ("b", "u16", 32), kind_flag=True))
    assert codec.pack((1, 2)).hex() == "0100000002000000"
