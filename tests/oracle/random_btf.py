"""BTF as no compiler makes it, but that C can still say: names that clash or are none, holes, packed and overlapping members.

In: a seed. Out: a `Btf` for the C dump, whose asserts then prove what comes out of it. The same seed gives the same BTF.
"""

from __future__ import annotations

from random import Random

from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder

NAMES = ["a", "b", "state", "int", "class", "Option<u32>", "linux", "foo", "bar", "foo___2", "u32", "bool", "x.y", ""]

MEMBERS = ["m", "n", "for", "register", "Option<u8>", "0", "unix", "m___2", "with.dot", "", ""]
"""None of NAMES: clang 14 takes a member in an anonymous struct for something that hides a typedef of its name."""

INTS = [
    t.Int("int", 4, IntEncoding.SIGNED),
    t.Int("unsigned int", 4),
    t.Int("char", 1, IntEncoding.SIGNED),
    t.Int("unsigned char", 1),
    t.Int("short", 2, IntEncoding.SIGNED),
    t.Int("long unsigned int", 8),
    t.Int("long", 4, IntEncoding.SIGNED),
    t.Int("_Bool", 1, IntEncoding.BOOL),
    t.Int("u8", 1),
    t.Int("bool", 1, IntEncoding.BOOL),
    t.Int("usize", 8),
    t.Int("u24", 3),
    t.Int("unsigned __int128", 16),
    t.Int("", 2),
]


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.builder = Builder()
        self.sizes: dict[int, int] = {}
        """Type id to bytes, of types that a member may have."""
        self.aligns: dict[int, int] = {}
        self.any: list[int] = [0]
        """Types that a pointer may point at."""
        self.late: list[int] = []
        """Ids of structs that come later."""

    def add(self, type_: t.Type, size: int | None = None, align: int = 1) -> int:
        type_id = self.builder.add(type_)
        self.note(type_id, size, align)
        return type_id

    def note(self, type_id: int, size: int | None, align: int) -> None:
        self.any.append(type_id)
        if size is not None:
            self.sizes[type_id] = size
            self.aligns[type_id] = align

    def name(self) -> str:
        return self.random.choice(NAMES)

    def sized(self) -> int:
        return self.random.choice(list(self.sizes))

    def make(self, count: int) -> Btf:
        for int_ in INTS:
            self.add(int_, int_.size, int_.size if int_.size in (1, 2, 4, 8, 16) else 1)
        self.add(t.Float("float", 4), 4, 4)
        self.add(t.Float("long double", 16), 16, 16)
        self.add(t.Float("f16", 2), 2, 2)
        self.add(t.Fwd("foo"))
        self.add(t.Fwd("bar", True))
        self.add(t.Fwd("nowhere"))
        self.late = [self.builder.reserve() for _ in range(count // 3)]
        self.any += self.late
        makers = [self.enum, self.enum64, self.typedef, self.qualified, self.pointer, self.array, self.function]
        weights = [2, 1, 3, 2, 6, 3, 2]
        for late in self.late:
            for _ in range(2):
                self.random.choices(makers, weights)[0]()
            if self.random.random() < 0.4:
                self.add(*self.composite(self.random.choice([t.Struct, t.Union]), ""))
            type_, size, align = self.composite(self.random.choice([t.Struct, t.Struct, t.Union]), self.name() or "s")
            self.builder.set(late, type_)
            self.note(late, size, align)
        return self.builder.build()

    def enum(self) -> None:
        size = self.random.choice([1, 2, 4, 4, 8])
        top = (1 << min(8 * size, 31)) - 1
        signed = self.random.random() < 0.5
        values = [self.random.randint(-(top // 2) if signed else 0, top // 2) for _ in range(self.random.randint(0, 4))]
        named = tuple(t.EnumValue(self.name() or f"E{i}", value) for i, value in enumerate(values))
        self.add(t.Enum(self.name(), size, named, signed), size if named else None, size)

    def enum64(self) -> None:
        signed = self.random.random() < 0.5
        low, high = (-(1 << 63), (1 << 63) - 1) if signed else (0, (1 << 64) - 1)
        values = tuple(t.EnumValue(f"B{i}", self.random.choice([low, high, 0, 7])) for i in range(3))
        self.add(t.Enum64(self.name(), 8, values, signed), 8, 8)

    def typedef(self) -> None:
        target = self.sized() if self.random.random() < 0.7 else self.random.choice(self.any)
        self.add(t.Typedef(self.name() or "t", target), self.sizes.get(target), self.aligns.get(target, 1))

    def qualified(self) -> None:
        target = self.sized()
        cls = self.random.choice([t.Const, t.Volatile, t.Restrict])
        type_: t.Type = cls(target) if self.random.random() < 0.7 else t.TypeTag('us"er', target)
        self.add(type_, self.sizes[target], self.aligns[target])

    def pointer(self) -> None:
        self.add(t.Ptr(self.random.choice(self.any)), 8, 8)

    def array(self) -> None:
        target = self.sized()
        count = self.random.choice([0, 1, 2, 3])
        self.add(t.Array(target, 1, count), self.sizes[target] * count, self.aligns[target])

    def function(self) -> None:
        params = tuple(t.Param(self.name(), self.parameter()) for _ in range(self.random.randint(0, 3)))
        if params and self.random.random() < 0.2:
            params = (*params, t.Param("", 0))
        proto = self.builder.add(t.FuncProto(self.parameter(), params))
        self.add(t.Ptr(proto), 8, 8)

    def parameter(self) -> int:
        """A scalar or pointer: no array, function or struct that is not there yet."""
        scalars = [i for i in self.sizes if isinstance(self.builder[i], (t.Int, t.Ptr, t.Float))]
        return self.random.choice(scalars)

    def composite(self, cls: type[t.Struct] | type[t.Union], name: str) -> tuple[t.Type, int, int]:
        style = self.random.choice(["natural", "natural", "holes", "packed", "overlap"])
        members, pos, align, end = [], 0, 1, 0
        for _ in range(self.random.randint(0, 6)):
            type_id = self.sized()
            size, own = self.sizes[type_id], self.aligns[type_id]
            int_ = self.builder[type_id]
            if cls is t.Union:
                pos = 0
            bits = 0
            if isinstance(int_, t.Int) and size <= 8 and self.random.random() < 0.5:
                bits = 1 if int_.is_bool else self.random.randint(1, 8 * size)
            elif pos % 8:
                pos += 8 - pos % 8
            if style == "holes" and self.random.random() < 0.5 and cls is not t.Union:
                pos += 8 * self.random.choice([1, 2, 8, 70, 200]) if not bits else self.random.randint(1, 40)
            if style in ("natural", "holes") and not bits:
                pos = -(-pos // (8 * own)) * 8 * own
                align = max(align, own)
            if style == "overlap" and self.random.random() < 0.3:
                pos = pos // 16 * 8
            members.append(t.Member(self.random.choice(MEMBERS), type_id, pos, bits))
            pos += bits or 8 * size
            end = max(end, pos)
        size = -(-end // (8 * align)) * align + (self.random.choice([0, 0, align, 3]) if style != "natural" else 0)
        # The alignment that the C dump finds may be lower: 1 says the least about what contains this.
        return cls(name, size, tuple(members), True), size, align if style == "natural" else 1


def random_btf(seed: int, count: int = 120) -> Btf:
    """Some ``count`` structs and unions and what they are made of."""
    return _Maker(seed).make(count)
