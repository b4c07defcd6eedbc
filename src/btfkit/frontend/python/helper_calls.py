"""Calls of the kernel's helpers, checked by the table of them (`btfkit.bpf.helper_table`).

In: a call. Out: its value. What can be known is left out at will: the context, sizes of memory.
"""

from __future__ import annotations

import ast
import types as python_types
from dataclasses import dataclass
from typing import TYPE_CHECKING

from btfkit.bpf import contexts
from btfkit.bpf.helper_table import Arg, Helper
from btfkit.bpf.ints import FixedInt
from btfkit.bpf.records import Context, size_align
from btfkit.frontend.python import ir, maps, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, MapDecl
from btfkit.frontend.python.storage import Place

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

MOST_ARGS = 5
NUMBERS = {
    **{f"u{n}": t.IntType(n, False) for n in (8, 16, 32, 64)},
    **{f"i{n}": t.IntType(n, True) for n in (8, 16, 32, 64)},
    "int": t.I32,
    "long": t.I64,
    "be16": t.U16,
}
MEMORY = frozenset({"mem", "out", "inout"})
ANY_OBJECT = frozenset({"void*", "sock_common*"})


@dataclass(slots=True)
class _Known:
    """What the arguments so far tell those behind them. size: bytes of the memory before."""

    decl: MapDecl | None = None
    size: int | None = None


def signature(helper: Helper) -> str:
    """As messages show it."""
    args = [f"{a.name}: {a.kind}{'?' * a.nullable}" if a.name not in (a.kind, "...") else a.name for a in helper.args]
    return f"{helper.name}({', '.join(args)}) -> {helper.returns}"


def call_helper(body: Body, helper: Helper, node: ast.Call) -> t.Value:
    """``helper(...)``."""
    args: list[ir.Expr] = []
    known = _Known()
    given, rest = _bind(body, helper, node)
    for arg in helper.args:
        if arg.name == "...":
            continue
        expr = given.get(arg.name)
        if expr is None:
            args.append(_left_out(body, helper, arg, known, node))
        else:
            args.append(body.hold(_argument(body, helper, arg, expr, known)))
    args += [body.hold(ops.to_type(_number(body, e, helper), t.U64)) for e in rest]
    return _result(body, helper, args, known, node)


def _bind(body: Body, helper: Helper, node: ast.Call) -> tuple[dict[str, ast.expr], list[ast.expr]]:
    """Arguments by name, and those that are just more numbers."""
    hint = signature(helper)
    named = [arg for arg in helper.args if arg.name != "..."]
    is_open = len(named) < len(helper.args)
    asked, total = named, len(node.args) + len(node.keywords)
    if total < len(named) or is_open:
        asked = [arg for arg in asked if arg.kind != "size"]
    takes_context = bool(asked) and asked[0].kind == "ctx" and not asked[0].other_kind
    if takes_context and (total < len(asked) or not node.args):
        asked = asked[1:]
    if len(node.args) > len(asked) and not is_open:
        body.fail(node, f"{helper.name}() takes {len(named)} arguments, not {total}", hint)
    given = dict(zip((arg.name for arg in asked), node.args, strict=False))
    rest = node.args[len(asked) :]
    if len(rest) > MOST_ARGS - len(named):
        body.fail(node, f"{helper.name}() has registers for {MOST_ARGS} arguments", hint)
    for keyword in node.keywords:
        if keyword.arg in given or keyword.arg not in [arg.name for arg in named]:
            body.fail(keyword, f"{helper.name}() has no argument '{keyword.arg}' left", hint)
        given[keyword.arg or ""] = keyword.value
    return given, rest


def _left_out(body: Body, helper: Helper, arg: Arg, known: _Known, node: ast.AST) -> ir.Expr:
    if arg.kind == "size" and known.size is not None:
        return ir.Const(ir.U32, known.size)
    context = body.info.context
    if arg.kind == "ctx" and context is not None:
        return ir.Get(ir.POINTER, context.local)
    body.fail(node, f"{helper.name}() needs '{arg.name}'", signature(helper))


def _number(body: Body, node: ast.expr, helper: Helper) -> t.Value:
    value = body.held(body.expr(node))
    if not value.is_int:
        body.fail(node, f"an integer is needed, not {body.describe(value)}", signature(helper))
    return value


