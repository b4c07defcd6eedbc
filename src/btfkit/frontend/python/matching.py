"""``match``: cases become a chain of tests."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from btfkit.bpf.records import RecordMeta
from btfkit.frontend.python import ir
from btfkit.frontend.python import types as t
from btfkit.frontend.python.conditions import compare
from btfkit.frontend.python.env import Env
from btfkit.frontend.python.storage import field_place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body


def match(body: Body, node: ast.Match) -> None:
    """Each case: its test, its captures, its guard; the first that holds is run."""
    subject = body.held(body.expr(node.subject))
    done = ir.Local("matched", ir.BOOL)
    body.emit(ir.Set(done, ir.Const(ir.BOOL, 0)))
    ends: list[Env] = []
    before = body.env
    total = False
    out: list[ir.Stmt] = []
    for case in node.cases:
        body.env = before.copy()
        with body.capture() as stmts:
            captures: list[tuple[str, t.Value]] = []
            test = _test(body, case.pattern, subject, captures)
            with body.capture() as inner:
                for name, value in captures:
                    body.set_var(name, value, case.pattern)
                body.span = body.where(case.pattern)
                guard = None
                if case.guard is not None:
                    guard, yes, _ = body.condition(case.guard)
                    body.env.present |= yes
                with body.capture() as run:
                    body.emit(ir.Set(done, ir.Const(ir.BOOL, 1)))
                    body.block(case.body)
                body.out.extend([ir.If(guard, run, span=body.span)] if guard is not None else run)
            if isinstance(test, ir.Const) and test.value:
                body.out.extend(inner)
            else:
                body.emit(ir.If(test, inner))
        ends.append(body.env)
        out.append(ir.If(ir.Not(ir.BOOL, ir.Get(ir.BOOL, done)), stmts, span=body.where(case.pattern)))
        if isinstance(test, ir.Const) and test.value and case.guard is None:
            total = True
            break
    body.out.extend(out)
    env = before.copy()
    env.alive = not total
    for end in ends:
        env = env.merge(end)
    body.env = env


def _test(body: Body, pattern: ast.pattern, subject: t.Value, captures: list[tuple[str, t.Value]]) -> ir.Expr:
    match pattern:
        case ast.MatchValue(value=value):
            return _expr(compare(body, ast.Eq(), subject, body.expr(value), pattern))
        case ast.MatchSingleton(value=None):
            return ir.Not(ir.BOOL, body.truth(subject, pattern))
        case ast.MatchSingleton(value=value):
            return _expr(compare(body, ast.Eq(), subject, t.Value(t.OBJECT, const=value), pattern))
        case ast.MatchAs(pattern=None, name=name):
            if name is not None:
                captures.append((name, subject))
            return ir.Const(ir.BOOL, 1)
        case ast.MatchAs(pattern=inner, name=str(name)) if inner is not None:
            captures.append((name, subject))
            return _test(body, inner, subject, captures)
        case ast.MatchOr(patterns=patterns):
            test: ir.Expr = ir.Const(ir.BOOL, 0)
            for part in patterns:
                found = _test(body, part, subject, captures)
                test = found if isinstance(test, ir.Const) and not test.value else ir.Either(ir.BOOL, test, found)
            return test
        case ast.MatchClass(cls=cls, patterns=[], kwd_attrs=names, kwd_patterns=patterns):
            return _record(body, pattern, cls, names, patterns, subject, captures)
        case ast.MatchSequence(patterns=patterns) if subject.items is not None and len(patterns) == len(subject.items):
            test = ir.Const(ir.BOOL, 1)
            for part, item in zip(patterns, subject.items, strict=True):
                test = _and(test, _test(body, part, item, captures))
            return test
    body.fail(pattern, "this pattern is not in the language", "values, names, |, _, tuples and Record(field=...) are")


def _record(
    body: Body,
    pattern: ast.pattern,
    cls: ast.expr,
    names: list[str],
    patterns: list[ast.pattern],
    subject: t.Value,
    captures: list[tuple[str, t.Value]],
) -> ir.Expr:
    found = body.constant_of(cls)
    if not isinstance(found, RecordMeta) or not isinstance(subject.type, t.RecordType) or subject.type.cls is not found:
        body.fail(cls, f"{body.describe(subject)} is never a {ast.unparse(cls)}")
    test: ir.Expr = ir.Const(ir.BOOL, 1)
    for name, part in zip(names, patterns, strict=True):
        test = _and(test, _test(body, part, load(body, field_place(body, subject, name, part)), captures))
    return test


def _and(a: ir.Expr, b: ir.Expr) -> ir.Expr:
    return b if isinstance(a, ir.Const) and a.value else ir.Both(ir.BOOL, a, b)


def _expr(value: t.Value) -> ir.Expr:
    return ir.Const(ir.BOOL, int(bool(value.const))) if value.is_const else value.ir


__all__ = ["match"]
