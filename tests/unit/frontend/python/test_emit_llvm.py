"""LLVM in its child process: what it refuses is an error here, and the process goes on."""

from __future__ import annotations

import os

import pytest
from tests.unit.frontend.python.emit_support import Main, at, cast, const, get, op, returns

from btfkit.frontend.python import ir
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.ir import NOTHING, POINTER, U64
from btfkit.frontend.python.llvm import LLVMError, compile_ir, compile_program

HEAD = 'target triple = "bpfel"\n'


def refused(text: str) -> LLVMError:
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    with pytest.raises(LLVMError) as caught:
        compile_ir(text, byte_order="little")
    assert not before or len(os.listdir("/proc/self/fd")) == len(before)
    return caught.value


def test_stack() -> None:
    main = Main()
    memory = ir.Local("memory", POINTER, size=600)
    main.body += [ir.Eval(ir.HelperCall(NOTHING, 5, [ir.LocalAddr(POINTER, memory)]), span=at(7)), returns()]
    with pytest.raises(LLVMError) as caught:
        compile_program(main.program())
    assert (caught.value.kind, caught.value.function, caught.value.line) == ("stack", "main", 7)


def test_too_many_arguments() -> None:
    params = [ir.Local(f"p{number}", U64) for number in range(6)]
    total: ir.Expr = get(params[0])
    for param in params[1:]:
        total = op("mul", total, get(param))
    many = ir.Function("many", params, U64, at(20), body=[ir.Return(total)], noinline=True)
    main = Main()
    main.body += [main.out(0, ir.Call(U64, many, [cast(main.arg(n)) for n in range(6)])), returns()]
    with pytest.raises(LLVMError) as caught:
        compile_program(main.program(many))
    assert (caught.value.kind, caught.value.function) == ("other", "many")


def test_an_abort() -> None:
    error = refused(HEAD + "define i128 @wide(ptr %p) nounwind { %a = load i128, ptr %p\n ret i128 %a }")
    assert error.kind == "other"


def test_a_text_that_is_none() -> None:
    assert "error" in str(refused(HEAD + "define i32 @f() { ret i32 %nothing }"))


def test_a_module_that_does_not_verify() -> None:
    assert "dominate" in str(refused(HEAD + "define i32 @f() { %a = add i32 %b, 1\n %b = add i32 1, 1\n ret i32 %a }"))


def test_large_output() -> None:
    """More than a pipe holds."""
    main = Main()
    main.body += [ir.Eval(ir.HelperCall(NOTHING, 6, [ir.Text(POINTER, bytes(200_000)), const(9)])), returns()]
    assert len(compile_ir(emit(main.program()), byte_order="little")) > 200_000
