"""Loops. One whose rounds are few and known is a plain loop, which the verifier walks; any other goes through bpf_loop.

In: for and while statements. Out: `ir.While`, `ir.Repeat`, `ir.ForEach`, `ir.Drain`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from btfkit.bpf.records import size_align
from btfkit.format.maptype import MapType
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.conditions import negate
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.env import Env, Loop
from btfkit.frontend.python.storage import Place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

DYNPTR_READ = 201
MOST_PLAIN_ROUNDS = 1024
"""Of a plain loop, times those of the loops around it."""
MOST_ROUNDS = 1 << 23
"""Of bpf_loop (BPF_MAX_LOOPS)."""


def _stored(nodes: list[ast.stmt]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _takes_many(type_: t.ValueType | None) -> bool:
    """Whether it is a number that has more values than the verifier has patience, and no bounds that it must know."""
    if isinstance(type_, t.PlainType):
        return type_.low == t.I64_MIN or type_.high == t.I64_MAX
    return isinstance(type_, t.IntType) and type_.bits > 8


class _Frame:
    """What a loop needs around its body: the environment before, the flag of its else."""

    def __init__(self, body: Body, node: ast.While | ast.For) -> None:
        self.body, self.node = body, node
        self.stored = _stored(node.body)
        body.env.present -= self.stored
        self.loop = Loop()
        if node.orelse and any(isinstance(n, ast.Break) for s in node.body for n in ast.walk(s)):
            self.loop.broke = ir.Local("broke", ir.BOOL)
            body.emit(ir.Set(self.loop.broke, ir.Const(ir.BOOL, 0)))
        self.before = body.env.copy()

    def run(self, rounds: int, counters: frozenset[str] = frozenset()) -> list[ir.Stmt]:
        """The body's statements. counters: variables whose value the verifier knows in each round."""
        body = self.body
        known, body.counters = body.counters, counters
        body.loops.append(self.loop)
        outer, body.rounds = body.rounds, body.rounds * max(rounds, 1)
        with body.capture() as out, body.own_memory():
            body.block(self.node.body)
        body.rounds, body.counters = outer, known
        body.loops.pop()
        body.span = body.where(self.node)
        return out

    def unknown(self, number: ir.Local) -> list[ir.Stmt]:
        """Make the verifier forget what the variables that the loop changes were in the round before.

        It would walk round by round as long as it knows their values and a branch depends on them. Of bpf_loop's number
        of the round it does not know that it has 32 bits: ``-(number >> 32)`` may be anything to it, and is 0.
        """
        body = self.body
        high = ir.Binary(ir.U64, "shr", ir.Get(ir.U64, number), ir.Const(ir.U64, 32))
        zero = ir.Binary(ir.U64, "sub", ir.Const(ir.U64, 0), high)
        out: list[ir.Stmt] = []
        for name in sorted(self.stored & self.before.assigned):
            var = body.vars.get(name)
            if var is None or var.local is None or not _takes_many(var.type):
                continue
            type_ = var.local.type
            same = ir.Binary(type_, "xor", ir.Get(type_, var.local), ops.cast(zero, type_))
            out.append(ir.Set(var.local, same, span=body.span))
        return out

    def end(self, after: Env) -> None:
        """The else, and what is known behind the loop. after: where the loop ends by itself."""
        body = self.body
        body.env = after
        if self.node.orelse:
            with body.capture() as out:
                body.block(self.node.orelse)
            if self.loop.broke is not None:
                body.emit(ir.If(negate(ir.Get(ir.BOOL, self.loop.broke)), out))
            else:
                body.out.extend(out)
        for env in self.loop.ends:
            body.env = body.env.merge(env)


def break_(body: Body, node: ast.Break) -> None:
    loop = body.loops[-1]
    if loop.broke is not None:
        body.emit(ir.Set(loop.broke, ir.Const(ir.BOOL, 1)))
    loop.ends.append(body.env.copy())
    body.emit(ir.Break())
    body.env.alive = False


def continue_(body: Body, node: ast.Continue) -> None:
    body.emit(ir.Continue())
    body.env.alive = False


