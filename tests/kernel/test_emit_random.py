"""Random expressions and statements: the kernel computes what Python does."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from tests.kernel.emit_run import interesting, running
from tests.unit.frontend.python.emit_support import INTS, Main, cast, const, get, op, python_result, returns, wrap

from btfkit.frontend.python import ir
from btfkit.frontend.python.ir import BOOL, I32, I64, U32, U64, Fault

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


def expression(random_: random.Random, depth: int, locals_: Sequence[ir.Local]) -> ir.Expr:
    """A random expression of U64 on locals."""
    if depth == 0:
        return (
            get(random_.choice(locals_))
            if random_.random() < 0.7
            else const(random_.getrandbits(random_.choice([3, 64])))
        )
    a, b = expression(random_, depth - 1, locals_), expression(random_, depth - 1, locals_)
    kind = random_.choice(["add", "sub", "mul", "xor", "and", "or", "choose", "signed", "narrow"])
    if kind == "choose":
        return ir.Choose(U64, ir.Both(BOOL, op("lt", a, b), op("ne", b, 3)), b, a)
    if kind == "signed":
        divisor = op("or", cast(b, I64), 1)
        return cast(op(random_.choice(["floordiv", "mod"]), cast(a, I64), divisor))
    if kind == "narrow":
        return cast(cast(op("mul", a, b), random_.choice(INTS)))
    return op(kind, a, b)


def evaluate(node: ir.Expr, values: dict[ir.Local, int]) -> int:
    match node:
        case ir.Const():
            return node.value
        case ir.Get():
            return values[node.local]
        case ir.Cast(type=ir.Int() as type_):
            return wrap(evaluate(node.a, values), type_)
        case ir.Choose():
            return evaluate(node.then if evaluate(node.cond, values) else node.other, values)
        case ir.Both():
            return int(bool(evaluate(node.a, values) and evaluate(node.b, values)))
        case ir.Binary(type=ir.Int() as type_) | ir.Compare(a=ir.Expr(type=ir.Int() as type_)):
            found = python_result(node.op, type_, evaluate(node.a, values), evaluate(node.b, values))
            return wrap(found, type_) if isinstance(node, ir.Binary) else found
    raise AssertionError(node)


@pytest.mark.parametrize("seed", range(12))
def test_random_expressions(seed: int) -> None:
    random_ = random.Random(seed)
    main = Main()
    locals_ = [ir.Local(f"l{number}", U64) for number in range(3)]
    values = [expression(random_, 4, locals_) for _ in range(12)]
    main.body += [ir.Set(local, main.arg(number)) for number, local in enumerate(locals_)]
    if seed % 2:
        main.body.append(ir.Repeat(const(1, U32), None, [main.out(3 + n, value) for n, value in enumerate(values)]))
    else:
        main.body += [main.out(3 + n, value) for n, value in enumerate(values)]
    main.body.append(returns())
    with running(main, cpu=("v2", "v3", "v4")[seed % 3]) as run:
        for _ in range(30):
            numbers = [interesting(U64, random_) for _ in locals_]
            _, after = run(*numbers, *[0] * len(values))
            given = dict(zip(locals_, numbers, strict=True))
            assert after[3:] == [evaluate(value, given) for value in values]


class Writer:
    """Random statements on a few locals; loops are short, and each fault has somebody to raise it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.locals = [ir.Local(f"v{number}", U64) for number in range(4)]
        self.loops = 0
        self.check = ir.Function("check", [a := ir.Local("a", U64), b := ir.Local("b", U64)], U64, returns().span)
        self.check.raises, self.check.noinline = True, bool(seed % 2)
        self.check.body = [
            ir.If(op("eq", op("and", get(a), 7), 3), [ir.Raise(Fault.KEY)]),
            ir.If(op("gt", op("and", get(b), 31), 28), [ir.Raise(Fault.INDEX)]),
            ir.Return(op("xor", get(a), op("mul", get(b), 5))),
        ]

    def number(self) -> ir.Expr:
        return expression(self.random, 1, self.locals)

    def cond(self) -> ir.Expr:
        return op(self.random.choice(["lt", "gt", "eq", "ne"]), op("and", self.number(), 7), self.random.randrange(8))

    def body(self, depth: int, in_loop: bool) -> list[ir.Stmt]:
        return [self.statement(depth, in_loop) for _ in range(self.random.randint(1, 3))]

    def statement(self, depth: int, in_loop: bool) -> ir.Stmt:
        target = self.random.choice(self.locals)
        kinds = ["set", "set", "call", "leave"] + ["if", "while", "repeat", "try"] * bool(depth)
        match self.random.choice(kinds):
            case "set":
                return ir.Set(target, self.number())
            case "call":
                return ir.Set(target, ir.Call(U64, self.check, [self.number(), self.number()]))
            case "leave":
                ways: list[ir.Stmt] = [ir.Raise(Fault.VALUE), ir.Return(cast(self.number(), I32))]
                ways += [ir.Break(), ir.Continue()] * (2 * in_loop)
                return ir.If(self.cond(), [self.random.choice(ways)])
            case "if":
                return ir.If(self.cond(), self.body(depth - 1, in_loop), self.body(depth - 1, in_loop))
            case "try":
                faults = self.random.choice([[], [Fault.KEY], [Fault.VALUE, Fault.INDEX]])
                handlers = [(frozenset(faults), self.body(depth - 1, in_loop))]
                return ir.Try(self.body(depth - 1, in_loop), handlers, self.body(0, in_loop))
            case kind:
                self.loops += 1
                index = ir.Local(f"i{self.loops}", U32)
                use = ir.Set(target, op("add", get(target), cast(get(index))))
                rounds = const(self.random.randint(1, 4), U32)
                if kind == "repeat":
                    return ir.Repeat(rounds, index, [use, *self.body(depth - 1, True)])
                loop = ir.While(op("lt", get(index), rounds), [use, *self.body(depth - 1, True)])
                loop.step = [ir.Set(index, op("add", get(index), 1))]
                return ir.If(ir.Const(BOOL, 1), [ir.Set(index, const(0, U32)), loop])


