"""Sum, largest and weighted sum of an array, and an element of a table by an index from outside."""

from btfkit.bpf import *


class Args(Struct):
    values: u32[16]
    index: u32
    picked: u32
    sum: u64
    largest: u32
    weighted: u64


table: Array[Args] = Array(1)
PRIMES: Final = (2, 3, 5, 7, 11, 13, 17, 19)


@syscall
def fold() -> i32:
    args = table[0]
    total: u64 = 0
    largest: u32 = 0
    weighted: u64 = 0
    for i in range(16):
        value = args.values[i]
        total += value
        largest = max(largest, value)
        weighted += u64(value) * (i + 1)
    args.sum = total
    args.largest = largest
    args.weighted = weighted
    args.picked = PRIMES[args.index % 8]
    return 0
