"""Maps as Python's mappings: subscripts, ``in``, methods.

In: a declared map, or one found in a map of maps. Out: calls of the map helpers, with keys and values in zeroed memory
and every pointer tested before it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import FixedInt
from btfkit.bpf.records import Record, size_align
from btfkit.format.maptype import INDEXED, MapType
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import Place, build, load, store

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

LOOKUP, UPDATE, DELETE, TAIL_CALL, PERF_OUTPUT, STACKID, REDIRECT = 1, 2, 3, 12, 25, 27, 51
PUSH, POP, PEEK, RINGBUF_OUTPUT, RINGBUF_QUERY, LOOKUP_PERCPU = 87, 88, 89, 130, 134, 195
CURRENT_CPU = 0xFFFF_FFFF
NOEXIST = 1
STORAGE = {
    MapType.SK_STORAGE: (107, 108),
    MapType.INODE_STORAGE: (145, 146),
    MapType.TASK_STORAGE: (156, 157),
    MapType.CGRP_STORAGE: (210, 211),
}
KEYLESS = frozenset({MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER})
STREAMS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY})


@dataclass(slots=True)
class Target:
    """A map that is used: its declaration, and its address."""

    decl: MapDecl
    address: ir.Expr

    @property
    def type(self) -> MapType:
        return self.decl.spec.type


def target_of(value: t.Value) -> Target:
    if isinstance(value.type, t.MapRef):
        return Target(value.type.decl, value.ir)
    assert isinstance(value.const, MapDecl)
    return Target(value.const, ir.SymbolAddr(ir.POINTER, value.const.symbol))


def element_space(decl: MapDecl) -> str:
    """What other CPUs change too is `shared`."""
    return "mem" if decl.spec.per_cpu else "shared"


def _call(body: Body, number: int, args: list[ir.Expr], type_: ir.Type = ir.I64) -> ir.Expr:
    return body.hold(ir.HelperCall(type_, number, args))


def in_memory(body: Body, storage: Any, node: ast.expr, what: str) -> ir.Expr:
    """The address of a value of that type: where it is already if it can be used there, else a copy in zeroed memory."""
    size, align = size_align(storage)
    is_call = isinstance(node, ast.Call) and body.constant_of(node.func) is storage
    if isinstance(storage, type) and issubclass(storage, Record) and not is_call:
        value = body.expr(node)
        if isinstance(value.type, t.RecordType) and value.type.cls is storage and value.type.space == "own":
            return value.ir
        memory = body.memory(size, align)
        place = Place(storage, ir.LocalAddr(ir.POINTER, memory), space="own")
        _copy_clean(body, place, value, node, what)
        return place.base
    memory = body.memory(size, align)
    place = Place(storage, ir.LocalAddr(ir.POINTER, memory), space="own")
    build(body, place, node, what)
    return place.base


def value_in_memory(body: Body, storage: Any, value: t.Value, node: ast.AST, what: str) -> ir.Expr:
    size, align = size_align(storage)
    memory = body.memory(size, align)
    place = Place(storage, ir.LocalAddr(ir.POINTER, memory), space="own")
    store(body, place, value, node, what)
    return place.base


def _copy_clean(body: Body, place: Place, value: t.Value, node: ast.AST, what: str) -> None:
    """A record from memory that may hold anything in its padding."""
    from btfkit.frontend.python.storage import field_place  # noqa: PLC0415

    cls = place.storage
    layout = cls.__layout__
    if sum(f.size for f in layout.fields.values() if not f.bit_size) == layout.size or not (
        isinstance(value.type, t.RecordType) and value.type.cls is cls
    ):
        store(body, place, value, node, what)
        return
    body.emit(ir.Zero(place.address, layout.size, 8))
    for name, field in layout.fields.items():
        part = load(body, field_place(body, value, name, node))
        bits = (field.bit_off, field.bit_size) if field.bit_size else None
        at = Place(field.type, place.base, place.off + field.off, place.space, bits)
        if isinstance(field.type, type) and issubclass(field.type, Record):
            _copy_clean(body, at, part, node, what)
        else:
            store(body, at, part, node, what)


def key_of(body: Body, target: Target, node: ast.expr) -> ir.Expr:
    """The address of a key."""
    decl = target.decl
    if decl.key is None:
        body.fail(node, f"map '{decl.name}' has no keys")
    if isinstance(node, ast.Slice):
        body.fail(node, "a map has no slices")
    entries = decl.spec.max_entries
    if target.type in INDEXED and entries is not None:
        index = body.constant_of(node) if not isinstance(node, ast.Constant) else node.value
        if isinstance(index, int) and not 0 <= index < entries:
            body.fail(node, f"index {int(index)} of {entries} elements")
    return in_memory(body, decl.key, node, f"the key of '{decl.name}'")


def lookup(body: Body, target: Target, node: ast.expr) -> ir.Expr:
    """The address of an element, or null."""
    if target.type in STORAGE:
        return _storage_get(body, target, node, create=False)
    return _call(body, LOOKUP, [target.address, key_of(body, target, node)], ir.POINTER)


def _storage_get(body: Body, target: Target, node: ast.expr, *, create: bool) -> ir.Expr:
    owner = body.expr(node)
    if owner.expr is None or owner.expr.type != ir.POINTER:
        body.fail(node, f"map '{target.decl.name}' is indexed by a kernel object, not {body.describe(owner)}")
    if isinstance(owner.type, t.OptionalType):
        body.fail(node, f"{owner.type.name}: it may be None here", "check it first: if x is not None")
    flags = ir.Const(ir.U64, int(create))
    return _call(body, STORAGE[target.type][0], [target.address, owner.ir, ir.Const(ir.POINTER, 0), flags], ir.POINTER)


def is_null(pointer: ir.Expr) -> ir.Expr:
    return ir.Compare(ir.BOOL, "eq", pointer, ir.Const(ir.POINTER, 0))


def _element(body: Body, target: Target, pointer: ir.Expr, node: ast.AST) -> t.Value:
    """What is at an element's address (not null)."""
    decl = target.decl
    if decl.inner is not None:
        return t.Value(t.MapRef(decl.inner), pointer)
    if decl.value is None:
        body.fail(node, f"map '{decl.name}' has no values to read")
    return load(body, Place(decl.value, pointer, 0, element_space(decl)))


