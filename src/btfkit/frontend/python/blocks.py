"""``with`` statements: locks, and records reserved in a ring buffer. They are ended on every way out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from btfkit.bpf.records import size_align
from btfkit.format.maptype import MapType
from btfkit.frontend.python import ir, maps
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import Place, load
from btfkit.frontend.span import Span

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body
    from btfkit.frontend.python.unit import Unit

SPIN_LOCK, SPIN_UNLOCK, RESERVE, SUBMIT, DISCARD = 93, 94, 131, 132, 133

CALLS = (ir.HelperCall, ir.Call, ir.ExternCall, ir.Repeat, ir.ForEach, ir.Drain)
WHILE_LOCKED = "no helper is called and no map used while a lock is held", "do it before or behind the block"


def with_block(body: Body, node: ast.With) -> None:
    """``with m[k].lock:``, ``with events.reserve() as record:``"""
    if len(node.items) != 1:
        body.fail(node, "one thing at a time in a with statement", "write one with in the other")
    item = node.items[0]
    call = item.context_expr
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "reserve":
        _reserve(body, node, call, item.optional_vars)
        return
    value = body.expr(item.context_expr)
    if isinstance(value.type, t.RecordType) and value.type.cls.__name__ == "bpf_spin_lock":
        _locked(body, node, value)
        return
    body.fail(item.context_expr, f"{body.describe(value)} has no with block", "locks and ring buffers have")


def _locked(body: Body, node: ast.With, lock: t.Value) -> None:
    address = body.hold(lock.ir)
    body.emit(ir.Eval(ir.HelperCall(ir.NOTHING, SPIN_LOCK, [address])))
    unlock = ir.HelperCall(ir.NOTHING, SPIN_UNLOCK, [address])
    with body.capture() as out:
        _guarded(body, node, unlock, unlock)
    for span, call in _calls(out, unlock):
        if isinstance(call, ir.Call):
            call.function.inline = True
            body.unit.locked.append((span, call.function))
        else:
            body.unit.diagnostics.add(span, *WHILE_LOCKED)
    body.out.extend(out)


def check_locked(unit: Unit) -> None:
    """A function that is called while a lock is held calls no helper, nor does what it calls."""
    for span, function in unit.locked:
        todo, seen = [function], {function.symbol}
        while todo:
            for _, call in _calls(todo.pop().body):
                if not isinstance(call, ir.Call):
                    unit.diagnostics.add(span, *WHILE_LOCKED)
                elif call.function.symbol not in seen:
                    call.function.inline = True
                    seen.add(call.function.symbol)
                    todo.append(call.function)


def _calls(stmts: list[ir.Stmt], allowed: ir.Expr | None = None) -> Iterator[tuple[Span, ir.Expr | ir.Stmt]]:
    """Where statements call anything: helpers, functions, maps."""
    todo: list[tuple[Any, Span]] = [(stmt, stmt.span) for stmt in stmts]
    while todo:
        node, span = todo.pop()
        if isinstance(node, ir.Stmt):
            span = node.span
        if isinstance(node, CALLS) and node is not allowed:
            yield span, node
        elif isinstance(node, (list, tuple)):
            todo.extend((part, span) for part in node)
        elif isinstance(node, (ir.Stmt, ir.Expr)):
            todo.extend((getattr(node, field.name), span) for field in fields(node))


def _guarded(body: Body, node: ast.With, end: ir.Expr, undo: ir.Expr) -> None:
    """The block: on every way out `end` is called, where a fault leaves it `undo`."""
    body.tries.append(None)
    body.ends.append((end, len(body.loops)))
    before = body.info.faults.copy()
    with body.capture() as inner:
        body.block(node.body)
    body.ends.pop()
    body.tries.pop()
    body.info.faults |= before
    body.span = body.where(node)
    if _can_fault(inner):
        body.fault(ir.Fault.RUNTIME)
        fault = ir.Local("fault", ir.I32)
        again = [ir.Eval(undo, span=body.span), ir.Raise(ir.Get(ir.I32, fault), span=body.span)]
        body.emit(ir.Try(inner, [(frozenset(), again)], caught=fault))
    else:
        body.out.extend(inner)
    if body.env.alive:
        body.emit(ir.Eval(end))


def _can_fault(stmts: list[ir.Stmt]) -> bool:
    for stmt in stmts:
        if isinstance(stmt, (ir.Raise, ir.Try)) or (isinstance(stmt, ir.Eval) and isinstance(stmt.value, ir.Call)):
            return True
        if isinstance(stmt, ir.Set) and isinstance(stmt.value, (ir.Call, ir.Do)):
            return True
        for part in ("then", "other", "body"):
            if _can_fault(getattr(stmt, part, [])):
                return True
    return False


def _reserve(body: Body, node: ast.With, call: ast.Call, target: ast.expr | None) -> None:
    assert isinstance(call.func, ast.Attribute)
    base = body.expr(call.func.value)
    decl = base.const
    if not isinstance(decl, MapDecl) or decl.spec.type != MapType.RINGBUF:
        body.fail(call, "reserve() is for ring buffers")
    if not isinstance(target, ast.Name):
        body.fail(node, "the record needs a name", f"with {decl.name}.reserve() as record:")
    size = size_align(decl.value)[0]
    args = [maps.target_of(base).address, ir.Const(ir.U64, size), ir.Const(ir.U64, 0)]
    pointer = body.hold(ir.HelperCall(ir.POINTER, RESERVE, args))
    before = body.env.copy()
    with body.capture() as out:
        body.emit(ir.Zero(pointer, size, 8))
        body.set_var(target.id, load(body, Place(decl.value, pointer)), node)
        submit, discard = (
            ir.HelperCall(ir.NOTHING, number, [pointer, ir.Const(ir.U64, 0)]) for number in (SUBMIT, DISCARD)
        )
        _guarded(body, node, submit, discard)
    body.env = before.merge(body.env)
    body.env.assigned.discard(target.id)
    body.emit(ir.If(ir.Compare(ir.BOOL, "ne", pointer, ir.Const(ir.POINTER, 0)), out))


__all__ = ["with_block"]
