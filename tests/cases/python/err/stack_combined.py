# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Args(Struct):
    a: u64


class Third(Struct):
    data: u64[33]


def inner(n: u64) -> u64:
    a = Third()
    a.data[n & 31] = 1
    return a.data[n & 15]


@syscall
def outer(ctx: Args) -> i32:  # expect: 'outer', a loop in 'outer' need 560 bytes of stack together
    a = Third()
    a.data[ctx.a & 31] = 1
    total = u64(0)
    for i in range(100000):
        total += inner(a.data[ctx.a & 15])
    return total
