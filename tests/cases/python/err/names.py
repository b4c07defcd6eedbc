# ruff: noqa
# fmt: off
from btfkit.bpf import *
import os
import math


class Flow(Struct):
    src: be32
    dst: be32
    port: u16

    def hash(self) -> u32:
        return self.src ^ self.dst

    @staticmethod
    def make() -> u32:
        return 3

    @classmethod
    def of(cls) -> u32:
        return 3

    @property
    def both(self) -> u32:
        return 3


counts: dict[Flow, u64] = {}
total: u64 = 0
untyped = 0


def near(flow: Flow) -> u32:
    return flow.sorc  # expect: Flow has no field 'sorc'


def outer(n: u32) -> u32:
    limit = n + 1

    def inner() -> u32:
        return limit  # expect: 'limit' is a variable of 'outer'

    return inner()


@xdp
def a(ctx: xdp_md) -> XdpAction:
    flow = Flow(src=1)
    x = flow.port + totl  # expect: there is no 'totl'
    y = coutns[flow]  # expect: there is no 'coutns'
    near(flow)
    outer(3)
    z = flow.hsah()  # expect: Flow has no method 'hsah'
    w = flow.nothing_like_it  # expect: it has src, dst, port
    of = flow.of()  # expect: Flow.of is not a plain method
    both = flow.both  # expect: Flow has no field 'both'
    f = flow.hash  # expect: Flow.hash is a method
    g = Flow(sport=1)  # expect: Flow has no field 'sport'
    h = Flow(1, 2, 3, 4)  # expect: Flow has 3 fields, not 4
    i = Flow(1, src=2)  # expect: 'src' is given twice
    flow.sorc = 3  # expect: Flow has no field 'sorc'
    j = ctx.ingress  # expect: xdp_md has no field 'ingress'
    k = ctx.lenght()  # expect: xdp_md has no method 'lenght'
    l = undefined_function(1)  # expect: there is no 'undefined_function'
    m = total.bit_count()  # expect: u64 has no method 'bit_count'
    return XDP_PAS  # expect: did you mean XDP_PASS


@xdp
def b(ctx: xdp_md) -> XdpAction:
    pid = os.getpid()  # expect: cannot be called in a BPF program
    root = math.sqrt(4)  # expect: cannot be called in a BPF program
    joined = os.path.join("a", "b")  # expect: join cannot be called in a BPF program
    loaded = load()  # expect: load cannot be called in a BPF program
    up = "abc".upper()  # expect: cannot be called in a BPF program
    t = input()  # expect: cannot be called in a BPF program
    c = counts.has(3)  # expect: maps have no 'has'
    d = counts.name  # expect: 'name' of a map is called, not read
    e = XDP_PASS.nope  # expect: no attribute 'nope'
    u = os.nope  # expect: no attribute 'nope'
    global untyped
    untyped = 3  # expect: 'untyped' has no type in the module
    a(ctx)  # expect: 'a' is a program: only the kernel calls it
    return XDP_PASS
