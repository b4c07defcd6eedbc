"""``try``, ``raise``, ``assert``: Python's exceptions as `ir.Fault`."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from btfkit.frontend.python import ir
from btfkit.frontend.python.conditions import negate

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

FAULTS: dict[type[BaseException], frozenset[ir.Fault] | None] = {
    KeyError: frozenset({ir.Fault.KEY}),
    IndexError: frozenset({ir.Fault.INDEX}),
    LookupError: frozenset({ir.Fault.KEY, ir.Fault.INDEX}),
    ZeroDivisionError: frozenset({ir.Fault.ZERO_DIVISION}),
    ArithmeticError: frozenset({ir.Fault.ZERO_DIVISION}),
    AssertionError: frozenset({ir.Fault.ASSERTION}),
    ValueError: frozenset({ir.Fault.VALUE}),
    RuntimeError: frozenset({ir.Fault.RUNTIME}),
    Exception: None,
    BaseException: None,
}


def assert_(body: Body, node: ast.Assert) -> None:
    test, yes, _ = body.condition(node.test)
    if isinstance(test, ir.Const) and test.value:
        return
    body.raise_if(negate(test), ir.Fault.ASSERTION)
    body.env.present |= yes


def raise_(body: Body, node: ast.Raise) -> None:
    exc = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    found = getattr(builtins, exc.id, None) if isinstance(exc, ast.Name) else None
    kinds = FAULTS.get(found) if isinstance(found, type) else None
    if exc is None or (kinds is None and found is not Exception):
        body.fail(node, "only Python's own exceptions can be raised", f"one of {', '.join(e.__name__ for e in FAULTS)}")
    fault = next(iter(sorted(kinds))) if kinds else ir.Fault.RUNTIME
    body.fault(fault)
    body.emit(ir.Raise(fault))
    body.env.alive = False


def try_(body: Body, node: ast.Try) -> None:
    if node.finalbody:
        body.fail(node.finalbody[0], "finally is not in the language")
    handlers: list[tuple[frozenset[ir.Fault], list[ast.stmt]]] = []
    for handler in node.handlers:
        taken = _taken(body, handler)
        if handler.name:
            body.fail(handler, "an exception has no value here", "leave out 'as'")
        handlers.append((taken, handler.body))
    catches_all = any(not taken for taken, _ in handlers)
    body.tries.append(None if catches_all else frozenset().union(*(taken for taken, _ in handlers)))
    before = body.env.copy()
    with body.capture() as inner:
        body.block(node.body)
    body.tries.pop()
    end = body.env
    with body.capture() as orelse:
        body.block(node.orelse)
    end = body.env
    out: list[tuple[frozenset[ir.Fault], list[ir.Stmt]]] = []
    for taken, nodes in handlers:
        body.env = before.copy()
        body.env.present &= end.present if end.alive else before.present
        with body.capture() as stmts:
            body.block(nodes)
        out.append((taken, stmts))
        end = end.merge(body.env)
    body.env = end
    body.span = body.where(node)
    body.emit(ir.Try(inner, out, orelse))


def _taken(body: Body, handler: ast.ExceptHandler) -> frozenset[ir.Fault]:
    nodes = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    taken: set[ir.Fault] = set()
    for node in nodes:
        if node is None:
            return frozenset()
        found = getattr(builtins, node.id, None) if isinstance(node, ast.Name) else None
        if not isinstance(found, type) or found not in FAULTS:
            body.fail(node, "this exception never occurs", f"one of {', '.join(e.__name__ for e in FAULTS)} can")
        kinds = FAULTS[found]
        if kinds is None:
            return frozenset()
        taken |= kinds
    return frozenset(taken)


__all__ = ["assert_", "raise_", "try_"]
