"""JSON: what it looks like, that it reads back to the same bytes, and what is said of JSON that does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.dump.samples import INT, btf_of, every_kind

from btfkit.codec import decode_btf, decode_ext, encode_btf, encode_ext
from btfkit.dump import dump_json, load_json
from btfkit.errors import BtfkitError, FormatError
from btfkit.format.btf import Form
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt, CoreRelo, FuncInfo, LineInfo, SymRecord
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable

SMALL = btf_of(
    INT, t.Struct("flow", 4, (t.Member("src", 1, 0),)), t.Map(2, 1), instances=(Instance(3, "flows"),)
)  # fmt: skip

SMALL_TEXT = """{"format": "btfkit",
"version": 1,
"byte_order": "little",
"form": "instance",
"types": [
{"id": 1, "kind": "INT", "name": "int", "size": 4, "encoding": ["SIGNED"]},
{"id": 2, "kind": "STRUCT", "name": "flow", "size": 4, "members": [{"name": "src", "type_id": 1, "bit_off": 0}]},
{"id": 3, "kind": "MAP", "key_type": 2, "value_type": 1}
],
"instances": [
{"id": 1, "type_id": 3, "name": "flows", "parent": 0}
]}
"""


def test_text() -> None:
    assert dump_json(SMALL) == SMALL_TEXT
    loaded, ext = load_json(SMALL_TEXT)
    assert loaded == SMALL and ext is None
    assert dump_json(loaded) == SMALL_TEXT
    assert load_json(SMALL_TEXT.encode())[0] == SMALL


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("form", [Form.INSTANCE, Form.PROPOSED])
def test_every_kind(byte_order: str, form: Form) -> None:
    data = encode_btf(every_kind(), byte_order=byte_order, form=form)
    btf = decode_btf(data)
    loaded, _ = load_json(dump_json(btf))
    assert loaded == btf == every_kind()
    assert encode_btf(loaded) == data


@pytest.mark.parametrize("form", [Form.CLASSIC, Form.LAYOUT])
def test_forms_without_instances(form: Form) -> None:
    data = encode_btf(btf_of(INT, t.Ptr(1)), form=form)
    assert encode_btf(load_json(dump_json(decode_btf(data)))[0]) == data


def test_empty() -> None:
    data = encode_btf(btf_of())
    assert encode_btf(load_json(dump_json(decode_btf(data)))[0]) == data


@pytest.mark.parametrize(
    ("strings", "given"),
    [
        (b"\0flow\0int\0src\0", ["", "flow", "int", "src"]),
        (b"\0int\0flow\0src\0unused\0", ["", "int", "flow", "src", "unused"]),
        (b"\0int\0flow\0", None),
        (b"\0int\0flow\0src\0", None),
        (b"\0int\0flow\0src\0\0\0", ["", "int", "flow", "src", "", ""]),
    ],
)
def test_strings_are_there_when_they_are_not_the_names(strings: bytes, given: list[str] | None) -> None:
    btf = Btf([SMALL[1], SMALL[2]], StringTable(strings), form=Form.CLASSIC)
    text = dump_json(btf)
    assert json.loads(text).get("strings") == given
    assert encode_btf(load_json(text)[0]) == encode_btf(btf)


def test_padding_of_strings_is_no_news() -> None:
    data = encode_btf(SMALL)
    assert decode_btf(data).strings.data == b"\0int\0flow\0src\0flows\0"[:20].ljust(20, b"\0")
    assert "strings" not in json.loads(dump_json(decode_btf(data)))
    assert encode_btf(load_json(dump_json(decode_btf(data)))[0]) == data


def test_records_that_encoding_would_write_otherwise() -> None:
    """gcc writes a string again, and numbers in unused words; others point into the tail of a string."""
    types: list[t.Type] = [INT, t.Struct("print", 8, (t.Member("a", 1, 0), t.Member("a", 1, 32))), t.Fwd("a")]
    data = bytearray(encode_btf(Btf(types, StringTable(b"\0print\0int\0a\0int\0"), form=Form.CLASSIC)))
    struct, fwd = 24 + 16, 24 + 16 + 12 + 24
    assert data[struct + 12 : struct + 16] == b"\x0b\0\0\0"
    data[struct + 12] = 13  # the first member: the second "int"
    data[struct + 24] = 3  # the second one: the tail of "print"
    data[fwd + 8] = 6
    btf = decode_btf(bytes(data))
    text = dump_json(btf)
    raws = {item["id"]: item["raw"] for item in json.loads(text)["types"] if "raw" in item}
    assert raws == {2: data[struct:fwd].hex(), 3: data[fwd : fwd + 12].hex()}
    loaded = load_json(text)[0]
    assert loaded == btf
    assert encode_btf(loaded) == data
    for raw, message in [
        ("00", "types[1].raw: is 1 bytes, a record has at least 12"),
        (raws[3], "types[1].raw: is of kind FWD, not STRUCT"),
        (raws[2] + "00", "types[1].raw: is 37 bytes, the type has 36"),
        (raws[2].replace("02000004", "01000004"), "types[1].raw: has 1 elements, the type has 2"),
        (raws[2].replace("0d000000", "01000000"), "types[1].raw: is not what the rest of the type says"),
        (raws[2].replace("0d000000", "ff000000"), "string offset 0xff is past the end 0x11 of the strings"),
        (7, "types[1].raw: is the number 7, not a string of hex digits"),
    ]:
        changed_text = json.loads(text)
        changed_text["types"][1]["raw"] = raw
        with pytest.raises(FormatError) as caught:
            load_json(json.dumps(changed_text))
        assert str(caught.value).endswith(message)


def test_names_of_any_bytes() -> None:
    name = b'\xff\xc3\xa9\xed\xa0\x80\n"\\'.decode("utf-8", "surrogateescape")
    data = encode_btf(btf_of(t.Struct(name, 0)))
    text = dump_json(decode_btf(data))
    assert text.isascii()
    assert encode_btf(load_json(text)[0]) == data


def test_unknown_kind_and_layout() -> None:
    layout = (*[(0, 0, 0)] * 40, (4, 4, 3))
    unknown = t.Unknown(40, "x", 1, True, 7, bytes(range(8)), "big")
    data = encode_btf(Btf([INT, unknown], layout=layout, form=Form.LAYOUT, byte_order="big"))
    text = dump_json(decode_btf(data))
    assert json.loads(text)["types"][1] == {
        "id": 2, "kind": "UNKNOWN", "number": 40, "name": "x", "vlen": 1, "kind_flag": True, "size_type": 7,
        "data": "0001020304050607",
    }  # fmt: skip
    assert json.loads(text)["layout"][40] == [4, 4, 3]
    assert encode_btf(load_json(text)[0]) == data


def test_odd_numbers_are_kept() -> None:
    btf = btf_of(
        t.Int("x", 4, IntEncoding(0x85), 7, 3), t.Func("f", 1, 9), t.Var("v", 1, 9), t.DeclTag("d", 1, 5, True),
    )  # fmt: skip
    text = dump_json(btf)
    assert '"encoding": ["SIGNED", "BOOL", 128]' in text and '"linkage": 9' in text
    assert load_json(text)[0] == btf
    assert load_json(text.replace('"linkage": 9', '"linkage": "static"'))[0][2] == t.Func("f", 1, 0)


def test_split() -> None:
    base = decode_btf(encode_btf(SMALL))
    split = Btf([t.Ptr(2), t.Typedef("int", 4), t.Typedef("more", 4)], instances=[Instance(4, "p")], base=base)
    data = encode_btf(split)
    text = dump_json(decode_btf(data, base=base))
    assert json.loads(text)["base"] == {"types": 3, "instances": 1, "strings": base.strings.end}
    assert json.loads(text)["types"][0]["id"] == 4 and json.loads(text)["instances"][0]["id"] == 2
    assert encode_btf(load_json(text, base=base)[0]) == data
    for other, message in [
        (None, "base: this is split BTF: its base has to be given"),
        (btf_of(INT), "base.types: 3 are told, the base given has 1: it is another one"),
        (decode_btf(encode_btf(SMALL, byte_order="big")), "byte_order: is little endian, its base is big endian"),
    ]:
        with pytest.raises(FormatError) as caught:
            load_json(text, base=other)
        assert str(caught.value) == message
    with pytest.raises(FormatError, match="base: is missing"):
        load_json(SMALL_TEXT, base=base)


EXT = BtfExt(
    func_info=[("xdp", [FuncInfo(0, 5), FuncInfo(8, 6)])],
    line_info=[("xdp", [LineInfo(0, "a.c", "int x;", 3, 1)]), ("tc", [LineInfo(8, "b.c", "", 4, 2)])],
    core_relo=[("xdp", [CoreRelo(0, 2, "0:1", 0)])],
    func_sym=[SymRecord(4, 1)],
    inst_sym=[SymRecord(5, 2, InstanceKind.MAP, b"\1\2\3\4")],
)


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_ext(byte_order: str) -> None:
    btf = btf_of(INT)
    ext_data = encode_ext(EXT, btf.strings, byte_order=byte_order).data
    data = encode_btf(btf, byte_order=byte_order)
    read = decode_btf(data)
    ext = decode_ext(ext_data, read.strings)
    text = dump_json(read, ext)
    loaded, loaded_ext = load_json(text)
    assert loaded_ext is not None and loaded_ext == ext == EXT
    assert '"kind": "map", "tail": "01020304"' in text
    assert encode_ext(loaded_ext, loaded.strings).data == ext_data
    assert encode_btf(loaded) == data


def test_empty_ext() -> None:
    _, ext = load_json(dump_json(btf_of(), BtfExt()))
    assert ext == BtfExt()


# -- malformed ---------------------------------------------------------------------------------------------------

DROP = object()

ERRORS: list[tuple[str, Any, str]] = [
    ("format", "other", 'format: is not "btfkit", version 1'),
    ("version", 2, 'format: is not "btfkit", version 1'),
    ("extra", 1, "extra: is not a key that is known here"),
    ("byte_order", "middle", "byte_order: 'middle' is none of little, big"),
    ("byte_order", [], "byte_order: [] is none of little, big"),
    ("form", DROP, "form: is missing"),
    ("form", "new", "form: 'new' is none of classic, layout, proposed, instance"),
    ("types", {}, "types: is an object, not a list"),
    ("types", DROP, "types: is missing"),
    ("types[0]", 3, "types[0]: is the number 3, not an object"),
    ("types[0].id", 2, "types[0].id: 2 stands where 1 is due: ids run on without gaps"),
    ("types[0].id", DROP, "types[0].id: is missing"),
    ("types[0].kind", "INTEGER", "types[0].kind: 'INTEGER' is not a kind"),
    ("types[0].kind", [], "types[0].kind: [] is not a kind"),
    ("types[0].kind", "VOID", "types[0].kind: 'VOID' is not a kind"),
    ("types[0].size", "4", "types[0].size: is a string, not a whole number"),
    ("types[0].size", 4.0, "types[0].size: is the number 4.0, not a whole number"),
    ("types[0].size", True, "types[0].size: is true or false, not a whole number"),
    ("types[0].size", -1, "types[0].size: -1 is not in the range 0 to 4294967295"),
    ("types[0].siez", 4, "types[0].siez: is not a key that is known here"),
    ("types[0].name", None, "types[0].name: is null, not a string"),
    ("types[0].name", "a\0b", "types[0].name: holds a NUL"),
    ("types[0].name", "\ud800", "types[0].name: has a surrogate U+D800 that stands for no byte"),
    ("types[0].encoding", "SIGNED", "types[0].encoding: is a string, not a list"),
    ("types[0].encoding", ["ODD"], "types[0].encoding[0]: 'ODD' is none of SIGNED, CHAR, BOOL"),
    ("types[0].encoding", [256], "types[0].encoding[0]: 256 is not in the range 0 to 255"),
    ("types[1].members", None, "types[1].members: is null, not a list"),
    ("types[1].members[0]", [], "types[1].members[0]: is a list, not an object"),
    ("types[1].members[0].type_id", DROP, "types[1].members[0].type_id: is missing"),
    ("types[1].members[0].type_id", 1 << 32, "types[1].members[0].type_id: 4294967296 is not in the range 0 to 4294967295"),
    ("types[1].kind_flag", 1, "types[1].kind_flag: is the number 1, not true or false"),
    ("types[1].members[0].typ", 1, "types[1].members[0].typ: is not a key that is known here"),
    ("types[2].key_type", DROP, "types[2].key_type: is missing"),
    ("types[2]", {"id": 3, "kind": "FUNC", "name": "f", "type_id": 1, "linkage": "local"}, "types[2].linkage: 'local' is none of static, global, extern"),
    ("types[2]", {"id": 3, "kind": "LOC_PROTO", "params": [1, "x"]}, "types[2].params[1]: is a string, not a whole number"),
    ("types[2]", {"id": 3, "kind": "UNKNOWN"}, "types[2].number: is missing"),
    ("types[2]", {"id": 3, "kind": "UNKNOWN", "number": 5, "vlen": 0, "size_type": 0, "data": ""}, "types[2].number: 5 is UNION, which is known"),
    ("types[2]", {"id": 3, "kind": "UNKNOWN", "number": 40, "vlen": 0, "size_type": 0, "data": "0"}, "types[2].data: is not made of pairs of hex digits"),
    ("types[2]", {"id": 3, "kind": "UNKNOWN", "number": 40, "vlen": 0, "size_type": 0, "data": 0}, "types[2].data: is the number 0, not a string of hex digits"),
    ("types[2]", {"id": 3, "kind": "UNKNOWN", "number": 40, "vlen": 0, "size_type": 0, "data": "", "kind_flag": 1}, "types[2].kind_flag: is not true or false"),
    ("instances", 0, "instances: is the number 0, not a list"),
    ("instances[0].parent", "x", "instances[0].parent: is a string, not a whole number"),
    ("instances[0].id", 0, "instances[0].id: 0 stands where 1 is due: ids run on without gaps"),
    ("strings", ["int"], "strings: does not start with the empty string"),
    ("strings", ["", 1], "strings[1]: is the number 1, not a string"),
    ("layout", [[1, 2]], "layout[0]: has 2 numbers, not info_sz, elem_sz and flags"),
    ("layout", [[256, 0, 0]], "layout[0][0]: 256 is not in the range 0 to 255"),
    ("layout", [[2, 0, 0]], "layout[0]: 2 and 0 bytes are not multiples of 4"),
    ("layout", [[0, 0, 0]] * 129, "layout: has 129 entries, there are 128 kinds"),
    ("ext", [], "ext: is a list, not an object"),
    ("ext", {}, "ext.byte_order: is missing"),
    ("ext", {"byte_order": "big", "tables": ["x"]}, "ext.tables[0]: 'x' is none of func_info, line_info, core_relo, func_sym, map_sym, var_sym, inst_sym"),
    ("ext", {"byte_order": "big", "func_info": [{"section": "xdp"}]}, "ext.func_info[0].records: is missing"),
    ("ext", {"byte_order": "big", "func_info": [{"section": "xdp", "records": [{}]}]}, "ext.func_info[0].records[0].insn_off: is missing"),
    ("ext", {"byte_order": "big", "map_sym": [{"symbol": 1, "inst_id": 1, "kind": "program"}]}, "ext.map_sym[0].kind: 'program' is none of function, map, variable"),
    ("ext", {"byte_order": "big", "map_sym": [{"symbol": 1, "inst_id": 1, "kind": 7}]}, "ext.map_sym[0].kind: 7 is none of function, map, variable"),
]  # fmt: skip


def changed(path: str, value: Any) -> str:
    """SMALL_TEXT with the value at a place replaced, added or left out."""
    data = json.loads(SMALL_TEXT)
    *steps, last = path.replace("[", ".[").split(".")
    place = data
    for step in steps:
        place = place[int(step[1:-1]) if step[0] == "[" else step]
    key = int(last[1:-1]) if last[0] == "[" else last
    if value is DROP:
        del place[key]
    else:
        place[key] = value
    return json.dumps(data)


@pytest.mark.parametrize(("path", "value", "message"), ERRORS, ids=[f"{e[0]}: {e[2][-40:]}" for e in ERRORS])
def test_malformed(path: str, value: Any, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        load_json(changed(path, value))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json: is not JSON: "),
        ("{", "x.json: is not JSON: "),
        (b"\xff", "x.json: is not JSON: "),
        ("[]", "x.json: is a list, not an object"),
        ("[" * 100_000, "x.json: is nested too deep"),
        ('{"format": ' + "9" * 5000 + "}", "x.json: is not JSON: "),
    ],
)
def test_not_json(text: str | bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        load_json(text, path="x.json")
    assert str(caught.value).startswith(message)


# -- properties --------------------------------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
u32 = st.integers(0, 0xFFFF_FFFF)
ids = st.integers(0, 20)


def lists(item: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=4).map(tuple)


members = lists(st.builds(t.Member, names, ids, st.integers(0, 0xFF_FFFF)))
bit_members = lists(st.builds(t.Member, names, ids, st.integers(0, 0xFF_FFFF), st.integers(0, 255)))
values = lists(st.builds(t.EnumValue, names, u32))
signed_values = lists(st.builds(t.EnumValue, names, st.integers(-(1 << 31), (1 << 31) - 1)))
values64 = lists(st.builds(t.EnumValue, names, st.integers(0, (1 << 64) - 1)))
types = st.one_of(
    st.builds(t.Int, names, u32, st.integers(0, 255).map(IntEncoding), st.integers(0, 0xFFFF), st.integers(0, 255)),
    st.builds(t.Ptr, ids),
    st.builds(t.Array, ids, ids, u32),
    st.builds(t.Struct, names, u32, members),
    st.builds(t.Struct, names, u32, bit_members, st.just(True)),
    st.builds(t.Union, names, u32, bit_members, st.just(True)),
    st.builds(t.Enum, names, u32, values),
    st.builds(t.Enum, names, u32, signed_values, st.just(True)),
    st.builds(t.Enum64, names, u32, values64),
    st.builds(t.Fwd, names, st.booleans()),
    st.builds(t.Typedef, names, ids),
    st.builds(t.Func, names, ids, st.integers(0, 5)),
    st.builds(t.FuncProto, ids, lists(st.builds(t.Param, names, ids))),
    st.builds(t.Var, names, ids, u32),
    st.builds(t.DataSec, names, u32, lists(st.builds(t.VarSecInfo, ids, u32, u32))),
    st.builds(t.Float, names, u32),
    st.builds(t.DeclTag, names, ids, st.integers(-(1 << 31), (1 << 31) - 1), st.booleans()),
    st.builds(t.TypeTag, names, ids, st.booleans()),
    st.builds(t.LocParam, u32, u32, lists(u32)),
    st.builds(t.LocSec, names, lists(st.builds(t.Loc, ids, ids, u32))),
    st.builds(t.Map, ids, ids),
)
instances = lists(st.builds(Instance, ids, names, ids))


@settings(deadline=None)
@given(lists(types), instances, st.sampled_from(["little", "big"]))
def test_round_trip(made: tuple[t.Type, ...], declared: tuple[Instance, ...], byte_order: str) -> None:
    btf = Btf(list(made), instances=declared, byte_order=byte_order)
    text = dump_json(btf)
    data = encode_btf(btf)
    loaded, _ = load_json(text)
    assert loaded == btf
    assert encode_btf(loaded) == data
    read = decode_btf(data)
    assert encode_btf(load_json(dump_json(read))[0]) == data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
places = sorted({path for path, _, _ in ERRORS})


@settings(deadline=None)
@given(st.sampled_from(places), json_values)
def test_any_value_anywhere_is_refused_or_read(path: str, value: Any) -> None:
    try:
        load_json(changed(path, value))
    except BtfkitError as error:
        assert str(error)
