"""Methods of maps: ``get``, ``pop``, ``emit`` and their like.

In: a map and a call's arguments. Out: calls of the map helpers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from btfkit.bpf.contexts import bpf_sock
from btfkit.bpf.records import size_align
from btfkit.format.maptype import MapType
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.maps import (
    KEYLESS,
    LOOKUP,
    NOEXIST,
    SOCKETS,
    STORAGE,
    UPDATE,
    Target,
    call_delete,
    call_helper,
    check_deletable,
    element,
    element_space,
    in_memory,
    is_null,
    key_of,
    lookup,
    missing_fault,
    require_values,
    require_writable,
    storage_get,
    target_of,
    value_in_memory,
)
from btfkit.frontend.python.storage import Place, build, is_simple, load, store

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

DELETE, PERF_OUTPUT, STACKID, REDIRECT = 3, 25, 27, 51
PUSH, POP, PEEK, RINGBUF_OUTPUT, LOOKUP_PERCPU = 87, 88, 89, 130, 195
CURRENT_CPU = 0xFFFF_FFFF


def method(body: Body, base: t.Value, name: str, node: ast.Call) -> t.Value:
    """``m.name(...)``."""
    target = target_of(base)
    handler = _METHODS.get(name)
    if handler is None:
        body.fail(node, f"maps have no '{name}'", f"they have {', '.join(sorted(_METHODS))}")
    function, least, most = handler
    if not least <= len(node.args) <= most or (node.keywords and name not in ("redirect", "update", "reserve")):
        count = str(least) if least == most else f"{least} to {most}"
        body.fail(node, f"{name}() takes {count} argument{'s' * (count != '1')}")
    return function(body, target, node)


def _get(body: Body, target: Target, node: ast.Call) -> t.Value:
    pointer = lookup(body, target, node.args[0])
    decl = target.decl
    if len(node.args) == 1:
        return optional_element(body, target, pointer, node)
    require_values(body, target, node)
    return _with_default(body, Place(decl.value, pointer, 0, element_space(decl)), pointer, node.args[1], node)


def optional_element(body: Body, target: Target, pointer: ir.Expr, node: ast.AST) -> t.Value:
    """``T | None`` of an element's address."""
    decl = target.decl
    if decl.inner is not None:
        return t.Value(t.OptionalType(t.MapRef(decl.inner)), pointer)
    if target.type in SOCKETS:
        return t.Value(t.OptionalType(t.RecordType(bpf_sock, "ctx")), pointer)
    require_values(body, target, node)
    type_ = body.unit.value_type(decl.value, space=element_space(decl))
    if isinstance(type_, (t.RecordType, t.ArrayRef)):
        return t.Value(t.OptionalType(type_), pointer)
    there = body.hold(ir.Not(ir.BOOL, is_null(pointer)))
    local = ir.Local("got", type_.ir)
    body.emit(ir.Set(local, ir.Const(type_.ir, 0)))
    with body.capture() as out:
        body.emit(ir.Set(local, load(body, Place(decl.value, pointer)).ir))
    body.emit(ir.If(there, out))
    return t.Value(t.OptionalType(type_, by_flag=True), ir.Get(type_.ir, local), flag=there)


def _with_default(body: Body, place: Place, pointer: ir.Expr, default: ast.expr, node: ast.AST) -> t.Value:
    """What is there, or a default; by value."""
    type_ = body.unit.value_type(place.storage, space="own")
    if isinstance(type_, (t.RecordType, t.ArrayRef)):
        size, align = size_align(place.storage)
        memory = body.memory(size, align)
        own = Place(place.storage, ir.LocalAddr(ir.POINTER, memory), space="own")
        with body.capture() as missing:
            build(body, own, default, "the default")
        if not is_simple(body, default):  # what else it does is done in any case, as Python does it
            body.out.extend(missing)
            missing = []
        with body.capture() as there:
            store(body, own, load(body, place), node, "the value")
        body.emit(ir.If(is_null(pointer), missing, there))
        return t.Value(type_, own.base)
    local = body.temp(type_.ir)
    with body.capture() as missing:
        value = ops.convert(body, body.expr(default), type_, default, "the default")
        body.emit(ir.Set(local, value))
    if not is_simple(body, default):
        body.out.extend(missing)
        missing = []
    with body.capture() as there:
        body.emit(ir.Set(local, load(body, place).ir))
    body.emit(ir.If(is_null(pointer), missing, there))
    return t.Value(type_, ir.Get(type_.ir, local))