def get_item(body: Body, base: t.Value, node: ast.Subscript) -> t.Value:
    """``m[k]``: KeyError where it is missing."""
    target = target_of(base)
    if target.type in KEYLESS | STREAMS:
        body.fail(node, f"map '{target.decl.name}' has no elements with keys")
    if target.type == MapType.PROG_ARRAY:
        body.fail(node, "a program is called: calls[i](ctx)")
    if target.type in STORAGE:
        pointer = _storage_get(body, target, node.slice, create=True)
    else:
        pointer = lookup(body, target, node.slice)
    body.raise_if(is_null(pointer), _missing(target))
    return _element(body, target, pointer, node)


def _missing(target: Target) -> ir.Fault:
    return ir.Fault.INDEX if target.type in INDEXED else ir.Fault.KEY


def set_item(body: Body, base: t.Value, node: ast.Subscript, value: ast.expr, stmt: ast.AST) -> None:
    """``m[k] = v``."""
    target = target_of(base)
    _writable(body, target, node)
    what = f"the value of '{target.decl.name}'"
    if target.type in STORAGE:
        pointer = _storage_get(body, target, node.slice, create=True)
        body.raise_if(is_null(pointer), ir.Fault.KEY)
        build(body, Place(target.decl.value, pointer), value, what)
        return
    new = in_memory(body, target.decl.value, value, what)
    key = key_of(body, target, node.slice)
    result = ir.HelperCall(ir.I64, UPDATE, [target.address, key, new, ir.Const(ir.U64, 0)])
    if target.type in INDEXED:
        held = body.hold(result)
        body.raise_if(ir.Compare(ir.BOOL, "ne", held, ir.Const(ir.I64, 0)), ir.Fault.INDEX)
    else:
        body.emit(ir.Eval(result))


