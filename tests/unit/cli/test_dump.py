"""``btfkit dump``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool, skip_or_fail
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_main import spawn

from btfkit.api import read_btf
from btfkit.codec import encode_btf
from btfkit.dump import dump_raw
from btfkit.format.btf import Form
from btfkit.frontend.c import find_compiler
from btfkit.model import types as t
from btfkit.model.builder import Builder


def test_raw(cli: Cli, flows: Path) -> None:
    result = cli("dump", flows)
    assert result.code == 0
    assert result.out.splitlines() == list(dump_raw(read_btf(flows)))
    assert "VARIABLE 'calls'" in result.out


def test_what_bpftool_prints(cli: Cli, objects: Path) -> None:
    bpftool = need_tool("bpftool")
    path = objects / "flows.libbpf.o"
    want = subprocess.run([bpftool, "btf", "dump", "file", path], capture_output=True, check=True, text=True).stdout
    assert cli("dump", path).out == want


def test_c_compiles(cli: Cli, objects: Path, tmp_path: Path) -> None:
    clang = find_compiler("clang").command[0]
    for name in ("flows.o", "everything.o"):
        header = tmp_path / "x.h"
        header.write_text(cli("dump", "--format", "c", "--asserts", objects / name).out)
        assert "_Static_assert" in header.read_text()
        subprocess.run([clang, "-target", "bpf", "-fsyntax-only", "-x", "c", header], check=True)


@pytest.mark.parametrize("form", ["", ".libbpf", ".sidecar", ".proposed"])
def test_json_reads_back_to_the_same_bytes(cli: Cli, objects: Path, tmp_path: Path, form: str) -> None:
    text, back = tmp_path / "x.json", tmp_path / "x.btf"
    path = objects / f"everything{form}.o"
    result = cli("dump", "--format", "json", path)
    wanted = {"": "func_sym", ".libbpf": "func_info", ".sidecar": "func_sym", ".proposed": "func_info"}
    assert result.json["ext"][wanted[form]]
    text.write_text(result.out)
    done = cli("convert", text, "-o", back)
    assert done.code == 0
    assert "btfkit: warning: its .BTF.ext is left out" in done.err
    from btfkit.elf import read_elf

    section = read_elf(path.read_bytes()).section(".BTF.inst" if form == ".sidecar" else ".BTF")
    assert section is not None and back.read_bytes() == section.data


def test_a_section_by_name(cli: Cli, objects: Path) -> None:
    path = objects / "flows.sidecar.o"
    assert "MAP" in cli("dump", path).out
    assert "VAR 'flows'" in cli("dump", "--section", ".BTF", path).out
    result = cli("dump", "--section", ".data", path)
    assert result.code == 1 and "there is no section .data" in result.err


def test_one_type(cli: Cli, flows: Path) -> None:
    by_name = cli("dump", flows, "--name", "flow")
    assert by_name.out.splitlines()[0].split(" ", 1)[1] == "STRUCT 'flow' size=12 vlen=3"
    number = by_name.out[1 : by_name.out.index("]")]
    assert cli("dump", flows, number).out == by_name.out
    assert cli("dump", flows, number, "--name", "flow").out == by_name.out
    assert "struct flow {" in cli("dump", flows, "--format", "c", number).out
    assert cli("dump", flows, "--name", "flows").out.split(" ")[1] == "MAP"  # what the instance is


MISTAKES = [
    (["9999"], 1, "type_id 9999 is past the last id"),
    (["0"], 2, "they start at 1"),
    (["-3"], 2, "they start at 1"),
    (["--name", "flo"], 1, "there is no type 'flo' (near: flow"),
    (["--asserts"], 2, "--asserts goes with"),
    (["--format", "json", "1"], 2, "of the whole BTF"),
    (["--base", "/nowhere"], 1, "/nowhere: No such file"),
    (["x"], 2, "invalid int"),
]


@pytest.mark.parametrize(("arguments", "code", "text"), MISTAKES)
def test_mistakes(cli: Cli, flows: Path, arguments: list[str], code: int, text: str) -> None:
    result = cli("dump", flows, *arguments)
    assert result.code == code and text in result.err and not result.out


def split(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a base and of what stands on it."""
    base = Builder()
    int_ = base.add(t.Int("int", 4))
    base_btf = base.build(form=Form.CLASSIC)
    own = Builder(base_btf)
    own.add(t.Typedef("number", int_))
    base_file, own_file = tmp_path / "base.btf", tmp_path / "own.btf"
    base_file.write_bytes(encode_btf(base_btf))
    own_file.write_bytes(encode_btf(own.build(form=Form.CLASSIC)))
    return base_file, own_file


def test_split_btf(cli: Cli, tmp_path: Path) -> None:
    base, own = split(tmp_path)
    assert cli("dump", own, "--base", base).out == "[2] TYPEDEF 'number' type_id=1\n"
    assert "classic form, little endian: 1 types, on a base of 1, 0 instances" in cli("show", own, "--base", base).out
    without = cli("dump", own)
    assert without.code == 1 and "--base FILE" in without.err
    big = tmp_path / "big.btf"
    assert cli("convert", own, "--base", base, "--to", "layout", "-o", big).code == 0
    assert cli("dump", big, "--base", base).out == "[2] TYPEDEF 'number' type_id=1\n"


def test_split_json(cli: Cli, tmp_path: Path) -> None:
    base, own = split(tmp_path)
    text, back = tmp_path / "own.json", tmp_path / "back.btf"
    text.write_text(cli("dump", "--format", "json", own, "--base", base).out)
    assert cli("convert", text, "-o", back).code == 1
    assert cli("convert", text, "--base", base, "-o", back).code == 0
    assert back.read_bytes() == own.read_bytes()


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    builder = Builder()
    builder.add(t.Int("\udcff\x1b", 4))
    path = tmp_path / "x.btf"
    path.write_bytes(encode_btf(builder.build(form=Form.CLASSIC)))
    assert spawn("dump", path).stdout.startswith(b"[1] INT '\xff\x1b' size=4")
    assert spawn("dump", "--format", "json", path).stdout.count(b"\\udcff") == 1


def test_vmlinux(cli: Cli) -> None:
    vmlinux = Path("/sys/kernel/btf/vmlinux")
    if not vmlinux.exists():
        skip_or_fail("this kernel has no BTF")
    assert cli("dump", vmlinux, "1").out.startswith("[1] ")
    assert "struct list_head {" in cli("dump", "--format", "c", "--name", "list_head", vmlinux).out
    assert " 0 instances\n" in cli("show", vmlinux).out
