"""A `Btf` as a C header that compiles, and gives every type the layout it has.

In: a `Btf`; types that no C declaration can say (a struct that contains itself, a member of a type without a size) are
errors that name the type. Out: declarations in an order that C takes, much as ``bpftool btf dump file X format c``:
anonymous types in place, forward declarations where pointers need them, names that are taken twice as ``name___2``.

What goes beyond bpftool:

- layouts are proved, not hoped for: the compiler's rules are worked out for each struct (`layout`), and what it would
  do otherwise is corrected with padding or ``packed``; ``asserts=True`` has the compiler check every size and offset;
- names that are not C (``Option<u32>``, keywords) are made legal; so are two enumerators, or an enumerator and a
  typedef, of one name;
- an anonymous enum used in several places gets a tag, ``enum anon_17``, instead of new names for its values;
- integer types whose name C does not know, or knows with another size, become typedefs of those that have the size;
- maps are comments, ``/* map<struct flow, u64> flows */``; functions and variables that instances declare are
  ``extern`` declarations (comments, where they live in a function, or their name is no C name).

FUNC, VAR, DATASEC and DECL_TAG are not written: they are no types.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from btfkit.codec.rows import kinds
from btfkit.dump.c.emit import TAG_MACRO, Emitter
from btfkit.dump.c.graph import Graph
from btfkit.dump.c.layout import Layouts
from btfkit.dump.c.names import Names, is_legal
from btfkit.dump.c.order import Order
from btfkit.dump.c.text import c_comment
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import Kind
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.spell import declare, spell

_WRITTEN = frozenset({Kind.STRUCT, Kind.UNION, Kind.ENUM, Kind.ENUM64, Kind.FWD, Kind.TYPEDEF})

_TAG_MACRO_TEXT = f"""#if defined(__has_attribute)
#if __has_attribute(btf_type_tag)
#define {TAG_MACRO}(tag) __attribute__((btf_type_tag(tag)))
#endif
#endif
#ifndef {TAG_MACRO}
#define {TAG_MACRO}(tag)
#endif

"""

_ACCESS_PUSH = """#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

"""

_ACCESS_POP = """#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

"""


def dump_c(
    btf: Btf,
    *,
    root_ids: Iterable[int] | None = None,
    asserts: bool = False,
    guard: bool = True,
    preserve_access_index: bool = False,
) -> str:
    """The header's text. FormatError for what C cannot say, with the type.

    root_ids: only these types and what they need; no maps or instances
    asserts: a ``_Static_assert`` of every struct's, union's and enum's size, and every member's offset but bit-fields'
    guard: an include guard, named after the content
    preserve_access_index: make member accesses CO-RE relocations, as bpftool's headers do (clang only)
    """
    everything = root_ids is None
    roots = _own_roots(btf) if root_ids is None else list(root_ids)
    instances = _declared(btf) if everything else []
    graph = Graph(btf, roots, [type_id for type_id, _ in instances])
    order = Order(graph, roots)
    names = Names(graph)
    emitter = Emitter(graph, names, Layouts(graph), asserts=asserts)
    for item in order.items:
        emitter.declare(order.weak[item])
        emitter.item(item)
    loose = [i for i in roots if isinstance(btf[i], (t.Enum, t.Enum64)) and not graph.is_item(i)]
    for type_id in loose:
        if type_id not in order.in_place:
            emitter.loose_enum(type_id)
    ends = _ends(btf, order, names, emitter, instances) if everything else ""
    body = "".join(emitter.lines)
    if preserve_access_index:
        body = _ACCESS_PUSH + body + _ACCESS_POP
    text = (_TAG_MACRO_TEXT if emitter.uses_type_tags else "") + body + ends
    if not guard:
        return text
    macro = f"BTF_{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08X}_H"
    return f"#ifndef {macro}\n#define {macro}\n\n{text}#endif /* {macro} */\n"


def _own_roots(btf: Btf) -> list[int]:
    """All own types that C writes as declarations; unnamed structs and unions come with those that use them."""
    found = [type_id for type_id, kind in zip(btf.ids(), kinds(btf), strict=True) if kind in _WRITTEN]
    return [i for i in found if btf[i].name or not isinstance(btf[i], (t.Struct, t.Union))]


def _declared(btf: Btf) -> list[tuple[int, str]]:
    """(type id, name) of the own instances that can be ``extern`` declarations."""
    out, seen = [], set()
    for inst_id, inst in zip(btf.inst_ids(), btf.own_instances, strict=True):
        if btf.instance_kind(inst_id) is InstanceKind.MAP or inst.parent or not is_legal(inst.name):
            continue
        if inst.name not in seen and inst.name != "main":
            seen.add(inst.name)
            out.append((inst.type_id, inst.name))
    return out


def _ends(btf: Btf, order: Order, names: Names, emitter: Emitter, instances: list[tuple[int, str]]) -> str:
    """Maps as comments, functions and variables as declarations."""
    lines = []
    named = {btf.resolve(inst.type_id) for inst in btf.own_instances}
    for type_id, kind in zip(btf.ids(), kinds(btf), strict=True):
        if kind == Kind.MAP and type_id not in named:
            lines.append(f"/* {c_comment(spell(btf, type_id))} */\n")
    extern = dict(((type_id, name), None) for type_id, name in instances if name not in names.ident_scope.used)
    for inst_id, inst in zip(btf.inst_ids(), btf.own_instances, strict=True):
        kind_ = btf.instance_kind(inst_id)
        if (inst.type_id, inst.name) in extern and not inst.parent:
            del extern[inst.type_id, inst.name]
            before = len(emitter.lines)
            emitter.declare(need for need, complete in order.needs(inst.type_id) if not complete)
            lines += emitter.lines[before:]
            del emitter.lines[before:]
            word = "extern " if kind_ is InstanceKind.VARIABLE else ""
            lines.append(f"{word}{emitter.declaration(inst.type_id, inst.name)};\n")
        else:
            owner = f"{btf.instance(inst.parent).name}: " if inst.parent in btf.inst_ids() else ""
            lines.append(f"/* {c_comment(owner + declare(btf, inst.type_id, inst.name))} */\n")
    return "".join(lines) + ("\n" if lines else "")
