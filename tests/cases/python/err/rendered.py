# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Args(Struct):
    value: u64


@syscall
def f(ctx: Args) -> i32:
	tabs = ctx.valeu  # expect: Args has no field 'valeu'
	größe = ctx.value; breite = größe + ctx.valeu  # expect: Args has no field 'valeu'
	long = ctx.value + ctx.value + ctx.value + ctx.value + ctx.value + ctx.value + ctx.value + ctx.value + ctx.value + ctx.value / 2  # expect: / makes a float
	lines = Args(  # expect: Args has 1 field, not 2
		1,
		2,
	)
	return 0