def _writable(body: Body, target: Target, node: ast.AST) -> None:
    decl = target.decl
    if decl.inner is not None or target.type in KEYLESS | STREAMS or decl.value is None:
        body.fail(node, f"an element of map '{decl.name}' cannot be set by a program")


def augment(body: Body, base: t.Value, node: ast.Subscript, stmt: ast.AugAssign) -> bool:
    """``m[k] += v``: a missing element counts as 0. False where the value is no integer: its field is then meant."""
    from btfkit.frontend.python.statements import augment_place  # noqa: PLC0415

    target = target_of(base)
    decl = target.decl
    if not (isinstance(decl.value, type) and issubclass(decl.value, FixedInt)):
        body.fail(node, f"a value of '{decl.name}' is not an integer", "change its fields: v = m[k]; v.n += 1")
    _writable(body, target, node)
    value = body.held(body.expr(stmt.value))
    if target.type in STORAGE:
        pointer = _storage_get(body, target, node.slice, create=True)
        body.raise_if(is_null(pointer), ir.Fault.KEY)
        augment_place(body, Place(decl.value, pointer, 0, "mem"), stmt.op, value, stmt)
        return True
    key = key_of(body, target, node.slice)
    pointer = ir.Local("element", ir.POINTER)
    found = ir.Get(ir.POINTER, pointer)
    body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    if target.type in INDEXED:
        body.raise_if(is_null(found), ir.Fault.INDEX)
        augment_place(body, Place(decl.value, found, 0, element_space(decl)), stmt.op, value, stmt)
        return True
    with body.capture() as missing:
        size, align = size_align(decl.value)
        zero = ir.LocalAddr(ir.POINTER, body.memory(size, align))
        body.emit(ir.Zero(zero, size, 8))
        body.emit(ir.Eval(ir.HelperCall(ir.I64, UPDATE, [target.address, key, zero, ir.Const(ir.U64, NOEXIST)])))
        body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    body.emit(ir.If(is_null(found), missing))
    with body.capture() as there:
        augment_place(body, Place(decl.value, found, 0, element_space(decl)), stmt.op, value, stmt)
    body.emit(ir.If(ir.Not(ir.BOOL, is_null(found)), there))
    return True


def delete_item(body: Body, base: t.Value, node: ast.Subscript) -> None:
    """``del m[k]``: KeyError where it is missing."""
    result = body.hold(_delete(body, target_of(base), node.slice))
    body.raise_if(ir.Compare(ir.BOOL, "lt", result, ir.Const(ir.I64, 0)), ir.Fault.KEY)


def _delete(body: Body, target: Target, node: ast.expr) -> ir.Expr:
    if target.type in STORAGE:
        owner = body.expr(node)
        return ir.HelperCall(ir.I64, STORAGE[target.type][1], [target.address, owner.ir])
    if target.type in (MapType.ARRAY, MapType.PERCPU_ARRAY):
        body.fail(node, f"an element of the array '{target.decl.name}' cannot be deleted", "set it to 0")
    return ir.HelperCall(ir.I64, DELETE, [target.address, key_of(body, target, node)])