def _argument(body: Body, helper: Helper, arg: Arg, node: ast.expr, known: _Known) -> ir.Expr:
    """A value as an argument of its kind."""
    if arg.kind in ("key", "value"):
        return _element(body, helper, arg, node, known)
    value = body.held(body.expr(node))
    what, hint = f"'{arg.name}'", signature(helper)
    is_none = value.is_const and value.const is None
    if is_none and arg.nullable:
        known.size = 0
        return ir.Const(ir.POINTER, 0)
    if isinstance(value.type, t.OptionalType) and not arg.nullable and arg.kind != "addr":
        body.fail(node, f"{what} may be None here", "check it first: if x is not None")
    if arg.kind in NUMBERS:
        return ops.convert(body, value, NUMBERS[arg.kind], node, what)
    if arg.kind == "size":
        return _checked_size(body, ops.convert(body, value, t.U32, node, what), known)
    if arg.kind == "map":
        return _map(body, value, node, known, hint)
    if arg.kind == "func":
        return _function(body, value, node, what, hint)
    if arg.kind == "str" or (arg.kind in MEMORY and value.is_const):
        return _text(body, arg, value, node, known, hint)
    if arg.kind == "addr" and value.is_int:
        return ir.Cast(ir.POINTER, ops.to_type(value, t.U64))
    if arg.kind in ("u64*", "i64*", "u32*"):
        return _written_number(body, arg, value, node, hint)
    if value.expr is None or value.type.ir != ir.POINTER:
        body.fail(node, f"{what} is {_kind_name(arg)}, not {body.describe(value)}", hint)
    inner = value.type.inner if isinstance(value.type, t.OptionalType) else value.type
    if arg.kind in MEMORY:
        known.size = _size(inner)
    elif not _fits(arg.kind, inner) and not (arg.other_kind and _fits(arg.other_kind, inner)):
        body.fail(node, f"{what} is {_kind_name(arg)}, not {inner.name}", hint)
    return value.ir


def _checked_size(body: Body, size: ir.Expr, known: _Known) -> ir.Expr:
    """A size that is not known when compiling: IndexError beyond the memory, ValueError for 0.

    The verifier wants to see both, each of the very number that is passed: so it is read anew after each test, from
    where LLVM does not follow it.
    """
    if isinstance(size, ir.Const) or known.size is None:
        return size
    memory = ir.LocalAddr(ir.POINTER, body.memory(4, 4))
    body.emit(ir.Store(memory, size, 0, 4))
    again = ir.Load(ir.U32, memory, 0, 4, volatile=True)
    body.raise_if(ir.Compare(ir.BOOL, "gt", again, ir.Const(ir.U32, known.size)), ir.Fault.INDEX)
    body.raise_if(ir.Compare(ir.BOOL, "eq", again, ir.Const(ir.U32, 0)), ir.Fault.VALUE)
    return body.hold(again)


def _kind_name(arg: Arg) -> str:
    names = {"ctx": "the program's context", "addr": "an address", "mem": "memory", "out": "memory", "inout": "memory"}
    kinds = [names.get(kind, f"a pointer to {kind.removesuffix('*')}") for kind in (arg.kind, arg.other_kind) if kind]
    return " or ".join(kinds)


def _size(type_: t.ValueType) -> int | None:
    if isinstance(type_, t.RecordType) and not type_.is_context:
        return size_align(type_.cls)[0]
    return size_align(type_.type)[0] if isinstance(type_, t.ArrayRef) else None


def _fits(kind: str, type_: t.ValueType) -> bool:
    """Whether a pointer can be of that kind. Of sockets there are many types, which the verifier tells apart."""
    if kind in ANY_OBJECT or kind in ("addr", "ksym") or isinstance(type_, t.Address):
        return True
    if kind == "ctx":
        return type_.is_context if isinstance(type_, t.RecordType) else bool(getattr(type_, "space", ""))
    name = kind.removesuffix("*")
    if isinstance(type_, t.KernelPtr):
        return type_.type_name == name
    return isinstance(type_, t.RecordType) and type_.cls.__c_name__ == name


def _map(body: Body, value: t.Value, node: ast.expr, known: _Known, hint: str) -> ir.Expr:
    if value.is_const and isinstance(value.const, MapDecl):
        known.decl = value.const
        return ir.SymbolAddr(ir.POINTER, value.const.symbol)
    if isinstance(value.type, t.MapRef):
        known.decl = value.type.decl
        return value.ir
    body.fail(node, f"a map is needed, not {body.describe(value)}", hint)


