"""Python's arithmetic in LLVM's instructions: wrapping, floor division, shifts by any count.

In: operands as LLVM writes them (a name, or digits for a constant), and their type. Out: the name of the result.
Division of signed values goes by unsigned division: BPF has no other before cpu v4.
"""

from __future__ import annotations

from btfkit.errors import InternalError
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit_module import Code

PLAIN = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor"}


def opaque(code: Code, type_: str, value: str) -> str:
    """The same value, of which LLVM knows nothing."""
    return code.let(f'call {type_} asm "", "=r,0"({type_} {value})')


def binary(code: Code, op: str, type_: ir.Type, a: str, b: str) -> str:
    """`ir.Binary`: its operator on two values of one type."""
    if isinstance(type_, ir.Bool) and op in ("and", "or", "xor"):
        return code.let(f"{op} i1 {a}, {b}")
    if not isinstance(type_, ir.Int):
        raise InternalError(f"{op} of {type_}")
    if op in PLAIN:
        return code.let(f"{PLAIN[op]} i{type_.bits} {a}, {b}")
    count = int(b) if _is_constant(b) else None
    match op:
        case "floordiv" | "mod" if not type_.signed:
            return _unsigned_division(code, op, type_.bits, a, b)
        case "floordiv" | "mod" if count is not None and count > 0:
            return _division_by_positive(code, op, type_.bits, a, count)
        case "floordiv" | "mod":
            return _signed_division(code, op, type_.bits, a, b)
        case "shl" | "shr" if count is not None:
            return _shift_by_constant(code, op, type_, a, count)
        case "shl" | "shr":
            return _shift(code, op, type_, a, b)
    raise InternalError(f"no operator {op}")


def compare(code: Code, op: str, type_: ir.Type, a: str, b: str) -> str:
    """`ir.Compare`: an i1."""
    sign = "" if op in ("eq", "ne") else "s" if isinstance(type_, ir.Int) and type_.signed else "u"
    name = f"i{type_.bits}" if isinstance(type_, ir.Int) else "ptr" if isinstance(type_, ir.Pointer) else "i1"
    return code.let(f"icmp {sign}{op} {name} {a}, {b}")


def extend(code: Code, source: ir.Type, value: str, bits: int) -> str:
    """An integer or boolean, by its sign, to that width; or its lower bits."""
    width, sign = (source.bits, source.signed) if isinstance(source, ir.Int) else (1, False)
    if width == bits:
        return value
    if width > bits:
        return code.let(f"trunc i{width} {value} to i{bits}")
    return code.let(f"{'sext' if sign else 'zext'} i{width} {value} to i{bits}")


def _is_constant(value: str) -> bool:
    return value[0] != "%"


def _unsigned_division(code: Code, op: str, bits: int, a: str, b: str) -> str:
    if bits == 64 and not _is_constant(b):
        a = opaque(code, "i64", a)  # else `a * b // b != a` and `a > max // b` become a multiplication of 128 bits
    return code.let(f"{'udiv' if op == 'floordiv' else 'urem'} i{bits} {a}, {b}")


def _division_by_positive(code: Code, op: str, bits: int, a: str, b: int) -> str:
    """floor(a / b) = ~(~a / b) where a < 0."""
    t = f"i{bits}"
    if b & (b - 1) == 0:
        return code.let(f"ashr {t} {a}, {b.bit_length() - 1}" if op == "floordiv" else f"and {t} {a}, {b - 1}")
    sign = code.let(f"ashr {t} {a}, {bits - 1}")
    folded = code.let(f"xor {t} {a}, {sign}")
    quotient = code.let(f"xor {t} {code.let(f'udiv {t} {folded}, {b}')}, {sign}")
    return quotient if op == "floordiv" else code.let(f"sub {t} {a}, {code.let(f'mul {t} {quotient}, {b}')}")


def _signed_division(code: Code, op: str, bits: int, a: str, b: str) -> str:
    """|a| / |b|, then what the signs and a remainder ask for."""
    t = f"i{bits}"
    size_a, size_b = _absolute(code, t, a), _absolute(code, t, b)
    quotient = _unsigned_division(code, "floordiv", bits, size_a, size_b)
    rest = code.let(f"sub {t} {size_a}, {code.let(f'mul {t} {quotient}, {size_b}')}")
    differ = code.let(f"icmp slt {t} {code.let(f'xor {t} {a}, {b}')}, 0")
    uneven = code.let(f"icmp ne {t} {rest}, 0")
    if op == "floordiv":
        lower = code.let(f"sub {t} 0, {code.let(f'add {t} {quotient}, {extend(code, ir.BOOL, uneven, bits)}')}")
        return code.let(f"select i1 {differ}, {t} {lower}, {t} {quotient}")
    both = code.let(f"and i1 {differ}, {uneven}")
    rest = code.let(f"select i1 {both}, {t} {code.let(f'sub {t} {size_b}, {rest}')}, {t} {rest}")
    negative = code.let(f"icmp slt {t} {b}, 0")
    return code.let(f"select i1 {negative}, {t} {code.let(f'sub {t} 0, {rest}')}, {t} {rest}")


def _absolute(code: Code, t: str, value: str) -> str:
    negative = code.let(f"icmp slt {t} {value}, 0")
    return code.let(f"select i1 {negative}, {t} {code.let(f'sub {t} 0, {value}')}, {t} {value}")


def _shift_by_constant(code: Code, op: str, type_: ir.Int, a: str, count: int) -> str:
    count &= (1 << type_.bits) - 1
    if op == "shr" and type_.signed:
        return code.let(f"ashr i{type_.bits} {a}, {min(count, type_.bits - 1)}")
    if count >= type_.bits:
        return "0"
    return code.let(f"{'shl' if op == 'shl' else 'lshr'} i{type_.bits} {a}, {count}")


def _shift(code: Code, op: str, type_: ir.Int, a: str, b: str) -> str:
    t = f"i{type_.bits}"
    inside = code.let(f"icmp ult {t} {b}, {type_.bits}")
    if op == "shr" and type_.signed:
        return code.let(f"ashr {t} {a}, {code.let(f'select i1 {inside}, {t} {b}, {t} {type_.bits - 1}')}")
    shifted = code.let(f"{'shl' if op == 'shl' else 'lshr'} {t} {a}, {b}")
    return code.let(f"select i1 {inside}, {t} {shifted}, {t} 0")
