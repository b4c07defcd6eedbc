"""Tools that renumber symbols and types: instances stay tied to the right symbols, or it is an error that says so."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.objects import CASES, compiled

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import FormatError
from btfkit.frontend.c import compile_c
from btfkit.object import BpfObject, read_object, write_object

PROGRAMS = ("statics", "annotated", "map_in_map", "globals", "subprograms")
FORMS = (Target.INSTANCE, Target.PROPOSED, Target.SIDECAR)
TOOLS = {
    "llvm-strip-22 -g": ("llvm-strip-22", "-g", "IN", "-o", "OUT"),
    "llvm-strip-14 -g": ("llvm-strip-14", "-g", "IN", "-o", "OUT"),
    "llvm-objcopy-22": ("llvm-objcopy-22", "IN", "OUT"),
    "llvm-objcopy-22 --strip-unneeded": ("llvm-objcopy-22", "--strip-unneeded", "IN", "OUT"),
    "llvm-objcopy-14": ("llvm-objcopy-14", "IN", "OUT"),
    "bpf-strip -g": ("bpf-strip", "-g", "IN", "-o", "OUT"),
    "bpf-objcopy": ("bpf-objcopy", "IN", "OUT"),
}


def tied(obj: BpfObject) -> list[tuple[str, ...]]:
    """Each instance with what defines it, down to the bytes that lie there."""
    out = []
    for d in upgrade(obj).instances:
        assert d.symbol is not None and d.section is not None
        data = "" if d.section.is_nobits else d.section.data[d.off : d.off + d.size].hex()
        out.append((d.kind.word, d.qualified_name, d.symbol.name, d.section.name, data))
    return sorted(out)


def made(program: str, form: Target, folder: Path) -> tuple[Path, list[tuple[str, ...]]]:
    obj = convert(read_object(compiled(program), program), form)
    path = folder / f"{program}.o"
    path.write_bytes(write_object(obj))
    return path, tied(read_object(path.read_bytes(), path.name))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("tool", TOOLS)
def test_instances_survive(tool: str, program: str, form: Target, tmp_path: Path) -> None:
    path, before = made(program, form, tmp_path)
    out = tmp_path / "out.o"
    command = [{"IN": str(path), "OUT": str(out)}.get(word, word) for word in TOOLS[tool]]
    command[0] = need_tool(command[0])
    subprocess.run(command, check=True, capture_output=True)
    assert out.read_bytes() != path.read_bytes() or "objcopy" in tool
    assert tied(read_object(out.read_bytes(), "out.o")) == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_numbers_without_relocations_are_stale(program: str, form: Target, tmp_path: Path) -> None:
    """A tool told to drop the relocations and to renumber: an error, never a guess."""
    path, before = made(program, form, tmp_path)
    out = tmp_path / "out.o"
    drop = ("--remove-section=.rel.BTF.ext", "--remove-section=.rel.BTF.inst.ext")
    subprocess.run([need_tool("llvm-objcopy-22"), *drop, "-g", path, out], check=True, capture_output=True)
    try:
        assert tied(read_object(out.read_bytes(), "out.o")) == before
    except FormatError as error:
        assert "_sym record" in str(error)
        assert error.path == "out.o"


def gen_object(out: Path, *parts: Path) -> str:
    """``bpftool gen object``; "" or what it says against it."""
    result = subprocess.run(
        [need_tool("bpftool"), "gen", "object", out, *parts], capture_output=True, text=True, check=False
    )
    return result.stderr if result.returncode else ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_sidecar_survives_mainlines_linker(program: str, tmp_path: Path) -> None:
    if program == "annotated":  # libbpf's linker knows no section "maps"; the sidecar of an instance object has .maps
        up = upgrade(read_object(compiled(program), program))
        path = tmp_path / "a.o"
        path.write_bytes(write_object(convert(up, Target.SIDECAR)))
    else:
        path, _ = made(program, Target.SIDECAR, tmp_path)
    before = tied(read_object(path.read_bytes(), path.name))
    out = tmp_path / "out.o"
    assert gen_object(out, path) == ""
    assert tied(read_object(out.read_bytes(), "out.o")) == before


def test_mainlines_linker_and_several_objects(tmp_path: Path) -> None:
    """One sidecar among plain objects stays true; two are an error; instance objects it refuses itself."""
    one, before = made("statics", Target.SIDECAR, tmp_path)
    other = compile_c(CASES / "globals.c", compiler="clang-22", defines=("_license=other_license",))
    plain, two = tmp_path / "plain.o", tmp_path / "two.o"
    plain.write_bytes(other)
    two.write_bytes(write_object(convert(read_object(other), Target.SIDECAR)))
    out = tmp_path / "out.o"
    assert gen_object(out, one, plain) == ""
    assert set(before) <= set(tied(read_object(out.read_bytes(), "out.o")))
    assert gen_object(out, one, two) == ""
    with pytest.raises(FormatError, match="several objects were linked without being merged"):
        read_object(out.read_bytes(), "out.o")
    instance, _ = made("statics", Target.INSTANCE, tmp_path)
    assert gen_object(out, instance) != ""