def _element(body: Body, helper: Helper, arg: Arg, node: ast.expr, known: _Known) -> ir.Expr:
    """A key or value of the map before it, in memory."""
    is_none = isinstance(node, ast.Constant) and node.value is None
    if is_none and arg.nullable:
        return ir.Const(ir.POINTER, 0)
    storage = None
    if known.decl is not None:
        storage = known.decl.key if arg.kind == "key" else known.decl.value
    if storage is None:
        body.fail(node, f"the map has no {arg.kind}s", signature(helper))
    return maps.in_memory(body, storage, node, f"'{arg.name}'")


def _text(body: Body, arg: Arg, value: t.Value, node: ast.expr, known: _Known, hint: str) -> ir.Expr:
    """Constant bytes; what the kernel reads as text ends in NUL."""
    if not isinstance(value.const, (str, bytes)) or arg.kind in ("out", "inout"):
        what = "constant text" if arg.kind == "str" else "memory"
        body.fail(node, f"'{arg.name}' is {what}, not {body.describe(value)}", hint)
    data = value.const.encode() if isinstance(value.const, str) else value.const
    data += b"\0" if arg.kind == "str" else b""
    known.size = len(data)
    return ir.Text(ir.POINTER, data)


def _function(body: Body, value: t.Value, node: ast.expr, what: str, hint: str) -> ir.Expr:
    found = value.const
    if isinstance(found, python_types.FunctionType):
        found = body.unit.function(found, body.where(node))
    if not isinstance(found, FunctionInfo):
        body.fail(node, f"{what} is a function of the program, not {body.describe(value)}", hint)
    found.function.is_callback = found.function.noinline = True
    return ir.FunctionAddr(ir.POINTER, found.function)


def _written_number(body: Body, arg: Arg, value: t.Value, node: ast.expr, hint: str) -> ir.Expr:
    """A number in memory: an array of one, a field, a variable of the module."""
    wanted = NUMBERS[arg.kind.removesuffix("*")]
    storage, address = None, value.expr
    if isinstance(value.type, t.ArrayRef):
        storage = value.type.type.elem
    elif isinstance(value.bound, Place) and not value.bound.bits:
        storage, address = value.bound.storage, value.bound.address
    fits = isinstance(storage, type) and issubclass(storage, FixedInt) and storage.bits == wanted.bits
    if not fits or address is None:
        body.fail(node, f"'{arg.name}' is memory for a number: {wanted.name}[1](), a field, a variable", hint)
    return address


def _result(body: Body, helper: Helper, args: list[ir.Expr], known: _Known, node: ast.AST) -> t.Value:
    kind = helper.returns.removesuffix("?")
    if kind == "void":
        body.emit(ir.Eval(ir.HelperCall(ir.U64, helper.number, args)))
        return t.Value(t.NONE)
    if kind in NUMBERS:
        type_ = NUMBERS[kind]
        wide = ir.Int(64, type_.signed)
        return t.Value(type_, ops.cast(body.hold(ir.HelperCall(wide, helper.number, args)), type_.ir))
    pointer = body.hold(ir.HelperCall(ir.POINTER, helper.number, args))
    found = _pointee(body, kind, known, node)
    return t.Value(t.OptionalType(found) if helper.returns.endswith("?") else found, pointer)


def _pointee(body: Body, kind: str, known: _Known, node: ast.AST) -> t.ValueType:
    if kind == "value" and known.decl is not None and known.decl.inner is None:
        storage = known.decl.value
        found = body.unit.value_type(storage, space=maps.element_space(known.decl)) if storage is not None else None
        return found if isinstance(found, (t.RecordType, t.ArrayRef)) else t.ADDRESS
    if kind == "value" and known.decl is not None and known.decl.inner is not None:
        return t.MapRef(known.decl.inner)
    if not kind.endswith("*") or kind == "void*":
        return t.ADDRESS
    name = kind.removesuffix("*")
    cls = getattr(contexts, name, None)
    if isinstance(cls, type) and issubclass(cls, Context) and cls is not contexts.pt_regs:
        return t.RecordType(cls, "ctx")
    return body.unit.kernel.pointer(body.unit, name, body.where(node), trusted=True)


__all__ = ["call_helper", "signature"]
