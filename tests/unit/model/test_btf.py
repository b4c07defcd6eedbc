"""`Btf`: ids, look-up by name, and what types mean."""

from __future__ import annotations

import time

import pytest

from btfkit.codec import decode_btf, encode_btf
from btfkit.errors import AmbiguousTypeError, BadReferenceError, FormatError, TypeNotFoundError
from btfkit.format.btf import Form
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import FuncLinkage, IntEncoding
from btfkit.model import types as t
from btfkit.model.btf import MAX_RESOLVE_DEPTH, NEAR_NAMES_MAX, Btf
from btfkit.model.builder import Builder
from btfkit.model.instances import Instance

SIGNED = IntEncoding.SIGNED


def both(btf: Btf) -> list[Btf]:
    """As it was built, and as the decoder makes it."""
    base = btf.base
    read_base = decode_btf(encode_btf(base)) if base is not None else None
    return [btf, decode_btf(encode_btf(btf), base=read_base)]


def sample() -> Builder:
    b = Builder()
    b.add(t.Int("int", 4, SIGNED))  # 1
    b.add(t.Struct("flow", 8, (t.Member("src", 1, 0), t.Member("dst", 1, 32))))  # 2
    b.add(t.Typedef("flow_t", 2))  # 3
    b.add(t.Fwd("flow"))  # 4
    b.add(t.Ptr(4))  # 5
    b.add(t.FuncProto(1, (t.Param("f", 5),)))  # 6
    b.add(t.Func("count", 6, FuncLinkage.STATIC))  # 7
    b.add(t.Map(2, 1))  # 8
    b.add(t.Typedef("flows_t", 8))  # 9
    b.instance(7, "count")
    b.instance(9, "flows")
    b.instance(1, "calls", 1)
    return b


@pytest.mark.parametrize("btf", both(sample().build()), ids=["built", "read"])
def test_ids_and_names(btf: Btf) -> None:
    assert (len(btf), btf.start_id, btf.next_id, btf.ids()) == (9, 1, 10, range(1, 10))
    assert btf[0] == t.VOID
    assert [type_id for type_id, _ in btf] == list(btf.ids())
    assert (0 in btf, 9 in btf, 10 in btf, -1 in btf) == (True, True, False, False)
    for missing in (10, -1, 1 << 32):
        with pytest.raises(BadReferenceError, match=rf"type_id {missing} is past the last id 9"):
            btf[missing]
    assert btf.names() == {"int", "flow", "flow_t", "count", "flows_t"}
    assert repr(btf) == "<Btf instance: 9 types, 3 instances>"
    assert btf.describe(2) == "type 2 STRUCT 'flow'"
    assert btf.describe(8) == "type 8 MAP"
    assert btf.describe(0) == "type 0 (void)"
    assert btf.describe(99) == "type 99"


@pytest.mark.parametrize("btf", both(sample().build()), ids=["built", "read"])
def test_find(btf: Btf) -> None:
    for _ in range(3):  # the first look-ups scan, further ones use an index
        assert btf.find("int") == 1
        assert btf.find("flow", t.Struct) == 2
        assert btf.find("flow", t.Fwd, t.Ptr) == 4
        assert btf.find_all("flow") == [2, 4]
        assert btf.find_all("flow", t.Union) == []
        assert btf.find_all("nothing") == []
        assert btf.find_all("\ud800") == btf.find_all("flow\0flow_t") == []
        assert btf.find_all("") == [5, 6, 8]
        with pytest.raises(TypeNotFoundError) as missing:
            btf.find("flaw_t")
        assert missing.value.near == ("flow_t", "flows_t", "flow")
        assert str(missing.value) == "there is no type 'flaw_t' (near: flow_t, flows_t, flow)"
        with pytest.raises(TypeNotFoundError, match="there is no STRUCT/UNION 'int'"):
            btf.find("int", t.Struct, t.Union)
        with pytest.raises(AmbiguousTypeError) as several:
            btf.find("flow")
        assert several.value.ids == (2, 4)
        assert str(several.value) == "there are 2 of type 'flow': type ids 2, 4"


def test_find_of_many() -> None:
    btf = Btf([t.Fwd("same")] * 30 + [t.Fwd(f"s{i}") for i in range(NEAR_NAMES_MAX)])
    for each in both(btf):
        with pytest.raises(AmbiguousTypeError, match=r"type ids 1, 2, 3, 4, 5, 6, 7, 8, …$"):
            each.find("same")
        assert each.find("s77") == 108
        with pytest.raises(TypeNotFoundError) as missing:
            each.find("sane")
        assert missing.value.near == ()


