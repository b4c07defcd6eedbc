"""A few types that several tests need, by name."""

from __future__ import annotations

from typing import Any

from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.values import Codec, codec

ORDERS = ("little", "big")
INTS = {
    "s8": (1, 1), "u8": (1, 0), "s16": (2, 1), "u16": (2, 0), "s32": (4, 1), "u32": (4, 0),
    "s64": (8, 1), "u64": (8, 0),
    "s128": (16, 1), "u128": (16, 0), "u24": (3, 0),
}  # fmt: skip


class Shapes(Builder):
    """A builder with the scalars of C in it; ``shapes["u32"]`` is a type id."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, int] = {}
        for name, (size, signed) in INTS.items():
            self.named(name, t.Int(name, size, IntEncoding(signed)))
        self.named("char", t.Int("char", 1, IntEncoding.SIGNED))
        self.named("bool", t.Int("_Bool", 1, IntEncoding.BOOL))
        self.named("bool4", t.Int("bool4", 4, IntEncoding.BOOL))
        for size in (2, 4, 8, 16):
            self.named(f"f{size}", t.Float(f"f{size}", size))
        self.named("ptr", t.Ptr(0))
        for bits in (16, 32, 64):
            self.named(f"__be{bits}", t.Typedef(f"__be{bits}", self.ids[f"u{bits}"]))
            self.named(f"__le{bits}", t.Typedef(f"__le{bits}", self.ids[f"u{bits}"]))
        values = (t.EnumValue("CLOSED", 0), t.EnumValue("OPEN", 1), t.EnumValue("LISTEN", 7))
        self.named("state", t.Enum("state", 4, values))

    def named(self, name: str, type_: t.Type) -> int:
        self.ids[name] = self.add(type_)
        return self.ids[name]

    def array(self, elem: str | int, nelems: int) -> int:
        return self.add(t.Array(self.id(elem), self.ids["u32"], nelems))

    def struct(
        self, name: str, size: int, *members: tuple[Any, ...], union: bool = False, kind_flag: bool = False
    ) -> int:
        """members: (name, type, bit offset[, bit size])."""
        cls = t.Union if union else t.Struct
        made = tuple(t.Member(m[0], self.id(m[1]), *m[2:]) for m in members)
        return self.named(name, cls(name, size, made, kind_flag or any(len(m) > 3 for m in members)))

    def id(self, type_: str | int) -> int:
        return self.ids[type_] if isinstance(type_, str) else type_

    def codec(self, type_: str | int, byte_order: str = "little") -> Codec:
        return codec(self.build(byte_order=byte_order), self.id(type_))


def flow(shapes: Shapes) -> int:
    """``struct flow { __be32 src, dst; u16 port; }``, 12 bytes."""
    return shapes.struct("flow", 12, ("src", "__be32", 0), ("dst", "__be32", 32), ("port", "u16", 64))


def swapped(data: bytes, order: str) -> bytes:
    """A scalar's bytes, written down big-endian, in that order."""
    return data if order == "big" else data[::-1]


__all__ = ["INTS", "ORDERS", "Btf", "Shapes", "flow", "swapped"]
