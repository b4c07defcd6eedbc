"""Packets: typed headers at places that the compiler has compared with the packet's end.

In: a context with data and data_end. Out: headers that may be None: where the packet is shorter.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from btfkit.bpf.records import Header, Record
from btfkit.frontend.python import ir, kind_rules, ops
from btfkit.frontend.python import types as t

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

MOST_OFFSET = 0x7FFF
"""Bytes. The verifier gives up where an offset and all that is added to it may be more than 0xffff (MAX_PACKET_OFF)."""

TRUE: ir.Expr = ir.Const(ir.BOOL, 1)


def _end(body: Body, context: t.Value, end: int, node: ast.AST) -> ir.Expr:
    """Where the packet starts (0) or ends (1)."""
    assert isinstance(context.type, t.RecordType)
    names = getattr(context.type.cls, "packet_bounds", ())
    if not names:
        body.fail(node, f"{context.type.name} has no packet")
    kind_rules.use(body, context.type.cls, names[0], body.where(node))
    field = context.type.cls.__layout__.fields[names[end]]
    if field.size == 8:  # a pointer
        return body.hold(ir.Load(ir.POINTER, context.ir, field.off, 8, static=True))
    return body.hold(ir.Cast(ir.POINTER, ir.Load(ir.U32, context.ir, field.off, 4, static=True)))


def _header(body: Body, node: ast.expr) -> type[Record]:
    cls = body.constant_of(node)
    if not (isinstance(cls, type) and issubclass(cls, Record)):
        body.fail(node, "a header's type is needed, as in packet(EthHdr)")
    return cls


def packet(body: Body, context: t.Value, node: ast.Call) -> t.Value:
    """``ctx.packet(EthHdr)``, ``ctx.packet(Hdr, offset)``."""
    if not 1 <= len(node.args) <= 2 or node.keywords:
        body.fail(node, "packet() takes a header's type, and an offset in bytes")
    cls = _header(body, node.args[0])
    start, fits = _end(body, context, 0, node), TRUE
    if len(node.args) == 2:
        start, fits = _advance(body, start, body.expr(node.args[1]), node.args[1])
    return checked(body, start, cls, context, node, fits)


def next_header(body: Body, header: t.Value, node: ast.Call) -> t.Value:
    """``ip.next(TcpHdr)``: what follows a header, by the length that it says it has."""
    assert isinstance(header.type, t.RecordType)
    if len(node.args) != 1 or node.keywords:
        body.fail(node, "next() takes the type of the header that follows")
    if header.type.space == "own":
        body.fail(node, f"this {header.type.name} is in no packet", "call next() of what ctx.packet() or next() gave")
    cls = _header(body, node.args[0])
    if body.info.context is None:
        body.fail(node, "next() needs the context, to know the packet's end", "add a parameter, as in ctx: xdp_md")
    context = t.Value(body.info.context.type, ir.Get(ir.POINTER, body.info.context.local))
    own, fits = header.type.cls, TRUE
    if own.header_len is Header.header_len:  # type: ignore[attr-defined]
        start: ir.Expr = ir.Offset(ir.POINTER, header.ir, own.__layout__.size)
    else:
        from btfkit.frontend.python.calls import call_method  # noqa: PLC0415

        length = call_method(body, header, "header_len", [], node)
        start, fits = _advance(body, header.ir, length, node)
    return checked(body, start, cls, context, node, fits)


def _advance(body: Body, start: ir.Expr, by: t.Value, node: ast.AST) -> tuple[ir.Expr, ir.Expr]:
    """The address that many bytes on, and whether it is that: none beyond `MOST_OFFSET` is."""
    if not by.is_int:
        body.fail(node, f"an offset is an integer, not {body.describe(by)}")
    if by.is_const:
        if not 0 <= int(by.const) <= MOST_OFFSET:
            body.fail(node, f"an offset is 0 to {MOST_OFFSET}, not {int(by.const)}")
        return ir.Offset(ir.POINTER, start, int(by.const)), TRUE
    offset, fits = body.hold(ops.to_type(by, t.U64)), TRUE
    if ops.bounds(by)[1] > MOST_OFFSET or ops.bounds(by)[0] < 0:
        fits = body.hold(ir.Compare(ir.BOOL, "le", offset, ir.Const(ir.U64, MOST_OFFSET)))
        offset = ir.Binary(ir.U64, "and", offset, ir.Const(ir.U64, MOST_OFFSET))
    return body.hold(ir.Index(ir.POINTER, start, offset, 1)), fits


def checked(
    body: Body, start: ir.Expr, cls: type[Record], context: t.Value, node: ast.AST, fits: ir.Expr = TRUE
) -> t.Value:
    """The header there, or None. fits: False where it is not there whatever the packet's end."""
    start = body.hold(ir.NonNull(ir.POINTER, start))
    end = _end(body, context, 1, node)
    inside: ir.Expr = ir.Compare(ir.BOOL, "le", ir.Offset(ir.POINTER, start, cls.__layout__.size), end)
    if fits is not TRUE:
        inside = ir.Both(ir.BOOL, fits, inside)
    pointer = body.hold(ir.Choose(ir.POINTER, inside, start, ir.Const(ir.POINTER, 0)))
    return t.Value(t.OptionalType(t.RecordType(cls, "mem")), pointer)


def length(body: Body, context: t.Value, node: ast.AST) -> t.Value:
    """``len(ctx)``: the bytes of the packet that can be reached directly."""
    start, end = _end(body, context, 0, node), _end(body, context, 1, node)
    size = ir.Binary(ir.I64, "sub", ir.Cast(ir.I64, end), ir.Cast(ir.I64, start))
    return t.Value(t.PlainType(0, 1 << 32), body.hold(size))


__all__ = ["checked", "length", "next_header", "packet"]
