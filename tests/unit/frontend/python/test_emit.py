"""What the emitter writes, LLVM takes: for each cpu and byte order; and what of it ends up in the object."""

from __future__ import annotations

import pytest
from tests.unit.frontend.python.emit_support import (
    FILE,
    INTS,
    Main,
    at,
    cast,
    const,
    each_operation,
    get,
    op,
    returns,
)

from btfkit.codec import decode_btf, decode_ext
from btfkit.elf import Elf, read_elf
from btfkit.errors import InternalError
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.emit_frame import exposed_locals, layout
from btfkit.frontend.python.emit_module import ByteOrder
from btfkit.frontend.python.ir import BOOL, I32, I64, NOTHING, POINTER, U8, U16, U32, U64, Fault
from btfkit.frontend.python.llvm import compile_ir, compile_program

CPUS = ["v2", "v3", "v4"]
ORDERS: list[ByteOrder] = ["little", "big"]
MEMORY = ir.Local("memory", POINTER, size=64)
HERE = ir.LocalAddr(POINTER, MEMORY)
TABLE = ir.Symbol("table")
X, Y, N = ir.Local("x", U64), ir.Local("y", U64), ir.Local("n", U32)
TEMP = ir.Local("temp", U64, is_temp=True)
FLAG = ir.Local("flag", BOOL)
KEY, VALUE = ir.Local("key", POINTER), ir.Local("value", POINTER)
UNARY = ir.Function("unary", [a := ir.Local("a", I64)], U64, at(20), body=[ir.Return(cast(get(a)))], noinline=True)
RAISING = ir.Function(
    "raising",
    [b := ir.Local("b", U8)],
    BOOL,
    at(21),
    raises=True,
    body=[ir.If(op("eq", get(b), 0), [ir.Raise(Fault.ZERO_DIVISION)]), ir.Return(op("gt", get(b), 2))],
)
SILENT = ir.Function("silent", [], NOTHING, at(22), raises=True, body=[ir.Raise(Fault.ASSERTION)])
TIMER = ir.Function(
    "timer",
    [ir.Local(name, POINTER) for name in ("map", "key", "value")],
    I32,
    at(23),
    body=[ir.Return(const(0, I32))],
    is_callback=True,
    noinline=True,
)


def store(value: ir.Expr, off: int = 0, **how: bool) -> ir.Stmt:
    return ir.Store(HERE, value, off, 8, span=at(4), **how)


def expressions(main: Main) -> dict[str, ir.Expr]:
    x, y = main.arg(0), main.arg(1)
    flag = op("lt", x, y)
    fields = [ir.Load(type_, HERE, 8, 1, swap=True) for type_ in (U8, U16, U32, U64)]
    return {
        "constants": ir.Choose(U64, ir.Const(BOOL, 1), const(2**64 - 1), const(0)),
        "address": cast(ir.Const(POINTER, 0xFFFF888000000000)),
        "null": ir.Compare(BOOL, "eq", ir.Const(POINTER, 0), ir.Cast(POINTER, x)),
        "network": op("add", op("add", cast(fields[0]), cast(fields[1])), op("add", cast(fields[2]), fields[3])),
        "bools": ir.Either(BOOL, ir.Both(BOOL, flag, ir.Not(BOOL, flag)), op("xor", flag, ir.Load(BOOL, HERE))),
        "nested choice": ir.Choose(U64, ir.Not(BOOL, ir.Both(BOOL, flag, flag)), ir.Choose(U64, flag, x, y), op("mul", x, y)),
        "pointer choice": cast(ir.Choose(POINTER, flag, HERE, get(main.ctx))),
        "swap": ir.Swap(U16, cast(x, U16), always=True),
        "index": ir.Load(U32, ir.Index(POINTER, HERE, op("and", cast(x, ir.I8), 7), 4), 0, 4, volatile=True),
        "call": ir.Call(U64, UNARY, [cast(x, I64)]),
        "raising call": ir.Call(BOOL, RAISING, [cast(x, U8)]),
        "helper": ir.HelperCall(BOOL, 1, [ir.SymbolAddr(POINTER, TABLE), HERE]),
        "narrow helper": ir.HelperCall(U16, 5, [cast(x, ir.I8), flag]),
        "kfunc": ir.ExternCall(I32, "a_kfunc", [get(main.ctx), cast(x, ir.I16), flag]),
        "kfunc of bool": ir.ExternCall(BOOL, "is_kfunc", []),
        "callback": ir.HelperCall(I64, 170, [HERE, ir.FunctionAddr(POINTER, TIMER)]),
        "text": ir.Load(U8, ir.Text(POINTER, b"one\0\"\\\n\xff")),
        "same text": ir.Load(U8, ir.Text(POINTER, b"one\0\"\\\n\xff"), 1),
        "relocated": ir.Load(U32, ir.Relocated(POINTER, get(main.ctx), "core.1"), 4, 4),
        "relocated value": op("add", ir.RelocatedValue(I64, "core.2"), 4),
        "do": ir.Do(U64, [ir.Set(X, x), ir.If(flag, [ir.Set(X, y)])], get(X)),
        "overflow check": op("ne", op("floordiv", op("mul", x, y), ir.Choose(U64, op("eq", y, 0), const(1), y)), x),
        "overflow guess": op("gt", x, op("floordiv", const(2**64 - 1), op("or", y, 1))),
        "raise inside": ir.Choose(U64, flag, ir.Do(U64, [ir.Raise(Fault.KEY)], const(1)), const(2)),
        "return inside": ir.Do(BOOL, [ir.If(flag, [returns(3)], [returns(4)])], flag),
    }  # fmt: skip


