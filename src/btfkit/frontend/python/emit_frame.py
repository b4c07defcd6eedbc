"""Which locals the functions made of one function must share, and where in their frame those lie.

In: the bodies (the function's own first, then those of its outlined loops) and the locals that each uses. Out: byte
offsets in one block of the outermost function's stack, whose address the loops' callbacks get as their context.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields

from btfkit.frontend.python import ir

Uses = Sequence[tuple[list[ir.Stmt], Collection[ir.Local], frozenset[ir.Local]]]
"""For each body: its statements, the locals it uses, and those that are set when it begins."""


def layout(uses: Uses) -> tuple[dict[ir.Local, int], int]:
    """The offset of each shared local, and the size of the frame, in bytes; both multiples of the alignment."""
    shared = _shared(uses)
    offsets, end = {}, 0
    for local in sorted(shared, key=lambda local: -_align(local)):
        end += -end % _align(local)
        offsets[local] = end
        end += _size(local)
    return offsets, end + -end % 8


def _shared(uses: Uses) -> list[ir.Local]:
    exposed = [exposed_locals(body, given) for body, _, given in uses[1:]]
    found = []
    for local in dict.fromkeys(local for _, used, _ in uses for local in used):
        users = [number for number, (_, used, _) in enumerate(uses) if local in used]
        if users == [0]:
            continue
        is_read_first = any(local in names for names in exposed)
        if local.is_memory:
            is_shared = len(users) > 1 or not local.is_temp
        else:
            is_shared = is_read_first or (len(users) > 1 and not local.is_temp)
        if is_shared:
            found.append(local)
    return found


def _size(local: ir.Local) -> int:
    match local.type:
        case ir.Int(bits=bits):
            return bits // 8
        case ir.Bool():
            return 1
        case _:
            return local.size or 8


def _align(local: ir.Local) -> int:
    return min(local.align, 8) if local.is_memory else _size(local)


def exposed_locals(body: list[ir.Stmt], given: frozenset[ir.Local]) -> set[ir.Local]:
    """The value locals that may be read before the body has set them; bodies outlined from it are left out."""
    walk = _Walk()
    walk.body(body, set(given))
    return walk.exposed


class _Walk:
    """Follows every way through a body with the set of locals that have a value; None where there is no way on."""

    def __init__(self) -> None:
        self.exposed: set[ir.Local] = set()

    def body(self, body: list[ir.Stmt], known: set[ir.Local]) -> set[ir.Local] | None:
        state: set[ir.Local] | None = set(known)
        for stmt in body:
            if state is None:
                break
            state = self._statement(stmt, state)
        return state

    def _statement(self, stmt: ir.Stmt, known: set[ir.Local]) -> set[ir.Local] | None:
        match stmt:
            case ir.Set():
                self._expression(stmt.value, known)
                known.add(stmt.local)
            case ir.If():
                self._expression(stmt.cond, known)
                return _meet(self.body(stmt.then, known), self.body(stmt.other, known))
            case ir.While():
                self._expression(stmt.cond, known)
                self.body(stmt.body, known)
                self.body(stmt.step, known)
            case ir.Try():
                ends = [self.body(handler, known) for _, handler in stmt.handlers]
                after = self.body(stmt.body, known)
                ends.append(None if after is None else self.body(stmt.orelse, after))
                state: set[ir.Local] | None = None
                for end in ends:
                    state = _meet(state, end)
                return state
            case ir.Break() | ir.Continue() | ir.Return() | ir.Raise():
                self._parts(stmt, known)
                return None
            case _:
                self._parts(stmt, known)
        return known

    def _expression(self, node: ir.Expr, known: set[ir.Local]) -> None:
        match node:
            case ir.Get():
                if node.local not in known:
                    self.exposed.add(node.local)
            case ir.Both() | ir.Either():
                self._expression(node.a, known)
                self._expression(node.b, set(known))
            case ir.Choose():
                self._expression(node.cond, known)
                self._expression(node.then, set(known))
                self._expression(node.other, set(known))
            case ir.Do():
                known.update(self.body(node.body, known) or ())
                self._expression(node.value, known)
            case _:
                self._parts(node, known)

    def _parts(self, node: ir.Stmt | ir.Expr, known: set[ir.Local]) -> None:
        for item in fields(node):
            part = getattr(node, item.name)
            if isinstance(part, ir.Expr):
                self._expression(part, known)
            elif isinstance(part, list):
                for each in part:
                    if isinstance(each, ir.Expr):
                        self._expression(each, known)


def _meet(a: set[ir.Local] | None, b: set[ir.Local] | None) -> set[ir.Local] | None:
    return b if a is None else a if b is None else a & b
