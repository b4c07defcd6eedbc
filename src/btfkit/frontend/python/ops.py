"""Arithmetic and comparison of integers: which type the result has, and the casts that make it so.

In: checked values. Out: checked values. The rules are those of `btfkit.bpf.ints`; a plain int counts by its range.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import FixedInt, MixedSignsError, common, fits, narrowest, wrap
from btfkit.frontend.python import ir
from btfkit.frontend.python import types as t

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

NumberType = t.IntType | t.PlainType | t.BoolType

BINARY: dict[type[ast.operator], tuple[str, str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("add", "+", operator.add),
    ast.Sub: ("sub", "-", operator.sub),
    ast.Mult: ("mul", "*", operator.mul),
    ast.FloorDiv: ("floordiv", "//", operator.floordiv),
    ast.Mod: ("mod", "%", operator.mod),
    ast.BitAnd: ("and", "&", operator.and_),
    ast.BitOr: ("or", "|", operator.or_),
    ast.BitXor: ("xor", "^", operator.xor),
    ast.LShift: ("shl", "<<", operator.lshift),
    ast.RShift: ("shr", ">>", operator.rshift),
    ast.Pow: ("pow", "**", operator.pow),
}
COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq),
    ast.NotEq: ("ne", operator.ne),
    ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le),
    ast.Gt: ("gt", operator.gt),
    ast.GtE: ("ge", operator.ge),
}
CHECK_FIRST = "check it first: if x is not None"
FOLDS = (int, str, bytes, tuple)
"""Constants that are computed with when compiling."""
MOST_CONSTANT_BITS = 1024
"""What constants that are computed with may be shifted by."""
MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


def const(value: int, type_: NumberType) -> ir.Expr:
    """A constant, wrapped to the type."""
    if isinstance(type_, t.BoolType):
        return ir.Const(ir.BOOL, int(bool(value)))
    bits, signed = (64, True) if isinstance(type_, t.PlainType) else type_.shape
    return ir.Const(type_.ir, wrap(int(value), bits, signed))


def number_type(value: t.Value) -> NumberType:
    """The type of a number: of a constant, a plain int of one value, or its fixed width."""
    if value.is_const:
        if isinstance(value.const, FixedInt):
            return t.IntType(type(value.const).bits, type(value.const).signed)
        return t.PlainType(int(value.const), int(value.const))
    assert isinstance(value.type, (t.IntType, t.PlainType, t.BoolType))
    return value.type


def to_type(value: t.Value, type_: NumberType) -> ir.Expr:
    """The number as that type: extended by its own sign, or wrapped."""
    if value.is_const:
        return const(int(value.const), type_)
    return cast(value.ir, type_.ir)


def cast(expr: ir.Expr, type_: ir.Type) -> ir.Expr:
    if expr.type == type_:
        return expr
    if isinstance(expr, ir.Const) and isinstance(type_, ir.Int):
        return ir.Const(type_, wrap(expr.value, type_.bits, type_.signed))
    return ir.Cast(type_, expr)


def limits(type_: NumberType) -> tuple[int, int]:
    """The least and the greatest value."""
    if isinstance(type_, t.PlainType):
        return type_.low, type_.high
    if isinstance(type_, t.BoolType):
        return 0, 1
    if type_.signed:
        return -(1 << (type_.bits - 1)), (1 << (type_.bits - 1)) - 1
    return 0, (1 << type_.bits) - 1


def bounds(value: t.Value) -> tuple[int, int]:
    """As `limits`, with what is known of this value."""
    low, high = limits(number_type(value))
    return low, high if value.most is None else min(high, value.most)


def _shape(type_: NumberType) -> tuple[int, bool] | None:
    """None of a plain int."""
    if isinstance(type_, t.BoolType):
        return None  # as in Python, True is 1
    return type_.shape if isinstance(type_, t.IntType) else None


def common_type(body: Body, a: t.Value, b: t.Value, node: ast.AST) -> NumberType | None:
    """What an operation on the two is computed in; None: plain ints."""
    shape_a, shape_b = _shape(number_type(a)), _shape(number_type(b))
    if shape_a is None and shape_b is None:
        return None
    if shape_a is None or shape_b is None:
        known, plain = (shape_b, a) if shape_a is None else (shape_a, b)
        assert known is not None
        known = max(known[0], 32), known[1]
        low, high = limits(number_type(plain))
        if fits(low, *known) and fits(high, *known):
            return t.IntType(*known)
        try:
            other = narrowest(low) if low == high else (64, low < 0)
        except OverflowError as error:
            body.fail(node, str(error))
        shape_a, shape_b = known, other
    try:
        return t.IntType(*common(shape_a, shape_b))
    except MixedSignsError:
        body.fail(
            node, "u64 and a signed integer have no common type", "say which is meant: u64(...) or i64(...) of one side"
        )


def _plain_range(op: str, a: t.Value, b: t.Value) -> t.PlainType:
    """The range of an operation on plain ints; it is taken not to leave 64 bits."""
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    match op:
        case "add":
            low, high = a_low + b_low, a_high + b_high
        case "sub":
            low, high = a_low - b_high, a_high - b_low
        case "mul":
            corners = [x * y for x in (a_low, a_high) for y in (b_low, b_high)]
            low, high = min(corners), max(corners)
        case "mod" if b_low > 0:
            low, high = 0, b_high - 1
        case "and" if b_low >= 0 or a_low >= 0:
            low, high = 0, min(x for x, y in ((a_high, a_low), (b_high, b_low)) if y >= 0)
        case "floordiv" | "shr" if a_low >= 0 and b_low >= 0:
            low, high = 0, a_high
        case "or" | "xor" if a_low >= 0 and b_low >= 0:
            low, high = 0, (1 << max(a_high, b_high).bit_length()) - 1
        case "shl" if a_low >= 0 and b_low >= 0 and b_high < 64:
            low, high = 0, a_high << b_high
        case _:
            low, high = t.I64_MIN, t.I64_MAX
    return t.PlainType(max(low, t.I64_MIN), min(high, t.I64_MAX))


def binary(body: Body, op_node: ast.operator, a: t.Value, b: t.Value, node: ast.AST) -> t.Value:
    """``a op b``."""
    if isinstance(op_node, ast.Div):
        body.fail(node, "/ makes a float, which BPF does not have", "write //")
    op, sign, fold = BINARY.get(type(op_node), ("", "@", operator.matmul))
    if not op:
        body.fail(node, f"{sign} is not an operation on integers")
    if a.is_const and b.is_const and isinstance(a.const, FOLDS) and isinstance(b.const, FOLDS):
        try:
            _refuse_huge(op, a.const, b.const)
            return t.Value(t.OBJECT, const=fold(a.const, b.const))
        except (TypeError, ValueError, ArithmeticError) as error:
            body.fail(node, f"{sign}: {error}")
    for value in (a, b):
        if isinstance(value.type, t.OptionalType):
            body.fail(node, f"{value.type.name}: it may be None here", CHECK_FIRST)
        if not value.is_int:
            body.fail(node, f"{sign} of {body.describe(value)}: it takes integers")
    if op == "pow":
        return _power(body, a, b, node)
    if op in ("shl", "shr"):
        return _shift(body, op, a, b, node)
    type_ = common_type(body, a, b, node)
    result: NumberType = type_ if type_ is not None else _plain_range(op, a, b)
    x, y = to_type(a, result), body.hold(to_type(b, result))
    if op in ("floordiv", "mod") and bounds(b)[0] <= 0 <= bounds(b)[1]:
        body.raise_if(ir.Compare(ir.BOOL, "eq", y, const(0, result)), ir.Fault.ZERO_DIVISION)
    return t.Value(result, ir.Binary(result.ir, op, x, y), most=_most(op, a, b, result))


def _refuse_huge(op: str, a: Any, b: Any) -> None:
    """OverflowError for a constant that would take long to make, and never fit."""
    if op in ("shl", "pow") and isinstance(b, int) and b > MOST_CONSTANT_BITS:
        raise OverflowError(f"{int(b)} is too much for a constant")
    if op == "mul" and not (isinstance(a, int) and isinstance(b, int)):
        raise TypeError("it takes integers")


def _most(op: str, a: t.Value, b: t.Value, result: NumberType) -> int | None:
    if isinstance(result, t.IntType) and not result.signed:
        (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
        if a_low < 0 or b_low < 0:
            return None
        if op == "and":
            return min(a_high, b_high)
        if op == "mod" and b_low > 0:
            return b_high - 1
        if op == "floordiv" and b_low > 0:
            return a_high // b_low
        if op in ("add", "mul", "or"):
            high = {"add": a_high + b_high, "mul": a_high * b_high}.get(op, (1 << max(a_high, b_high).bit_length()) - 1)
            return high if high <= limits(result)[1] else None
    return None


def _shift(body: Body, op: str, a: t.Value, b: t.Value, node: ast.AST) -> t.Value:
    """The result has the type of what is shifted; a count of its width or more shifts all out."""
    shape = _shape(number_type(a))
    low, high = bounds(b)
    if high < 0:
        body.fail(node, "a negative shift count")
    result: NumberType = _plain_range(op, a, b) if shape is None else t.IntType(max(shape[0], 32), shape[1])
    count = to_type(b, b_type := number_type(b))
    if low < 0:
        count = body.hold(count)
        body.raise_if(ir.Compare(ir.BOOL, "lt", count, const(0, b_type)), ir.Fault.VALUE)
    width = result.bits if isinstance(result, t.IntType) else 64
    if high < 1 << width - 1 or isinstance(b_type, t.BoolType):
        shifted = cast(count, result.ir)
    else:  # a count that the narrower type does not hold
        count = body.hold(cast(count, ir.U64))
        limit = ir.Const(ir.U64, width)
        shifted = cast(ir.Choose(ir.U64, ir.Compare(ir.BOOL, "lt", count, limit), count, limit), result.ir)
    expr = ir.Binary(result.ir, op, to_type(a, result), shifted)
    most = bounds(a)[1] >> max(low, 0) if op == "shr" and bounds(a)[0] >= 0 else None
    return t.Value(result, expr, most=most)


def _power(body: Body, a: t.Value, b: t.Value, node: ast.AST) -> t.Value:
    if not b.is_const or not 0 <= b.const <= 64:
        body.fail(node, "** takes a constant exponent from 0 to 64", "write a loop, or << for powers of two")
    base, shape = body.held(a), _shape(number_type(a))
    out = t.Value(t.OBJECT, const=1)
    if shape is not None:
        type_ = t.IntType(max(shape[0], 32), shape[1])
        out = t.Value(type_, const(1, type_))
    for _ in range(b.const):
        out = binary(body, ast.Mult(), out, base, node)
    return out


def unary(body: Body, op: ast.unaryop, a: t.Value, node: ast.AST) -> t.Value:
    """``-a``, ``+a``, ``~a``."""
    if a.is_const and isinstance(a.const, int):
        folds: dict[type[ast.unaryop], Callable[[int], int]] = {
            ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
        }  # fmt: skip
        return t.Value(t.OBJECT, const=folds[type(op)](a.const))
    if not a.is_int:
        body.fail(node, f"{body.describe(a)} is not an integer")
    zero, ones = t.Value(t.OBJECT, const=0), t.Value(t.OBJECT, const=-1)
    shape = _shape(number_type(a))
    if isinstance(op, ast.UAdd):
        return binary(body, ast.Add(), zero, a, node)
    if shape is None:
        return binary(body, ast.Sub(), zero if isinstance(op, ast.USub) else ones, a, node)
    type_ = t.IntType(max(shape[0], 32), shape[1])
    x = to_type(a, type_)
    if isinstance(op, ast.USub):
        return t.Value(type_, ir.Binary(type_.ir, "sub", const(0, type_), x))
    return t.Value(type_, ir.Binary(type_.ir, "xor", x, const(-1, type_)))


def compare(body: Body, op: str, a: t.Value, b: t.Value, node: ast.AST) -> ir.Expr:
    """Exact, whatever the two types are."""
    low_a, high_a = limits(number_type(a))
    low_b, high_b = limits(number_type(b))
    if isinstance(a.type, t.BoolType) and isinstance(b.type, t.BoolType) and op in ("eq", "ne"):
        return ir.Compare(ir.BOOL, op, a.ir, b.ir)
    for bits in (32, 64):
        for signed in (False, True):
            if all(fits(n, bits, signed) for n in (low_a, high_a, low_b, high_b)):
                type_ = t.IntType(bits, signed)
                return ir.Compare(ir.BOOL, op, to_type(a, type_), to_type(b, type_))
    if low_a > high_b or high_a < low_b:  # as a u8 and 300: known beforehand
        fold = next(f for name, f in COMPARE.values() if name == op)
        return ir.Const(ir.BOOL, int(fold(low_a, high_b) if low_a > high_b else fold(high_a, low_b)))
    if low_a >= 0:  # let a be the one with the sign
        return compare(body, MIRRORED[op], b, a, node)
    if low_b < 0:
        body.fail(node, "integers of more than 64 bits cannot be compared")
    signed_side = body.hold(to_type(a, t.I64))
    unsigned = ir.Compare(ir.BOOL, op, cast(signed_side, ir.U64), to_type(b, t.U64))
    negative = ir.Compare(ir.BOOL, "lt", signed_side, ir.Const(ir.I64, 0))
    return ir.Choose(ir.BOOL, negative, ir.Const(ir.BOOL, int(op in ("lt", "le", "ne"))), unsigned)


def convert(body: Body, value: t.Value, type_: t.ValueType, node: ast.AST, what: str) -> ir.Expr:
    """A number for a place of that type: it wraps, but a constant must fit."""
    assert isinstance(type_, (t.IntType, t.PlainType, t.BoolType))
    if isinstance(value.type, t.OptionalType) and isinstance(value.type.inner, (t.IntType, t.PlainType, t.BoolType)):
        body.fail(node, f"{what} is {type_.name}, and this may be None", CHECK_FIRST)
    if not value.is_int:
        body.fail(node, f"{what} is {type_.name}, not {body.describe(value)}")
    if value.is_const and not isinstance(type_, t.BoolType):
        low, high = limits(type_)
        if isinstance(type_, t.PlainType):
            low, high = t.I64_MIN, t.I64_MAX
        if not low <= int(value.const) <= high:
            name = "an int of 64 bits" if isinstance(type_, t.PlainType) else type_.name
            wrapped = "i64" if isinstance(type_, t.PlainType) else name
            hint = f"write {wrapped}({int(value.const)}) if it is to wrap"
            body.fail(node, f"{int(value.const)} does not fit {what}, {name}", hint)
    if isinstance(type_, t.BoolType) and not isinstance(value.type, t.BoolType):
        return body.truth(value, node)
    return to_type(value, type_)


__all__ = [
    "BINARY", "COMPARE", "binary", "bounds", "cast", "common_type", "compare", "const", "convert", "limits",
    "number_type", "to_type", "unary",
]  # fmt: skip
