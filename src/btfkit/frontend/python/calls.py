"""Calls: functions of the program, methods, types as conversions, builtins, words, helpers and kfuncs."""

from __future__ import annotations

import ast
import os
import types as python_types
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from btfkit.bpf import records
from btfkit.bpf.ints import ArrayType, FixedInt
from btfkit.bpf.programs import BpfProgram
from btfkit.bpf.records import RecordMeta, size_align
from btfkit.bpf.words import HelperFunction, KernelType, Kfunc, Word
from btfkit.frontend.python import conditions, expr, ir, kernel, map_methods, maps, ops, packet, text, timers, words
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, MapDecl, Param
from btfkit.frontend.python.storage import Place, load, make
from btfkit.frontend.python.unit import Bad

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

FOLDED: tuple[Any, ...] = (ord, chr, len, int, str, bytes, min, max, abs, sum, bool, round, divmod, pow, tuple, range)
"""Builtins that are called when compiling, where all arguments are constants."""
MOST_FOLDED = 1 << 16


def call(body: Body, node: ast.Call) -> t.Value:
    """The value of a call."""
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            body.fail(arg, "*arguments are not in the language")
    if isinstance(node.func, ast.Attribute):
        return _method(body, node, node.func)
    if isinstance(node.func, ast.Subscript):
        base = body.expr(node.func.value)
        if base.is_const and isinstance(base.const, MapDecl):
            if len(node.args) != 1:
                body.fail(node, "a program is called with the context: calls[i](ctx)")
            return maps.tail_call(body, base, node.func.slice, node)
    return _call_const(body, body.expr(node.func), node)


def _method(body: Body, node: ast.Call, func: ast.Attribute) -> t.Value:
    base = body.expr(func.value)
    if isinstance(base.type, t.MapRef) or (base.is_const and isinstance(base.const, MapDecl)):
        return map_methods.method(body, base, func.attr, node)
    if base.is_const:
        return _call_const(body, expr.attribute(body, base, func.attr, func), node)
    if isinstance(base.type, t.OptionalType):
        body.fail(func, f"{base.type.name}: it may be None here", "check it first: if x is not None")
    if isinstance(base.type, t.ArrayRef) and func.attr == "startswith" and len(node.args) == 1:
        return text.startswith(body, base, body.expr(node.args[0]), node)
    if isinstance(base.type, t.RecordType):
        cls = base.type.cls
        if base.type.is_context and func.attr == "packet":
            return packet.packet(body, base, node)
        if base.type.is_header and func.attr == "next":
            return packet.next_header(body, base, node)
        if cls.__name__ == "bpf_timer":
            return timers.method(body, base, func.attr, node)
        if callable(getattr(cls, func.attr, None)):
            return call_method(body, base, func.attr, node.args, node, node.keywords)
        near = ", ".join(n for n in vars(cls) if not n.startswith("_") and callable(getattr(cls, n)))
        body.fail(func, f"{cls.__name__} has no method '{func.attr}'", f"it has {near}" if near else "")
    body.fail(func, f"{body.describe(base)} has no method '{func.attr}'")


def call_method(
    body: Body,
    base: t.Value,
    name: str,
    args: Sequence[ast.expr],
    node: ast.AST,
    keywords: Sequence[ast.keyword] = (),
) -> t.Value:
    """A method that a Struct's class defines: a function whose first parameter is the record."""
    assert isinstance(base.type, t.RecordType)
    function = getattr(base.type.cls, name)
    if not isinstance(function, python_types.FunctionType):
        body.fail(node, f"{base.type.name}.{name} is not a plain method")
    return call_function(body, body.unit.function(function, body.where(node)), args, keywords, node, first=base)


