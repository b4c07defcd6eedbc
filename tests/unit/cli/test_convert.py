"""``btfkit convert``, and how files are written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_main import ENVIRONMENT, spawn

from btfkit.object import ObjectForm, read_object

FORMS = {
    "instance": ObjectForm.INSTANCE,
    "libbpf": ObjectForm.PLAIN,
    "sidecar": ObjectForm.SIDECAR,
    "classic": ObjectForm.PLAIN,
    "proposed": ObjectForm.PROPOSED,
}


@pytest.mark.parametrize("source", ["plain", *FORMS])
@pytest.mark.parametrize("form", FORMS)
def test_any_form_to_any_other(cli: Cli, objects: Path, tmp_path: Path, source: str, form: str) -> None:
    path = objects / ("flows.o" if source == "instance" else f"flows.{source}.o")
    out = tmp_path / "out.o"
    result = cli("convert", path, "--to", form, "-o", out)
    assert (result.code, result.out) == (0, "")
    assert read_object(out.read_bytes()).form is FORMS[form]
    shown = [(one["name"], one["type"], one["section"]) for one in cli("show", "--json", out).json["instances"]]
    want = [(one["name"], one["type"], one["section"]) for one in cli("show", "--json", path).json["instances"]]
    assert sorted(shown) == sorted(want)


def test_bpftool_reads_what_is_for_libbpf(cli: Cli, objects: Path, tmp_path: Path) -> None:
    bpftool = need_tool("bpftool")
    out = tmp_path / "out.o"
    assert cli("convert", objects / "everything.o", "--to", "libbpf", "-o", out).code == 0
    subprocess.run([bpftool, "gen", "skeleton", out], check=True, capture_output=True)


def test_there_and_back_in_the_other_byte_order(cli: Cli, flows: Path, tmp_path: Path) -> None:
    big, back = tmp_path / "big.o", tmp_path / "back.o"
    result = cli("convert", flows, "--byte-order", "big", "-o", big)
    assert result.code == 0 and "btfkit: warning: " in result.err
    assert cli("show", "--json", big).json["byte_order"] == "big"
    assert cli("convert", big, "--byte-order", "little", "-o", back).code == 0
    assert cli("dump", back).out == cli("dump", flows).out


@pytest.mark.parametrize("ext", ["tables", "single", "tagged"])
def test_symbol_tables(cli: Cli, flows: Path, tmp_path: Path, ext: str) -> None:
    out = tmp_path / "out.o"
    assert cli("convert", flows, "--ext", ext, "-o", out).code == 0
    names = cli("dump", "--format", "json", out).json["ext"].keys()
    assert ("inst_sym" in names, "func_sym" in names) == (ext != "tables", ext == "tables")


def test_losses_are_warnings_and_under_strict_errors(cli: Cli, objects: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.o"
    path = objects / "everything.o"
    result = cli("convert", path, "--to", "classic", "-o", out)
    assert result.code == 0 and "btfkit: warning: map 'pinned'" in result.err
    before = out.read_bytes()
    result = cli("convert", path, "--to", "classic", "--strict", "-o", out)
    assert result.code == 1 and "cannot say everything" in result.err
    assert out.read_bytes() == before


# -- bare BTF -----------------------------------------------------------------------------------------------


@pytest.fixture
def bare(cli: Cli, flows: Path, tmp_path: Path) -> Path:
    text, path = tmp_path / "x.json", tmp_path / "bare.btf"
    text.write_text(cli("dump", "--format", "json", flows).out)
    assert cli("convert", text, "-o", path).code == 0
    return path


def test_bare_btf_keeps_its_form(cli: Cli, bare: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.btf"
    assert cli("convert", bare, "-o", out).code == 0
    assert out.read_bytes() == bare.read_bytes()


@pytest.mark.parametrize("form", ["instance", "proposed"])
@pytest.mark.parametrize("order", ["little", "big"])
def test_bare_btf(cli: Cli, bare: Path, tmp_path: Path, form: str, order: str) -> None:
    out, back = tmp_path / "out.btf", tmp_path / "back.btf"
    assert cli("convert", bare, "--to", form, "--byte-order", order, "-o", out).code == 0
    assert cli("show", out).out.startswith(f"{form} form, {order} endian: ")
    assert cli("dump", out).out == cli("dump", bare).out
    assert cli("convert", out, "--to", "instance", "--byte-order", "little", "-o", back).code == 0
    assert cli("dump", back).out == cli("dump", bare).out


@pytest.mark.parametrize("form", ["classic", "layout"])
def test_instances_do_not_get_lost(cli: Cli, bare: Path, tmp_path: Path, form: str) -> None:
    result = cli("convert", bare, "--to", form, "-o", tmp_path / "out.btf")
    assert result.code == 1 and "convert the object" in result.err
    assert not (tmp_path / "out.btf").exists()


def test_forms_that_make_no_sense(cli: Cli, bare: Path, flows: Path, tmp_path: Path) -> None:
    assert cli("convert", bare, "--to", "libbpf", "-o", tmp_path / "x").code == 2
    assert cli("convert", flows, "--to", "layout", "-o", tmp_path / "x").code == 2
    assert not (tmp_path / "x").exists()


def test_json_that_is_none(cli: Cli, tmp_path: Path) -> None:
    for text in ("{", "{}", "[1]", '{"format": "btfkit"}', '{"a":' * 100_000):
        path = tmp_path / "x.json"
        path.write_text(text)
        result = cli("convert", path, "-o", tmp_path / "out")
        assert result.code == 1 and result.err.startswith(f"btfkit: {path}: ")


# -- files --------------------------------------------------------------------------------------------------


def only(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_output_may_be_the_input(cli: Cli, objects: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.o"
    path.write_bytes((objects / "flows.plain.o").read_bytes())
    path.chmod(0o640)
    assert cli("convert", path, "-o", path).code == 0
    assert read_object(path.read_bytes()).form is ObjectForm.INSTANCE
    assert path.stat().st_mode & 0o777 == 0o640
    assert only(tmp_path) == {"x.o"}


def test_a_new_file_has_the_usual_mode(cli: Cli, flows: Path, tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        assert cli("convert", flows, "-o", tmp_path / "x.o").code == 0
    finally:
        os.umask(mask)
    assert (tmp_path / "x.o").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_one(cli: Cli, flows: Path, tmp_path: Path) -> None:
    (tmp_path / "real.o").write_bytes(b"old")
    (tmp_path / "link.o").symlink_to("real.o")
    assert cli("convert", flows, "-o", tmp_path / "link.o").code == 0
    assert (tmp_path / "link.o").is_symlink()
    assert (tmp_path / "real.o").read_bytes()[:4] == b"\x7fELF"


def test_what_fails_leaves_the_old_file(cli: Cli, flows: Path, tmp_path: Path) -> None:
    bad, out = tmp_path / "bad.o", tmp_path / "out.o"
    bad.write_bytes(flows.read_bytes()[:-100])
    out.write_bytes(b"old")
    assert cli("convert", bad, "-o", out).code == 1
    assert out.read_bytes() == b"old" and only(tmp_path) == {"bad.o", "out.o"}


def test_a_write_that_fails_leaves_nothing(
    cli: Cli, flows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out.o"
    out.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", full)
    result = cli("convert", flows, "-o", out)
    assert (result.code, result.err) == (1, f"btfkit: {out}: No space left on device\n")
    assert out.read_bytes() == b"old" and only(tmp_path) == {"out.o"}


@pytest.mark.parametrize("name", ["missing/out.o", ".", "x.o/out.o"])
def test_places_where_nothing_can_be_written(cli: Cli, flows: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "x.o").write_bytes(b"")
    result = cli("convert", flows, "-o", f"{tmp_path}/{name}")
    assert result.code == 1
    assert result.err.startswith(f"btfkit: {tmp_path}/{name}: ")
    assert only(tmp_path) == {"x.o"}


def test_to_stdout(flows: Path) -> None:
    result = spawn("convert", flows, "--to", "libbpf", "-o", "-")
    assert result.returncode == 0 and read_object(result.stdout).form is ObjectForm.PLAIN


def test_from_a_pipe(flows: Path) -> None:
    command = f'cat "{flows}" | "{os.sys.executable}" -m btfkit show /dev/stdin'  # type: ignore[attr-defined]
    result = subprocess.run(["sh", "-c", command], capture_output=True, check=False, env=ENVIRONMENT)
    assert result.returncode == 0 and b"map<struct flow, u64>" in result.stdout


def test_a_device_is_not_replaced(cli: Cli, flows: Path) -> None:
    assert cli("convert", flows, "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()
