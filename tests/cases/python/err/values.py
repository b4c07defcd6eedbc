# ruff: noqa
# fmt: off
from btfkit.bpf import *
from enum import IntEnum


class Color(IntEnum):
    RED = 1


class Point(Struct):
    x: i32
    y: i32


class Other(Struct):
    x: i32
    y: i32


class Args(Struct):
    a: u64
    b: i64
    c: u32
    small: u8
    on: bool
    lo: Bits[u32, 5]
    arr: u32[8]
    name: char[16]
    p: Point


LIMIT: Final = 10
TABLE = (1, 2, 3)


@syscall
def numbers(ctx: Args) -> i32:
    a = ctx.a / 2  # expect: / makes a float
    b = 1.5  # expect: 1.5 is not an integer
    c = ctx.a + ctx.b  # expect: u64 and a signed integer have no common type
    d = ctx.a * -1  # expect: u64 and a signed integer have no common type
    e = ctx.c << -1  # expect: a negative shift count
    f = ctx.arr[8]  # expect: index 8 of 8 elements
    g = ctx.arr[-9]  # expect: index -9 of 8 elements
    ctx.small = 256  # expect: 256 does not fit ctx.small, u8
    ctx.c = -1  # expect: -1 does not fit ctx.c, u32
    ctx.lo = 32  # expect: 32 does not fit ctx.lo, 5 bits
    h: u8 = 300  # expect: 300 does not fit 'h', u8
    i = 1 << 70  # expect: 64 bits
    j = ctx.c**ctx.c  # expect: ** takes a constant exponent
    k = ctx.c @ ctx.c  # expect: @ is not an operation on integers
    l = ctx.name + "x"  # expect: + of char[16]: it takes integers
    m = -ctx.p  # expect: Point is not an integer
    n = ctx.arr["a"]  # expect: an index is an integer
    o = ctx.arr[ctx.p]  # expect: an index is an integer
    r = TABLE[3]  # expect: out of range
    s = 1 / 2  # expect: / makes a float
    t = "a" + 1  # expect: +
    u = ctx.c + 0x1_0000_0000_0000_0000  # expect: does not fit 64 bits
    v = 2j  # expect: 2j is not an integer
    w = ctx.c + 1.0  # expect: 1.0 is not an integer
    x = ctx.arr[0.5]  # expect: 0.5 is not an integer
    y = not ctx.p.x.y  # expect: no
    return 0


@syscall
def records(ctx: Args) -> i32:
    p = Point(1, 2)
    q = p  # expect: 'q' would name the same Point a second time
    if p == Other(1, 2):  # expect: Point and Other are never equal
        return 1
    if p < p:  # expect: Point and Point have no order
        return 1
    if p == 3:  # expect: Point and 3 cannot be compared
        return 1
    ctx.p = Other(1, 2)  # expect: ctx.p is Point, not Other
    ctx.p = 3  # expect: ctx.p
    ctx.arr = [1, 2, 3, 4, 5, 6, 7, 8, 9]  # expect: 9 values for u32[8]
    ctx.name = "longer than sixteen bytes"  # expect: 25 values do not fit char[16]
    ctx.name = 3  # expect: ctx.name
    r: Point = Other(1, 2)  # expect: 'r' is Point, not Other
    if ctx.name is p:  # expect: 'is' compares with None only
        return 1
    if ctx.c is LIMIT:  # expect: 'is' compares with None only
        return 1
    if ctx.on is True:  # expect: write == or not
        return 1
    if ctx.c in 3:  # expect: 'in' 3
        return 1
    if ctx.c in p:  # expect: 'in' Point
        return 1
    if ctx.name == ctx.arr:  # expect: cannot be compared
        return 1
    s = p[0]  # expect: Point cannot be indexed
    p[0] = 1  # expect: an element of Point cannot be set
    t = ctx.c[0]  # expect: u32 cannot be indexed
    u = ctx.name[ctx.c : 4]  # expect: the ends of a slice are constants
    v = ctx.name[::2]  # expect: a slice with a step
    w = ctx.name[4:4]  # expect: the slice is empty
    x, y = 1, 2, 3  # expect: 3 values for 2 names
    x, y = ctx.c  # expect: u32 cannot be unpacked
    x, *y = 1, 2, 3  # expect: *names are not in the language
    ctx.c()  # expect: Args has no method 'c'
    p()  # expect: Point cannot be called
    p.x = p  # expect: p.x is i32, not Point
    ctx = p  # expect: 'ctx' is Args, not Point
    p = 3  # expect: 'p' is Point elsewhere, and int here
    return 0


@syscall
def constants(ctx: Args) -> i32:
    LIMIT += 1  # expect: 'LIMIT' may not be set here
    global TABLE
    TABLE = 3  # expect: 'TABLE' has no type in the module
    Color.RED = 2  # expect: cannot be set
    TABLE[0] = 3  # expect: cannot be set
    xdp.name = 2  # expect: cannot be set
    Point.x = 3  # expect: cannot be set
    print.x = 1  # expect: cannot be set
    return 0


@syscall
def final(ctx: Args) -> i32:
    global LIMIT
    LIMIT = 5  # expect: 'LIMIT' is Final
    return 0


@syscall
def unset(ctx: Args) -> i32:
    if ctx.a > 3:
        n = 1
    m = n  # expect: 'n' may not be set here
    print(later)  # expect: 'later' may not be set here
    later = 3
    for i in range(ctx.c):
        last = i
    print(last)  # expect: 'last' may not be set here
    try:
        k = TABLE[ctx.a]
    except IndexError:
        pass
    print(k)  # expect: 'k' may not be set here
    while ctx.a > 3:
        v = 1
        break
    print(v)  # expect: 'v' may not be set here
    match ctx.a:
        case 1:
            w = 1
    print(w)  # expect: 'w' may not be set here
    x: u32  # expect: 'x' has no value
    y += 1  # expect: 'y' may not be set here
    return 0
