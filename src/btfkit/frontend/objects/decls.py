"""What an `ObjectBuilder` has been told: a record for each thing declared, to be referred to by others.

Two declarations are the same only if they are one object. Source: docs/format.md, sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Linkage = Literal["static", "global"]
"""Whether other objects can refer to it."""

Lines = Sequence[tuple[int, int, int]]
"""(insn_idx from the function's start, line, column) each."""


@dataclass(eq=False, kw_only=True)
class Decl:
    """name: as the source has it; symbol: what the code calls it."""

    word: ClassVar[str] = "declaration"
    name: str
    symbol: str

    @property
    def label(self) -> str:
        """How messages call it."""
        alias = "" if self.symbol == self.name else f" (symbol '{self.symbol}')"
        return f"{self.word} '{self.name}'{alias}"


@dataclass(eq=False, kw_only=True)
class FunctionDecl(Decl):
    """A function that is defined in this object. code: its instructions; None: LLVM's object has them.

    relocs: (insn_idx, what the ld_imm64 or call refers to) each; source: the lines of its file
    """

    word = "function"
    params: tuple[tuple[str, int], ...]
    returns: int
    section: str
    parent: FunctionDecl | None
    linkage: Linkage
    may_be_absent: bool
    code: bytes | None
    relocs: Sequence[tuple[int, Decl]]
    lines: Lines
    file: str
    source: Sequence[str]


@dataclass(eq=False, kw_only=True)
class MapDecl(Decl):
    """A map; without a name only what the maps in another one are like. Sizes: None where the types say them."""

    word = "map"
    map_type: int
    key: int
    value: int
    key_size: int | None
    value_size: int | None
    max_entries: int
    flags: int
    pinning: int
    numa_node: int
    map_extra: int
    inner: MapDecl | None = None
    values: Sequence[MapDecl | FunctionDecl | None] = ()
    linkage: Linkage


@dataclass(eq=False, kw_only=True)
class VarDecl(Decl):
    """A variable that is defined in this object. data: its bytes; None: all zeros. refers: its pointers."""

    word = "variable"
    type_id: int
    data: bytes | None
    refers: Sequence[tuple[int, Decl]]
    section: str
    parent: FunctionDecl | None
    linkage: Linkage


@dataclass(eq=False, kw_only=True)
class ExternDecl(Decl):
    """A function or variable that the kernel, or an object it is linked with, defines.

    params: None for a variable, whose type is then type_id (of a function: what it returns)
    section: ``.ksyms`` or ``.kconfig``; None: it comes from another object
    """

    word = "extern"
    type_id: int
    params: tuple[tuple[str, int], ...] | None
    section: str | None
    weak: bool


@dataclass(eq=False, kw_only=True)
class CoreDecl(Decl):
    """A number that depends on the layout of a kernel's type: where the code loads its address, value is put."""

    word = "CO-RE marker"
    type_id: int
    access: str
    kind: int
    value: int


@dataclass(kw_only=True)
class LlvmObject:
    """What LLVM made. file_name: instead of the one in its lines; source_lines: a file's lines, or those of each."""

    data: bytes
    file_name: str | None = None
    source_lines: Sequence[str] | dict[str, Sequence[str]] | None = None


@dataclass
class Declarations:
    """All that was declared, in that order. tags: (text, what it is on, component_idx) each."""

    byte_order: Literal["little", "big"]
    path: str | None
    decls: list[Decl] = field(default_factory=list)
    tags: list[tuple[str, Decl, int]] = field(default_factory=list)
    llvm: LlvmObject | None = None


__all__ = [
    "CoreDecl",
    "Decl",
    "Declarations",
    "ExternDecl",
    "FunctionDecl",
    "Lines",
    "Linkage",
    "LlvmObject",
    "MapDecl",
    "VarDecl",
]
