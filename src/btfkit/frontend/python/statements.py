"""Statements: syntax trees to `ir`.

In: nodes and the state of a `Body`. Out: statements emitted there; what is known after them in ``body.env``. A
statement that is wrong leaves its diagnostic and its variables without value, and the next one is looked at.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import ArrayType
from btfkit.bpf.maps import MapSpec
from btfkit.bpf.records import Record, RecordMeta, size_align
from btfkit.bpf.words import Static, Word
from btfkit.frontend.python import faults, ir, loops, matching, ops, returns
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.env import Env, Var
from btfkit.frontend.python.expr import check, place_of
from btfkit.frontend.python.source import evaluate
from btfkit.frontend.python.storage import Place, build, check_writable, is_simple, load, store
from btfkit.frontend.python.unit import Bad

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

NOT_IN_THE_LANGUAGE: dict[type[ast.stmt], tuple[str, str]] = {
    ast.ClassDef: ("a class in a function", "write it in the module"),
    ast.AsyncFunctionDef: ("async", ""),
    ast.AsyncFor: ("async", ""),
    ast.AsyncWith: ("async", ""),
    ast.Import: ("an import in a function", "import in the module"),
    ast.ImportFrom: ("an import in a function", "import in the module"),
    ast.Nonlocal: ("nonlocal", "use a Static[...] variable, or pass a Struct"),
}


def statement(body: Body, node: ast.stmt) -> None:
    """One statement."""
    handler = _HANDLERS.get(type(node))
    try:
        if handler is None:
            what, hint = NOT_IN_THE_LANGUAGE.get(type(node), (type(node).__name__, ""))
            body.fail(node, f"{what} is not in the language", hint)
        handler(body, node)
    except Bad:
        body.poison([n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)])
        if isinstance(node, (ast.Return, ast.Raise)):
            body.env.alive = False


def _pass(body: Body, node: ast.Pass) -> None:
    """Nothing."""


def _expr(body: Body, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Constant):
        return
    value = check(body, node.value)
    if isinstance(node.value, (ast.Call, ast.NamedExpr)):
        return
    if value.is_const or value.expr is not None:
        body.fail(node, "this does nothing", "assign it, or leave it out")


def _assign(body: Body, node: ast.Assign) -> None:
    if len(node.targets) == 1:
        _assign_to(body, node.targets[0], node.value, node)
        return
    first = node.targets[0]
    if not isinstance(first, ast.Name):  # the value is made once
        first = ast.copy_location(ast.Name("the value", ast.Store()), node.value)
        body.set_var(first.id, body.expr(node.value), node)
    else:
        _assign_to(body, first, node.value, node)
    held = ast.copy_location(ast.Name(first.id, ast.Load()), first)
    for target in node.targets:
        if target is not first:
            _assign_to(body, target, held, node)


def _assign_to(body: Body, target: ast.expr, value: ast.expr, node: ast.stmt) -> None:
    if isinstance(target, ast.Name):
        if target.id in body.globals:
            place = _global_place(body, target)
            _assign_memory(body, place, value, f"'{target.id}'")
            return
        var = body.vars.get(target.id)
        if var is not None and var.storage is not None and isinstance(var.type, (t.RecordType, t.ArrayRef)):
            _assign_typed(body, var, value, node)
            return
        body.set_var(target.id, body.expr(value), node)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(body, target, value, node)
    elif isinstance(target, ast.Subscript) and _is_map(body, target.value):
        from btfkit.frontend.python.maps import set_item  # noqa: PLC0415

        set_item(body, check(body, target.value), target, value, node)
    elif isinstance(target, (ast.Attribute, ast.Subscript)):
        found = None if _is_made_in_place(body, value) else body.held(check(body, value))
        place = place_of(body, target)
        check_writable(body, place, target)
        if found is None:
            _assign_memory(body, place, value, ast.unparse(target))
        else:
            store(body, place, found, value, ast.unparse(target))
    else:
        body.fail(target, "this cannot be assigned to")


def _is_made_in_place(body: Body, node: ast.expr) -> bool:
    """A display, or a call of a type of memory or of a word: it may write where its value is wanted."""
    if isinstance(node, ast.Call):
        called = body.constant_of(node.func)
        return isinstance(called, (RecordMeta, ArrayType, Word))
    return isinstance(node, (ast.List, ast.Tuple))


def _assign_memory(body: Body, place: Place, value: ast.expr, what: str) -> None:
    """Into memory that has a value: one that could fail, or look at the old one, is made elsewhere first."""
    is_word = isinstance(value, ast.Call) and isinstance(body.constant_of(value.func), Word)
    is_memory = isinstance(place.storage, (ArrayType, RecordMeta)) and _is_made_in_place(body, value)
    if not is_memory or is_word or is_simple(body, value):
        build(body, place, value, what)
        return
    from btfkit.frontend.python.maps import in_memory  # noqa: PLC0415

    made = in_memory(body, place.storage, value, what)
    store(body, place, t.Value(body.unit.value_type(place.storage, space="own"), made), value, what)


def _is_map(body: Body, node: ast.expr) -> bool:
    if isinstance(node, ast.Name) and node.id in body.vars and node.id not in body.globals:
        type_ = body.vars[node.id].type
        if isinstance(type_, t.OptionalType) and node.id in body.env.present:
            type_ = type_.inner
        return isinstance(type_, t.MapRef) or isinstance(body.vars[node.id].const, MapDecl)
    if isinstance(node, (ast.Name, ast.Attribute)):
        value = body.constant_of(node)
        if isinstance(node, ast.Name) and isinstance(value, (dict, MapSpec)):
            found = check(body, node)
            return isinstance(found.const, MapDecl)
    if isinstance(node, ast.Subscript):
        return _is_map(body, node.value) and isinstance(check(body, node).type, t.MapRef)
    return False


def _global_place(body: Body, node: ast.Name) -> Place:
    value = body.global_value(node.id, node)
    if not isinstance(value.bound, Place):
        annotation = str(body.info.namespace.get("__annotations__", {}).get(node.id, ""))
        reason = "is Final" if "Final" in annotation else "has no type in the module"
        body.fail(node, f"'{node.id}' {reason}", f"a variable of the module is written {node.id}: u64 = ...")
    return value.bound


def _assign_typed(body: Body, var: Var, value: ast.expr, node: ast.AST) -> None:
    assert isinstance(var.type, (t.RecordType, t.ArrayRef))
    if var.local is None or not var.local.is_memory:
        body.set_var(var.name, body.expr(value), node)
        return
    place = Place(var.storage, ir.LocalAddr(ir.POINTER, var.local), space="own")
    _assign_memory(body, place, value, f"'{var.name}'")
    body.env.assigned.add(var.name)
    body.env.bad.discard(var.name)


def _unpack(body: Body, target: ast.Tuple | ast.List, value: ast.expr, node: ast.stmt) -> None:
    for part in target.elts:
        if isinstance(part, ast.Starred):
            body.fail(part, "*names are not in the language", "give each a name")
    found = body.expr(value)
    items: list[t.Value]
    if found.items is not None:
        items = [body.held(item) for item in found.items]
    elif found.is_const and isinstance(found.const, (tuple, list)):
        items = [t.Value(t.OBJECT, const=item) for item in found.const]
    elif isinstance(found.type, t.ArrayRef):
        from btfkit.frontend.python.expr import element_place  # noqa: PLC0415

        count = found.type.type.count
        indices = [t.Value(t.OBJECT, const=i) for i in range(count)]
        items = [load(body, element_place(body, found, i, value)) for i in indices]
    else:
        body.fail(value, f"{body.describe(found)} cannot be unpacked")
    if len(items) != len(target.elts):
        body.fail(node, f"{len(items)} values for {len(target.elts)} names")
    for part, item in zip(target.elts, items, strict=True):
        if isinstance(part, ast.Name) and part.id not in body.globals:
            body.set_var(part.id, item, node)
        else:
            store(body, place_of(body, part), item, node, ast.unparse(part))


def _ann_assign(body: Body, node: ast.AnnAssign) -> None:
    target = node.target
    if not isinstance(target, ast.Name):
        body.fail(node, "only a name can be given a type")
    name = target.id
    info = body.info
    try:
        annotation = evaluate(node.annotation, info.namespace, info.path)
    except Exception as error:  # whatever the annotation raises is the diagnostic
        body.fail(node.annotation, f"this is not a type: {error}")
    if isinstance(annotation, Static):
        _static(body, node, name, annotation)
        return
    storage = info_storage(body, annotation, node.annotation)
    if node.value is None:
        body.fail(node, f"'{name}' has no value", f"write {name}: {ast.unparse(node.annotation)} = ...")
    type_ = body.unit.value_type(storage, body.where(node.annotation), "own")
    var = body.vars.setdefault(name, Var(name))
    if var.storage is not None and var.storage != storage:
        body.fail(node, f"'{name}' has another type above")
    owns = isinstance(type_, (t.RecordType, t.ArrayRef)) and type_.space == "own"
    if owns and not _names_memory(body, node.value):
        var.storage, var.type = storage, type_
        size, align = size_align(storage)
        if var.local is None:
            var.local = ir.Local(name, ir.POINTER, max(size, 1), max(align, 8))
        _assign_typed(body, var, node.value, node)
        return
    value = body.expr(node.value)
    if owns:  # a place in memory: the name stands for it
        body.set_var(name, value, node)
        if isinstance(var.type, t.RecordType) and var.type.cls is not storage:
            body.fail(node, f"'{name}' is {t.type_name(storage)}, not {var.type.name}")
        return
    var.storage, var.type = storage, type_
    body.set_var(name, value, node)


def _names_memory(body: Body, node: ast.expr) -> bool:
    """A subscript or attribute: memory that is somewhere already."""
    return isinstance(node, (ast.Subscript, ast.Attribute, ast.Name))


def info_storage(body: Body, annotation: Any, node: ast.AST) -> Any:
    try:
        return body.unit.storage(annotation)
    except TypeError as error:
        body.fail(node, str(error))


def _static(body: Body, node: ast.AnnAssign, name: str, annotation: Static) -> None:
    const: Any = None
    storage = annotation.type
    if node.value is not None:
        value = body.expr(node.value) if not isinstance(node.value, ast.Call) else None
        if value is not None and not value.is_const:
            body.fail(node.value, f"'{name}' starts with a constant")
        try:
            const = value.const if value is not None else evaluate(node.value, body.info.namespace, body.info.path)
        except Exception as error:  # whatever the initial value raises is the diagnostic
            body.fail(node.value, f"{type(error).__name__}: {error}")
    try:
        size_align(storage)
    except TypeError as error:
        body.fail(node.annotation, str(error))
    if const is None:
        const = storage() if isinstance(storage, ArrayType) or issubclass(storage, Record) else 0
    body.unit.static(name, annotation, const, body.info, body.where(node))
    body.local_names.discard(name)
    body.globals.add(name)


def _aug_assign(body: Body, node: ast.AugAssign) -> None:
    target = node.target
    if isinstance(target, ast.Name) and target.id not in body.globals:
        left = body.held(check(body, ast.copy_location(ast.Name(target.id, ast.Load()), target)))
        right = body.held(check(body, node.value))
        body.set_var(target.id, ops.binary(body, node.op, left, right, node), node)
        return
    if isinstance(target, ast.Subscript) and _is_map(body, target.value):
        from btfkit.frontend.python.maps import augment  # noqa: PLC0415

        if augment(body, check(body, target.value), target, node):
            return
    place = _global_place(body, target) if isinstance(target, ast.Name) else place_of(body, target)
    check_writable(body, place, target)
    augment_place(body, place, node.op, body.held(check(body, node.value)), node)


ATOMIC = {ast.Add: "add", ast.Sub: "add", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor"}


def augment_place(body: Body, place: Place, op: ast.operator, value: t.Value, node: ast.AST) -> None:
    """``place op= value``: in one go where other CPUs see the place, and its type has atomic operations."""
    type_ = body.unit.value_type(place.storage)
    shared = place.space == "shared" and place.bits is None and getattr(place.storage, "byte_order", "") == "host"
    if shared and isinstance(type_, t.IntType) and type_.bits >= 32 and type(op) in ATOMIC:
        if not value.is_int:
            body.fail(node, f"an integer is needed, not {body.describe(value)}")
        if body.unit.cpu == "v2" and type_.bits == 32 and ATOMIC[type(op)] != "add":
            body.fail(node, "cpu v2 has this operation for 64 bit integers only", "compile for v3, or make it a u64")
        operand = ops.to_type(value, type_)
        if isinstance(op, ast.Sub):
            operand = ir.Binary(type_.ir, "sub", ops.const(0, type_), operand)
        if body.unit.cpu == "v2" and type_.bits == 32:  # what LLVM knows to be 0 it would make an atomic |=
            operand = ops.cast(ir.Opaque(ir.U64, ops.cast(operand, ir.U64)), type_.ir)
        atomic = ir.AtomicOp(ir.NOTHING, ATOMIC[type(op)], place.address, operand)
        body.emit(ir.Eval(atomic))
        return
    old = load(body, place)
    new = ops.binary(body, op, old, value, node)
    if new.is_int and not new.is_const and isinstance(type_, t.IntType):
        new = t.Value(type_, ops.to_type(new, type_))
    store(body, place, new, node, "the place")


def _if(body: Body, node: ast.If) -> None:
    test, yes, no = body.condition(node.test)
    before = body.env
    branches: list[list[ir.Stmt]] = []
    ends: list[Env] = []
    for known, nodes, taken in ((yes, node.body, 1), (no, node.orelse, 0)):
        body.env = before.copy()
        body.env.present |= known
        if isinstance(test, ir.Const) and test.value != taken:
            body.env.alive = False  # as in `if DEBUG:`
        with body.capture() as out:
            body.block(nodes)
        branches.append(out)
        ends.append(body.env)
    body.env = ends[0].merge(ends[1])
    body.span = body.where(node)
    if isinstance(test, ir.Const):
        body.out.extend(branches[0] if test.value else branches[1])
    else:
        body.emit(ir.If(test, branches[0], branches[1]))


def _delete(body: Body, node: ast.Delete) -> None:
    from btfkit.frontend.python.maps import delete_item  # noqa: PLC0415

    for target in node.targets:
        if isinstance(target, ast.Subscript) and _is_map(body, target.value):
            delete_item(body, check(body, target.value), target)
        else:
            body.fail(target, "only an element of a map can be deleted")


def _with(body: Body, node: ast.With) -> None:
    from btfkit.frontend.python.blocks import with_block  # noqa: PLC0415

    with_block(body, node)


def _function(body: Body, node: ast.FunctionDef) -> None:
    if node.decorator_list:
        body.fail(node.decorator_list[0], "a function in a function has no decorators")
    body.unit.nested(node, body.info)


def _global(body: Body, node: ast.Global) -> None:
    for name in node.names:
        body.globals.add(name)


_HANDLERS: dict[type[ast.stmt], Callable[[Any, Any], None]] = {
    ast.Pass: _pass,
    ast.Expr: _expr,
    ast.Assign: _assign,
    ast.AnnAssign: _ann_assign,
    ast.AugAssign: _aug_assign,
    ast.If: _if,
    ast.While: loops.while_loop,
    ast.For: loops.for_loop,
    ast.Break: loops.break_,
    ast.Continue: loops.continue_,
    ast.Match: matching.match,
    ast.Return: returns.return_,
    ast.Delete: _delete,
    ast.Assert: faults.assert_,
    ast.Raise: faults.raise_,
    ast.Try: faults.try_,
    ast.With: _with,
    ast.FunctionDef: _function,
    ast.Global: _global,
}

__all__ = ["augment_place", "statement"]