def test_find_by_the_tail_of_a_string() -> None:
    """A name may be stored as the tail of another."""
    whole = encode_btf(Btf([t.Fwd("overflow"), t.Fwd("flow"), t.Fwd("low")], form=Form.CLASSIC))
    head, strings = whole[:60], b"\0overflow\0"
    tailed = bytearray(head + strings)
    tailed[20:24] = len(strings).to_bytes(4, "little")
    tailed[36:40] = (5).to_bytes(4, "little")
    tailed[48:52] = (6).to_bytes(4, "little")
    for lookups in (1, 10):
        btf = decode_btf(bytes(tailed))
        for _ in range(lookups):
            assert [btf.find(name) for name in ("overflow", "flow", "low")] == [1, 2, 3]


def test_split() -> None:
    base = sample().build()
    b = Builder(base)
    assert (b.add(t.Struct("more", 8, (t.Member("flow", 2, 0),))), b.add(t.Ptr(10)), b.add(t.Fwd("flow"))) == (
        10,
        11,
        12,
    )
    assert b.instance(10, "extra", 1) == 4
    for btf in both(b.build()):
        assert (btf.start_id, btf.next_id, btf.start_inst_id, btf.next_inst_id) == (10, 13, 4, 5)
        assert btf[2] == base[2]
        assert btf[0] == t.VOID
        assert btf.find_all("flow") == [2, 4, 12]
        assert btf.find("flow", t.Struct) == 2
        assert btf.instances == (*base.own_instances, Instance(10, "extra", 1))
        assert [btf.instance(i).name for i in range(1, 5)] == ["count", "flows", "calls", "extra"]
        assert btf.instance_kind(2) is InstanceKind.MAP
        assert btf.size_of(11) == 8
        assert repr(btf) == "<Btf instance: 3 types, 1 instances on a base of 9>"
        assert btf != base
        assert "more" in btf.names()
        assert "count" in btf.names()


def test_split_on_a_base_without_types() -> None:
    """Such a base still has strings and instances, which count."""
    base = Btf([], None, [Instance(0, "f")])
    split = Btf([t.Fwd("f"), t.Fwd("g")], None, [Instance(1, "g", 1)], base=base)
    assert (split.start_id, split.start_inst_id) == (1, 2)
    for each in both(split):
        assert each == split
        assert each.instance(1).name == "f"


def test_instances() -> None:
    for btf in both(sample().build()):
        assert [btf.instance_kind(i) for i in btf.inst_ids()] == [
            InstanceKind.FUNCTION,
            InstanceKind.MAP,
            InstanceKind.VARIABLE,
        ]
        assert btf.describe_instance(2) == "instance 2 'flows'"
        assert btf.describe_instance(4) == "instance 4"
        for missing in (0, 4, -1):
            with pytest.raises(BadReferenceError, match=f"inst_id {missing} is past the last instance 3"):
                btf.instance(missing)
        assert btf.map_type(9) == t.Map(2, 1)
        assert btf.map_type(1) is None
        assert btf.func_proto(7) == btf.func_proto(6) == btf[6]
        assert btf.func_proto(5) is None


def test_function_by_its_prototype() -> None:
    btf = Btf([t.FuncProto(0), t.Const(1), t.Ptr(1)], None, [Instance(1, "f"), Instance(2, "g"), Instance(3, "p")])
    assert [btf.instance_kind(i) for i in (1, 2, 3)] == [*[InstanceKind.FUNCTION] * 2, InstanceKind.VARIABLE]
    assert btf.func_proto(3) == t.FuncProto(0)