def contains(body: Body, where: t.Value, what: t.Value, node: ast.AST) -> ir.Expr:
    """``k in m``; ``v in bloom_filter``."""
    target = target_of(where)
    decl = target.decl
    if target.type == MapType.BLOOM_FILTER:
        value = value_in_memory(body, decl.value, what, node, f"a value of '{decl.name}'")
        return ir.Compare(ir.BOOL, "eq", _call(body, PEEK, [target.address, value]), ir.Const(ir.I64, 0))
    if decl.key is None:
        body.fail(node, f"map '{decl.name}' has no keys")
    is_own = isinstance(what.type, t.RecordType) and what.type.space == "own" and what.type.cls is decl.key
    key = what.ir if is_own else value_in_memory(body, decl.key, what, node, f"the key of '{decl.name}'")
    return ir.Not(ir.BOOL, is_null(_call(body, LOOKUP, [target.address, key], ir.POINTER)))


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
    return _with_default(body, Place(decl.value, pointer, 0, element_space(decl)), pointer, node.args[1], node)


def optional_element(body: Body, target: Target, pointer: ir.Expr, node: ast.AST) -> t.Value:
    """``T | None`` of an element's address."""
    decl = target.decl
    if decl.inner is not None:
        return t.Value(t.OptionalType(t.MapRef(decl.inner)), pointer)
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
        with body.capture() as there:
            store(body, own, load(body, place), node, "the value")
        body.emit(ir.If(is_null(pointer), missing, there))
        return t.Value(type_, own.base)
    local = body.temp(type_.ir)
    with body.capture() as missing:
        value = ops.convert(body, body.expr(default), type_, default, "the default")
        body.emit(ir.Set(local, value))
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
    key = key_of(body, target, node.args[0])
    pointer = _call(body, LOOKUP, [target.address, key], ir.POINTER)
    place = Place(decl.value, pointer, 0, element_space(decl))
    if len(node.args) == 2:
        value = _with_default(body, place, pointer, node.args[1], node)
    else:
        body.raise_if(is_null(pointer), _missing(target))
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
    result = _call(body, number, [target.address, address])
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
    result = _call(body, PUSH, [target.address, value, flags])
    return t.Value(t.BOOL, ir.Compare(ir.BOOL, "eq", result, ir.Const(ir.I64, 0)))


def _setdefault(body: Body, target: Target, node: ast.Call) -> t.Value:
    decl = target.decl
    _writable(body, target, node)
    key = key_of(body, target, node.args[0])
    pointer = ir.Local("element", ir.POINTER)
    found = ir.Get(ir.POINTER, pointer)
    body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    with body.capture() as missing:
        if len(node.args) > 1:
            new = in_memory(body, decl.value, node.args[1], "the default")
        else:
            size, align = size_align(decl.value)
            new = ir.LocalAddr(ir.POINTER, body.memory(size, align))
            body.emit(ir.Zero(new, size, 8))
        body.emit(ir.Eval(ir.HelperCall(ir.I64, UPDATE, [target.address, key, new, ir.Const(ir.U64, NOEXIST)])))
        body.emit(ir.Set(pointer, ir.HelperCall(ir.POINTER, LOOKUP, [target.address, key])))
    body.emit(ir.If(is_null(found), missing))
    body.raise_if(is_null(found), ir.Fault.KEY)
    return _element(body, target, body.hold(found), node)


def _update(body: Body, target: Target, node: ast.Call) -> t.Value:
    _writable(body, target, node)
    value = in_memory(body, target.decl.value, node.args[1], f"the value of '{target.decl.name}'")
    key = key_of(body, target, node.args[0])
    flags = node.args[2] if len(node.args) > 2 else next((k.value for k in node.keywords if k.arg == "flags"), None)
    number: ir.Expr = ir.Const(ir.U64, 0)
    if flags is not None:
        number = ops.convert(body, body.expr(flags), t.U64, flags, "flags")
    return t.Value(t.I64, _call(body, UPDATE, [target.address, key, value, number]))


