"""Types as C spells them: ``char[16]``, ``int (*fp)(void)``, ``map<struct flow, u64>``.

In: a `Btf` whose ids may form cycles or point nowhere. Out: text. C writes a type inside out around the declared name;
`unwind` does that step by step without recursion, and both the short spelling here and the C dump are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from btfkit.errors import FormatError
from btfkit.format.kinds import kind_name
from btfkit.model import types as t
from btfkit.model.btf import MAX_RESOLVE_DEPTH, Btf

MAX_CHAIN = 128
"""Pointers, arrays and qualifiers on one another that the short spelling follows."""

MAX_PIECES = 512
"""Past so many pieces the short spelling ends with an ellipsis: what refers to itself must end somewhere."""

ELLIPSIS = "…"


class Pending(NamedTuple):
    """A declaration (a parameter, a map's key) that is still to be spelled."""

    type_id: int
    name: str


Piece = str | Pending


@dataclass
class Declaration:
    """``{qualifiers} {base} {left}{name}{right}``.

    base: the type that stands first: no pointer, array, function or qualifier
    left, right: what stands around the name, in order; right may hold parameters
    """

    base: int
    qualifiers: list[str] = field(default_factory=list)
    left: str = ""
    right: list[Piece] = field(default_factory=list)

    def pieces(self, base: Sequence[Piece], name: str) -> list[Piece]:
        """The whole, given how the base is spelled."""
        left = self.left if name else self.left.rstrip()
        # Short spellings read "char[16]" and "struct foo *", "int (void)".
        gap = " " if left or name or self.right[:1] == ["("] else ""
        return ["".join(f"{q} " for q in self.qualifiers), *base, gap + left + name, *self.right]


TagSpelling = Callable[[t.TypeTag], str]


class Types(Protocol):
    """Types by id: a `Btf`, or a dict of what is needed of one."""

    def __len__(self) -> int: ...
    def __getitem__(self, type_id: int, /) -> t.Type: ...


def unwind(types: Types, type_id: int, spell_tag: TagSpelling, limit: int | None = None) -> Declaration:
    """Take the declaration of a name of that type apart. FormatError where it takes more than ``limit`` steps.

    spell_tag: a TYPE_TAG as a qualifier. limit: None: as many as there are types, more are a cycle.
    """
    qualifiers: list[str] = []
    left: list[str] = []
    right: list[Piece] = []
    steps = len(types) + 1 if limit is None else limit
    start, after_pointer = type_id, False
    for _ in range(steps + 1):
        type_ = types[type_id]
        match type_:
            case t.Ptr():
                if "restrict" in qualifiers and _is_function(types, type_.type_id):  # no such thing in C
                    qualifiers.remove("restrict")
                left.append("*" + "".join(f"{q} " for q in qualifiers))
                qualifiers = []
                after_pointer = True
                type_id = type_.type_id
            case t.Const() | t.Volatile() | t.Restrict():
                word = type_.kind.name.lower()
                if word not in qualifiers:
                    qualifiers.append(word)
                type_id = type_.type_id
            case t.TypeTag():
                text = spell_tag(type_)
                if text and text not in qualifiers:
                    qualifiers.append(text)
                type_id = type_.type_id
            case t.Array() | t.FuncProto():
                if after_pointer:
                    left.append("(")
                    right.append(")")
                    after_pointer = False
                if isinstance(type_, t.Array):
                    right.append(f"[{type_.nelems}]")
                    type_id = type_.elem_type
                else:
                    qualifiers = []  # a qualified function has no meaning in C (gcc's noreturn functions have one)
                    right += _params(type_)
                    type_id = type_.return_type
            case t.Func() | t.Var():
                type_id = type_.type_id
            case _:
                if "restrict" in qualifiers:  # only a pointer can be
                    qualifiers.remove("restrict")
                return Declaration(type_id, qualifiers, "".join(reversed(left)), right)
    raise FormatError(
        "is made of itself: pointers, arrays or qualifiers form a cycle",
        section=".BTF",
        type_id=start,
        thing=f"type {start}",
    )


def _is_function(types: Types, type_id: int) -> bool:
    for _ in range(MAX_RESOLVE_DEPTH):
        type_ = types[type_id]
        if not isinstance(type_, (t.Typedef, *t.Modifier)):
            return isinstance(type_, (t.FuncProto, t.Func))
        type_id = type_.type_id
    return False


def _params(proto: t.FuncProto) -> list[Piece]:
    params = proto.params
    if not params or (len(params) == 1 and params[0].type_id == 0):
        return ["(", "void)"]
    pieces: list[Piece] = ["("]
    for index, param in enumerate(params):
        if index:
            pieces.append(", ")
        last = index == len(params) - 1
        pieces.append("..." if last and param.type_id == 0 and not param.name else Pending(param.type_id, param.name))
    return [*pieces, ")"]


def spell(btf: Btf, type_id: int) -> str:
    """Short C spelling of a type: ``struct task_struct *``, ``int (struct xdp_md *ctx)``. Never raises, always ends.

    Anonymous types are ``struct { … }``; type tags are written as the kernel does (``__user``).
    """
    return declare(btf, type_id, "")


def declare(btf: Btf, type_id: int, name: str) -> str:
    """The declaration of ``name`` in the same short spelling: ``int (*fp)(void)``, ``char buf[16]``."""
    out: list[str] = []
    stack: list[Piece] = [Pending(type_id, name)]
    while stack:
        piece = stack.pop()
        if isinstance(piece, str):
            out.append(piece)
        elif len(out) > MAX_PIECES:
            out.append(ELLIPSIS)
        else:
            try:
                declaration = unwind(btf, piece.type_id, _short_tag, MAX_CHAIN)
            except FormatError:
                known = piece.type_id in btf
                out.append(ELLIPSIS if known else f"<type {piece.type_id}>")
                out.append(f" {piece.name}" if piece.name else "")
                continue
            stack += reversed(declaration.pieces(_short_base(btf, declaration.base), piece.name))
    return "".join(out)


def _short_tag(tag: t.TypeTag) -> str:
    return f"__{tag.name}" if not tag.kind_flag else f"__attribute__(({tag.name}))"


def _short_base(btf: Btf, type_id: int) -> Sequence[Piece]:
    type_ = btf[type_id]
    match type_:
        case t.Void():
            return ("void",)
        case t.Struct() | t.Union():
            return (f"{type_.kind.name.lower()} {type_.name or '{ … }'}",)
        case t.Enum() | t.Enum64():
            return (f"enum {type_.name or '{ … }'}",)
        case t.Fwd():
            return (f"{'union' if type_.kind_flag else 'struct'} {type_.name}",)
        case t.Map():
            return ("map<", Pending(type_.key_type, ""), ", ", Pending(type_.value_type, ""), ">")
        case t.Int() | t.Float() | t.Typedef():
            return (type_.name or f"<{type_.kind.name.lower()} of {btf.size_of(type_id)} bytes>",)
        case t.DataSec():
            return (f"section {type_.name}",)
        case t.Unknown():
            return (kind_name(type_.number),)
        case _:
            return (kind_name(type_.kind) + (f" {type_.name}" if type_.name else ""),)
