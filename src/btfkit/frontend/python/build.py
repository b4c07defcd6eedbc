"""From a Python module's namespace to an object in instance form.

In: a namespace with programs in it, and where its text is. Out: a `BpfObject`; `SourceError` with every diagnostic.
Stages: unit and body (what is declared, what is meant), `ir`, emit and llvm (code), describe (types and declarations).
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

from btfkit.bpf.programs import BpfProgram
from btfkit.bpf.struct_ops import StructOps
from btfkit.errors import SourceError
from btfkit.frontend.objects import ObjectBuilder
from btfkit.frontend.python import blocks, ir, kind_rules, stack, struct_ops
from btfkit.frontend.python.body import Body
from btfkit.frontend.python.declared import FunctionInfo
from btfkit.frontend.python.describe import Describer
from btfkit.frontend.python.emit import emit
from btfkit.frontend.python.kernel_types import KernelTypes
from btfkit.frontend.python.llvm import LLVMError, compile_ir
from btfkit.frontend.python.source import Sources
from btfkit.frontend.python.unit import Bad, Unit
from btfkit.frontend.span import Span
from btfkit.model.btf import Btf
from btfkit.object import BpfObject

_OUTPUT = re.compile(r"_+\d*")
"""Names that an interactive shell gives to what it has shown."""


@dataclass(slots=True)
class Options:
    """cpu: v2, v3 or v4. arch: of the machine whose registers probes read. kernel_btf: opened when types are needed.

    llvm: is given the code as LLVM's IR, before LLVM sees it.
    """

    byte_order: str = "little"
    cpu: str = "v3"
    arch: str = "x86_64"
    kernel_btf: Callable[[], Btf] | Btf | None = None
    texts: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    llvm: Callable[[str], object] | None = None


def compile_namespace(namespace: dict[str, Any], path: str, options: Options | None = None) -> BpfObject:
    """The object of all programs in a namespace. path: as errors call the file."""
    options = options or Options()
    unit = check(namespace, path, options)
    infos = _ordered(unit)
    program = ir.Program([info.function for info in infos], path)
    text = emit(program, byte_order=options.byte_order)  # type: ignore[arg-type]
    if options.llvm is not None:
        options.llvm(text)
    try:
        elf = compile_ir(text, byte_order=options.byte_order, cpu=options.cpu)  # type: ignore[arg-type]
    except LLVMError as error:
        stack.refuse(unit, infos, error, path, options.cpu)
    stack.check_depth(unit, infos, elf, path)
    return _assemble(unit, program, elf, namespace, path)


def check(namespace: dict[str, Any], path: str, options: Options) -> Unit:
    """Everything that the programs of a namespace reach, checked."""
    sources = Sources(options.texts, options.shown)
    unit = Unit(namespace, sources, KernelTypes(options.kernel_btf), options.byte_order, options.arch, options.cpu)
    named = (value for name, value in namespace.items() if not _OUTPUT.fullmatch(name))
    programs = list({id(value): value for value in named if isinstance(value, BpfProgram)}.values())
    tables = list({id(value): value for value in namespace.values() if isinstance(value, StructOps)}.values())
    if not programs and not tables:
        raise SourceError("there is no program in it: a function with a decorator, as @xdp", path=path)
    for program in programs:
        span = Span(path, program.function.__code__.co_firstlineno, 0, program.function.__code__.co_firstlineno, 1)
        _trying(lambda program=program, span=span: unit.program(program, span))  # type: ignore[misc]
    for ops in tables:
        _trying(lambda ops=ops: unit.struct_ops.append(struct_ops.declare(unit, ops, path)))  # type: ignore[misc]
    _refuse_lost(unit, namespace, path)
    for name in namespace.get("__annotations__", {}):
        if name in namespace:
            span = _declaration(unit, name, namespace, path)
            _trying(lambda name=name, span=span: unit.declared(name, namespace, span))  # type: ignore[misc]
    while unit.queue:
        info = unit.queue.pop(0)
        _trying(Body(unit, info).check)
    kind_rules.check_uses(unit, _all(unit))
    blocks.check_locked(unit)
    unit.diagnostics.check(path)
    _spread_faults(unit)
    _count_registers(unit)
    unit.diagnostics.check(path)
    return unit


def _count_registers(unit: Unit) -> None:
    """A fault and a result leave a function together: the place for the result is an argument more."""
    for info in _all(unit):
        function = info.function
        if function.raises and function.noinline and function.result != ir.NOTHING and len(function.params) > 4:
            span = Span.of(info.node, info.path)
            unit.diagnostics.add(
                Span(span.path, span.line, span.col, span.line, span.col + 3),
                f"'{info.name}' has five parameters, a result and faults: that is more than five arguments",
                "put some of them into a Struct, and pass that",
            )


def _refuse_lost(unit: Unit, namespace: dict[str, Any], path: str) -> None:
    """Of two programs of one name the first would be dropped."""
    try:
        file = unit.sources.file(namespace.get("__file__") or path)
    except SourceError:
        return
    last: dict[str, ast.FunctionDef] = {}
    for node in reversed(file.tree.body if file.tree is not None else []):
        if isinstance(node, ast.FunctionDef) and isinstance(namespace.get(node.name), BpfProgram):
            if node.name in last and node.decorator_list:
                span = Span(
                    file.path, node.lineno, node.col_offset + 4, node.lineno, node.col_offset + 4 + len(node.name)
                )
                reason = f"'{node.name}' is defined again in line {last[node.name].lineno}: this one is lost"
                unit.diagnostics.add(span, reason, "give it a name of its own")
            last.setdefault(node.name, node)


def _declaration(unit: Unit, name: str, namespace: dict[str, Any], path: str) -> Span:
    """Where a module declares a name."""

    for file in _files(namespace):
        try:
            source = unit.sources.file(file)
        except SourceError:
            continue
        for node in source.tree.body if source.tree is not None else ():
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
                return Span.of(node, source.path)
    return Span(path, 1, 0, 1, 1)


def _files(namespace: dict[str, Any]) -> Iterable[str]:
    """The file of a module; of a notebook, the cells that its functions are from, the latest first."""
    if namespace.get("__file__"):
        return [namespace["__file__"]]
    functions = (v.function if isinstance(v, BpfProgram) else v for v in namespace.values())
    return reversed({f.__code__.co_filename: None for f in functions if isinstance(f, FunctionType)})


def _trying(action: Callable[[], Any]) -> None:
    with contextlib.suppress(Bad):
        action()


def _all(unit: Unit) -> Iterable[FunctionInfo]:
    def nested(info: FunctionInfo) -> Iterable[FunctionInfo]:
        yield info
        for child in info.nested.values():
            yield from nested(child)

    for info in unit.functions.values():
        yield from nested(info)


def _ordered(unit: Unit) -> list[FunctionInfo]:
    """Callees before callers."""
    done: dict[int, FunctionInfo] = {}

    def visit(info: FunctionInfo) -> None:
        if id(info) in done:
            return
        for callee, _ in info.calls:
            visit(callee)
        done[id(info)] = info

    for info in _all(unit):
        visit(info)
    return list(done.values())


def _spread_faults(unit: Unit) -> None:
    """Which functions a fault can leave: those with one of their own, and those that call them and do not handle it."""
    infos = list(_all(unit))
    leaving = {id(info): set(info.faults) for info in infos}
    changed = True
    while changed:
        changed = False
        for info in infos:
            mine = leaving[id(info)]
            for callee, handled in info.calls:
                more = set() if handled is None else leaving[id(callee)] - handled
                if not more <= mine:
                    mine |= more
                    changed = True
    for info in infos:
        function = info.function
        function.raises = bool(leaving[id(info)]) and not function.is_program and not function.is_callback


def _assemble(unit: Unit, program: ir.Program, elf: bytes, namespace: dict[str, Any], path: str) -> BpfObject:
    builder = ObjectBuilder(unit.byte_order, path)
    describer = Describer(unit, builder)
    for info in _all(unit):
        describer.function(info)
    for symbol, kind in program.callbacks:
        describer.callback(symbol, kind)
    for variable in unit.variables.values():
        describer.variable(variable)
    for info in _all(unit):
        for static in info.statics.values():
            describer.variable(static)
    for decl in unit.maps.values():
        describer.map(decl)
    for table in unit.struct_ops:
        struct_ops.describe(describer, table)
    if unit.externs or unit.relocations:
        unit.kernel.declare(unit, builder)
    builder.license(str(namespace.get("LICENSE", "GPL")))
    lines = {info.path: unit.sources.lines(info.path) for info in _all(unit)}
    builder.take_llvm(elf, source_lines={name: [line.rstrip("\n") for line in text] for name, text in lines.items()})
    return builder.finish()


__all__ = ["Options", "check", "compile_namespace"]
