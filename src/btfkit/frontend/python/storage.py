"""Memory: what a vocabulary type is when it is loaded, how a value is stored, records built in place.

In: a `Place`. Out: values, or statements that store. Everything that is built starts with zeros, padding too.
"""

from __future__ import annotations

import ast
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import ArrayType, ArrayValue, char, u8
from btfkit.bpf.records import Bits, Ptr, Record, RecordMeta, size_align
from btfkit.bpf.words import Word
from btfkit.frontend.python import ir, kind_rules, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import own_parts

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body


CONSTANT_ARRAYS = (str, bytes, bytearray, list, tuple, ArrayValue)


@dataclass(slots=True)
class Place:
    """Memory of a vocabulary type: base + off bytes. space: as of `types.RecordType`. bits: (first, count), a bitfield.

    owner: the Context class that it is a field of, with `field`: not all of those can be written.
    align: the most that an access may count on; as_field: what its offset in a record says of its alignment.
    """

    storage: Any
    base: ir.Expr
    off: int = 0
    space: str = "mem"
    bits: tuple[int, int] | None = None
    owner: type[Record] | None = None
    field: str = ""
    align: int = 8
    as_field: int = 1

    @property
    def address(self) -> ir.Expr:
        return ir.Offset(ir.POINTER, self.base, self.off) if self.off else self.base

    @property
    def is_static(self) -> bool:
        return self.space in ("ctx", "args")

    @property
    def start_align(self) -> int:
        """The alignment of its first byte, of at most 8."""
        return min(self.align, self.off & -self.off or 8)

    def known_align(self, size: int) -> int:
        """The alignment of an access of that size: as C would have it."""
        return min(size, self.align)

    @property
    def own_align(self) -> int:
        """The alignment that its address has, whatever its type asks for."""
        known = aligned_at(self.off, 8) if isinstance(self.base, ir.LocalAddr) else self.as_field
        return min(known, self.align)


def aligned_at(off: int, align: int) -> int:
    """What alignment is left off bytes behind an address that has one."""
    return min(align, off & -off) if off else align


def load(body: Body, place: Place) -> t.Value:
    """The value there: scalars are read now, records and arrays are the place itself."""
    storage = place.storage
    if isinstance(storage, type) and issubclass(storage, Record):
        return t.Value(t.RecordType(storage, place.space), place.address, bound=place)
    if isinstance(storage, ArrayType):
        return t.Value(t.ArrayRef(storage, place.space), place.address, bound=place)
    if isinstance(storage, Ptr):
        target = body.unit.pointer_type(storage.target)
        expr = body.hold(_load(place, ir.POINTER, 8))
        if isinstance(target, t.Address):
            return t.Value(target, expr, bound=place)
        return t.Value(t.OptionalType(target), expr, bound=place)
    if isinstance(storage, Bits):
        return _load_bits(body, place, storage)
    type_ = body.unit.value_type(storage)
    size = size_align(storage)[0]
    swap = getattr(storage, "byte_order", "host") == "big"
    expr = body.hold(_load(place, type_.ir, size, swap))
    if place.field in getattr(place.owner, "wire16", ()):  # 16 bits in network order, in a u32
        return t.Value(type_, ir.Cast(ir.U32, ir.Swap(ir.U16, ir.Cast(ir.U16, expr))), most=0xFFFF, bound=place)
    return t.Value(type_, expr, bound=place)


def _load(place: Place, type_: ir.Type, size: int, swap: bool = False) -> ir.Expr:
    is_args = place.space == "args"  # LLVM would move and join such loads, and the verifier wants constant offsets
    loaded = ir.Load(type_, place.base, place.off, place.known_align(size), swap, place.is_static, is_args)
    if place.space == "args" and not place.off and isinstance(type_, ir.Int):  # else LLVM joins it with other loads
        return ops.cast(ir.Opaque(ir.U64, ops.cast(loaded, ir.U64)), type_)
    return loaded


def _load_bits(body: Body, place: Place, storage: Bits) -> t.Value:
    assert place.bits is not None
    first, count = place.bits
    base = storage.base
    size = base.bits // 8
    whole = ir.Int(base.bits, False)
    expr: ir.Expr = body.hold(_load(place, whole, size))
    if base.signed:
        wide = ir.Int(base.bits, True)
        expr = ir.Binary(wide, "shl", ops.cast(expr, wide), ir.Const(wide, base.bits - first - count))
        expr = ir.Binary(wide, "shr", expr, ir.Const(wide, base.bits - count))
        return t.Value(t.IntType(base.bits, True), body.hold(expr), bound=place)
    if first:
        expr = ir.Binary(whole, "shr", expr, ir.Const(whole, first))
    mask = (1 << count) - 1
    expr = ir.Binary(whole, "and", expr, ir.Const(whole, mask))
    return t.Value(t.IntType(base.bits, False), body.hold(expr), most=mask, bound=place)


