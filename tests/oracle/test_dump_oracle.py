"""The dumps beside other tools: bpftool's lines, compilers' layouts, pahole's reading of what the compiler made of it.

Inputs: the running kernel's BTF; a C file compiled by each compiler there is; BTF that no compiler makes; and, where
they are there, those of other kernels (tests/conftest.py, KERNELS).
"""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import tarfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.conftest import CASES, KERNELS, kernel_btf, need_tool
from tests.oracle.random_btf import random_btf
from tests.unit.dump.samples import btf_of, graph_types

from btfkit.codec import decode_btf, encode_btf
from btfkit.dump import dump_c, dump_json, load_json, raw_text
from btfkit.errors import BtfkitError
from btfkit.model import types as t
from btfkit.model.btf import Btf

KERNEL = Path("/sys/kernel/btf/vmlinux")

CHECKERS = {
    "clang-22 bpf": ["clang-22", "-target", "bpf"],
    "clang-22 host": ["clang-22"],
    "clang-14 bpf": ["clang-14", "-target", "bpf"],
    "clang-14 host": ["clang-14"],
    "gcc": ["gcc"],
    "bpf-gcc": ["bpf-gcc"],
}
MAKERS = {
    "clang-22": ["clang-22", "-target", "bpf", "-O2", "-g"],
    "clang-14": ["clang-14", "-target", "bpf", "-O2", "-g"],
    "clang-22 big": ["clang-22", "-target", "bpfeb", "-O2", "-g"],
    "bpf-gcc": ["bpf-gcc", "-O2", "-gbtf"],
}


@cache
def kernel() -> Btf:
    return decode_btf(kernel_btf())


def run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[:2000]}"
    return done.stdout


def bpftool_dump(path: Path, *options: str, base: Path | None = None) -> str:
    on_base = ["-B", str(base)] if base else []
    return run(need_tool("bpftool"), *on_base, "btf", "dump", "file", path, *options)


def check_c(text: str, checker: str, directory: Path) -> None:
    """The compiler takes the text as a file of its own, without a warning that matters."""
    program, *options = CHECKERS[checker]
    path = directory / "dump.h"
    path.write_text(text)
    run(need_tool(program), *options, "-Wall", "-Wextra", "-Wno-unused", "-fsyntax-only", "-x", "c", path)


# -- the running kernel --------------------------------------------------------------------------------------------


def test_kernel_raw_is_bpftools() -> None:
    need_tool("bpftool")
    assert raw_text(decode_btf(kernel_btf())) == bpftool_dump(KERNEL)


def test_kernel_raw_from_values_is_the_same() -> None:
    btf = kernel()
    values = Btf([type_ for _, type_ in btf], byte_order=btf.byte_order)
    assert raw_text(values) == raw_text(btf)


def test_kernel_json_reads_back_to_the_same_bytes() -> None:
    assert encode_btf(load_json(dump_json(kernel()))[0]) == kernel_btf()


@pytest.mark.parametrize("checker", CHECKERS)
def test_kernel_c_has_every_layout(checker: str, tmp_path: Path) -> None:
    need_tool(CHECKERS[checker][0])
    text = dump_c(kernel(), asserts=True)
    assert text.count("_Static_assert") > 50_000
    check_c(text, checker, tmp_path)


def test_kernel_c_with_preserve_access_index(tmp_path: Path) -> None:
    need_tool("clang-22")
    check_c(dump_c(kernel(), preserve_access_index=True), "clang-22 bpf", tmp_path)


def test_kernel_c_defines_what_bpftool_defines() -> None:
    """The same structs, unions and enums under the same names, those that are there several times too."""
    defined = re.compile(r"^((?:struct|union|enum) \w+) \{", re.MULTILINE)
    ours = Counter(defined.findall(dump_c(kernel())))
    assert ours == Counter(defined.findall(bpftool_dump(KERNEL, "format", "c")))


Shape = tuple[int, tuple[tuple[str, int, int, int | None], ...]]


def shapes(btf: Btf) -> dict[tuple[str, str], Shape]:
    """(kind, name) to size and members of every struct and union whose name is there once; padding left out."""
    seen = Counter((type(type_).__name__, type_.name) for _, type_ in btf)
    return {
        key: (type_.size, tuple(sorted(members(btf, type_, 0))))
        for _, type_ in btf
        if isinstance(type_, (t.Struct, t.Union)) and seen[key := (type(type_).__name__, type_.name)] == 1
    }


def members(btf: Btf, type_: t.Struct | t.Union, bit_off: int) -> list[tuple[str, int, int, int | None]]:
    out = []
    for member in type_.members:
        inner = btf.resolved(member.type_id)
        if not member.name and isinstance(inner, (t.Struct, t.Union)):
            out += members(btf, inner, bit_off + member.bit_off)
        elif not re.fullmatch(r"__size|__pad_\d+", member.name):
            out.append((member.name, bit_off + member.bit_off, member.bit_size, btf.size_of(member.type_id)))
    return out


