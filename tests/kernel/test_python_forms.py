"""Each program of the feature table in other forms: as libbpf loads it, for other processors, in the other byte order."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.judge import View, kernel_view, libbpf_load
from tests.kernel.python_support import build
from tests.kernel.test_python_features import ROWS

import btfkit
from btfkit.errors import LoadError
from btfkit.load.linux import LoadedObject

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

REFUSED = "27 fentry and LSM"


def view(bpf: LoadedObject) -> View:
    maps = {name: bpf.maps[name].info.id for name in bpf.maps}
    return kernel_view(maps, {name: bpf.programs[name].info.id for name in bpf.programs})


@pytest.mark.parametrize("row", ROWS)
def test_libbpf_loads_it(tmp_path: Path, row: str) -> None:
    need_tool("bpftool")
    obj = build(tmp_path, ROWS[row])
    path = tmp_path / "program.o"
    obj.write(path, form="libbpf")
    with libbpf_load(path) as theirs:
        try:
            bpf = obj.load()
        except LoadError as error:
            assert (row, error.errno) == (REFUSED, errno.EPERM)
            assert isinstance(theirs, str)
            assert "Operation not permitted" in theirs
            return
        assert isinstance(theirs, View), theirs
        with bpf:
            ours = view(bpf)
            print(ours, theirs)


@pytest.mark.parametrize("cpu", ["v2", "v3", "v4"])
@pytest.mark.parametrize("row", ROWS)
def test_processors(tmp_path: Path, row: str, cpu: str) -> None:
    """It loads as each version of the instructions; big endian objects are read back, and are as large."""
    little = build(tmp_path, ROWS[row], cpu=cpu)
    big = build(tmp_path, ROWS[row], cpu=cpu, byte_order="big")
    big.write(tmp_path / "big.o")
    again = btfkit.open(tmp_path / "big.o")
    assert [(f.name, again.btf.byte_order) for f in again.functions] == [(f.name, "big") for f in little.functions]
    if row != REFUSED:
        little.load().close()
