"""Values of types made at random: bytes to values and back, beside a second, slow reading of the same bytes.

The second reading knows nothing of `struct`: it writes the bytes down as a row of binary digits, in the order in which
the machine counts bits, and cuts numbers out of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from btfkit.errors import BtfkitError, ValueTypeError
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.builder import Builder
from btfkit.values import UnionRecord, codec

ORDERS = st.sampled_from(["little", "big"])
NAMES = st.sampled_from(["a", "b", "count", "class", "x y", "_asdict", "é", ""])


@dataclass(frozen=True)
class Shape:
    """A type to be built: what it is, and what is in it. For ``bits``, args are the INT's bits and the bit offset."""

    what: str
    size: int
    args: tuple[Any, ...] = ()
    parts: tuple[tuple[str, Shape, int, int], ...] = ()


def scalars() -> st.SearchStrategy[Shape]:
    sizes = st.sampled_from([1, 2, 3, 4, 8, 16])
    return st.one_of(
        st.builds(lambda size, signed: Shape("int", size, (signed,)), sizes, st.booleans()),
        st.just(Shape("bool", 1)),
        st.just(Shape("ptr", 8)),
        st.builds(lambda size, signed: Shape("enum", size, (signed,)), st.sampled_from([1, 2, 4, 8]), st.booleans()),
        st.builds(lambda size: Shape("be", size), st.sampled_from([2, 4, 8])),
    )