def test_kernel_c_read_by_pahole(tmp_path: Path) -> None:
    """BTF, our C, clang's DWARF, pahole's BTF: members, bit-fields too, are where they were."""
    source, out = tmp_path / "all.c", tmp_path / "all.o"
    source.write_text(dump_c(kernel()))
    flags = ["-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types", "-c"]
    run(need_tool("clang-22"), *flags, source, "-o", out)
    run(need_tool("pahole"), "-J", out)
    theirs = shapes(decode_btf(section(out, ".BTF")))
    ours = shapes(kernel())
    both = ours.keys() & theirs.keys()
    assert len(both) > 0.95 * len([key for key in ours if key[1]])
    assert {key: theirs[key] for key in both} == {key: ours[key] for key in both}


def section(path: Path, name: str) -> bytes:
    out = path.with_suffix(".section")
    run(need_tool("llvm-objcopy"), "--dump-section", f"{name}={out}", path, os.devnull)
    return out.read_bytes()


# -- compilers' objects --------------------------------------------------------------------------------------------


@pytest.fixture(params=MAKERS)
def compiled(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An object of tests/cases/dump/types.c."""
    program, *options = MAKERS[request.param]
    out = tmp_path / "types.o"
    run(need_tool(program), *options, "-c", CASES / "dump" / "types.c", "-o", out)
    return out


def test_object_raw_is_bpftools(compiled: Path) -> None:
    text = bpftool_dump(compiled)
    assert raw_text(decode_btf(section(compiled, ".BTF"))) == text
    assert "STRUCT 'holes'" in text


@pytest.mark.parametrize("checker", CHECKERS)
def test_object_c_compiles(compiled: Path, checker: str, tmp_path: Path) -> None:
    need_tool(CHECKERS[checker][0])
    check_c(dump_c(decode_btf(section(compiled, ".BTF")), asserts=True), checker, tmp_path)


def test_object_json(compiled: Path) -> None:
    data = section(compiled, ".BTF")
    assert encode_btf(load_json(dump_json(decode_btf(data)))[0]) == data


# -- what no compiler makes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("seed", range(4))
def test_random_c_compiles(seed: int, checker: str, tmp_path: Path) -> None:
    need_tool(CHECKERS[checker][0])
    check_c(dump_c(random_btf(seed), asserts=True), checker, tmp_path)


@pytest.mark.parametrize("seed", range(4))
def test_random_raw_is_bpftools(seed: int, tmp_path: Path) -> None:
    btf = random_btf(seed)
    path = tmp_path / "random.btf"
    path.write_bytes(encode_btf(btf, form=btf.form.__class__.CLASSIC))
    assert raw_text(decode_btf(path.read_bytes())) == bpftool_dump(path) == raw_text(btf)


@settings(deadline=None, max_examples=60)
@given(graph_types)
def test_c_is_refused_or_compiles(types: list[t.Type]) -> None:
    try:
        text = dump_c(btf_of(*types), asserts=True)
    except BtfkitError:
        return
    command = [need_tool("clang-22"), "-fsyntax-only", "-x", "c", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{text}"


# -- more kernels ----------------------------------------------------------------------------------------------------


def stored(pattern: str) -> Path:
    found = sorted(KERNELS.glob(pattern)) if KERNELS.is_dir() else []
    if not found:
        pytest.skip(f"no {pattern} in {KERNELS}: optional data")
    return found[0]


def test_stored_kernel(tmp_path: Path) -> None:
    path = tmp_path / "kernel.btf"
    path.write_bytes(lzma.decompress(stored("vmlinux-6.1.*.xz").read_bytes()))
    btf = decode_btf(path.read_bytes())
    assert raw_text(btf) == bpftool_dump(path)
    need_tool("clang-22")
    check_c(dump_c(btf, asserts=True), "clang-22 bpf", tmp_path)


def test_stored_modules(tmp_path: Path) -> None:
    """Split BTF of modules on their kernel's."""
    base_path, path = tmp_path / "base.btf", tmp_path / "module.btf"
    base_path.write_bytes(lzma.decompress(stored("vmlinux-6.12.*.xz").read_bytes()))
    base = decode_btf(base_path.read_bytes())
    need_tool("clang-22")
    with tarfile.open(stored("modules-6.12.*.tar.xz")) as modules:
        for module in modules.getmembers():
            file = modules.extractfile(module)
            if file is None:
                continue
            data = file.read()
            path.write_bytes(data)
            btf = decode_btf(data, base=base)
            assert raw_text(btf) == bpftool_dump(path, base=base_path), module.name
            assert encode_btf(load_json(dump_json(btf), base=base)[0]) == data, module.name
            if len(data) < 600_000:
                check_c(dump_c(btf, asserts=True), "clang-22 bpf", tmp_path)
