"""What a program declares: maps, variables, functions, as the checker finds them and the object builder needs them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from btfkit.bpf import structs
from btfkit.bpf.ints import ArrayType, u32
from btfkit.bpf.maps import MapSpec
from btfkit.bpf.programs import BpfProgram
from btfkit.bpf.records import Record, size_align
from btfkit.bpf.struct_ops import StructOps
from btfkit.format.maptype import MapType
from btfkit.frontend.python import ir
from btfkit.frontend.python.types import NONE, ValueType
from btfkit.frontend.span import NOWHERE, Span
from btfkit.model.types import Member


@dataclass(eq=False, slots=True)
class MapDecl:
    """key, value: vocabulary types, None for none; an inner `MapDecl` as the value of a map of maps."""

    name: str
    spec: MapSpec
    key: Any
    value: Any
    symbol: ir.Symbol
    span: Span = NOWHERE
    inner: MapDecl | None = None


_STORAGES = frozenset(
    {MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE, MapType.CGROUP_STORAGE}
)
HOLDERS: dict[type[Record], frozenset[MapType]] = {
    structs.bpf_spin_lock: frozenset({MapType.HASH, MapType.ARRAY}) | _STORAGES,
    structs.bpf_timer: frozenset({MapType.HASH, MapType.LRU_HASH, MapType.ARRAY}),
    structs.bpf_wq: frozenset({MapType.HASH, MapType.LRU_HASH, MapType.ARRAY}),
}
"""In the values of which maps the kernel lets these be (map_check_btf in kernel/bpf/syscall.c)."""


def misplaced(storage: Any, type_: MapType) -> type[Record] | None:
    """What is in a value that may not be in a map of that type."""
    if isinstance(storage, ArrayType):
        return misplaced(storage.elem, type_)
    if not (isinstance(storage, type) and issubclass(storage, Record)):
        return None
    if storage in HOLDERS:
        return None if type_ in HOLDERS[storage] else storage
    found = (misplaced(member.type, type_) for member in storage.__layout__.fields.values())
    return next((record for record in found if record is not None), None)


NO_CAPACITY = frozenset(
    {MapType.SK_STORAGE, MapType.TASK_STORAGE, MapType.INODE_STORAGE, MapType.CGRP_STORAGE, MapType.PERF_EVENT_ARRAY}
)
RINGS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})
PAGE = 4096


def capacity_problem(spec: MapSpec, key: Any) -> str | None:
    """What the kernel would refuse of a map's size, or of the key of a LpmTrie."""
    entries = spec.max_entries
    if spec.type in RINGS and (not entries or entries % PAGE or entries & (entries - 1)):
        return f"the size of a ring buffer is a power of two, of {PAGE} bytes at least, not {entries}"
    if entries is not None and entries <= 0 and spec.type not in NO_CAPACITY:
        return f"it has room for {entries} elements"
    if spec.type == MapType.LPM_TRIE:
        fields = list(key.__layout__.fields.values()) if isinstance(key, type) and issubclass(key, Record) else []
        if len(fields) < 2 or fields[0].type is not u32:
            return "the key of a LpmTrie is a Struct: a u32, how many bits count, and then the bits, as LpmKey4"
    return None


def own_parts(storage: Any) -> list[tuple[int, int]]:
    """(offset, size) of what a value holds besides the kernel's business, which cannot be read or written."""
    size = size_align(storage)[0]
    parts, start = [], 0
    for off, length in _kernels(storage, 0):
        if off > start:
            parts.append((start, off - start))
        start = off + length
    return [*parts, (start, size - start)] if start < size else parts


def _kernels(storage: Any, off: int) -> Iterator[tuple[int, int]]:
    if isinstance(storage, ArrayType):
        if any(_kernels(storage.elem, 0)):
            size = size_align(storage.elem)[0]
            for i in range(storage.count):
                yield from _kernels(storage.elem, off + i * size)
    elif storage in HOLDERS:
        yield off, size_align(storage)[0]
    elif isinstance(storage, type) and issubclass(storage, Record):
        for member in storage.__layout__.fields.values():
            yield from _kernels(member.type, off + member.off)


@dataclass(eq=False, slots=True)
class VariableDecl:
    """A variable of the module, or (with a parent) of a function. value: what it starts with."""

    name: str
    storage: Any
    value: Any
    symbol: ir.Symbol
    parent: FunctionInfo | None = None
    is_const: bool = False
    span: Span = NOWHERE


@dataclass(eq=False, slots=True)
class Param:
    name: str
    storage: Any
    type: ValueType
    local: ir.Local


@dataclass(frozen=True, slots=True)
class ContextUse:
    """A field of a context that is read or (write) set, and where."""

    owner: type
    field: str
    span: Span
    write: bool


@dataclass(eq=False, slots=True)
class FunctionInfo:
    """A function that is compiled.

    namespace: the globals it sees. parent: the function it is written in.
    result, result_storage: as declared; by_memory: the caller gives the address for it, as the first argument.
    calls: (callee, faults that the caller handles there); faults: those that may leave by its own hand.
    context: of a program, the `Param` of the one argument that the kernel gives it; prologue: what sets the others.
    bad: parameters of which a diagnostic says why they are none; bad_result: so with the result's type.
    context_uses: the fields of contexts that it uses itself.
    """

    name: str
    qualname: str
    node: ast.FunctionDef
    namespace: dict[str, Any]
    path: str
    parent: FunctionInfo | None
    function: ir.Function
    program: BpfProgram | None = None
    params: list[Param] = field(default_factory=list)
    result: ValueType = NONE
    result_storage: Any = None
    by_memory: bool = False
    out: ir.Local | None = None
    nested: dict[str, FunctionInfo] = field(default_factory=dict)
    statics: dict[str, VariableDecl] = field(default_factory=dict)
    calls: list[tuple[FunctionInfo, frozenset[ir.Fault] | None]] = field(default_factory=list)
    faults: set[ir.Fault] = field(default_factory=set)
    context: Any = None
    prologue: list[ir.Stmt] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    bad_result: bool = False
    context_uses: list[ContextUse] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class ExternDecl:
    """A kfunc. type_id: its FUNC in the kernel's BTF."""

    name: str
    symbol: str
    type_id: int


@dataclass(eq=False, slots=True)
class RelocationDecl:
    """A CO-RE relocation: what the undefined symbol stands for.

    type_id: in the kernel's BTF. access: member indices there, the first 0. kind: of enum bpf_core_relo_kind.
    value: what it is in the BTF that the program was built with.
    """

    symbol: str
    type_id: int
    access: tuple[int, ...]
    kind: int
    value: int


@dataclass(slots=True)
class StructOpsDecl:
    """A struct of operations. fields: of the kernel's struct, with a program or the bytes of a value each."""

    ops: StructOps
    fields: list[tuple[Member, FunctionInfo | bytes]]


__all__ = [
    "ContextUse", "ExternDecl", "FunctionInfo", "MapDecl", "Param", "RelocationDecl", "StructOpsDecl", "VariableDecl",
]  # fmt: skip
