"""Timers and other callbacks: functions that the kernel calls with a map's element."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from btfkit.bpf.records import size_align
from btfkit.frontend.python import ir, maps, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, MapDecl
from btfkit.frontend.python.storage import Place, load
from btfkit.frontend.python.unit import Bad

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

INIT, SET_CALLBACK, START, CANCEL = 169, 170, 171, 172
CLOCK_MONOTONIC = 1


def method(body: Body, timer: t.Value, name: str, node: ast.Call) -> t.Value:
    """``v.timer.init(m)``, ``.set_callback(function)``, ``.start(ns)``, ``.cancel()``: 0, or an error number."""
    args = node.args
    if name == "init" and 1 <= len(args) <= 2:
        base = body.expr(args[0])
        if not base.is_const or not isinstance(base.const, MapDecl):
            body.fail(args[0], "init() takes the map that the timer is in")
        clock = ops.convert(body, body.expr(args[1]), t.U64, node, "the clock") if len(args) > 1 else None
        flags = clock or ir.Const(ir.U64, CLOCK_MONOTONIC)
        return _call(body, INIT, [timer.ir, maps.target_of(base).address, flags])
    if name == "set_callback" and len(args) == 1:
        found = body.expr(args[0])
        decl = found.const
        if not isinstance(decl, FunctionInfo) and not callable(decl):
            body.fail(args[0], "set_callback() takes a function")
        info = decl if isinstance(decl, FunctionInfo) else body.unit.function(decl, body.where(args[0]))
        callback(body, info, args[0])
        return _call(body, SET_CALLBACK, [timer.ir, ir.FunctionAddr(ir.POINTER, info.function)])
    if name == "start" and 1 <= len(args) <= 2:
        after = ops.convert(body, body.expr(args[0]), t.U64, args[0], "the time, in nanoseconds,")
        flags = ops.convert(body, body.expr(args[1]), t.U64, args[1], "flags") if len(args) > 1 else ir.Const(ir.U64, 0)
        return _call(body, START, [timer.ir, after, flags])
    if name == "cancel" and not args:
        return _call(body, CANCEL, [timer.ir])
    body.fail(node, f"a timer has no {name}() like this", "init(map), set_callback(function), start(ns), cancel()")


def _call(body: Body, number: int, args: list[ir.Expr]) -> t.Value:
    return t.Value(t.I64, body.hold(ir.HelperCall(ir.I64, number, args)))


def callback(body: Body, info: FunctionInfo, node: ast.AST) -> None:
    """Make a function of (key, value) one that the kernel calls with (map, key, value)."""
    if info.function.is_callback:
        return
    if len(info.params) != 2:
        body.fail(node, f"'{info.name}' is called with a key and a value", "def expired(key: K, value: V) -> None:")
    if info.bad:
        raise Bad
    params = [ir.Local("map", ir.POINTER)]
    for param in info.params:
        if isinstance(param.type, t.RecordType):
            params.append(param.local)
            continue
        try:
            size_align(param.storage)
        except TypeError as error:
            body.fail(node, f"'{param.name}' of '{info.name}': {error}")
        pointer = ir.Local(param.name, ir.POINTER)
        params.append(pointer)
        with body.capture() as out:
            value = load(body, Place(param.storage, ir.Get(ir.POINTER, pointer), 0, "read"))
            body.emit(ir.Set(param.local, value.ir))
        info.prologue.extend(out)
    info.function.params[:] = params
    info.function.is_callback = info.function.noinline = True
    info.function.result = ir.I64
    info.result = t.I64 if not isinstance(info.result, t.NoneType) else info.result


__all__ = ["callback", "method"]