def _pop(body: Body, target: Target, node: ast.Call) -> t.Value:
    decl = target.decl
    if target.type in (MapType.QUEUE, MapType.STACK):
        if node.args:
            body.fail(node, "pop() of a queue or stack takes nothing")
        return _take(body, target, POP, node)
    if not node.args:
        body.fail(node, "pop() takes a key")
    require_values(body, target, node)
    check_deletable(body, target, node)
    key = key_of(body, target, node.args[0])
    pointer = call_helper(body, LOOKUP, [target.address, key], ir.POINTER)
    place = Place(decl.value, pointer, 0, element_space(decl))
    if len(node.args) == 2:
        value = _with_default(body, place, pointer, node.args[1], node)
    else:
        body.raise_if(is_null(pointer), missing_fault(target))
        value = load(body, place)
        if isinstance(value.type, (t.RecordType, t.ArrayRef)):
            value = _copied(body, place, value, node)
    body.emit(ir.Eval(ir.HelperCall(ir.I64, DELETE, [target.address, key])))
    return value


def _copied(body: Body, place: Place, value: t.Value, node: ast.AST) -> t.Value:
    address = value_in_memory(body, place.storage, value, node, "the value")
    return t.Value(body.unit.value_type(place.storage, space="own"), address)


def _take(body: Body, target: Target, number: int, node: ast.AST) -> t.Value:
    """``pop``, ``peek`` of a queue or stack: T | None."""
    decl = target.decl
    size, align = size_align(decl.value)
    address = ir.LocalAddr(ir.POINTER, body.memory(size, align))
    body.emit(ir.Zero(address, size, 8))
    result = call_helper(body, number, [target.address, address])
    there = body.hold(ir.Compare(ir.BOOL, "eq", result, ir.Const(ir.I64, 0)))
    value = load(body, Place(decl.value, address, space="own"))
    value.bound = None
    return t.Value(t.OptionalType(value.type, by_flag=True), value.expr, flag=there)


def _peek(body: Body, target: Target, node: ast.Call) -> t.Value:
    if target.type not in (MapType.QUEUE, MapType.STACK):
        body.fail(node, "peek() is for queues and stacks")
    return _take(body, target, PEEK, node)


def _push(body: Body, target: Target, node: ast.Call) -> t.Value:
    if target.type not in KEYLESS:
        body.fail(node, "push() is for queues, stacks and Bloom filters")
    value = in_memory(body, target.decl.value, node.args[0], f"a value of '{target.decl.name}'")
    flags = ir.Const(ir.U64, 0)
    result = call_helper(body, PUSH, [target.address, value, flags])
    return t.Value(t.BOOL, ir.Compare(ir.BOOL, "eq", result, ir.Const(ir.I64, 0)))


def _initial(body: Body, target: Target, node: ast.Call) -> ir.Expr:
    """The address of what `setdefault` sets: its second argument, or zeros."""
    storage = target.decl.value
    if len(node.args) > 1:
        return in_memory(body, storage, node.args[1], "the default")
    size, align = size_align(storage)
    zeros = ir.LocalAddr(ir.POINTER, body.memory(size, align))
    body.emit(ir.Zero(zeros, size, 8))
    return zeros


def _setdefault(body: Body, target: Target, node: ast.Call) -> t.Value:
    decl = target.decl
    require_writable(body, target, node)
    if target.type in STORAGE:
        initial = in_memory(body, decl.value, node.args[1], "the default") if len(node.args) > 1 else None
        own = storage_get(body, target, node.args[0], create=True, initial=initial)
        body.raise_if(is_null(own), ir.Fault.KEY)
        return element(body, target, own, node)
    key = key_of(body, target, node.args[0])
    pointer = ir.Local("element", ir.POINTER)
    found = ir.Get(ir.POINTER, pointer)
    new: ir.Expr | None = None
    if len(node.args) > 1 and not is_simple(body, node.args[1]):  # what else it does is done in any case
        new = _initial(body, target, node)
    body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    with body.capture() as missing:
        new = new or _initial(body, target, node)
        body.emit(ir.Eval(ir.HelperCall(ir.I64, UPDATE, [target.address, key, new, ir.Const(ir.U64, NOEXIST)])))
        body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    body.emit(ir.If(is_null(found), missing))
    body.raise_if(is_null(found), ir.Fault.KEY)
    return element(body, target, body.hold(found), node)


def _update(body: Body, target: Target, node: ast.Call) -> t.Value:
    require_writable(body, target, node)
    value = in_memory(body, target.decl.value, node.args[1], f"the value of '{target.decl.name}'")
    key = key_of(body, target, node.args[0])
    flags = node.args[2] if len(node.args) > 2 else next((k.value for k in node.keywords if k.arg == "flags"), None)
    number: ir.Expr = ir.Const(ir.U64, 0)
    if flags is not None:
        number = ops.convert(body, body.expr(flags), t.U64, flags, "flags")
    return t.Value(t.I64, call_helper(body, UPDATE, [target.address, key, value, number]))


