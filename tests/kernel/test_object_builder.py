"""Objects from `ObjectBuilder` in the kernel: code by hand and from LLVM, kfuncs, libbpf's form; and what docs show."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import kernel_btf, need_tool, skip_or_fail
from tests.judge import View, libbpf_load
from tests.unit.frontend.objects.toolbox import CALL, EXIT, MOV0, Toolbox, assemble, ld_imm64, llvm_object

from btfkit import Object, read_btf
from btfkit.convert import Target, convert
from btfkit.errors import LoadError
from btfkit.format.ext import CoreRelo
from btfkit.format.maptype import MapType
from btfkit.model import types as t
from btfkit.object import write_object

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

ROOT = Path(__file__).parents[2]
ORDER = sys.byteorder


# -- code by hand ---------------------------------------------------------------------------------------------


def by_hand() -> Toolbox:
    """main: calls[0] += 1 through a static function, total += x; returns total + table[1] + how often it ran."""
    b = Toolbox(ORDER)
    counts = b.map("counts", MapType.HASH, key=b.u32, value=b.u64, max_entries=4)
    total = b.variable("total", b.u64, data=(100).to_bytes(8, ORDER))
    pair = b.variable("pair", b.args, data=bytes(8) + (1000).to_bytes(8, ORDER), const=True)
    step = assemble(
        *ld_imm64(2), (0x61, 1, 2, 0, 0), (0x07, 1, 0, 0, 1), (0x63, 2, 1, 0, 0), (0xBF, 0, 1, 0, 0), EXIT,
        byte_order=ORDER,
    )  # fmt: skip
    main = b.function(
        "main", [("ctx", b.ctx)], b.i32, section="syscall", relocs=(relocs := []),
        code=assemble(
            (0x79, 6, 1, 0, 0),                                # 0 r6 = ctx->x
            (0x62, 10, 0, -4, 5), (0x7A, 10, 0, -16, 9),       # 1 key = 5, value = 9
            *ld_imm64(1),                                      # 3 r1 = counts
            (0xBF, 2, 10, 0, 0), (0x07, 2, 0, 0, -4),
            (0xBF, 3, 10, 0, 0), (0x07, 3, 0, 0, -16), (0xB7, 4, 0, 0, 0),
            (0x85, 0, 0, 0, 2),                                # 10 map_update_elem
            CALL,                                              # 11 step
            (0xBF, 7, 0, 0, 0),
            *ld_imm64(1),                                      # 13 total
            (0xDB, 1, 6, 0, 0), (0x79, 8, 1, 0, 0), (0x0F, 7, 8, 0, 0),
            *ld_imm64(1, 8),                                   # 18 pair.y
            (0x79, 1, 1, 0, 0), (0x0F, 7, 1, 0, 0), (0xBF, 0, 7, 0, 0), EXIT,
            byte_order=ORDER,
        ),
        lines=[(0, 1, 1), (11, 2, 5)], file="hand.toy", source=["store it", "step it"],
    )  # fmt: skip
    calls = b.variable("calls", b.u32, parent=main)
    pad = assemble(MOV0, EXIT, byte_order=ORDER)
    b.function("pad", linkage="static", code=pad)
    step_decl = b.function(
        "step", [], b.u64, parent=main, code=step, relocs=[(0, calls)], lines=[(0, 9, 1)], file="hand.toy"
    )
    relocs += [(3, counts), (11, step_decl), (13, total), (18, pair)]
    b.license("GPL")
    return b


def test_code_by_hand() -> None:
    with Object.of(by_hand().finish()).load() as bpf:
        main = bpf.programs["main"]
        assert main.test_run(ctx={"x": 7, "y": 0}).retval == 1 + 107 + 1000
        assert main.test_run(ctx={"x": 1, "y": 0}).retval == 2 + 108 + 1000
        assert dict(bpf.maps["counts"].items()) == {5: 9}
        assert bpf.variables["total"].value == 108
        assert bpf.variables["main.calls"].value == 2
        bpf.variables["total"].value = 0
        assert main.test_run(ctx={"x": 3, "y": 0}).retval == 3 + 3 + 1000
        shown = subprocess.run(
            [need_tool("bpftool"), "prog", "dump", "xlated", "id", str(main.info.id), "linum"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "; store it [file:hand.toy line_num:1 line_col:1]" in shown
        assert "; step it [file:hand.toy line_num:2 line_col:5]" in shown
        assert re.search(r"^(int|long|u64) step\(|step", shown, re.MULTILINE)


# -- code from LLVM -------------------------------------------------------------------------------------------

MODULE = """
@counts = external global i8
@total = external global i64
@main.last = external global i64
@table = private constant [4 x i64] [i64 1, i64 20, i64 300, i64 4000]

