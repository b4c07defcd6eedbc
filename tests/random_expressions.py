"""Expressions of random programs: each of exactly the type that is asked for, and the declarations they name.

Only what CPython and BPF agree on by definition is made: plain ints stay small, a variable keeps the type that it starts
with, u64 never meets a signed type.
"""

from __future__ import annotations

from random import Random

from tests.random_model import SHAPES, WIDE, Function, Map, Record, Scope, common_name, limits, promoted


class Maker:
    """The state of making one module."""

    def __init__(self, seed: int) -> None:
        self.r = Random(seed)
        self.count = 0
        self.pure = 0
        self.lines: list[str] = []
        self._declare()

    # -- declarations

    def _declare(self) -> None:
        r = self.r
        types = list(SHAPES)
        small = Record("S0", {f"f{i}": r.choice(types) for i in range(r.randint(2, 4))}, bools=["ok"])
        for i in range(r.randint(0, 3)):
            base = r.choice(["u8", "u16", "u32", "u64", "i8", "i32"])
            small.bits[f"b{i}"] = base, r.randint(1, SHAPES[base][0])
        large = Record("S1", {"n": r.choice(types)}, records={"p": small})
        large.arrays = {"a": (r.choice(types), r.randint(2, 6)), "d": ("u8", 8), "t": ("char", 6)}
        key = Record("K", {f"k{i}": r.choice(types) for i in range(r.randint(1, 3))})
        self.small, self.large, self.key = small, large, key
        args = Record("Args", {f"in_{name}": name for name in types})
        args.ints |= {f"o{i}": r.choice(types) for i in range(5)}
        args.bools, args.records = ["flag"], {"s": small}
        args.arrays = {"v": (r.choice(types), 4), "d": ("u8", 8), "t": ("char", 6)}
        self.args = args
        self.records = [small, large, key]
        self.maps = [
            Map("m0", r.choice(types), r.choice(WIDE)),
            Map("m1", key, r.choice(types)),
            Map("m2", r.choice(types), r.choice([small, large])),
            Map("tab", "u32", r.choice(types), r.randint(3, 9)),
            Map("cells", "u32", small, 4),
        ]
        self.globals = {f"g{i}": r.choice(types) for i in range(4)}
        self.enum = {f"C{i}": r.randint(0, 9) for i in range(3)}
        self.table = [r.randint(0, 200) for _ in range(r.randint(3, 8))]

    def head(self) -> str:
        parts = ["from enum import IntEnum", "from btfkit.bpf import *"]
        parts.append("class Color(IntEnum):\n" + "\n".join(f"    {k} = {v}" for k, v in self.enum.items()))
        for record in (*self.records, self.args):
            parts.append(record.text())
            if record is self.small:
                fields = " ^ ".join(f"u64(self.{name})" for name in record.ints)
                parts.append(f"    def mix(self, by: u32) -> u64:\n        return ({fields}) + by")
        parts += [m.text() for m in self.maps]
        parts += [f"{name}: {type_} = {self._plain_const(type_)}" for name, type_ in self.globals.items()]
        parts += ["gs: S0 = S0()", "gl: S1 = S1()", f"TABLE = {tuple(self.table)}"]
        return "\n".join(parts) + "\n"

    def variables(self) -> dict[str, str]:
        return {**self.globals, "gs": "S0", "gl": "S1"}

    # -- small parts

    def name(self, prefix: str = "x") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def chance(self, part: float) -> bool:
        return self.r.random() < part

    def _plain_const(self, type_: str) -> int:
        low, high = limits(type_)
        r = self.r
        return r.choice([0, 1, high, low, r.randint(low, high), r.randint(max(low, -9), 9), r.randint(0, 100)])

    def leaf(self, scope: Scope, type_: str) -> str:
        """A name of that type; where there is none, a conversion of one."""
        shape = SHAPES[type_]
        every = {**scope.ints, **scope.steady, **scope.places}
        names = [name for name, other in every.items() if SHAPES[other] == shape]
        if names and self.chance(0.85):
            return self.r.choice(names)
        names = [name for name, other in every.items() if SHAPES[other] != shape] or names
        name = self.r.choice(names)
        return f"{type_}({name})"

    def const_or(self, scope: Scope, type_: str) -> str:
        return f"{type_}({self._plain_const(type_)})" if self.chance(0.3) else self.leaf(scope, type_)

    # -- expressions: each of exactly that type

    def value(self, scope: Scope, type_: str, depth: int) -> str:
        if depth <= 0 or self.chance(0.15):
            return self.leaf(scope, type_)
        kinds = ["convert"] * 4 + ["choose"] * 2 + ["either", "extreme", "element", "table"]
        if type_ in WIDE:
            kinds += ["arith"] * 12 + ["unary"] * 2 + ["power"]
        if not self.pure:
            kinds += ["map", "call", "call", "walrus", "method"]
        made = getattr(self, f"_{self.r.choice(kinds)}")(scope, type_, depth - 1)
        return made if made is not None else self.leaf(scope, type_)

    def _convert(self, scope: Scope, type_: str, depth: int) -> str:
        return f"{type_}({self.anything(scope, depth)})"

    def anything(self, scope: Scope, depth: int) -> str:
        """An integer of any type; not for more arithmetic."""
        if self.chance(0.1):
            return f"({self.test(scope, depth)})"
        if self.chance(0.1):
            return self.plain(scope)[0]
        if self.chance(0.5):
            while True:
                a, b = self.r.choice(list(SHAPES)), self.r.choice(list(SHAPES))
                if common_name(a, b) is not None:
                    break
            op = self.r.choice(["+", "-", "*", "&", "|", "^", *([] if self.pure else ["//", "%"])])
            return f"({self.value(scope, a, depth)} {op} {self.value(scope, b, depth)})"
        return self.value(scope, self.r.choice(list(SHAPES)), depth)

    def plain(self, scope: Scope) -> tuple[str, int]:
        """A plain int from 0 up, and its limit."""
        if scope.plains and self.chance(0.6):
            name = self.r.choice(list(scope.plains))
            if self.chance(0.3):
                return f"({name} * 3 + 1)", scope.plains[name] * 3 + 1
            return name, scope.plains[name]
        if self.chance(0.3):
            return f"int({self.leaf(scope, 'u8')})", 255
        return f"(int({self.leaf(scope, 'u8')}) + len({self.r.choice(['TABLE', *scope.arrays])}))", 300

    def _operand(self, scope: Scope, type_: str, depth: int) -> str:
        """What may stand beside a value of that type, whose type the result then has."""
        low, high = limits(type_)
        kind = self.r.randrange(6)
        if kind == 0:
            return str(
                self.r.choice([1, 2, 3, 7, 8, 10, 255, self.r.randint(1, high), *([low, -1, -5] if low else [])])
            )
        if kind == 1:
            text, most = self.plain(scope)
            if most <= high:
                return text
        if kind == 2 and self.chance(0.3):  # in CPython bool - u32 is bool's own, a plain int
            return f"int({self.test(scope, depth)})"
        if kind <= 3:
            others = [name for name in SHAPES if common_name(type_, name) == type_]
            return self.value(scope, self.r.choice(others), depth)
        return self.value(scope, type_, depth)

    def _arith(self, scope: Scope, type_: str, depth: int) -> str:
        r = self.r
        op = r.choice(["+", "+", "-", "-", "*", "&", "|", "^", "//", "%", "<<", ">>"])
        a = self.value(scope, type_, depth)
        if op in ("<<", ">>"):
            if self.chance(0.3):
                a = self.value(scope, r.choice([n for n in SHAPES if promoted(n) == type_]), depth)
            count = r.choice([str(r.randint(0, 70)), f"({self.value(scope, 'u8', depth)} & 31)"])
            if not self.pure and self.chance(0.3):
                count = self.value(scope, r.choice(list(SHAPES)), depth)
            return f"({a} {op} {count})"
        if op in ("//", "%") and (self.pure or self.chance(0.3)):
            return f"({a} {op} {r.choice([1, 2, 3, 7, 10, 16, 1000, *([-1, -3, -8] if limits(type_)[0] else [])])})"
        b = self._operand(scope, type_, depth)
        return f"({b} {op} {a})" if op not in ("//", "%") and self.chance(0.3) else f"({a} {op} {b})"

    def _unary(self, scope: Scope, type_: str, depth: int) -> str:
        inner = self.value(scope, self.r.choice([n for n in SHAPES if promoted(n) == type_]), depth)
        return self.r.choice(["(-{})", "(~{})", "(+{})", "abs({})"]).format(inner)

    def _power(self, scope: Scope, type_: str, depth: int) -> str:
        inner = self.value(scope, self.r.choice([n for n in SHAPES if promoted(n) == type_]), min(depth, 1))
        return f"({inner} ** {self.r.choice([0, 1, 2, 2, 3])})"

    def _choose(self, scope: Scope, type_: str, depth: int) -> str:
        a, b = self.value(scope, type_, depth), self.value(scope, type_, depth)
        return f"({a} if {self.test(scope, depth)} else {b})"

    def _either(self, scope: Scope, type_: str, depth: int) -> str:
        a, b = self.value(scope, type_, depth), self.value(scope, type_, depth)
        return f"({a} {self.r.choice(['and', 'or'])} {b})"

    def _extreme(self, scope: Scope, type_: str, depth: int) -> str:
        parts = [self.value(scope, type_, depth), self._operand(scope, promoted(type_), depth)]
        if self.chance(0.2):
            parts.append(self._operand(scope, promoted(type_), depth))
        parts = ["7" if len(part) > 9 and part.isdigit() else part for part in parts]  # u64 with i64 has no type
        self.r.shuffle(parts)
        return f"{type_}({self.r.choice(['min', 'max'])}({', '.join(parts)}))"

    def _element(self, scope: Scope, type_: str, depth: int) -> str | None:
        names = [name for name, (elem, _) in scope.arrays.items() if elem != "char" and SHAPES[elem] == SHAPES[type_]]
        if not names:
            return None
        name = self.r.choice(names)
        return f"{name}[{self.index(scope, scope.arrays[name][1], depth)}]"

    def _table(self, scope: Scope, type_: str, depth: int) -> str:
        index = (
            f"({self.leaf(scope, 'u32')} % {len(self.table)})"
            if self.pure
            else self.index(scope, len(self.table), depth)
        )
        if index.lstrip("-").isdigit():  # a constant then, which may not fit where it goes
            index = self.leaf(scope, "u8")
        return f"{type_}(TABLE[{index}])"

    def index(self, scope: Scope, count: int, depth: int) -> str:
        """An index, out of range at times unless it must be pure."""
        if self.pure or self.chance(0.5):
            return str(self.r.randint(-count, count - 1))
        kind = self.r.randrange(4)
        if kind == 0:
            return self.value(scope, self.r.choice(["u8", "i8", "i32", "u64", "i64"]), depth)
        if kind == 1:
            return self.plain(scope)[0]
        if kind == 2:
            return f"({self.value(scope, self.r.choice(['i32', 'i64']), depth)} % {self.r.choice([count, count + 1])})"
        return f"({self.value(scope, 'u32', depth)} % {count})"

    def key_of(self, scope: Scope, map_: Map, depth: int) -> str:
        """A key, of few: they are to meet."""
        if map_.size:
            small = self.r.choice(
                [f"u32({self.r.randrange(map_.size)})", f"({self.value(scope, 'u32', depth)} % {map_.size})"]
            )
            return f"({self.leaf(scope, 'u32')} & 7)" if self.chance(0.15) else small
        if isinstance(map_.key, Record):
            if self.chance(0.3):
                owned = [name for name, record in scope.records.items() if record is map_.key]
                if owned:
                    return self.r.choice(owned)
            return f"K({', '.join(f'{name}={self._small_key(scope, type_, depth)}' for name, type_ in map_.key.ints.items())})"
        return self._small_key(scope, map_.key, depth)

    def _small_key(self, scope: Scope, type_: str, depth: int) -> str:
        if self.chance(0.4):
            return f"{type_}({self.r.randint(0, 3)})"
        return f"{type_}({self.value(scope, self.r.choice(['u8', 'u32', 'i32', type_]), depth)} & 3)"

    def _map(self, scope: Scope, type_: str, depth: int) -> str | None:
        maps = [m for m in self.maps if isinstance(m.value, str) and SHAPES[m.value] == SHAPES[type_]]
        if not maps:
            return None
        m = self.r.choice(maps)
        key = self.key_of(scope, m, depth)
        forms = [f"{m.name}[{key}]"]
        if not m.size:
            default = self.const_or(scope, type_)
            forms += [f"{m.name}.{how}({key}, {default})" for how in ("get", "get", "setdefault", "pop")]
            forms.append(f"{m.name}.pop({key})")
        return self.r.choice(forms)

    def _call(self, scope: Scope, type_: str, depth: int) -> str | None:
        found = [
            f
            for f in scope.functions
            if isinstance(f.result, str) and SHAPES[f.result] == SHAPES[type_] and not f.optional
        ]
        return self.call_text(scope, self.r.choice(found), depth) if found else None

    def call_text(self, scope: Scope, function: Function, depth: int) -> str | None:
        args = []
        if function.record is not None:
            names = [name for name, record in scope.records.items() if record is function.record]
            if not names:
                return None
            args.append(self.r.choice(names))
        given = [self.value(scope, param, min(depth, 1)) for param in function.params]
        if self.chance(0.2):
            given = [f"p{number}={text}" for number, text in enumerate(given)]
            self.r.shuffle(given)
        args += given
        return f"{function.name}({', '.join(args)})"

    def _walrus(self, scope: Scope, type_: str, depth: int) -> str | None:
        names = [name for name, other in scope.ints.items() if SHAPES[other] == SHAPES[type_]]
        return f"({self.r.choice(names)} := {self.value(scope, type_, depth)})" if names else None

    def _method(self, scope: Scope, type_: str, depth: int) -> str | None:
        names = [name for name, record in scope.records.items() if record is self.small]
        if type_ != "u64" or not names:
            return None
        return f"{self.r.choice(names)}.mix({self.value(scope, 'u32', depth)})"

    # -- tests

    def test(self, scope: Scope, depth: int) -> str:
        r = self.r
        kind = r.randrange(14) if depth > 0 else r.randrange(4)
        if kind == 0 and (scope.bools or scope.flags):
            return r.choice(scope.bools + scope.flags)
        if kind <= 6:
            op = r.choice(["==", "!=", "<", "<=", ">", ">="])
            a = self.value(scope, r.choice(list(SHAPES)), depth - 1)
            b = str(r.choice([0, 1, -1, 5, 127, 255, 256, 40000, 1 << 31, 1 << 32]))
            if self.chance(0.7):
                b = self.value(scope, r.choice(list(SHAPES)), depth - 1)
            return f"{a} {op} {b}" if self.chance(0.8) else f"{b} {op} {a}"
        if kind == 7:
            parts = [self.value(scope, r.choice(list(SHAPES)), depth - 1) for _ in range(3)]
            return f"{parts[0]} {r.choice(['<', '<=', '!='])} {parts[1]} {r.choice(['<', '<=', '=='])} {parts[2]}"
        if kind in (8, 9):
            parts = [f"({self.test(scope, depth - 1)})" for _ in range(r.randint(2, 3))]
            return f" {r.choice(['and', 'or'])} ".join(parts)
        if kind == 10:
            return f"not ({self.test(scope, depth - 1)})"
        if kind == 11:
            span = r.choice(["(1, 2, 3)", "(0, 255, 7)", "range(3, 90)", "range(-5, 5)", "TABLE"])
            return f"{self.value(scope, r.choice(list(SHAPES)), depth - 1)} {r.choice(['in', 'not in'])} {span}"
        if kind == 12 and not self.pure:
            m = r.choice([m for m in self.maps if not m.size])
            return f"{self.key_of(scope, m, depth - 1)} {r.choice(['in', 'not in'])} {m.name}"
        return self.memory_test(scope)

    def memory_test(self, scope: Scope) -> str:
        """Records and arrays, compared."""
        r = self.r
        arrays = {n: a for n, a in scope.arrays.items() if a in (("u8", 8), ("char", 6))}
        if arrays and self.chance(0.6):
            a, b = r.choice(list(arrays)), r.choice(list(arrays))
            if arrays[a][0] == "char":
                return r.choice([f'{a} == "ab"', f'{a}.startswith("a")', f'{a}[:2] == b"ab"'])
            first, count = r.randint(0, 4), r.randint(1, 4)
            if arrays[b][0] == "u8":
                other = r.randint(0, 4)
                return f"{a}[{first}:{first + count}] {r.choice(['==', '!='])} {b}[{other}:{other + count}]"
            return f'{a}[{first}:{first + 2}] == b"\\0\\1"'
        names = [(a, b) for a in scope.records for b in scope.records if scope.records[a] is scope.records[b]]
        names = [(a, b) for a, b in names if not a.startswith("ctx") and not b.startswith("ctx")]
        if names:
            a, b = r.choice(names)
            return f"{a} {r.choice(['==', '!='])} {b}"
        return f"{self.leaf(scope, 'u8')} != 0"


__all__ = ["Maker"]