INT = t.Int("int", 4, SIGNED)
SIZES: list[tuple[str, list[t.Type], int | None, int]] = [
    # The last type's size and alignment.
    ("int", [INT], 4, 4),
    ("int128", [t.Int("__int128", 16, SIGNED)], 16, 16),
    ("int0", [t.Int("none", 0)], 0, 1),
    ("long double", [t.Float("long double", 12)], 12, 4),
    ("enum64", [t.Enum64("e", 8)], 8, 8),
    ("enum", [t.Enum("e", 1)], 1, 1),
    ("ptr", [t.Ptr(0)], 8, 8),
    ("modifiers", [INT, t.Const(1), t.Volatile(2), t.TypeTag("x", 3), t.Typedef("y", 4), t.Restrict(5)], 4, 4),
    ("array", [INT, t.Array(1, 1, 5), t.Array(2, 1, 3)], 60, 4),
    ("empty array", [INT, t.Array(1, 1, 0)], 0, 4),
    ("huge array", [INT, *[t.Array(i, 1, 0xFFFFFFFF) for i in range(1, 4)]], 4 * 0xFFFFFFFF**3, 4),
    (
        "struct",
        [INT, t.Struct("s", 12, (t.Member("a", 1, 0), t.Member("p", 3, 64))), t.Ptr(2), t.Array(2, 1, 2)],
        24,
        8,
    ),
    ("empty struct", [t.Struct("s", 0)], 0, 1),
    ("union", [INT, t.Union("u", 4, (t.Member("a", 1, 0),))], 4, 4),
    ("var", [INT, t.Var("v", 1)], 4, 4),
    ("datasec", [t.DataSec(".data", 100)], 100, 1),
    ("fwd", [t.Fwd("s")], None, 1),
    ("array of fwd", [t.Fwd("s"), t.Array(1, 1, 2)], None, 1),
    ("func", [t.FuncProto(0), t.Func("f", 1)], None, 1),
    ("map", [t.Map(0, 0)], None, 1),
    ("void", [t.Const(0)], None, 1),
]


@pytest.mark.parametrize(("types", "size", "align"), [s[1:] for s in SIZES], ids=[s[0] for s in SIZES])
def test_size_and_alignment(types: list[t.Type], size: int | None, align: int) -> None:
    for btf in both(Btf(types)):
        assert (btf.size_of(len(types)), btf.align_of(len(types))) == (size, align)


def test_cycles() -> None:
    btf = Btf([t.Typedef("a", 2), t.Const(1), t.Array(3, 3, 1), t.Var("v", 4)])
    for ask in (btf.resolve, btf.size_of, btf.align_of, btf.map_type, btf.func_proto):
        with pytest.raises(FormatError) as caught:
            ask(1)
        assert str(caught.value) == ".BTF: type 1 TYPEDEF 'a': typedefs or qualifiers form a cycle"
        assert caught.value.type_id == 1
    for type_id, what in ((3, "type 3 ARRAY"), (4, "type 4 VAR 'v'")):
        with pytest.raises(FormatError, match=f"{what}: arrays form a cycle"):
            btf.size_of(type_id)
    assert btf.align_of(3) == btf.align_of(4) == 1
    nested = Btf(
        [
            t.Struct("a", 8, (t.Member("b", 2, 0),)),
            t.Struct("b", 8, (t.Member("a", 1, 0), t.Member("p", 3, 0))),
            t.Ptr(1),
        ]
    )
    assert nested.align_of(1) == 8


def test_deep_and_wide() -> None:
    """Typedefs on typedefs up to the limit; structs in structs without one, however often each is in the next."""
    chain = Btf([INT, *[t.Typedef(f"t{i}", i) for i in range(1, MAX_RESOLVE_DEPTH)], t.Const(MAX_RESOLVE_DEPTH)])
    assert chain.resolve(MAX_RESOLVE_DEPTH) == 1
    with pytest.raises(FormatError, match="cycle"):
        chain.resolve(MAX_RESOLVE_DEPTH + 1)
    count = 5000
    structs = [t.Struct("s", 4, (t.Member("a", i, 0), t.Member("b", i, 0))) for i in range(1, count)]
    began = time.monotonic()
    assert Btf([INT, *structs]).align_of(count) == 4
    assert time.monotonic() - began < 5


def test_bad_references() -> None:
    btf = Btf([t.Typedef("t", 9), t.Struct("s", 4, (t.Member("m", 9, 0),))])
    for ask in (btf.resolve, btf.size_of, btf.align_of):
        with pytest.raises(BadReferenceError, match="type_id 9 is past the last id 2"):
            ask(1)
    with pytest.raises(BadReferenceError):
        btf.align_of(2)


def test_equality() -> None:
    one, two = sample().build(), sample().build(form=Form.PROPOSED, byte_order="big")
    assert one == two
    assert one != sample()
    assert one != Btf([], None)
    assert one != Btf([type_ for _, type_ in one])
    with pytest.raises(TypeError):
        hash(one)
