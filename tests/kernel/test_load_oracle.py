"""The same object loaded by libbpf (bpftool) and by us: programs and maps in the kernel are the same."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import need_tool
from tests.kernel import test_load_maps, test_load_programs
from tests.kernel.load_support import bpftool_text
from tests.unit.load.programs import FLOWS, SUM, build, compile_c

from btfkit.load.linux import sys
from btfkit.load.linux.uapi import MapFlags
from btfkit.object import read_object

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

SOURCES: dict[str, str | Path] = {
    "flows": FLOWS,
    "sum": SUM,
    "kinds": test_load_programs.KINDS,
    "many types": re.sub(r'SEC\("(netfilter|tcx/ingress)"\).*\n', "", test_load_programs.MANY_TYPES),
    "subprograms": test_load_programs.SUBPROGRAMS.split('SEC("xdp")')[0],  # libbpf wants subprograms in .text
    "callback": test_load_programs.CALLBACK,
    "data": test_load_programs.DATA.replace('SEC("custom")', ""),  # libbpf knows no data sections of other names
    "literals": test_load_programs.LITERALS.replace(  # (libbpf 1.1 makes nothing of clang 14's .rodata.cst16)
        "bpf_probe_read_kernel_str", "((long (*)(void *, u32, const void *))115)"
    ).replace("[4] = { 10, 20, 30, 40 }", "[6] = { 10, 20, 30, 40, 50, 60 }"),
    "externs": test_load_programs.EXTERNS.replace("if (no_such_kfunc)", "if (0)"),
    "maps": test_load_maps.KINDS + 'SEC("socket") int f(struct __sk_buff *skb) { u32 k = 0; struct key key = {};'
    " bpf_map_lookup_elem(&array, &k); bpf_map_lookup_elem(&hash, &key); bpf_map_lookup_elem(&lru, &key);"
    " bpf_map_lookup_elem(&percpu_hash, &key); bpf_map_lookup_elem(&percpu_array, &k);"
    " bpf_map_lookup_elem(&lru_percpu, &k); bpf_map_push_elem_(&queue, &k); return 0; }",
    "nested": test_load_maps.NESTED,
}
SOURCES["maps"] = str(SOURCES["maps"]).replace(" bpf_map_push_elem_(&queue, &k);", "")


@pytest.fixture
def pins() -> Iterator[Path]:
    root = Path("/sys/fs/bpf")
    if not os.path.ismount(root):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(root)], check=True)
    place = root / f"btfkit-oracle-{os.getpid()}"
    yield place
    if place.exists():
        for pin in place.iterdir():
            pin.unlink()
        place.rmdir()


def program_facts(fd: sys.FdLike) -> tuple[Any, ...]:
    """tag: of all instructions but for descriptors."""
    info = sys.prog_info(fd)
    return info.type, info.tag, info.name, info.nr_func_info, info.nr_line_info, info.xlated_prog_len


def map_facts(ids: set[int]) -> dict[str, tuple[Any, ...]]:
    out = {}
    for map_id in ids:
        with sys.map_get_fd_by_id(map_id) as fd:
            info = sys.map_info(fd)
            # libbpf 1.1 makes all data maps mmapable, later ones only those with variables that are not static
            flags = info.map_flags & ~MapFlags.MMAPABLE
            typed = bool(info.btf_key_type_id), bool(info.btf_value_type_id)
            sizes = info.type, info.key_size, info.value_size, info.max_entries
            out[info.name] = (*sizes, flags, info.map_extra, *typed)
    return out


def listing(prog_id: int) -> str:
    """bpftool's disassembly with source lines, without what differs from load to load."""
    text = bpftool_text("prog", "dump", "xlated", "id", str(prog_id), "linum")
    return re.sub(r"\[id:\d+\]|0x[0-9a-f]+|bpf_prog_[0-9a-f]+", "N", text)


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14"])
@pytest.mark.parametrize("case", SOURCES)
def test_as_libbpf_loads_it(tmp_path: Path, pins: Path, case: str, compiler: str) -> None:
    obj = build(tmp_path, SOURCES[case], compiler)
    path = compile_c(tmp_path, SOURCES[case], compiler)
    if "maps" in [s.name for s in read_object(path.read_bytes()).elf.sections]:
        path = tmp_path / f"{path.name.split('.')[0]}.libbpf.o"  # libbpf 1.x wants .maps
        obj.write(path, form="libbpf")
    command = [need_tool("bpftool"), "prog", "loadall", str(path), str(pins)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs, their_maps, their_text = {}, set(), {}
    for pin in pins.iterdir():
        with sys.obj_get(pin) as fd:
            theirs[pin.name] = program_facts(fd)
            info = sys.prog_info(fd)
            their_maps |= set(info.map_ids)
            their_text[pin.name] = listing(info.id)
    with obj.load() as bpf:
        ours = {name: program_facts(program) for name, program in bpf.programs.items()}  # type: ignore[arg-type]
        our_maps = {map_id for program in bpf.programs.values() for map_id in program.info.map_ids}
        our_text = {name: listing(program.info.id) for name, program in bpf.programs.items()}
        assert ours == theirs
        assert map_facts(our_maps) == map_facts(their_maps)
        assert our_text == their_text
