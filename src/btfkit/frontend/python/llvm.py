"""LLVM, run in a child process: from the text of a module to the bytes of a relocatable BPF object.

LLVM's BPF back end ends its process where it cannot compile something, so the process is a forked one; what it wrote
to its standard error becomes an `LLVMError`. Options are set there too: the caller's LLVM is left as it was.
"""

from __future__ import annotations

import faulthandler
import os
import re
import selectors
import signal
import warnings
from functools import cache
from typing import Any, Literal

from btfkit.errors import BtfkitError
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.emit_module import ByteOrder

OPTIONS = (
    "-replexitval=never",  # no closed forms of sums, which multiply 128 bits
    "-disable-loop-idiom-all",  # no calls of memset and memcpy
    "-bpf-min-jump-table-entries=100000",  # no jump tables, which kernels do not know
)
WARM_UP = """define internal i64 @g(i64 %a) noinline { ret i64 %a }
define i64 @f(ptr %a) nounwind {
  %s = alloca i64
  store i64 0, ptr %s
  %c = load i64, ptr %a
  %d = call i64 @g(i64 %c)
  %e = icmp eq i64 %d, 0
  br i1 %e, label %x, label %y
x:
  store i64 1, ptr %s
  br label %y
y:
  %r = load i64, ptr %s
  ret i64 %r
}"""
"""Compiled once in the parent: the children inherit what LLVM sets up at its first use."""
REFUSED = re.compile(r"error: (?:.*?):(\d+):\d+: in function (\S+) [^:]*: (.*)")


class LLVMError(BtfkitError):
    """LLVM cannot compile the module.

    function: the symbol of the function at issue, or None
    line:     in the program's file, from 1, or None
    kind:     "stack": its locals exceed the 512 bytes of BPF's stack; "other": anything else
    """

    def __init__(
        self,
        reason: str,
        *,
        function: str | None = None,
        line: int | None = None,
        kind: Literal["stack", "other"] = "other",
    ) -> None:
        super().__init__(
            reason, thing=f"function '{function}'" if function else None, field=f"line {line}" if line else None
        )
        self.function = function
        self.line = line
        self.kind = kind


def compile_program(program: ir.Program, *, byte_order: ByteOrder = "little", cpu: str = "v3") -> bytes:
    """An ELF object of a checked program."""
    return compile_ir(emit(program, byte_order=byte_order), byte_order=byte_order, cpu=cpu)


def compile_ir(text: str, *, byte_order: ByteOrder, cpu: str = "v3", opt_level: int = 2) -> bytes:
    """An ELF object of LLVM IR; LLVMError where LLVM refuses."""
    machine = _machine(byte_order, cpu, opt_level)
    out, errors = os.pipe(), os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12, where there are threads: the child uses none
        pid = os.fork()
    if pid == 0:
        _child(machine, text, opt_level, out[1], errors[1])
    os.close(out[1])
    os.close(errors[1])
    try:
        data, said = _read_all(out[0], errors[0])
    finally:
        os.close(out[0])
        os.close(errors[0])
        _, status = os.waitpid(pid, 0)
    if status:
        raise _error(said.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status))
    return data


@cache
def _machine(byte_order: ByteOrder, cpu: str, opt_level: int) -> Any:
    import llvmlite.binding as llvm  # noqa: PLC0415  (slow to import, and only wanted here)

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("bpfel" if byte_order == "little" else "bpfeb")
    machine = target.create_target_machine(cpu=cpu, opt=opt_level)
    _object(machine, WARM_UP, opt_level)
    return machine


def _child(machine: Any, text: str, opt_level: int, out: int, errors: int) -> None:
    """Compile, write the object, and end the process: 0, or 2 where llvmlite says why not."""
    status = 1
    try:
        faulthandler.disable()
        os.dup2(errors, 2)
        try:
            _set_options()
            data = _object(machine, text, opt_level)
        except RuntimeError as error:
            os.write(2, str(error).encode())
            status = 2
        else:
            with os.fdopen(out, "wb") as file:
                file.write(data)
            status = 0
    finally:
        os._exit(status)


def _set_options() -> None:
    import llvmlite.binding as llvm  # noqa: PLC0415

    for option in OPTIONS:
        llvm.set_option("btfkit", option)


def _object(machine: Any, text: str, opt_level: int) -> bytes:
    import llvmlite.binding as llvm  # noqa: PLC0415

    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=opt_level)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    data: bytes = machine.emit_object(module)
    return data


def _read_all(*fds: int) -> list[bytes]:
    """What comes from each until all are at their end."""
    found = {fd: bytearray() for fd in fds}
    with selectors.DefaultSelector() as selector:
        for fd in fds:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                part = os.read(key.fd, 1 << 16)
                found[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
    return [bytes(found[fd]) for fd in fds]


def _error(said: str, status: int) -> LLVMError:
    """Of what a child that failed has said."""
    kind: Literal["stack", "other"] = "stack" if "stack limit" in said else "other"
    if refused := REFUSED.search(said):
        line, function, reason = refused.groups()
        return LLVMError(reason, function=function, line=int(line) or None, kind=kind)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")
    if status < 0:
        reason = f"LLVM was ended by {signal.Signals(-status).name}" + (f": {reason}" if reason else "")
    return LLVMError(reason or f"LLVM ended with status {status}", kind=kind)
