"""Loops whose rounds the kernel counts: over numbers up to one from outside, and over a map."""

from btfkit.bpf import *


class Args(Struct):
    count: u32
    sum: u64
    found: u32
    largest: u64


numbers: Array[u64] = Array(65536)
seen: dict[u32, u64] = {}


@syscall
def walk(ctx: Args) -> i32:
    sum: u64 = 0
    found: u32 = 0
    for i in range(ctx.count):
        value = numbers[i % 65536]
        sum += value
        if value == 0:
            found = i
            break
    ctx.sum = sum
    ctx.found = found
    largest: u64 = 0
    for value in seen.values():
        largest = max(largest, value)
    ctx.largest = largest
    return 0
