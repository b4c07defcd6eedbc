"""``return``: by register, or through the address that the caller gives."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from btfkit.frontend.python import ir, kind_rules, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.expr import check
from btfkit.frontend.python.storage import Place, build, store
from btfkit.frontend.python.unit import Bad

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body


def return_(body: Body, node: ast.Return) -> None:
    info = body.info
    result = info.function.result
    if info.bad_result:
        if node.value is not None:
            check(body, node.value)
        raise Bad
    is_none = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    if info.program is not None:
        if is_none:
            if not isinstance(info.result, t.NoneType):
                body.fail(node, f"'{info.name}' returns {info.result.name}, not None")
            body.emit(ir.Return(ir.Const(result, info.function.default)))
        else:
            assert node.value is not None
            value = check(body, node.value)
            kind_rules.check_result(body, value, node.value)
            type_ = t.U32 if isinstance(info.result, t.NoneType) else info.result
            if isinstance(info.result, t.NoneType) and not value.is_int:
                body.fail(node, f"a program returns an integer, not {body.describe(value)}")
            body.emit(ir.Return(ops.cast(ops.convert(body, value, type_, node, "the result"), result)))
    elif is_none:
        if isinstance(info.result, t.OptionalType):
            body.return_none()
        elif isinstance(info.result, t.NoneType):
            body.emit(ir.Return())
        else:
            body.fail(node, f"'{info.name}' returns {info.result.name}, not None")
    else:
        assert node.value is not None
        _return_value(body, node.value)
    body.env.alive = False


def _return_value(body: Body, node: ast.expr) -> None:
    info = body.info
    result = info.result
    inner = result.inner if isinstance(result, t.OptionalType) else result
    if isinstance(result, t.NoneType):
        body.fail(node, f"'{info.name}' is declared to return nothing", "write -> and the type after its parameters")
    if isinstance(result, t.TupleType):
        _return_tuple(body, node, result)
        return
    if info.by_memory:
        assert info.out is not None
        storage = result_storage(inner)
        place = Place(storage, ir.Get(ir.POINTER, info.out), space="own")
        if isinstance(result, t.OptionalType):
            value = check(body, node)
            if isinstance(value.type, t.OptionalType):
                _return_optional(body, place, value, node)
                return
            store(body, place, value, node, "the result")
            body.emit(ir.Return(ir.Const(ir.BOOL, 1)))
            return
        build(body, place, node, "the result")
        body.emit(ir.Return())
        return
    value = check(body, node)
    if isinstance(inner, (t.IntType, t.PlainType, t.BoolType)):
        body.emit(ir.Return(ops.convert(body, value, inner, node, "the result")))
        return
    given = value.type.inner if isinstance(value.type, t.OptionalType) else value.type
    if isinstance(value.type, t.OptionalType) and not isinstance(result, t.OptionalType):
        body.fail(node, "the result may be None here", f"declare -> {inner.name} | None, or check it first")
    same_record = isinstance(given, t.RecordType) and isinstance(inner, t.RecordType) and given.cls is inner.cls
    if same_record and isinstance(given, t.RecordType) and given.space == "own":
        body.fail(node, "this record ends with the function", "return it by value: without Ptr")
    if not same_record and type(given) is not type(inner):
        body.fail(node, f"'{info.name}' returns {result.name}, not {body.describe(value)}")
    body.emit(ir.Return(value.ir))


def result_storage(inner: t.ValueType) -> Any:
    if isinstance(inner, t.RecordType):
        return inner.cls
    if isinstance(inner, t.ArrayRef):
        return inner.type
    if isinstance(inner, t.IntType):
        return t.vocabulary_type(inner.shape)
    return bool if isinstance(inner, t.BoolType) else t.vocabulary_type((64, True))


def _return_optional(body: Body, place: Place, value: t.Value, node: ast.expr) -> None:
    assert isinstance(value.type, t.OptionalType)
    test = body.truth(value, node)
    with body.capture() as out:
        store(body, place, t.Value(value.type.inner, value.expr), node, "the result")
        body.emit(ir.Return(ir.Const(ir.BOOL, 1)))
    body.emit(ir.If(test, out))
    body.return_none()


def _return_tuple(body: Body, node: ast.expr, result: t.TupleType) -> None:
    assert body.info.out is not None
    value = check(body, node)
    items = value.items
    if items is None and value.is_const and isinstance(value.const, tuple):
        items = [t.Value(t.OBJECT, const=item) for item in value.const]
    if items is None or len(items) != len(result.items):
        body.fail(node, f"the result is a tuple of {len(result.items)}")
    for i, (item, type_) in enumerate(zip(items, result.items, strict=True)):
        if not isinstance(type_, (t.IntType, t.PlainType, t.BoolType)):
            body.fail(node, "a tuple that is returned has integers", "return a Struct")
        number = ops.cast(ops.convert(body, item, type_, node, f"item {i}"), ir.U64)
        body.emit(ir.Store(ir.Get(ir.POINTER, body.info.out), number, 8 * i, 8))
    body.emit(ir.Return())


__all__ = ["result_storage", "return_"]
