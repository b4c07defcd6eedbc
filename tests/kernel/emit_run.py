"""Programs in the intermediate form, compiled, loaded and run."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.unit.frontend.python.emit_support import Main, wrap

from btfkit.format.kinds import IntEncoding
from btfkit.frontend.objects import ObjectBuilder
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.ir import POINTER
from btfkit.frontend.python.llvm import compile_ir
from btfkit.load.linux import LoadedObject, load
from btfkit.model import types as t

Declare = Callable[[ObjectBuilder], None]
Run = Callable[..., tuple[int, list[int]]]


@contextmanager
def loaded(program: ir.Program, declare: Declare = lambda builder: None, cpu: str = "v3") -> Iterator[LoadedObject]:
    """Compile the program, declare its functions and what else there is, and load it."""
    elf = compile_ir(emit(program), byte_order="little", cpu=cpu)
    builder = ObjectBuilder()
    void = builder.type(t.Ptr(0))
    u64, u32 = builder.type(t.Int("u64", 8)), builder.type(t.Int("u32", 4))
    i32 = builder.type(t.Int("int", 4, IntEncoding.SIGNED))
    builder.license("GPL")
    for function in program.functions:
        params = [(param.name, void if param.type == POINTER else u64) for param in function.params]
        builder.function(
            function.symbol,
            params,
            i32 if function.is_global else u64,
            section=function.section,
            linkage="global" if function.is_global else "static",
            may_be_absent=not function.is_global,
        )
    for symbol, kind in program.callbacks:
        names = (
            [("index", u32), ("ctx", void)] if kind == "loop" else [(n, void) for n in ("map", "key", "value", "ctx")]
        )
        builder.function(symbol, names, u64, linkage="static", may_be_absent=True)
    declare(builder)
    builder.take_llvm(elf, source_lines=[f"line {number}" for number in range(1, 20)])
    with load(builder.finish()) as bpf:
        yield bpf


@contextmanager
def running(
    main: Main, *others: ir.Function, declare: Declare = lambda builder: None, cpu: str = "v3"
) -> Iterator[Run]:
    """A function that runs the program on numbers, and gives its result and the numbers afterwards."""
    with loaded(main.program(*others), declare, cpu) as bpf:
        program = bpf.programs["main"]

        def run(*numbers: int) -> tuple[int, list[int]]:
            ctx = struct.pack(f"<{len(numbers)}Q", *(number & 0xFFFFFFFFFFFFFFFF for number in numbers))
            result = program.test_run(ctx=ctx)
            return result.retval, list(struct.unpack(f"<{len(numbers)}Q", result.ctx))

        yield run


def interesting(type_: ir.Int, random_: random.Random) -> int:
    low = -(1 << (type_.bits - 1)) if type_.signed else 0
    high = (1 << (type_.bits - type_.signed)) - 1
    kind = random_.randrange(4)
    if kind == 0:
        return random_.choice([low, low + 1, high, high - 1, 0, 1, wrap(-1, type_)])
    if kind == 1:
        return wrap(random_.randint(-9, 9), type_)
    return random_.randint(low, high) if kind == 2 else wrap(random_.randint(-1000, 1000), type_)
