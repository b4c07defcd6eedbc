"""What functions mean to the checker: the types of results, and that everything is done once."""

from __future__ import annotations

import dataclasses
import itertools
import operator
from collections.abc import Iterator
from typing import Any

import pytest

from btfkit.bpf import helper_table
from btfkit.bpf.ints import BY_SHAPE, FixedInt, MixedSignsError
from btfkit.errors import SourceError
from btfkit.frontend.python import Options, ir
from btfkit.frontend.python.build import check
from btfkit.frontend.python.module import run_text
from btfkit.frontend.python.unit import Unit

HEAD = """from btfkit.bpf import *
class Point(Struct):
    x: i32
    y: i32
class Args(Struct):
    a: u64
    b: i64
    c: u32
points: dict[u32, Point] = {}
tab: Array[u64] = Array(16)
total: u64 = 0
def twice(n: u64) -> u64: return n * 2
def of(n: u64) -> Point: return Point(n, 1)
"""
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
             "&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift}  # fmt: skip
CONSTANTS = (3, -3, 1 << 31, -(1 << 31) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, -(1 << 63))
KTIME = helper_table.HELPERS["ktime_get_ns"].number


def checked(text: str) -> Unit:
    return check(run_text(HEAD + text, "t.py"), "t.py", Options())


def nodes(thing: Any) -> Iterator[Any]:
    """All of a function's statements and expressions, but not those of what it calls."""
    if isinstance(thing, (list, tuple)):
        for part in thing:
            yield from nodes(part)
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, (ir.Function, ir.Local, type)):
        yield thing
        for field in dataclasses.fields(thing):
            if field.name != "span":
                yield from nodes(getattr(thing, field.name))


def body_of(unit: Unit, name: str) -> list[ir.Stmt]:
    return next(info.function.body for info in unit.functions.values() if info.name == name)


def test_types_of_results() -> None:
    """As in plain Python: of every two types, and of types and constants, on either side."""
    want: dict[str, type[FixedInt]] = {}
    text, calls = [], []

    def case(a: type[FixedInt], b: Any, sign: str) -> None:
        other = b if isinstance(b, int) else b(1)
        try:
            result = type(OPERATORS[sign](a(1), other))
        except MixedSignsError:
            return
        name = f"f{len(want)}"
        want[name] = result
        right, given = (str(b), "") if isinstance(b, int) else ("b", f", b: {b.__name__}")
        text.append(f"def {name}(a: {a.__name__}{given}) -> None: r = a {sign} {right}")
        calls.append(f"    {name}({'1' if isinstance(b, int) else '1, 1'})")

    for sign in OPERATORS:
        for a in BY_SHAPE.values():
            for b in (*BY_SHAPE.values(), *(CONSTANTS if sign not in ("<<", ">>") else (3,))):
                case(a, b, sign)
    unit = checked("\n".join([*text, "@syscall", "def main(ctx: Args) -> i32:", *calls, "    return 0"]) + "\n")
    got = {}
    for name, type_ in want.items():
        (local,) = {n.local for n in nodes(body_of(unit, name)) if isinstance(n, ir.Set) and n.local.name == "r"}
        assert isinstance(local.type, ir.Int)
        got[name] = BY_SHAPE[local.type.bits, local.type.signed]
        assert got[name] is type_, text[int(name[1:])]
    assert len(got) > 900


def test_mixed_signs() -> None:
    """Where plain Python raises, there is a diagnostic."""
    signed = [cls.__name__ for cls in BY_SHAPE.values() if cls.signed]
    lines = [f"def f{i}(a: u64, b: {name}) -> None: r = a + b" for i, name in enumerate(signed)]
    lines += ["def g(a: u64) -> None: r = a - -1", "@syscall", "def main(ctx: Args) -> i32:"]
    lines += [*(f"    f{i}(1, 1)" for i in range(len(signed))), "    g(1)", "    return 0", ""]
    with pytest.raises(SourceError) as caught:
        checked("\n".join(lines))
    assert len(caught.value.diagnostics) == len(signed) + 1
    assert all("u64 and a signed integer have no common type" in d for d in caught.value.diagnostics)


ONCE = [
    "p = Point(ktime_ns())",
    "p = Point(x=ktime_ns(), y=2)",
    "p = of(ktime_ns())",
    "p: Point = of(ktime_ns())",
    "tab[0] = tab[1] = ktime_ns()",
    "total = tab[1] = ktime_ns()",
    "x = y = z = ktime_ns()",
    "tab[ktime_ns() & 3] += 1",
    "tab[ktime_ns() & 3] = 1",
    "points[ktime_ns() & 3].x += 1",
    "x = points.get(ktime_ns() & 3) is None",
    "x = 3 if points.get(ktime_ns() & 3) is not None else 4",
    "x = 1 < ktime_ns() < 5",
    "x = ktime_ns() or 3",
    "x = ktime_ns() > 3 or ctx.c > 3",
    "x = twice(ktime_ns()) // 3 % 7",
    "x = i64(ktime_ns()) % -7",
    "x = abs(i64(ktime_ns()))",
    "x = min(ktime_ns(), 3, max(ctx.a, 5))",
    "x = ktime_ns() ** 3",
    "x = (3, 1, 4, 1)[ktime_ns() & 3]",
    "x = ktime_ns() in (1, 2, 3)",
    "x, y = ktime_ns(), 2",
    "for i in range(ktime_ns()): pass",
    "for i in range(ktime_ns() & 7): pass",
    "x = (y := ktime_ns()) + y",
    "print(f'{ktime_ns()} {ctx.a}')",
    "assert ktime_ns() > 3",
    "match ktime_ns():\n        case 1 | 2: pass\n        case n if n > 4: pass",
    "points.setdefault(ktime_ns() & 3, Point(1, 2)).x = 4",
    "x = points.pop(ktime_ns() & 3, Point())",
    "ctx.a = ctx.c = ktime_ns()",
    "p = copy(Point(ktime_ns()))",
    "a = u64[4]([ktime_ns(), 1])",
    "x = u32[4]([1, 2, 3, 4])[ktime_ns() & 3]",
    "x = bool(ktime_ns())",
    "x = not ktime_ns()",
    "x = -ktime_ns() + ~ctx.a",
]


@pytest.mark.parametrize("statement", ONCE)
def test_evaluated_once(statement: str) -> None:
    unit = checked(f"@syscall\ndef main(ctx: Args) -> i32:\n    global total\n    {statement}\n    return 0\n")
    calls = [node for node in nodes(body_of(unit, "main")) if isinstance(node, ir.HelperCall) and node.number == KTIME]
    assert len({id(call) for call in calls}) == 1


def test_types_of_variables_settle() -> None:
    """Each of a chain of variables takes its type from the next one, a round of the loop later."""
    names = [f"v{i}" for i in range(30)]
    lines = [f"    {name} = 0" for name in names] + ["    for i in range(9):"]
    lines += [f"        {a} = {b}" for a, b in itertools.pairwise(names)] + [
        f"        {names[-1]} = ctx.a",
        "    return 0",
    ]
    unit = checked("@syscall\ndef main(ctx: Args) -> i32:\n" + "\n".join(lines) + "\n")
    locals_ = {n.local.name: n.local.type for n in nodes(body_of(unit, "main")) if isinstance(n, ir.Set)}
    assert {locals_[name] for name in names} == {ir.U64}
