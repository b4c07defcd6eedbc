"""Structs: records and all that can be packed as one; padding, anonymous members, odd names, sections."""

from __future__ import annotations

import copy
import gc
import weakref
from typing import Any, NamedTuple

import pytest
from tests.unit.values.shapes import ORDERS, Shapes, flow

from btfkit.errors import BadReferenceError, FormatError, ValueTypeError
from btfkit.model import types as t
from btfkit.values import Record, codec


@pytest.mark.parametrize("order", ORDERS)
def test_the_key_of_a_map(order: str) -> None:
    shapes = Shapes()
    key = shapes.codec(flow(shapes), order)
    data = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (80).to_bytes(2, order) + b"\0\0"  # type: ignore[arg-type]
    given = {"src": 0x0A000001, "dst": 0x0A000002, "port": 80}
    record: Any = key.unpack(data)
    assert isinstance(record, Record)
    for value in (
        given, tuple(given.values()), list(given.values()), record, data, memoryview(data), record._asdict(),
        {"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80},
    ):  # fmt: skip
        assert key.pack(value) == data
    assert (record.src, record.dst, record.port) == (0x0A000001, 0x0A000002, 80)
    assert repr(record) == "flow(src=167772161, dst=167772162, port=80)"
    assert key.format(record) == "{src=10.0.0.1, dst=10.0.0.2, port=80}"
    assert key.to_json(record) == {"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}
    assert key.from_json(key.to_json(record)) == record
    assert key.parse('{"src": "10.0.0.1", "dst": 167772162, "port": "0x50"}') == record
    assert key.parse('["10.0.0.1", "10.0.0.2", 80]') == record


def test_a_record_is_a_tuple() -> None:
    shapes = Shapes()
    key = shapes.codec(flow(shapes))
    record = key.unpack(bytes(12))
    cls = type(record)
    assert cls.__name__ == "flow"
    assert cls(1, 2, port=80) == cls(src=1, dst=2, port=80) == cls(1, 2, 80) == (1, 2, 80)
    src, dst, port = cls(1, 2, 80)
    assert (src, dst, port) == (1, 2, 80)
    assert {cls(1, 2, 80): "x"}[(1, 2, 80)] == "x"
    assert cls("10.0.0.1", 2, 80.0) == (0x0A000001, 2, 80)
    assert cls(1, 2, 3)._replace(port=4) == (1, 2, 4)
    assert cls(1, 2, 3)._asdict() == {"src": 1, "dst": 2, "port": 3}
    assert cls(1, 2, 3)["port"] == cls(1, 2, 3)[2] == cls(1, 2, 3)[-1] == 3
    assert cls(1, 2, 3)[:2] == (1, 2)
    assert copy.deepcopy(record) == copy.copy(record) == record
    match cls(1, 2, 3):
        case cls(first, _, port=last):
            assert (first, last) == (1, 3)
    with pytest.raises(AttributeError):
        record.src = 1
    with pytest.raises(AttributeError):
        record.prot  # noqa: B018
    with pytest.raises(KeyError):
        record["prot"]
    for args, members, reason in [
        ((1, 2), {}, "has 2 values, struct flow has 3 members: src, dst, port"), ((1, 2, 3, 4), {}, "has 4 values"),
        ((1,), {"src": 1}, "'src' is given twice"), ((1,), {"dst": 1}, "struct flow also needs port"),
        ((1, 2), {"prot": 1}, r"no member 'prot' \(near: port\)"), ((1, 2, -1), {}, "port: -1 does not fit u16"),
        ((1, 2, 3, 4), {"x": 1}, "4 values are given"),
    ]:  # fmt: skip
        with pytest.raises(ValueTypeError, match=reason):
            cls(*args, **members)


class Other(NamedTuple):
    port: int
    src: int
    dst: int


REFUSES: list[tuple[Any, str, str]] = [
    ({"src": 1, "dst": 2}, "key", "struct flow also needs port"),
    ({}, "key", "struct flow also needs src, dst, port"),
    ({"src": 1, "dst": 2, "prot": 3}, "key", "struct flow has no member 'prot' (near: port)"),
    ({"src": 1, "dst": 2, "port": 3, "x": 1}, "key", "struct flow has no member 'x' (it has src, dst, port)"),
    ({"src": 1, "dst": 2, 3: 3}, "key", "struct flow has no member 3"),
    ({"src": 1, "dst": 2, "port": 65536}, "key.port", "65536 does not fit u16 (0 to 65535)"),
    ({"src": None, "dst": 2, "port": 3}, "key.src", "None is not an integer (__be32)"),
    ({"src": "1.2.3", "dst": 2, "port": 3}, "key.src", "'1.2.3' is not an integer (__be32)"),
    ((1, 2), "key", "has 2 values, struct flow has 3 members: src, dst, port"),
    (Other(1, 2, 3), "key", "is not a record of struct flow: its members are src, dst, port"),
    (b"123", "key", "has 3 bytes, struct flow has 12"),
    (5, "key", "5 is not a dict, a tuple or a record (struct flow)"),
    ("10.0.0.1", "key", "is not a dict, a tuple or a record"),
    (None, "key", "None is not a dict"),
]


@pytest.mark.parametrize(("value", "field", "reason"), REFUSES)
def test_refuses(value: Any, field: str, reason: str) -> None:
    shapes = Shapes()
    type_id = flow(shapes)
    with pytest.raises(ValueTypeError) as caught:
        shapes.codec(type_id).pack(value, field="key")
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert caught.value.thing == f"type {type_id} STRUCT 'flow'"
    assert str(caught.value).startswith(f"type {type_id} STRUCT 'flow': {field}: ")


def outer(shapes: Shapes) -> int:
    inner = shapes.struct("inner", 4, ("tag", "u8", 0), ("port", "u16", 16))
    return shapes.struct(
        "outer", 32, ("members", shapes.array(inner, 4), 0), ("name", shapes.array("char", 8), 128),
        ("one", inner, 192), ("on", "bool", 224),
    )  # fmt: skip


OUTER = {
    "members": [(1, 2), {"tag": 3, "port": 4}, (5, 6), (7, 8)], "name": "eth0", "one": {"tag": 9, "port": 10},
    "on": True,
}  # fmt: skip


def test_nested_with_padding_as_zeros() -> None:
    shapes = Shapes()
    type_ = shapes.codec(outer(shapes))
    data = type_.pack(OUTER)
    assert data.hex() == "01000200" "03000400" "05000600" "07000800" "6574683000000000" "09000a00" "01000000"  # fmt: skip
    value = type_.unpack(data)
    assert value.members[1].port == 4
    assert value.one == (9, 10)
    assert value._asdict()["members"][3] == {"tag": 7, "port": 8}
    assert type_.pack(value) == type_.pack(value._asdict()) == type_.pack(tuple(value)) == data
    assert type_.pack(type_.unpack(b"\xff" * 32)).hex() == "ff00ffff" * 4 + "ff" * 8 + "ff00ffff" + "01000000"
    assert hash(value) == hash(type_.unpack(data))
    assert type_.format(value) == (
        '{members=[{tag=1, port=2}, {tag=3, port=4}, {tag=5, port=6}, {tag=7, port=8}], name="eth0", '
        "one={tag=9, port=10}, on=true}"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"members": [(1, 2), (1, 2), (1, 2), (1, 65536)]}, "key.members[3].port"),
        ({"members": [(1, 2)] * 3}, "key.members"),
        ({"members": [(1, 2), 5, (1, 2), (1, 2)]}, "key.members[1]"),
        ({"members": [(1, 2), {"tag": 1, "prt": 2}, (1, 2), (1, 2)]}, "key.members[1]"),
        ({"one": (1, None)}, "key.one.port"),
        ({"name": "too long a name"}, "key.name"),
        ({"on": 2}, "key.on"),
    ],
)
def test_the_path_to_what_is_wrong(change: dict[str, Any], field: str) -> None:
    shapes = Shapes()
    with pytest.raises(ValueTypeError) as caught:
        shapes.codec(outer(shapes)).pack({**OUTER, **change}, field="key")
    assert caught.value.field == field
    assert "'outer'" in str(caught.value)