class Left(Exception):
    """A jump: "break", "continue", or a fault or a returned value."""

    def __init__(self, what: object) -> None:
        self.what = what


def run_statements(body: list[ir.Stmt], values: dict[ir.Local, int]) -> None:
    """What Python would do."""
    for stmt in body:
        match stmt:
            case ir.Set(value=ir.Call(args=[a, b])):
                x, y = evaluate(a, values), evaluate(b, values)
                if x & 7 == 3 or y & 31 > 28:
                    raise Left(Fault.KEY if x & 7 == 3 else Fault.INDEX)
                values[stmt.local] = wrap(x ^ wrap(y * 5, U64), U64)
            case ir.Set():
                values[stmt.local] = evaluate(stmt.value, values)
            case ir.If():
                run_statements(stmt.then if evaluate(stmt.cond, values) else stmt.other, values)
            case ir.While() | ir.Repeat():
                run_loop(stmt, values)
            case ir.Try():
                try:
                    run_statements(stmt.body, values)
                except Left as left:
                    fitting = [body for faults, body in stmt.handlers if left.what in faults or not faults]
                    if not isinstance(left.what, Fault) or not fitting:
                        raise
                    run_statements(fitting[0], values)
                else:
                    run_statements(stmt.orelse, values)
            case ir.Raise():
                raise Left(stmt.fault)
            case ir.Return(value=ir.Expr() as value):
                raise Left((evaluate(value, values),))
            case _:
                raise Left(type(stmt))


def run_loop(stmt: ir.While | ir.Repeat, values: dict[ir.Local, int]) -> None:
    number = 0
    while evaluate(stmt.cond, values) if isinstance(stmt, ir.While) else number < evaluate(stmt.count, values):
        if isinstance(stmt, ir.Repeat) and stmt.index:
            values[stmt.index] = number
        number += 1
        try:
            run_statements(stmt.body, values)
        except Left as left:
            if left.what == ir.Break:
                break
            if left.what != ir.Continue:
                raise
        run_statements(stmt.step if isinstance(stmt, ir.While) else [], values)


@pytest.mark.parametrize("seed", range(40))
def test_random_statements(seed: int) -> None:
    writer = Writer(seed)
    main = Main(default=-5)
    main.body += [ir.Set(local, main.arg(number)) for number, local in enumerate(writer.locals)]
    body = [stmt for _ in range(4) for stmt in writer.body(3, False)]
    outs = [main.out(4 + number, get(local)) for number, local in enumerate(writer.locals)]
    main.body += [*body, *outs, returns(11)]
    with running(main, writer.check, cpu=("v2", "v3", "v4")[seed % 3]) as run:
        for _ in range(40):
            numbers = [interesting(U64, writer.random) for _ in writer.locals]
            values = dict(zip(writer.locals, numbers, strict=True))
            status, stored = 11, [0] * 4
            try:
                run_statements(body, values)
                stored = [values[local] for local in writer.locals]
            except Left as left:
                status = left.what[0] if isinstance(left.what, tuple) else -5
            assert run(*numbers, 0, 0, 0, 0) == (status, [*numbers, *stored])
