"""Statements of random programs, but those on maps."""

from __future__ import annotations

from tests.random_expressions import Maker
from tests.random_model import CAUGHT, FAULTS, SHAPES, WIDE, Record, Scope, limits, promoted

UNKNOWN = 1 << 70
"""More than any type holds: a plain int that is small, as the compiler does not know."""


class StatementMaker(Maker):
    """Makes statements. out: the lines so far; budget: how many statements may still come."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.out: list[str] = []
        self.budget = 0

    def emit(self, indent: int, text: str) -> None:
        self.out.append("    " * indent + text)

    # -- scopes

    def add_record(self, scope: Scope, text: str, record: Record, *, is_ctx: bool = False) -> None:
        """All that can be named of a record. That of a context has no address, and is indexed by constants."""
        if not is_ctx:
            scope.records[text] = record
        scope.places |= {f"{text}.{name}": type_ for name, type_ in record.ints.items()}
        scope.places |= {f"{text}.{name}": base for name, (base, _) in record.bits.items()}
        scope.flags += [f"{text}.{name}" for name in record.bools]
        for name, inner in record.records.items():
            self.add_record(scope, f"{text}.{name}", inner, is_ctx=is_ctx)
        for name, (elem, count) in record.arrays.items():
            if not is_ctx:
                scope.arrays[f"{text}.{name}"] = elem, count
            elif elem != "char":
                scope.places |= {f"{text}.{name}[{i}]": elem for i in range(count)}

    def record_text(self, scope: Scope, record: Record, depth: int) -> str:
        """A record made of values."""
        parts = [f"{name}={self.value(scope, type_, depth)}" for name, type_ in record.ints.items()]
        parts += [f"{name}={self.test(scope, depth)}" for name in record.bools]
        parts += [f"{name}={self.value(scope, base, 0)}" for name, (base, _) in record.bits.items()]
        parts += [f"{name}={self.record_text(scope, inner, 0)}" for name, inner in record.records.items()]
        for name, (elem, count) in record.arrays.items():
            if elem == "char":
                parts.append(f'{name}="{self.r.choice(["", "a", "ab", "abc"])}"')
            else:
                items = [self.leaf(scope, elem) for _ in range(self.r.randint(0, count))]
                parts.append(f"{name}=[{', '.join(items)}]")
        self.r.shuffle(parts)
        return f"{record.name}({', '.join(parts[: self.r.randint(1, len(parts))])})"

    # -- blocks

    def block(self, scope: Scope, indent: int, depth: int, most: int = 3) -> None:
        for _ in range(self.r.randint(1, most)):
            self.statement(scope, indent, depth)

    STATEMENTS = (
        ["assign"] * 8 + ["new"] * 5 + ["augment"] * 5 + ["place"] * 6 + ["augment_place"] * 5 + ["flag"] * 2
        + ["item"] * 3 + ["if_"] * 6 + ["while_"] * 2 + ["for_range"] * 3 + ["for_each"] + ["match"] * 2 + ["try_"] * 4
        + ["assert_", "raise_", "swap", "slice", "record", "record", "leave", "leave", "walrus_if", "optional"]
        + ["map_set"] * 3 + ["map_augment"] * 3 + ["map_delete", "map_record", "map_record", "map_items"]
        + ["call"] * 3
    )  # fmt: skip

    def statement(self, scope: Scope, indent: int, depth: int) -> None:
        self.budget -= 1
        before = len(self.out)
        if self.budget > 0:
            getattr(self, f"s_{self.r.choice(self.STATEMENTS)}")(scope, indent, depth)
        if len(self.out) == before:
            self.s_place(scope, indent, depth)

    def s_assign(self, scope: Scope, indent: int, depth: int) -> None:
        if scope.ints:
            name = self.r.choice(list(scope.ints))
            self.emit(indent, f"{name} = {self.value(scope, scope.ints[name], 3)}")

    def s_new(self, scope: Scope, indent: int, depth: int) -> None:
        name, kind = self.name(), self.r.randrange(8)
        if kind == 0:
            self.emit(indent, f"{name} = {self.test(scope, 2)}")
            scope.bools.append(name)
            return
        type_ = self.r.choice(list(SHAPES))
        note = f": {type_}" if self.chance(0.5) else ""
        self.emit(indent, f"{name}{note} = {self.value(scope, type_, 3)}")
        scope.ints[name] = type_

    def s_augment(self, scope: Scope, indent: int, depth: int) -> None:
        names = [name for name, type_ in scope.ints.items() if type_ in WIDE]
        if names:
            name = self.r.choice(names)
            self.augmented(scope, indent, name, scope.ints[name])

    def augmented(self, scope: Scope, indent: int, name: str, type_: str) -> None:
        op = self.r.choice(["+", "-", "*", "&", "|", "^", "//", "%", "<<", ">>"])
        if op in ("<<", ">>"):
            self.emit(indent, f"{name} {op}= {self.r.choice([str(self.r.randint(0, 40)), self.value(scope, 'u8', 1)])}")
        elif op in ("//", "%"):
            self.emit(indent, f"{name} {op}= {self.value(scope, type_, 1)}")
        else:
            self.emit(indent, f"{name} {op}= {self._operand(scope, promoted(type_), 2)}")

    def s_place(self, scope: Scope, indent: int, depth: int) -> None:
        name = self.r.choice(list(scope.places))
        type_ = scope.places[name]
        if name in self.globals or self.chance(0.6):
            self.emit(indent, f"{name} = {self.value(scope, type_, 3)}")
        else:
            self.emit(indent, f"{name} = {self.anything(scope, 2)}")

    def s_augment_place(self, scope: Scope, indent: int, depth: int) -> None:
        name = self.r.choice(list(scope.places))
        type_ = scope.places[name]
        if name not in self.globals or type_ in WIDE:
            self.augmented(scope, indent, name, type_)

    def s_flag(self, scope: Scope, indent: int, depth: int) -> None:
        if scope.flags or scope.bools:
            self.emit(indent, f"{self.r.choice(scope.flags + scope.bools)} = {self.test(scope, 3)}")

    def s_item(self, scope: Scope, indent: int, depth: int) -> None:
        names = [name for name, (elem, _) in scope.arrays.items() if elem != "char"]
        if not names:
            return
        name = self.r.choice(names)
        elem, count = scope.arrays[name]
        place = f"{name}[{self.index(scope, count, 2)}]"
        if self.chance(0.5):
            self.emit(indent, f"{place} = {self.value(scope, elem, 2)}")
        else:
            self.augmented(scope, indent, place, elem)

    def s_if_(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0:
            return
        self.emit(indent, f"if {self.test(scope, 3)}:")
        self.block(scope.inner(), indent + 1, depth - 1)
        if self.chance(0.3):
            self.emit(indent, f"elif {self.test(scope, 2)}:")
            self.block(scope.inner(), indent + 1, depth - 1)
        if self.chance(0.5):
            self.emit(indent, "else:")
            self.block(scope.inner(), indent + 1, depth - 1)

    def s_walrus_if(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0:
            return
        name, type_ = self.name(), self.r.choice(list(SHAPES))
        self.emit(
            indent,
            f"if ({name} := {self.value(scope, type_, 2)}) {self.r.choice(['<', '>', '!='])} {self.r.choice([0, 5, 200])}:",
        )
        scope.ints[name] = type_
        self.block(scope.inner(), indent + 1, depth - 1)

    def s_while_(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0 or scope.in_loop >= 2:
            return
        name, rounds = self.name("n"), self.r.randint(1, 6)
        start, limit, wide = "0", str(rounds), self.chance(0.4)
        if wide:
            start = "u32(0)"
        if self.chance(0.4):
            limit = self.name("y")
            self.emit(
                indent,
                f"{limit}: u32 = u32({self.anything(scope, 1)} & 7)"
                if self.chance(0.5)
                else f"{limit} = {self.value(scope, 'u32', 1)} & 7",
            )
        self.emit(indent, f"{name} = {start}")
        more = f" and ({self.test(scope, 2)})" if self.chance(0.4) else ""
        self.emit(indent, f"while {name} < {limit}{more}:")
        inner = scope.inner()
        inner.in_loop, inner.loop_kind = scope.in_loop + 1, "while"
        if wide:
            inner.steady[name] = "u32"
        else:
            inner.plains[name] = UNKNOWN
        at_end = self.chance(0.5)
        if at_end:
            inner.loop_kind = "counted"
        else:
            self.emit(indent + 1, f"{name} += 1")
        self.block(inner, indent + 1, depth - 1)
        if at_end:
            self.emit(indent + 1, f"{name} += 1")
        self.or_else(scope, indent, depth)

    def or_else(self, scope: Scope, indent: int, depth: int) -> None:
        if self.chance(0.25):
            self.emit(indent, "else:")
            self.block(scope.inner(), indent + 1, depth - 1, 2)

    def s_for_range(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0 or scope.in_loop >= 2:
            return
        name, kind, r = self.name("at"), self.r.randrange(6), self.r
        negative = False
        if kind <= 1:
            span = str(r.randint(1, 6))
        elif kind == 2:
            first = r.randint(0, 4)
            span = f"{first}, {first + r.randint(0, 8)}, {r.randint(1, 3)}"
        elif kind == 3:
            span, negative = r.choice([("5, -1, -1", True), ("-3, 4", True), ("9, 2, -2", False)])
        elif kind == 4:
            span = f"{self.value(scope, 'u32', 1)} & 7"
        else:  # not known to be small when compiling
            limit = self.name("y")
            self.emit(indent, f"{limit}: {r.choice(['u32', 'u16', 'i64'])} = u16({self.anything(scope, 1)}) & 7")
            span = r.choice([limit, f"1, {limit}", f"0, {limit}, 2"])
        self.emit(indent, f"for {name} in range({span}):")
        inner = scope.inner()
        inner.in_loop, inner.loop_kind = scope.in_loop + 1, "for"
        if negative:
            converted = self.name()
            self.emit(indent + 1, f"{converted} = i32({name})")
            inner.ints[converted] = "i32"
        else:
            inner.plains[name] = UNKNOWN if kind == 5 else 16
        self.block(inner, indent + 1, depth - 1)
        self.or_else(scope, indent, depth)

    def s_for_each(self, scope: Scope, indent: int, depth: int) -> None:
        """Over an array, or a constant tuple."""
        if depth <= 0 or scope.in_loop >= 2:
            return
        name, inner = self.name("e"), scope.inner()
        inner.in_loop, inner.loop_kind = scope.in_loop + 1, "for"
        arrays = {text: array for text, array in scope.arrays.items() if array[0] != "char"}
        if arrays and self.chance(0.7):
            text = self.r.choice(list(arrays))
            if self.chance(0.3):
                index = self.name("at")
                self.emit(indent, f"for {index}, {name} in enumerate({text}):")
                inner.plains[index] = arrays[text][1]
            else:
                self.emit(indent, f"for {name} in {text}:")
            inner.steady[name] = arrays[text][0]
        else:
            self.emit(indent, f"for {name} in {self.r.choice(['TABLE', '(3, 1, 4)'])}:")
            inner.plains[name] = 200
        self.block(inner, indent + 1, depth - 1, 2)
        self.or_else(scope, indent, depth)

    def s_leave(self, scope: Scope, indent: int, depth: int) -> None:
        """break, continue or return, where that is possible; behind a test."""
        ways = []
        if scope.loop_kind in ("for", "while"):
            ways = ["break", "continue"]
        elif scope.loop_kind == "counted":
            ways = ["break"]
        if not ways or self.chance(0.2):
            ways = ["return"]
        way = self.r.choice(ways)
        self.emit(indent, f"if {self.test(scope, 2)}:")
        if way == "return":
            self.s_return(scope.inner(), indent + 1)
        else:
            self.emit(indent + 1, way)

    def s_return(self, scope: Scope, indent: int) -> None:
        result = scope.result
        if scope.optional and self.chance(0.4):
            self.emit(indent, "return None")
        elif result is None:
            self.emit(indent, "return")
        elif isinstance(result, Record):
            owned = [
                n for n, record in scope.records.items() if record is result and "." not in n and n in scope.arrays
            ]
            self.emit(indent, f"return {self.r.choice(owned) if owned else self.record_text(scope, result, 1)}")
        elif isinstance(result, tuple):
            self.emit(indent, f"return {', '.join(self.value(scope, part, 2) for part in result)}")
        else:
            self.emit(indent, f"return {self.value(scope, result, 3)}")

    def s_match(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0:
            return
        r = self.r
        subject, type_ = self.name("q"), r.choice(list(SHAPES))
        records = [n for n, record in scope.records.items() if record is self.small]
        if records and self.chance(0.3):
            self.emit(indent, f"match {r.choice(records)}:")
            field_, other = r.choice(list(self.small.ints.items()))
            number = r.choice([0, 1, limits(other)[1]])
            self.emit(indent + 1, f"case S0({field_}={number}, ok={r.choice(['True', 'False'])}):")
            self.block(scope.inner(), indent + 2, depth - 1, 2)
            inner = scope.inner()
            inner.steady[subject] = other
            self.emit(
                indent + 1, f"case S0({field_}={subject}){f' if {self.test(inner, 1)}' if self.chance(0.5) else ''}:"
            )
            self.block(inner, indent + 2, depth - 1, 2)
            return
        if self.chance(0.2):
            self.emit(indent, f"match ({self.value(scope, type_, 2)}, {self.value(scope, 'u8', 1)} & 3):")
            self.emit(indent + 1, f"case ({r.randint(0, 3)}, {r.randint(0, 3)} | {r.randint(0, 3)}):")
            self.block(scope.inner(), indent + 2, depth - 1, 2)
            inner = scope.inner()
            inner.steady[subject] = type_
            self.emit(indent + 1, f"case ({subject}, {r.randint(0, 3)}):")
            self.block(inner, indent + 2, depth - 1, 2)
            return
        self.emit(indent, f"match {self.value(scope, type_, 2)}{r.choice(['', ' & 7', ' % 5'])}:")
        self.emit(indent + 1, f"case {r.choice(['0', '1 | 2', '3 | 4 | 5', '-1', 'Color.C0', 'Color.C1 | 7'])}:")
        self.block(scope.inner(), indent + 2, depth - 1, 2)
        inner = scope.inner()
        if self.chance(0.6):
            self.emit(indent + 1, f"case {subject} if {subject} {r.choice(['<', '>='])} {r.choice([3, 100, 70000])}:")
            self.block(inner, indent + 2, depth - 1, 2)
        if self.chance(0.6):
            self.emit(indent + 1, "case _:")
            self.block(scope.inner(), indent + 2, depth - 1, 2)

    def s_try_(self, scope: Scope, indent: int, depth: int) -> None:
        if depth <= 0:
            return
        self.emit(indent, "try:")
        self.block(scope.inner(), indent + 1, depth - 1)
        for _ in range(self.r.randint(1, 2)):
            self.emit(indent, f"except {self.r.choice(CAUGHT)}:")
            self.block(scope.inner(), indent + 1, depth - 1, 2)
        if self.chance(0.2):
            self.emit(indent, "except:")
            self.block(scope.inner(), indent + 1, depth - 1, 1)
        if self.chance(0.2):
            self.emit(indent, "else:")
            self.block(scope.inner(), indent + 1, depth - 1, 2)

    def s_assert_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, f"assert {self.test(scope, 2)}")

    def s_raise_(self, scope: Scope, indent: int, depth: int) -> None:
        self.emit(indent, f"if {self.test(scope, 2)}:")
        self.emit(indent + 1, f"raise {self.r.choice(FAULTS)}")

    def s_swap(self, scope: Scope, indent: int, depth: int) -> None:
        by_type: dict[str, list[str]] = {}
        for name, type_ in scope.ints.items():
            by_type.setdefault(type_, []).append(name)
        pairs = [names for names in by_type.values() if len(names) > 1]
        if pairs:
            a, b = self.r.sample(self.r.choice(pairs), 2)
            self.emit(indent, f"{a}, {b} = {b}, {a}")
        elif len(scope.ints) > 1:
            a, b = self.r.sample(list(scope.ints), 2)
            self.emit(
                indent, f"{a}, {b} = {self.value(scope, scope.ints[a], 2)}, {self.value(scope, scope.ints[b], 2)}"
            )

    def s_slice(self, scope: Scope, indent: int, depth: int) -> None:
        names = [name for name, (elem, _) in scope.arrays.items() if elem == "u8" and scope.arrays[name][1] == 8]
        if names:
            count, a, b = self.r.randint(1, 4), self.r.randint(0, 4), self.r.randint(0, 4)
            x, y = self.r.choice(names), self.r.choice(names)
            if x != y or a == b or abs(a - b) >= count:
                self.emit(indent, f"{x}[{a}:{a + count}] = {y}[{b}:{b + count}]")

    def s_record(self, scope: Scope, indent: int, depth: int) -> None:
        """A new record, or all of one set."""
        r = self.r
        names = [name for name in scope.records if name[0] == "g" or (name[0] == "r" and name != "r")]
        if not names or self.chance(0.4):
            record = r.choice(self.records)
            name = self.name("r")
            self.emit(indent, f"{name} = {self.record_text(scope, record, 2)}")
            self.add_record(scope, name, record)
            return
        name = r.choice(names)
        record = scope.records[name]
        same = [
            other
            for other in names
            if scope.records[other] is record
            and other != name
            and not other.startswith(name)
            and not name.startswith(other)
        ]
        if same and self.chance(0.4):
            self.emit(indent, f"{name} = copy({r.choice(same)})")
        else:
            self.emit(indent, f"{name} = {self.record_text(scope, record, 2)}")

    def s_optional(self, scope: Scope, indent: int, depth: int) -> None:
        found = [f for f in scope.functions if f.optional]
        if depth <= 0:
            return
        name, inner = self.name("w"), scope.inner()
        maps = [m for m in self.maps if isinstance(m.value, str) and not m.size]
        call = self.call_text(scope, self.r.choice(found), 2) if found else None
        if call is None or self.chance(0.3):
            m = self.r.choice(maps)
            self.emit(indent, f"{name} = {m.name}.get({self.key_of(scope, m, 2)})")
            inner.steady[name] = str(m.value)
        else:
            self.emit(indent, f"{name} = {call}")
            result = next(f.result for f in found if call.startswith(f"{f.name}("))
            if isinstance(result, Record):
                self.add_record(inner, name, result)
            else:
                inner.steady[name] = str(result)
        is_not = self.chance(0.6)
        self.emit(indent, f"if {name} is not None:" if is_not else f"if {name} is None:")
        self.block(inner if is_not else scope.inner(), indent + 1, depth - 1, 2)
        if self.chance(0.6):
            self.emit(indent, "else:")
            self.block(scope.inner() if is_not else inner, indent + 1, depth - 1, 2)

    def s_call(self, scope: Scope, indent: int, depth: int) -> None:
        if not scope.functions:
            return
        function = self.r.choice(scope.functions)
        call = self.call_text(scope, function, 2)
        if call is None or function.optional:
            return
        if isinstance(function.result, tuple):
            names = []
            for part in function.result:
                known = [n for n, type_ in scope.ints.items() if SHAPES[type_] == SHAPES[part] and n not in names]
                names.append(self.r.choice(known) if known and self.chance(0.6) else self.name())
            self.emit(indent, f"{', '.join(names)} = {call}")
            scope.ints.update({n: part for n, part in zip(names, function.result, strict=True) if n not in scope.ints})
        elif isinstance(function.result, Record):
            name = self.name("r")
            self.emit(indent, f"{name} = {call}")
            self.add_record(scope, name, function.result)
        else:
            self.emit(indent, call)


__all__ = ["StatementMaker"]