def check_writable(body: Body, place: Place, node: ast.AST) -> None:
    if place.space == "read":
        body.fail(node, "this memory can only be read")
    if place.owner is not None and place.space == "ctx":
        writable: frozenset[str] = getattr(place.owner, "writable", frozenset())
        if place.field not in writable:
            names = ", ".join(sorted(writable)) or "none"
            body.fail(node, f"{place.owner.__name__}.{place.field} cannot be written", f"writable fields: {names}")
        kind_rules.use(body, place.owner, place.field, body.where(node), write=True)


def store(body: Body, place: Place, value: t.Value, node: ast.AST, what: str) -> None:
    """A value into a place; records and arrays are copied."""
    check_writable(body, place, node)
    storage = place.storage
    if isinstance(storage, (ArrayType, RecordMeta)):
        _store_memory(body, place, value, node, what)
        return
    if isinstance(storage, Ptr):
        expr = _pointer(body, value, node, what)
        body.emit(ir.Store(place.base, expr, place.off, place.known_align(8), static=place.is_static))
        return
    if isinstance(storage, Bits):
        _store_bits(body, place, storage, value, node, what)
        return
    type_ = body.unit.value_type(storage)
    expr = ops.convert(body, value, type_, node, what)
    if place.field in getattr(place.owner, "wire16", ()):
        expr = ir.Cast(ir.U32, ir.Swap(ir.U16, ir.Cast(ir.U16, expr)))
    swap = getattr(storage, "byte_order", "host") == "big"
    size = size_align(storage)[0]
    body.emit(ir.Store(place.base, expr, place.off, place.known_align(size), swap, place.is_static))


def _pointer(body: Body, value: t.Value, node: ast.AST, what: str) -> ir.Expr:
    if value.is_const and value.const is None:
        return ir.Const(ir.POINTER, 0)
    if value.expr is None or value.type.ir != ir.POINTER:
        body.fail(node, f"{what} is a pointer, not {body.describe(value)}")
    return value.expr


def _store_bits(body: Body, place: Place, storage: Bits, value: t.Value, node: ast.AST, what: str) -> None:
    assert place.bits is not None
    first, count = place.bits
    mask = (1 << count) - 1
    if not value.is_int:
        body.fail(node, f"{what} is an integer of {count} bits, not {body.describe(value)}")
    if value.is_const and not 0 <= int(value.const) <= mask and not storage.base.signed:
        body.fail(node, f"{int(value.const)} does not fit {what}, {count} bits")
    whole = ir.Int(storage.base.bits, False)
    size = storage.base.bits // 8
    new: ir.Expr = ops.cast(ops.to_type(value, t.U64), whole)
    new = ir.Binary(whole, "and", new, ir.Const(whole, mask))
    if first:
        new = ir.Binary(whole, "shl", new, ir.Const(whole, first))
    old = body.hold(_load(place, whole, size))
    kept = ir.Binary(whole, "and", old, ir.Const(whole, ((1 << storage.base.bits) - 1) & ~(mask << first)))
    merged = ir.Binary(whole, "or", kept, new)
    body.emit(ir.Store(place.base, merged, place.off, place.known_align(size), static=place.is_static))


