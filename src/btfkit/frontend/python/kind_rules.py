"""What a kind of programs demands: its parameters, the fields of its context that it can use, the values it may return.

In: `FunctionInfo`s, with the uses of contexts that checking them found. Out: diagnostics. The rules are
`btfkit.bpf.kinds`'.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import ContextUse, FunctionInfo
from btfkit.frontend.span import Span

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body
    from btfkit.frontend.python.unit import Unit


def check_parameters(unit: Unit, info: FunctionInfo, span: Span) -> None:
    """A program of a plain kind takes its context, and nothing else. span: of the function's name."""
    assert info.program is not None
    kind, params = info.program.kind, info.params
    if kind.args == "any":
        if kind.ctx is None and kind.name == "syscall" and len(params) > 1:
            unit.diagnostics.add(
                span, f"a @syscall program takes one parameter, not {len(params)}", "put all in a Struct"
            )
        return
    name = kind.ctx.__name__ if kind.ctx is not None else "its context"
    if len(params) != 1:
        unit.diagnostics.add(
            span, f"a @{kind.name} program takes one parameter, not {len(params)}", f"write {info.name}(ctx: {name})"
        )
        return
    given = params[0].storage
    if kind.ctx is not None and given is not kind.ctx and params[0].name not in info.bad:
        where = Span.of(info.node.args.args[0] if info.node.args.args else info.node, info.path)
        unit.diagnostics.add(
            where,
            f"a @{kind.name} program is given {name}, not {t.type_name(given)}",
            f"write {params[0].name}: {name}",
        )


def check_result(body: Body, value: t.Value, node: ast.AST) -> None:
    """A constant that a program returns is one that its kind may return."""
    program = body.info.program
    allowed = program.kind.returns if program is not None else None
    if program is not None and allowed is not None and value.is_const and isinstance(value.const, int):
        low, high = allowed
        if not low <= int(value.const) <= high:
            values = f"{low}" if low == high else f"{low} to {high}"
            body.fail(node, f"a @{program.kind.name} program returns {values}, not {int(value.const)}")


def use(body: Body, owner: type, field: str, span: Span, *, write: bool = False) -> None:
    """Note that a function uses a field of a context; `check_uses` says whether it may."""
    body.info.context_uses.append(ContextUse(owner, field, span, write))


def check_uses(unit: Unit, infos: Iterable[FunctionInfo]) -> None:
    """Each use of a context's field, in a program or what it calls, is one that the program's kind allows."""
    for info in infos:
        if info.program is None:
            continue
        kind = info.program.kind
        said: set[tuple[str, str, int]] = set()
        for one in _uses(info):
            where = one.field, one.span.path, one.span.line
            if kind.ctx is None or one.owner is not kind.ctx or where in said:
                continue
            is_hidden = one.field in kind.hidden
            if not is_hidden and not (one.write and kind.writable is not None and one.field not in kind.writable):
                continue
            said.add(where)
            what = f"{one.owner.__name__}.{one.field}"
            if is_hidden:
                hint = (
                    "it has no direct access to the packet: skb_load_bytes() copies from it"
                    if one.field == "data"
                    else ""
                )
                unit.diagnostics.add(one.span, f"a @{kind.name} program has no {what}", hint)
            else:
                fields = ", ".join(sorted(kind.writable or ())) or "none"
                unit.diagnostics.add(
                    one.span, f"a @{kind.name} program cannot write {what}", f"writable fields: {fields}"
                )


def _uses(info: FunctionInfo) -> Iterable[ContextUse]:
    """Of the function, and of all that it calls."""
    seen: set[int] = set()
    todo = [info]
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield from one.context_uses
            todo.extend(callee for callee, _ in one.calls)


__all__ = ["check_parameters", "check_result", "check_uses", "use"]
