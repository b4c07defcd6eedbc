# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Args(Struct):
    a: u64


class Big(Struct):
    data: u8[600]


class Half(Struct):
    data: u64[40]


def fill(b: Big) -> u64:
    return b.data[3]


@syscall
def one(ctx: Args) -> i32:  # expect: 'one' needs more than the 512 bytes of stack
    big = Big()
    big.data[ctx.a & 255] = 3
    return fill(big)


@syscall
def two(ctx: Args) -> i32:  # expect: 'two' needs more than the 512 bytes of stack
    a = Half()
    b = Half()
    a.data[ctx.a % 40] = 1
    b.data[ctx.a % 39] = 1
    return i32(a.data[ctx.a % 11] + b.data[ctx.a % 12])
