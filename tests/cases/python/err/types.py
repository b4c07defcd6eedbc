# ruff: noqa
# fmt: off
from btfkit.bpf import *


class A(Struct):
    n: u32


class B(Struct):
    n: u32


def no_type(n) -> u32:  # expect: parameter 'n' has no type
    return n


def not_a_type(n: 3) -> u32:  # expect: is not a type of a BPF program
    return n


def text(s: str) -> u32:  # expect: str is not a type of a BPF program
    return 0


def float_result(n: u32) -> float:  # expect: float is not a type of a BPF program
    return n


def two_types(n: u32 | u64) -> u32:  # expect: only T | None is a union of types
    return 0


def maybe_number(n: u32 | None) -> u32:  # expect: u32 | None cannot be passed
    return 0


def nothing(n: None) -> u32:  # expect: a parameter cannot be None
    return 0


def many(a: u32, b: u32, c: u32, d: u32, e: u32, f: u32) -> u32:  # expect: more than five arguments: 6
    return a


def many_and_result(a: u32, b: u32, c: u32, d: u32, e: u32) -> A:  # expect: more than five arguments: 6 with the place for its result
    return A(a)


def star(*args: u32) -> u32:  # expect: a BPF function takes plain parameters only
    return 0


def keywords(**more: u32) -> u32:  # expect: a BPF function takes plain parameters only
    return 0


def only_keyword(*, n: u32) -> u32:  # expect: a BPF function takes plain parameters only
    return 0


def one(n: u32) -> u32:
    return n


def takes(a: A) -> u32:
    return a.n


def untyped_result(n: u32):
    return n  # expect: 'untyped_result' is declared to return nothing


def no_value(n: u32) -> u32:
    if n > 1:  # expect: 'no_value' can end without returning a value
        return 3


def none(n: u32) -> u32:
    return None  # expect: 'none' returns u32, not None


def bare(n: u32) -> u32:
    return  # expect: 'bare' returns u32, not None


def record(n: u32) -> u32:
    return A(n)  # expect: the result is u32, not A


def other_record(n: u32) -> A:
    return B(n)  # expect: the result is A, not B


def number(n: u32) -> A:
    return n  # expect: the result is A, not u32


def pair(n: u32) -> tuple[u32, u32]:
    return n, n, n  # expect: the result is a tuple of 2


def not_pair(n: u32) -> tuple[u32, u32]:
    return n  # expect: the result is a tuple of 2


def records(n: u32) -> tuple[A, A]:
    return A(1), A(2)  # expect: a tuple that is returned has integers


@syscall
def main(ctx: A) -> i32:
    no_type(1)
    not_a_type(1)
    text("a")
    float_result(1)
    two_types(1)
    maybe_number(1)
    nothing(1)
    many(1, 2, 3, 4, 5, 6)
    many_and_result(1, 2, 3, 4, 5)
    star()
    keywords()
    only_keyword()
    untyped_result(1)
    no_value(1)
    none(1)
    bare(1)
    record(1)
    other_record(1)
    number(1)
    pair(1)
    not_pair(1)
    records(1)
    return 0


@syscall
def calls(ctx: A) -> i32:
    one()  # expect: 'one' needs n
    one(1, 2)  # expect: 'one' takes 1 argument, not 2
    one(m=1)  # expect: 'one' has no parameter 'm'
    one(1, n=1)  # expect: 'n' is given twice
    one("a")  # expect: 'n' is u32, not 'a'
    one(A(1))  # expect: 'n' is u32, not A
    one(None)  # expect: 'n' is u32, not None
    one(-1)  # expect: -1 does not fit 'n', u32
    takes(B(1))  # expect: 'a' is A, not B
    takes(3)  # expect: 'a' is A, not 3
    one(*(1,))  # expect: *
    one(**{})  # expect: **
    A(n="x")  # expect: A.n is u32, not 'x'
    A(n=1 << 32)  # expect: 4294967296 does not fit A.n, u32
    u32()  # expect: u32() takes one value
    u32(1, 2)  # expect: u32() takes one value
    u32("7")  # expect: it takes an integer
    len(1)  # expect: has no len()
    len()  # expect: len() takes 1 value
    min()  # expect: min() takes
    abs("a")  # expect: abs
    sizeof(int)  # expect: int is not a type of fixed size
    return 0