def while_loop(body: Body, node: ast.While) -> None:
    """``while test:``"""
    frame = _Frame(body, node)
    with body.capture() as pre:
        test, yes, no = body.condition(node.test)
    if isinstance(test, ir.Const) and not test.value:
        frame.end(body.env)
        return
    forever = isinstance(test, ir.Const)
    if forever and not any(isinstance(n, (ast.Break, ast.Return, ast.Raise)) for s in node.body for n in ast.walk(s)):
        body.fail(node.test, "this loop never ends", "leave it with break or return")
    rounds = _counted(body, node)
    plain = rounds is not None and rounds * body.rounds <= MOST_PLAIN_ROUNDS
    body.env.present |= yes
    stmts = frame.run(rounds or 1)
    if plain:
        body.emit(ir.While(ir.Do(ir.BOOL, pre, test) if pre else test, stmts))
    else:
        _repeat_while(body, pre, test, stmts, forever, frame)
    after = frame.before.copy()
    after.present |= no
    after.alive = not forever
    frame.end(after)
    if forever and not frame.loop.ends:
        body.env.alive = False


def _repeat_while(
    body: Body, pre: list[ir.Stmt], test: ir.Expr, stmts: list[ir.Stmt], forever: bool, frame: _Frame
) -> None:
    """Until the test fails: a callback of bpf_loop; the most rounds that has would be a fault."""
    ended = ir.Local("ended", ir.BOOL)
    body.emit(ir.Set(ended, ir.Const(ir.BOOL, 0)))
    stop = [ir.Set(ended, ir.Const(ir.BOOL, 1)), ir.Break()]
    inner = [*pre, *([] if forever else [ir.If(negate(test), stop)]), *_mark_breaks(stmts, ended)]
    number = ir.Local("n", ir.U64, is_temp=True)
    body.emit(ir.Repeat(ir.Const(ir.U32, MOST_ROUNDS), number, [*frame.unknown(number), *inner]))
    body.raise_if(negate(ir.Get(ir.BOOL, ended)), ir.Fault.RUNTIME)
    for stmt in (*stop,):
        stmt.span = body.span


def _mark_breaks(stmts: list[ir.Stmt], ended: ir.Local) -> list[ir.Stmt]:
    """Every break of this loop sets the flag first."""
    out: list[ir.Stmt] = []
    for stmt in stmts:
        if isinstance(stmt, ir.Break):
            out.append(ir.Set(ended, ir.Const(ir.BOOL, 1), span=stmt.span))
        elif isinstance(stmt, ir.If):
            stmt.then, stmt.other = _mark_breaks(stmt.then, ended), _mark_breaks(stmt.other, ended)
        elif isinstance(stmt, ir.Try):
            stmt.body, stmt.orelse = _mark_breaks(stmt.body, ended), _mark_breaks(stmt.orelse, ended)
            stmt.handlers = [(taken, _mark_breaks(part, ended)) for taken, part in stmt.handlers]
        out.append(stmt)
    return out


def _counted(body: Body, node: ast.While) -> int | None:
    """The most rounds of ``while i < bound: ...; i += 1``; None where that is not what it is."""
    test = node.test
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name)):
        return None
    name = test.left.id
    steps = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)]
    last = [
        s for s in node.body if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name) and s.target.id == name
    ]
    if len(steps) != 1 or len(last) != 1 or any(isinstance(n, ast.Continue) for n in ast.walk(node)):
        return None
    step = last[0].value
    if not (isinstance(step, ast.Constant) and isinstance(step.value, int) and step.value > 0):
        return None
    with body.capture():
        mark = dict(body.unit.diagnostics.found)
        limit = body.expr(test.comparators[0])
        start = body.expr(test.left)
        body.unit.diagnostics.found = mark
    if not (limit.is_int and start.is_int):
        return None
    low, high = ops.bounds(limit)
    if isinstance(test.ops[0], (ast.Lt, ast.LtE)) and isinstance(last[0].op, ast.Add):
        first = ops.bounds(start)[0]
        return max(high + 1 - first, 0) // step.value + 1 if first >= -MOST_PLAIN_ROUNDS else None
    if isinstance(test.ops[0], (ast.Gt, ast.GtE)) and isinstance(last[0].op, ast.Sub):
        most = ops.bounds(start)[1]
        return max(most + 1 - low, 0) // step.value + 1 if most <= MOST_ROUNDS else None
    return None