def test_records_of_another_order_and_of_another_type() -> None:
    shapes = Shapes()
    type_id = outer(shapes)
    little, big = shapes.codec(type_id, "little"), shapes.codec(type_id, "big")
    record = little.unpack(little.pack(OUTER))
    assert big.pack(record) == big.pack(OUTER) != little.pack(OUTER)
    assert big.unpack(big.pack(record)) == record
    with pytest.raises(ValueTypeError, match="is not a record of struct flow"):
        shapes.codec(flow(shapes)).pack(record)


def test_a_flexible_member_may_be_left_out() -> None:
    shapes = Shapes()
    type_ = shapes.codec(shapes.struct("event", 4, ("len", "u32", 0), ("data", shapes.array("char", 0), 32)))
    assert type_.pack({"len": 1}) == type_.pack((1,)) == type_.pack((1, [])) == type_.pack({"len": 1, "data": ""})
    assert type_.unpack(b"\1\0\0\0more") == (1, [])
    assert type_.to_json(type_.unpack(b"\1\0\0\0")) == {"len": 1, "data": []}
    assert hash(type_.unpack(bytes(4))) == hash(type_.unpack(bytes(4)))


def test_anonymous_members_are_the_records_own() -> None:
    shapes = Shapes()
    inner = shapes.struct("", 4, ("lo", "u16", 0), ("hi", "u16", 16))
    choice = shapes.struct("", 4, ("word", "u32", 0), ("", inner, 0), ("byte", "u8", 0), union=True)
    pair = shapes.struct("", 8, ("x", "u32", 0), ("", choice, 32))
    type_ = shapes.codec(shapes.struct("s", 16, ("a", "u8", 0), ("", shapes.add(t.Const(pair)), 32), ("b", "u8", 96)))
    data = bytes.fromhex("01000000" "02000000" "04030201" "05000000")  # fmt: skip
    value = type_.unpack(data)
    assert value._fields == ("a", "x", "_2", "b")
    assert (value.a, value.x, value.b) == (1, 2, 5)
    assert (value.word, value.lo, value.hi, value.byte) == (0x01020304, 0x304, 0x102, 4)
    assert value["lo"] == 0x304
    assert value._asdict() == {"a": 1, "x": 2, "word": 0x01020304, "b": 5}
    assert repr(value) == "s(a=1, x=2, word=16909060, b=5)"
    assert type_.format(value) == "{a=1, x=2, word=16909060, b=5}"
    for same in (
        {"a": 1, "x": 2, "word": 0x01020304, "b": 5}, {"a": 1, "x": 2, "lo": 0x304, "hi": 0x102, "b": 5},
        (1, 2, {"word": 0x01020304}, 5), (1, 2, {"lo": 0x304, "hi": 0x102}, 5), (1, 2, b"\4\3\2\1", 5),
        {"a": 1, "x": 2, "_2": value._2, "b": 5}, value, value._asdict(), tuple(value),
    ):  # fmt: skip
        assert type_.pack(same) == data
    assert type_.from_json(type_.to_json(value)) == value
    assert type_.from_json({"a": 1, "x": 2, "lo": "0x304", "hi": "0x102", "b": 5}) == value
    assert type(value)(a=1, x=2, lo=0x304, hi=0x102, b=5) == value
    assert value._replace(byte=9) == (1, 2, value._replace(word=9)._2, 5)
    for given, reason in [
        ({"a": 1, "x": 2, "b": 5}, r"struct s also needs one of word\|lo\|hi\|byte"),
        ({"a": 1, "x": 2, "word": 1, "byte": 2, "b": 5}, "holds one of its members, word, byte are given"),
        ({"a": 1, "x": 2, "lo": 1, "b": 5}, "also needs hi"),
        ({"a": 1, "x": 2, "lo": 1, "hi": -1, "b": 5}, ": hi: -1 does"),
        ({"a": 1, "x": 2, "_2": b"1234", "word": 1, "b": 5}, "_2: is given besides word"),
    ]:  # fmt: skip
        with pytest.raises(ValueTypeError, match=reason):
            type_.pack(given)