def _delete_method(body: Body, target: Target, node: ast.Call) -> t.Value:
    return t.Value(t.I64, body.hold(_delete(body, target, node.args[0])))


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
        return t.Value(t.I64, _call(body, PERF_OUTPUT, out))
    if target.type != MapType.RINGBUF or len(args) != 1:
        body.fail(node, "emit(record) is for ring buffers and perf event arrays")
    record = in_memory(body, decl.value, args[0], f"a record of '{decl.name}'")
    size = ir.Const(ir.U64, size_align(decl.value)[0])
    return t.Value(t.I64, _call(body, RINGBUF_OUTPUT, [target.address, record, size, ir.Const(ir.U64, 0)]))


def _redirect(body: Body, target: Target, node: ast.Call) -> t.Value:
    key = ops.convert(body, body.expr(node.args[0]), t.U64, node, "the key")
    flags_node = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "flags"), None)
    flags: ir.Expr = ir.Const(ir.U64, 0)
    if flags_node is not None:
        flags = ops.convert(body, body.expr(flags_node), t.U64, node, "flags")
    return t.Value(t.U32, ops.cast(_call(body, REDIRECT, [target.address, key, flags]), ir.U32))


def _stack_id(body: Body, target: Target, node: ast.Call) -> t.Value:
    context = body.expr(node.args[0])
    flags: ir.Expr = ir.Const(ir.U64, 0)
    if len(node.args) > 1:
        flags = ops.convert(body, body.expr(node.args[1]), t.U64, node, "flags")
    return t.Value(t.I64, _call(body, STACKID, [context.ir, target.address, flags]))


def _of_cpu(body: Body, target: Target, node: ast.Call) -> t.Value:
    if not target.decl.spec.per_cpu:
        body.fail(node, f"'{target.decl.name}' is not a per-CPU map")
    key = key_of(body, target, node.args[0])
    cpu = ops.convert(body, body.expr(node.args[1]), t.U32, node, "the CPU")
    pointer = _call(body, LOOKUP_PERCPU, [target.address, key, cpu], ir.POINTER)
    return optional_element(body, target, pointer, node)


def length(body: Body, value: t.Value, node: ast.AST) -> t.Value:
    """``len(m)``: its elements, counted one by one."""
    target = target_of(value)
    decl = target.decl
    if target.type in INDEXED and decl.spec.max_entries is not None:
        return t.Value(t.OBJECT, const=decl.spec.max_entries)
    if isinstance(value.type, t.MapRef) or decl.key is None or decl.value is None:
        body.fail(node, f"len() of map '{decl.name}' is not known")
    count = ir.Local("count", ir.I64)
    body.emit(ir.Set(count, ir.Const(ir.I64, 0)))
    one = ir.Binary(ir.I64, "add", ir.Get(ir.I64, count), ir.Const(ir.I64, 1))
    body.emit(ir.ForEach(decl.symbol, None, None, [ir.Set(count, one, span=body.span)]))
    return t.Value(t.PlainType(0, 1 << 32), ir.Get(ir.I64, count))


def tail_call(body: Body, base: t.Value, index: ast.expr, node: ast.Call) -> t.Value:
    """``calls[i](ctx)``: KeyError where there is no program."""
    target = target_of(base)
    if target.type != MapType.PROG_ARRAY:
        body.fail(node, f"an element of map '{target.decl.name}' cannot be called")
    if body.info.context is None or body.info.program is None:
        body.fail(node, "a tail call is made by the program itself", "return to it first")
    at = ops.convert(body, body.expr(index), t.U32, index, "the index")
    context = ir.Get(ir.POINTER, body.info.context.local)
    body.emit(ir.Eval(ir.HelperCall(ir.I64, TAIL_CALL, [context, target.address, at])))
    body.raise_if(ir.Const(ir.BOOL, 1), ir.Fault.KEY)
    return t.Value(t.I32, ir.Const(ir.I32, 0))


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

__all__ = [
    "augment", "contains", "delete_item", "element_space", "get_item", "in_memory", "length", "method", "set_item",
    "tail_call", "target_of", "value_in_memory",
]  # fmt: skip
