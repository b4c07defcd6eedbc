"""LLVM's objects, of both byte orders: their symbols meet the declarations by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import need_tool
from tests.judge import bpftool_types
from tests.unit.frontend.objects.toolbox import EXIT, MOV0, Toolbox, assemble, ld_imm64, llvm_object

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import LinkError
from btfkit.format.ext import CoreRelo
from btfkit.format.insn import decode_insn
from btfkit.format.maptype import MapType
from btfkit.load.plan import RelocKind, make_plan
from btfkit.object import BpfObject, read_object, write_object

ORDERS = ("little", "big")

MODULE = """
@counts = external global i8
@total = external global i64
@prog.calls = external global i32
@offset = external global i8
@table = private constant [4 x i64] [i64 1, i64 20, i64 3, i64 4]
@own = internal global i64 5
declare i32 @bpf_strlen(ptr)
declare i64 @helper(i64)

define internal i64 @prog.inner(i64 %x) noinline nounwind !dbg !2 {
  %p = getelementptr [4 x i64], ptr @table, i64 0, i64 %x
  %v = load i64, ptr %p, !dbg !12
  ret i64 %v, !dbg !12
}

define i32 @prog(ptr %ctx) nounwind section "syscall" !dbg !1 {
  %k = alloca i32
  store i32 1, ptr %k, !dbg !11
  %r = call ptr inttoptr (i64 1 to ptr)(ptr @counts, ptr %k), !dbg !11
  %t = load i64, ptr @total
  %c = load i32, ptr @prog.calls
  %c1 = add i32 %c, 1
  store i32 %c1, ptr @prog.calls
  %o = load i64, ptr @own
  store i64 9, ptr @own
  %x = load i64, ptr %ctx
  %y = and i64 %x, 3
  %z = call i64 @prog.inner(i64 %y), !dbg !11
  %off = ptrtoint ptr @offset to i64
  %n = call i32 @bpf_strlen(ptr %k)
  %h = call i64 @helper(i64 %o)
  %n64 = zext i32 %n to i64
  %s1 = add i64 %z, %t
  %s2 = add i64 %s1, %off
  %s3 = add i64 %s2, %n64
  %s4 = add i64 %s3, %h
  %s = trunc i64 %s4 to i32
  ret i32 %s, !dbg !11
}
"""

SOURCE = ["def prog(ctx):", "    return total", "", "def inner(x):", "    return table[x]"]


def declared(order: str, ir: str = MODULE) -> Toolbox:
    """The declarations that belong to `MODULE`."""
    b = Toolbox(order)
    b.map("counts", MapType.HASH, key=b.u32, value=b.u64, max_entries=8)
    b.variable("total", b.u64, data=(7).to_bytes(8, order))  # type: ignore[arg-type]
    prog = b.function("prog", [("ctx", b.ctx)], b.i32, section="syscall")
    inner = b.function("inner", [("x", b.u64)], b.u64, parent=prog)
    inlined = b.function("inlined", [("x", b.u64)], b.u64, parent=inner, may_be_absent=True)
    deep = b.function("deep", parent=inlined, may_be_absent=True)
    b.tag(inlined, "a tag that goes with it")
    b.variable("calls", b.u32, parent=prog)
    b.variable("seen", b.u32, parent=deep)
    b.variable("unused", b.u64, data=b"12345678")
    b.extern_function("bpf_strlen", [("s", b.text)], b.i32)
    b.extern_function("bpf_unused", [("s", b.text)], b.i32)
    b.core_relo("offset", b.args, "0:1", CoreRelo.FIELD_BYTE_OFFSET, 8)
    code = assemble(MOV0, EXIT, byte_order=order)
    b.function("pad", linkage="static", code=code)
    b.function("helper", [("n", b.u64)], b.u64, linkage="static", code=code, lines=[(0, 3, 1)], file="hand.s")
    b.license("GPL")
    b.take_llvm(llvm_object(ir, order), file_name="prog.toy", source_lines=SOURCE)
    return b


@pytest.fixture(scope="module", params=ORDERS)
def obj(request: pytest.FixtureRequest) -> BpfObject:
    return read_object(write_object(declared(request.param).finish()), "prog.o")


def test_symbols_and_instances(obj: BpfObject) -> None:
    told = {
        d.qualified_name: (d.kind.word, d.symbol.name, d.section and d.section.name, d.size)
        for d in obj.instances
        if d.symbol
    }
    assert told == {
        "counts": ("map", "counts", "maps", 20),
        "total": ("variable", "total", ".data", 8),
        "prog": ("function", "prog", "syscall", obj.instances["prog"].size),
        "prog.inner": ("function", "prog.inner", ".text", obj.instances["inner"].size),
        "prog.calls": ("variable", "prog.calls", ".bss", 4),
        "prog.inner.seen": ("variable", "prog.inner.inlined.deep.seen", ".bss", 4),
        "unused": ("variable", "unused", ".data", 8),
        "bpf_strlen": ("function", "bpf_strlen", None, 0),
        "pad": ("function", "pad", ".text", 16),
        "helper": ("function", "helper", ".text", 16),
        "_license": ("variable", "_license", "license", 4),
    }  # fmt: skip
    total = obj.instances["total"]
    assert total.section is not None
    data = total.section.data
    assert int.from_bytes(data[total.off : total.off + 8], obj.byte_order) == 7  # type: ignore[arg-type]
    assert int.from_bytes(data[:8], obj.byte_order) == 5, "LLVM's own comes first"  # type: ignore[arg-type]
    assert [s.name for s in obj.elf.symbols if s.is_undefined] == ["bpf_strlen"]
    assert obj.elf.symbol("offset") is None


def test_llvms_types_are_gone(obj: BpfObject) -> None:
    names = {s.name for s in obj.elf.sections if not s.name.startswith(".rel") and not s.name.endswith("tab")}
    assert names == {".text", "syscall", ".rodata", ".data", ".bss", "license", "maps", ".BTF", ".BTF.ext"}
    assert {f.name for f in obj.functions} == {"prog", "inner", "bpf_strlen", "pad", "helper"}
    assert "a tag that goes with it" not in obj.btf.names()


def test_records_of_the_code(obj: BpfObject) -> None:
    text, prog = obj.ext.records("line_info", ".text"), obj.ext.records("line_info", "syscall")
    hand = obj.instances["helper"].off
    assert [(r.line_num, r.line) for r in prog] == [(1, SOURCE[0]), (2, SOURCE[1])]
    assert [(r.insn_off, r.file_name, r.line_num, r.line) for r in text if r.file_name != "prog.toy"] == [
        (hand, "hand.s", 3, "")
    ]
    assert text[0].insn_off == obj.instances["inner"].off
    assert [r.line for r in text[:2]] == SOURCE[3:]
    told = {(section, r.insn_off): obj.btf[r.type_id].name for section, rs in obj.ext.func_info for r in rs}
    assert told == {(f.section.name, f.off): f.name for f in obj.functions if f.section}


def test_core_relocation(obj: BpfObject) -> None:
    ((section, (relo,)),) = obj.ext.core_relo
    assert (section, obj.btf[relo.type_id].name, relo.access, relo.kind) == ("syscall", "args", "0:1", 0)
    code = obj.elf.section("syscall")
    assert code is not None
    assert decode_insn(code.data, relo.insn_off, obj.byte_order) == (
        0x18,
        decode_insn(code.data, relo.insn_off, obj.byte_order).dst,
        0,
        0,
        8,
    )
    assert relo.insn_off not in [rel.off for rel in obj.elf.relocations(code)]


@pytest.mark.parametrize("target", [t for t in Target if t is not Target.INSTANCE])
def test_what_the_loader_is_asked_survives_every_form(obj: BpfObject, target: Target) -> None:
    for candidate in (obj, upgrade(read_object(write_object(convert(obj, target)), "prog.o"))):
        plan = make_plan(candidate)
        (program,) = plan.programs
        assert [f.name for f in program.functions] == ["prog", "prog.inner", "helper"]
        assert len(program.func_info) == 3
        maps = [(r.kind, plan.maps[r.map].name, r.off) for r in program.relocs if r.map >= 0]
        assert (RelocKind.MAP_FD, "counts", 0) in maps
        assert {name for _, name, _ in maps} == {"counts", ".data", ".bss", ".rodata"}
        assert [r.name for r in program.relocs if r.kind is RelocKind.KFUNC] == ["bpf_strlen"]


def test_bpftool_reads_its_types(obj: BpfObject, tmp_path: Path) -> None:
    need_tool("bpftool")
    plain = convert(obj, Target.LIBBPF, strict=True)
    (tmp_path / "prog.o").write_bytes(write_object(plain))
    types = bpftool_types("file", tmp_path / "prog.o")
    told = {t["name"]: t for t in types.values() if t["kind"] in ("FUNC", "VAR", "DATASEC")}
    assert told["bpf_strlen"]["linkage"] == "extern"
    assert told["inner"]["linkage"] == "static"
    assert told["prog.calls"]["linkage"] == "static"
    assert [types[v["type_id"]]["name"] for v in told[".data"]["vars"]] == ["total", "unused"]
    assert [types[v["type_id"]]["name"] for v in told[".maps"]["vars"]] == ["counts"]
    assert [types[v["type_id"]]["name"] for v in told[".ksyms"]["vars"]] == ["bpf_strlen"]


STRIPS = (("llvm-strip", "-g", "IN", "-o", "OUT"), ("llvm-objcopy", "--strip-unneeded", "IN", "OUT"))


@pytest.mark.parametrize("command", STRIPS, ids=lambda c: c[0])
def test_strip_leaves_it_true(obj: BpfObject, tmp_path: Path, command: tuple[str, ...]) -> None:
    paths = {"IN": tmp_path / "in.o", "OUT": tmp_path / "out.o"}
    paths["IN"].write_bytes(write_object(obj))
    subprocess.run([need_tool(command[0]), *(str(paths.get(word, word)) for word in command[1:])], check=True)
    stripped = read_object(paths["OUT"].read_bytes(), "out.o")
    assert [(d.qualified_name, d.symbol and d.symbol.name) for d in stripped.instances] == [
        (d.qualified_name, d.symbol and d.symbol.name) for d in obj.instances
    ]
    before, after = make_plan(obj), make_plan(stripped)
    assert after.programs[0].insns == before.programs[0].insns
    assert after.programs[0].relocs == before.programs[0].relocs


def test_texts_per_file_and_llvms_own() -> None:
    b = Toolbox()
    b.function("f", returns=b.i32)
    ir = "define i32 @f() nounwind !dbg !1 {\n  ret i32 1, !dbg !11\n}"
    data = llvm_object(ir)
    b.take_llvm(data, source_lines={"in.toy": ["first", "second"], "./in.toy": ["first", "second"]})
    ((_, lines),) = b.finish().ext.line_info
    assert [(r.line_num, r.line) for r in lines] == [(2, "second")]
    assert lines[0].file_name.endswith("in.toy")


@pytest.mark.parametrize("order", ORDERS)
def test_llvms_references_to_a_static_function_by_hand(order: str) -> None:
    b = Toolbox(order)
    code = assemble(MOV0, EXIT, byte_order=order)
    b.function("f", returns=b.u64)
    b.function("pad", linkage="static", code=code)
    b.function("g", returns=b.u64, linkage="static", code=code)
    b.take_llvm(
        llvm_object(
            "@t = global ptr @g\ndeclare i64 @g()\ndefine i64 @f() nounwind {\n ret i64 ptrtoint (ptr @g to i64)\n}",
            order,
        )
    )
    obj = read_object(write_object(b.finish()))
    place = obj.instances["g"].off
    text, data = obj.elf.section(".text"), obj.elf.section(".data")
    assert text is not None and data is not None
    assert all(rel.symbol and rel.symbol.is_section for s in (text, data) for rel in obj.elf.relocations(s))
    assert decode_insn(text.data, 0, order).imm == place
    assert int.from_bytes(data.data, order) == place  # type: ignore[arg-type]


# -- what does not meet ---------------------------------------------------------------------------------------

FUNCTION = "define i64 @f(i64 %x) nounwind !dbg !1 {\n  ret i64 %x\n}\n"
SUM = """@m = external global [64 x i8]
define i64 @f() nounwind {
  ret i64 ptrtoint (ptr getelementptr ([64 x i8], ptr @m, i64 0, i64 8) to i64)
}"""


def nothing(b: Toolbox) -> None:
    """Declares nothing more than f."""


def f_too(declare: Callable[[Toolbox], Any], **how: Any) -> Callable[[Toolbox], None]:
    def both(b: Toolbox) -> None:
        b.function("f", **how)
        declare(b)

    return both


WRONG: list[tuple[str, Callable[[Toolbox], Any], str]] = [
    (FUNCTION, nothing, "LLVM's object defines 'f', which nobody declared"),
    (FUNCTION, f_too(lambda b: b.function("g")), "LLVM's object defines no function 'g'"),
    (FUNCTION, f_too(nothing, linkage="static"), "function 'f': is declared static; in LLVM's object it is global"),
    (FUNCTION, f_too(nothing, section="xdp"), "function 'f': is declared in the section 'xdp'; in LLVM's object it is in '.text'"),
    (FUNCTION, f_too(nothing, code=assemble(MOV0, EXIT)), "function 'f': LLVM's object defines it: let it be external there"),
    ("declare void @g(ptr)\n@v = external global i8\ndefine void @f() nounwind {\n call void @g(ptr @v)\n ret void\n}",
     f_too(nothing), "LLVM's object refers to 'v', 'g', which nobody declared"),
    ("@v = global i64 5\n" + FUNCTION, f_too(lambda b: b.variable("v", b.u64)), "variable 'v': LLVM's object defines it"),
    ("@m = global [20 x i8] zeroinitializer, section \"maps\"\n" + FUNCTION, f_too(nothing), "'m' is defined in LLVM's section 'maps'"),
    ("@m = external global i8\n@t = global ptr @m\n" + FUNCTION,
     f_too(lambda b: b.core_relo("m", b.args, "0:1", 0, 8)), "CO-RE marker 'm': is referred to by something else than a ld_imm64"),
]  # fmt: skip


@pytest.mark.parametrize(("ir", "declare", "said"), WRONG, ids=[w[2][-40:] for w in WRONG])
def test_wrong(ir: str, declare: Callable[[Toolbox], Any], said: str) -> None:
    b = Toolbox()
    declare(b)
    b.take_llvm(llvm_object(ir))
    with pytest.raises(LinkError) as caught:
        b.finish()
    assert said in str(caught.value)
    assert str(caught.value).startswith("toy.o: ")


def test_a_core_number_in_a_sum() -> None:
    data = llvm_object(SUM)
    b = Toolbox()
    b.function("f", returns=b.u64)
    b.core_relo("m", b.args, "0:1", CoreRelo.FIELD_BYTE_OFFSET, 8)
    b.take_llvm(data)
    text = b.finish().elf.section(".text")
    assert text is not None
    assert text.data == assemble(*ld_imm64(0, 8), (0x07, 0, 0, 0, 8), EXIT)

    b = Toolbox()
    b.function("f", returns=b.u64)
    b.core_relo("m", b.args, "0:1", CoreRelo.FIELD_BYTE_OFFSET, 8)
    b.take_llvm(data.replace(assemble(*ld_imm64(0)), assemble(*ld_imm64(0, 4))))
    with pytest.raises(LinkError, match="CO-RE marker 'm': was made part of a sum"):
        b.finish()


def test_another_byte_order() -> None:
    b = Toolbox("little")
    b.take_llvm(llvm_object(FUNCTION, "big"))
    with pytest.raises(LinkError, match="LLVM's object is big endian, the builder makes a little endian one"):
        b.finish()


def test_two_objects() -> None:
    b = Toolbox()
    b.take_llvm(llvm_object(FUNCTION))
    with pytest.raises(LinkError, match="link the modules before"):
        b.take_llvm(llvm_object(FUNCTION))
