"""``with`` statements: locks, and records reserved in a ring buffer. They are ended on every way out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

from btfkit.bpf.records import size_align
from btfkit.format.maptype import MapType
from btfkit.frontend.python import ir, maps
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import Place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

SPIN_LOCK, SPIN_UNLOCK, RESERVE, SUBMIT, DISCARD = 93, 94, 131, 132, 133


def with_block(body: Body, node: ast.With) -> None:
    """``with m[k].lock:``, ``with events.reserve() as record:``"""
    if len(node.items) != 1:
        body.fail(node, "one thing at a time in a with statement", "write one with in the other")
    item = node.items[0]
    for inner in (n for s in node.body for n in ast.walk(s)):
        if isinstance(inner, (ast.Return, ast.Break, ast.Continue)):
            body.fail(inner, "a with block is left at its end only", "set a variable, and test it behind the block")
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
    _guarded(body, node, ir.Eval(ir.HelperCall(ir.NOTHING, SPIN_UNLOCK, [address])))
    body.emit(ir.Eval(ir.HelperCall(ir.NOTHING, SPIN_UNLOCK, [address])))


def _guarded(body: Body, node: ast.With, undo: ir.Stmt) -> None:
    """The block; a fault in it does `undo`, and goes on as a RuntimeError."""
    body.tries.append(None)
    before = body.info.faults.copy()
    with body.capture() as inner:
        body.block(node.body)
    body.tries.pop()
    body.info.faults |= before
    body.span = undo.span = body.where(node)
    if _can_fault(inner):
        body.fault(ir.Fault.RUNTIME)
        again = ir.Raise(ir.Fault.RUNTIME, span=body.span)
        body.emit(ir.Try(inner, [(frozenset(), [undo, again])]))
    else:
        body.out.extend(inner)


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
        discard = ir.Eval(ir.HelperCall(ir.NOTHING, DISCARD, [pointer, ir.Const(ir.U64, 0)]))
        _guarded(body, node, discard)
        body.emit(ir.Eval(ir.HelperCall(ir.NOTHING, SUBMIT, [pointer, ir.Const(ir.U64, 0)])))
    body.env = before.merge(body.env)
    body.env.assigned.discard(target.id)
    body.emit(ir.If(ir.Compare(ir.BOOL, "ne", pointer, ir.Const(ir.POINTER, 0)), out))


def for_drain(body: Body, node: ast.For, call: ast.Call) -> NoReturn:
    """``for record in requests.drain():``"""
    body.fail(call, "drain() of a user ring buffer is not in the language", "call user_ringbuf_drain with a function")


__all__ = ["for_drain", "with_block"]
