"""The outer shell of the emitted text: LLVM's module with its globals, declarations, functions and debug metadata.

In: names, bytes, spans and finished functions. Out: LLVM IR text. Only lines are described (LineTablesOnly): LLVM's own
BTF is thrown away, its line_info is kept. Nothing is defined here but functions and constant texts: maps, variables,
kfuncs and what a loader relocates are undefined symbols.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from btfkit.frontend.python import ir
from btfkit.frontend.span import Span

ByteOrder = Literal["little", "big"]
DATA_LAYOUT = "m:e-p:64:64-i64:64-i128:128-n32:64-S128"
COMMON, NOINLINE, ALWAYSINLINE = 0, 1, 2
ATTRIBUTES = {COMMON: "", NOINLINE: " noinline", ALWAYSINLINE: " alwaysinline"}
"""Of functions. no-builtins: no store or loop becomes a call of memset, of which there is none."""


def quoted(text: str | bytes) -> str:
    """A string of LLVM's assembly."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in data) + '"'


def type_of(type_: ir.Type) -> str:
    """How LLVM spells the type of a value."""
    match type_:
        case ir.Int():
            return f"i{type_.bits}"
        case ir.Bool():
            return "i1"
        case ir.Pointer():
            return "ptr"
        case _:
            return "void"


class Module:
    """What is around the functions."""

    def __init__(self, program: ir.Program, byte_order: ByteOrder, source_dir: str) -> None:
        self.byte_order = byte_order
        self.file_name = program.file_name
        self.source_dir = source_dir
        self.functions: list[str] = []
        self.used: list[str] = []
        self._defined = {function.symbol for function in program.functions}
        self._globals: dict[str, str] = {}
        self._texts: dict[bytes, str] = {}
        self._metadata: list[str] = []
        self._nodes: dict[str, int] = {}
        self._locations: dict[tuple[int, int, int], int] = {}
        self._flags = self._node('!{i32 2, !"Debug Info Version", i32 3}')
        self._types = self._node("!DISubroutineType(types: !{})")
        self._unit = self._node(
            f"distinct !DICompileUnit(language: DW_LANG_Python, file: !{self._file(self.file_name)}, "
            'producer: "btfkit", isOptimized: true, runtimeVersion: 0, emissionKind: LineTablesOnly)'
        )

    def symbol(self, name: str) -> str:
        """Of something that is defined elsewhere."""
        reference = "@" + quoted(name)
        if name not in self._defined:
            self._globals.setdefault(name, f"{reference} = external global i8")
        return reference

    def declare(self, name: str, result: str, params: Iterable[str]) -> str:
        """A function that is defined elsewhere."""
        reference = "@" + quoted(name)
        self._globals.setdefault(name, f"declare {result} {reference}({', '.join(params)})")
        return reference

    def text(self, data: bytes) -> str:
        """The address of constant bytes."""
        if data not in self._texts:
            name = self._texts[data] = f"@.text.{len(self._texts)}"
            held = _unmergeable(data)
            self._globals[name] = (
                f'{name} = private constant [{len(held)} x i8] c{quoted(held)}, section ".rodata", align 1'
            )
        return self._texts[data]

    def subprogram(self, name: str, span: Span) -> int:
        """The metadata of a function, of which its locations are."""
        file = self._file(span.path or self.file_name)
        return self._node(
            f"distinct !DISubprogram(name: {quoted(name)}, scope: !{file}, file: !{file}, line: {span.line}, "
            f"type: !{self._types}, scopeLine: {span.line}, spFlags: DISPFlagDefinition, unit: !{self._unit})"
        )

    def location(self, scope: int, span: Span) -> int:
        """The metadata of a place in a function's source."""
        key = scope, span.line, span.col
        number = self._locations.get(key)
        if number is None:
            place = f"!DILocation(line: {span.line}, column: {min(span.col + 1, 0xFFFF)}, scope: !{scope})"
            number = self._locations[key] = self._node(place)
        return number

    def render(self) -> str:
        """The whole text."""
        order = "e" if self.byte_order == "little" else "E"
        head = [
            f"source_filename = {quoted(self.file_name)}",
            f'target datalayout = "{order}-{DATA_LAYOUT}"',
            f'target triple = "{"bpfel" if self.byte_order == "little" else "bpfeb"}"',
        ]
        used = [f"ptr {name}" for name in self.used]
        if used:
            head.append(
                f"@llvm.compiler.used = appending global [{len(used)} x ptr] [{', '.join(used)}], "
                'section "llvm.metadata"'
            )
        tail = [f'attributes #{n} = {{ nounwind{extra} "no-builtins" }}' for n, extra in ATTRIBUTES.items()]
        tail += [f"!llvm.dbg.cu = !{{!{self._unit}}}", f"!llvm.module.flags = !{{!{self._flags}}}"]
        tail += [f"!{number} = {text}" for number, text in enumerate(self._metadata)]
        return "\n".join([*head, *self._globals.values(), *self.functions, *tail, ""])

    def _file(self, path: str) -> int:
        text = f"!DIFile(filename: {quoted(path)}, directory: {quoted(self.source_dir)})"
        if text not in self._nodes:
            self._nodes[text] = self._node(text)
        return self._nodes[text]

    def _node(self, text: str) -> int:
        self._metadata.append(text)
        return len(self._metadata) - 1


def _unmergeable(data: bytes) -> bytes:
    """With bytes behind it, where LLVM would merge equal constants: it makes a second section .rodata of those."""
    while len(data) in (4, 8, 16, 32) or data.endswith(b"\0"):
        data += b"\xff"
    return data


class Code:
    """The blocks of one function, while they are written. What follows a jump and can not be reached is kept apart."""

    def __init__(self, scope: int, module: Module) -> None:
        self.module = module
        self.scope = scope
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.is_open = True
        self.block = "entry"
        self.dbg = ""
        self._count = 0

    def at(self, span: Span) -> None:
        """What follows comes from that place; a span without a line changes nothing."""
        if span.line:
            self.dbg = f", !dbg !{self.module.location(self.scope, span)}"

    def put(self, text: str) -> None:
        """An instruction without a value."""
        if not self.is_open:
            self.start(self.label())
        self.lines.append(f"  {text}{self.dbg}")

    def let(self, text: str) -> str:
        """An instruction with a value: its name."""
        name = self.name()
        self.put(f"{name} = {text}")
        return name

    def name(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def start(self, label: str) -> None:
        """A block begins; the one before goes on there."""
        if self.is_open:
            self.jump(label)
        self.lines.append(f"{label}:")
        self.block = label
        self.is_open = True

    def jump(self, label: str) -> None:
        self.end(f"br label %{label}")

    def fork(self, cond: str, yes: str, no: str) -> None:
        self.end(f"br i1 {cond}, label %{yes}, label %{no}")

    def end(self, text: str) -> None:
        """The last instruction of a block."""
        self.put(text)
        self.is_open = False

    def slot(self, type_: str, align: int = 0) -> str:
        """Memory of the function's own."""
        name = self.name()
        self.slots.append(f"  {name} = alloca {type_}" + (f", align {align}" if align else ""))
        return name
