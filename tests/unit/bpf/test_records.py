"""Records: laid out as a C compiler lays them out; values in plain Python."""

from __future__ import annotations

import copy
import random
import subprocess
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.conftest import skip_or_fail

from btfkit.bpf import Bits, Ptr, Struct, Union, be16, be32, char, i8, i16, i32, i64, sizeof, u8, u16, u32, u64
from btfkit.bpf.ints import ArrayType
from btfkit.bpf.records import RecordMeta, lay_out, size_align
from btfkit.frontend.c import list_compilers

C_NAMES = {u8: "unsigned char", u16: "unsigned short", u32: "unsigned int", u64: "unsigned long long",
           i8: "signed char", i16: "short", i32: "int", i64: "long long", be16: "unsigned short", be32: "unsigned int",
           char: "char", bool: "_Bool"}  # fmt: skip


class Inner(Struct):
    a: u8
    b: u16


class Either(Union):
    number: u64
    text: char[12]


class Packed(Struct, packed=True):
    a: u8
    b: u64
    c: u16


def c_field(type_: Any, name: str) -> str:
    if isinstance(type_, ArrayType):
        return c_field(type_.elem, f"{name}[{type_.count}]")
    if isinstance(type_, Bits):
        return f"{C_NAMES[type_.base]} {name} : {type_.bits}"
    if isinstance(type_, Ptr):
        return f"void *{name}"
    if isinstance(type_, RecordMeta):
        return f"{'union' if type_._is_union else 'struct'} {type_.__name__} {name}"
    return f"{C_NAMES[type_]} {name}"


def c_record(name: str, fields: dict[str, Any], *, packed: bool = False, union: bool = False) -> str:
    inside = " ".join(f"{c_field(type_, field)};" for field, type_ in fields.items())
    return f"{'union' if union else 'struct'} {name} {{ {inside} }}{' __attribute__((packed))' if packed else ''};"


def random_fields(rng: random.Random) -> dict[str, Any]:
    scalars = [u8, u16, u32, u64, i8, i16, i32, i64, bool, be32, Ptr["void"], Inner, Either, Packed]
    fields: dict[str, Any] = {}
    for i in range(rng.randint(1, 8)):
        type_: Any = rng.choice(scalars)
        match rng.randrange(4):
            case 0:
                base = rng.choice([u8, u16, u32, u64, i32])
                type_ = Bits(base, rng.randint(1, base.bits))
            case 1:
                type_ = ArrayType(type_, rng.randint(1, 5))
        fields[f"f{i}"] = type_
    return fields