def test_names_that_are_no_identifiers_or_are_taken() -> None:
    names = ["class", "a b", "count", "index", "_fields", "_asdict", "__class__", "__init__", "x", "x", "é", "_codec"]
    names += ["self", "cls"]
    shapes = Shapes()
    members = [(name, "u8", 8 * at) for at, name in enumerate(names)]
    type_ = shapes.codec(shapes.struct("odd name<T>", len(names), *members, ("", "u8", 0)))
    value = type_.unpack(bytes(range(len(names))))
    names[9] = "x_2"
    assert value._asdict() == {name: at for at, name in enumerate(names)}
    for at, name in enumerate(names):
        assert value[name] == at
    assert (getattr(value, "class"), getattr(value, "a b"), value.count, value.index, value.x_2) == (0, 1, 2, 3, 9)
    assert value._fields == tuple(names)
    assert type_.pack(value._asdict()) == type_.pack(value) == bytes(range(len(names)))
    assert type(value)(**value._asdict()) == value._replace(cls=13) == value
    assert type(value).__name__ == "odd name<T>"
    assert '"a b"=1' in type_.format(value)


def test_many_members_of_one_name() -> None:
    shapes = Shapes()
    type_ = shapes.codec(shapes.struct("s", 20_000, *(("x", "u8", 8 * at) for at in range(20_000))))
    assert type_.unpack(bytes(20_000))["x_20000"] == 0


