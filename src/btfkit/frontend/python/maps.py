"""Maps as Python's mappings: subscripts, ``in``, methods.

In: a declared map, or one found in a map of maps. Out: calls of the map helpers, with keys and values in zeroed memory
and every pointer tested before it is used.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from btfkit.bpf.contexts import bpf_sock
from btfkit.bpf.ints import FixedInt
from btfkit.bpf.records import Record, size_align
from btfkit.format.maptype import INDEXED, MapType
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import Place, build, load, store

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

LOOKUP, UPDATE, DELETE, TAIL_CALL, PEEK = 1, 2, 3, 12, 89
NOEXIST = 1
STORAGE = {
    MapType.SK_STORAGE: (107, 108),
    MapType.INODE_STORAGE: (145, 146),
    MapType.TASK_STORAGE: (156, 157),
    MapType.CGRP_STORAGE: (210, 211),
}
KEYLESS = frozenset({MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER})
SOCKETS = frozenset({MapType.SOCKMAP, MapType.SOCKHASH})
"""Of which a program gets a socket that it must give back: sk_release(it)."""
DELETABLE = SOCKETS | {
    MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH, MapType.LPM_TRIE,
}  # fmt: skip
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


def call_helper(body: Body, number: int, args: list[ir.Expr], type_: ir.Type = ir.I64) -> ir.Expr:
    return body.hold(ir.HelperCall(type_, number, args))


def in_memory(body: Body, storage: Any, node: ast.expr, what: str) -> ir.Expr:
    """The address of a value of that type: where it is already if that will do, else a copy in zeroed memory."""
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
    body.emit(ir.Zero(place.address, layout.size, place.start_align))
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
        sign, number = (
            (-1, node.operand) if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else (1, node)
        )
        index = body.constant_of(number) if not isinstance(number, ast.Constant) else number.value
        index = sign * index if isinstance(index, int) else None
        if isinstance(index, int) and not 0 <= index < entries:
            body.fail(node, f"index {int(index)} of {entries} elements")
    return in_memory(body, decl.key, node, f"the key of '{decl.name}'")


def lookup(body: Body, target: Target, node: ast.expr) -> ir.Expr:
    """The address of an element, or null."""
    if target.type in STORAGE:
        return storage_get(body, target, node, create=False)
    return call_helper(body, LOOKUP, [target.address, key_of(body, target, node)], ir.POINTER)


def storage_get(body: Body, target: Target, node: ast.expr, *, create: bool, initial: ir.Expr | None = None) -> ir.Expr:
    """`_storage_of` of an expression."""
    return _storage_of(body, target, body.expr(node), node, create=create, initial=initial)


def _storage_of(
    body: Body, target: Target, owner: t.Value, node: ast.AST, *, create: bool, initial: ir.Expr | None = None
) -> ir.Expr:
    """The address of what belongs to a kernel object, or null. initial: where what is made starts from; else zeros."""
    if owner.expr is None or owner.expr.type != ir.POINTER:
        body.fail(node, f"map '{target.decl.name}' is indexed by a kernel object, not {body.describe(owner)}")
    if isinstance(owner.type, t.OptionalType):
        body.fail(node, f"{owner.type.name}: it may be None here", "check it first: if x is not None")
    flags = ir.Const(ir.U64, int(create))
    args = [target.address, owner.ir, initial or ir.Const(ir.POINTER, 0), flags]
    return call_helper(body, STORAGE[target.type][0], args, ir.POINTER)


def is_null(pointer: ir.Expr) -> ir.Expr:
    return ir.Compare(ir.BOOL, "eq", pointer, ir.Const(ir.POINTER, 0))


def element(body: Body, target: Target, pointer: ir.Expr, node: ast.AST) -> t.Value:
    """What is at an element's address (not null)."""
    decl = target.decl
    if decl.inner is not None:
        return t.Value(t.MapRef(decl.inner), pointer)
    if target.type in SOCKETS:
        return t.Value(t.RecordType(bpf_sock, "ctx"), pointer)
    require_values(body, target, node)
    return load(body, Place(decl.value, pointer, 0, element_space(decl)))


def get_item(body: Body, base: t.Value, node: ast.Subscript) -> t.Value:
    """``m[k]``: KeyError where it is missing."""
    target = target_of(base)
    if target.type in KEYLESS | STREAMS:
        body.fail(node, f"map '{target.decl.name}' has no elements with keys")
    if target.type == MapType.PROG_ARRAY:
        body.fail(node, "a program is called: calls[i](ctx)")
    if target.type in STORAGE:
        pointer = storage_get(body, target, node.slice, create=True)
    else:
        pointer = lookup(body, target, node.slice)
    body.raise_if(is_null(pointer), missing_fault(target))
    return element(body, target, pointer, node)


