"""What the kernel shows of an object does not depend on its form, nor on whose loader it was.

Each program of tests/cases/c, from each compiler: libbpf's own load of what the compiler made is the reference. It is
compared with libbpf's load of the object after instance form and back, and with our load of the instance object and of
the sidecar. Differences that are meant to be are listed here, with their reasons.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.judge import View, kernel_view, libbpf_load, missing_types
from tests.objects import COMPILERS, PROGRAMS, compiled, programs_of

from btfkit.convert import Target, convert, upgrade
from btfkit.load.linux import load
from btfkit.object import BpfObject, read_object, write_object

LEGACY = {"annotated", "legacy"}
"""libbpf 1.0 and later refuse the section ``maps``: the reference is its load of the converted object. So it is with
bpf-gcc, whose BTF the kernel refuses, and whose relocations libbpf takes for LLVM's. The static map of ``legacy`` is
global in the reference: libbpf refuses static ones."""

MMAPABLE = 1 << 10
"""libbpf before 1.3 lets every data section be mapped, later ones only those with a global variable: as we do."""

CASES = [(program, compiler) for compiler in COMPILERS for program in PROGRAMS if program in programs_of(compiler)]

FORMS = (Target.LIBBPF, Target.CLASSIC, Target.PROPOSED, Target.SIDECAR, Target.INSTANCE)


def our_load(obj: BpfObject) -> View:
    with load(obj) as bpf:
        return kernel_view(
            {name: bpf.maps[name].info.id for name in bpf.maps},
            {name: bpf.programs[name].info.id for name in bpf.programs},
        )


def reference(program: str, compiler: str, folder: Path) -> View:
    """libbpf's own load of the original; of legacy maps, of what we make of it."""
    data = compiled(program, compiler, "little", ("LINKAGE=",) if program == "legacy" else ())
    path = folder / "x.o"
    if program in LEGACY or compiler == "bpf-gcc":
        data = write_object(convert(read_object(data), Target.LIBBPF))
    path.write_bytes(data)
    with libbpf_load(path) as view:
        assert isinstance(view, View), view
        return view


def same_maps(ours: View, theirs: View, *, typed: bool) -> None:
    wanted = dict(theirs.maps)
    got = dict(ours.maps)
    assert got.keys() == wanted.keys()
    for name, shown in wanted.items():
        mine = got[name]
        plain = {k: v for k, v in shown.items() if k not in ("has types", "key and value")}
        if name.startswith("."):
            plain["flags"] &= ~MMAPABLE
            mine["flags"] &= ~MMAPABLE
        assert {k: v for k, v in mine.items() if k in plain} == plain, name
        if shown["has types"] and typed:
            assert mine["has types"], f"{name}: libbpf gave it types, we did not"


@pytest.mark.usefixtures("require_bpf")
@pytest.mark.parametrize(("program", "compiler"), CASES)
def test_the_kernel_shows_the_same(program: str, compiler: str, tmp_path: Path) -> None:
    need_tool("bpftool")
    theirs = reference(program, compiler, tmp_path)
    up = upgrade(read_object(compiled(program, compiler), "x.o"))

    # Instance form and back, loaded by libbpf.
    back = tmp_path / "x.o"
    back.write_bytes(write_object(convert(read_object(write_object(up), "x.o"), Target.LIBBPF)))
    with libbpf_load(back) as again:
        if program == "legacy":
            assert isinstance(again, str) and "unsupported map linkage static" in again
        else:
            assert isinstance(again, View), again
            assert again.maps == theirs.maps
            assert again.programs == theirs.programs
            assert missing_types(theirs.types, again.types) == []

    # Loaded by us, from every form.
    for form in FORMS:
        obj = read_object(write_object(convert(up, form)), "x.o")
        ours = our_load(upgrade(obj))
        same_maps(ours, theirs, typed=form is not Target.CLASSIC)  # which has no types for maps without keys
        assert ours.programs.keys() == theirs.programs.keys(), form
        for name, text in theirs.programs.items():
            assert ours.programs[name] == text, (form, name)
        if theirs.types:
            assert missing_types(theirs.types, ours.types) == [], form