def _store_memory(body: Body, place: Place, value: t.Value, node: ast.AST, what: str) -> None:
    storage = place.storage
    size, align = size_align(storage)
    if value.is_const:
        if not isinstance(value.const, storage if isinstance(storage, RecordMeta) else CONSTANT_ARRAYS):
            body.fail(node, f"{what} is {t.type_name(storage)}, not {body.describe(value)}")
        data = constant_bytes(body, storage, value.const, node, what)
        put_bytes(body, place, data)
        return
    if isinstance(value.type, t.OptionalType):
        body.fail(node, f"{what} may be None here", "check it first: if x is not None")
    same = (isinstance(value.type, t.RecordType) and value.type.cls is storage) or (
        isinstance(value.type, t.ArrayRef) and _fits(value.type.type, storage)
    )
    if not same or (isinstance(value.type, t.ArrayRef) and value.type.space == "ctx"):
        body.fail(node, f"{what} is {t.type_name(storage)}, not {body.describe(value)}")
    source_size = size_align(value.type.type)[0] if isinstance(value.type, t.ArrayRef) else size
    if source_size < size:
        body.emit(ir.Zero(place.address, size, min(align, place.align)))
    if isinstance(value.type, t.RecordType) and value.type.space == "ctx":
        for field in storage.__layout__.fields.values():
            part = load(body, field_place(body, value, field.name, node))
            store(body, Place(field.type, place.base, place.off + field.off, place.space), part, node, what)
        return
    source_align = value.bound.own_align if isinstance(value.bound, Place) else 1
    known = max(min(align, place.align), min(place.own_align, source_align))
    parts = own_parts(storage)
    if parts == [(0, size)]:
        body.emit(ir.Copy(place.address, value.ir, min(size, source_size), known))
        return
    if place.space == "own":
        body.emit(ir.Zero(place.address, size, known))
    for off, length in parts:
        to, source = ir.Offset(ir.POINTER, place.address, off), ir.Offset(ir.POINTER, value.ir, off)
        body.emit(ir.Copy(to, source, length, min(known, (off & -off) or known)))


def _fits(given: ArrayType, wanted: Any) -> bool:
    if not isinstance(wanted, ArrayType) or given.count > wanted.count:
        return False
    byte = (u8, char)
    return given.elem == wanted.elem or (given.elem in byte and wanted.elem in byte)


def constant_bytes(body: Body, storage: Any, const: Any, node: ast.AST, what: str) -> bytes:
    """A constant of any type as bytes, in the object's byte order."""
    from btfkit.frontend.python.constants import pack  # noqa: PLC0415

    try:
        return pack(storage, const, body.unit.byte_order)
    except (TypeError, ValueError, OverflowError) as error:
        body.fail(node, f"{what}: {error}")


def put_bytes(body: Body, place: Place, data: bytes) -> None:
    """Constant bytes into memory, in words as wide as the alignment allows."""
    order: typing.Any = body.unit.byte_order
    if not any(data):
        body.emit(ir.Zero(place.address, len(data), place.start_align))
        return
    pos = 0
    while pos < len(data):
        size = next(n for n in (8, 4, 2, 1) if n <= len(data) - pos and (place.off + pos) % n == 0)
        word = int.from_bytes(data[pos : pos + size], order)
        value = ir.Const(ir.Int(size * 8, False), word)
        body.emit(ir.Store(place.base, value, place.off + pos, min(size, place.align)))
        pos += size


def field_place(body: Body, value: t.Value, name: str, node: ast.AST) -> Place:
    """A field of a record."""
    assert isinstance(value.type, t.RecordType)
    cls = value.type.cls
    field = cls.__layout__.fields.get(name)
    if field is None:
        import difflib  # noqa: PLC0415

        near = difflib.get_close_matches(name, cls.__layout__.fields, n=2)
        body.fail(
            node,
            f"{cls.__name__} has no field '{name}'",
            f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(cls.__layout__.fields)}",
        )
    bits = (field.bit_off, field.bit_size) if field.bit_size else None
    base, off, space = value.ir, field.off, value.type.space
    align, owner = 8, cls if value.type.is_context else None
    if owner is not None:
        kind_rules.use(body, owner, name, body.where(node))
    if isinstance(value.bound, Place):
        inner = value.bound
        if inner.space == space and not inner.bits:
            base, off, align = inner.base, inner.off + field.off, inner.align
            owner = inner.owner or owner
    as_field = aligned_at(field.off, cls.__layout__.align)
    return Place(field.type, base, off, space, bits, owner, name if owner is cls else "", align, as_field)


def build(body: Body, place: Place, node: ast.expr, what: str, *, zeroed: bool = False) -> None:
    """What an expression gives, right into memory: records that it makes need no copy."""
    storage = place.storage
    if isinstance(storage, (RecordMeta, ArrayType)) and isinstance(node, ast.Call):
        if body.constant_of(node.func) == storage:
            make(body, place, node, what, zeroed=zeroed)
            return
        if isinstance(storage, ArrayType) and body.call_into(node, place):
            return
    if isinstance(storage, ArrayType) and isinstance(node, (ast.List, ast.Tuple)):
        _build_array(body, place, storage, list(node.elts), node, zeroed)
        return
    store(body, place, body.expr(node), node, what)


