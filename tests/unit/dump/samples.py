"""BTF made by hand, for the dumps."""

from __future__ import annotations

from hypothesis import strategies as st

from btfkit.format.btf import Form
from btfkit.format.kinds import FuncLinkage, IntEncoding, VarLinkage
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.instances import Instance

INT = t.Int("int", 4, IntEncoding.SIGNED)
U8 = t.Int("unsigned char", 1)
U32 = t.Int("unsigned int", 4)
U64 = t.Int("long long unsigned int", 8)
CHAR = t.Int("char", 1, IntEncoding.SIGNED)
BOOL = t.Int("_Bool", 1, IntEncoding.BOOL)


def btf_of(*types: t.Type, instances: tuple[Instance, ...] = (), base: Btf | None = None) -> Btf:
    """The Btf of these types, the first of which is type 1 (or the base's last + 1)."""
    builder = Builder(base)
    for type_ in types:
        builder.add(type_)
    builder.instances += instances
    return builder.build(form=Form.INSTANCE if instances else Form.CLASSIC)


def every_kind() -> Btf:
    """Each kind at least once, and three instances."""
    return btf_of(
        t.Int("int", 4, IntEncoding.SIGNED),  # 1
        t.Int("unsigned int", 4),  # 2
        t.Int("bool", 1, IntEncoding.BOOL),  # 3
        t.Int("char", 1, IntEncoding.SIGNED | IntEncoding.CHAR),  # 4
        t.Int("bits", 4, IntEncoding.CHAR, 3, 5),  # 5
        t.Ptr(0),  # 6
        t.Array(4, 2, 16),  # 7
        t.Struct("flow", 8, (t.Member("src", 2, 0), t.Member("", 2, 32))),  # 8
        t.Struct("flags", 4, (t.Member("lo", 2, 0, 3), t.Member("hi", 2, 3, 29), t.Member("all", 7, 0)), True),  # 9
        t.Union("", 4),  # 10
        t.Enum("color", 4, (t.EnumValue("RED", 0), t.EnumValue("GREEN", 0xFFFF_FFFF))),  # 11
        t.Enum("", 4, (t.EnumValue("MINUS", -1),), True),  # 12
        t.Fwd("later"),  # 13
        t.Fwd("either", True),  # 14
        t.Typedef("u32", 2),  # 15
        t.Volatile(1),  # 16
        t.Const(1),  # 17
        t.Restrict(6),  # 18
        t.FuncProto(1, (t.Param("ctx", 6), t.Param("", 0))),  # 19
        t.Func("count", 19, FuncLinkage.GLOBAL),  # 20
        t.Func("helper", 19, FuncLinkage.STATIC),  # 21
        t.Func("outside", 19, FuncLinkage.EXTERN),  # 22
        t.Var("calls", 1, VarLinkage.STATIC),  # 23
        t.Var("total", 1, VarLinkage.GLOBAL_ALLOCATED),  # 24
        t.Var("config", 1, VarLinkage.GLOBAL_EXTERN),  # 25
        t.DataSec(".bss", 8, (t.VarSecInfo(23, 0, 4), t.VarSecInfo(24, 4, 4), t.VarSecInfo(900, 0, 0))),  # 26
        t.Float("double", 8),  # 27
        t.DeclTag("hot", 8),  # 28
        t.DeclTag("cold", 8, 1),  # 29
        t.TypeTag("user", 1),  # 30
        t.Enum64("big", 8, (t.EnumValue("HUGE", 1 << 63),)),  # 31
        t.Enum64("", 8, (t.EnumValue("LOW", -(1 << 63)),), True),  # 32
        t.LocParam(8, 9, (1, 2)),  # 33
        t.LocProto((33, 0)),  # 34
        t.LocSec("inline.text", (t.Loc(20, 34, 64),)),  # 35
        t.Map(8, 15),  # 36
        instances=(Instance(20, "count"), Instance(36, "flows"), Instance(15, "calls", 1)),
    )


_ids = st.integers(0, 6)
_members = st.lists(st.builds(t.Member, st.sampled_from(["", "a", "b"]), _ids, st.integers(0, 128), st.integers(0, 9)))
_any_type = st.one_of(
    st.builds(t.Ptr, _ids),
    st.builds(t.Const, _ids),
    st.builds(t.Restrict, _ids),
    st.builds(t.Array, _ids, _ids, st.integers(0, 3)),
    st.builds(t.Typedef, st.sampled_from(["a", "t"]), _ids),
    st.builds(t.Struct, st.sampled_from(["", "s"]), st.integers(0, 64), _members.map(tuple), st.just(True)),
    st.builds(t.Union, st.sampled_from(["", "s"]), st.integers(0, 64), _members.map(tuple), st.just(True)),
    st.builds(t.FuncProto, _ids, st.lists(st.builds(t.Param, st.just("p"), _ids), max_size=3).map(tuple)),
    st.builds(t.Int, st.sampled_from(["int", "x", ""]), st.integers(0, 17)),
    st.builds(t.Enum, st.sampled_from(["", "s"]), st.integers(0, 9)),
    st.builds(t.Fwd, st.sampled_from(["", "s"]), st.booleans()),
    st.builds(t.Map, _ids, _ids),
    st.builds(t.Func, st.just("f"), _ids),
)
graph_types: st.SearchStrategy[list[t.Type]] = st.lists(_any_type, min_size=1, max_size=6)
"""A few types that refer to one another, or past the end, in every way there is."""
