"""One function, checked: its syntax tree becomes statements of `ir`, with types, checks and conversions made explicit.

In: a `FunctionInfo`. Out: its ``function.body``; diagnostics for what is wrong, as many as there are. A function is
checked again while the types of its variables still grow: they are those of all that the variables are set to.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from btfkit.bpf.ints import ArrayType, FixedInt
from btfkit.bpf.records import Record, size_align
from btfkit.frontend.python import ir, variables
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, MapDecl, VariableDecl
from btfkit.frontend.python.env import Env, Loop, Var
from btfkit.frontend.python.storage import Place, load
from btfkit.frontend.python.unit import Unit
from btfkit.frontend.span import NOWHERE, Span

MOST_PASSES = 256


class Body:
    """The state of checking one function."""

    def __init__(self, unit: Unit, info: FunctionInfo) -> None:
        self.unit = unit
        self.info = info
        self.vars: dict[str, Var] = {}
        self.globals: set[str] = set()
        self.local_names: set[str] = set()
        self.changed = False
        self.walrus = any(isinstance(node, ast.NamedExpr) for node in ast.walk(info.node))
        self._reset()

    def _reset(self) -> None:
        self.out: list[ir.Stmt] = []
        self.env = Env()
        self.span = NOWHERE
        self.loops: list[Loop] = []
        self.rounds = 1
        self.counters: frozenset[str] = frozenset()
        self.tries: list[frozenset[ir.Fault] | None] = []
        self.free: dict[tuple[int, int], list[ir.Local]] = {}
        self.taken: list[ir.Local] = []
        self.ends: list[tuple[ir.Expr, int]] = []
        self.info.faults.clear()
        self.info.context_uses.clear()
        self.info.calls.clear()
        for var in self.vars.values():
            var.flag = var.local = None

    # -- the whole function

    def check(self) -> None:
        """Fill in ``info.function.body``."""
        node, info = self.info.node, self.info
        self._collect_names(node)
        for _ in range(MOST_PASSES):
            self.changed = False
            mark = dict(self.unit.diagnostics.found)
            self._pass(node)
            if not self.changed:
                break
            self.unit.diagnostics.found = mark
        else:
            reason = f"the types of the variables of '{info.name}' depend on each other"
            self.note(node, reason, "annotate them: x: u64 = 0")
        info.function.body = self.out

    def _collect_names(self, node: ast.FunctionDef) -> None:
        """Which names are the function's own: those that it sets, unless it declares them global."""
        for inner in _own_nodes(node):
            if isinstance(inner, ast.Global):
                self.globals.update(inner.names)
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                self.local_names.add(inner.id)
        self.local_names -= self.globals

    def _pass(self, node: ast.FunctionDef) -> None:
        self._reset()
        for param in self.info.params:
            var = self.vars.setdefault(param.name, Var(param.name, param.type, param.storage or int))
            var.type, var.local = param.type, param.local
            self.env.assigned.add(param.name)
        self.poison(sorted(self.info.bad))
        self.vars.update({name: Var(name) for name in self.info.bad})
        self.out.extend(self.info.prologue)
        body = node.body
        if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:] if isinstance(body[0].value.value, str) else body
        self.block(body)
        if self.env.alive:
            self._run_off_end(node)

    def _run_off_end(self, node: ast.FunctionDef) -> None:
        info = self.info
        last = node.body[-1]
        if info.program is not None:
            if not isinstance(info.result, t.NoneType):
                self.note(last, f"'{info.name}' can end without returning a value", "return one on every path")
            self.emit(ir.Return(ir.Const(info.function.result, info.function.default)))
        elif isinstance(info.result, t.OptionalType):
            self.return_none()
        elif not isinstance(info.result, t.NoneType):
            self.note(last, f"'{info.name}' can end without returning a value", "return one on every path")
        else:
            self.emit(ir.Return())

    # -- diagnostics

    def where(self, node: ast.AST) -> Span:
        return Span.of(node, self.info.path)

    def note(self, node: ast.AST, reason: str, hint: str = "") -> None:
        self.unit.diagnostics.add(self.where(node), reason, hint)

    def fail(self, node: ast.AST, reason: str, hint: str = "") -> NoReturn:
        """A diagnostic; the statement is given up."""
        self.unit.error(self.where(node), reason, hint)

    def describe(self, value: t.Value) -> str:
        """What a value is, for messages."""
        if value.is_const:
            const = value.const
            if isinstance(const, (MapDecl, FunctionInfo)):
                return f"{'map' if isinstance(const, MapDecl) else 'function'} '{const.name}'"
            if isinstance(const, (int, str, bytes, float, range)) or const is None:
                return f"{const!r}"
            return getattr(const, "__name__", None) or f"a {type(const).__name__.strip('_')}"
        return value.type.name

    # -- statements out

    def emit(self, stmt: ir.Stmt) -> None:
        """A statement of the source line at hand; one that leaves `with` blocks ends them first."""
        if isinstance(stmt, (ir.Return, ir.Break, ir.Continue)):
            for end, depth in reversed(self.ends):
                if isinstance(stmt, ir.Return) or depth == len(self.loops):
                    self.out.append(ir.Eval(end, span=self.span))
        stmt.span = self.span
        self.out.append(stmt)

    @contextlib.contextmanager
    def capture(self) -> Iterator[list[ir.Stmt]]:
        """Statements go into a list of their own."""
        before, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = before

    def temp(self, type_: ir.Type) -> ir.Local:
        return ir.Local("t", type_, is_temp=True)

    def memory(self, size: int, align: int = 8, name: str = "m") -> ir.Local:
        """Memory for this statement; a variable can make it its own. The stack is small, so it is used again."""
        shape = (max(size, 1), max(align, 8))
        free = self.free.get(shape)
        local = free.pop() if free else ir.Local(name, ir.POINTER, *shape, is_temp=True)
        self.taken.append(local)
        return local

    @contextlib.contextmanager
    def own_memory(self) -> Iterator[None]:
        """Statements that may become a function of their own use no memory of those around them."""
        before, self.free = self.free, {}
        try:
            yield
        finally:
            self.free = before

    def hold(self, expr: ir.Expr) -> ir.Expr:
        """The expression's value as it is now, whatever is done later."""
        fixed = expr.base if isinstance(expr, ir.Offset) else expr
        if isinstance(fixed, (ir.Const, ir.LocalAddr, ir.SymbolAddr, ir.FunctionAddr, ir.Text)):
            return expr
        if isinstance(expr, ir.Get) and expr.local.is_temp:
            return expr
        local = self.temp(expr.type)
        self.emit(ir.Set(local, expr))
        return ir.Get(local.type, local)

    def held(self, value: t.Value) -> t.Value:
        if value.expr is not None:
            value.expr = self.hold(value.expr)
        return value

    def raise_if(self, cond: ir.Expr, fault: ir.Fault) -> None:
        """As an exception that Python would raise: to a handler, or out of the function."""
        self.fault(fault)
        self.emit(ir.If(cond, [ir.Raise(fault, span=self.span)]))

    def fault(self, fault: ir.Fault) -> None:
        """Note that the fault can happen here."""
        for caught in reversed(self.tries):
            if caught is None or fault in caught:
                return
        self.info.faults.add(fault)

    def caught(self) -> frozenset[ir.Fault] | None:
        """The faults that are handled here; None: all."""
        if any(caught is None for caught in self.tries):
            return None
        return frozenset().union(*(c for c in self.tries if c is not None)) if self.tries else frozenset()

    # -- expressions

    def expr(self, node: ast.expr) -> t.Value:
        from btfkit.frontend.python.expr import check  # noqa: PLC0415 (expressions hold statements, and these those)

        return check(self, node)

    def constant_of(self, node: ast.expr) -> Any:
        """The Python object that a name or a dotted name stands for; None where it is none."""
        if isinstance(node, ast.Name):
            if node.id in self.local_names or node.id in self.vars:
                return None
            return self.info.namespace.get(node.id)
        if isinstance(node, ast.Attribute):
            base = self.constant_of(node.value)
            return getattr(base, node.attr, None) if base is not None else None
        if isinstance(node, ast.Subscript):  # an array type
            kind: Any = self.constant_of(node.value)
            index = node.slice.value if isinstance(node.slice, ast.Constant) else self.constant_of(node.slice)
            is_type = isinstance(kind, ArrayType) or (isinstance(kind, type) and issubclass(kind, (Record, FixedInt)))
            if is_type and isinstance(index, int) and not isinstance(index, bool) and index >= 0:
                return kind[index]
        return None

    def call_into(self, node: ast.Call, place: Place) -> bool:
        """Let a call write its result right into a place, where it can."""
        from btfkit.frontend.python.calls import call_into  # noqa: PLC0415

        return call_into(self, node, place)

    def truth(self, value: t.Value, node: ast.AST) -> ir.Expr:
        """``bool(value)``."""
        if value.is_const:
            if isinstance(value.const, (MapDecl, VariableDecl)):
                self.fail(node, f"{self.describe(value)} is not a condition")
            return ir.Const(ir.BOOL, int(bool(value.const)))
        match value.type:
            case t.BoolType():
                return value.ir
            case t.IntType() | t.PlainType():
                return ir.Compare(ir.BOOL, "ne", value.ir, ir.Const(value.ir.type, 0))
            case t.OptionalType(by_flag=True):
                assert value.flag is not None
                return value.flag
            case t.OptionalType() | t.Address() | t.KernelPtr():
                return ir.Compare(ir.BOOL, "ne", value.ir, ir.Const(ir.POINTER, 0))
            case t.RecordType():
                return ir.Const(ir.BOOL, 1)
        self.fail(node, f"{self.describe(value)} is not a condition")

    def condition(self, node: ast.expr) -> tuple[ir.Expr, set[str], set[str]]:
        """A test, with the variables that are not None where it holds, and where it does not."""
        from btfkit.frontend.python.conditions import condition  # noqa: PLC0415

        return condition(self, node)

    # -- variables

    def var_value(self, name: str, node: ast.AST) -> t.Value:
        """What a variable holds."""
        return variables.var_value(self, name, node)

    def set_var(self, name: str, value: t.Value, node: ast.AST) -> None:
        """``name = value``."""
        variables.set_var(self, name, value, node)

    def poison(self, names: Sequence[str]) -> None:
        """What these hold is not known: a diagnostic has said why."""
        self.env.bad.update(names)
        self.env.assigned.update(names)

    def global_value(self, name: str, node: ast.AST) -> t.Value:
        """What a name of the module stands for."""
        import builtins  # noqa: PLC0415

        parent: FunctionInfo | None = self.info
        while parent is not None:
            if name in parent.nested:
                return t.Value(t.OBJECT, const=parent.nested[name])
            if name in parent.statics:
                return load(self, self.variable_place(parent.statics[name]))
            parent = parent.parent
        namespace = self.info.namespace
        if name not in namespace:
            if hasattr(builtins, name):
                return t.Value(t.OBJECT, const=getattr(builtins, name))
            self._unknown_name(name, node)
        found = self.unit.declared(name, namespace, self.where(node))
        if isinstance(found, VariableDecl):
            return load(self, self.variable_place(found))
        return t.Value(t.OBJECT, const=found if found is not None else namespace[name])

    def _unknown_name(self, name: str, node: ast.AST) -> NoReturn:
        import difflib  # noqa: PLC0415

        parent = self.info.parent
        while parent is not None:
            if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(parent.node)):
                self.fail(node, f"'{name}' is a variable of '{parent.name}'", "pass it as a parameter")
            parent = parent.parent
        near = difflib.get_close_matches(name, [*self.info.namespace, *self.vars], n=2)
        self.fail(node, f"there is no '{name}'", f"did you mean {' or '.join(near)}?" if near else "")

    @staticmethod
    def variable_place(decl: VariableDecl) -> Place:
        address = ir.SymbolAddr(ir.POINTER, decl.symbol)
        align = size_align(decl.storage)[1]
        return Place(decl.storage, address, space="read" if decl.is_const else "shared", align=align)

    # -- statements in

    def block(self, nodes: Sequence[ast.stmt]) -> None:
        from btfkit.frontend.python.statements import statement  # noqa: PLC0415 (as with expressions)

        for node in nodes:
            if not self.env.alive:
                return
            self.span = self.where(node)
            before, self.taken = self.taken, []
            statement(self, node)
            for local in self.taken:
                if local.is_temp:
                    self.free.setdefault((local.size, local.align), []).append(local)
            self.taken = before

    def return_none(self) -> None:
        self.emit(ir.Return(ir.Const(self.info.function.result, 0)))


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions in it."""
    todo: list[ast.AST] = [*function.body, *function.args.args]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


__all__ = ["Body"]
