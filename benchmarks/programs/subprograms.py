"""The checksum of a header's words, and a choice by hash, each in a function of its own."""

from btfkit.bpf import *


class Args(Struct):
    words: u16[10]
    src: u32
    dst: u32
    check: u16
    backend: u32
    other: u32


table: Array[Args] = Array(1)


def fold(sum: u32) -> u16:
    sum = (sum & 0xFFFF) + (sum >> 16)
    sum = (sum & 0xFFFF) + (sum >> 16)
    return u16(~sum)


def mix(a: u32, b: u32) -> u32:
    h = a * 0x9E3779B1 ^ b
    h ^= h >> 15
    h *= 0x85EBCA77
    h ^= h >> 13
    return h


def choose(args: Args, count: u32) -> u32:
    return mix(args.src, args.dst) % count


@syscall
def balance() -> i32:
    args = table[0]
    sum: u32 = 0
    for word in args.words:
        sum += word
    args.check = fold(sum)
    args.backend = choose(args, 12)
    args.other = mix(args.dst, args.src)
    return 0
