# ruff: noqa
# fmt: off
from btfkit.bpf import *
import functools


class Args(Struct):
    a: u64
    arr: u32[8]


counts: dict[u32, u64] = {}


def generator(n: u32) -> u32:
    yield n  # expect: yield is not in the language
    yield from n  # expect: yield from is not in the language
    return 0


def helper(n: u32) -> u32:
    return n


async def asynchronous(n: u32) -> u32:  # expect: async is not in the language
    return n


@syscall
def expressions(ctx: Args) -> i32:
    a = lambda x: x + 1  # expect: a lambda is not in the language
    b = [x for x in range(3)]  # expect: a list comprehension is not in the language
    c = {x for x in range(3)}  # expect: a set comprehension is not in the language
    d = {x: x for x in range(3)}  # expect: a dict comprehension is not in the language
    e = sum(x for x in range(3))  # expect: a generator expression is not in the language
    f = {1: 2}  # expect: declare a map in the module
    g = {1, 2}  # expect: a set made while running
    h = [1, 2]  # expect: write an array: u32[4]
    i = f"{ctx.a}"  # expect: it can be printed
    j = ctx.a[1:2]  # expect: u64 cannot be indexed
    n = yield  # expect: yield is not in the language
    o = set()  # expect: cannot be called in a BPF program
    p = list()  # expect: cannot be called in a BPF program
    q = dict()  # expect: cannot be called in a BPF program
    r = str(ctx.a)  # expect: str
    s = sorted(ctx.arr)  # expect: sorted
    t = isinstance(ctx.a, int)  # expect: isinstance
    v = open("x")  # expect: cannot be called in a BPF program
    generator(1)
    asynchronous(1)
    return 0


@syscall
def statements(ctx: Args) -> i32:
    import os  # expect: an import in a function is not in the language

    from os import path  # expect: an import in a function is not in the language

    class Local:  # expect: a class in a function is not in the language
        pass

    def nested(n: u32) -> u32:
        nonlocal x  # expect: nonlocal is not in the language
        return n

    @functools.cache  # expect: a function in a function has no decorators
    def decorated(n: u32) -> u32:
        return n

    async def a() -> u32:  # expect: async is not in the language
        return 0

    x = 1
    del x  # expect: only an element of a map can be deleted
    del ctx.a  # expect: only an element of a map can be deleted
    del ctx.arr[0]  # expect: only an element of a map can be deleted
    try:
        x = 2
    finally:
        x = 3  # expect: finally is not in the language
    try:
        x = 2
    except OSError:  # expect: this exception never occurs
        x = 4
    try:
        x = counts[1]
    except KeyError as error:  # expect: an exception has no value here
        x = 5
    with open("x") as f:  # expect: cannot be called in a BPF program
        x = 1
    with ctx:  # expect: Args has no with block
        x = 1
    with ctx, ctx:  # expect: one thing at a time in a with statement
        x = 1
    for a, b in copy(ctx.arr):  # expect: a loop sets a variable of the function
        x = 1
    for ctx.a in range(3):  # expect: a loop sets a variable of the function
        x = 1
    for i in 5:  # expect: 5 cannot be looped over
        x = 1
    for i in "abc":  # expect: cannot be looped over
        x = 1
    for i in range(1, 2, 0):  # expect: the step of a range is a constant other than 0
        x = 1
    for i in range("a"):  # expect: range() takes one to three integers
        x = 1
    for i in reversed(ctx.arr):  # expect: reversed() is not in the language
        x = 1
    for i, j in zip(ctx.arr, ctx.arr):  # expect: zip
        x = 1
    match ctx.arr:
        case [a, b]:  # expect: this pattern is not in the language
            x = 1
    match ctx.a:
        case {"a": 1}:  # expect: this pattern is not in the language
            x = 1
    match ctx.a:
        case Args(a=1):  # expect: u64 is never a Args
            x = 1
    match ctx.a:
        case "x":  # expect: cannot be compared
            x = 1
    ctx.a == 3  # expect: this does nothing
    ctx.a  # expect: this does nothing
    counts  # expect: this does nothing
    (ctx.a for _ in range(3))  # expect: a generator expression is not in the language
    while True:  # expect: this loop never ends
        x = 1
    return 0


@syscall
async def program(ctx: Args) -> i32:  # expect: async is not in the language
    return 0


@syscall
def raising(ctx: Args) -> i32:
    if ctx.a > 3:
        raise OSError(3)  # expect: only Python's own exceptions can be raised
    if ctx.a > 2:
        raise  # expect: only Python's own exceptions can be raised
    if ctx.a > 1:
        raise ctx.a  # expect: only Python's own exceptions can be raised
    raise KeyError from None


def fact(n: u64) -> u64:
    return n * fact(n - 1)  # expect: 'fact' would call itself: BPF has no recursion


def even(n: u64) -> bool:
    return odd(n - 1)


def odd(n: u64) -> bool:
    return even(n - 1)  # expect: BPF has no recursion


@syscall
def recursive(ctx: Args) -> i32:
    def again(n: u32) -> u32:
        return again(n)  # expect: 'again' would call itself

    fact(3)
    even(3)
    again(3)
    return 0


@syscall
def printing(ctx: Args) -> i32:
    print(f"{ctx.a:8.3f}")  # expect: the format '8.3f' is not known to the kernel
    print(f"{ctx.a!r}")  # expect: !r and !a are not known to the kernel
    print(ctx.a, end="")  # expect: print() takes values only
    print(ctx.arr)  # expect: u32[8] cannot be printed
    print(*ctx.arr)  # expect: *
    print(f"{ctx.a:{ctx.a}}")  # expect: a format that is made while running
    print(1, 2, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a, ctx.a)  # expect: a line of the trace takes twelve
    print(f"{1.5}")  # expect: 1.5 is not an integer
    print(counts)  # expect: map 'counts' cannot be printed
    return 0
