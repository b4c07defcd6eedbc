"""What is declared, and what the object then says; and what cannot be declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.frontend.objects.toolbox import CALL, EXIT, MOV0, NOTHING, Toolbox, assemble, ld_imm64

from btfkit.errors import BadReferenceError, BtfkitError, EncodeError, FormatError, LinkError
from btfkit.format.elf import R_BPF_64_32, R_BPF_64_64
from btfkit.format.insn import decode_insn
from btfkit.format.maptype import MapType
from btfkit.frontend.objects import ObjectBuilder
from btfkit.model import types as t
from btfkit.object import BpfObject, read_object, require_sound, write_object

ORDERS = ("little", "big")


def made(b: ObjectBuilder) -> BpfObject:
    """The object after writing and reading."""
    obj = read_object(write_object(b.finish()), "toy.o")
    require_sound(obj)
    return obj


# -- types ----------------------------------------------------------------------------------------------------


def test_equal_types_have_one_id() -> None:
    b = ObjectBuilder()
    assert b.type(t.Int("u32", 4)) == b.type(t.Int("u32", 4)) == 1
    assert b.type(t.Ptr(1)) == b.type(t.Ptr(1)) == 2
    assert b.type(t.VOID) == 0


def test_types_that_refer_to_each_other() -> None:
    b = ObjectBuilder()
    node = b.reserve()
    b.define(node, t.Struct("node", 8, (t.Member("next", b.type(t.Ptr(node)), 0),)))
    b.variable("head", node)
    (head,) = made(b).variables
    assert head.size == 8


def test_a_type_that_was_never_defined() -> None:
    b = ObjectBuilder(path="toy.o")
    b.reserve()
    with pytest.raises(BadReferenceError, match=r"toy\.o: type 1 was reserved and never set"):
        b.finish()


def test_tags() -> None:
    b = Toolbox()
    f = b.function("f", [("x", b.u64)], b.u64, code=assemble(*NOTHING))
    v = b.variable("v", b.u64)
    b.tag(f, "on the parameter", 0)
    b.tag(v, "on the variable")
    b.tag(b.args, "on the member", 1)
    b.tag(b.args, "on the member", 1)
    obj = made(b)
    tags = {
        tag.name: (obj.btf[tag.type_id].name, tag.component_idx) for _, tag in obj.btf if isinstance(tag, t.DeclTag)
    }
    assert tags == {"on the parameter": ("f", 0), "on the variable": ("v", -1), "on the member": ("args", 1)}
    assert isinstance(obj.btf[obj.instances["v"].type_id], t.Var)
    assert sum(isinstance(type_, t.DeclTag) for _, type_ in obj.btf) == 3


# -- maps -----------------------------------------------------------------------------------------------------


def spelled(obj: BpfObject, type_id: int) -> str:
    type_ = obj.btf[type_id]
    match type_:
        case t.Void():
            return "void"
        case t.Map():
            return f"{spelled(obj, type_.key_type)}:{spelled(obj, type_.value_type)}"
        case t.Array():
            return f"{spelled(obj, type_.elem_type)}[{type_.nelems}]"
        case t.Ptr():
            return f"*{spelled(obj, type_.type_id)}"
        case t.FuncProto():
            return "proto"
    return type_.name


MAPS: list[tuple[str, Callable[[Toolbox], dict[str, Any]], tuple[int, int, str]]] = [
    ("HASH", lambda b: {"key": b.u32, "value": b.args}, (4, 16, "u32:args")),
    ("HASH", lambda b: {"key_size": 6, "value_size": 3}, (6, 3, "byte[6]:byte[3]")),
    ("HASH", lambda b: {"key": b.args, "key_size": 16, "value": b.u64}, (16, 8, "args:u64")),
    ("ARRAY", lambda b: {"value": b.u64}, (4, 8, "unsigned int:u64")),
    ("ARRAY", lambda b: {"key": b.u32, "value": b.u64}, (4, 8, "u32:u64")),
    ("PERCPU_ARRAY", lambda b: {"key_size": 4, "value": b.u64}, (4, 8, "unsigned int:u64")),
    ("QUEUE", lambda b: {"value": b.args}, (0, 16, "void:args")),
    ("BLOOM_FILTER", lambda b: {"value": b.u32, "map_extra": 3}, (0, 4, "void:u32")),
    ("RINGBUF", lambda b: {"value": b.args}, (0, 0, "void:args")),
    ("RINGBUF", lambda b: {}, (0, 0, "void:void")),
    ("PERF_EVENT_ARRAY", lambda b: {"value": b.args}, (4, 4, "unsigned int:args")),
    ("PROG_ARRAY", lambda b: {"value": b.type(t.FuncProto(b.i32))}, (4, 4, "unsigned int:*proto")),
    ("PROG_ARRAY", lambda b: {}, (4, 4, "unsigned int:void")),
    ("ARRAY_OF_MAPS", lambda b: {"inner": b.map("in", MapType.HASH, key=b.u32, value=b.u64, max_entries=1)}, (4, 4, "unsigned int:u32:u64")),
    ("HASH_OF_MAPS", lambda b: {"key": b.u64, "inner": b.inner_map(MapType.ARRAY, value=b.u64, max_entries=1)}, (8, 4, "u64:unsigned int:u64")),
    ("DEVMAP_HASH", lambda b: {"key": b.u32, "value": b.args}, (4, 16, "u32:args")),
    ("SOCKMAP", lambda b: {"value": b.u64}, (4, 8, "unsigned int:void")),
    ("XSKMAP", lambda b: {}, (4, 4, "unsigned int:void")),
    ("SK_STORAGE", lambda b: {"key": b.i32, "value": b.args, "max_entries": 0}, (4, 16, "int:args")),
    ("LPM_TRIE", lambda b: {"key": b.args, "value": b.u32, "flags": 1}, (16, 4, "args:u32")),
    ("ARENA", lambda b: {"map_extra": 1 << 44}, (0, 0, "void:void")),
]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "given", "want"), MAPS, ids=[f"{i}-{m[0]}" for i, m in enumerate(MAPS)])
def test_maps(kind: str, given: Callable[[Toolbox], dict[str, Any]], want: tuple[int, int, str], order: str) -> None:
    b = Toolbox(order)
    attributes = {"max_entries": 5, **given(b)}
    b.map("m", MapType[kind], **attributes)
    obj = made(b)
    m = obj.instances["m"]
    d = m.map_def
    assert (d.key_size, d.value_size, spelled(obj, m.type_id)) == want
    assert (d.type, d.max_entries) == (MapType[kind], attributes["max_entries"])
    assert (d.map_flags, d.map_extra) == (attributes.get("flags", 0), attributes.get("map_extra", 0))


BAD_MAPS: list[tuple[str, Callable[[Toolbox], dict[str, Any]], str]] = [
    ("HASH", lambda b: {"value": b.u64}, "a hash map needs a key: give key= or key_size="),
    ("HASH", lambda b: {"key": b.u32}, "a hash map needs a value"),
    ("HASH", lambda b: {"key": b.type(t.Fwd("later")), "value": b.u64}, "key type, type 9 FWD 'later', has no size"),
    ("HASH", lambda b: {"key": b.u32, "key_size": 8, "value": b.u64}, "INT 'u32', has 4 bytes; key_size says 8"),
    ("RINGBUF", lambda b: {"key": b.u32}, "a ringbuf map has no keys"),
    ("ARRAY_OF_MAPS", lambda b: {}, "say what the maps in it are like: inner="),
    ("ARRAY", lambda b: {"value": b.u64, "inner": b.inner_map(MapType.ARRAY, max_entries=1)}, "holds no maps"),
    ("HASH", lambda b: {"key": b.u32, "value": b.u64, "max_entries": 1 << 33}, "does not fit its field"),
    ("HASH", lambda b: {"key": 99, "value": b.u64}, "type_id 99 is past the last id"),
]


@pytest.mark.parametrize(("kind", "given", "said"), BAD_MAPS, ids=[f"{i}-{m[0]}" for i, m in enumerate(BAD_MAPS)])
def test_bad_maps(kind: str, given: Callable[[Toolbox], dict[str, Any]], said: str) -> None:
    b = Toolbox()
    b.map("m", MapType[kind], **{"max_entries": 1, **given(b)})
    with pytest.raises(BtfkitError) as caught:
        b.finish()
    assert said in str(caught.value)
    assert str(caught.value).startswith("toy.o: ")
    assert "'m'" in str(caught.value)


def test_what_maps_hold_at_the_start() -> None:
    b = Toolbox()
    inner = b.map("inner", MapType.ARRAY, value=b.u64, max_entries=1, linkage="static")
    prog = b.function("prog", [("ctx", b.ctx)], b.i32, section="xdp", code=assemble(*NOTHING))
    b.map("outer", MapType.ARRAY_OF_MAPS, inner=inner, values=[None, inner], max_entries=2)
    b.map("calls", MapType.PROG_ARRAY, values=[prog], max_entries=1)
    obj = made(b)
    outer, calls = obj.instances["outer"].map_def, obj.instances["calls"].map_def
    assert [v and v.name for v in outer.values] == [None, "inner"]
    assert outer.inner is not None
    assert outer.inner.name == "outer.inner"
    assert [v and v.name for v in calls.values] == ["prog"]
    assert [d.name for d in obj.maps] == ["inner", "outer", "calls"]
    symbol = obj.instances["inner"].symbol
    assert symbol is not None
    assert symbol.is_local


# -- variables ------------------------------------------------------------------------------------------------


def test_variables_and_their_sections() -> None:
    b = Toolbox()
    small = b.variable("small", b.char, data=b"\x01")
    b.variable("eight", b.u64, data=b"\x02" * 8, linkage="static")
    b.variable("zero", b.u32, data=bytes(4))
    b.variable("none", b.u64)
    b.variable("fixed", b.u64, data=bytes(8), const=True)
    b.variable("own", b.u32, section=".data.own")
    b.variable("hidden", b.u32, section=".bss.own")
    obj = made(b)
    places = {v.name: (v.section.name, v.off, v.size) for v in obj.variables if v.section}
    assert places == {
        "small": (".data", 0, 1), "eight": (".data", 8, 8), "zero": (".bss", 0, 4), "none": (".bss", 8, 8),
        "fixed": (".rodata", 0, 8), "own": (".data.own", 0, 4), "hidden": (".bss.own", 0, 4),
    }  # fmt: skip
    assert obj.elf.section(".data").data == b"\x01" + bytes(7) + b"\x02" * 8  # type: ignore[union-attr]
    assert {s.name: (s.is_nobits, s.is_writable, s.align) for s in obj.elf.sections if s.is_alloc} == {
        ".data": (False, True, 8), ".bss": (True, True, 8), ".rodata": (False, False, 8),
        ".data.own": (False, True, 4), ".bss.own": (True, True, 4),
    }  # fmt: skip
    assert isinstance(obj.instances["fixed"].type, t.Const)
    assert small.label == "variable 'small'"
    assert obj.instances["small"].symbol.is_global  # type: ignore[union-attr]
    assert obj.instances["eight"].symbol.is_local  # type: ignore[union-attr]


def test_licence() -> None:
    b = ObjectBuilder()
    b.license("GPL")
    obj = made(b)
    assert obj.license == "GPL"
    assert obj.instances["_license"].size == 4
    with pytest.raises(LinkError, match="'_license' is declared already"):
        b.license("MIT")


def test_statics_in_functions() -> None:
    b = Toolbox()
    outer = b.function("outer", code=assemble(*NOTHING))
    inner = b.function("inner", parent=outer, code=assemble(*NOTHING))
    b.variable("calls", b.u64, parent=inner)
    b.variable("calls", b.u64, parent=outer)
    b.variable("calls", b.u64, parent=outer, symbol="outer.calls.1")
    obj = made(b)
    assert [v.qualified_name for v in obj.variables] == ["outer.inner.calls", "outer.calls", "outer.calls"]
    assert [v.symbol and v.symbol.name for v in obj.variables] == ["outer.inner.calls", "outer.calls", "outer.calls.1"]
    assert all(d.symbol is not None and d.symbol.is_local for d in [*obj.variables, obj.instances["inner"]])
    assert [f.type.name for f in obj.functions] == ["outer", "inner"]


# -- functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
def test_what_code_refers_to(order: str) -> None:
    b = Toolbox(order)
    m = b.map("m", MapType.HASH, key=b.u32, value=b.u64, max_entries=1)
    b.variable("first", b.u64)
    v = b.variable("v", b.args)
    k = b.extern_function("bpf_strlen", [("s", b.text)], b.i32, weak=True)
    hz = b.extern_variable("CONFIG_HZ", b.u32, section=".kconfig")
    b.extern_function("nobody_calls_it")
    b.extern_variable("nobody_reads_it", b.u64)
    core = b.core_relo("marker", b.args, "0:1", 0, 0x1_8000_0008)
    pad = b.function("pad", linkage="static", code=assemble(MOV0, *NOTHING, byte_order=order))
    code = assemble(
        *ld_imm64(1), *ld_imm64(2, 8), CALL, CALL, CALL, *ld_imm64(3), *ld_imm64(4), *ld_imm64(5), *ld_imm64(6), EXIT,
        byte_order=order,
    )  # fmt: skip
    callee = b.function("callee", linkage="static", code=assemble(*NOTHING, byte_order=order))
    glob = b.function("glob", code=assemble(*NOTHING, byte_order=order))
    relocs = [(0, m), (2, v), (4, k), (5, callee), (6, glob), (7, callee), (9, hz), (11, core), (13, glob)]
    b.function("main", [("ctx", b.ctx)], b.i32, section="syscall", code=code, relocs=relocs)
    obj = made(b)
    section = obj.elf.section("syscall")
    assert section is not None
    found = [
        (rel.off // 8, rel.type, rel.symbol.label.split(" ", 2)[2] if rel.symbol else "", decode_insn(section.data, rel.off, order)[2:])
        for rel in obj.elf.relocations(section)
    ]  # fmt: skip
    assert found == [
        (0, R_BPF_64_64, "'m'", (0, 0, 0)),
        (2, R_BPF_64_64, "'v'", (0, 0, 8)),
        (4, R_BPF_64_32, "'bpf_strlen'", (1, 0, -1)),
        (5, R_BPF_64_32, "of section '.text'", (1, 0, 2)),
        (6, R_BPF_64_32, "'glob'", (1, 0, -1)),
        (7, R_BPF_64_64, "of section '.text'", (0, 0, 24)),
        (9, R_BPF_64_64, "'CONFIG_HZ'", (0, 0, 0)),
        (13, R_BPF_64_64, "'glob'", (0, 0, 0)),
    ]
    assert decode_insn(section.data, 88, order).imm == -0x7FFF_FFF8
    assert decode_insn(section.data, 96, order).imm == 1
    ((name, (relo,)),) = obj.ext.core_relo
    assert (name, relo.insn_off, relo.type_id, relo.access, relo.kind) == ("syscall", 88, b.args, "0:1", 0)
    assert [pad.symbol, callee.symbol] == [f.name for f in obj.functions if f.symbol and f.symbol.is_local]
    assert "nobody_calls_it" not in obj.instances
    assert "nobody_reads_it" not in obj.instances
    sections = {d.name: [obj.btf[e.type_id].name for e in d.vars] for _, d in obj.btf if isinstance(d, t.DataSec)}
    assert sections == {".ksyms": ["bpf_strlen"], ".kconfig": ["CONFIG_HZ"]}
    weak = obj.instances["bpf_strlen"].symbol
    assert weak is not None
    assert weak.is_weak and weak.is_undefined
    assert {s: [r.insn_off for r in rs] for s, rs in obj.ext.func_info} == {".text": [0, 24, 40], "syscall": [0]}


def test_lines_of_given_code() -> None:
    b = Toolbox()
    b.function("a", code=assemble(*NOTHING), lines=[(0, 1, 1), (1, 2, 5)], file="x.toy", source="one\ntwo\n")
    b.function("b", code=assemble(*NOTHING), lines=[(0, 9, 1)], file="x.toy", source=["one", "two"])
    ((section, lines),) = made(b).ext.line_info
    assert section == ".text"
    assert [(r.insn_off, r.file_name, r.line, r.line_num, r.line_col) for r in lines] == [
        (0, "x.toy", "one", 1, 1), (8, "x.toy", "two", 2, 5), (16, "x.toy", "", 9, 1),
    ]  # fmt: skip


def test_finishing_twice_gives_the_same() -> None:
    b = Toolbox()
    v = b.variable("v", b.u64, data=b"abcdefgh")
    b.map("m", MapType.ARRAY, value=b.u64, max_entries=1)
    b.function("f", code=assemble(*ld_imm64(1), *NOTHING), relocs=[(0, v)])
    assert write_object(b.finish()) == write_object(b.finish())


# -- what cannot be -------------------------------------------------------------------------------------------


def two_of_a_name(b: Toolbox) -> None:
    b.variable("x", b.u64)
    b.map("x", MapType.ARRAY, value=b.u64, max_entries=1)


def wrong_code(b: Toolbox) -> None:
    b.function("f", code=b"1234567")


def foreign(b: Toolbox) -> None:
    other = Toolbox().variable("v", 1)
    b.function("f", code=assemble(*ld_imm64(1), *NOTHING), relocs=[(0, other)])


def foreign_parent(b: Toolbox) -> None:
    b.variable("v", b.u64, parent=Toolbox().function("f", code=assemble(*NOTHING)))


def call_of_a_map(b: Toolbox) -> None:
    m = b.map("m", MapType.ARRAY, value=b.u64, max_entries=1)
    b.function("f", code=assemble(CALL, *NOTHING), relocs=[(0, m)])


def no_such_insn(b: Toolbox) -> None:
    v = b.variable("v", b.u64)
    b.function("f", code=assemble(*NOTHING), relocs=[(2, v)])


def no_such_line(b: Toolbox) -> None:
    b.function("f", code=assemble(*NOTHING), lines=[(2, 1, 1)])


def maps_in_maps_in_maps(b: Toolbox) -> None:
    leaf = b.map("leaf", MapType.ARRAY, value=b.u64, max_entries=1)
    tree = b.map("tree", MapType.ARRAY_OF_MAPS, inner=leaf, max_entries=1)
    b.map("wood", MapType.ARRAY_OF_MAPS, inner=tree, max_entries=1)


def not_an_address(b: Toolbox) -> None:
    v = b.variable("v", b.u64)
    b.function("f", code=assemble(*NOTHING), relocs=[(0, v)])


def wrong_data(b: Toolbox) -> None:
    b.variable("v", b.u64, data=b"1234")


def no_size(b: Toolbox) -> None:
    b.variable("v", b.type(t.FuncProto(0)))


def not_zero(b: Toolbox) -> None:
    b.variable("v", b.u32, data=b"1234", section=".bss")


def code_in_data(b: Toolbox) -> None:
    b.variable("v", b.u32, section="mine")
    b.variable("w", b.u32, section="syscall")
    b.function("f", section="syscall", code=assemble(*NOTHING))


WRONG: list[tuple[Callable[[Toolbox], Any], type[BtfkitError], str]] = [
    (two_of_a_name, LinkError, "toy.o: map 'x': the symbol 'x' is declared already: variable 'x'"),
    (wrong_code, LinkError, "toy.o: function 'f': its 7 bytes are not whole instructions"),
    (foreign, LinkError, "toy.o: function 'f': variable 'v' is not in the object"),
    (
        foreign_parent,
        LinkError,
        "toy.o: variable 'v' (symbol 'f.v'): its parent, function 'f', is not declared in this object",
    ),
    (call_of_a_map, LinkError, "toy.o: function 'f': instruction 0 is a call, and is to refer to map 'm'"),
    (no_such_insn, LinkError, "toy.o: function 'f': instruction 2 is none of its 2"),
    (no_such_line, LinkError, "function 'f': instruction 2 is none of its 2"),
    (maps_in_maps_in_maps, EncodeError, "map 'wood': the maps in it hold maps again"),
    (lambda b: b.variable("v", b.u64, linkage="weak"), LinkError, "variable 'v': linkage is 'weak'"),
    (not_an_address, LinkError, "instruction 0 is neither a ld_imm64 nor a call, and is to refer to variable 'v'"),
    (wrong_data, EncodeError, "toy.o: variable 'v': its type, type 2 INT 'u64', has 8 bytes; the data has 4"),
    (no_size, EncodeError, "variable 'v': its type, type 9 FUNC_PROTO, has no size"),
    (not_zero, EncodeError, "variable 'v': the section '.bss' holds nothing but zeros"),
    (code_in_data, LinkError, "variable 'w': the section 'syscall' is not one of data"),
    (lambda b: b.function("f"), LinkError, "toy.o: there is no code of 'f'"),
    (lambda b: b.variable("v", b.u64, section="maps"), LinkError, "cannot be in the section 'maps'"),
    (lambda b: b.function("", code=assemble(*NOTHING)), LinkError, "has no name"),
    (lambda b: b.function("f", lines=[(0, 1, 1)]), LinkError, "belong to code that is given"),
    (lambda b: b.function("f", [("x", 77)], code=assemble(*NOTHING)), FormatError, "type_id 77 is past the last id"),
    (lambda b: b.extern_function("f", section=".text"), EncodeError, "section is '.text', not '.ksyms' or None"),
    (
        lambda b: b.extern_variable("v", b.u64, section=".bss"),
        EncodeError,
        "section is '.bss', not '.ksyms', '.kconfig'",
    ),
    (lambda b: b.tag(b.map("m", MapType.ARRAY, value=b.u64, max_entries=1), "t"), LinkError, "BTF has no tags for it"),
    (lambda b: b.tag(Toolbox().variable("v", 1), "t"), LinkError, "variable 'v': is not declared in this object"),
    (lambda b: ObjectBuilder("middle"), EncodeError, "byte_order is 'middle'"),
    (lambda b: b.define(99, t.Ptr(0)), BadReferenceError, "type_id 99 is none of the 8 added"),
    (lambda b: b.take_llvm(b"not an object"), FormatError, "toy.o: byte 0x0: not an ELF file"),
]


@pytest.mark.parametrize(("declare", "kind", "said"), WRONG, ids=[w[2][-40:] for w in WRONG])
def test_wrong(declare: Callable[[Toolbox], Any], kind: type[BtfkitError], said: str) -> None:
    b = Toolbox()
    with pytest.raises(kind) as caught:
        declare(b)
        b.finish()
    assert said in str(caught.value)
