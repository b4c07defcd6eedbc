"""The main job: flows.c opened, planned, loaded, run on packets, its map and variable read as typed values."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.kernel.load_support import PACKET, bpftool, bpftool_text, udp_packet
from tests.unit.load.programs import COMPILERS, FLOWS, SUM, build, compile_c

import btfkit
from btfkit.errors import LoadError, TypeNotFoundError
from btfkit.load.linux import permitted
from btfkit.model import types as t

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_transcript(tmp_path: Path, compiler: str) -> None:
    obj = btfkit.open(compile_c(tmp_path, FLOWS, compiler))
    assert isinstance(obj.instances["flows"].type, t.Map)
    with obj.load() as bpf:
        assert bpf.warnings == []
        for _ in range(3):
            result = bpf.programs["count"].test_run(PACKET)
            assert (result.retval, result.data, result.ctx) == (2, PACKET, None)
        bpf.programs["count"].test_run(udp_packet(port=53), repeat=1000)
        assert bpf.programs["count"].test_run(PACKET[:30]).retval == 2
        flows = bpf.maps["flows"]
        seen = {(key.src, key.dst, key.port): value for key, value in flows.items()}
        assert seen == {(0x0A000001, 0x0A000002, 80): 3, (0x0A000001, 0x0A000002, 53): 1000}
        flows[{"src": "10.0.0.1", "dst": 2, "port": 80}] = 7
        assert flows[0x0A000001, 2, 80] == 7
        record = next(key for key in flows if key.port == 53)
        assert flows[record] == 1000
        assert flows.pop(record) == 1000
        assert record not in flows
        assert len(flows) == 2
        if compiler != "bpf-gcc":
            calls = bpf.variables["calls"]
            assert calls is bpf.variables["count.calls"]
            assert calls.value == 1004
            calls.value = 5
            bpf.programs["count"].test_run(PACKET)
            assert calls.value == 6
        else:
            assert int.from_bytes(bpf.variables["calls"].value, sys.byteorder) == 1004
        assert bpf.maps.flows is flows
        with pytest.raises(TypeNotFoundError, match=r"there is no map 'flow' \(near: flows"):
            bpf.maps["flow"]
        with pytest.raises(AttributeError):
            _ = bpf.programs.cnt


def test_from_bytes_and_every_form(tmp_path: Path) -> None:
    path = compile_c(tmp_path, FLOWS)
    obj = btfkit.open(path.read_bytes())
    for form in ("instance", "proposed", "sidecar", "libbpf", "classic"):
        obj.write(tmp_path / f"{form}.o", form=form)
        with btfkit.open(tmp_path / f"{form}.o").load() as bpf:
            bpf.programs["count"].test_run(PACKET)
            assert list(bpf.maps["flows"].values()) == [1]
            assert bpf.variables["calls"].value == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [path.name, "instance.o", "proposed.o", "sidecar.o", "libbpf.o", "classic.o"]
    )


@pytest.mark.parametrize("compiler", COMPILERS)
def test_bpftool_agrees(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, FLOWS, compiler).load() as bpf:
        bpf.programs["count"].test_run(PACKET)
        flows, program = bpf.maps["flows"].info, bpf.programs["count"].info
        shown = bpftool("map", "show", "id", str(flows.id))
        assert (shown["name"], shown["type"], shown["bytes_key"], shown["bytes_value"], shown["max_entries"]) == (
            "flows",
            "hash",
            12,
            8,
            1024,
        )
        assert shown["btf_id"] == flows.btf_id
        (entry,) = bpftool("map", "dump", "id", str(flows.id))
        assert entry["formatted"]["value"] == 1
        assert entry["formatted"]["key"]["port"] == 80
        text = bpftool_text("prog", "dump", "xlated", "id", str(program.id), "linum")
        assert "count(struct xdp_md * ctx)" in text
        if compiler != "bpf-gcc":
            assert "__sync_fetch_and_add(&calls, 1);" in text
            assert "flows.c line_num:" in text
            (data,) = bpftool("map", "dump", "name", bpf.plan.maps[1].kernel_name)
            assert data["formatted"]["value"] == {".bss": [{"count.calls": 1}]}
        raw = bpftool_text("btf", "dump", "id", str(program.btf_id))
        assert "FUNC 'count' type_id=" in raw
        assert "DATASEC 'license' size=4" in raw
        assert " MAP " not in raw


def test_syscall_program_with_typed_context(tmp_path: Path) -> None:
    with build(tmp_path, SUM).load() as bpf:
        program = bpf.programs["sum"]
        ctx = {"count": 3, "values": [5, 6, -7] + [0] * 13, "sum": 0}
        result = program.test_run(ctx=ctx)
        assert result.retval == 0
        assert (result.ctx.sum, result.ctx.values[:3]) == (4, [5, 6, -7])
        again = program.test_run(ctx=result.ctx._replace(count=1))
        assert again.ctx.sum == 5
        codec = program.ctx_codec()
        assert codec is not None
        raw = program.test_run(ctx=codec.pack(ctx))
        assert isinstance(raw.ctx, bytes)
        assert codec.unpack(raw.ctx).sum == 4
        with pytest.raises(btfkit.ValueTypeError, match=r"ctx\.count"):
            program.test_run(ctx={**ctx, "count": -1})


def test_permitted() -> None:
    assert permitted() == (True, "")


def test_closed_objects_say_so(tmp_path: Path) -> None:
    bpf = build(tmp_path, FLOWS).load()
    bpf.close()
    bpf.close()
    with pytest.raises(ValueError, match="closed"):
        bpf.programs["count"].test_run(PACKET)
    with pytest.raises(ValueError, match="closed"):
        len(bpf.maps["flows"])


def test_without_privileges_it_is_eperm(tmp_path: Path) -> None:
    path = compile_c(tmp_path, FLOWS)
    code = (
        "import sys, btfkit, errno\n"
        "from btfkit.load.linux import permitted\n"
        "obj = btfkit.open(sys.argv[1])\n"
        "print(permitted())\n"
        "print(obj.plan().programs[0].name)\n"
        "try: obj.load()\n"
        "except btfkit.LoadError as error: print(error.errno == errno.EPERM, error)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    setpriv = [need_tool("setpriv"), "--bounding-set=-all", "--inh-caps=-all"]
    command = [*setpriv, sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    allowed, name, refusal = done.stdout.splitlines()
    assert allowed.startswith("(False, ")
    assert name == "count"
    assert refusal.startswith("True ")
    assert "CAP_BPF" in refusal


def test_big_endian_is_refused_here(tmp_path: Path) -> None:
    obj = btfkit.open(compile_c(tmp_path, FLOWS, "clang-22", "-target", "bpfeb"))
    with pytest.raises(LoadError, match="is big endian, this machine is little endian: convert it first"):
        obj.load()
