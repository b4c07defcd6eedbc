"""Write declarations.

In: names, plans and the order, all made. Out: lines of C. A struct's body, with the anonymous types in it, is unrolled
with a stack of pieces; the declaration around a member's name is made once per type and kept, as far as it is one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from btfkit.dump.c.graph import Graph
from btfkit.dump.c.layout import Layouts, Plan, Slot, unit_size
from btfkit.dump.c.names import Names, Scope, is_declared_only, keyword, legal
from btfkit.dump.c.scalars import NAME, integer_of, scalar
from btfkit.dump.c.text import (
    ALIGNED_16,
    BEFORE_C23,
    before_c23,
    c_comment,
    c_string,
    enum_mode,
    enum_value,
)
from btfkit.model import types as t
from btfkit.model.spell import Declaration, Pending, declare, unwind

TAG_MACRO = "BTF_TYPE_TAG"
_SENTINEL = "\1"
_PLAIN_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*(\(\w+(, ?\w+)*\))?\Z")
PAD_BITS = 512
"""Padding of up to so many bits is unnamed bit-fields; more is an array."""


class _Decl(NamedTuple):
    """A declaration that is still to be written, ``depth`` tabs deep. path: how asserts name it ("": they cannot)."""

    type_id: int
    name: str
    depth: int
    path: str = ""
    bit_off: int = 0
    scope: Scope | None = None


class _Body(NamedTuple):
    """Braces, members and attributes of a struct, union or enum."""

    type_id: int
    depth: int
    path: str = ""
    bit_off: int = 0
    scope: Scope | None = None


_Piece = str | _Decl | _Body


class Emitter:
    """Writes items into `lines`; ``asserts``: the offsets and sizes to be asserted behind each."""

    def __init__(self, graph: Graph, names: Names, layouts: Layouts, *, asserts: bool) -> None:
        self.graph = graph
        self.btf = graph.btf
        self.types = graph.types
        self.names = names
        self.layouts = layouts
        self.lines: list[str] = []
        self.uses_type_tags = False
        self._asserts: list[tuple[int, str]] = []
        """(bit offset, text) of the current item's."""
        self._with_asserts = asserts
        self._declared: set[str] = set()
        self._flat: dict[int, tuple[str, str] | None] = {}
        self._root = ""
        self._typedefs = frozenset(names.idents.values())

    # -- items ---------------------------------------------------------------------------------------------------

    def declare(self, type_ids: Iterable[int]) -> None:
        """Forward declarations, of what is not declared yet."""
        fresh = []
        for type_id in type_ids:
            text = self._tag(type_id)
            if text not in self._declared:
                self._declared.add(text)
                fresh.append(f"{text};\n\n")
        self.lines += fresh

    def item(self, type_id: int) -> None:
        """The declaration of one item, and the asserts about it."""
        type_ = self.types[type_id]
        match type_:
            case t.Fwd():
                self.declare([type_id])
            case t.Typedef():
                self._typedef(type_id, type_)
            case t.Int() | t.Float():
                definition = scalar(type_).definition.replace(NAME, self.names.idents[type_id])
                self.lines.append(before_c23(definition) + "\n\n")
                self._assert_size(self.names.idents[type_id], type_.size)
            case t.Struct() | t.Union() | t.Enum() | t.Enum64():
                tag = self._tag(type_id)
                if type_id not in self.names.values and is_declared_only(type_):
                    return  # the same as another enum that is only declared
                self._declared.add(tag)
                self._root = tag
                self._write([f"{tag} ", _Body(type_id, 0, ".", 0, Scope()), ";\n\n"])
                self._assert_size(tag, type_.size)
        if self._asserts:
            self._asserts.sort(key=lambda pair: pair[0])
            self.lines += [*(text for _, text in self._asserts), "\n"]
            self._asserts = []

    def loose_enum(self, type_id: int) -> None:
        """An anonymous enum that nothing else has in place."""
        type_ = self.types[type_id]
        assert isinstance(type_, (t.Enum, t.Enum64))
        text = self._run(["enum ", _Body(type_id, 0), ";\n"])
        if [(v.name, v.value) for v in type_.values] == [("false", 0), ("true", 1)]:
            text = f"{BEFORE_C23}\n{text}#endif\n"
        self.lines.append(text + "\n")

    def declaration(self, type_id: int, name: str) -> str:
        """One declaration of a name, without semicolon."""
        return self._run([_Decl(type_id, name, 0)])

    def _typedef(self, type_id: int, type_: t.Typedef) -> None:
        name = self.names.idents[type_id]
        base = self.btf.resolve(type_.type_id)
        self._root = name
        self._write(["typedef ", _Decl(type_.type_id, name, 0, ".", 0, Scope()), ";\n\n"])
        target = self.types[base]
        if isinstance(target, t.Map):
            self.lines.insert(-1, f"/* {c_comment(declare(self.btf, base, name))} */\n")
        elif isinstance(target, t.Int):
            self.lines[-1] = before_c23(self.lines[-1].rstrip()) + "\n\n"
        if not self.graph.is_item(base) and isinstance(target, (t.Struct, t.Union, t.Enum, t.Enum64)):
            self._assert_size(name, target.size)

    def _tag(self, type_id: int) -> str:
        return f"{keyword(self.types[type_id])} {self.names.tags[type_id]}"

    def _assert_size(self, what: str, size: int) -> None:
        if self._with_asserts:
            text = f'_Static_assert(sizeof({what}) == {size}, "{what}");\n'
            self._asserts.append((8 * size, text))

    def _assert_offset(self, path: str, bit_off: int) -> None:
        path = path.lstrip(".")
        text = f"__builtin_offsetof({self._root}, {path}) == {bit_off // 8}"
        self._asserts.append((bit_off, f'_Static_assert({text}, "{self._root}: {path}");\n'))

    # -- pieces --------------------------------------------------------------------------------------------------

    def _write(self, pieces: list[_Piece]) -> None:
        self.lines.append(self._run(pieces))

    def _run(self, pieces: list[_Piece]) -> str:
        """Unroll pieces until all are text."""
        out: list[str] = []
        stack = pieces[::-1]
        while stack:
            piece = stack.pop()
            if isinstance(piece, str):
                out.append(piece)
            elif isinstance(piece, _Decl):
                stack += reversed(self._expand(piece))
            else:
                stack += reversed(self._body(piece))
        return "".join(out)

    def _expand(self, decl: _Decl) -> list[_Piece]:
        parts = unwind(self.types, decl.type_id, self._type_tag)
        base = parts.base
        type_ = self.types[base]
        first: list[_Piece]
        match type_:
            case t.Struct() | t.Union() | t.Enum() | t.Enum64() if not self.graph.is_item(base):
                body = _Body(base, decl.depth, self._inner_path(decl, parts), decl.bit_off, decl.scope)
                first = [f"{keyword(type_)} ", body]
            case t.Struct() | t.Union() | t.Enum() | t.Enum64() | t.Fwd():
                first = [self._tag(base)]
            case t.Typedef():
                first = [self.names.idents[base]]
            case t.Int() | t.Float():
                first = [self.names.idents[base] if self.graph.is_item(base) else scalar(type_).text]
            case _:
                first = ["void"]  # void itself, and a MAP, which is nothing to C
        pieces = parts.pieces(["\0"], decl.name)
        out: list[_Piece] = []
        taken: set[str] = set()
        for piece in pieces:
            if isinstance(piece, Pending):
                out.append(_Decl(piece.type_id, self._param(piece.name, taken), decl.depth))
            elif piece == "\0":
                out += first
            else:
                out.append(piece)
        return out

    def _inner_path(self, decl: _Decl, parts: Declaration) -> str:
        """How a member of the anonymous type in a declaration is named from outside; "" where that is by pointer."""
        if not decl.path or parts.left or any(not isinstance(p, str) or p[0] != "[" for p in parts.right):
            return ""
        if not decl.depth:  # a typedef: members are named by it, an array's elements cannot be
            return "" if parts.right else decl.path
        return decl.path + "[0]" * len(parts.right) + ("." if decl.name else "")

    def _param(self, name: str, taken: set[str]) -> str:
        """A parameter's name; none where it would hide a typedef that the next one may need."""
        if not name:
            return ""
        name = legal(name)
        if name in self._typedefs or name in taken:
            return ""
        taken.add(name)
        return name

    def _type_tag(self, tag: t.TypeTag) -> str:
        if tag.kind_flag and _PLAIN_ATTRIBUTE.match(tag.name):
            return f"__attribute__(({tag.name}))"
        self.uses_type_tags = True
        return f'{TAG_MACRO}("{c_string(tag.name)}")'

    def _around(self, type_id: int) -> tuple[str, str] | None:
        """What stands before and behind a name of that type; None where an anonymous type stands in it."""
        if type_id not in self._flat:
            self._flat[type_id] = self._make_around(type_id)
        return self._flat[type_id]

    def _make_around(self, type_id: int) -> tuple[str, str] | None:
        out: list[str] = []
        stack: list[_Piece] = [_Decl(type_id, _SENTINEL, 0)]
        while stack:
            piece = stack.pop()
            if isinstance(piece, str):
                out.append(piece)
            elif isinstance(piece, _Body):
                return None
            else:
                stack += reversed(self._expand(piece))
        before, _, behind = "".join(out).partition(_SENTINEL)
        return before, behind

    # -- bodies --------------------------------------------------------------------------------------------------

    def _body(self, body: _Body) -> list[_Piece]:
        type_ = self.types[body.type_id]
        if isinstance(type_, (t.Struct, t.Union)):
            return self._composite(body, type_)
        assert isinstance(type_, (t.Enum, t.Enum64))
        return [self._enum(body, type_)]

    def _enum(self, body: _Body, type_: t.Enum | t.Enum64) -> str:
        tabs = "\t" * body.depth
        names = self.names.values[body.type_id]
        values = [v.value for v in type_.values] or [0]
        lines = [f"{tabs}\t{name} = {enum_value(value)},\n" for name, value in zip(names, values, strict=True)]
        return f"{{\n{''.join(lines)}{tabs}}}{enum_mode(type_.size, values)}"

    def _composite(self, body: _Body, type_: t.Struct | t.Union) -> list[_Piece]:
        plan = self.layouts.plan(body.type_id)
        scope = body.scope or Scope()
        tabs = "\t" * (body.depth + 1)
        out: list[_Piece] = ["{\n"]
        if plan.overlay:
            out.append(f"{tabs}union {{\n")
            tabs += "\t"
        pos = 0
        for member, slot in zip(type_.members, plan.slots, strict=True):
            if plan.overlay:
                out.append(f"{tabs}struct {{\n")
                out += self._padding(0, slot.pad, tabs + "\t", scope)
                out += self._member(body, member, slot, len(tabs) + 1, scope)
                out.append(f"{tabs}}} __attribute__((packed));\n")
                continue
            if slot.pad:
                out += self._padding(pos, slot.pad, tabs, scope)
            out += self._member(body, member, slot, len(tabs), scope)
            pos = slot.end
        out += self._tail(plan, pos, tabs, scope, is_union=plan.overlay or isinstance(type_, t.Union))
        if plan.overlay:
            tabs = tabs[:-1]
            out.append(f"{tabs}}};\n")
        out.append(tabs[:-1] + ("} __attribute__((packed))" if plan.packed else "}"))
        return out

    def _tail(self, plan: Plan, pos: int, tabs: str, scope: Scope, *, is_union: bool) -> list[str]:
        if not plan.tail:
            return []
        if is_union:
            size = plan.tail if plan.overlay else max((slot.end for slot in plan.slots), default=0) + plan.tail
            return [f"{tabs}unsigned char {scope.take('__size')}[{size // 8}];\n"]
        return self._padding(pos, plan.tail, tabs, scope)

    def _padding(self, pos: int, bits: int, tabs: str, scope: Scope) -> list[str]:
        """Unnamed bit-fields over bits [pos, pos + bits), each within 64 aligned ones; an array of bytes over many."""
        out, end = [], pos + bits
        while pos < end:
            if end - pos > PAD_BITS and pos % 8 == 0:
                out.append(f"{tabs}unsigned char {scope.take(f'__pad_{pos // 8}')}[{(end - pos) // 8}];\n")
                pos += (end - pos) // 8 * 8
                continue
            width = min(64 - pos % 64, end - pos)
            if end - pos > PAD_BITS:
                width = min(width, 8 - pos % 8)
            out.append(f"{tabs}long: {width};\n")
            pos += width
        return out

    def _member(self, body: _Body, member: t.Member, slot: Slot, depth: int, scope: Scope) -> list[_Piece]:
        tabs = "\t" * depth
        in_place = not member.name and self._is_in_place(member.type_id)
        name = "" if in_place else scope.take(member.name or "__anon_member")
        bit_off = body.bit_off + slot.bit_off
        path = body.path + name if body.path else ""
        if path and name and self._with_asserts and not slot.bit_size:
            self._assert_offset(path, bit_off)
        if slot.bit_size:
            return [f"{tabs}{self._bitfield(member, name, slot.bit_size)}: {slot.bit_size};\n"]
        around = self._around(member.type_id)
        if around:
            aligned = ALIGNED_16 if slot.align == 16 and self._is_int128(member.type_id) else ""
            return [f"{tabs}{around[0]}{name}{around[1]}{aligned};\n"]
        decl = _Decl(member.type_id, name, depth, path, bit_off, scope if in_place else Scope())
        return [tabs, decl, ";\n"]

    def _is_in_place(self, type_id: int) -> bool:
        """Whether an unnamed member of that type is one that C knows: an anonymous struct or union in place."""
        while isinstance(type_ := self.types[type_id], (t.Const, t.Volatile, t.TypeTag)):
            type_id = type_.type_id
        return isinstance(type_, (t.Struct, t.Union)) and not self.graph.is_item(type_id)

    def _is_int128(self, type_id: int) -> bool:
        return isinstance(self.types[self.layouts.leaf(type_id)], t.Int)

    def _bitfield(self, member: t.Member, name: str, bit_size: int) -> str:
        """The declaration of a bit-field without its width, with its own type if C takes that, else an integer."""
        base = self.types[self.layouts.leaf(member.type_id)]
        around = self._around(member.type_id)
        assert isinstance(base, (t.Int, t.Enum, t.Enum64))
        takes = scalar(base).is_integer if isinstance(base, t.Int) else base.size in (1, 2, 4, 8)
        if around and takes and not (isinstance(base, t.Int) and base.is_bool and bit_size > 1):
            return f"{around[0]}{name}{around[1]}"
        return f"{integer_of(unit_size(base.size), signed=base.is_signed)} {name}"