def statements(main: Main) -> dict[str, list[ir.Stmt]]:
    x, y = main.arg(0), main.arg(1)
    flag = op("lt", x, y)
    add = ir.Set(X, op("add", get(X), cast(get(N))))
    return {
        "stores": [store(x, 8), store(cast(x, U16), 16, swap=True), store(flag, 24), store(get(main.ctx), volatile=True)],
        "copy": [ir.Copy(ir.Offset(POINTER, HERE, 33), HERE, 31, align) for align in (1, 2, 4, 8)],
        "zero": [ir.Zero(HERE, size, 1) for size in (0, 1, 7, 64)],
        "big": [ir.Zero(ir.SymbolAddr(POINTER, TABLE), 5000, align) for align in (1, 8)],
        "big copy": [ir.Copy(ir.SymbolAddr(POINTER, TABLE), HERE, 5003, 2)],
        "sum": [ir.While(op("lt", get(X), x), [], [add, ir.Set(N, op("add", get(N), 1))])],
        "clearing loop": [
            ir.While(
                op("lt", get(N), cast(x, U32)),
                [ir.Store(ir.Index(POINTER, HERE, get(N), 1), const(0, U8))],
                [ir.Set(N, op("add", get(N), 1))],
            )
        ],
        "switch": [
            ir.If(op("eq", x, n), [ir.Eval(ir.HelperCall(I64, 100 + n * n % 17, [const(n)])), ir.Set(X, const(n * n))])
            for n in range(40)
        ],
        "context in both arms": [
            ir.If(flag, [ir.Set(X, op("add", main.arg(2), 1))], [ir.Set(X, main.arg(3))]),
            ir.Set(Y, ir.Choose(U64, flag, main.arg(4), main.arg(5))),
            main.out(1, op("add", get(X), get(Y))),
        ],
        "atomics": [
            ir.Eval(ir.AtomicOp(NOTHING, "add", HERE, const(0))),
            ir.Eval(ir.AtomicOp(U64, "add", HERE, x)),
        ],
        "dead": [returns(), ir.Eval(x), ir.Raise(Fault.KEY), store(x)],
        "endless": [ir.While(ir.Const(BOOL, 1), [ir.If(flag, [ir.Break()]), ir.Continue(), ir.Eval(x)])],
        "never": [ir.While(ir.Const(BOOL, 1), [ir.Eval(ir.HelperCall(NOTHING, 5, []))])],
        "both arms leave": [ir.If(flag, [returns()], [ir.Raise(Fault.KEY)])],
        "try": [
            ir.Try(
                [ir.Eval(ir.Call(NOTHING, SILENT, [])), ir.Raise(Fault.VALUE)],
                [(frozenset({Fault.ASSERTION, Fault.VALUE}), [ir.Set(X, const(1))]), (frozenset(), [ir.Set(X, const(2))])],
                [ir.Set(X, const(3))],
            )
        ],
        "empty try": [ir.Try([], [(frozenset(), [])])],
        "raise again": [ir.Try([ir.Raise(cast(x, I32))], [(frozenset({Fault.KEY}), [returns(1)])])],
        "repeat": [ir.Repeat(const(9, U32), None, [ir.Eval(ir.HelperCall(NOTHING, 5, []))])],
        "repeat of nothing": [ir.Repeat(const(9, U32), N, [])],
        "nested loops": [
            ir.Set(FLAG, flag),
            ir.ForEach(
                TABLE,
                KEY,
                VALUE,
                [
                    ir.Repeat(
                        const(3, U32),
                        N,
                        [
                            ir.Set(TEMP, ir.Load(U64, get(VALUE), 0, 8)),
                            ir.If(get(FLAG), [add, ir.Continue()]),
                            ir.If(op("eq", get(TEMP), x), [returns(1)], [ir.Break()]),
                        ],
                    ),
                    ir.If(op("eq", get(X), 7), [ir.Raise(Fault.INDEX)]),
                ],
            ),
        ],
    }  # fmt: skip


