"""What is known at a point of a function: which variables are set, which optional ones are not None."""

from __future__ import annotations

from dataclasses import dataclass, field

from btfkit.frontend.python import ir
from btfkit.frontend.python import types as t


@dataclass(slots=True)
class Var:
    """A variable. storage: as annotated, else None: its type is then that of all that it is set to.

    memory: of a record or array that it owns. flag: of an optional by flag. joined: how often its type grew.
    """

    name: str
    type: t.ValueType | None = None
    storage: object = None
    local: ir.Local | None = None
    flag: ir.Local | None = None
    joined: int = 0
    const: object = None
    is_const: bool = False


@dataclass(slots=True)
class Env:
    """assigned, present (not None), bad (a diagnostic said why it has no value): names of variables."""

    assigned: set[str] = field(default_factory=set)
    present: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    alive: bool = True

    def copy(self) -> Env:
        return Env(set(self.assigned), set(self.present), set(self.bad), self.alive)

    def merge(self, other: Env) -> Env:
        """What is known where the two meet."""
        if not self.alive:
            return other
        if not other.alive:
            return self
        return Env(self.assigned & other.assigned, self.present & other.present, self.bad | other.bad)


@dataclass(slots=True)
class Loop:
    """A loop that is being checked. broke: set where `break` leaves it; ends: what is known at each break."""

    broke: ir.Local | None = None
    ends: list[Env] = field(default_factory=list)


def join(a: t.ValueType | None, b: t.ValueType, growth: int) -> t.ValueType | None:
    """The type that holds both; None where there is none. growth: how often it grew already."""
    if a is None or a == b:
        return b
    if isinstance(a, t.PlainType) and isinstance(b, t.PlainType):
        low, high = min(a.low, b.low), max(a.high, b.high)
        if growth > 1:  # a variable of a loop
            low = low if low == a.low else t.I64_MIN
            high = high if high == a.high else t.I64_MAX
        return t.PlainType(low, high)
    numbers = (t.IntType, t.PlainType, t.BoolType)
    if isinstance(a, numbers) and isinstance(b, numbers):
        return _join_numbers(a, b)
    if isinstance(a, t.NoneType) or isinstance(b, t.NoneType):
        other = b if isinstance(a, t.NoneType) else a
        if isinstance(other, t.OptionalType):
            return other
        own = isinstance(other, (t.RecordType, t.ArrayRef)) and other.space == "own"
        by_flag = own or isinstance(other, numbers)
        return t.OptionalType(other, by_flag)
    if isinstance(a, t.OptionalType) or isinstance(b, t.OptionalType):
        inner_a = a.inner if isinstance(a, t.OptionalType) else a
        inner_b = b.inner if isinstance(b, t.OptionalType) else b
        inner = join(inner_a, inner_b, growth)
        flags = [x.by_flag for x in (a, b) if isinstance(x, t.OptionalType)]
        return None if inner is None or len(set(flags)) > 1 else t.OptionalType(inner, flags[0])
    if (
        isinstance(a, t.RecordType)
        and isinstance(b, t.RecordType)
        and a.cls is b.cls
        and "own" not in (a.space, b.space)
    ):
        spaces = {a.space, b.space}
        if spaces <= {"mem", "shared"}:
            return t.RecordType(a.cls, "shared")
    if isinstance(a, t.KernelPtr) and isinstance(b, t.KernelPtr) and a.type_id == b.type_id:
        return t.KernelPtr(a.type_id, a.type_name, a.trusted and b.trusted)
    return None


def _join_numbers(a: t.ValueType, b: t.ValueType) -> t.ValueType | None:
    from btfkit.frontend.python.ops import limits  # noqa: PLC0415

    assert isinstance(a, (t.IntType, t.PlainType, t.BoolType)) and isinstance(b, (t.IntType, t.PlainType, t.BoolType))
    for fixed, other in ((a, b), (b, a)):
        if isinstance(fixed, t.IntType):
            low, high = limits(fixed)
            other_low, other_high = limits(other)
            if low <= other_low and other_high <= high:
                return fixed
    low, high = min(limits(a)[0], limits(b)[0]), max(limits(a)[1], limits(b)[1])
    if isinstance(a, t.PlainType) or isinstance(b, t.PlainType):
        plain, fixed = (a, b) if isinstance(a, t.PlainType) else (b, a)
        assert isinstance(plain, t.PlainType)
        if isinstance(fixed, t.BoolType):
            return t.PlainType(min(plain.low, 0), max(plain.high, 1))
        assert isinstance(fixed, t.IntType)
        if plain.low >= limits(fixed)[0]:  # a count from 0 up, of no fixed width: it takes the width of the other
            return t.IntType(max(fixed.bits, 64 if plain.high > limits(fixed)[1] else fixed.bits), fixed.signed)
    for bits in (32, 64):
        for signed in (False, True):
            least, most = limits(t.IntType(bits, signed))
            if least <= low and high <= most:
                return t.IntType(bits, signed)
    return None


__all__ = ["Env", "Loop", "Var", "join"]
