"""Short ways to write the intermediate form by hand, and Python's idea of what it computes."""

from __future__ import annotations

from collections.abc import Sequence

from btfkit.frontend.python import ir
from btfkit.frontend.python.ir import BOOL, I32, POINTER, U32, U64
from btfkit.frontend.span import Span

FILE = "by_hand.py"
INTS = [ir.Int(bits, signed) for bits in (8, 16, 32, 64) for signed in (False, True)]
BINARY = ("add", "sub", "mul", "and", "or", "xor", "floordiv", "mod", "shl", "shr")
COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")


def at(line: int) -> Span:
    return Span(FILE, line, 4, line, 9)


def const(value: int, type_: ir.Type = U64) -> ir.Const:
    return ir.Const(type_, value)


def get(local: ir.Local) -> ir.Get:
    return ir.Get(local.type, local)


def op(name: str, a: ir.Expr, b: ir.Expr | int) -> ir.Expr:
    """A Binary or Compare; a number becomes a constant of a's type."""
    other = const(b, a.type) if isinstance(b, int) else b
    return ir.Compare(BOOL, name, a, other) if name in COMPARE else ir.Binary(a.type, name, a, other)


def cast(value: ir.Expr, type_: ir.Type = U64) -> ir.Expr:
    return value if value.type == type_ else ir.Cast(type_, value)


class Main:
    """A syscall program `main` whose context is an array of u64: reads of it, writes to it, and a body."""

    def __init__(self, name: str = "main", default: int = 0) -> None:
        self.ctx = ir.Local("ctx", POINTER)
        self.function = ir.Function(name, [self.ctx], I32, at(1), "syscall", default, is_global=True)
        self.body = self.function.body

    def arg(self, number: int, type_: ir.Type = U64) -> ir.Expr:
        return cast(ir.Load(U64, get(self.ctx), 8 * number, 8, static=True), type_)

    def out(self, number: int, value: ir.Expr) -> ir.Stmt:
        return ir.Store(get(self.ctx), cast(value), 8 * number, 8, static=True, span=at(2))

    def program(self, *others: ir.Function, symbols: list[ir.Symbol] | None = None) -> ir.Program:
        return ir.Program([*others, self.function], FILE, symbols or [])


def returns(value: int = 0) -> ir.Return:
    return ir.Return(const(value, I32), span=at(9))


def each_operation(
    type_: ir.Int, b_values: list[int], names: Sequence[str] = (*BINARY, *COMPARE)
) -> tuple[Main, list[tuple[str, int | None]]]:
    """A program of operations on arguments 0 and 1, results from 2 on; and for each (operation, constant b)."""
    main = Main()
    a, b = ir.Local("a", type_), ir.Local("b", type_)
    main.body += [ir.Set(a, main.arg(0, type_)), ir.Set(b, main.arg(1, type_))]
    done: list[tuple[str, int | None]] = []
    for name in names:
        for constant in (None, *b_values):
            if name in ("floordiv", "mod") and constant == 0:
                continue
            right: ir.Expr = get(b) if constant is None else const(constant, type_)
            if name in ("floordiv", "mod") and constant is None:
                right = ir.Choose(type_, op("eq", get(b), 0), const(1, type_), get(b))
            main.body.append(main.out(len(done) + 2, op(name, get(a), right)))
            done.append((name, constant))
    main.body.append(returns())
    return main, done


def wrap(value: int, type_: ir.Int) -> int:
    value &= (1 << type_.bits) - 1
    return value - (1 << type_.bits) if type_.signed and value >> (type_.bits - 1) else value


def python_result(name: str, type_: ir.Int, a: int, b: int) -> int:
    """What the program stores as u64: a and b are in the range of the type."""
    if name in ("floordiv", "mod") and b == 0:
        b = 1
    if name in ("shl", "shr"):
        b = min(b & ((1 << type_.bits) - 1), 64)
    value = {
        "add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "and": lambda: a & b, "or": lambda: a | b,
        "xor": lambda: a ^ b, "floordiv": lambda: a // b, "mod": lambda: a % b, "shl": lambda: a << b,
        "shr": lambda: a >> b, "eq": lambda: a == b, "ne": lambda: a != b, "lt": lambda: a < b, "le": lambda: a <= b,
        "gt": lambda: a > b, "ge": lambda: a >= b,
    }[name]()  # fmt: skip
    return wrap(int(value), type_ if name in BINARY else U32) & 0xFFFFFFFFFFFFFFFF
