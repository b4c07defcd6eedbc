"""Divisions, shifts and comparisons on what a system call brings."""

from btfkit.bpf import *


class Args(Struct):
    a: u64
    b: u64
    c: i64
    quotient: u64
    rest: u64
    shifted: i64
    mixed: u32
    largest: u64


@syscall
def compute(ctx: Args) -> i32:
    if ctx.b == 0:
        return -1
    ctx.quotient = ctx.a // ctx.b
    ctx.rest = ctx.a % ctx.b
    ctx.shifted = ctx.c >> 3
    h = u32(ctx.a) ^ u32(ctx.b)
    h ^= h >> 16
    h *= 0x85EBCA6B
    h ^= h >> 13
    ctx.mixed = h
    ctx.largest = max(ctx.a, ctx.b)
    if ctx.c < 0:
        return 1
    return 0
