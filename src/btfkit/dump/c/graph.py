"""Types as C mentions them: who names whom, which are declarations of their own, and which need a tag for it.

In: a `Btf` and root ids. Out: a `Graph`: the types that are needed; which of them are *items* (named structs, unions
and enums, typedefs, forward declarations, renamed scalars); all others are written in place. Anonymous types are
*hoisted*, given a tag and made items, where writing them in place would not do:

- they refer to themselves, or a typedef of one does (`hoist_typedefs`);
- they define enumerators and are used twice (an enumerator can be defined once);
- they are large and used more than once (in place everywhere they could fill any amount of text).

Nothing here is recursive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from btfkit.dump.c.scalars import scalar
from btfkit.errors import FormatError, UnsupportedError
from btfkit.format.kinds import kind_name
from btfkit.model import types as t
from btfkit.model.btf import Btf

MAX_IN_PLACE = 512
"""Declarations in an anonymous type that is used more than once and still written in place."""

MAX_PIECES = 1 << 20
"""Declarations in one item: what needs more is no program's type."""

MAX_ALL_PIECES = 1 << 26
"""Declarations in all items together. (The kernel's BTF takes some 2**17.)"""


def refs(type_: t.Type) -> list[int]:
    """The types that C has to mention where this one is written (an array's index type is not one)."""
    match type_:
        case t.Ptr() | t.Const() | t.Volatile() | t.Restrict() | t.TypeTag() | t.Typedef() | t.Func() | t.Var():
            return [type_.type_id]
        case t.Array():
            return [type_.elem_type]
        case t.FuncProto():
            return [type_.return_type, *(param.type_id for param in type_.params)]
        case t.Struct() | t.Union():
            return [member.type_id for member in type_.members]
    return []