def _call_const(body: Body, callee: t.Value, node: ast.Call) -> t.Value:
    const = callee.const
    if not callee.is_const:
        body.fail(node.func, f"{body.describe(callee)} cannot be called")
    if isinstance(const, FunctionInfo):
        return call_function(body, const, node.args, node.keywords, node)
    if isinstance(const, BpfProgram):
        body.fail(node, f"'{const.function.__name__}' is a program: only the kernel calls it", "use a tail call")
    if isinstance(const, Word):
        return words.call(body, const, node)
    if isinstance(const, (HelperFunction, Kfunc)):
        from btfkit.frontend.python import kernel_calls  # noqa: PLC0415 (most programs need none)

        if isinstance(const, Kfunc):
            return kernel_calls.call_kfunc(body, const, node)
        return kernel_calls.call_helper(body, const.helper, node)
    if isinstance(const, python_types.FunctionType) and const is not records.sizeof and not _is_foreign(const):
        return call_function(body, body.unit.function(const, body.where(node)), node.args, node.keywords, node)
    if isinstance(const, (RecordMeta, ArrayType)):
        return _fresh(body, const, node)
    if isinstance(const, type) and issubclass(const, FixedInt):
        return _conversion(body, const, node)
    handler = _BUILTINS.get(const) if _hashable(const) else None
    if handler is not None:
        return handler(body, node)
    if const in FOLDED or (isinstance(const, type) and issubclass(const, IntEnum)):
        return _folded(body, const, node)
    body.fail(node, f"{body.describe(callee)} cannot be called in a BPF program")


def _is_foreign(function: python_types.FunctionType) -> bool:
    """Of Python's own library, or of this one's: none that could be compiled."""
    file = function.__code__.co_filename
    return (file.startswith(("<frozen ", os.path.dirname(os.__file__) + os.sep)) and "site-packages" not in file) or (
        function.__module__.startswith("btfkit.")
    )


