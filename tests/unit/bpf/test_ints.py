"""Integers of fixed width in plain Python: the rules that the compiled program keeps too."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btfkit.bpf import be16, be32, char, i8, i16, i32, i64, u8, u16, u32, u64
from btfkit.bpf.ints import BY_SHAPE, ArrayType, FixedInt, MixedSignsError, common, fits, narrowest, result_type, wrap

# (made of, value)
WRAPPED = [
    (u8(256), 0), (u8(-1), 255), (i8(128), -128), (i8(-129), 127), (u16(0x1_2345), 0x2345), (i16(0x8000), -0x8000),
    (u32(1 << 32), 0), (u32(-1), 0xFFFF_FFFF), (i32(1 << 31), -(1 << 31)), (u64(1 << 64), 0), (u64(-1), (1 << 64) - 1),
    (i64(1 << 63), -(1 << 63)), (i64(-1), -1), (be16(0x1_0001), 1), (be32(-1), 0xFFFF_FFFF), (char(0x141), 0x41),
    (u8(True), 1), (u32(u8(300)), 44),
]  # fmt: skip


@pytest.mark.parametrize(("made", "value"), WRAPPED)
def test_wrap(made: FixedInt, value: int) -> None:
    assert int(made) == value


# (a, operation, b, type and value of the result)
ARITHMETIC: list[tuple[Any, str, Any, type, int]] = [
    (u8(255), "add", u8(1), u32, 256),
    (i8(-128), "sub", i8(1), i32, -129),
    (u16(1), "sub", u16(2), u32, 0xFFFF_FFFF),
    (u32(0xFFFF_FFFF), "add", u32(1), u32, 0),
    (u32(0xFFFF_FFFF), "add", 1, u32, 0),
    (1, "add", u32(0xFFFF_FFFF), u32, 0),
    (u32(1), "sub", 2, u32, 0xFFFF_FFFF),
    (u32(1), "add", 1 << 32, u64, (1 << 32) + 1),
    (u32(1), "add", -1, i64, 0),
    (i32(1), "add", 1 << 31, i64, (1 << 31) + 1),
    (u32(1), "add", i32(-2), i64, -1),
    (u32(1), "mul", i64(-2), i64, -2),
    (u8(1), "add", i16(-2), i64, -1),
    (u64((1 << 64) - 1), "add", 1, u64, 0),
    (i64((1 << 63) - 1), "add", 1, i64, -(1 << 63)),
    (u64(7), "floordiv", 2, u64, 3),
    (i32(-7), "floordiv", 2, i32, -4),
    (i32(-7), "mod", 2, i32, 1),
    (i32(7), "mod", i32(-2), i32, -1),
    (u8(0xF0), "or_", u8(0x0F), u32, 0xFF),
    (u8(1), "lshift", 8, u32, 256),
    (u32(1), "lshift", 32, u32, 0),
    (u32(1), "lshift", 1 << 70, u32, 0),
    (i32(-8), "rshift", 1, i32, -4),
    (i32(-8), "rshift", 100, i32, -1),
]


@pytest.mark.parametrize(("a", "op", "b", "type_", "value"), ARITHMETIC)
def test_arithmetic(a: Any, op: str, b: Any, type_: type, value: int) -> None:
    result = getattr(operator, op)(a, b)
    assert (type(result), int(result)) == (type_, value)


UNARY = [(operator.neg, u8(1), u32, 0xFFFF_FFFF), (operator.invert, u16(0), u32, 0xFFFF_FFFF),
         (operator.neg, i32(-(1 << 31)), i32, -(1 << 31)), (operator.pos, i8(-1), i32, -1), (abs, i8(-128), i32, 128),
         (abs, i32(-(1 << 31)), i32, -(1 << 31))]  # fmt: skip


@pytest.mark.parametrize(("op", "a", "type_", "value"), UNARY)
def test_unary(op: Any, a: FixedInt, type_: type, value: int) -> None:
    assert (type(op(a)), int(op(a))) == (type_, value)


@pytest.mark.parametrize(("a", "b"), [(u64(1), i64(1)), (u64(1), i8(1)), (u64(1), -1), (-1, u64(1))])
def test_mixed_signs(a: int, b: int) -> None:
    with pytest.raises(MixedSignsError, match="u64 and a signed integer have no common type"):
        a + b


def test_comparisons_are_exact() -> None:
    assert u64(1) > -1 and i64(-1) < u64(0) and u32(0xFFFF_FFFF) != i32(-1) and u8(3) == 3


def test_zero() -> None:
    for op in (operator.floordiv, operator.mod):
        with pytest.raises(ZeroDivisionError):
            op(u32(1), 0)


@pytest.mark.parametrize(("value", "want"), [(0, (32, False)), (-1, (32, True)), (1 << 32, (64, False)),
                                             (-(1 << 31) - 1, (64, True)), ((1 << 64) - 1, (64, False))])  # fmt: skip
def test_narrowest(value: int, want: tuple[int, bool]) -> None:
    assert narrowest(value) == want


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1])
def test_too_wide(value: int) -> None:
    with pytest.raises(OverflowError, match="64 bits"):
        narrowest(value)


SHAPES = st.sampled_from(sorted(BY_SHAPE))


@given(SHAPES, SHAPES)
def test_common(a: tuple[int, bool], b: tuple[int, bool]) -> None:
    """It is the same both ways, and holds both."""
    try:
        found = common(a, b)
    except MixedSignsError:
        assert {a[1], b[1]} == {False, True} and (64, False) in (a, b)
        with pytest.raises(MixedSignsError):
            common(b, a)
        return
    assert found == common(b, a)
    for bits, signed in (a, b):
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        assert fits(low, *found) and fits(high, *found)


@given(st.integers(-(1 << 70), 1 << 70), SHAPES)
def test_wrap_is_modulo(value: int, shape: tuple[int, bool]) -> None:
    bits, signed = shape
    wrapped = wrap(value, bits, signed)
    assert (wrapped - value) % (1 << bits) == 0 and fits(wrapped, bits, signed)
    assert int(BY_SHAPE[shape](value)) == wrapped


@given(SHAPES, st.integers(0, 255), SHAPES, st.integers(0, 255))
def test_types_do_not_depend_on_values(a: tuple[int, bool], x: int, b: tuple[int, bool], y: int) -> None:
    try:
        found = result_type(BY_SHAPE[a](x), BY_SHAPE[b](y))
    except MixedSignsError:
        return
    assert found is result_type(BY_SHAPE[a](0), BY_SHAPE[b](0))


def test_arrays() -> None:
    array = u8[4]([1, 2, 256])
    assert list(array) == [1, 2, 0, 0] and len(array) == 4 and bytes(array) == b"\1\2\0\0"
    array[3] = 257
    assert array[-1] == 1 and array[1:] == b"\2\0\1"
    name = char[8]("abc")
    assert name == "abc" and name == b"abc" and name != "abcd" and str(name) == "abc" and name.startswith("ab")
    assert u32[2][3] == ArrayType(u32[2], 3) and repr(u32[2][3]) == "u32[2][3]" and hash(u8[4]) == hash(u8[4])
    assert u32[2]([1, 2]) < u32[2]([1, 3]) and {u32[2]([1, 2]): 3}[u32[2]([1, 2])] == 3
    with pytest.raises(ValueError, match=r"5 values for u8\[4\]"):
        u8[4]([0] * 5)
    with pytest.raises(TypeError, match="an array's length is a number"):
        u8["x"]  # type: ignore[misc]