class Graph:
    """needed: ids of all types that the roots mention, rising. hoisted: anonymous ones that need a tag.

    types, refs: those types, and what each mentions; void is in types, too.
    """

    def __init__(self, btf: Btf, roots: Iterable[int], mentions: Iterable[int] = ()) -> None:
        """roots: types to be written; mentions: types of further declarations, as often as they are mentioned."""
        self.btf = btf
        self.hoisted: set[int] = set()
        self.types: dict[int, t.Type] = {0: t.VOID}
        self.refs: dict[int, list[int]] = {}
        self._named: set[int] = set()
        mentions = list(mentions)
        todo = [*roots, *mentions]
        while todo:
            type_id = todo.pop()
            if type_id and type_id not in self.refs:
                self._add(type_id)
                todo += self.refs[type_id]
        self.needed = sorted(self.refs)
        for type_id in self.needed:
            self._check(type_id)
        self._uses = dict.fromkeys(self.needed, 0)
        users: dict[int, int] = {}
        for type_id in self.needed:
            for ref in self.refs[type_id]:
                if ref:
                    self._uses[ref] += 1
                    users[ref] = type_id
        for type_id in mentions:
            if type_id:
                self._uses[type_id] += 1
        self._hoist_enums(users)
        self._hoist_composites()

    def is_item(self, type_id: int) -> bool:
        """Whether the type is written as a declaration of its own."""
        return type_id in self._named or type_id in self.hoisted

    def is_anonymous(self, type_id: int) -> bool:
        type_ = self.types[type_id]
        return isinstance(type_, (t.Struct, t.Union)) and not type_.name

    def error(self, reason: str, type_id: int) -> FormatError:
        return FormatError(reason, section=".BTF", type_id=type_id, thing=self.btf.describe(type_id))

    def _add(self, type_id: int) -> None:
        type_ = self.types[type_id] = self.btf[type_id]
        self.refs[type_id] = refs(type_)
        match type_:
            case t.Enum() | t.Enum64() if type_.size not in (1, 2, 4, 8):
                raise self.error(f"is an enum of {type_.size} bytes", type_id)
            case t.Struct() | t.Union() | t.Enum() | t.Enum64():
                named = bool(type_.name)
            case t.Int() | t.Float():
                named = not scalar(type_).text
            case t.Typedef() | t.Fwd():
                named = True
            case t.Unknown():
                reason = f"is used as a type, and {kind_name(type_.number)} is not known"
                raise UnsupportedError(reason, section=".BTF", type_id=type_id, thing=self.btf.describe(type_id))
            case t.DeclTag() | t.DataSec() | t.LocParam() | t.LocProto() | t.LocSec():
                raise self.error("is used as the type of something", type_id)
            case _:
                named = False
        if named:
            self._named.add(type_id)

    def _check(self, type_id: int) -> None:
        """FormatError for what C has no declaration for."""
        type_ = self.types[type_id]
        if isinstance(type_, t.Array):
            self._refuse(type_id, type_.elem_type, (t.Void, t.FuncProto, t.Func, t.Map), "is an array of")
        elif isinstance(type_, t.FuncProto):
            self._refuse(type_id, type_.return_type, (t.FuncProto, t.Func, t.Array), "returns")
            params = type_.params
            if params and params[-1].type_id == 0 and (len(params) == 1 or not params[-1].name):
                params = params[:-1]  # C's ... or (void)
            for param in params:
                self._refuse(type_id, param.type_id, (t.Void, t.Map), "has a parameter of")

    def _refuse(self, type_id: int, ref: int, classes: tuple[type[t.Type], ...], what: str) -> None:
        """Unless ref, seen through typedefs and qualifiers, is of none of these classes."""
        for _ in range(len(self.types)):
            type_ = self.types[ref]
            if isinstance(type_, classes):
                raise self.error(f"{what} {self.btf.describe(ref)}, and C has no such thing", type_id)
            if not isinstance(type_, (t.Typedef, *t.Modifier)):
                break
            ref = type_.type_id

    def _hoist_enums(self, users: dict[int, int]) -> None:
        """Anonymous enums that, or something that has them in place, are used twice."""
        for enum_id in self.needed:
            type_ = self.types[enum_id]
            if not isinstance(type_, (t.Enum, t.Enum64)) or type_.name:
                continue
            current, seen = enum_id, {0}
            while current not in seen and not self.is_item(current):
                if self._uses[current] > 1:
                    self.hoisted.add(enum_id)
                    break
                seen.add(current)
                current = users.get(current, 0)

    def _hoist_composites(self) -> None:
        """Those that contain themselves in place, and large ones used more than once."""
        cost: dict[int, int] = {0: 1}
        for root in self.needed:
            if root in cost:
                continue
            stack: list[tuple[int, Iterator[int]]] = [(root, iter(self.refs[root]))]
            path = {root}
            while stack:
                type_id, rest = stack[-1]
                for ref in rest:
                    if ref in cost or self.is_item(ref):
                        continue
                    if ref in path:
                        self._break([step for step, _ in stack], ref)
                        continue
                    stack.append((ref, iter(self.refs[ref])))
                    path.add(ref)
                    break
                else:
                    stack.pop()
                    path.discard(type_id)
                    cost[type_id] = self._cost(type_id, cost)
        total = sum(cost[type_id] for type_id in self.needed if self.is_item(type_id))
        if total > MAX_ALL_PIECES:
            worst = max(filter(self.is_item, self.needed), key=cost.__getitem__)
            raise self.error(f"takes {cost[worst]} declarations to write, and all types together {total}", worst)

    def _cost(self, type_id: int, cost: dict[int, int]) -> int:
        total = 1 + sum(1 if self.is_item(ref) else cost.get(ref, 1) for ref in self.refs[type_id])
        if total > MAX_IN_PLACE and self._uses[type_id] > 1 and self.is_anonymous(type_id):
            self.hoisted.add(type_id)
        if total > MAX_PIECES:
            raise self.error(f"takes {total} declarations in one another to write", type_id)
        return total

    def _break(self, stack: list[int], back_to: int) -> None:
        """The first anonymous struct or union in a cycle of types in one another gets a tag."""
        for type_id in stack[stack.index(back_to) :]:
            if self.is_anonymous(type_id):
                self.hoisted.add(type_id)
                return
        raise self.error("is made of itself, and nothing in the cycle has a name", back_to)

    def hoist_typedefs(self, cycle: Iterable[int]) -> bool:
        """Give tags to what typedefs in the cycle have in place. False: nothing there to be given one."""
        found = False
        for type_id in cycle:
            if isinstance(self.types[type_id], t.Typedef):
                todo, seen = list(self.refs[type_id]), {0}
                while todo:
                    ref = todo.pop()
                    if ref in seen or self.is_item(ref):
                        continue
                    seen.add(ref)
                    if self.is_anonymous(ref):
                        self.hoisted.add(ref)
                        found = True
                    else:
                        todo += self.refs[ref]
        return found