EXPRESSIONS, STATEMENTS = list(expressions(Main())), list(statements(Main()))
OTHERS = [UNARY, RAISING, SILENT, TIMER]


def whole(case: str) -> ir.Program:
    main = Main()
    main.body.append(ir.Zero(HERE, 64, 8))
    if case in EXPRESSIONS:
        main.body += [main.out(2, expressions(main)[case]), returns()]
    else:
        main.body += statements(main)[case]
    return main.program(*OTHERS, symbols=[TABLE])


def undefined(elf: Elf) -> set[str]:
    return {symbol.name for symbol in elf.symbols if symbol.is_undefined and symbol.name}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("case", [*EXPRESSIONS, *STATEMENTS])
def test_llvm_takes_it(case: str, cpu: str, order: ByteOrder) -> None:
    elf = read_elf(compile_program(whole(case), byte_order=order, cpu=cpu))
    assert elf.byte_order == order
    assert undefined(elf) <= {"table", "a_kfunc", "is_kfunc", "core.1", "core.2"}
    names = {section.name for section in elf.sections}
    assert {"syscall", ".BTF.ext"} <= names
    assert not any(name.startswith((".jumptables", ".eh_frame", ".rodata.")) for name in names)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("type_", INTS[:4], ids=str)
def test_llvm_takes_arithmetic(type_: ir.Int, cpu: str, order: ByteOrder) -> None:
    assert compile_program(
        each_operation(type_, [0, 3, 8], ("floordiv", "mod", "shl", "shr"))[0].program(), cpu=cpu, byte_order=order
    )


def code(program: ir.Program, section: str = "syscall") -> bytes:
    found = read_elf(compile_program(program)).section(section)
    assert found is not None
    return bytes(found.data)


def test_a_constant_shift_is_one_instruction() -> None:
    plain, shifted = Main(), Main()
    plain.body += [plain.out(1, plain.arg(0)), returns()]
    shifted.body += [shifted.out(1, op("shl", shifted.arg(0), 5)), returns()]
    assert len(code(shifted.program())) == len(code(plain.program())) + 8


def test_a_relocated_offset_stands_alone() -> None:
    """Its ld_imm64 has 0 as its addend, whatever is added to it."""
    for case, symbol in (("relocated", "core.1"), ("relocated value", "core.2")):
        elf = read_elf(compile_program(whole(case)))
        section = elf.section("syscall")
        assert section is not None
        (at_,) = [rel.off for rel in elf.relocations(section) if rel.symbol and rel.symbol.name == symbol]
        insn = bytes(section.data)[at_ : at_ + 16]
        assert insn[0] == 0x18 and insn[4:8] == insn[12:16] == bytes(4)


