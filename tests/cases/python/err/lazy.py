# ruff: noqa
# fmt: off
from __future__ import annotations

from btfkit.bpf import *


class Args(Struct):
    a: u64


counts: dict[u32, u64] = {}
wrong: dict[u32, nothing] = {}  # expect: name 'nothing' is not defined
other: undefined = 3  # expect: 'undefined' is not defined


def unknown_type(n: u33) -> u32:  # expect: name 'u33' is not defined
    return n


def unknown_result(n: u32) -> u33:  # expect: name 'u33' is not defined
    return n


def divides(n: 1 / 0) -> u32:  # expect: division by zero
    return n


@syscall
def f(ctx: Args) -> i32:
    unknown_type(1)
    unknown_result(2)
    divides(3)
    x: u33 = 4  # expect: name 'u33' is not defined
    y: Static[u33] = 4  # expect: name 'u33' is not defined
    z: Static[int] = 4  # expect: int is not a type of fixed size
    w: Static[u32] = ctx.a  # expect: 'w' starts with a constant
    v: Static[u32] = unknown_type(3)
    u: Static[u8] = 300  # expect: 300 does not fit
    t: Static[u8] = "a"  # expect: 'a' is not u8
    ctx.a: u64 = 3  # expect: only a name can be given a type
    s: u32 = "a"  # expect: 's' is u32, not 'a'
    r: u32 = 1
    r: u64 = 1  # expect: 'r' has another type above
    q: str = "a"  # expect: str is not a type of a BPF program
    p: char[4] = "hello"  # expect: 5 values do not fit char[4]
    o: f = 3  # expect: is not a type of a BPF program
    counts[1] += 1
    return 0