def _delete_method(body: Body, target: Target, node: ast.Call) -> t.Value:
    return t.Value(t.I64, body.hold(call_delete(body, target, node.args[0])))


def _emit(body: Body, target: Target, node: ast.Call) -> t.Value:
    decl = target.decl
    args = list(node.args)
    if target.type == MapType.PERF_EVENT_ARRAY:
        if body.info.context is None:
            body.fail(node, "emit() to a perf event array needs the context", "call it where the program's ctx is")
        if len(args) == 2:
            body.expr(args.pop(0))
        record = in_memory(body, decl.value, args[0], f"a record of '{decl.name}'")
        context = ir.Get(ir.POINTER, body.info.context.local)
        size = ir.Const(ir.U64, size_align(decl.value)[0])
        out = [context, target.address, ir.Const(ir.U64, CURRENT_CPU), record, size]
        return t.Value(t.I64, call_helper(body, PERF_OUTPUT, out))
    if target.type != MapType.RINGBUF or len(args) != 1:
        body.fail(node, "emit(record) is for ring buffers and perf event arrays")
    record = in_memory(body, decl.value, args[0], f"a record of '{decl.name}'")
    size = ir.Const(ir.U64, size_align(decl.value)[0])
    return t.Value(t.I64, call_helper(body, RINGBUF_OUTPUT, [target.address, record, size, ir.Const(ir.U64, 0)]))


def _redirect(body: Body, target: Target, node: ast.Call) -> t.Value:
    key = ops.convert(body, body.expr(node.args[0]), t.U64, node, "the key")
    flags_node = (
        node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "flags"), None)
    )
    flags: ir.Expr = ir.Const(ir.U64, 0)
    if flags_node is not None:
        flags = ops.convert(body, body.expr(flags_node), t.U64, node, "flags")
    return t.Value(t.U32, ops.cast(call_helper(body, REDIRECT, [target.address, key, flags]), ir.U32))


def _stack_id(body: Body, target: Target, node: ast.Call) -> t.Value:
    context = body.expr(node.args[0])
    if context.expr is None or context.expr.type != ir.POINTER:
        body.fail(node, f"stack_id() takes the context, not {body.describe(context)}")
    flags: ir.Expr = ir.Const(ir.U64, 0)
    if len(node.args) > 1:
        flags = ops.convert(body, body.expr(node.args[1]), t.U64, node, "flags")
    return t.Value(t.I64, call_helper(body, STACKID, [context.ir, target.address, flags]))


def _of_cpu(body: Body, target: Target, node: ast.Call) -> t.Value:
    if not target.decl.spec.per_cpu:
        body.fail(node, f"'{target.decl.name}' is not a per-CPU map")
    key = key_of(body, target, node.args[0])
    cpu = ops.convert(body, body.expr(node.args[1]), t.U32, node, "the CPU")
    pointer = call_helper(body, LOOKUP_PERCPU, [target.address, key, cpu], ir.POINTER)
    return optional_element(body, target, pointer, node)


def _reserve(body: Body, target: Target, node: ast.Call) -> t.Value:
    body.fail(node, "reserve() is used in a with statement", f"with {target.decl.name}.reserve() as record:")


def _not_called(body: Body, target: Target, node: ast.Call) -> t.Value:
    body.fail(node, "this is used in a for loop", f"for k, v in {target.decl.name}.items():")


_METHODS: dict[str, tuple[Callable[[Any, Target, ast.Call], t.Value], int, int]] = {
    "get": (_get, 1, 2),
    "lookup": (_get, 1, 1),
    "pop": (_pop, 0, 2),
    "peek": (_peek, 0, 0),
    "push": (_push, 1, 1),
    "add": (_push, 1, 1),
    "setdefault": (_setdefault, 1, 2),
    "update": (_update, 2, 3),
    "delete": (_delete_method, 1, 1),
    "emit": (_emit, 1, 2),
    "redirect": (_redirect, 1, 2),
    "stack_id": (_stack_id, 1, 2),
    "of_cpu": (_of_cpu, 2, 2),
    "reserve": (_reserve, 0, 0),
    "items": (_not_called, 0, 0),
    "keys": (_not_called, 0, 0),
    "values": (_not_called, 0, 0),
    "drain": (_not_called, 0, 0),
}

__all__ = ["method", "optional_element"]