def for_loop(body: Body, node: ast.For) -> None:
    """``for x in ...:`` over a range, an array, constants, a map, or what a map gives."""
    iterated = node.iter
    if isinstance(iterated, ast.Call):
        called = body.constant_of(iterated.func)
        if (
            called is None
            and isinstance(iterated.func, ast.Name)
            and iterated.func.id in ("range", "enumerate", "reversed")
        ):
            called = {"range": range, "enumerate": enumerate, "reversed": reversed}[iterated.func.id]
        if called is range:
            _for_range(body, node, iterated)
            return
        if called is enumerate and len(iterated.args) == 1 and isinstance(node.target, ast.Tuple):
            index, element = node.target.elts
            _for_array(body, node, body.expr(iterated.args[0]), element, index)
            return
        if called is reversed:
            body.fail(iterated, "reversed() is not in the language", "count down: range(n - 1, -1, -1)")
        if isinstance(iterated.func, ast.Attribute) and iterated.func.attr in ("items", "keys", "values"):
            base = body.expr(iterated.func.value)
            if base.is_const and isinstance(base.const, MapDecl):
                _for_map(body, node, base.const, iterated.func.attr)
                return
        if isinstance(iterated.func, ast.Attribute) and iterated.func.attr == "drain":
            _for_drain(body, node, iterated, iterated.func.value)
            return
    value = body.expr(iterated)
    if value.is_const and isinstance(value.const, MapDecl):
        _for_map(body, node, value.const, "keys")
    elif value.is_const and isinstance(value.const, range):
        start, stop = (t.Value(t.OBJECT, const=x) for x in (value.const.start, value.const.stop))
        _count(body, node, start, stop, value.const.step)
    else:
        _for_array(body, node, value, node.target, None)


def _for_range(body: Body, node: ast.For, call: ast.Call) -> None:
    args = [body.held(body.expr(arg)) for arg in call.args]
    if not 1 <= len(args) <= 3 or call.keywords or not all(arg.is_int for arg in args):
        body.fail(call, "range() takes one to three integers")
    step = args[2] if len(args) == 3 else t.Value(t.OBJECT, const=1)
    if not step.is_const or not step.const:
        body.fail(call.args[2], "the step of a range is a constant other than 0")
    start = args[0] if len(args) > 1 else t.Value(t.OBJECT, const=0)
    _count(body, node, start, args[1] if len(args) > 1 else args[0], int(step.const))