def test_one_class_per_type() -> None:
    shapes = Shapes()
    type_id = flow(shapes)
    typedef = shapes.add(t.Typedef("flow_t", type_id))
    const = shapes.add(t.Const(typedef))
    var = shapes.add(t.Var("v", const))
    anonymous = shapes.add(t.Typedef("pair_t", shapes.struct("", 1, ("a", "u8", 0))))
    holder = shapes.struct("h", 13, ("f", const, 0), ("p", anonymous, 96))
    btf = shapes.build()
    assert codec(btf, typedef) is codec(btf, type_id) is codec(btf, const) is codec(btf, var)
    assert type(codec(btf, holder).unpack(bytes(13)).f) is type(codec(btf, type_id).unpack(bytes(12)))
    assert type(codec(btf, anonymous).unpack(bytes(1))).__name__ == "pair_t"
    assert codec(btf, type_id, "big") is not codec(btf, type_id) is codec(btf, type_id, "little")
    assert codec(btf, type_id).thing == f"type {type_id} STRUCT 'flow'"


def test_codecs_do_not_keep_the_btf() -> None:
    shapes = Shapes()
    type_id = flow(shapes)
    btf = shapes.build()
    made, gone = codec(btf, type_id), weakref.ref(btf)
    del btf
    gc.collect()
    assert gone() is None
    assert made.unpack(bytes(12)) == (0, 0, 0)


def test_in_addr_and_in6_addr() -> None:
    shapes = Shapes()
    v4 = shapes.struct("in_addr", 4, ("s_addr", "__be32", 0))
    members = ("u6_addr8", shapes.array("u8", 16), 0), ("u6_addr32", shapes.array("__be32", 4), 0)
    views = shapes.struct("", 16, *members, union=True)
    v6 = shapes.struct("in6_addr", 16, ("in6_u", views, 0))
    both = shapes.codec(shapes.struct("both", 20, ("v4", v4, 0), ("v6", v6, 32)))
    data = bytes([10, 0, 0, 1]) + bytes.fromhex("fe800000000000000000000000000001")
    value = both.unpack(data)
    assert value.v4.s_addr == 0x0A000001
    assert value.v6.in6_u.u6_addr32 == [0xFE800000, 0, 0, 1]
    assert both.to_json(value) == {"v4": "10.0.0.1", "v6": "fe80::1"}
    assert both.format(value) == "{v4=10.0.0.1, v6=fe80::1}"
    assert both.pack({"v4": "10.0.0.1", "v6": "fe80::1"}) == both.pack(both.from_json(both.to_json(value))) == data
    assert shapes.codec(v6).parse("fe80::1") == value.v6
    assert shapes.codec(v6).parse('"fe80::1"') == value.v6
    assert shapes.codec(v6).parse('{"in6_u": {"u6_addr8": "' + data[4:].hex() + '"}}') == value.v6
    for text in ("fe80::1%eth0", "10.0.0.1", ""):
        with pytest.raises(ValueTypeError, match="is not an IPv6 address"):
            shapes.codec(v6).pack(text)
    with pytest.raises(ValueTypeError, match="is not a dict"):
        shapes.codec(shapes.struct("other", 4, ("s_addr", "__be32", 0))).pack("10.0.0.1")


