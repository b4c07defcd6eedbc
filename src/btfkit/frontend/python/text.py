"""Arrays of bytes as text: equality, prefixes, slices; and f-strings for the trace pipe."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from btfkit.bpf.ints import ArrayType, char
from btfkit.bpf.records import size_align
from btfkit.frontend.python import ir, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.storage import is_text

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

TRACE_PRINTK, TRACE_VPRINTK = 6, 177


def constant(value: t.Value) -> bytes | None:
    """The bytes of a constant text."""
    if value.is_const and isinstance(value.const, str):
        return value.const.encode()
    return value.const if value.is_const and isinstance(value.const, bytes) else None


def equal(body: Body, left: t.Value, right: t.Value, node: ast.AST) -> ir.Expr:
    """An array and another, or constant text; text shorter than a char array goes up to a NUL."""
    assert isinstance(left.type, t.ArrayRef)
    array = left.type.type
    size = size_align(array)[0]
    data = constant(right)
    if data is not None and is_text(array):
        if len(data) > size:
            return ir.Const(ir.BOOL, 0)
        if len(data) < size:
            if array.elem is not char:
                return ir.Const(ir.BOOL, 0)
            data += b"\0"
        return same_bytes(body, left.ir, data, _align(left))
    if isinstance(right.type, t.ArrayRef) and right.type.type.elem == array.elem:
        if right.type.type.count != array.count:
            return ir.Const(ir.BOOL, 0)
        return _same_memory(body, left, right, size)
    body.fail(node, f"{body.describe(left)} and {body.describe(right)} cannot be compared")


def startswith(body: Body, value: t.Value, prefix: t.Value, node: ast.AST) -> t.Value:
    """``text.startswith("prefix")``."""
    data = constant(prefix)
    if not isinstance(value.type, t.ArrayRef) or not is_text(value.type.type):
        body.fail(node, f"{body.describe(value)} is not text")
    if data is None:
        body.fail(node, "startswith() takes constant text")
    if len(data) > value.type.type.count:
        return t.Value(t.OBJECT, const=False)
    return t.Value(t.BOOL, body.hold(same_bytes(body, value.ir, data, _align(value))))


def _align(value: t.Value) -> int:
    return 8 if isinstance(value.expr, ir.LocalAddr) else 1


def same_bytes(body: Body, address: ir.Expr, data: bytes, align: int) -> ir.Expr:
    """Memory begins with these bytes; compared in words."""
    order = body.unit.byte_order
    test: ir.Expr = ir.Const(ir.BOOL, 1)
    pos = 0
    while pos < len(data):
        size = next(n for n in (8, 4, 2, 1) if n <= len(data) - pos)
        type_ = ir.Int(size * 8, False)
        word = int.from_bytes(data[pos : pos + size], "big" if order == "big" else "little")
        part = ir.Compare(ir.BOOL, "eq", ir.Load(type_, address, pos, min(size, align)), ir.Const(type_, word))
        test = part if pos == 0 else ir.Both(ir.BOOL, test, part)
        pos += size
    return body.hold(test)


def _same_memory(body: Body, left: t.Value, right: t.Value, size: int) -> ir.Expr:
    test: ir.Expr = ir.Const(ir.BOOL, 1)
    pos = 0
    align = min(_align(left), _align(right))
    while pos < size:
        width = next(n for n in (8, 4, 2, 1) if n <= size - pos)
        type_ = ir.Int(width * 8, False)
        words = [ir.Load(type_, side.ir, pos, min(width, align)) for side in (left, right)]
        part = ir.Compare(ir.BOOL, "eq", *words)
        test = part if pos == 0 else ir.Both(ir.BOOL, test, part)
        pos += width
    return body.hold(test)


def slice_of(body: Body, value: t.Value, node: ast.Subscript) -> t.Value:
    """``data[2:6]``: the same memory, of constant length."""
    assert isinstance(value.type, t.ArrayRef) and isinstance(node.slice, ast.Slice)
    array = value.type.type
    limits: list[int] = []
    for part, default in ((node.slice.lower, 0), (node.slice.upper, array.count)):
        if part is None:
            limits.append(default)
            continue
        found = body.expr(part)
        if not found.is_const or not isinstance(found.const, int):
            body.fail(part, "the ends of a slice are constants", "take a constant length, and compare what is in it")
        limits.append(int(found.const))
    if node.slice.step is not None:
        body.fail(node.slice.step, "a slice with a step")
    first, last, _ = slice(*limits).indices(array.count)
    if last <= first:
        body.fail(node, "the slice is empty")
    off = first * size_align(array.elem)[0]
    address = ir.Offset(ir.POINTER, value.ir, off) if off else value.ir
    return t.Value(t.ArrayRef(ArrayType(array.elem, last - first), value.type.space), address)


def trace(body: Body, args: list[ast.expr], node: ast.AST) -> t.Value:
    """``print(f"{x} of {y:x}", z)``: a line in the trace pipe."""
    form: list[str] = []
    values: list[ir.Expr] = []
    for i, arg in enumerate(args):
        if i:
            form.append(" ")
        parts = arg.values if isinstance(arg, ast.JoinedStr) else [arg]
        for part in parts:
            _part(body, part, form, values)
    text = ("".join(form)).encode() + b"\0"
    if len(values) > 12:
        body.fail(node, f"{len(values)} values: a line of the trace takes twelve")
    size = ir.Const(ir.U32, len(text))
    address = ir.Text(ir.POINTER, text)
    if len(values) <= 3:
        body.emit(ir.Eval(ir.HelperCall(ir.I64, TRACE_PRINTK, [address, size, *values])))
    else:
        array = body.memory(8 * len(values))
        base = ir.LocalAddr(ir.POINTER, array)
        for i, value in enumerate(values):
            body.emit(ir.Store(base, ops.cast(value, ir.U64), 8 * i, 8))
        length = ir.Const(ir.U32, 8 * len(values))
        body.emit(ir.Eval(ir.HelperCall(ir.I64, TRACE_VPRINTK, [address, size, base, length])))
    return t.Value(t.NONE)


def _part(body: Body, part: ast.expr, form: list[str], values: list[ir.Expr]) -> None:
    spec = ""
    if isinstance(part, ast.FormattedValue):
        if part.conversion not in (-1, 115):
            body.fail(part, "!r and !a are not known to the kernel")
        if part.format_spec is not None:
            pieces = part.format_spec.values if isinstance(part.format_spec, ast.JoinedStr) else []
            if not all(isinstance(piece, ast.Constant) for piece in pieces):
                body.fail(part, "a format that is made while running", "write a constant one")
            spec = "".join(str(piece.value) for piece in pieces if isinstance(piece, ast.Constant))
        part = part.value
    value = body.expr(part)
    if value.is_const and not isinstance(value.const, (int, str)):
        body.fail(part, f"{body.describe(value)} cannot be printed")
    if value.is_const:
        try:
            form.append(format(value.const, spec).replace("%", "%%"))
        except (TypeError, ValueError) as error:
            body.fail(part, str(error))
        return
    if isinstance(value.type, t.ArrayRef) and is_text(value.type.type):
        form.append("%s")
        values.append(value.ir)
        return
    if isinstance(value.type, (t.Address, t.KernelPtr, t.RecordType)):
        form.append("%px")
        values.append(value.ir)
        return
    if not value.is_int:
        body.fail(part, f"{body.describe(value)} cannot be printed", "print its fields")
    kinds = {"": "", "d": "", "x": "x", "X": "X", "o": "o"}
    width, kind = (spec[:-1], spec[-1:]) if spec[-1:].isalpha() else (spec, "")
    if kind not in kinds or (width and not width.isdigit()):
        body.fail(part, f"the format '{spec}' is not known to the kernel", "it knows :d, :x, :o, and a width")
    type_ = ops.number_type(value)
    signed = isinstance(type_, t.PlainType) or (isinstance(type_, t.IntType) and type_.signed)
    letter = kinds[kind] or ("d" if signed else "u")
    form.append(f"%{width}ll{letter}")
    values.append(ops.to_type(value, t.I64 if signed else t.U64))


__all__ = ["constant", "equal", "same_bytes", "slice_of", "startswith", "trace"]
