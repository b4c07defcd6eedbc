"""What the emitter makes of the intermediate form, run by the kernel."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

import pytest
from tests.kernel.emit_run import interesting, loaded, running
from tests.unit.frontend.python.emit_support import (
    BINARY,
    COMPARE,
    INTS,
    Main,
    at,
    cast,
    const,
    each_operation,
    get,
    op,
    python_result,
    returns,
    wrap,
)

from btfkit.frontend.objects import ObjectBuilder
from btfkit.frontend.python import ir
from btfkit.frontend.python.ir import BOOL, I32, I64, NOTHING, POINTER, U8, U16, U32, U64, Fault
from btfkit.model import types as t

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

HASH, ARRAY = 1, 2
KEY, VALUE = U32, U64


@pytest.mark.parametrize("cpu", ["v2", "v3", "v4"])
@pytest.mark.parametrize("type_", INTS, ids=lambda type_: f"{'i' if type_.signed else 'u'}{type_.bits}")
@pytest.mark.parametrize("names", [BINARY[:6], BINARY[6:8], BINARY[8:], COMPARE], ids=lambda names: names[0])
def test_arithmetic(names: Sequence[str], type_: ir.Int, cpu: str) -> None:
    random_ = random.Random(f"{type_}{cpu}{names}")
    constants = sorted(
        {wrap(value, type_) for value in (0, 1, 2, 3, 8, 10, 100, type_.bits - 1, type_.bits, -1, -2, -7)}
    )
    main, done = each_operation(type_, constants, names)
    with running(main, cpu=cpu) as run:
        for _ in range(60):
            a, b = interesting(type_, random_), interesting(type_, random_)
            _, after = run(a, b, *[0] * len(done))
            want = [python_result(name, type_, a, b if constant is None else constant) for name, constant in done]
            wrong = [(what, got, w) for what, got, w in zip(done, after[2:], want, strict=True) if got != w]
            assert not wrong, (a, b, wrong)


def test_casts() -> None:
    main = Main()
    want = []
    for number, (source, target) in enumerate((source, target) for source in INTS for target in INTS):
        main.body.append(main.out(number + 1, cast(cast(main.arg(0, source), target))))
        want.append((source, target))
    truth = ir.Cast(BOOL, main.arg(0))
    main.body += [main.out(len(want) + 1, truth), main.out(len(want) + 2, ir.Not(BOOL, ir.Cast(BOOL, main.arg(0, U8))))]
    main.body.append(returns())
    with running(main) as run:
        for number in (0, 1, 0x80, 0xFF00, 0xFFFF8000, -1, 0x0123456789ABCDEF, 1 << 63):
            _, after = run(number, *[0] * (len(want) + 2))
            for got, (source, target) in zip(after[1:], want, strict=False):
                assert got == wrap(wrap(number, source), target) & 0xFFFFFFFFFFFFFFFF, (number, source, target)
            assert after[-2:] == [number != 0, number & 0xFF == 0]


def test_swap_and_bools() -> None:
    main = Main()
    for number, type_ in enumerate((U16, U32, U64)):
        main.body.append(main.out(number + 1, ir.Swap(type_, main.arg(0, type_))))
    a, b = ir.Cast(BOOL, main.arg(1)), op("lt", main.arg(0), 0x100)
    values: list[ir.Expr] = [ir.Both(BOOL, a, b), ir.Either(BOOL, a, b), ir.Choose(U64, a, main.arg(0), const(5))]
    values += [ir.Choose(U64, ir.Both(BOOL, ir.Not(BOOL, b), a), op("add", main.arg(0), 1), const(7))]
    tail = [main.out(4 + number, value) for number, value in enumerate(values)]
    main.body[:0] = tail
    main.body.append(returns(3))
    with running(main) as run:
        assert run(0x0102, 0, 0, 0, 0, 0, 0, 0) == (3, [0x0102, 0x0201, 0x02010000, 0x0201 << 48, 0, 0, 5, 7])


def fib(main: Main, count: ir.Expr) -> tuple[list[ir.Stmt], ir.Local]:
    a, b, i, tmp = (ir.Local(name, U64) for name in "abit")
    step = [ir.Set(tmp, op("add", get(a), get(b))), ir.Set(a, get(b)), ir.Set(b, get(tmp))]
    loop = ir.While(op("lt", get(i), count), step, [ir.Set(i, op("add", get(i), 1))])
    return [ir.Set(a, const(0)), ir.Set(b, const(1)), ir.Set(i, const(0)), loop], a


def test_while() -> None:
    main = Main()
    given = ir.Local("given", U64)
    main.body += [ir.Set(given, main.arg(0))]
    body, result = fib(main, ir.Choose(U64, op("gt", get(given), 50), const(50), get(given)))
    main.body += [*body, main.out(1, get(result)), returns()]
    with running(main) as run:
        assert run(30, 0)[1][1] == 832040


def test_repeat_breaks_continues_and_returns() -> None:
    """for i in range(a): skip the odd ones; break at b; return at c."""
    main = Main()
    i, total, double = ir.Local("i", U32), ir.Local("total", U64), ir.Local("double", U64)
    main.body += [
        ir.Set(total, const(0)),
        ir.Repeat(
            main.arg(0, U32),
            i,
            [
                ir.If(op("eq", op("and", get(i), 1), 1), [ir.Continue()]),
                ir.If(op("eq", cast(get(i)), main.arg(1)), [ir.Break()]),
                ir.If(op("eq", cast(get(i)), main.arg(2)), [returns(77)]),
                ir.Set(double, op("mul", cast(get(i)), 2)),
                ir.Set(total, op("add", get(total), get(double))),
            ],
            span=at(3),
        ),
        main.out(3, get(total)),
        main.out(4, cast(get(i))),
        returns(1),
    ]
    with running(main) as run:
        assert run(100000, 99999, 99999, 0, 0) == (1, [100000, 99999, 99999, sum(range(0, 100000, 2)) * 2, 99999])
        assert run(100, 10, 99999, 0, 0) == (1, [100, 10, 99999, 40, 10])
        assert run(100, 99, 20, 0, 0) == (77, [100, 99, 20, 0, 0])


def test_nested_repeat_with_while_raise_and_return() -> None:
    main = Main(default=55)
    i, j, k, total = (ir.Local(name, type_) for name, type_ in (("i", U32), ("j", U32), ("k", U64), ("total", U64)))
    inner: list[ir.Stmt] = [
        ir.If(op("eq", op("mul", cast(get(i)), cast(get(j))), main.arg(1)), [returns(9)]),
        ir.If(op("eq", op("mul", cast(get(i)), cast(get(j))), main.arg(2)), [ir.Raise(Fault.KEY)]),
        ir.If(op("eq", op("mul", cast(get(i)), cast(get(j))), main.arg(3)), [ir.Raise(Fault.VALUE)]),
        ir.Set(k, const(0)),
        ir.While(
            op("lt", get(k), 5),
            [ir.If(op("eq", get(k), 3), [ir.Break()]), ir.Set(total, op("add", get(total), 1))],
            [ir.Set(k, op("add", get(k), 1))],
        ),
    ]
    outer: list[ir.Stmt] = [
        ir.Try(
            [ir.Repeat(main.arg(0, U32), j, inner)],
            [(frozenset({Fault.KEY}), [ir.Set(total, op("add", get(total), 1000000))])],
            [ir.Set(total, op("add", get(total), 100))],
        )
    ]
    main.body += [ir.Set(total, const(0)), ir.Repeat(main.arg(0, U32), i, outer), main.out(4, get(total)), returns(1)]

    def want(n: int, at_return: int, at_key: int, at_value: int) -> tuple[int, int]:
        total = 0
        for i in range(n):
            for j in range(n):
                if i * j == at_return:
                    return 9, 0
                if i * j == at_key:
                    total += 1000000
                    break
                if i * j == at_value:
                    return 55, 0
                total += 3
            else:
                total += 100
        return 1, total

    with running(main) as run:
        for case in [(10, 999, 999, 999), (10, 35, 999, 999), (10, 999, 12, 999), (10, 999, 999, 35), (5, 12, 4, 3)]:
            status, after = run(*case, 0)
            assert (status, after[4]) == want(*case), case


def test_for_each_over_a_hash_map() -> None:
    main = Main()
    counts = ir.Symbol("counts")
    key, value = ir.Local("key", POINTER), ir.Local("value", POINTER)
    keys, values = ir.Local("keys", U64), ir.Local("values", U64)
    body: list[ir.Stmt] = [
        ir.Set(keys, op("add", get(keys), cast(ir.Load(KEY, get(key), 0, 4)))),
        ir.Set(values, op("add", get(values), ir.Load(VALUE, get(value), 0, 8))),
        ir.Store(get(value), const(0), 0, 8),
    ]
    main.body += [
        ir.Set(keys, const(0)),
        ir.Set(values, const(0)),
        ir.ForEach(counts, key, value, body),
        main.out(0, get(keys)),
        main.out(1, get(values)),
        returns(),
    ]

    def declare(builder: ObjectBuilder) -> None:
        u32, u64 = builder.type(t.Int("u32", 4)), builder.type(t.Int("u64", 8))
        builder.map("counts", HASH, key=u32, value=u64, max_entries=100)

    with loaded(main.program(), declare) as bpf:
        counts_map = bpf.maps["counts"]
        for number in range(1, 51):
            counts_map[number] = number * number
        run = bpf.programs["main"].test_run(ctx=bytes(16))
        assert struct.unpack("<2Q", run.ctx) == (sum(range(51)), sum(n * n for n in range(51)))
        assert set(dict(counts_map.items()).values()) == {0}


def lookup(symbol: str, key: ir.Local) -> ir.Expr:
    return ir.HelperCall(POINTER, 1, [ir.SymbolAddr(POINTER, ir.Symbol(symbol)), ir.LocalAddr(POINTER, key)])


def test_map_variable_and_atomics() -> None:
    """A hash map through helpers, a variable, and every atomic operation on it."""
    main = Main()
    key, item = ir.Local("key", POINTER, size=4, align=4), ir.Local("item", POINTER)
    state = ir.SymbolAddr(POINTER, ir.Symbol("state"))
    values: list[ir.Expr] = [
        ir.AtomicOp(U64, "add", ir.Offset(POINTER, state, 8), const(5)),
        ir.AtomicOp(U64, "or", ir.Offset(POINTER, state, 8), const(0x100)),
        ir.AtomicOp(U64, "and", ir.Offset(POINTER, state, 8), const(0x10F)),
        ir.AtomicOp(U64, "xor", ir.Offset(POINTER, state, 8), const(0xFF)),
        ir.AtomicOp(U64, "xchg", ir.Offset(POINTER, state, 8), const(40)),
        ir.AtomicOp(U64, "cmpxchg", ir.Offset(POINTER, state, 8), const(41), const(40)),
        ir.AtomicOp(U32, "add", ir.Offset(POINTER, state, 8), const(1, U32)),
    ]
    main.body += [
        ir.Store(ir.LocalAddr(POINTER, key), main.arg(0, U32), 0, 4),
        ir.Set(item, lookup("counts", key)),
        ir.If(
            op("ne", get(item), ir.Const(POINTER, 0)),
            [ir.Eval(ir.AtomicOp(NOTHING, "add", get(item), const(3)))],
            [returns(4)],
        ),
        *(main.out(number + 1, value) for number, value in enumerate(values)),
        ir.Eval(ir.AtomicOp(NOTHING, "add", ir.Index(POINTER, state, const(1, U8), 8), const(2))),
        main.out(8, ir.Load(U64, state, 8, 8)),
        returns(),
    ]

    def declare(builder: ObjectBuilder) -> None:
        u32, u64 = builder.type(t.Int("u32", 4)), builder.type(t.Int("u64", 8))
        builder.map("counts", HASH, key=u32, value=u64, max_entries=100)
        array = builder.type(t.Array(u64, u32, 2))
        builder.variable("state", array, data=struct.pack("<2Q", 0, 3))

    with loaded(main.program(), declare) as bpf:
        program = bpf.programs["main"]
        assert program.test_run(ctx=struct.pack("<9Q", 7, *[0] * 8)).retval == 4
        bpf.maps["counts"][7] = 10
        run = program.test_run(ctx=struct.pack("<9Q", 7, *[0] * 8))
        assert (run.retval, bpf.maps["counts"][7]) == (0, 13)
        assert struct.unpack("<9Q", run.ctx) == (7, 3, 8, 0x108, 0x108, 0x1F7, 40, 41, 44)


def raising() -> tuple[ir.Function, ir.Function]:
    """check(a) raises KEY at 1, INDEX at 2, VALUE at 3, else gives 10 * a; through(a) calls it and adds 1."""
    a = ir.Local("a", U64)
    check = ir.Function("check", [a], U64, at(20), raises=True, noinline=True)
    for number, fault in enumerate((Fault.KEY, Fault.INDEX, Fault.VALUE), 1):
        check.body.append(ir.If(op("eq", get(a), number), [ir.Raise(fault)]))
    check.body.append(ir.Return(op("mul", get(a), 10)))
    b = ir.Local("b", U64)
    through = ir.Function("through", [b], U64, at(30), raises=True)
    through.body = [ir.Return(op("add", ir.Call(U64, check, [get(b)]), 1))]
    return check, through


@pytest.mark.parametrize("in_loop", [False, True])
def test_faults_through_calls(in_loop: bool) -> None:
    check, through = raising()
    main = Main(default=99)
    got, caught = ir.Local("got", U64), ir.Local("caught", I32)
    attempt = ir.Try(
        [ir.Set(got, ir.Call(U64, through, [main.arg(0)]))],
        [
            (frozenset({Fault.KEY}), [returns(1)]),
            (frozenset({Fault.INDEX, Fault.ASSERTION}), [ir.Set(got, const(2000)), ir.Raise(get(caught))]),
        ],
        [ir.Set(got, op("add", get(got), 100))],
        caught,
    )
    outer = ir.Try([attempt], [(frozenset({Fault.INDEX}), [ir.Set(got, op("add", get(got), 5))])])
    body: list[ir.Stmt] = [ir.Repeat(const(1, U32), None, [outer])] if in_loop else [outer]
    main.body += [ir.Set(got, const(0)), *body, main.out(1, get(got)), returns()]
    with running(main, check, through) as run:
        assert run(0, 0) == (0, [0, 101])
        assert run(7, 0) == (0, [7, 171])
        assert run(1, 0) == (1, [1, 0])
        assert run(2, 0) == (0, [2, 2005])
        assert run(3, 0) == (99, [3, 0])


def test_subprogram_of_many_parameters_and_records() -> None:
    """Six parameters: inlined. Memory: copied, cleared, indexed."""
    params = [ir.Local(f"p{number}", U64) for number in range(6)]
    total: ir.Expr = get(params[0])
    for param in params[1:]:
        total = op("add", total, get(param))
    add = ir.Function("add", params, U64, at(20), body=[ir.Return(total)])
    main = Main()
    one, two = ir.Local("one", POINTER, size=40), ir.Local("two", POINTER, size=44, align=4)
    first, second = ir.LocalAddr(POINTER, one), ir.LocalAddr(POINTER, two)
    index = op("and", main.arg(0, U32), 3)
    main.body += [
        ir.Zero(first, 40, 8),
        ir.Store(ir.Index(POINTER, first, index, 8), main.arg(1), 0, 8),
        ir.Zero(second, 44, 4),
        ir.Copy(ir.Offset(POINTER, second, 4), first, 40, 4),
        main.out(2, ir.Call(U64, add, [ir.Load(U64, second, 4 + 8 * n, 4) for n in range(5)] + [const(1)])),
        returns(),
    ]
    with running(main, add) as run:
        assert [run(n, 41, 0)[1][2] for n in range(4)] == [42] * 4


def test_what_a_loader_relocates() -> None:
    """Offsets and numbers that stand in one ld_imm64 each; the kernel's list_head has next first, ours has prev."""
    main = Main()
    memory = ir.Local("memory", POINTER, size=64)
    there = ir.Relocated(POINTER, ir.LocalAddr(POINTER, memory), "offset of prev")
    main.body += [
        ir.Zero(ir.LocalAddr(POINTER, memory), 64, 8),
        ir.Store(there, const(5, U32), 4, 4),
        main.out(0, cast(ir.Load(U32, ir.LocalAddr(POINTER, memory), 12, 4))),
        main.out(1, op("add", ir.RelocatedValue(U64, "size of list"), 4)),
        main.out(2, op("add", ir.RelocatedValue(U64, "size of list"), 5)),
        returns(),
    ]

    def declare(builder: ObjectBuilder) -> None:
        link = builder.type(t.Ptr(0))
        listed = builder.type(t.Struct("list_head", 24, (t.Member("prev", link, 0), t.Member("next", link, 64))))
        builder.core_relo("offset of prev", listed, "0:0", 0, 0)
        builder.core_relo("size of list", listed, "0", 9, 24)

    with loaded(main.program(), declare) as bpf:
        run = bpf.programs["main"].test_run(ctx=bytes(24))
        assert struct.unpack("<3Q", run.ctx) == (5, 20, 21)


