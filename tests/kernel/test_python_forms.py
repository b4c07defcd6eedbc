"""Each program of the feature table in other forms: as libbpf loads it, for other processors, in the other byte order."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.judge import View, kernel_view, libbpf_load
from tests.kernel.python_support import HEAD, build, loaded
from tests.kernel.test_forms import same_maps
from tests.kernel.test_python_features import ROWS

import btfkit
from btfkit.errors import LoadError, SourceError
from btfkit.load.linux import LoadedObject

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

REFUSED = "27 fentry and LSM"
"""What this kernel may say EPERM to."""


def view(bpf: LoadedObject) -> View:
    maps = {name: bpf.maps[name].info.id for name in bpf.maps}
    return kernel_view(maps, {name: bpf.programs[name].info.id for name in bpf.programs})


@pytest.mark.parametrize("row", ROWS)
def test_libbpf_loads_it(tmp_path: Path, row: str) -> None:
    """The same maps, and the same code with the lines of the Python source in it."""
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
            assert "Operation not permitted" in theirs or f"-{errno.EPERM}" in theirs
            assert "processed" not in theirs  # the verifier has not been asked
            return
        assert isinstance(theirs, View), theirs
        with bpf:
            ours = view(bpf)
            assert ours.programs == theirs.programs
            same_maps(ours, theirs, typed=row != "08 tail call")  # libbpf types the numbers of a program array


@pytest.mark.parametrize("cpu", ["v2", "v3", "v4"])
@pytest.mark.parametrize("row", ROWS)
def test_processors(tmp_path: Path, row: str, cpu: str) -> None:
    """It loads as each version of the instructions; in big endian it has the same functions."""
    if (row, cpu) == ("22 atomics", "v2"):
        with pytest.raises(SourceError, match="cpu v2 has this operation for 64 bit integers only"):
            build(tmp_path, ROWS[row], cpu=cpu)
        return
    little = build(tmp_path, ROWS[row], cpu=cpu)
    big = build(tmp_path, ROWS[row], cpu=cpu, byte_order="big")
    big.write(tmp_path / "big.o")
    again = btfkit.open(tmp_path / "big.o")
    assert again.btf.byte_order == "big"
    assert [f.name for f in again.functions] == [f.name for f in little.functions]
    assert [m.name for m in again.maps] == [m.name for m in little.maps]
    if row != REFUSED:
        little.load().close()


def test_the_verifier_speaks_of_python_lines(tmp_path: Path) -> None:
    text = """
data: u64 = 0

@xdp
def run(ctx: xdp_md) -> XdpAction:
    global data
    data = 5
    skb_change_proto(ctx, 1, 0)
    return XDP_PASS
"""
    want = 2 + text[: text.index("skb_change")].count("\n")
    with pytest.raises(LoadError) as caught:
        loaded(tmp_path, text)
    assert (HEAD + text).splitlines()[want - 1].strip() in caught.value.log
    assert re.search(rf"program\.py:{want}\b", caught.value.log), caught.value.log