def missing_fault(target: Target) -> ir.Fault:
    return ir.Fault.INDEX if target.type in INDEXED else ir.Fault.KEY


def set_item(body: Body, base: t.Value, node: ast.Subscript, value: ast.expr, stmt: ast.AST) -> None:
    """``m[k] = v``."""
    target = target_of(base)
    require_writable(body, target, node)
    what = f"the value of '{target.decl.name}'"
    if target.type in STORAGE:
        pointer = storage_get(body, target, node.slice, create=True)
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


def require_values(body: Body, target: Target, node: ast.AST) -> None:
    if target.decl.value is None:
        body.fail(node, f"map '{target.decl.name}' has no values to read")


def require_writable(body: Body, target: Target, node: ast.AST) -> None:
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
    require_writable(body, target, node)
    if target.type in STORAGE:
        value = body.held(body.expr(stmt.value))
        own = storage_get(body, target, node.slice, create=True)
        body.raise_if(is_null(own), ir.Fault.KEY)
        augment_place(body, Place(decl.value, own, 0, "mem"), stmt.op, value, stmt)
        return True
    key = key_of(body, target, node.slice)
    value = body.held(body.expr(stmt.value))
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
    result = body.hold(call_delete(body, target_of(base), node.slice))
    body.raise_if(ir.Compare(ir.BOOL, "lt", result, ir.Const(ir.I64, 0)), ir.Fault.KEY)


def call_delete(body: Body, target: Target, node: ast.expr) -> ir.Expr:
    if target.type in STORAGE:
        owner = body.expr(node)
        return ir.HelperCall(ir.I64, STORAGE[target.type][1], [target.address, owner.ir])
    check_deletable(body, target, node)
    return ir.HelperCall(ir.I64, DELETE, [target.address, key_of(body, target, node)])


def check_deletable(body: Body, target: Target, node: ast.AST) -> None:
    if target.type in (MapType.ARRAY, MapType.PERCPU_ARRAY):
        body.fail(node, f"an element of the array '{target.decl.name}' cannot be deleted", "set it to 0")
    if target.decl.key is not None and target.type not in DELETABLE:
        body.fail(node, f"an element of map '{target.decl.name}' cannot be deleted by a program")


def contains(body: Body, where: t.Value, what: t.Value, node: ast.AST) -> ir.Expr:
    """``k in m``; ``v in bloom_filter``."""
    target = target_of(where)
    decl = target.decl
    if target.type == MapType.BLOOM_FILTER:
        value = value_in_memory(body, decl.value, what, node, f"a value of '{decl.name}'")
        return ir.Compare(ir.BOOL, "eq", call_helper(body, PEEK, [target.address, value]), ir.Const(ir.I64, 0))
    if target.type in STORAGE:
        return ir.Not(ir.BOOL, is_null(_storage_of(body, target, what, node, create=False)))
    if decl.key is None:
        body.fail(node, f"map '{decl.name}' has no keys")
    is_own = isinstance(what.type, t.RecordType) and what.type.space == "own" and what.type.cls is decl.key
    key = what.ir if is_own else value_in_memory(body, decl.key, what, node, f"the key of '{decl.name}'")
    pointer = call_helper(body, LOOKUP, [target.address, key], ir.POINTER)
    found = body.temp(ir.BOOL)  # by a branch: LLVM joins null tests that are values to one of pointer | pointer
    there: list[ir.Stmt] = [ir.Barrier(span=body.span), ir.Set(found, ir.Const(ir.BOOL, 1), span=body.span)]
    missing: list[ir.Stmt] = [ir.Set(found, ir.Const(ir.BOOL, 0), span=body.span)]
    body.emit(ir.If(is_null(pointer), missing, there))
    return ir.Get(ir.BOOL, found)


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
    body.fault(ir.Fault.KEY)
    body.emit(ir.Raise(ir.Fault.KEY))
    body.env.alive = False
    return t.Value(t.I32, ir.Const(ir.I32, 0))


__all__ = [
    "augment", "check_deletable", "contains", "delete_item", "element_space", "get_item", "in_memory", "length",
    "require_values", "set_item", "tail_call", "target_of", "value_in_memory",
]  # fmt: skip
