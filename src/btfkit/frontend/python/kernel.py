"""The kernel's memory: fields of its structs, read so that the object moves to other kernels.

In: values of `types.KernelPtr`. Out: values that are read there. What the verifier knows is loaded directly; anything
else is read by the helper probe_read_kernel, which gives zeros where nothing is. Offsets are CO-RE relocations, one for
a path through structs in structs; a context's are constants. Source: libbpf's bpf_core_read.h.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from btfkit.bpf.words import KernelType
from btfkit.format.ext import CoreRelo
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import RelocationDecl
from btfkit.frontend.python.kernel_types import COMPOSITE, Field
from btfkit.frontend.python.storage import Place
from btfkit.model import types as m

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body
    from btfkit.frontend.python.unit import Unit

PROBE_READ_KERNEL = 113
MOST_TEXT = 256
"""Bytes: a longer array of characters is not copied whole (the stack has 512)."""

MAY_BE_NULL = {
    ("mm_struct", "exe_file"),
    ("sk_buff", "sk"),
    ("request_sock", "sk"),
    ("socket", "sk"),
    ("dentry", "d_inode"),
    ("vm_area_struct", "vm_mm"),
    ("vm_area_struct", "vm_file"),
}
"""Fields that the verifier wants compared with NULL: BTF_TYPE_SAFE_..._OR_NULL in kernel/bpf/verifier.c as of 6.18."""


@dataclass(frozen=True, slots=True)
class Where:
    """A part of a kernel struct. base: the address of a ``root`` (type id); off: bytes, as the BTF has it."""

    base: ir.Expr
    root: int
    access: tuple[int, ...] = (0,)
    off: int = 0

    def inner(self, access: tuple[int, ...], off: int) -> Where:
        return replace(self, access=self.access + access, off=self.off + off)


def relocation(unit: Unit, type_id: int, access: tuple[int, ...], kind: CoreRelo, value: int) -> str:
    """The symbol that stands for what the loader puts there; it finds types by name."""
    key = type_id, access, int(kind)
    if key not in unit.relocations:
        symbol = f".core.{len(unit.relocations)}"
        unit.relocations[key] = RelocationDecl(symbol, type_id, access, int(kind), value)
    return unit.relocations[key].symbol


def _where(body: Body, base: t.Value) -> Where:
    assert isinstance(base.type, t.KernelPtr)
    if isinstance(base.bound, Where):
        return base.bound
    return Where(base.ir if base.type.space else body.hold(base.ir), base.type.type_id)


def _address(body: Body, where: Where, type_: t.KernelPtr) -> ir.Expr:
    if type_.space:
        return ir.Offset(ir.POINTER, where.base, where.off) if where.off else where.base
    if where.access == (0,):
        return where.base
    if not body.unit.kernel.opened[where.root].name:
        return ir.Offset(ir.POINTER, where.base, where.off)
    symbol = relocation(body.unit, where.root, where.access, CoreRelo.FIELD_BYTE_OFFSET, where.off)
    return ir.Relocated(ir.POINTER, where.base, symbol)


# -- reading


def field(body: Body, base: t.Value, name: str, node: ast.AST) -> t.Value:
    """``base.name``."""
    type_ = base.type
    assert isinstance(type_, t.KernelPtr)
    told = body.unit.kernel.field(type_.type_id, f"__data_loc_{name}") if type_.space == "ctx" else None
    if told is not None:
        return _data_loc(body, base, told)
    found = find(body, type_, name, node)
    if type_.space == "ctx" and name == "ent":
        body.fail(node, "the first 8 bytes of a tracepoint's record are the kernel's", "no program can read them")
    where = _where(body, base)
    if found.bit_size:
        return _bits(body, where, found, type_)
    value = _read(body, where.inner(found.access, found.bit_off // 8), found.type_id, type_, node)
    is_told = type_.space == "iter" and name != "meta"
    is_known = type_.trusted and (type_.type_name, name) in MAY_BE_NULL
    if isinstance(value.type, t.KernelPtr) and value.bound is None and (is_told or is_known):
        return t.Value(t.OptionalType(value.type), value.expr)
    return value


def find(body: Body, type_: t.KernelPtr, name: str, node: ast.AST) -> Field:
    """The field of that name, or a diagnostic."""
    kernel = body.unit.kernel
    found = kernel.field(type_.type_id, name)
    if found is None:
        names = kernel.field_names(type_.type_id)
        near = difflib.get_close_matches(name, names, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names[:12])}" if names else ""
        body.fail(node, f"{type_.name} has no field '{name}'", hint + (", …" if not near and len(names) > 12 else ""))
    return found


def _data_loc(body: Body, base: t.Value, told: Field) -> t.Value:
    """Of a tracepoint's ``__data_loc`` field, the address of what it tells the place of (in its low 16 bits)."""
    where = _where(body, base)
    at = ir.Load(ir.U32, where.base, where.off + told.bit_off // 8, 4, static=True)
    off = ir.Binary(ir.U32, "and", at, ir.Const(ir.U32, 0xFFFF))
    return t.Value(t.ADDRESS, body.hold(ir.Index(ir.POINTER, where.base, ops.cast(off, ir.U64), 1)))


def element(body: Body, base: t.Value, index: t.Value, node: ast.AST) -> t.Value:
    """``base[index]``: of an array in the kernel's memory, or of structs that lie one behind the other."""
    type_ = base.type
    assert isinstance(type_, t.KernelPtr)
    if not index.is_int:
        body.fail(node, f"an index is an integer, not {body.describe(index)}")
    array = body.unit.kernel.element(type_.type_id)
    if array is None:
        return _structs(body, base, index, node)
    elem, count, size = array
    if not index.is_const:
        return _any_element(body, base, array, index, node)
    at = int(index.const)
    if (count and not -count <= at < count) or (not count and at < 0):
        body.fail(node, f"index {at} of {count} elements")
    at = at + count if at < 0 else at
    return _read(body, _where(body, base).inner((at,), at * size), elem, type_, node)


def _any_element(body: Body, base: t.Value, array: tuple[int, int, int], index: t.Value, node: ast.AST) -> t.Value:
    """By an index that is known while running only: the verifier loses sight of it, so that the helper reads."""
    from btfkit.frontend.python.expr import checked_index  # noqa: PLC0415 (expressions hold these, and these those)

    assert isinstance(base.type, t.KernelPtr)
    elem, count, size = array
    if base.type.space:
        body.fail(node, "an array of a context is indexed by constants")
    address = _address(body, _where(body, base), base.type)
    if count:
        address = checked_index(body, address, count, size, index, node)
    else:
        address = ir.Index(ir.POINTER, address, body.hold(ops.to_type(index, t.U64)), size)
    return _read(body, Where(body.hold(address), elem), elem, replace(base.type, trusted=False), node)


def _structs(body: Body, base: t.Value, index: t.Value, node: ast.AST) -> t.Value:
    """``p[2]`` of a pointer to structs."""
    type_ = base.type
    assert isinstance(type_, t.KernelPtr)
    where = _where(body, base)
    if not index.is_const or where.access != (0,) or type_.space or int(index.const) < 0:
        body.fail(node, f"{type_.name} is no array", "a pointer to structs is indexed by a constant")
    at = int(index.const)
    where = replace(where, access=(at,), off=at * body.unit.kernel.size(type_.type_id))
    return t.Value(type_, _address(body, where, type_) if at else where.base, bound=where)


def _read(body: Body, where: Where, type_id: int, of: t.KernelPtr, node: ast.AST) -> t.Value:
    """What lies there; of: what it is a part of."""
    kernel = body.unit.kernel
    of = replace(of, trusted=of.trusted or of.space == "iter")
    type_ = kernel.value_type(type_id, of.trusted, of.space)
    if type_ is None or isinstance(type_, t.NoneType):
        body.fail(node, f"a value of the kernel's type {kernel.spell(type_id)} cannot be used here")
    if isinstance(kernel.opened[type_id], (*COMPOSITE, m.Array)):
        text = kernel.text_array(type_id, MOST_TEXT)
        if text is None:
            return t.Value(type_, _address(body, where, of), bound=where)
        copy = body.memory(text.count)
        _copy(body, copy, where, text.count, of)
        return t.Value(t.ArrayRef(text, "own"), ir.LocalAddr(ir.POINTER, copy))
    return t.Value(type_, body.hold(_load(body, where, type_.ir, kernel.size(type_id), of)))


def _load(body: Body, where: Where, type_: ir.Type, size: int, of: t.KernelPtr) -> ir.Expr:
    if of.space:
        return ir.Load(type_, where.base, where.off, size, static=True)
    address = _address(body, where, of)
    if of.trusted:
        return ir.Load(type_, address, 0, size)
    copy = ir.LocalAddr(ir.POINTER, body.memory(size))
    _probe(body, copy, ir.Const(ir.U32, size), address)
    return ir.Load(type_, copy, 0, size)


def _copy(body: Body, to: ir.Local, where: Where, size: int, of: t.KernelPtr) -> None:
    """Bytes; of a context in the widest loads that its offsets allow."""
    target = ir.LocalAddr(ir.POINTER, to)
    if not of.space:
        _probe(body, target, ir.Const(ir.U32, size), _address(body, where, of))
        return
    pos = 0
    while pos < size:
        step = next(n for n in (8, 4, 2, 1) if n <= size - pos and (where.off + pos) % n == 0)
        value = ir.Load(ir.Int(step * 8, False), where.base, where.off + pos, step, static=True)
        body.emit(ir.Store(target, value, pos, min(step, pos & -pos or 8)))
        pos += step


def _probe(body: Body, to: ir.Expr, size: ir.Expr, address: ir.Expr) -> None:
    body.emit(ir.Eval(ir.HelperCall(ir.I64, PROBE_READ_KERNEL, [to, size, address])))


def _bits(body: Body, where: Where, found: Field, of: t.KernelPtr) -> t.Value:
    """A bitfield: the word it lies in, shifted to the top, and down again."""
    unit, kernel = body.unit, body.unit.kernel
    type_ = kernel.value_type(found.type_id)
    assert isinstance(type_, (t.IntType, t.BoolType))
    bit_off = where.off * 8 + found.bit_off
    size = kernel.size(found.type_id)
    while bit_off % (size * 8) + found.bit_size > size * 8:
        size *= 2
    off = bit_off // 8 // size * size
    left = 64 - (bit_off + found.bit_size - off * 8)
    if unit.byte_order == "big":
        left = (8 - size) * 8 + bit_off - off * 8
    right = 64 - found.bit_size
    word = ir.Int(64, isinstance(type_, t.IntType) and type_.signed)
    lefts: ir.Expr = ir.Const(word, left)
    rights: ir.Expr = ir.Const(word, right)
    if of.space or not kernel.opened[where.root].name:
        plain = _load(body, replace(where, off=off), ir.Int(size * 8, False), size, of)
        value: ir.Expr = ops.cast(plain, word)
    else:
        access = where.access + found.access

        def number(kind: CoreRelo, value: int) -> ir.Expr:
            return ops.cast(ir.RelocatedValue(ir.U64, relocation(unit, where.root, access, kind, value)), word)

        symbol = relocation(unit, where.root, access, CoreRelo.FIELD_BYTE_OFFSET, off)
        copy = ir.LocalAddr(ir.POINTER, body.memory(8))
        body.emit(ir.Zero(copy, 8, 8))
        bytes_ = body.hold(ops.cast(number(CoreRelo.FIELD_BYTE_SIZE, size), ir.U64))
        target: ir.Expr = copy
        if unit.byte_order == "big":
            target = ir.Index(ir.POINTER, copy, ir.Binary(ir.U64, "sub", ir.Const(ir.U64, 8), bytes_), 1)
        _probe(body, target, bytes_, ir.Relocated(ir.POINTER, where.base, symbol))
        value = ir.Load(word, copy, 0, 8)
        lefts = number(CoreRelo.FIELD_LSHIFT_U64, left)
        rights = number(CoreRelo.FIELD_RSHIFT_U64, right)
    value = ir.Binary(word, "shr", ir.Binary(word, "shl", value, lefts), rights)
    result = body.hold(ops.cast(value, type_.ir))
    return t.Value(type_, result, most=None if word.signed else (1 << found.bit_size) - 1)


# -- the rest


def writable_field(body: Body, base: t.Value, name: str, node: ast.AST) -> Place:
    """``base.name`` as something to assign to: struct_ops programs may write some fields (the verifier knows which)."""
    type_ = base.type
    assert isinstance(type_, t.KernelPtr)
    program = body.info.program
    if program is None or program.kind.name != "struct_ops" or not type_.trusted:
        body.fail(node, f"{type_.name}: the kernel's memory can only be read")
    found = find(body, type_, name, node)
    value_type = body.unit.kernel.value_type(found.type_id)
    if found.bit_size or not isinstance(value_type, t.IntType):
        body.fail(node, f"{type_.name}.{name} cannot be written", "only whole integers can")
    where = _where(body, base).inner(found.access, found.bit_off // 8)
    return Place(t.vocabulary_type(value_type.shape), body.hold(_address(body, where, type_)))


def cast(body: Body, type_: KernelType, value: t.Value, node: ast.AST) -> t.Value:
    """``cast(kernel.tcp_sock, pointer)``: the same address, of which the verifier knows nothing."""
    pointer = body.unit.kernel.pointer(body.unit, type_.__name__, body.where(node))
    if value.is_const and value.const is None:
        body.fail(node, "None is no address")
    if value.is_int:
        return t.Value(pointer, body.hold(ops.cast(ops.to_type(value, t.U64), ir.POINTER)))
    if isinstance(value.type, t.OptionalType) and not value.type.by_flag:
        return t.Value(t.OptionalType(pointer), value.expr)
    if value.expr is None or value.type.ir != ir.POINTER:
        body.fail(node, f"{body.describe(value)} is no address")
    return t.Value(pointer, value.expr)


def field_exists(body: Body, call: ast.Call) -> t.Value:
    """``field_exists(kernel.task_struct.mm)``, or of ``task.mm``, which is not read."""
    node = call.args[0] if len(call.args) == 1 and not call.keywords else call
    if not isinstance(node, ast.Attribute):
        body.fail(node, "field_exists() asks for a field", "write field_exists(kernel.task_struct.mm)")
    named = _named(body, node.value)
    if named is not None:
        type_, where = named
    else:
        with body.capture():
            base = body.expr(node.value)
            base_type = base.type.inner if isinstance(base.type, t.OptionalType) else base.type
            if not isinstance(base_type, t.KernelPtr) or base_type.space:
                body.fail(node, f"field_exists() asks for a field of a kernel type, not of {body.describe(base)}")
            type_, where = base_type, _where(body, t.Value(base_type, base.expr, bound=base.bound))
    access = where.access + find(body, type_, node.attr, node).access
    return _exists(body, relocation(body.unit, where.root, access, CoreRelo.FIELD_EXISTS, 1))


def _named(body: Body, node: ast.expr) -> tuple[t.KernelPtr, Where] | None:
    """``kernel.task_struct``, ``kernel.task_struct.se``: that type, and where it is in what it was reached from."""
    found = body.constant_of(node)
    if isinstance(found, KernelType):
        type_ = body.unit.kernel.pointer(body.unit, found.__name__, body.where(node))
        return type_, Where(ir.Const(ir.POINTER, 0), type_.type_id)
    outer = _named(body, node.value) if isinstance(node, ast.Attribute) else None
    if outer is None or not isinstance(node, ast.Attribute):
        return None
    type_, where = outer
    part = find(body, type_, node.attr, node)
    inner = body.unit.kernel.value_type(part.type_id)
    if not isinstance(inner, t.KernelPtr):
        body.fail(node, f"{type_.name}.{node.attr} has no fields")
    if isinstance(body.unit.kernel.opened[part.type_id], m.Ptr):
        return inner, Where(where.base, inner.type_id)
    return inner, where.inner(part.access, part.bit_off // 8)


def type_exists(body: Body, node: ast.Call) -> t.Value:
    """``type_exists(kernel.task_struct)``: whether the running kernel has the type."""
    type_ = body.constant_of(node.args[0]) if len(node.args) == 1 and not node.keywords else None
    if not isinstance(type_, KernelType):
        body.fail(node, "type_exists() asks for a kernel type", "write type_exists(kernel.task_struct)")
    pointer = body.unit.kernel.pointer(body.unit, type_.__name__, body.where(node))
    return _exists(body, relocation(body.unit, pointer.type_id, (0,), CoreRelo.TYPE_EXISTS, 1))


def _exists(body: Body, symbol: str) -> t.Value:
    found = ir.RelocatedValue(ir.U64, symbol)
    return t.Value(t.BOOL, body.hold(ir.Compare(ir.BOOL, "ne", found, ir.Const(ir.U64, 0))))


def size_of(body: Body, type_: KernelType, node: ast.AST) -> t.Value:
    """``sizeof(kernel.task_struct)``: bytes, in the running kernel."""
    pointer = body.unit.kernel.pointer(body.unit, type_.__name__, body.where(node))
    size = body.unit.kernel.size(pointer.type_id)
    symbol = relocation(body.unit, pointer.type_id, (0,), CoreRelo.TYPE_SIZE, size)
    return t.Value(t.U64, body.hold(ir.RelocatedValue(ir.U64, symbol)))


__all__ = [
    "Where", "cast", "element", "field", "field_exists", "find", "relocation", "size_of", "type_exists",
    "writable_field",
]  # fmt: skip
