"""The public face: opening, writing, and names that are imported when asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.load.programs import FLOWS, build, compile_c

import btfkit
from btfkit.api import write_file
from btfkit.format.btf import Form


def test_open_and_read_btf(tmp_path: Path) -> None:
    path = compile_c(tmp_path, FLOWS)
    obj = btfkit.open(path)
    assert isinstance(obj, btfkit.Object)
    assert obj.path == str(path)
    assert obj.btf.form is Form.INSTANCE
    assert btfkit.open(str(path)).instances["flows"].type == btfkit.open(path.read_bytes()).instances["flows"].type
    plain = btfkit.read_btf(path)
    assert plain.find("flow", btfkit.types.Struct)
    section = obj.elf.section(".BTF")
    assert section is not None
    assert btfkit.read_btf(section.data) == plain
    raw = tmp_path / "raw.btf"
    raw.write_bytes(section.data)
    assert btfkit.read_btf(raw) == plain
    with pytest.raises(btfkit.FormatError, match="not an ELF file"):
        btfkit.open(b"not an object")
    with pytest.raises(FileNotFoundError):
        btfkit.open(tmp_path / "missing.o")


def test_write_is_all_or_nothing(tmp_path: Path) -> None:
    obj = build(tmp_path, FLOWS)
    target = tmp_path / "out.o"
    target.write_bytes(b"old")
    target.chmod(0o640)
    assert obj.write(target, form="libbpf") == []
    assert target.stat().st_mode & 0o777 == 0o640
    assert btfkit.open(target).instances["flows"].map_def == obj.instances["flows"].map_def
    with pytest.raises(btfkit.ConvertError, match="there is no form 'nonsense'"):
        obj.write(target, form="nonsense")
    before = target.read_bytes()
    with pytest.raises(btfkit.ConvertError):
        obj.write(target, byte_order="middle")
    assert target.read_bytes() == before
    link = tmp_path / "link.o"
    link.symlink_to(target)
    write_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    with pytest.raises(OSError):
        write_file(tmp_path / "no" / "such" / "folder", b"x")
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_names_are_there_and_late() -> None:
    for name in btfkit.__all__:
        assert getattr(btfkit, name) is not None
        assert name in dir(btfkit)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = btfkit.nonsense
    code = (
        "import sys, btfkit; print(sorted(m for m in sys.modules if m.startswith('btfkit.')), 'typing' in sys.modules)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.split(" ")[0] == "[]"