def test_layout_is_c(tmp_path: Path) -> None:
    """Sizes and offsets of 300 records of random fields, asked of a C compiler."""
    compiler = next(iter(list_compilers()), None)
    if compiler is None:
        skip_or_fail("there is no C compiler")
    rng = random.Random(3)
    lines = [c_record("Inner", {"a": u8, "b": u16}), c_record("Either", {"number": u64, "text": char[12]}, union=True),
             c_record("Packed", {"a": u8, "b": u64, "c": u16}, packed=True)]  # fmt: skip
    for n in range(300):
        fields, union = random_fields(rng), rng.random() < 0.2
        packed = not union and rng.random() < 0.2 and not any(isinstance(type_, Bits) for type_ in fields.values())
        if any(isinstance(type_, Bits) for type_ in fields.values()):  # units of their own, other than in C: see below
            fields = {name: type_ for name, type_ in fields.items() if not isinstance(type_, Bits)} or {"only": u8}
        layout = lay_out(fields, is_union=union, packed=packed)
        lines.append(c_record(f"R{n}", fields, packed=packed, union=union))
        tag = f"{'union' if union else 'struct'} R{n}"
        lines.append(f'_Static_assert(sizeof({tag}) == {layout.size}, "size {n}");')
        lines.append(f'_Static_assert(_Alignof({tag}) == {layout.align}, "align {n}");')
        for name, field in layout.fields.items():
            lines.append(f'_Static_assert(__builtin_offsetof({tag}, {name}) == {field.off}, "{n} {name}");')
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines))
    target = [] if compiler.family == "gcc" else ["-target", "bpf-freestanding" if compiler.family == "zig" else "bpf"]
    done = subprocess.run(
        [*compiler.command, *target, "-fsyntax-only", source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# (fields, (offset of what it lies in, first bit, bits) each, size): units of one type, side by side, as C has them
BITFIELDS = [
    ({"a": Bits(u8, 4), "b": Bits(u8, 4)}, [(0, 0, 4), (0, 4, 4)], 1),
    ({"a": Bits(u8, 5), "b": Bits(u8, 4)}, [(0, 0, 5), (1, 0, 4)], 2),
    ({"a": Bits(u32, 5), "b": Bits(u32, 11), "c": Bits(u32, 16)}, [(0, 0, 5), (0, 5, 11), (0, 16, 16)], 4),
    ({"a": u8, "b": Bits(u16, 9)}, [(0, 0, 0), (2, 0, 9)], 4),
    ({"a": Bits(u32, 3), "b": u32, "c": Bits(u32, 3)}, [(0, 0, 3), (4, 0, 0), (8, 0, 3)], 12),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "places", "size"), BITFIELDS)
def test_bitfields(fields: dict[str, Any], places: list[tuple[int, int, int]], size: int) -> None:
    layout = lay_out(fields)
    assert [(f.off, f.bit_off, f.bit_size) for f in layout.fields.values()] == places
    assert layout.size == size


class Color(IntEnum):
    RED = 1


class Wide(IntEnum):
    ALL = 1 << 40


@pytest.mark.parametrize(("type_", "want"), [(u8, (1, 1)), (be32, (4, 4)), (bool, (1, 1)), (Ptr["x"], (8, 8)),
                                             (Color, (4, 4)), (Wide, (8, 8)), (u16[3], (6, 2)), (Inner, (4, 2)),
                                             (Inner[3], (12, 2)), (Packed, (11, 1)), (Either, (16, 8))])  # fmt: skip
def test_size(type_: Any, want: tuple[int, int]) -> None:
    assert size_align(type_) == want and sizeof(type_) == want[0]


@pytest.mark.parametrize("type_", [int, str, float, None, 3, object])
def test_no_size(type_: Any) -> None:
    with pytest.raises(TypeError, match="is not a type of fixed size"):
        size_align(type_)


class Flow(Struct):
    src: be32
    port: u16 = u16(80)
    inner: Inner
    name: char[4]
    low: Bits[u8, 4]
    LIMIT: ClassVar[int] = 9

    def double(self) -> u32:
        return u32(self.port * 2)


class Longer(Flow):
    more: u64


def test_values() -> None:
    """Zeros and defaults; what is set is of the field's type; copies, not references."""
    inner = Inner(1, 2)
    flow = Flow(src=-1, inner=inner, name="ab", low=18)
    inner.a = u8(9)
    assert (flow.src, flow.port, flow.inner.a, flow.name, flow.low) == (0xFFFF_FFFF, 80, 1, "ab", 2)
    assert flow.double() == 160 and type(flow.src) is be32
    other = copy.copy(flow)
    other.port = 70000
    assert flow.port == 80 and other.port == 70000 % 65536
    assert flow == Flow(flow) and hash(flow) == hash(Flow(flow)) and flow != other
    assert list(Longer.__layout__.fields) == ["src", "port", "inner", "name", "low", "more"] and Longer().port == 80


MISTAKES = [
    (lambda: Flow(1, 2, 3, 4, 5, 6), "Flow has 5 fields, not 6"),
    (lambda: Flow(sorc=1), "Flow.sorc is not a field; it has src, port"),
    (lambda: Flow(1, src=2), "Flow.src is given twice"),
    (lambda: setattr(Flow(), "sorc", 1), "Flow has no field 'sorc'"),
    (lambda: RecordMeta("X", (Struct,), {"__annotations__": {"a": int}}), "X: int is not a type of fixed size: say how"),
    (lambda: Bits[u8, 9], "9 bits of a u8"),
    (lambda: Bits[u8, 0], "0 bits of a u8"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "reason"), MISTAKES, ids=[reason for _, reason in MISTAKES])
def test_mistakes(action: Any, reason: str) -> None:
    with pytest.raises((TypeError, AttributeError), match=reason):
        action()
