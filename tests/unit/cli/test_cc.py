"""``btfkit cc``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.unit.cli.conftest import FLOWS_C, Cli

from btfkit.elf import read_elf
from btfkit.frontend.c import find_compiler
from btfkit.object import ObjectForm, read_object


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "prog.c"
    path.write_text(
        "#include <btfkit/bpf.h>\n#ifndef RESULT\n#define RESULT XDP_PASS\n#endif\n"
        'int unused(void) { int x; return 0; }\nSEC("xdp") int prog(struct xdp_md *ctx) { return RESULT; }\n'
    )
    return path


def test_the_object_is_named_after_the_source(
    cli: Cli, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert cli("cc", source) == (0, "", "")
    assert read_object((folder / "prog.o").read_bytes()).form is ObjectForm.INSTANCE


@pytest.mark.parametrize("form", ["instance", "libbpf", "sidecar", "classic", "proposed", "plain"])
def test_forms(cli: Cli, tmp_path: Path, form: str) -> None:
    out = tmp_path / "x.o"
    assert cli("cc", FLOWS_C, "-o", out, "--form", form).code == 0
    assert (".debug_info" in [section.name for section in read_elf(out.read_bytes()).sections]) is False
    assert "map<struct flow, u64>" in cli("show", out).out


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14", "bpf-gcc", "ziglang"])
def test_every_compiler(cli: Cli, tmp_path: Path, compiler: str) -> None:
    if compiler != "ziglang":
        need_tool(compiler)
    out = tmp_path / "x.o"
    result = cli("cc", FLOWS_C, "-o", out, "--compiler", compiler)
    assert (result.code, result.out) == (0, "")
    shown = cli("show", "--json", out).json["instances"]
    assert {"flows": "map<struct flow, u64>", "count": "int (struct xdp_md *ctx)"}.items() <= {
        one["name"]: one["type"] for one in shown
    }.items()


def test_dwarf(cli: Cli, source: Path, tmp_path: Path) -> None:
    readelf = need_tool("readelf")
    with_it, without = tmp_path / "with.o", tmp_path / "without.o"
    for form in ("plain", "instance", "libbpf"):
        assert cli("cc", source, "-o", with_it, "--keep-dwarf", "--form", form).code == 0
        assert cli("cc", source, "-o", without, "--form", form).code == 0
        names = [section.name for section in read_elf(without.read_bytes()).sections]
        assert not any(".debug_" in name for name in names)
        if find_compiler().family != "gcc":
            assert ".debug_info" in [section.name for section in read_elf(with_it.read_bytes()).sections]
        done = subprocess.run([readelf, "-aW", without], capture_output=True, check=True, text=True)
        assert "arning" not in done.stderr and "rror" not in done.stderr
        assert cli("dump", with_it).out == cli("dump", without).out


def test_options_reach_the_compiler(cli: Cli, source: Path, tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.mkdir()
    (headers / "result.h").write_text("#define WANTED 4\n")
    out = tmp_path / "x.o"
    result = cli(
        "cc", source, "-o", out, "-D", "RESULT=WANTED", f"-I{headers}", "-O1", "--cpu", "v1", "-v",
        "--byte-order", "big", "--", "-include", "result.h",
    )  # fmt: skip
    assert result.code == 0
    assert "-O1" in result.err and "-include result.h" in result.err
    elf = read_elf(out.read_bytes())
    section = elf.section("xdp")
    assert elf.byte_order == "big" and section is not None
    assert section.data.endswith(bytes.fromhex("b700000000000004 9500000000000000"))


def test_warnings_are_shown(cli: Cli, source: Path, tmp_path: Path) -> None:
    result = cli("cc", source, "-o", tmp_path / "x.o", "--", "-Wall")
    assert result.code == 0 and not result.out
    assert "unused variable" in result.err


def test_what_does_not_compile(cli: Cli, source: Path, tmp_path: Path) -> None:
    source.write_text("int f(void) { return nothing; }\n")
    out = tmp_path / "x.o"
    out.write_bytes(b"old")
    result = cli("cc", source, "-o", out)
    assert result.code == 1 and out.read_bytes() == b"old"
    assert result.err.startswith(f"btfkit: {source}: ") and "nothing" in result.err
    assert {path.name for path in tmp_path.iterdir()} == {"prog.c", "x.o"}


def test_what_compiles_and_makes_no_sense(cli: Cli, source: Path, tmp_path: Path) -> None:
    source.write_text(
        '#include <btfkit/bpf.h>\nBPF_ANNOTATE_KV_PAIR(flows, u32, u64);\nchar _license[] SEC("license") = "";\n'
    )
    result = cli("cc", source, "-o", tmp_path / "x.o")
    assert result.code == 1
    assert result.err.startswith(f"btfkit: {source}: .BTF: symbol 'flows': ") and "does not exist" in result.err
    assert not (tmp_path / "x.o").exists()


def test_mistakes(cli: Cli, source: Path, tmp_path: Path) -> None:
    assert cli("cc", tmp_path / "missing.c").code == 1
    assert cli("cc", source, "--compiler", "nonesuch").code == 1
    assert cli("cc", source, "-o", source).code == 2
    assert cli("cc", source, "--json").code == 2
    assert source.read_text().startswith("#include")


def test_list(cli: Cli) -> None:
    table, listed = cli("cc", "--list"), cli("cc", "--list", "--json").json
    assert table.code == 0 and table.out.startswith("name ")
    assert listed[0]["name"] == find_compiler().name
    assert len(table.out.splitlines()) == len(listed) + 1


def test_no_compiler(cli: Cli, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install btfkit[c]" in cli("cc", "--list").err
    result = cli("cc", source)
    assert result.code == 1 and "pip install btfkit[c]" in result.err
    assert sys.executable