def make(body: Body, place: Place, node: ast.Call, what: str, *, zeroed: bool = False) -> None:
    """What a call of the place's own type gives: a record of its fields, an array of its elements."""
    storage = place.storage
    if isinstance(storage, type) and issubclass(storage, Record):
        _build_record(body, place, storage, node, zeroed)
        return
    assert isinstance(storage, ArrayType)
    if len(node.args) > 1 or node.keywords:
        body.fail(node, f"{storage}() takes one value", f"its elements, as in {storage}([1, 2])")
    if not node.args or isinstance(node.args[0], (ast.List, ast.Tuple)):
        elements = node.args[0].elts if node.args and isinstance(node.args[0], (ast.List, ast.Tuple)) else ()
        _build_array(body, place, storage, list(elements), node, zeroed)
        return
    store(body, place, body.expr(node.args[0]), node.args[0], what)


def _build_array(
    body: Body, place: Place, storage: ArrayType, elements: list[ast.expr], node: ast.expr, zeroed: bool
) -> None:
    size = size_align(storage.elem)[0]
    if len(elements) > storage.count:
        body.fail(node, f"{len(elements)} values for {storage}")
    if not zeroed:
        body.emit(ir.Zero(place.address, size * storage.count, place.start_align))
    for i, element in enumerate(elements):
        at = Place(storage.elem, place.base, place.off + i * size, place.space, align=place.align)
        build(body, at, element, f"element {i}", zeroed=True)


def _build_record(body: Body, place: Place, cls: type[Record], node: ast.Call, zeroed: bool) -> None:
    layout = cls.__layout__
    names = list(layout.fields)
    given: dict[str, ast.expr] = {}
    only: t.Value | None = None
    if len(node.args) == 1 and not node.keywords and not _is_made(body, node.args[0]):
        only = body.expr(node.args[0])
        if isinstance(only.type, t.RecordType) and only.type.cls is cls:
            store(body, place, only, node, cls.__name__)
            return
    if len(node.args) > len(names):
        body.fail(node, f"{cls.__name__} has {len(names)} field{'s' * (len(names) != 1)}, not {len(node.args)}")
    for name, arg in zip(names, node.args, strict=False):
        given[name] = arg
    for keyword in node.keywords:
        name = keyword.arg or "**"
        if name not in layout.fields or name in given:
            reason = (
                f"{cls.__name__} has no field '{name}'" if name not in layout.fields else f"'{name}' is given twice"
            )
            body.fail(keyword, reason, f"it has {', '.join(names)}")
        given[name] = keyword.value
    if not zeroed:
        body.emit(ir.Zero(place.address, layout.size, place.start_align))
    for name in [*given, *(name for name in names if name not in given)]:  # in the order that Python evaluates them
        field = layout.fields[name]
        bits = (field.bit_off, field.bit_size) if field.bit_size else None
        at = Place(field.type, place.base, place.off + field.off, place.space, bits, align=place.align)
        at.as_field = aligned_at(field.off, layout.align)
        if name in given and only is not None:
            store(body, at, only, given[name], f"{cls.__name__}.{name}")
        elif name in given:
            build(body, at, given[name], f"{cls.__name__}.{name}", zeroed=True)
        elif name in cls.__defaults__:
            default = t.Value(t.OBJECT, const=cls.__defaults__[name])
            store(body, at, default, node, f"{cls.__name__}.{name}")


def _is_made(body: Body, node: ast.expr) -> bool:
    """A list, or a call of a record's or array's type or of a word: what is built right where it is to be."""
    if isinstance(node, ast.Call):
        called = body.constant_of(node.func)
        return isinstance(called, (RecordMeta, ArrayType, Word))
    return isinstance(node, (ast.List, ast.Tuple))


def is_text(storage: Any) -> bool:
    """An array of bytes, which compares with text."""
    return isinstance(storage, ArrayType) and storage.elem in (u8, char)


def is_simple(body: Body, node: ast.expr) -> bool:
    """Made of constants and of variables that are numbers: nothing that could fail, or is memory."""
    if isinstance(node, ast.Name):
        numbers = (t.IntType, t.PlainType, t.BoolType)
        return node.id in body.vars and isinstance(body.vars[node.id].type, numbers)
    if isinstance(node, ast.Call):
        called = body.constant_of(node.func)
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        is_type = isinstance(called, (RecordMeta, ArrayType)) or (isinstance(called, type) and issubclass(called, int))
        return is_type and all(is_simple(body, part) for part in parts)
    if isinstance(node, (ast.List, ast.Tuple)):
        return all(is_simple(body, part) for part in node.elts)
    return isinstance(node, ast.Constant)


__all__ = [
    "ArrayValue", "Place", "build", "check_writable", "constant_bytes", "field_place", "is_simple", "is_text", "load",
    "make", "put_bytes", "store",
]  # fmt: skip
