"""Calls into the kernel: kfuncs, checked with the kernel's BTF.

In: a call. Out: its value; what the verifier must check about pointers is left to it. Helpers are `helper_calls`'.
Source: Documentation/bpf/kfuncs.rst (the suffixes of parameters' names).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from btfkit.bpf.records import size_align
from btfkit.bpf.words import Kfunc
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import ExternDecl, MapDecl
from btfkit.frontend.python.helper_calls import call_helper
from btfkit.model import types as m

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

SUFFIXES = (
    "sz",
    "szk",
    "ign",
    "k",
    "map",
    "nullable",
    "opt",
    "uninit",
    "str",
    "prog",
    "alloc",
    "irq_flag",
    "const_str",
)
SIZES = frozenset({"sz", "szk"})


@dataclass(frozen=True, slots=True)
class _Param:
    """A parameter. name: without its suffixes, but for sizes, which have the name of the memory before them."""

    name: str
    suffixes: frozenset[str]
    type_id: int

    @classmethod
    def of(cls, param: m.Param) -> _Param:
        name, *rest = param.name.split("__")
        found = [word for word in rest if word in SUFFIXES]
        if SIZES & {*found}:
            return cls(param.name, frozenset(found), param.type_id)
        return cls("__".join([name, *(word for word in rest if word not in SUFFIXES)]), frozenset(found), param.type_id)

    @property
    def is_hidden(self) -> bool:
        """The kernel fills it in."""
        return "prog" in self.suffixes


def call_kfunc(body: Body, kfunc: Kfunc, node: ast.Call) -> t.Value:
    """``kfunc.name(...)``."""
    name, kernel = kfunc.__name__, body.unit.kernel
    span = body.where(node)
    found = kernel.func(body.unit, name, span)
    if found is None:
        kernel.missing(body.unit, span, f"the kernel's BTF has no function '{name}'", name, (m.Func,))
    type_id, proto = found
    if not kernel.is_kfunc(type_id):
        body.fail(node, f"'{name}' is a function of the kernel that programs may not call")
    params = [_Param.of(param) for param in proto.params]
    args = _bind(body, name, params, node)
    body.unit.externs.setdefault(name, ExternDecl(name, name, type_id))
    result = kernel.value_type(proto.return_type, trusted=True)
    if isinstance(result, t.NoneType):
        body.emit(ir.Eval(ir.ExternCall(ir.NOTHING, name, args)))
        return t.Value(t.NONE)
    if result is None:
        body.fail(node, f"'{name}' returns {kernel.spell(proto.return_type)}, which cannot be used here")
    value = body.hold(ir.ExternCall(result.ir, name, args))
    if isinstance(result, (t.KernelPtr, t.Address)):
        return t.Value(t.OptionalType(result), value)
    return t.Value(result, value)


def signature(body: Body, name: str, params: list[_Param]) -> str:
    """As messages show it."""
    shown = [f"{p.name}: {body.unit.kernel.spell(p.type_id)}" for p in params if not p.is_hidden]
    return f"{name}({', '.join(shown)})"


def _bind(body: Body, name: str, params: list[_Param], node: ast.Call) -> list[ir.Expr]:
    """Arguments by position or name; sizes of memory may be left out."""
    shown = [p for p in params if not p.is_hidden]
    hint = signature(body, name, params)
    given: dict[str, ast.expr] = {}
    asked = shown
    if len(node.args) + len(node.keywords) < len(shown):
        asked = [p for p in shown if not p.suffixes & SIZES]
    if len(node.args) > len(asked):
        body.fail(node, f"'{name}' takes {len(shown)} arguments, not {len(node.args)}", hint)
    given.update(zip((p.name for p in asked), node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg in given or keyword.arg not in [p.name for p in shown]:
            body.fail(keyword, f"'{name}' has no argument '{keyword.arg}' left", hint)
        given[keyword.arg or ""] = keyword.value
    out: list[ir.Expr] = []
    size: int | None = None
    for param in params:
        if param.is_hidden:
            out.append(ir.Const(ir.POINTER, 0))
        elif param.name in given:
            expr, size = _argument(body, param, given[param.name], hint)
            out.append(body.hold(expr))
        elif param.suffixes & SIZES and size is not None:
            out.append(ir.Const(ir.U32, size))
        else:
            body.fail(node, f"'{name}' needs '{param.name}'", hint)
    return out


def _argument(body: Body, param: _Param, node: ast.expr, hint: str) -> tuple[ir.Expr, int | None]:
    """A value for a parameter, and bytes of the memory that it is the address of, as far as known."""
    value = body.held(body.expr(node))
    what = f"'{param.name}'"
    wanted = body.unit.kernel.value_type(param.type_id)
    if isinstance(wanted, (t.IntType, t.BoolType)):
        if "k" in param.suffixes and not value.is_const:
            body.fail(node, f"{what} must be a constant", hint)
        return ops.convert(body, value, wanted, node, what), None
    if value.is_const and value.const is None:
        return ir.Const(ir.POINTER, 0), 0
    if value.is_const and isinstance(value.const, MapDecl):
        return ir.SymbolAddr(ir.POINTER, value.const.symbol), None
    if value.is_const and isinstance(value.const, (str, bytes)):
        text = value.const.encode() if isinstance(value.const, str) else value.const
        return ir.Text(ir.POINTER, text + b"\0"), len(text)
    if isinstance(value.type, t.OptionalType):
        if not param.suffixes & {"nullable", "opt"}:
            body.fail(node, f"{what} may be None here", "check it first: if x is not None")
        value = t.Value(value.type.inner, value.expr)
    if value.expr is None or value.type.ir != ir.POINTER:
        body.fail(node, f"{what} is {_spell(body, param)}, not {body.describe(value)}", hint)
    if _is_other(body, value.type, wanted):
        body.fail(node, f"{what} is {_spell(body, param)}, not {value.type.name}", hint)
    if isinstance(value.type, t.RecordType):
        return value.ir, size_align(value.type.cls)[0]
    if isinstance(value.type, t.ArrayRef):
        return value.ir, size_align(value.type.type)[0]
    return value.ir, None


def _spell(body: Body, param: _Param) -> str:
    return f"a pointer to {body.unit.kernel.spell(param.type_id).removesuffix('*')}"


def _is_other(body: Body, given: t.ValueType, wanted: t.ValueType | None) -> bool:
    """Two structs of the kernel, and the given one does not begin with the wanted one, C's way of inheriting."""
    if not isinstance(given, t.KernelPtr) or not isinstance(wanted, t.KernelPtr) or given.space:
        return False
    kernel, type_id = body.unit.kernel, given.type_id
    while type_id != wanted.type_id:
        members = kernel.members(type_id)
        if not members:
            return True
        type_id = kernel.opened.resolve(members[0].type_id)
    return False


__all__ = ["call_helper", "call_kfunc"]