def arrays(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    counts = st.integers(0, 4)
    chars = st.builds(lambda n: Shape("chars", n), st.integers(1, 9))
    return chars | st.builds(lambda n, elem: Shape("array", n * elem.size, (n,), (("", elem, 0, 0),)), counts, inner)


@st.composite
def structs(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    """Members one behind the other with gaps; now and then a run of bitfields."""
    parts, bit = [], 0
    for _ in range(draw(st.integers(0, 5))):
        name, shape = draw(NAMES), draw(inner)
        if shape.what in ("int", "enum") and draw(st.booleans()):
            bits = draw(st.integers(1, shape.size * 8))
            parts.append((name or "f", shape, bit, bits))
            bit += bits
        else:
            bit += -bit % 8 + 8 * draw(st.integers(0, 3))
            parts.append((name, shape, bit, 0))
            bit += shape.size * 8
    return Shape("struct", (bit + 7) // 8 + draw(st.integers(0, 3)), (), tuple(parts))


@st.composite
def unions(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    shapes = draw(st.lists(inner, max_size=3))
    size = max((shape.size for shape in shapes), default=0) + draw(st.integers(0, 2))
    return Shape("union", size, (), tuple((draw(NAMES), shape, 0, 0) for shape in shapes))


SHAPES = st.recursive(scalars(), lambda inner: arrays(inner) | structs(inner) | unions(inner), max_leaves=12)


def build(builder: Builder, shape: Shape) -> int:
    """The type's id; a typedef or const is put before it now and then, as its size has it."""
    match shape.what:
        case "int":
            return builder.add(t.Int("number", shape.size, IntEncoding(int(shape.args[0]))))
        case "bool":
            return builder.add(t.Int("_Bool", 1, IntEncoding.BOOL))
        case "ptr":
            return builder.add(t.Ptr(0))
        case "be":
            number = builder.add(t.Int("number", shape.size))
            return builder.add(t.Typedef(f"__be{shape.size * 8}", builder.add(t.Const(number))))
        case "enum":
            enum = t.Enum64 if shape.size == 8 else t.Enum
            values = (t.EnumValue("ZERO", 0), t.EnumValue("ONE", 1), t.EnumValue("UNO", 1), t.EnumValue("mro", 3))
            return builder.add(enum("e", shape.size, values, shape.args[0]))
        case "chars":
            return builder.add(t.Array(builder.add(t.Int("char", 1, IntEncoding.SIGNED)), 0, shape.size))
        case "array":
            return builder.add(t.Array(build(builder, shape.parts[0][1]), 0, shape.args[0]))
    made = tuple(t.Member(name, build(builder, part), bit, bits) for name, part, bit, bits in shape.parts)
    cls = t.Struct if shape.what == "struct" else t.Union
    return builder.add(cls("s", shape.size, made, any(member.bit_size for member in made)))


def digits(data: bytes, order: str) -> str:
    """The bits in the order in which the machine counts them."""
    return "".join(f"{byte:08b}"[:: 1 if order == "big" else -1] for byte in data)


def number(row: str, order: str, signed: bool) -> int:
    value = int(row if order == "big" else row[::-1], 2)
    return value - (1 << len(row)) if signed and value >> (len(row) - 1) else value


def check(shape: Shape, value: Any, data: bytes, order: str, bit: int = 0, bits: int = 0) -> None:
    """Is that the value of the bits that start at ``bit``?"""
    row = digits(data, order)[bit : bit + (bits or shape.size * 8)]
    here = data[bit // 8 : bit // 8 + shape.size]
    match shape.what:
        case "int" | "enum":
            assert value == number(row, order, shape.args[0])
            if shape.what == "enum":
                assert getattr(value, "name", None) == {0: "ZERO", 1: "ONE"}.get(int(value))
        case "bool":
            assert value is ("1" in row)
        case "ptr":
            assert value == number(row, order, False)
        case "be":
            assert value == int.from_bytes(here, "big")
        case "chars":
            if isinstance(value, str):
                assert value.encode().ljust(shape.size, b"\0") == here
            else:
                assert value == here
        case "array":
            n, (_, elem, _, _) = shape.args[0], shape.parts[0]
            assert len(value) == n
            signed = elem.what != "int" or elem.args[0]
            for at, part in enumerate(value):
                assert signed or elem.size > 1 or isinstance(value, bytes)
                check(elem, part, data, order, bit + at * elem.size * 8)
        case "struct":
            named = [part for part in shape.parts if part[0]]
            if len(named) == len(shape.parts):
                for part, (_, inner, inner_bit, inner_bits) in zip(value, named, strict=True):
                    check(inner, part, data, order, bit + inner_bit, inner_bits)
        case "union":
            assert isinstance(value, UnionRecord)
            assert bytes(value) == here


@settings(deadline=None, max_examples=400)
@given(shape=SHAPES, order=ORDERS, data=st.data())
def test_bytes_to_value_and_back(shape: Shape, order: str, data: st.DataObject) -> None:
    builder = Builder()
    type_id = build(builder, shape)
    made = codec(builder.build(byte_order=order), type_id)
    raw = data.draw(st.binary(min_size=shape.size, max_size=shape.size) | st.just(bytes(shape.size)))
    value = made.unpack(raw)
    check(shape, value, raw, order)
    packed = made.pack(value)
    assert len(packed) == made.size == shape.size
    again = made.unpack(packed)
    assert again == value
    assert made.pack(again) == packed
    # Whatever is not padding comes back: the bits that all ones leave set are those that count.
    mask = made.pack(made.unpack(b"\xff" * shape.size))
    if "bool" not in repr(shape):
        assert packed == bytes(a & b for a, b in zip(raw, mask, strict=True))
    # Through JSON, by the command line, and as plain dicts and lists.
    text = json.dumps(made.to_json(value), allow_nan=False)
    assert made.pack(made.parse(text)) == packed
    if hasattr(value, "_asdict"):
        assert made.pack(value._asdict()) == packed
    assert isinstance(made.format(value), str)
    if shape.what in ("struct", "union"):
        assert hash(value) == hash(made.unpack(raw))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(shape=SHAPES, order=ORDERS, value=ANYTHING, text=st.text(max_size=20))
def test_anything_else_is_refused_with_a_reason(shape: Shape, order: str, value: Any, text: str) -> None:
    builder = Builder()
    type_id = build(builder, shape)
    made = codec(builder.build(byte_order=order), type_id)
    for attempt, given_ in ((made.pack, value), (made.from_json, value), (made.parse, text)):
        try:
            out = attempt(given_)
        except ValueTypeError as error:
            assert error.thing
            assert str(error)
        else:
            packed = out if attempt == made.pack else made.pack(out)
            assert made.pack(made.unpack(packed)) == packed


TYPE_IDS = st.integers(0, 12)


SMALL = st.integers(0, 70)
SIZES = SMALL | st.integers(0, 0xFFFF_FFFF)
MEMBERS = st.lists(st.builds(t.Member, NAMES, TYPE_IDS, st.integers(0, 200), st.integers(0, 40)), max_size=4).map(tuple)
SPOTS = st.lists(st.builds(t.VarSecInfo, TYPE_IDS, SMALL, SMALL), max_size=3).map(tuple)
ENUMERATORS = st.just((t.EnumValue("A", 1 << 31),))

WILD_TYPES = st.one_of(
    st.builds(t.Int, NAMES, SMALL, st.builds(IntEncoding, st.integers(0, 7)), SMALL, st.integers(0, 9)),
    st.builds(t.Array, TYPE_IDS, TYPE_IDS, SIZES),
    st.builds(t.Struct, NAMES, SIZES, MEMBERS, st.just(True)),
    st.builds(t.Union, NAMES, SIZES, MEMBERS, st.just(True)),
    st.builds(t.Enum, NAMES, SMALL, ENUMERATORS, st.booleans()),
    st.builds(t.Typedef, NAMES, TYPE_IDS),
    st.builds(t.Const, TYPE_IDS),
    st.builds(t.Var, NAMES, TYPE_IDS),
    st.builds(t.Float, NAMES, SMALL),
    st.builds(t.Map, TYPE_IDS, TYPE_IDS),
    st.builds(t.DataSec, NAMES, SIZES, SPOTS),
)
"""Any record at all, its references and numbers at random."""


@settings(deadline=None, max_examples=600)
@given(types=st.lists(WILD_TYPES, min_size=1, max_size=10), order=ORDERS)
def test_no_type_makes_it_crash(types: list[t.Type], order: str) -> None:
    builder = Builder()
    for type_ in types:
        builder.add(type_)
    btf = builder.build(byte_order=order)
    for type_id in range(len(types) + 2):
        try:
            made = codec(btf, type_id)
        except BtfkitError as error:
            assert str(error)
            continue
        if made.size <= 4096:
            value = made.unpack(bytes(made.size))
            assert made.pack(value) == bytes(made.size)
            assert made.pack(made.from_json(made.to_json(value))) == bytes(made.size)