def test_text() -> None:
    main = Main()
    text = ir.Text(POINTER, b'a\0b"\\\xff\0')
    main.body += [
        ir.Eval(ir.HelperCall(I64, 6, [text, const(7, U32)]), span=at(3)),
        *(main.out(n, cast(ir.Load(U8, text, n, 1))) for n in range(7)),
        returns(),
    ]
    with running(main) as run:
        assert bytes(run(*[0] * 7)[1]) == b'a\0b"\\\xff\0'


def test_big_copy_in_a_map_value() -> None:
    """A copy in a loop: of 4096 bytes, with an alignment of 1 and of 8."""
    for align in (1, 8):
        main = Main()
        key, item = ir.Local("key", POINTER, size=4, align=4), ir.Local("item", POINTER)
        main.body += [
            ir.Zero(ir.LocalAddr(POINTER, key), 4, 4),
            ir.Set(item, lookup("big", key)),
            ir.If(op("eq", get(item), ir.Const(POINTER, 0)), [returns(1)]),
            ir.Copy(ir.Offset(POINTER, get(item), 2048), get(item), 2045, align),
            ir.Zero(get(item), 2045, align),
            returns(),
        ]

        def declare(builder: ObjectBuilder) -> None:
            builder.map("big", ARRAY, key_size=4, value_size=4096, max_entries=1)

        with loaded(main.program(), declare) as bpf:
            bpf.maps["big"][0] = bytes(n % 251 for n in range(4096))
            assert bpf.programs["main"].test_run(ctx=bytes(8)).retval == 0
            data = bytes(n % 251 for n in range(4096))
            assert bpf.maps["big"][0] == bytes(2045) + data[2045:2048] + data[:2045] + data[4093:]


def test_checked_index() -> None:
    """Behind a check, every kind of index is accepted."""
    for type_ in (U8, U16, U32, U64):
        main = Main()
        memory, index = ir.Local("memory", POINTER, size=80), ir.Local("index", type_)
        base = ir.LocalAddr(POINTER, memory)
        main.body += [
            ir.Zero(base, 80, 8),
            ir.Set(index, main.arg(0, type_)),
            ir.If(op("ge", get(index), 10), [ir.Raise(Fault.INDEX)]),
            ir.Store(ir.Index(POINTER, base, get(index), 8), const(9), 0, 8),
            main.out(1, ir.Load(U64, ir.Index(POINTER, base, get(index), 8), 0, 8)),
            returns(2),
        ]
        with running(main) as run:
            assert run(9, 0) == (2, [9, 9])
            assert run(10, 0) == (0, [10, 0])
