"""Structs of operations: what a class of `btfkit.bpf.struct_ops` says, as a variable that loaders register.

In: a `StructOps`, and the kernel's struct of that name. Out: its programs, queued to be checked; a variable of a struct
with just the fields that were set, in the section ``.struct_ops.link`` or ``.struct_ops``, as libbpf takes it: fields
meet the kernel's by name. Source: bpf_map__init_kern_struct_ops in tools/lib/bpf/libbpf.c.
"""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING, Any

from btfkit.bpf.programs import BpfProgram
from btfkit.bpf.struct_ops import StructOps
from btfkit.errors import SourceError
from btfkit.frontend.objects import Decl
from btfkit.frontend.python.declared import FunctionInfo, StructOpsDecl
from btfkit.frontend.span import Span
from btfkit.model import types as m

if TYPE_CHECKING:
    from btfkit.frontend.python.describe import Describer
    from btfkit.frontend.python.unit import Unit

POINTER = 8
KERNEL_SIDE = "bpf_struct_ops_"
"""Before a struct's name: the kernel's type for a registered one."""


def declare(unit: Unit, ops: StructOps, path: str) -> StructOpsDecl:
    """Check the fields, and let the functions be compiled."""
    kernel = unit.kernel
    nodes = _nodes(unit, ops, path)
    span = nodes.get("") or Span(path, 1, 0, 1, 1)
    type_id = kernel.composite(unit, ops.struct, span)
    if type_id is None:
        kernel.missing(unit, span, f"the kernel's BTF has no struct '{ops.struct}'", ops.struct, (m.Struct,))
    if kernel.composite(unit, KERNEL_SIDE + ops.struct, span) is None:
        unit.error(span, f"the kernel takes no programs for struct {ops.struct}")
    members = {member.name: member for member in kernel.members(type_id)}
    fields: list[tuple[m.Member, FunctionInfo | bytes]] = []
    for name, value in ops.fields.items():
        where = nodes.get(name) or span
        member = members.get(name)
        if member is None:
            near = difflib.get_close_matches(name, members, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else ""
            unit.diagnostics.add(where, f"struct {ops.struct} has no field '{name}'", hint)
            continue
        is_operation = kernel.opened.func_proto(member.type_id) is not None
        if isinstance(value, BpfProgram) and is_operation:
            fields.append((member, unit.program(value, where)))
            continue
        data = None if is_operation else _packed(unit, member, value)
        if data is None:
            what = "an operation: a function" if is_operation else kernel.spell(member.type_id)
            unit.diagnostics.add(where, f"'{name}' is {what}, not {value!r}")
            continue
        fields.append((member, data))
    return StructOpsDecl(ops, sorted(fields, key=lambda field: field[0].bit_off))


def _nodes(unit: Unit, ops: StructOps, path: str) -> dict[str, Span]:
    """Where the class's attributes are, and ("") its name."""
    file = next((program.function.__code__.co_filename for program in ops.programs.values()), path)
    try:
        source = unit.sources.file(file)
    except SourceError:
        return {}
    found: dict[str, Span] = {}
    for node in source.tree.body if source.tree is not None else ():
        if not isinstance(node, ast.ClassDef) or node.name != ops.__name__:
            continue
        start = node.col_offset + len("class ")
        found[""] = Span(source.path, node.lineno, start, node.lineno, start + len(node.name))
        for child in node.body:
            if isinstance(child, ast.FunctionDef):
                start = child.col_offset + len("def ")
                found[child.name] = Span(source.path, child.lineno, start, child.lineno, start + len(child.name))
            elif isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
                found[child.targets[0].id] = Span.of(child, source.path)
    return found


def _packed(unit: Unit, member: m.Member, value: Any) -> bytes | None:
    """A number or a text as the field holds it; None where it does not."""
    btf = unit.kernel.opened
    type_ = btf.resolved(member.type_id)
    size = unit.kernel.size(member.type_id)
    if isinstance(type_, m.Array) and isinstance(value, (str, bytes)) and unit.kernel.size(type_.elem_type) == 1:
        data = value.encode() if isinstance(value, str) else value
        return data.ljust(size, b"\0") if len(data) < size else None
    if isinstance(type_, (m.Int, m.Enum)) and isinstance(value, int) and not member.bit_size:
        order: Any = unit.byte_order
        try:
            return int(value).to_bytes(size, order, signed=value < 0)
        except OverflowError:
            return None
    return None


def describe(describer: Describer, decl: StructOpsDecl) -> None:
    """The variable, with references to its programs."""
    add = describer.builder.type
    members: list[m.Member] = []
    data = bytearray()
    refers: list[tuple[int, Decl]] = []
    for member, value in decl.fields:
        if isinstance(value, FunctionInfo):
            made = describer.functions[id(value)]
            params = tuple(m.Param(name, type_id) for name, type_id in made.params)
            type_id, size = add(m.Ptr(add(m.FuncProto(made.returns, params)))), POINTER
            align = POINTER
        else:
            type_id, size = _type(describer, member.type_id), len(value)
            align = describer.unit.kernel.opened.align_of(member.type_id)
        data += bytes(-len(data) % align)
        members.append(m.Member(member.name, type_id, len(data) * 8))
        if isinstance(value, FunctionInfo):
            refers.append((len(data), describer.functions[id(value)]))
        data += value if isinstance(value, bytes) else bytes(size)
    data += bytes(-len(data) % POINTER)
    struct = add(m.Struct(decl.ops.struct, len(data), tuple(members)))
    section = ".struct_ops.link" if decl.ops.link else ".struct_ops"
    describer.builder.variable(decl.ops.__name__, struct, data=bytes(data), section=section, refers=refers)


def _type(describer: Describer, type_id: int) -> int:
    """A field's type of the kernel, in the object."""
    type_ = describer.unit.kernel.opened.resolved(type_id)
    if isinstance(type_, m.Array):
        index = describer.int_type("__ARRAY_SIZE_TYPE__", 32, False)
        return describer.builder.type(m.Array(_type(describer, type_.elem_type), index, type_.nelems))
    return describer.builder.type(type_)


__all__ = ["declare", "describe"]
