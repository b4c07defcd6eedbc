"""A function's parameters and result: from its annotations, how it is called.

In: a `FunctionInfo` without them. Out: its parameters, its result, where that goes; diagnostics.
"""

from __future__ import annotations

import ast
import contextlib
import typing
from typing import TYPE_CHECKING, Any

from btfkit.bpf.words import Optional
from btfkit.frontend.diagnostics import Bad
from btfkit.frontend.python import ir, kind_rules
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, Param
from btfkit.frontend.span import Span

if TYPE_CHECKING:
    from btfkit.frontend.python.unit import Unit


def declare(unit: Unit, info: FunctionInfo, span: Span) -> None:
    """Fill in what the function takes and gives. span: of its name."""
    arguments = info.node.args
    for odd in (*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))):
        unit.diagnostics.add(
            Span.of(odd, info.path), "a BPF function takes plain parameters only", "no *args, **kwargs, or keywords"
        )
    params = [*arguments.posonlyargs, *arguments.args]
    if info.program is not None and info.program.kind.args not in ("ctx", "any"):
        from btfkit.frontend.python.contexts import bind_context  # noqa: PLC0415 (a cycle by nature)

        bind_context(unit, info, params)
    else:
        for arg in params:
            _param(unit, info, arg, is_method=arg is params[0] and arg.annotation is None and "." in info.qualname)
        if info.program is not None:
            kind_rules.check_parameters(unit, info, span)
    _result(unit, info)
    count = len(info.function.params)
    if count > 5:
        what = f"{count} with the place for its result" if info.by_memory else str(count)
        unit.diagnostics.add(span, f"more than five arguments: {what}", "put some of them into a Struct, and pass that")


def _param(unit: Unit, info: FunctionInfo, arg: ast.arg, is_method: bool) -> None:
    span = Span.of(arg, info.path)
    if is_method:
        storage = _owner(unit, info)
    elif arg.annotation is None:
        unit.diagnostics.add(span, f"parameter {arg.arg!r} has no type", f"write {arg.arg}: u32, or what it is")
        storage = None
    else:
        storage = unit.annotation(arg.annotation, info)
    ty: t.ValueType = t.NONE
    if storage is not None:
        with contextlib.suppress(Bad):
            is_args = info.program is not None and info.program.kind.name == "syscall"
            ty = unit.value_type(storage, span, "args" if is_args else "mem")
            if isinstance(ty, t.NoneType):
                unit.error(span, "a parameter cannot be None")
    if isinstance(ty, t.NoneType):
        info.bad.add(arg.arg)
        ty = t.PLAIN
    local = ir.Local(arg.arg, ty.ir)
    info.params.append(Param(arg.arg, storage, ty, local))
    info.function.params.append(local)
    if isinstance(ty, t.RecordType) and ty.is_context and info.context is None:
        info.context = info.params[-1]


def _owner(unit: Unit, info: FunctionInfo) -> Any:
    owner: Any = info.namespace.get(info.qualname.split(".")[0])
    for part in info.qualname.split(".")[1:-1]:
        owner = getattr(owner, part, None)
    return owner


def _result(unit: Unit, info: FunctionInfo) -> None:
    node = info.node.returns
    storage = None if node is None else unit.annotation(node, info)
    span = Span.of(node or info.node, info.path)
    info.result_storage = storage
    info.bad_result = node is not None and storage is None
    if info.program is not None:
        is_odd = isinstance(storage, Optional) or typing.get_origin(storage) is tuple
        ty = t.I32 if is_odd or info.bad_result else unit.value_type(storage, span)
        if is_odd or not isinstance(ty, (t.IntType, t.PlainType, t.BoolType, t.NoneType)):
            assert node is not None
            unit.diagnostics.add(span, f"a program returns an integer, not {ast.unparse(node)}")
            info.bad_result, ty = True, t.I32
        info.result = t.IntType(32, True) if isinstance(ty, (t.NoneType, t.BoolType)) else ty
        if isinstance(ty, t.NoneType):
            info.result = t.NONE
        info.function.result = ir.U32 if isinstance(ty, (t.NoneType, t.BoolType)) else ty.ir
        return
    ty = unit.result_type(storage, span)
    info.result = ty
    inner = ty.inner if isinstance(ty, t.OptionalType) else ty
    by_flag = isinstance(ty, t.OptionalType) and ty.by_flag
    own = isinstance(inner, (t.RecordType, t.ArrayRef)) and inner.space == "own"
    info.by_memory = own or by_flag or isinstance(ty, t.TupleType)
    if info.by_memory:
        info.out = ir.Local("result", ir.POINTER)
        info.function.params.insert(0, info.out)
        info.function.result = ir.BOOL if isinstance(ty, t.OptionalType) else ir.NOTHING
    else:
        info.function.result = ty.ir


__all__ = ["declare"]
