"""`Builder`, the strings, `walk`, and types as values."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from btfkit.codec import decode_btf, encode_btf
from btfkit.errors import BadReferenceError, EncodeError, UnsupportedError
from btfkit.format.btf import Form
from btfkit.format.kinds import KIND_SPECS, IntEncoding, Kind
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder, copy_types
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable
from btfkit.model.walk import ids, names, postorder, reachable, remap

INT = t.Int("int", 4, IntEncoding.SIGNED)
UNKNOWN = t.Unknown(40, "odd", 0, False, 1, b"", "little")


# -- builder ------------------------------------------------------------------------------------------------


def test_cycle() -> None:
    b = Builder()
    node = b.reserve()
    assert b[node] == t.VOID
    with pytest.raises(BadReferenceError, match="type 1 was reserved and never set") as caught:
        b.build()
    assert caught.value.type_id == 1
    b.set(node, t.Struct("node", 8, (t.Member("next", b.add(t.Ptr(node)), 0),)))
    btf = b.build()
    assert btf[node] == t.Struct("node", 8, (t.Member("next", 2, 0),))
    assert decode_btf(encode_btf(btf)) == btf


def test_intern() -> None:
    b = Builder()
    assert (b.intern(INT), b.intern(t.Ptr(1)), b.add(t.Ptr(1)), b.intern(t.Ptr(1)), b.intern(INT)) == (1, 2, 3, 2, 1)
    later = b.reserve()
    assert b.intern(t.VOID) == 0
    b.set(later, t.Fwd("s"))
    assert b[b.intern(t.Fwd("s"))] == t.Fwd("s")
    b.set(1, t.Int("u32", 4))
    assert b[b.intern(INT)] == INT


def test_ids_that_are_none() -> None:
    b = Builder(Btf([INT]))
    assert (b[0], b[1], b.next_id) == (t.VOID, INT, 2)
    for type_id in (2, -1):
        with pytest.raises(BadReferenceError):
            b[type_id]
    for type_id in (0, 1, 2, -1):  # the base's are not the builder's to set
        with pytest.raises(BadReferenceError, match=f"type_id {type_id} is none of the 0 added"):
            b.set(type_id, INT)


def test_parents() -> None:
    b = Builder()
    assert b.instance(0, "f") == 1
    assert b.instance(0, "v", 1) == 2
    with pytest.raises(BadReferenceError, match="parent 3 is not lower than its own id 3") as caught:
        b.instance(0, "w", 3)
    assert caught.value.inst_id == 3


def test_copy_types() -> None:
    source = Btf([INT, t.Struct("node", 8, (t.Member("next", 3, 0),)), t.Ptr(2), t.Fwd("unused"), t.Const(1)])
    target = Builder()
    target.add(t.Float("double", 8))
    new_ids = copy_types(
        source, target, [3, 5], lambda type_: t.Volatile(type_.type_id) if isinstance(type_, t.Const) else type_
    )
    assert new_ids == {0: 0, 1: 2, 2: 3, 3: 4, 5: 5}
    assert target.types[1:] == [INT, t.Struct("node", 8, (t.Member("next", 4, 0),)), t.Ptr(3), t.Volatile(2)]
    with pytest.raises(UnsupportedError, match=r"type 1 UNKNOWN\(40\) 'odd': its kind is not known"):
        copy_types(Btf([UNKNOWN]), Builder(), [1])


# -- strings ------------------------------------------------------------------------------------------------


def test_strings() -> None:
    table = StringTable()
    assert [table.add(text) for text in ("int", "", "päth", "int")] == [1, 0, 5, 1]
    assert table.data == "\0int\0päth\0".encode()
    assert [table.get(off) for off in (0, 1, 2, 4, 5)] == ["", "int", "nt", "", "päth"]
    assert table.texts() == {0: "", 1: "int", 5: "päth"}
    assert (table.find("nt"), table.places("nt"), table.find("gone")) == (None, [2], None)
    assert (table.holds(10), table.holds(11)) == (True, False)
    for off in (11, 0xFFFFFFFF):
        with pytest.raises(BadReferenceError, match=f"string offset 0x{off:x} is past the end 0xb"):
            table.get(off)


def test_any_bytes_are_text() -> None:
    table = StringTable(b"\0\xff\xfe\0\xed\xb2\x80\0")
    for off in (1, 4):
        assert StringTable(b"\0" + table.data[off:]).add(table.get(off)) == 1
    assert table.add(table.get(4)) == 4


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\0"])
def test_texts_that_are_none(text: str) -> None:
    table = StringTable(b"\0a\0b\0")
    assert (table.find(text), table.places(text)) == (None, [])
    with pytest.raises(EncodeError, match="holds a NUL or a character that is none"):
        table.add(text)


def test_split_strings() -> None:
    base = StringTable(b"\0int\0")
    table = StringTable(b"", base)
    assert (table.start, table.add("int"), table.add(""), table.add("x"), table.end) == (5, 1, 0, 5, 7)
    assert (table.get(1), table.get(5), table.data) == ("int", "x", b"x\0")
    assert table.texts() == {0: "", 1: "int", 5: "x"}
    assert table.places("t") == [3]
    assert base.add("int") == 1
    with pytest.raises(EncodeError, match="'more' cannot be added to strings that a split table stands on"):
        base.add("more")


def test_a_base_has_its_names_before_it_is_stood_on() -> None:
    """Whichever of the two is written first."""
    for first in ("base", "split"):
        base = Btf([t.Fwd("one"), t.Enum("e", 4, (t.EnumValue("A", 1),))], None, [Instance(1, "i")])
        split = Btf([t.Fwd("two"), t.Fwd("A")], base=base)
        if first == "base":
            base_data, split_data = encode_btf(base), encode_btf(split)
        else:
            split_data, base_data = encode_btf(split), encode_btf(base)
        again = decode_btf(split_data, base=decode_btf(base_data))
        assert again == split
        # In another form of the base the offsets are the same.
        assert decode_btf(split_data, base=decode_btf(encode_btf(base, form=Form.PROPOSED))) == split


# -- walk ---------------------------------------------------------------------------------------------------

REFERENCES: list[tuple[t.Type, list[int], list[str]]] = [
    (t.VOID, [], [""]),
    (INT, [], ["int"]),
    (t.Ptr(7), [7], [""]),
    (t.Array(7, 8, 9), [7, 8], [""]),
    (t.Struct("s", 4, (t.Member("a", 7, 0), t.Member("", 8, 32))), [7, 8], ["s", "a", ""]),
    (t.Union("u", 4, (t.Member("a", 7, 0, 3),), True), [7], ["u", "a"]),
    (t.Enum("e", 4, (t.EnumValue("A", 1),)), [], ["e", "A"]),
    (t.Enum64("e", 8, (t.EnumValue("A", 1),)), [], ["e", "A"]),
    (t.Fwd("f"), [], ["f"]),
    (t.Typedef("t", 7), [7], ["t"]),
    (t.Volatile(7), [7], [""]),
    (t.Const(7), [7], [""]),
    (t.Restrict(7), [7], [""]),
    (t.Func("f", 7), [7], ["f"]),
    (t.FuncProto(7, (t.Param("a", 8), t.Param("", 0))), [7, 8, 0], ["", "a", ""]),
    (t.Var("v", 7), [7], ["v"]),
    (t.DataSec("d", 4, (t.VarSecInfo(7, 8, 9),)), [7], ["d"]),
    (t.Float("f", 4), [], ["f"]),
    (t.DeclTag("d", 7, 2), [7], ["d"]),
    (t.TypeTag("t", 7), [7], ["t"]),
    (t.LocParam(4, 1, (7,)), [], [""]),
    (t.LocProto((7, 0, 8)), [7, 0, 8], [""]),
    (t.LocSec("l", (t.Loc(7, 8, 9),)), [7, 8], ["l"]),
    (t.Map(7, 8), [7, 8], [""]),
    (UNKNOWN, [], ["odd"]),
]


@pytest.mark.parametrize(("type_", "refs", "texts"), REFERENCES, ids=[type(r[0]).__name__ for r in REFERENCES])
def test_references(type_: t.Type, refs: list[int], texts: list[str]) -> None:
    assert list(ids(type_)) == refs
    assert list(names(type_)) == texts
    moved = remap(type_, lambda type_id: type_id + 100)
    assert list(ids(moved)) == [ref + 100 for ref in refs]
    assert remap(moved, lambda type_id: type_id - 100) == type_


def test_every_kind_is_walked() -> None:
    assert {type_.kind for type_, _, _ in REFERENCES} == set(Kind)
    assert t.TYPE_CLASSES.keys() == KIND_SPECS.keys()


def test_order() -> None:
    btf = Btf([INT, t.Struct("s", 8, (t.Member("p", 3, 0), t.Member("i", 1, 0))), t.Ptr(2), t.Const(2), t.Fwd("alone")])
    assert postorder(btf, [4]) == [3, 1, 2, 4]
    assert postorder(btf, [1, 3, 1]) == [1, 2, 3]
    assert postorder(btf, btf.ids()) == [1, 3, 2, 4, 5]
    assert reachable(btf, [4]) == {1, 2, 3, 4}
    assert reachable(btf, [0]) == set()
    with pytest.raises(BadReferenceError):
        reachable(btf, [6])


def test_no_recursion() -> None:
    count = sys.getrecursionlimit() * 5
    btf = Btf([INT, *[t.Ptr(i) for i in range(1, count)]])
    assert postorder(btf, [count]) == list(range(1, count + 1))
    assert len(reachable(btf, [count])) == count


# -- types --------------------------------------------------------------------------------------------------


def test_types_are_values() -> None:
    assert t.Const(1) != t.Volatile(1)
    assert len({INT, t.Int("int", 4, IntEncoding.SIGNED, 32), t.Ptr(1), t.Ptr(1)}) == 2
    for type_, _, _ in REFERENCES:
        assert not hasattr(type_, "__dict__")
        assert repr(type_).startswith(f"{type(type_).__name__}(")
        for field in dataclasses.fields(type_):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(type_, field.name, 0)


def test_int() -> None:
    assert (t.Int("x", 8).bits, t.Int("x", 8, bits=3).bits) == (64, 3)
    char = t.Int("char", 1, IntEncoding.SIGNED | IntEncoding.CHAR)
    assert (char.is_signed, char.is_char, char.is_bool) == (True, True, False)


TOO_MUCH: list[tuple[str, t.Type, str]] = [
    ("size", t.Int("x", 1 << 32, bits=1), "type 1 INT 'x': a number does not fit its field"),
    ("bits", t.Int("x", 8192), "type 1 INT 'x': a number does not fit"),
    ("bit_off", t.Int("x", 4, IntEncoding(0), 32, 256), "type 1 INT 'x': a number does not fit"),
    ("encoding", t.Int("x", 4, IntEncoding(256)), "type 1 INT 'x': a number does not fit"),
    ("type_id", t.Ptr(-1), "type 1 PTR: a number does not fit"),
    ("member's offset", t.Struct("s", 4, (t.Member("m", 1, 1 << 32),)), "type 1 STRUCT 's'"),
    ("bitfield without kind_flag", t.Struct("s", 4, (t.Member("m", 1, 0, 3),)), "type 1 STRUCT 's'"),
    ("bitfield's offset", t.Struct("s", 4, (t.Member("m", 1, 1 << 24, 3),), True), "type 1 STRUCT 's'"),
    ("bitfield's size", t.Union("s", 4, (t.Member("m", 1, 0, 256),), True), "type 1 UNION 's'"),
    ("negative offset", t.Union("s", 4, (t.Member("m", 1, -1, 2),), True), "type 1 UNION 's'"),
    ("enum", t.Enum("e", 4, (t.EnumValue("A", 1 << 32),)), "type 1 ENUM 'e'"),
    ("negative enum without kind_flag", t.Enum("e", 4, (t.EnumValue("A", -1),)), "type 1 ENUM 'e'"),
    ("signed enum", t.Enum("e", 4, (t.EnumValue("A", 1 << 31),), True), "type 1 ENUM 'e'"),
    ("enum64", t.Enum64("e", 8, (t.EnumValue("A", 1 << 64),)), "type 1 ENUM64 'e'"),
    ("signed enum64", t.Enum64("e", 8, (t.EnumValue("A", 1 << 63),), True), "type 1 ENUM64 'e'"),
    ("linkage", t.Func("f", 0, 1 << 24), "16777216 elements"),
    ("negative linkage", t.Func("f", 0, -1), "type 1 FUNC 'f'"),
    ("component", t.DeclTag("d", 0, 1 << 31), "type 1 DECL_TAG 'd'"),
    ("name", t.Fwd("a\0b"), "holds a NUL"),
    ("member's name", t.Struct("s", 4, (t.Member("\ud800", 1, 0),)), "type 1 STRUCT 's': name '\\ud800'"),
    ("void", t.VOID, "void has no record"),
    ("unknown", UNKNOWN, "type 1 UNKNOWN(40) 'odd': its kind is not known, and no layout section"),
]


@pytest.mark.parametrize(("type_", "text"), [m[1:] for m in TOO_MUCH], ids=[m[0] for m in TOO_MUCH])
def test_what_the_wire_cannot_hold(type_: t.Type, text: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_btf(Btf([type_]))
    assert caught.value.section == ".BTF"
    assert text in str(caught.value)


def test_unknown_kinds_must_be_as_the_layout_says() -> None:
    layout = ((0, 0, 0),) * 40 + ((4, 0, 0),)
    with pytest.raises(EncodeError, match="0 bytes, the layout makes it 4"):
        encode_btf(Btf([UNKNOWN], form=Form.LAYOUT, layout=layout))


@pytest.mark.parametrize("form", [Form.CLASSIC, Form.LAYOUT])
def test_forms_without_instances(form: Form) -> None:
    with pytest.raises(EncodeError, match=f"the {form} form has no instance section for 1 instances"):
        encode_btf(Btf([INT], None, [Instance(1, "x")], form=form))


@pytest.mark.parametrize("inst", [Instance(-1, "x"), Instance(1, "x", 1 << 32), Instance(1, "a\0b")])
def test_instances_that_do_not_fit(inst: Instance) -> None:
    with pytest.raises(EncodeError) as caught:
        encode_btf(Btf([INT], None, [inst]))
    assert caught.value.thing == f"instance 1 {inst.name!r}"


def test_a_layout_made_elsewhere_gets_the_kinds_that_came_later() -> None:
    old = tuple((spec.info_size, spec.elem_size, 0) if (spec := KIND_SPECS.get(k)) else (0, 0, 0) for k in range(20))
    for layout in (old, (*old, *[(0, 0, 0)] * 20)):
        again = decode_btf(encode_btf(Btf([INT, t.Map(1, 1)], layout=layout)))
        assert again.layout is not None
        assert again.layout[Kind.MAP] == (8, 0, 0)
        assert again.layout[: len(old)] == old
