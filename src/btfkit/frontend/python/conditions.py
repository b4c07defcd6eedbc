"""Tests: booleans, short circuits, comparisons; and which variables they show not to be None."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from btfkit.frontend.python import ir, ops, text
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import field_place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

Test = tuple[ir.Expr, set[str], set[str]]


def condition(body: Body, node: ast.expr) -> Test:
    """(the test, variables that are not None where it holds, those where it does not)."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        test, yes, no = condition(body, node.operand)
        return negate(test), no, yes
    if isinstance(node, ast.BoolOp):
        return _connected(body, node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
        return _is(body, node, node.ops[0], node.left, node.comparators[0])
    name = node.target.id if isinstance(node, ast.NamedExpr) else node.id if isinstance(node, ast.Name) else ""
    value = body.expr(node)
    yes = {name} if name and name in body.vars and isinstance(body.vars[name].type, t.OptionalType) else set()
    return body.truth(value, node), yes, set()


def negate(test: ir.Expr) -> ir.Expr:
    if isinstance(test, ir.Const):
        return ir.Const(ir.BOOL, 1 - test.value)
    return ir.Not(ir.BOOL, test)


def _connected(body: Body, node: ast.BoolOp) -> Test:
    is_and = isinstance(node.op, ast.And)
    test, yes, no = condition(body, node.values[0])
    before = set(body.env.present)
    for operand in node.values[1:]:
        body.env.present |= yes if is_and else no
        with body.capture() as stmts:
            other, more_yes, more_no = condition(body, operand)
        if stmts:
            other = ir.Do(ir.BOOL, stmts, other)
        if isinstance(test, ir.Const):  # known beforehand
            test = (other if test.value else test) if is_and else (test if test.value else other)
        else:
            test = (ir.Both if is_and else ir.Either)(ir.BOOL, test, other)
        yes, no = (yes | more_yes, no & more_no) if is_and else (yes & more_yes, no | more_no)
    body.env.present = before
    return test, yes, no


def _is(body: Body, node: ast.Compare, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Test:
    if not (isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))):
        body.fail(node, "'is' compares with None only", "write ==")
    value = body.expr(left)
    if isinstance(right.value, bool):
        body.fail(node, "'is' compares with None only", "write == or not")
    name = left.id if isinstance(left, ast.Name) else left.target.id if isinstance(left, ast.NamedExpr) else ""
    if value.is_const:
        test: ir.Expr = ir.Const(ir.BOOL, int(value.const is None))
    elif isinstance(value.type, t.OptionalType):
        test = negate(body.truth(value, left))
    elif isinstance(value.type, (t.Address, t.KernelPtr)):
        test = ir.Compare(ir.BOOL, "eq", value.ir, ir.Const(ir.POINTER, 0))
    else:
        test = ir.Const(ir.BOOL, 0)
    names = {name} if name in body.vars else set()
    if isinstance(op, ast.Is):
        return test, set(), names
    return negate(test), names, set()


def compare_chain(body: Body, node: ast.Compare) -> t.Value:
    """``a < b <= c``: each operand is evaluated once, and none after the first that fails."""
    if any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
        if len(node.ops) > 1:
            body.fail(node, "'is' in a chain of comparisons", "write it by itself, with and")
        test = _is(body, node, node.ops[0], node.left, node.comparators[0])[0]
        return t.Value(t.BOOL, body.hold(test))
    left = body.held(body.expr(node.left))
    tests: list[tuple[list[ir.Stmt], ir.Expr]] = []
    results: list[t.Value] = []
    for i, (op, right_node) in enumerate(zip(node.ops, node.comparators, strict=True)):
        with body.capture() as stmts:
            right = body.expr(right_node)
            if i + 1 < len(node.ops):
                right = body.held(right)
            result = compare(body, op, left, right, node)
        if not tests:
            body.out.extend(stmts)
            stmts = []
        results.append(result)
        tests.append((stmts, _test_of(result)))
        left = right
    if len(results) == 1:
        return results[0]
    total = tests[-1][1]
    if tests[-1][0]:
        total = ir.Do(ir.BOOL, tests[-1][0], total)
    for stmts, test in reversed(tests[:-1]):
        total = ir.Both(ir.BOOL, test, total)
        if stmts:
            total = ir.Do(ir.BOOL, stmts, total)
    return t.Value(t.BOOL, body.hold(total))