def test_a_context_is_read_at_constant_offsets() -> None:
    """No address is made of it, which a verifier would refuse."""
    data = code(whole("context in both arms"))
    loads = [data[n : n + 8] for n in range(0, len(data), 8) if data[n] == 0x79]
    assert {int.from_bytes(load[2:4], "little") for load in loads} >= {16, 24, 32, 40}


def test_unused_atomics_do_not_fetch() -> None:
    """One `lock +=`, and nothing for the addition of 0."""
    data = code(whole("atomics"))
    assert [data[n + 4 : n + 8] for n in range(0, len(data), 8) if data[n] in (0xDB, 0xC3)] == [bytes(4)]


def test_a_loop_is_not_unrolled_beyond_reason() -> None:
    main = Main()
    body = ir.Set(X, op("xor", op("mul", get(X), 3), cast(get(N))))
    loop = ir.While(op("lt", get(N), 512), [body], [ir.Set(N, op("add", get(N), 1))])
    main.body += [ir.Set(X, main.arg(0)), ir.Set(N, const(0, U32)), loop, main.out(1, get(X)), returns()]
    assert len(code(main.program())) < 150 * 8


def test_lines() -> None:
    main = Main()
    main.body += [
        ir.Eval(ir.HelperCall(NOTHING, 5, []), span=at(3)),
        ir.Eval(ir.HelperCall(NOTHING, 7, [])),
        ir.Repeat(const(4, U32), None, [ir.Eval(ir.HelperCall(NOTHING, 8, []), span=at(6))], span=at(5)),
        ir.Return(const(0, I32), span=at(8)),
    ]
    program = main.program()
    elf = read_elf(compile_program(program))
    btf, ext = elf.section(".BTF"), elf.section(".BTF.ext")
    assert btf is not None and ext is not None
    lines = dict(decode_ext(ext.data, decode_btf(btf.data).strings).line_info)
    assert [line.line_num for line in lines["syscall"]] == [3, 5, 8]
    assert {(line.file_name, line.line_col) for line in lines["syscall"]} == {(FILE, 5)}
    assert 6 in {line.line_num for line in lines[".text"]}


def test_callbacks_are_told() -> None:
    program = whole("nested loops")
    text = emit(program)
    assert program.callbacks == [("main.loop.1", "each"), ("main.loop.2", "loop")]
    assert emit(program) == text
    assert len(program.callbacks) == 2


def test_functions_that_stay() -> None:
    """One that must not be inlined is there though nobody calls it; others are not."""
    functions = {symbol.name for symbol in read_elf(compile_program(whole("zero"))).symbols if symbol.is_function}
    assert functions == {"main", "unary", "timer"}


def test_shared_locals() -> None:
    """Set and read in one loop: its own. Read before it is set, or used elsewhere too: shared."""
    own, kept, outer = (ir.Local(name, U64) for name in ("own", "kept", "outer"))
    flag = ir.Local("flag", BOOL)
    loop: list[ir.Stmt] = [
        ir.If(get(flag), [ir.Set(own, const(1))], [ir.Set(own, get(kept))]),
        ir.Set(kept, op("add", get(own), get(TEMP))),
    ]
    offsets, size = layout([
        ([], [outer, TEMP, MEMORY], frozenset()),
        (loop, [flag, own, kept, TEMP], frozenset({flag})),
        ([ir.Set(outer, const(0)), ir.Set(TEMP, const(0))], [outer, MEMORY], frozenset()),
    ])  # fmt: skip
    assert exposed_locals(loop, frozenset()) == {flag, kept, TEMP}
    assert offsets == {outer: 0, TEMP: 8, MEMORY: 16, kept: 80}
    assert size == 88


def test_break_outside_a_loop() -> None:
    main = Main()
    main.body.append(ir.Break())
    with pytest.raises(InternalError, match="outside a loop"):
        emit(main.program())


def test_output_is_the_same_each_time() -> None:
    text = emit(whole("nested loops"))
    assert compile_ir(text, byte_order="little") == compile_ir(text, byte_order="little")