def plural(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _hashable(const: Any) -> bool:
    return getattr(const, "__hash__", None) is not None


def _fresh(body: Body, storage: Any, node: ast.Call) -> t.Value:
    """A record or array made here."""
    size, align = size_align(storage)
    memory = body.memory(size, align)
    place = Place(storage, ir.LocalAddr(ir.POINTER, memory), space="own")
    if not node.args and not node.keywords and (isinstance(storage, ArrayType) or not storage.__defaults__):
        body.emit(ir.Zero(place.base, size, 8))
        return t.Value(body.unit.value_type(storage, space="own"), place.base)
    make(body, place, node, t.type_name(storage))
    return t.Value(body.unit.value_type(storage, space="own"), place.base)


def _conversion(body: Body, cls: type[FixedInt], node: ast.Call) -> t.Value:
    """``u32(x)``: x wrapped to that type."""
    if len(node.args) != 1 or node.keywords:
        body.fail(node, f"{cls.__name__}() takes one value")
    value = body.expr(node.args[0])
    if value.is_const and isinstance(value.const, int):
        return t.Value(t.OBJECT, const=cls(value.const))
    type_ = t.IntType(cls.bits, cls.signed)
    if value.expr is not None and value.expr.type == ir.POINTER and not isinstance(value.type, t.OptionalType):
        return t.Value(type_, ops.cast(ir.Cast(ir.U64, value.expr), type_.ir))
    if not value.is_int:
        body.fail(node, f"{cls.__name__}() of {body.describe(value)}: it takes an integer")
    low, high = ops.bounds(value)
    return t.Value(type_, ops.to_type(value, type_), most=high if low >= 0 and high < 1 << type_.bits else None)


def _folded(body: Body, function: Any, node: ast.Call) -> t.Value:
    args = [body.expr(arg) for arg in node.args]
    if not all(arg.is_const for arg in args) or node.keywords:
        body.fail(node, f"{t.type_name(function)}() is known only for constants")
    for arg in args:
        if isinstance(arg.const, range) and len(arg.const) > MOST_FOLDED:
            body.fail(node, f"{t.type_name(function)}() of more than {MOST_FOLDED} constants")
        if function in (bytes, pow) and isinstance(arg.const, int) and arg.const > MOST_FOLDED:
            body.fail(node, f"{t.type_name(function)}() of {int(arg.const)} is too much for a constant")
    try:
        return t.Value(t.OBJECT, const=function(*(arg.const for arg in args)))
    except Exception as error:  # whatever the user's object raises is the diagnostic
        body.fail(node, str(error))


# -- functions of the program


def call_function(
    body: Body,
    info: FunctionInfo,
    args: Sequence[ast.expr],
    keywords: Sequence[ast.keyword],
    node: ast.AST,
    first: t.Value | None = None,
) -> t.Value:
    """A call of a function that is compiled too."""
    _refuse_recursion(body, info, node)
    given: dict[str, ast.expr | t.Value] = {}
    names = [param.name for param in info.params]
    values: list[ast.expr | t.Value] = [*([first] if first is not None else []), *args]
    if len(values) > len(names):
        body.fail(node, f"'{info.name}' takes {plural(len(names), 'argument')}, not {len(values)}")
    given.update(zip(names, values, strict=False))
    for keyword in keywords:
        if keyword.arg is None:
            body.fail(keyword, "**arguments are not in the language", "write each: name=value")
        if keyword.arg in given:
            body.fail(keyword, f"'{keyword.arg}' is given twice")
        if keyword.arg not in names:
            body.fail(
                keyword, f"'{info.name}' has no parameter '{keyword.arg}'", f"it has {', '.join(names) or 'none'}"
            )
        given[keyword.arg or ""] = keyword.value
    defaults = info.node.args.defaults
    for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
        given.setdefault(name, default)
    missing = [name for name in names if name not in given]
    if missing:
        body.fail(node, f"'{info.name}' needs {', '.join(missing)}")
    params = {param.name: param for param in info.params}
    made: dict[str, ir.Expr] = {}
    for name, arg in given.items():  # in the order that they are written
        param = params[name]
        value = arg if isinstance(arg, t.Value) else body.held(body.expr(arg))
        at = node if isinstance(arg, t.Value) else arg
        if param.name not in info.bad:
            made[name] = argument(body, param, value, at)
    if info.bad_result or len(made) < len(info.params):
        raise Bad
    out = [made[name] for name in params]
    body.info.calls.append((info, body.caught()))
    return _result(body, info, out)


def _refuse_recursion(body: Body, info: FunctionInfo, node: ast.AST) -> None:
    seen: set[int] = set()
    todo = [info]
    while todo:
        one = todo.pop()
        if one is body.info:
            body.fail(node, f"'{info.name}' would call itself: BPF has no recursion", "write a loop")
        if id(one) not in seen:
            seen.add(id(one))
            todo.extend(callee for callee, _ in one.calls)


def argument(body: Body, param: Param, value: t.Value, node: ast.AST) -> ir.Expr:
    """A value as an argument."""
    type_ = param.type
    what = f"'{param.name}'"
    if isinstance(type_, (t.IntType, t.PlainType, t.BoolType)):
        return body.hold(ops.convert(body, value, type_, node, what))
    if value.is_const and value.const is None and isinstance(type_, t.OptionalType):
        return ir.Const(ir.POINTER, 0)
    inner = type_.inner if isinstance(type_, t.OptionalType) else type_
    given = value.type
    if isinstance(given, t.OptionalType):
        if not isinstance(type_, t.OptionalType):
            body.fail(node, f"{what} is {type_.name}, and this may be None", "check it first: if x is not None")
        given = given.inner
    if value.is_const and isinstance(inner, t.ArrayRef) and isinstance(value.const, (str, bytes)):
        return maps.value_in_memory(body, inner.type, value, node, what)
    same = (
        (isinstance(inner, t.RecordType) and isinstance(given, t.RecordType) and issubclass(given.cls, inner.cls))
        or (isinstance(inner, t.ArrayRef) and isinstance(given, t.ArrayRef) and inner.type == given.type)
        or (isinstance(inner, t.KernelPtr) and isinstance(given, t.KernelPtr) and inner.type_id == given.type_id)
        or (isinstance(inner, t.Address) and value.expr is not None and value.expr.type == ir.POINTER)
    )
    if not same:
        body.fail(node, f"{what} is {type_.name}, not {body.describe(value)}")
    return value.ir


def _result(body: Body, info: FunctionInfo, args: list[ir.Expr]) -> t.Value:
    function = info.function
    result = info.result
    if not info.by_memory:
        expr_ = ir.Call(function.result, function, args)
        if isinstance(result, t.NoneType):
            body.emit(ir.Eval(expr_))
            return t.Value(t.NONE)
        return t.Value(result, body.hold(expr_))
    inner = result.inner if isinstance(result, t.OptionalType) else result
    if isinstance(inner, t.TupleType):
        address = ir.LocalAddr(ir.POINTER, body.memory(8 * len(inner.items)))
        body.emit(ir.Eval(ir.Call(function.result, function, [address, *args])))
        items = []
        for i, type_ in enumerate(inner.items):
            raw = body.hold(ir.Load(ir.U64, address, 8 * i, 8))
            items.append(t.Value(type_, ops.cast(raw, type_.ir)))
        return t.Value(inner, items=items)
    storage = _storage(inner)
    size, align = size_align(storage)
    memory = body.memory(size, align)
    address = ir.LocalAddr(ir.POINTER, memory)
    call_ = ir.Call(function.result, function, [address, *args])
    is_number = isinstance(inner, (t.IntType, t.PlainType, t.BoolType))
    if isinstance(result, t.OptionalType):
        if is_number:
            body.emit(ir.Zero(address, size, 8))
        flag = body.hold(call_)
        value = load(body, Place(storage, address, space="own")).ir if is_number else address
        return t.Value(result, value, flag=flag)
    body.emit(ir.Eval(call_))
    return t.Value(result, address)


def _storage(inner: t.ValueType) -> Any:
    from btfkit.frontend.python.returns import result_storage  # noqa: PLC0415

    return result_storage(inner)


def call_into(body: Body, node: ast.Call, place: Place) -> bool:
    """Let a call write its result right into a place. False where it cannot."""
    called = body.constant_of(node.func)
    if isinstance(called, Word):
        return words.call_into(body, called, node, place)
    return False


# -- builtins


def _args(body: Body, node: ast.Call, least: int, most: int) -> list[t.Value]:
    name = ast.unparse(node.func)
    if not least <= len(node.args) <= most or node.keywords:
        body.fail(node, f"{name}() takes {plural(least, 'value') if least == most else f'{least} to {most} values'}")
    return [body.held(body.expr(arg)) for arg in node.args]


def _print(body: Body, node: ast.Call) -> t.Value:
    if node.keywords:
        body.fail(node.keywords[0], "print() takes values only")
    return text.trace(body, node.args, node)


def _len(body: Body, node: ast.Call) -> t.Value:
    (value,) = _args(body, node, 1, 1)
    if isinstance(value.type, t.ArrayRef):
        return t.Value(t.OBJECT, const=value.type.type.count)
    if isinstance(value.type, t.MapRef) or (value.is_const and isinstance(value.const, MapDecl)):
        return maps.length(body, value, node)
    if isinstance(value.type, t.RecordType) and value.type.is_context:
        return packet.length(body, value, node)
    if value.items is not None:
        return t.Value(t.OBJECT, const=len(value.items))
    if value.is_const:
        return _folded(body, len, node)
    body.fail(node, f"{body.describe(value)} has no len()")


def _extreme(op: str) -> Callable[[Any, ast.Call], t.Value]:
    def handler(body: Any, node: ast.Call) -> t.Value:
        values = _args(body, node, 1, 5)
        if len(values) == 1:
            return _folded(body, min if op == "lt" else max, node)
        if all(value.is_const for value in values):
            return _folded(body, min if op == "lt" else max, node)
        best = values[0]
        for value in values[1:]:
            best = _extreme_of(body, op, best, value, node)
        return best

    return handler


def _extreme_of(body: Body, op: str, a: t.Value, b: t.Value, node: ast.Call) -> t.Value:
    for value in (a, b):
        if not value.is_int:
            body.fail(node, f"{body.describe(value)} is not an integer")
    type_ = ops.common_type(body, a, b, node)
    (a_low, a_high), (b_low, b_high) = ops.bounds(a), ops.bounds(b)
    low, high = (min(a_low, b_low), min(a_high, b_high)) if op == "lt" else (max(a_low, b_low), max(a_high, b_high))
    result: Any = type_ if type_ is not None else t.PlainType(max(low, t.I64_MIN), min(high, t.I64_MAX))
    x, y = body.hold(ops.to_type(a, result)), body.hold(ops.to_type(b, result))
    chosen = body.hold(ir.Choose(result.ir, ir.Compare(ir.BOOL, op, x, y), x, y))
    return t.Value(result, chosen, most=high if low >= 0 else None)


def _abs(body: Body, node: ast.Call) -> t.Value:
    (value,) = _args(body, node, 1, 1)
    if value.is_const:
        return _folded(body, abs, node)
    negative = conditions.compare(body, ast.Lt(), value, t.Value(t.OBJECT, const=0), node)
    if negative.is_const or isinstance(negative.expr, ir.Const):
        return ops.unary(body, ast.UAdd(), value, node)
    minus = ops.unary(body, ast.USub(), value, node)
    plus = ops.unary(body, ast.UAdd(), value, node)
    low, high = ops.bounds(value)
    type_ = t.PlainType(0, min(max(-low, high), t.I64_MAX)) if isinstance(minus.type, t.PlainType) else minus.type
    return t.Value(type_, body.hold(ir.Choose(minus.ir.type, negative.ir, minus.ir, plus.ir)))


def _int(body: Body, node: ast.Call) -> t.Value:
    (value,) = _args(body, node, 1, 1)
    if value.is_const:
        return _folded(body, int, node)
    if not value.is_int:
        body.fail(node, f"int() of {body.describe(value)}")
    low, high = ops.bounds(value)
    if high > t.I64_MAX:
        body.fail(node, "int() of a u64: Python's int has 63 bits here", "write i64(...)")
    return t.Value(t.PlainType(low, high), ops.to_type(value, t.PLAIN))


def _bool(body: Body, node: ast.Call) -> t.Value:
    (value,) = _args(body, node, 1, 1)
    test = body.truth(value, node)
    return t.Value(t.OBJECT, const=bool(test.value)) if isinstance(test, ir.Const) else t.Value(t.BOOL, test)


def _sizeof(body: Body, node: ast.Call) -> t.Value:
    (value,) = _args(body, node, 1, 1)
    if isinstance(value.const, KernelType):
        return kernel.size_of(body, value.const, node)
    if value.is_const:
        try:
            return t.Value(t.OBJECT, const=records.sizeof(value.const))
        except TypeError as error:
            body.fail(node, str(error))
    match value.type:
        case t.RecordType(cls=cls):
            return t.Value(t.OBJECT, const=size_align(cls)[0])
        case t.ArrayRef(type=array):
            return t.Value(t.OBJECT, const=size_align(array)[0])
        case t.IntType(bits=bits):
            return t.Value(t.OBJECT, const=bits // 8)
    body.fail(node, f"{body.describe(value)} has no size of its own")


_BUILTINS: dict[Any, Callable[[Any, ast.Call], t.Value]] = {
    print: _print,
    len: _len,
    min: _extreme("lt"),
    max: _extreme("gt"),
    abs: _abs,
    int: _int,
    bool: _bool,
    records.sizeof: _sizeof,
}

__all__ = ["argument", "call", "call_function", "call_into", "call_method"]