def _count(body: Body, node: ast.For, start: t.Value, stop: t.Value, step: int) -> None:
    (first_low, first_high), (stop_low, stop_high) = ops.bounds(start), ops.bounds(stop)
    low, high = (first_low, max(stop_high - 1, first_low)) if step > 0 else (min(stop_low + 1, first_high), first_high)
    span = max(stop_high - first_low, 0) if step > 0 else max(first_high - stop_low, 0)
    rounds = -(-span // abs(step))
    frame = _Frame(body, node)
    type_ = t.PlainType(max(min(low, high), t.I64_MIN), min(max(low, high), t.I64_MAX))
    begin, end = ops.to_type(start, t.PLAIN), body.hold(ops.to_type(stop, t.PLAIN))
    after = frame.before.copy()
    if rounds * body.rounds <= MOST_PLAIN_ROUNDS:
        counter = ir.Local("i", ir.I64)
        body.emit(ir.Set(counter, begin))
        at = ir.Get(ir.I64, counter)
        test = _more(body, at, end, stop_high if step > 0 else stop_low, step)
        with body.capture() as head:
            _bind(body, node.target, t.Value(type_, at), node)
        stmts = head + frame.run(rounds, body.counters | _counter(node) if start.is_const else body.counters)
        advance = ir.Set(counter, ir.Binary(ir.I64, "add", at, ir.Const(ir.I64, step)), span=body.span)
        body.emit(ir.While(test, stmts, [advance]))
    else:
        begin = body.hold(begin)
        number = ir.Local("i", ir.U64, is_temp=True)
        index = ops.cast(ops.cast(ir.Get(ir.U64, number), ir.U32), ir.I64)
        scaled = ir.Binary(ir.I64, "mul", index, ir.Const(ir.I64, step))
        with body.capture() as head:
            if rounds <= MOST_ROUNDS:  # the verifier does not know how many there are
                past = ir.Compare(ir.BOOL, "ge", index, ir.Const(ir.I64, rounds))
                body.emit(ir.If(past, [ir.Break()], span=body.span))
            value = body.hold(ir.Binary(ir.I64, "add", begin, scaled))
            _bind(body, node.target, t.Value(type_, value), node)
        stmts = head + frame.run(rounds)
        count = body.hold(_round_count(body, begin, end, step))
        repeat = ir.Repeat(count, number, frame.unknown(number) + stmts, span=body.span)
        # a callback that is never called is removed by the verifier, its address is not (6.18: "No program to jit")
        body.emit(ir.If(ir.Compare(ir.BOOL, "ne", count, ir.Const(ir.U32, 0)), [repeat]))
    _after_for(body, frame, node, after, rounds_at_least_one=start.is_const and stop.is_const and rounds > 0)


def _more(body: Body, at: ir.Expr, end: ir.Expr, limit: int, step: int) -> ir.Expr:
    """There is a round more. The verifier sees the limit of a variable end, which LLVM alone would know."""
    op = "lt" if step > 0 else "gt"
    if isinstance(end, ir.Const):
        return ir.Compare(ir.BOOL, op, at, end)
    end = body.hold(ir.Opaque(ir.I64, end))
    within = ir.Compare(ir.BOOL, op, at, ir.Const(ir.I64, limit))
    return ir.Both(ir.BOOL, within, ir.Compare(ir.BOOL, op, at, end))


def _counter(node: ast.For) -> frozenset[str]:
    """The variable, where nothing in the loop sets it."""
    name = node.target.id if isinstance(node.target, ast.Name) else ""
    return frozenset({name} - _stored(node.body))


def _round_count(body: Body, begin: ir.Expr, end: ir.Expr, step: int) -> ir.Expr:
    """How many rounds, at most those of bpf_loop: one more would be a fault."""
    ahead, behind = (end, begin) if step > 0 else (begin, end)
    some = ir.Compare(ir.BOOL, "gt", ahead, behind)
    gap = ir.Binary(ir.U64, "sub", ops.cast(ahead, ir.U64), ops.cast(behind, ir.U64))
    if abs(step) > 1:
        padded = ir.Binary(ir.U64, "add", gap, ir.Const(ir.U64, abs(step) - 1))
        gap = ir.Binary(ir.U64, "floordiv", padded, ir.Const(ir.U64, abs(step)))
    count = body.hold(ir.Choose(ir.U64, some, gap, ir.Const(ir.U64, 0)))
    if not isinstance(end, ir.Const) or not isinstance(begin, ir.Const):
        body.raise_if(ir.Compare(ir.BOOL, "gt", count, ir.Const(ir.U64, MOST_ROUNDS)), ir.Fault.RUNTIME)
    return ops.cast(count, ir.U32)


def _after_for(body: Body, frame: _Frame, node: ast.For, after: Env, *, rounds_at_least_one: bool) -> None:
    if rounds_at_least_one:
        after.assigned |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        if body.env.alive:
            after.assigned |= body.env.assigned
    frame.end(after)


def _bind(body: Body, target: ast.expr, value: t.Value, node: ast.AST) -> None:
    if isinstance(target, ast.Name) and target.id not in body.globals:
        body.set_var(target.id, value, node)
        return
    body.fail(target, "a loop sets a variable of the function")


def _for_array(body: Body, node: ast.For, value: t.Value, target: ast.expr, index: ast.expr | None) -> None:
    """Over an array, or constants."""
    base: ir.Expr
    if value.is_const and isinstance(value.const, (tuple, list, bytes)):
        if not all(isinstance(item, int) for item in value.const):
            body.fail(node.iter, "a loop over constants goes over integers")
        if any(not t.I64_MIN <= item < 1 << 64 for item in value.const):
            body.fail(node.iter, "a constant here does not fit 64 bits")
        items = [int(item) for item in value.const]
        order: Any = body.unit.byte_order
        count = len(items)
        base = ir.Text(ir.POINTER, b"".join(item.to_bytes(8, order, signed=item < 0) for item in items))
        storage: Any = t.vocabulary_type((64, True))
        space = "read"
        if not items:
            return
    elif isinstance(value.type, t.ArrayRef) and value.type.space in ("ctx", "args"):
        body.fail(node.iter, "an array of a context is indexed by constants", "copy it first: for x in copy(...)")
    elif isinstance(value.type, t.ArrayRef):
        storage, count, space = value.type.type.elem, value.type.type.count, value.type.space
        base = body.hold(value.ir)
        items = []
    else:
        body.fail(node.iter, f"{body.describe(value)} cannot be looped over", "ranges, arrays and maps can")
    frame = _Frame(body, node)
    counter = ir.Local("i", ir.I64)
    at = ir.Get(ir.I64, counter)
    size = size_align(storage)[0]
    with body.capture() as head:
        place = Place(
            storage, ir.Index(ir.POINTER, base, ops.cast(at, ir.U64), size), 0, space, align=1 if space == "read" else 8
        )
        element = load(body, place)
        if items:
            element.type = t.PlainType(min(items), max(items))
        _bind(body, target, element, node)
        if index is not None:
            _bind(body, index, t.Value(t.PlainType(0, count - 1), at), node)
    after = frame.before.copy()
    if count * body.rounds <= MOST_PLAIN_ROUNDS:
        body.emit(ir.Set(counter, ir.Const(ir.I64, 0)))
        stmts = head + frame.run(count)
        advance = ir.Set(counter, ir.Binary(ir.I64, "add", at, ir.Const(ir.I64, 1)), span=body.span)
        body.emit(ir.While(ir.Compare(ir.BOOL, "lt", at, ir.Const(ir.I64, count)), stmts, [advance]))
    else:
        number = ir.Local("n", ir.U64, is_temp=True)
        set_counter = ir.Set(counter, ops.cast(ops.cast(ir.Get(ir.U64, number), ir.U32), ir.I64), span=body.span)
        inside = ir.If(ir.Compare(ir.BOOL, "ge", at, ir.Const(ir.I64, count)), [ir.Break()], span=body.span)
        stmts = [set_counter, inside, *head, *frame.run(count)]
        stmts = frame.unknown(number) + stmts
        body.emit(ir.Repeat(ir.Const(ir.U32, count), number, stmts))
    _after_for(body, frame, node, after, rounds_at_least_one=count > 0)


def _for_map(body: Body, node: ast.For, decl: MapDecl, what: str) -> None:
    """Over the elements of a map, by bpf_for_each_map_elem."""
    from btfkit.frontend.python.maps import element_space  # noqa: PLC0415

    if decl.key is None or decl.value is None:
        body.fail(node.iter, f"map '{decl.name}' has no elements to look at one by one")
    frame = _Frame(body, node)
    key = ir.Local("key", ir.POINTER, is_temp=True)
    value = ir.Local("value", ir.POINTER, is_temp=True)
    parts = {
        "keys": [(key, decl.key, "read")],
        "values": [(value, decl.value, element_space(decl))],
        "items": [(key, decl.key, "read"), (value, decl.value, element_space(decl))],
    }[what]
    targets = [node.target] if what != "items" else getattr(node.target, "elts", [])
    if len(targets) != len(parts):
        body.fail(node.target, "items() gives two: a key and a value", "write for k, v in m.items()")
    with body.capture() as head:
        for target, (local, storage, space) in zip(targets, parts, strict=True):
            _bind(body, target, load(body, Place(storage, ir.Get(ir.POINTER, local), 0, space)), node)
    after = frame.before.copy()
    stmts = head + frame.run(1)
    body.emit(ir.ForEach(decl.symbol, key, value, stmts))
    frame.end(after)


def _for_drain(body: Body, node: ast.For, call: ast.Call, buffer: ast.expr) -> None:
    """Over copies of the records in a user ring buffer, by bpf_user_ringbuf_drain; shorter ones are passed over."""
    decl = body.expr(buffer).const
    if not isinstance(decl, MapDecl) or decl.spec.type != MapType.USER_RINGBUF:
        body.fail(call, "drain() is for user ring buffers")
    if call.args or call.keywords:
        body.fail(call, "drain() takes nothing")
    frame = _Frame(body, node)
    size, align = size_align(decl.value)
    record = ir.Local("record", ir.POINTER, is_temp=True)
    with body.capture() as head:
        copy = ir.LocalAddr(ir.POINTER, body.memory(size, align))
        body.emit(ir.Zero(copy, size, 8))
        nothing = ir.Const(ir.U32, 0)
        read = [copy, ir.Const(ir.U32, size), ir.Get(ir.POINTER, record), nothing, ir.Const(ir.U64, 0)]
        failed = body.hold(ir.HelperCall(ir.I64, DYNPTR_READ, read))
        body.emit(ir.If(ir.Compare(ir.BOOL, "ne", failed, ir.Const(ir.I64, 0)), [ir.Continue(span=body.span)]))
        _bind(body, node.target, load(body, Place(decl.value, copy, 0, "read")), node)
    after = frame.before.copy()
    body.emit(ir.Drain(decl.symbol, record, head + frame.run(1)))
    frame.end(after)


__all__ = ["break_", "continue_", "for_loop", "while_loop"]
