"""In which order items have to be written.

In: a `Graph`. Out: `Order`: the items, each after those it needs complete, in the order of ids as far as that goes; and
for each, the structs and unions that it only needs declared. A pointer to a struct needs it declared; a member, an
array's element and anything by the name of a typedef, an enum or a renamed scalar needs it complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from btfkit.dump.c.graph import Graph
from btfkit.dump.c.names import is_declared_only, keyword
from btfkit.model import types as t

Need = tuple[int, bool]
"""(type id, True: complete, False: declared)."""


class Order:
    """items: type ids in order. weak: per item, what to declare before it. in_place: anonymous types in some item."""

    def __init__(self, graph: Graph, roots: Iterable[int]) -> None:
        """roots: what to write. An anonymous enum among them is no item, and left to the caller."""
        self.graph = graph
        self.btf = graph.btf
        self.types = graph.types
        self.definitions = self._definitions()
        roots = list(roots)
        while not self._sort(roots):
            pass

    def needs(self, type_id: int) -> list[Need]:
        """What has to stand before an item, or before the mention of any other type: each once, in order."""
        out: dict[Need, None] = {}
        for need in self._mentions(type_id):
            out.update(dict.fromkeys(self._leaves(need)))
        return list(out)

    def _sort(self, roots: list[int]) -> bool:
        """Fill all fields. False: more types had to be hoisted, sort again."""
        self.items: list[int] = []
        self.weak: dict[int, list[int]] = {}
        self.in_place: set[int] = set()
        self._leaf_needs: dict[Need, tuple[Need, ...]] = {}
        self._fresh: set[int] = set()
        """Typedefs whose anonymous structs were hoisted in this round."""
        done: set[int] = set()
        for root in [*roots, *sorted(self.graph.hoisted)]:
            if self.graph.is_item(root):
                self._visit(root, done)
            elif not isinstance(self.types[root], (t.Enum, t.Enum64)):
                for need, _ in self.needs(root):
                    self._visit(need, done)
        return not self._fresh

    def _visit(self, top: int, done: set[int]) -> None:
        top = self.definition(top)
        if top in done:
            return
        stack = [(top, iter(self._strong(top)))]
        path = {top}
        while stack:
            type_id, rest = stack[-1]
            for need in rest:
                if need in path:
                    steps = [step for step, _ in stack]
                    self._break(steps[steps.index(need) :])
                elif need not in done:
                    stack.append((need, iter(self._strong(need))))
                    path.add(need)
                    break
            else:
                stack.pop()
                path.discard(type_id)
                done.add(type_id)
                self.items.append(type_id)

    def _strong(self, item: int) -> Iterable[int]:
        needs = self.needs(item)
        strong = dict.fromkeys(self.definition(need) for need, complete in needs if complete)
        for need in strong:
            if isinstance(self.types[need], t.Fwd):
                named = self.btf.describe(need)
                raise self.graph.error(f"has to have {named} complete, which is only declared", item)
        self.weak[item] = [need for need, complete in needs if not complete and need not in (item, *strong)]
        return strong

    def _break(self, cycle: list[int]) -> None:
        if self.graph.hoist_typedefs(cycle):
            self._fresh.update(cycle)
        elif self._fresh.isdisjoint(cycle):
            names = " -> ".join(self.btf.describe(type_id) for type_id in [*cycle[:8], cycle[0]])
            raise self.graph.error(f"has to be complete before itself: {names}", cycle[0])

    def _mentions(self, type_id: int) -> Iterator[Need]:
        type_ = self.types[type_id]
        if not self.graph.is_item(type_id):
            yield type_id, False
        elif isinstance(type_, t.Typedef):
            yield type_.type_id, False
        elif isinstance(type_, (t.Struct, t.Union)):
            yield from ((member.type_id, True) for member in type_.members)

    def _leaves(self, need: Need) -> tuple[Need, ...]:
        """The items behind a mention of a type: through pointers, arrays, functions and anonymous types."""
        found = self._leaf_needs.get(need)
        if found is not None:
            return found
        out: dict[Need, None] = {}
        todo, seen = [need], set()
        while todo:
            current = todo.pop()
            type_id, complete = current
            if current in seen or not type_id:
                continue
            seen.add(current)
            type_ = self.types[type_id]
            is_item = self.graph.is_item(type_id)
            match type_:
                case t.Typedef():
                    out[type_id, True] = None
                    base = self._base(type_id) if complete else 0
                    if isinstance(self.types[base], (t.Struct, t.Union, t.Fwd)) and self.graph.is_item(base):
                        out[base, True] = None
                case t.Struct() | t.Union() | t.Fwd() if is_item:
                    out[current] = None
                case _ if is_item:
                    out[type_id, True] = None
                case t.Struct() | t.Union():
                    self.in_place.add(type_id)
                    todo += [(ref, True) for ref in reversed(self.graph.refs[type_id])]
                case t.Enum() | t.Enum64():
                    self.in_place.add(type_id)
                case t.Const() | t.Volatile() | t.Restrict() | t.TypeTag():
                    todo.append((type_.type_id, complete))
                case t.Array():
                    todo.append((type_.elem_type, True))
                case _:
                    todo += [(ref, False) for ref in reversed(self.graph.refs[type_id])]
        found = self._leaf_needs[need] = tuple(out)
        return found

    def _base(self, type_id: int) -> int:
        """Through typedefs, qualifiers and arrays."""
        for _ in range(len(self.types) + 1):
            type_ = self.types[type_id]
            if isinstance(type_, (t.Typedef, t.Const, t.Volatile, t.Restrict, t.TypeTag)):
                type_id = type_.type_id
            elif isinstance(type_, t.Array):
                type_id = type_.elem_type
            else:
                return type_id
        raise self.graph.error("typedefs, qualifiers or arrays form a cycle", type_id)

    def _definitions(self) -> dict[tuple[str, str], int]:
        """(``struct``, ``foo``): the first type that has a body for it."""
        out: dict[tuple[str, str], int] = {}
        for type_id in self.graph.needed:
            type_ = self.types[type_id]
            if isinstance(type_, (t.Struct, t.Union, t.Enum, t.Enum64)) and type_.name and not is_declared_only(type_):
                out.setdefault((keyword(type_), type_.name), type_id)
        return out

    def definition(self, type_id: int) -> int:
        """The body to which a type that is only declared belongs, where there is one; else the type itself."""
        type_ = self.types[type_id]
        return self.definitions.get((keyword(type_), type_.name), type_id) if is_declared_only(type_) else type_id