def test_sections() -> None:
    shapes = Shapes()
    calls, name = (
        shapes.add(t.Var("calls", shapes.ids["u32"])), shapes.add(t.Var("name", shapes.array("char", 4))),
    )  # fmt: skip
    spots = (t.VarSecInfo(calls, 4, 4), t.VarSecInfo(name, 8, 4))
    for size in (16, 0):
        type_ = shapes.codec(shapes.add(t.DataSec(".data", size, spots)))
        assert type_.size == (size or 12)
        value = type_.unpack(b"\0\0\0\0\5\0\0\0eth0\0\0\0\0")
        assert (value.calls, value.name) == (5, "eth0")
        assert type_.pack({"calls": 5, "name": "eth0"}) == b"\0\0\0\0\5\0\0\0eth0\0\0\0\0"[: type_.size]
    overlapping, outside = (t.VarSecInfo(calls, 0, 4), t.VarSecInfo(name, 0, 4)), t.VarSecInfo(calls, 14, 4)
    with pytest.raises(FormatError, match="not laid out"):
        shapes.codec(shapes.add(t.DataSec(".bss", 16, overlapping)))
    with pytest.raises(FormatError, match="member 0: ends at byte 18, past the end 16"):
        shapes.codec(shapes.add(t.DataSec(".bss", 16, (outside,))))
    func = shapes.add(t.Func("f", shapes.add(t.FuncProto(0))))
    with pytest.raises(ValueTypeError, match=r"DATASEC '.ksyms': f: type \d+ FUNC 'f' has no size"):
        shapes.codec(shapes.add(t.DataSec(".ksyms", 0, (t.VarSecInfo(func, 0, 0),))))


def test_types_that_cannot_be_laid_out() -> None:
    shapes = Shapes()
    itself = shapes.reserve()
    shapes.set(itself, t.Struct("itself", 8, (t.Member("next", shapes.array(itself, 1), 0),)))
    fwd = shapes.add(t.Fwd("later"))
    deep = shapes.ids["u8"]
    for level in range(100):
        deep = shapes.struct(f"s{level}", 1, ("x", deep, 0))
    twice = shapes.struct("", 1, ("x", "u8", 0), union=True)
    for _ in range(30):
        twice = shapes.struct("", 1, ("", twice, 0), ("", twice, 0), union=True)
    shared = shapes.struct("shared", 1, ("x", "u8", 0))
    for level in range(30):
        shared = shapes.struct(f"shared{level}", 1, ("a", shared, 0), ("b", shared, 0))
    for type_id, error, reason in [
        (itself, FormatError, "STRUCT 'itself': holds itself by value"),
        (shapes.struct("s", 4, ("f", "u64", 0)), FormatError, "member 0: ends at byte 8, past the end 4"),
        (shapes.struct("s", 4, ("f", fwd, 0)), ValueTypeError, rf"STRUCT 's': f: type {fwd} FWD 'later' has no size"),
        (shapes.struct("s", 4, ("", fwd, 0)), ValueTypeError, r"STRUCT 's': member 0: type"),
        (shapes.struct("s", 8, ("f", flow(shapes), 1)), FormatError, "from bit 1 on cannot be struct flow"),
        (shapes.struct("s", 8, ("f", "u8", 0, 9)), FormatError, "a bitfield of 9 bits from bit 0 on cannot be u8"),
        (shapes.struct("s", 8, ("f", "f4", 0, 9)), FormatError, "cannot be f4"),
        (shapes.struct("s", 1, ("f", "u8", 4, 8)), FormatError, "member 0: ends at byte 2"),
        (deep, FormatError, "more than 32 deep"),
        (twice, FormatError, "has more than 131072 members"),
        (shared, ValueTypeError, "makes 6143 values of 1 bytes, more"),
        (shapes.struct("s", 0xFFFF_FFFF), ValueTypeError, "bytes, more than a value may have"),
    ]:  # fmt: skip
        with pytest.raises(error, match=reason):
            shapes.codec(type_id)
    with pytest.raises(BadReferenceError):
        shapes.codec(shapes.struct("s", 8, ("f", 9999, 0)))
    with pytest.raises(ValueError, match="byte_order"):
        codec(shapes.build(), 1, "middle")


def test_cut_off() -> None:
    shapes = Shapes()
    for type_id in (flow(shapes), shapes.struct("bits", 12, ("a", "u32", 0, 3))):
        with pytest.raises(ValueTypeError, match="has 12 bytes, and there are only 11"):
            shapes.codec(type_id).unpack(bytes(11))
        with pytest.raises(ValueTypeError, match="has 12 bytes, and there are only 2 from byte 10 on"):
            shapes.codec(type_id).unpack(bytes(12), 10)


def test_json_with_a_name_twice() -> None:
    shapes = Shapes()
    with pytest.raises(ValueTypeError, match="src: is given twice"):
        shapes.codec(flow(shapes)).parse('{"src": 1, "src": 2}')
