"""Expressions: syntax trees to values.

In: nodes and the state of a `Body`. Out: values; statements that must run first are emitted there. Calls are `calls`',
maps are `maps`', memory is `storage`'s.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import fits
from btfkit.bpf.maps import MapSpec
from btfkit.bpf.records import size_align
from btfkit.frontend.python import conditions, ir, kernel, ops, text
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.env import join
from btfkit.frontend.python.storage import Place, field_place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

NOT_IN_THE_LANGUAGE: dict[type[ast.expr], tuple[str, str]] = {
    ast.Lambda: ("a lambda", "write a function"),
    ast.ListComp: ("a list comprehension", "write a for loop"),
    ast.SetComp: ("a set comprehension", "write a for loop"),
    ast.DictComp: ("a dict comprehension", "write a for loop"),
    ast.GeneratorExp: ("a generator expression", "write a for loop"),
    ast.Dict: ("a dict made while running", "declare a map in the module: counts: dict[u32, u64] = {}"),
    ast.Set: ("a set made while running", "write a tuple, or declare a map in the module"),
    ast.List: ("a list made while running", "write an array: u32[4]([1, 2, 3, 4])"),
    ast.Await: ("await", ""),
    ast.Yield: ("yield", ""),
    ast.YieldFrom: ("yield from", ""),
    ast.Starred: ("*", ""),
    ast.JoinedStr: ("an f-string", "it can be printed: print(f'...')"),
}


def check(body: Body, node: ast.expr) -> t.Value:
    """The value of an expression."""
    handler = _HANDLERS.get(type(node))
    if handler is None:
        what, hint = NOT_IN_THE_LANGUAGE.get(type(node), (type(node).__name__, ""))
        body.fail(node, f"{what} is not in the language", hint)
    return handler(body, node)


def _constant(body: Body, node: ast.Constant) -> t.Value:
    if isinstance(node.value, (float, complex)):
        body.fail(node, f"{node.value} is not an integer", "BPF has no floating point: count in smaller units")
    return t.Value(t.OBJECT, const=node.value)


def _name(body: Body, node: ast.Name) -> t.Value:
    name = node.id
    if name in body.vars and name not in body.globals:
        return body.var_value(name, node)
    if name in body.local_names and name not in body.info.nested and name not in body.info.statics:
        return body.var_value(name, node)
    return body.global_value(name, node)


def _attribute(body: Body, node: ast.Attribute) -> t.Value:
    base = check(body, node.value)
    return attribute(body, base, node.attr, node)


def attribute(body: Body, base: t.Value, name: str, node: ast.Attribute) -> t.Value:
    """``base.name``."""
    if base.is_const:
        if isinstance(base.const, MapDecl):
            body.fail(node, f"'{name}' of a map is called, not read", f"write {base.const.name}.{name}(...)")
        try:
            return t.Value(t.OBJECT, const=getattr(base.const, name))
        except Exception as error:  # whatever the user's object raises is the diagnostic
            body.fail(node, str(error))
    match base.type:
        case t.OptionalType():
            body.fail(node, f"{base.type.name}: it may be None here", "check it first: if x is not None")
        case t.RecordType(cls=cls):
            if name not in cls.__layout__.fields and callable(getattr(cls, name, None)):
                body.fail(node, f"{cls.__name__}.{name} is a method", f"call it: {name}(...)")
            return load(body, field_place(body, base, name, node))
        case t.KernelPtr():
            return kernel.field(body, base, name, node)
    body.fail(node, f"{body.describe(base)} has no attributes")


def _subscript(body: Body, node: ast.Subscript) -> t.Value:
    base = check(body, node.value)
    if base.is_const:
        if isinstance(base.const, MapDecl):
            from btfkit.frontend.python.maps import get_item  # noqa: PLC0415

            return get_item(body, base, node)
        if isinstance(base.const, (dict, MapSpec)) and not isinstance(base.const, type):
            body.fail(node, "this dict has no types", "annotate it: counts: dict[u32, u64] = {}")
        index = check(body, node.slice)
        if index.is_const and not isinstance(node.slice, ast.Slice):
            try:
                return t.Value(t.OBJECT, const=base.const[index.const])
            except Exception as error:  # whatever the user's object raises is the diagnostic
                body.fail(node, f"{body.describe(base)}[{body.describe(index)}]: {error}")
        if isinstance(base.const, (tuple, list, bytes)):
            return _table(body, base.const, index, node)
    if isinstance(base.type, t.MapRef):
        from btfkit.frontend.python.maps import get_item  # noqa: PLC0415

        return get_item(body, base, node)
    if isinstance(base.type, t.ArrayRef):
        if isinstance(node.slice, ast.Slice):
            return text.slice_of(body, base, node)
        return load(body, element_place(body, base, check(body, node.slice), node))
    if base.items is not None:
        index = check(body, node.slice)
        if index.is_const and isinstance(index.const, int) and -len(base.items) <= index.const < len(base.items):
            return base.items[index.const]
    if isinstance(base.type, t.KernelPtr):
        return kernel.element(body, base, check(body, node.slice), node)
    if isinstance(base.bound, Place) and base.bound.field in getattr(base.bound.owner, "packet_bounds", ()):
        hint = "take a header, which is None where the packet is shorter: eth = ctx.packet(EthHdr)"
        body.fail(node, "the packet is not read by its address", hint)
    body.fail(node, f"{body.describe(base)} cannot be indexed")


def _table(body: Body, items: Any, index: t.Value, node: ast.AST) -> t.Value:
    """A constant tuple of integers, indexed while running: a table in read-only memory."""
    if not all(isinstance(item, int) for item in items):
        body.fail(node, "only a tuple of integers can be indexed by a variable")
    if not items:
        body.fail(node, "an empty tuple has no elements")
    if min(items) < t.I64_MIN or max(items) > (t.I64_MAX if min(items) < 0 else (1 << 64) - 1):
        body.fail(node, "the constants do not fit 64 bits together")
    low, high = min(items), max(items)
    signed = low < 0
    bits = next(b for b in (8, 16, 32, 64) if fits(low, b, signed) and fits(high, b, signed))
    order: Any = body.unit.byte_order
    data = b"".join(int(item).to_bytes(bits // 8, order, signed=signed) for item in items)
    place = checked_index(body, ir.Text(ir.POINTER, data), len(items), bits // 8, index, node)
    type_ = t.IntType(bits, signed)
    return t.Value(t.PlainType(low, high), ops.cast(body.hold(ir.Load(type_.ir, place, 0, 1)), ir.I64))


def checked_index(body: Body, base: ir.Expr, count: int, scale: int, index: t.Value, node: ast.AST) -> ir.Expr:
    """The address of an element; a constant index is checked now, any other in the program (IndexError)."""
    if not index.is_int:
        body.fail(node, f"an index is an integer, not {body.describe(index)}")
    if index.is_const:
        at = int(index.const)
        if not -count <= at < count:
            body.fail(node, f"index {at} of {count} elements")
        off = (at + count if at < 0 else at) * scale
        return ir.Offset(ir.POINTER, base, off) if off else base
    low, high = ops.bounds(index)
    if low < 0:  # from the end, as Python counts
        signed = body.hold(ops.to_type(index, t.I64))
        negative = ir.Compare(ir.BOOL, "lt", signed, ir.Const(ir.I64, 0))
        from_end = ir.Binary(ir.I64, "add", signed, ir.Const(ir.I64, count))
        at_expr = ops.cast(body.hold(ir.Choose(ir.I64, negative, from_end, signed)), ir.U64)
    else:
        at_expr = body.hold(ops.to_type(index, t.U64))
    limit = ir.Const(ir.U64, count)
    if low < 0 or high >= count:
        at_expr = body.hold(ir.Opaque(ir.U64, at_expr))
        body.raise_if(ir.Compare(ir.BOOL, "ge", at_expr, limit), ir.Fault.INDEX)
        at_expr = ir.Opaque(ir.U64, at_expr)
    elif not _is_masked(body, node):  # in range, as the verifier may not know: it has no limits of a remainder
        at_expr = body.hold(ir.Opaque(ir.U64, at_expr))
        inside = ir.Compare(ir.BOOL, "lt", at_expr, limit)
        at_expr = ir.Opaque(ir.U64, ir.Choose(ir.U64, inside, at_expr, ir.Const(ir.U64, 0)))
    elif any(isinstance(part, (ast.BitAnd, ast.Mod)) for part in ast.walk(node)):
        at_expr = ir.Opaque(ir.U64, at_expr)  # else LLVM adds it to an aligned address by |, which pointers have not
        mask = (1 << high.bit_length()) - 1
        if mask < count:  # and LLVM may have left out the mask, knowing more than the verifier
            at_expr = ir.Opaque(ir.U64, ir.Binary(ir.U64, "and", at_expr, ir.Const(ir.U64, mask)))
    return ir.Index(ir.POINTER, base, at_expr, scale)


def _is_masked(body: Body, node: ast.AST) -> bool:
    """``a[i & 7]``, ``a[i % 8]``; and in a loop that the verifier walks round by round ``a[i]``, ``a[2 * i + 1]``."""
    index = node.slice if isinstance(node, ast.Subscript) else node
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Mod) and isinstance(index.right, ast.Constant):
        divisor = index.right.value
        return isinstance(divisor, int) and divisor > 0 and divisor & (divisor - 1) == 0
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.BitAnd):
        return True
    names = [part.id for part in ast.walk(index) if isinstance(part, ast.Name)]
    known = (ast.Name, ast.BinOp, ast.Constant, ast.operator, ast.expr_context)
    return body.counters.issuperset(names) and all(isinstance(part, known) for part in ast.walk(index))


def element_place(body: Body, base: t.Value, index: t.Value, node: ast.AST) -> Place:
    """An element of an array."""
    assert isinstance(base.type, t.ArrayRef)
    array, space = base.type.type, base.type.space
    size = size_align(array.elem)[0]
    if not index.is_int:
        body.fail(node, f"an index is an integer, not {body.describe(index)}")
    if space in ("ctx", "args") and not index.is_const:
        body.fail(node, "an array of a context is indexed by constants", "copy it first: copy(x), then index that")
    if index.is_const and isinstance(base.bound, Place):
        at = int(index.const)
        is_open = space == "ctx" and not array.count and at >= 0  # the verifier knows how many there are
        if not is_open and not -array.count <= at < array.count:
            body.fail(node, f"index {index.const} of {array.count} elements")
        off = (at + array.count if at < 0 else at) * size
        inner = base.bound
        return Place(array.elem, inner.base, inner.off + off, space, None, inner.owner, inner.field, inner.align)
    return Place(array.elem, checked_index(body, base.ir, array.count, size, index, node), 0, space)


def place_of(body: Body, node: ast.expr) -> Place:
    """What can be assigned to: a field, an element, a variable of the module."""
    if isinstance(node, ast.Attribute):
        base = check(body, node.value)
        if isinstance(base.type, t.RecordType):
            return field_place(body, base, node.attr, node)
        if isinstance(base.type, t.OptionalType):
            body.fail(node, f"{base.type.name}: it may be None here", "check it first: if x is not None")
        if isinstance(base.type, t.KernelPtr):
            return kernel.writable_field(body, base, node.attr, node)
        body.fail(node, f"{body.describe(base)}.{node.attr} cannot be set")
    if isinstance(node, ast.Subscript):
        base = check(body, node.value)
        if isinstance(base.type, t.ArrayRef):
            if isinstance(node.slice, ast.Slice):
                part = text.slice_of(body, base, node)
                assert isinstance(part.type, t.ArrayRef)
                return Place(part.type.type, part.ir, 0, part.type.space, align=1)
            return element_place(body, base, check(body, node.slice), node)
        hint = "a map says its types in the module: name: dict[K, V] = {}" if isinstance(base.const, dict) else ""
        body.fail(node, f"an element of {body.describe(base)} cannot be set", hint)
    value = check(body, node)
    if isinstance(value.bound, Place):
        return value.bound
    body.fail(node, "this is not a place in memory", "a field, an element or a variable of the module is one")


def _binary(body: Body, node: ast.BinOp) -> t.Value:
    left = body.held(check(body, node.left))
    return ops.binary(body, node.op, left, body.held(check(body, node.right)), node)


def _unary(body: Body, node: ast.UnaryOp) -> t.Value:
    if isinstance(node.op, ast.Not):
        test = body.condition(node)[0]
        if isinstance(test, ir.Const):
            return t.Value(t.OBJECT, const=bool(test.value))
        return t.Value(t.BOOL, test)
    return ops.unary(body, node.op, check(body, node.operand), node)


def _is_test(body: Body, node: ast.expr) -> bool:
    """Its value is a boolean."""
    if isinstance(node, ast.BoolOp):
        return _is_test(body, node.values[0])
    if isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return True
    with body.capture():
        mark, before = dict(body.unit.diagnostics.found), body.env.copy()
        found = check(body, node)
        body.unit.diagnostics.found, body.env = mark, before
    return isinstance(found.type, t.BoolType)


def _bool_op(body: Body, node: ast.BoolOp) -> t.Value:
    """Booleans stay booleans; of other values, the one that decides."""
    values = node.values
    if _is_test(body, values[0]):
        test = body.condition(node)[0]
        if isinstance(test, ir.Const):
            return t.Value(t.OBJECT, const=bool(test.value))
        return t.Value(t.BOOL, body.hold(test))
    left = body.held(check(body, values[0]))
    for right_node in values[1:]:
        test = body.truth(left, values[0])
        is_and = isinstance(node.op, ast.And)
        with body.capture() as stmts:
            right = check(body, right_node)
        kept: Branch = ([], left)
        then, other = ((stmts, right), kept) if is_and else (kept, (stmts, right))
        left = _choose(body, test, then, other, node)
    return left


Branch = tuple[list[ir.Stmt], t.Value]


def _choose(body: Body, test: ir.Expr, then: Branch, other: Branch, node: ast.AST) -> t.Value:
    """The value of one of two branches."""
    (then_stmts, a), (other_stmts, b) = then, other
    types = [t.NONE if v.is_const and v.const is None else ops.number_type(v) if v.is_int else v.type for v in (a, b)]
    if a.is_const and b.is_const and isinstance(test, ir.Const):
        return a if test.value else b
    for value in (a, b):
        if value.is_const and not value.is_int and value.const is not None:
            body.fail(node, f"{body.describe(value)} is no value to choose while running")
    joined = join(types[0], types[1], 0)
    if joined is None and all(isinstance(x, t.RecordType) for x in types):
        body.fail(node, "one is a record of its own, the other a place in memory", "write an if, with copy(...)")
    if joined is None:
        body.fail(node, f"one is {types[0].name}, the other {types[1].name}")
    inner = joined.inner if isinstance(joined, t.OptionalType) else joined
    local = body.temp(inner.ir)
    flag = body.temp(ir.BOOL) if isinstance(joined, t.OptionalType) and joined.by_flag else None
    branches: list[list[ir.Stmt]] = []
    for stmts, value in ((then_stmts, a), (other_stmts, b)):
        with body.capture() as out:
            out.extend(stmts)
            is_none = value.is_const and value.const is None
            if is_none:
                body.emit(ir.Set(local, ir.Const(inner.ir, 0)))
            elif isinstance(inner, (t.IntType, t.PlainType, t.BoolType)):
                plain = t.Value(inner, value.expr) if isinstance(value.type, t.OptionalType) else value
                body.emit(ir.Set(local, ops.to_type(plain, inner)))
            else:
                body.emit(ir.Set(local, value.ir))
            if flag is not None:
                body.emit(ir.Set(flag, value.flag or ir.Const(ir.BOOL, int(not is_none))))
        branches.append(out)
    body.emit(ir.If(test, branches[0], branches[1]))
    return t.Value(joined, ir.Get(local.type, local), flag=ir.Get(ir.BOOL, flag) if flag is not None else None)


def _if_exp(body: Body, node: ast.IfExp) -> t.Value:
    test, yes, no = body.condition(node.test)
    before = set(body.env.present)
    branches: list[Branch] = []
    for part, known in ((node.body, yes), (node.orelse, no)):
        body.env.present = before | known
        with body.capture() as stmts:
            value = body.held(check(body, part))
        branches.append((stmts, value))
    body.env.present = before
    return _choose(body, test, branches[0], branches[1], node)


def _compare(body: Body, node: ast.Compare) -> t.Value:
    return conditions.compare_chain(body, node)


def _named(body: Body, node: ast.NamedExpr) -> t.Value:
    value = check(body, node.value)
    body.set_var(node.target.id, value, node)
    return body.var_value(node.target.id, node)


def _tuple(body: Body, node: ast.Tuple) -> t.Value:
    items = [body.held(check(body, item)) for item in node.elts]
    if all(item.is_const for item in items):
        return t.Value(t.OBJECT, const=tuple(item.const for item in items))
    return t.Value(t.TupleType(tuple(item.type for item in items)), items=items)


def _call(body: Body, node: ast.Call) -> t.Value:
    from btfkit.frontend.python.calls import call  # noqa: PLC0415

    return call(body, node)


_HANDLERS: dict[type[ast.expr], Callable[[Any, Any], t.Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _bool_op,
    ast.IfExp: _if_exp,
    ast.Compare: _compare,
    ast.NamedExpr: _named,
    ast.Tuple: _tuple,
    ast.Call: _call,
}

__all__ = ["attribute", "check", "checked_index", "element_place", "place_of"]
