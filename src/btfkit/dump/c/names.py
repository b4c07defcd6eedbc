"""Names that C takes: legal identifiers, each once per name space, as near to BTF's as can be.

In: the types to be written. Out: per type id its tag (struct, union and enum share one name space) or identifier
(typedefs, enumerators, functions and variables share the other). A name that is taken gets ``___2``, ``___3`` … in the
order of ids, as bpftool has it. Members and parameters have a scope of their own each, a `Scope`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from btfkit.dump.c.graph import Graph
from btfkit.model import types as t

KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """
        alignas alignof asm auto break case char const constexpr continue default do double else enum extern float for
        goto if inline int long nullptr register restrict return short signed sizeof static static_assert struct switch
        thread_local typedef typeof typeof_unqual union unsigned void volatile while _Alignas _Alignof _Atomic _Bool
        _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local __int128 linux unix i386""",
    )
)
"""C17's and C23's words, and compilers' macros that look like names. (bool, true, false: the kernel's own.)"""

_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ILLEGAL_CHARS = re.compile(r"[^A-Za-z0-9_]+")


def is_legal(name: str) -> bool:
    """Whether C takes the name as it is."""
    return bool(_LEGAL.match(name)) and name not in KEYWORDS and not name.startswith("__builtin_")


@lru_cache(1 << 16)
def legal(name: str) -> str:
    """The name, made legal: ``Option<u32>`` is ``Option_u32_``."""
    if is_legal(name):
        return name
    out = _ILLEGAL_CHARS.sub("_", name) or "_"
    if out[0].isdigit():
        out = f"_{out}"
    return out if is_legal(out) else f"{out}_"


class Scope:
    """One name space. reserved: names that must not be made up, since they come up by themselves."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.reserved = frozenset(reserved)
        self.used: set[str] = set()
        self.counts: dict[str, int] = {}

    def take(self, name: str) -> str:
        """A legal name that nothing else has, and now this one has."""
        out = base = legal(name)
        if out in self.used or (out != name and out in self.reserved):
            count = self.counts.get(base, 1)
            while out in self.used or out in self.reserved:
                count += 1
                out = f"{base}___{count}"
            self.counts[base] = count
        self.used.add(out)
        return out


class Names:
    """tags, idents: type id to name. values: an enum's id to its enumerators' names."""

    def __init__(self, graph: Graph) -> None:
        self.tags: dict[int, str] = {}
        self.idents: dict[int, str] = {}
        self.values: dict[int, tuple[str, ...]] = {}
        types = [(type_id, graph.types[type_id]) for type_id in graph.needed]
        is_item = graph.is_item
        tags, idents = set(), set()
        for _, type_ in types:
            if isinstance(type_, TAGGED):
                tags.add(type_.name)
            elif isinstance(type_, (t.Typedef, t.Int, t.Float)):
                idents.add(type_.name)
            if isinstance(type_, (t.Enum, t.Enum64)):
                idents.update(value.name for value in type_.values)
        self.tag_scope, self.ident_scope = Scope(tags), Scope(idents)
        first: dict[tuple[str, str], str] = {}
        declared_only = []
        for type_id, type_ in types:
            if is_declared_only(type_):
                declared_only.append((type_id, type_))
            elif isinstance(type_, TAGGED):
                if is_item(type_id):
                    tag = self.tags[type_id] = self.tag_scope.take(type_.name or f"anon_{type_id}")
                    first.setdefault((keyword(type_), type_.name), tag)
                if isinstance(type_, (t.Enum, t.Enum64)):
                    names = [value.name for value in type_.values] or [f"anon_{type_id}__declared_only"]
                    self.values[type_id] = tuple(self.ident_scope.take(name) for name in names)
            elif is_item(type_id):
                self.idents[type_id] = self.ident_scope.take(type_.name or f"type_{type_id}")
        for type_id, type_ in declared_only:
            key = keyword(type_), type_.name or f"anon_{type_id}"
            if key not in first:
                first[key] = self.tag_scope.take(key[1])
                if not isinstance(type_, t.Fwd):
                    self.values[type_id] = (self.ident_scope.take(f"{first[key]}__declared_only"),)
            self.tags[type_id] = first[key]


TAGGED = (t.Struct, t.Union, t.Enum, t.Enum64, t.Fwd)


def is_declared_only(type_: t.Type) -> bool:
    """FWD, and how compilers write ``enum foo;``."""
    return isinstance(type_, t.Fwd) or (isinstance(type_, (t.Enum, t.Enum64)) and not type_.values and bool(type_.name))


def keyword(type_: t.Type) -> str:
    """``struct``, ``union`` or ``enum``."""
    if isinstance(type_, t.Fwd):
        return "union" if type_.kind_flag else "struct"
    if isinstance(type_, t.Struct):
        return "struct"
    return "union" if isinstance(type_, t.Union) else "enum"