def _test_of(value: t.Value) -> ir.Expr:
    return ir.Const(ir.BOOL, int(bool(value.const))) if value.is_const else value.ir


def compare(body: Body, op: ast.cmpop, left: t.Value, right: t.Value, node: ast.AST) -> t.Value:
    """One comparison."""
    if isinstance(op, (ast.In, ast.NotIn)):
        found = _contains(body, right, left, node)
        return t.Value(t.BOOL, found if isinstance(op, ast.In) else negate(found))
    name, fold = ops.COMPARE[type(op)]
    if left.is_const and right.is_const:
        try:
            if isinstance(left.const, MapDecl) or isinstance(right.const, MapDecl):
                raise TypeError("a map cannot be compared")
            return t.Value(t.OBJECT, const=bool(fold(left.const, right.const)))
        except TypeError as error:
            body.fail(node, str(error))
    if left.is_int and right.is_int:
        return t.Value(t.BOOL, ops.compare(body, name, left, right, node))
    for value in (left, right):
        if isinstance(value.type, t.OptionalType) and not (
            name in ("eq", "ne") and (left.is_const or right.is_const) and (left.const or right.const) is None
        ):
            body.fail(node, f"{value.type.name}: it may be None here", "check it first: if x is not None")
    if name in ("eq", "ne"):
        test = equal(body, left, right, node)
        return t.Value(t.BOOL, test if name == "eq" else negate(test))
    body.fail(node, f"{body.describe(left)} and {body.describe(right)} have no order")


def equal(body: Body, left: t.Value, right: t.Value, node: ast.AST) -> ir.Expr:
    """Of records field by field, of arrays byte by byte, of pointers by address."""
    if left.is_const:
        left, right = right, left
    if right.is_const and right.const is None:
        return negate(body.truth(left, node))
    if isinstance(left.type, t.RecordType) and isinstance(right.type, t.RecordType):
        if left.type.cls is not right.type.cls:
            body.fail(node, f"{left.type.name} and {right.type.name} are never equal")
        test: ir.Expr = ir.Const(ir.BOOL, 1)
        for name in left.type.cls.__layout__.fields:
            ours, theirs = (load(body, field_place(body, side, name, node)) for side in (left, right))
            part = compare(body, ast.Eq(), ours, theirs, node)
            test = _test_of(part) if isinstance(test, ir.Const) else ir.Both(ir.BOOL, test, _test_of(part))
        return test
    if isinstance(left.type, t.ArrayRef):
        return text.equal(body, left, right, node)
    pointers = (t.KernelPtr, t.Address, t.OptionalType, t.MapRef)
    if isinstance(left.type, pointers) and isinstance(right.type, pointers):
        return ir.Compare(ir.BOOL, "eq", left.ir, right.ir)
    body.fail(node, f"{body.describe(left)} and {body.describe(right)} cannot be compared")


def _contains(body: Body, where: t.Value, what: t.Value, node: ast.AST) -> ir.Expr:
    if (where.is_const and isinstance(where.const, MapDecl)) or isinstance(where.type, t.MapRef):
        from btfkit.frontend.python.maps import contains  # noqa: PLC0415

        return contains(body, where, what, node)
    if where.is_const and isinstance(where.const, range):
        items, step = where.const, where.const.step
        if step != 1:
            body.fail(node, "in a range with a step")
        low = compare(body, ast.GtE(), what, t.Value(t.OBJECT, const=items.start), node)
        high = compare(body, ast.Lt(), what, t.Value(t.OBJECT, const=items.stop), node)
        return ir.Both(ir.BOOL, _test_of(low), _test_of(high))
    if where.is_const and isinstance(where.const, (tuple, list, set, frozenset)):
        values = [t.Value(t.OBJECT, const=item) for item in where.const]
    elif where.items is not None:
        values = where.items
    else:
        body.fail(node, f"'in' {body.describe(where)}: it takes maps, tuples of values, and ranges")
    what = body.held(what)
    test: ir.Expr = ir.Const(ir.BOOL, 0)
    for value in values:
        found = _test_of(compare(body, ast.Eq(), what, value, node))
        test = found if isinstance(test, ir.Const) and not test.value else ir.Either(ir.BOOL, test, found)
    return test


__all__ = ["Test", "compare", "compare_chain", "condition", "equal", "negate"]
