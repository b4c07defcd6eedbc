"""Well-typed programs of the Python subset, made at random.

In: a seed. Out: a `Module`: the text of a file with as many ``@syscall`` programs as wanted, each with its own helpers,
and what is declared in it. The same seed gives the same text. A map that is gone through is changed only in ways whose
order does not matter.
"""

from __future__ import annotations

from tests.random_model import SHAPES, WIDE, Function, Module, Record, Scope, promoted
from tests.random_statements import StatementMaker


class ProgramMaker(StatementMaker):
    """Makes whole programs, and the statements on maps."""

    # -- maps

    def s_map_set(self, scope: Scope, indent: int, depth: int) -> None:
        m = self.r.choice(self.maps)
        key = self.key_of(scope, m, 2)
        if isinstance(m.value, Record):
            self.emit(indent, f"{m.name}[{key}] = {self.record_value(scope, m.value)}")
        else:
            self.emit(indent, f"{m.name}[{key}] = {self.value(scope, m.value, 2)}")

    def record_value(self, scope: Scope, record: Record) -> str:
        names = [name for name, other in scope.records.items() if other is record]
        return self.r.choice(names) if names and self.chance(0.5) else self.record_text(scope, record, 1)

    def s_map_augment(self, scope: Scope, indent: int, depth: int) -> None:
        m = self.r.choice([m for m in self.maps if isinstance(m.value, str)])
        value = self._operand(scope, promoted(str(m.value)), 1)
        self.emit(indent, f"{m.name}[{self.key_of(scope, m, 1)}] {self.r.choice(['+', '-', '|', '^', '&'])}= {value}")

    def s_map_delete(self, scope: Scope, indent: int, depth: int) -> None:
        m = self.r.choice([m for m in self.maps if not m.size])
        self.emit(indent, f"del {m.name}[{self.key_of(scope, m, 2)}]")

    def s_map_record(self, scope: Scope, indent: int, depth: int) -> None:
        """A value of a map, changed where it lies."""
        m = self.r.choice([m for m in self.maps if isinstance(m.value, Record)])
        assert isinstance(m.value, Record)
        name, key, how = self.name("v"), self.key_of(scope, m, 1), self.r.randrange(4)
        if how == 0 and not m.size:
            self.emit(indent, f"{name} = {m.name}.setdefault({key}, {self.record_text(scope, m.value, 1)})")
        elif how == 1 and not m.size:
            self.emit(indent, f"{name} = {m.name}.pop({key})")
        elif how == 2:
            self.emit(indent, f"{name} = {m.name}.get({key})")
            self.emit(indent, f"if {name} is not None:")
            indent += 1
        else:
            self.emit(indent, f"{name} = {m.name}[{key}]")
        inner = Scope(steady=scope.steady | scope.ints)
        self.add_record(inner, name, m.value)
        self.pure += 1
        for _ in range(self.r.randint(1, 3)):
            place = self.r.choice([p for p in inner.places if p not in self.globals])
            mine = inner.inner()
            if self.chance(0.5):
                self.emit(indent, f"{place} = {self.value(mine, inner.places[place], 2)}")
            else:
                self.emit(
                    indent,
                    f"{place} {self.r.choice(['+', '-', '^', '*'])}= {self._operand(mine, promoted(inner.places[place]), 1)}",
                )
        ints = [n for n, type_ in scope.ints.items() if type_ in WIDE]
        if ints:
            target = self.r.choice(ints)
            self.emit(indent, f"{target} = {self.value(inner, scope.ints[target], 2)}")
        self.pure -= 1

    def s_map_items(self, scope: Scope, indent: int, depth: int) -> None:
        """All elements, in any order."""
        names = [n for n, type_ in scope.ints.items() if type_ in WIDE]
        if not names or scope.in_loop >= 1:
            return
        m = self.r.choice([m for m in self.maps if not m.size])
        target, k, v = self.r.choice(names), self.name("k"), self.name("v")
        inner = Scope(steady={**scope.steady, **{n: t for n, t in scope.ints.items() if n != target}})
        kind = self.r.choice(["items", "items", "keys", "values", ""])
        if kind in ("items", "keys", ""):
            self._element_of(inner, k, m.key)
        if kind in ("items", "values"):
            self._element_of(inner, v, m.value)
        shown = {"items": f"{k}, {v}", "values": v}.get(kind, k)
        self.emit(indent, f"for {shown} in {m.name}{f'.{kind}()' if kind else ''}:")
        self.pure += 1
        op = self.r.choice(["+", "^", "|", "-"])
        value = self.value(inner, scope.ints[target], 2)
        if self.chance(0.3):
            self.emit(indent + 1, f"if {self.test(inner, 1)}:")
            indent += 1
        self.emit(indent + 1, f"{target} {op}= {value}")
        changed = [place for place in inner.places if place.startswith(f"{v}.")]
        if changed and self.chance(0.5):
            self.emit(indent + 1, f"{self.r.choice(changed)} += {self.r.randint(1, 9)}")
        self.pure -= 1

    def _element_of(self, scope: Scope, name: str, type_: str | Record) -> None:
        if isinstance(type_, Record):
            self.add_record(scope, name, type_)
        else:
            scope.steady[name] = type_

    # -- functions

    def helper(self, known: list[Function]) -> Function:
        """A function of a program, of some kind."""
        r = self.r
        name, kind = self.name("h"), r.randrange(7)
        params = [r.choice(list(SHAPES)) for _ in range(r.randint(0, 3))]
        function = Function(name, params, r.choice(list(SHAPES)))
        if kind == 1:
            function.record = r.choice(self.records[:2])
        elif kind == 2:
            function.record, function.result = self.small, None
        elif kind == 3:
            function.result = r.choice(self.records)
        elif kind == 4:
            function.result, function.optional = r.choice([*self.records, "u32", "i64", "u8"]), True
        elif kind == 5:
            function.result = tuple(r.choice(list(SHAPES)) for _ in range(r.randint(2, 3)))
        self.define(function, known, 0, "")
        return function

    def define(self, function: Function, known: list[Function], indent: int, nested: str) -> None:
        scope = Scope(result=function.result, optional=function.optional, functions=list(known))
        parts = []
        if function.record is not None:
            parts.append(f"r: {function.record.name}")
            self.add_record(scope, "r", function.record)
        parts += [f"p{i}: {type_}" for i, type_ in enumerate(function.params)]
        scope.ints |= {f"p{i}": type_ for i, type_ in enumerate(function.params)}
        result = function.result.name if isinstance(function.result, Record) else function.result
        shown = f"tuple[{', '.join(result)}]" if isinstance(result, tuple) else str(result)
        self.emit(
            indent, f"def {function.name}({', '.join(parts)}) -> {shown}{' | None' if function.optional else ''}:"
        )
        self.emit(indent + 1, f"global {', '.join(self.variables())}")
        scope.places |= self.globals
        if nested:
            name, type_ = self.name("st"), self.r.choice(WIDE)
            self.emit(indent + 1, f"{name}: Static[{type_}] = {self.r.choice([0, 1, 7])}")
            self.emit(indent + 1, f"{name} += 1")
            scope.steady[name] = type_
        self.budget = 8
        self.block(scope, indent + 1, 2)
        if function.result is not None:
            self.s_return(scope, indent + 1)

    def program(self, number: int, size: int) -> None:
        """One program with its helpers."""
        r, scope = self.r, Scope(in_program=True)
        for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
            scope.functions.append(self.helper(list(scope.functions)))
        self.emit(0, "@syscall")
        result = r.choice(["i32", "i32", "u32", "u8", "i64", "i16"])
        scope.result = result
        self.emit(0, f"def p{number}(ctx: Args) -> {result}:")
        self.emit(1, f"global {', '.join(self.variables())}")
        scope.places |= self.globals
        self.add_record(scope, "ctx", self.args, is_ctx=True)
        if self.chance(0.3):
            nested = Function(self.name("h"), [r.choice(list(SHAPES))], r.choice(list(SHAPES)))
            self.define(nested, [], 1, "static")
            scope.functions.append(nested)
        for _ in range(r.randint(2, 5)):
            type_ = r.choice(list(SHAPES))
            name = self.name()
            self.emit(1, f"{name}{r.choice(['', f': {type_}'])} = {self.leaf(scope, type_)}")
            scope.ints[name] = type_
        if self.chance(0.6):
            name, record = self.name("r"), r.choice(self.records)
            self.emit(1, f"{name} = {self.record_text(scope, record, 1)}")
            self.add_record(scope, name, record)
        if self.chance(0.4):
            name, elem, count = self.name("a"), r.choice(list(SHAPES)), r.randint(2, 6)
            self.emit(1, f"{name} = {elem}[{count}]([{', '.join(self.leaf(scope, elem) for _ in range(count))}])")
            scope.arrays[name] = elem, count
        for name, record in (("gs", self.small), ("gl", self.large)):
            if self.chance(0.2):
                self.add_record(scope, name, record)
        self.budget = size * 2
        for _ in range(r.randint(2, size)):
            self.statement(scope, 1, 3)
        self.s_return(scope, 1)


def make(seed: int, programs: int, size: int = 8) -> Module:
    """A module of that many programs. size: the most statements of a program, not counting those in others."""
    maker = ProgramMaker(seed)
    for number in range(programs):
        maker.program(number, size)
    text = maker.head() + "\n".join(maker.out) + "\n"
    return Module(text, [f"p{n}" for n in range(programs)], maker.maps, maker.variables())


__all__ = ["ProgramMaker", "make"]
