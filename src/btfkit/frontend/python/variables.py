"""Variables of a function: what a name holds, and what becomes of it when it is set.

The type of a variable without an annotation is that which holds everything that it is set to. A record or array is
memory of the variable's own, or a place that it stands for.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from btfkit.bpf.records import size_align
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.env import Var, join
from btfkit.frontend.python.storage import Place, store
from btfkit.frontend.python.unit import Bad

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body


def var_value(body: Body, name: str, node: ast.AST) -> t.Value:
    """What a variable holds."""
    if name in body.env.bad:
        raise Bad
    var = body.vars.get(name)
    if var is None or var.type is None or name not in body.env.assigned:
        if body.changed or not body.env.alive:
            raise Bad
        hint = f"set it on every path, as in {name} = 0"
        if name in body.info.namespace:
            declared = name in body.info.namespace.get("__annotations__", {})
            hint = f"write global {name} to change the module's"
            hint += "" if declared else f", and {name}: u64 = ... there"
        body.fail(node, f"'{name}' may not be set here", hint)
    if var.is_const:
        return t.Value(t.OBJECT, const=var.const)
    type_ = var.type
    flag = ir.Get(ir.BOOL, var.flag) if var.flag is not None else None
    if isinstance(type_, t.OptionalType) and name in body.env.present:
        type_, flag = type_.inner, None
    if isinstance(type_, t.TupleType):
        body.fail(node, "a tuple is unpacked where it is made", "write a, b = ...")
    assert var.local is not None
    if var.local.is_memory:
        address = ir.LocalAddr(ir.POINTER, var.local)
        return t.Value(type_, address, flag=flag, bound=Place(_storage(type_), address, space="own"))
    value = t.Value(type_, ir.Get(var.local.type, var.local), flag=flag)
    return body.held(value) if body.walrus else value


def set_var(body: Body, name: str, value: t.Value, node: ast.AST) -> None:
    """``name = value``."""
    var = body.vars.setdefault(name, Var(name))
    if value.is_const and not isinstance(value.const, int) and value.const is not None:
        _set_const(body, var, value, node)
        return
    if isinstance(value.type, t.NoneType):
        body.fail(node, "this call returns nothing")
    if isinstance(value.type, t.TupleType):
        body.fail(node, "a tuple is unpacked where it is made", "write a, b = ...")
    given = _assigned_type(value)
    if var.storage is None:
        new = join(var.type, given, var.joined)
        if new is None or var.is_const:
            assert var.type is not None
            if var.type.name == given.name:
                reason = f"'{name}' is one time a {given.name} of its own, another time a place in memory"
                body.fail(node, reason, "write copy(...) for one of its own")
            body.fail(node, f"'{name}' is {var.type.name} elsewhere, and {given.name} here", "use another name for one")
        if new != var.type:
            if var.type is not None:
                body.changed, var.joined = True, var.joined + 1
                var.local = None
            var.type = new
    assert var.type is not None
    _store_var(body, var, value, node)
    body.env.assigned.add(name)
    body.env.bad.discard(name)
    body.env.present.discard(name)
    if isinstance(var.type, t.OptionalType) and not isinstance(given, (t.OptionalType, t.NoneType)):
        body.env.present.add(name)


def _set_const(body: Body, var: Var, value: t.Value, node: ast.AST) -> None:
    if var.storage is not None and var.type is not None:
        body.fail(node, f"'{var.name}' is {var.type.name}, not {body.describe(value)}")
    if var.type is not None and not (var.is_const and var.const is value.const):
        body.fail(node, f"'{var.name}' stands for {body.describe(value)} here, and for something else elsewhere")
    var.type, var.is_const, var.const = t.OBJECT, True, value.const
    body.env.assigned.add(var.name)


def _assigned_type(value: t.Value) -> t.ValueType:
    if value.is_const:
        return t.NONE if value.const is None else ops.number_type(value)
    return value.type


def _store_var(body: Body, var: Var, value: t.Value, node: ast.AST) -> None:
    type_ = var.type
    assert type_ is not None
    inner = type_.inner if isinstance(type_, t.OptionalType) else type_
    if isinstance(type_, t.OptionalType) and type_.by_flag:
        if var.flag is None:
            var.flag = ir.Local(f"{var.name}.set", ir.BOOL)
        present = value.flag or ir.Const(ir.BOOL, int(not (value.is_const and value.const is None)))
        body.emit(ir.Set(var.flag, present))
    if isinstance(inner, (t.RecordType, t.ArrayRef)) and inner.space == "own":
        _store_own(body, var, inner, value, node)
        return
    if var.local is None:
        var.local = ir.Local(var.name, inner.ir)
    if value.is_const and value.const is None:
        body.emit(ir.Set(var.local, ir.Const(inner.ir, 0)))
    elif isinstance(inner, (t.IntType, t.PlainType, t.BoolType)):
        if isinstance(value.type, t.OptionalType):
            assert value.expr is not None
            body.emit(ir.Set(var.local, ops.cast(value.expr, inner.ir)))
        else:
            body.emit(ir.Set(var.local, ops.convert(body, value, inner, node, f"'{var.name}'")))
    else:
        given = value.type.inner if isinstance(value.type, t.OptionalType) else value.type
        if join(inner, given, 0) is None:
            if given.name == inner.name:
                body.fail(node, f"'{var.name}' stands for the caller's {inner.name}", "use another name for a new one")
            body.fail(node, f"'{var.name}' is {inner.name}, not {body.describe(value)}")
        if isinstance(value.type, t.OptionalType) and not isinstance(type_, t.OptionalType):
            body.fail(node, f"'{var.name}' is {inner.name}, and this may be None", "check it first")
        body.emit(ir.Set(var.local, value.ir))


def _store_own(body: Body, var: Var, inner: t.RecordType | t.ArrayRef, value: t.Value, node: ast.AST) -> None:
    if value.is_const and value.const is None:
        if var.local is None:
            var.local = body.memory(size_align(_storage(inner))[0], name=var.name)
            var.local.is_temp = False
        return
    is_fresh = isinstance(value.expr, ir.LocalAddr) and value.expr.local.is_temp
    if isinstance(value.type, (t.RecordType, t.ArrayRef)) and value.type.space == "own" and not is_fresh:
        body.fail(
            node,
            f"'{var.name}' would name the same {inner.name} a second time",
            "records are values here: write copy(...) for one of its own",
        )
    if var.local is None and is_fresh and isinstance(value.expr, ir.LocalAddr):
        var.local = value.expr.local
        var.local.name, var.local.is_temp = var.name, False
        return
    if var.local is None:
        var.local = body.memory(size_align(_storage(inner))[0], name=var.name)
        var.local.is_temp = False
    place = Place(_storage(inner), ir.LocalAddr(ir.POINTER, var.local), space="own")
    plain = value
    if isinstance(value.type, t.OptionalType):
        plain = t.Value(value.type.inner, value.expr)
    store(body, place, plain, node, f"'{var.name}'")


def _storage(type_: t.ValueType) -> Any:
    inner = type_.inner if isinstance(type_, t.OptionalType) else type_
    if isinstance(inner, t.RecordType):
        return inner.cls
    assert isinstance(inner, t.ArrayRef)
    return inner.type


__all__ = ["set_var", "var_value"]