define internal i64 @main.pick(i64 %x) noinline nounwind !dbg !2 {
  %p = getelementptr [4 x i64], ptr @table, i64 0, i64 %x
  %v = load i64, ptr %p, !dbg !12
  store i64 %v, ptr @main.last
  ret i64 %v, !dbg !12
}

define i32 @main(ptr %ctx) nounwind section "syscall" !dbg !1 {
  %k = alloca i32
  store i32 1, ptr %k, !dbg !11
  %x = load i64, ptr %ctx
  %y = and i64 %x, 3
  %z = call i64 @main.pick(i64 %y), !dbg !11
  %r = call ptr inttoptr (i64 1 to ptr)(ptr @counts, ptr %k), !dbg !11
  %found = icmp ne ptr %r, null
  br i1 %found, label %add, label %done
add:
  atomicrmw add ptr %r, i64 %z monotonic
  br label %done
done:
  %t = load i64, ptr @total
  %s = add i64 %t, %z
  %w = trunc i64 %s to i32
  ret i32 %w, !dbg !11
}
"""
LINES = ["def main(ctx):", "    counts[1] += pick(ctx.x & 3)", "", "def pick(x):", "    return table[x]"]


def from_llvm() -> Toolbox:
    b = Toolbox(ORDER)
    b.map("counts", MapType.ARRAY, value=b.u64, max_entries=2)
    b.variable("total", b.u64, data=(5).to_bytes(8, ORDER))
    main = b.function("main", [("ctx", b.ctx)], b.i32, section="syscall")
    pick = b.function("pick", [("x", b.u64)], b.u64, parent=main)
    b.function("gone", [], 0, parent=pick, may_be_absent=True)
    b.variable("last", b.u64, parent=main)
    b.license("GPL")
    b.take_llvm(llvm_object(MODULE, ORDER), file_name="prog.toy", source_lines=LINES)
    return b


def test_code_from_llvm() -> None:
    with Object.of(from_llvm().finish()).load() as bpf:
        main = bpf.programs["main"]
        assert [main.test_run(ctx={"x": x, "y": 0}).retval for x in (0, 1, 7)] == [6, 25, 4005]
        assert dict(bpf.maps["counts"].items()) == {0: 0, 1: 4021}
        assert bpf.variables["main.last"].value == 4000
        shown = subprocess.run(
            [need_tool("bpftool"), "prog", "dump", "xlated", "id", str(main.info.id), "linum"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "; counts[1] += pick(ctx.x & 3) [file:prog.toy line_num:2" in shown
        assert "; return table[x] [file:prog.toy line_num:5" in shown


@pytest.mark.parametrize("make", [by_hand, from_llvm])
def test_libbpf_loads_it(tmp_path: Path, make: type[Toolbox]) -> None:
    need_tool("bpftool")
    path = tmp_path / "toy.o"
    path.write_bytes(write_object(convert(make().finish(), Target.LIBBPF, strict=True)))
    with libbpf_load(path) as view:
        assert isinstance(view, View), view
        assert view.maps["counts"]["has types"]
        assert set(view.maps) >= {"counts", ".data", ".bss", ".rodata"}
        assert "line_num:2" in view.programs["main"]


def test_a_verifier_error_says_the_line() -> None:
    b = Toolbox(ORDER)
    bad = assemble((0xBF, 0, 5, 0, 0), EXIT, byte_order=ORDER)
    b.function(
        "main",
        [("ctx", b.ctx)],
        b.i32,
        section="syscall",
        code=bad,
        lines=[(0, 7, 1)],
        file="x.toy",
        source=[""] * 6 + ["y = z"],
    )
    with pytest.raises(LoadError, match=r"at x\.toy:7: y = z"):
        Object.of(b.finish()).load()


# -- what the kernel defines ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [Target.INSTANCE, Target.LIBBPF])
def test_kfunc_and_weak_extern(form: Target) -> None:
    if "bpf_strlen" not in read_btf(kernel_btf()).names():
        skip_or_fail("this kernel has no kfunc bpf_strlen")
    b = Toolbox(ORDER)
    strlen = b.extern_function("bpf_strlen", [("s__ign", b.text)], b.i32)
    missing = b.extern_function("no_kernel_has_this", [("s__ign", b.text)], b.i32, weak=True)
    text = int.from_bytes(b"abc\0", ORDER)
    b.function(
        "main", [("ctx", b.ctx)], b.i32, section="syscall", relocs=[(3, strlen), (4, missing)],
        code=assemble(
            (0x62, 10, 0, -8, text), (0xBF, 1, 10, 0, 0), (0x07, 1, 0, 0, -8), CALL,
            *ld_imm64(1), (0x15, 1, 0, 1, 0), (0x07, 0, 0, 0, 100), EXIT, byte_order=ORDER,
        ),
    )  # fmt: skip
    b.license("GPL")
    with Object.of(convert(b.finish(), form)).load() as bpf:
        assert bpf.programs["main"].test_run(ctx={"x": 0, "y": 0}).retval == 3


CORE = """
@"task.tgid" = external global i8
@"task.exists" = external global i8
define i32 @main(ptr %ctx) nounwind section "syscall" {
  %off = ptrtoint ptr @"task.tgid" to i64
  %there = ptrtoint ptr @"task.exists" to i64
  %m = mul i64 %there, 100000
  %s = add i64 %off, %m
  %w = trunc i64 %s to i32
  ret i32 %w
}
"""


def test_core_numbers_are_the_kernels(tmp_path: Path) -> None:
    need_tool("bpftool")
    b = Toolbox(ORDER)
    task = b.type(t.Struct("task_struct", 16, (t.Member("pid", b.i32, 0), t.Member("tgid", b.i32, 64))))
    b.core_relo("task.tgid", task, "0:1", CoreRelo.FIELD_BYTE_OFFSET, 8)
    b.core_relo("task.exists", task, "0", CoreRelo.TYPE_EXISTS, 1)
    b.function("main", [("ctx", b.ctx)], b.i32, section="syscall")
    b.license("GPL")
    b.take_llvm(llvm_object(CORE, ORDER))
    obj = b.finish()
    kernel = read_btf(kernel_btf())
    (off,) = (m.bit_off // 8 for m in kernel[kernel.find("task_struct", t.Struct)].members if m.name == "tgid")
    with Object.of(obj).load() as bpf:
        assert bpf.programs["main"].test_run(ctx={"x": 0, "y": 0}).retval == 100_000 + off
    path = tmp_path / "core.o"
    path.write_bytes(write_object(convert(obj, Target.LIBBPF, strict=True)))
    with libbpf_load(path) as view:
        assert isinstance(view, View), view
        assert f"r0 = 0x{off:x}" in view.programs["main"]


# -- what the documents show ----------------------------------------------------------------------------------


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    path = ROOT / "examples" / "toy_language.py"
    source = path.read_text()
    assert len(source.splitlines()) < 60
    exec(compile(source, str(path), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "returned: [1, 3, 7, 13, 21]\ntotal: 20  counts: {0: 2, 1: 2, 2: 1}\n"


def test_the_page_for_language_authors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "languages.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks), "languages.md", "exec"), {"__name__": "page"})
    promised = re.findall(r"print\(.*#\s*(.*)", page)
    assert capsys.readouterr().out.splitlines() == promised == ["42", "42 {0: 0, 1: 0, 2: 1}"]
