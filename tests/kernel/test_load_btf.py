"""Lowered BTF is BTF that the kernel takes; what replaces kinds of later kernels is so too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel import test_load_maps, test_load_programs
from tests.unit.load.programs import COMPILERS, FLOWS, build
from tests.unit.load.test_lower import OLD, TYPES, Kernel

from btfkit.codec import decode_btf, encode_btf
from btfkit.convert.lower import lower
from btfkit.format.btf import Form
from btfkit.load.linux import sys
from btfkit.load.linux.lower import fit_kernel
from btfkit.load.linux.probe import features
from btfkit.model.btf import Btf

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

PROGRAMS: dict[str, str | Path] = {
    "flows": FLOWS,
    "maps": test_load_maps.KINDS,
    "legacy": test_load_maps.LEGACY,
    "data": test_load_programs.DATA,
    "subprograms": test_load_programs.SUBPROGRAMS,
    "externs": test_load_programs.EXTERNS,
    "nested": test_load_maps.NESTED,
}
CLANG_ONLY = {"maps", "externs", "nested"}


def load(btf: Btf) -> Btf:
    """The BTF as the kernel has it once it has taken it."""
    with sys.btf_load(encode_btf(btf, form=Form.CLASSIC)) as fd:
        return decode_btf(sys.btf_info(fd).data)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_lowered(tmp_path: Path, program: str, compiler: str) -> None:
    if program in CLANG_ONLY and compiler == "bpf-gcc":
        compiler = "clang-22"
    lowered = lower(build(tmp_path, PROGRAMS[program], compiler))
    assert lowered.losses == []
    assert load(lowered.btf) == lowered.btf
    assert fit_kernel(lowered.btf, features()).lost == []


@pytest.mark.parametrize(("kernel", "_changed"), OLD)
@pytest.mark.parametrize("program", ["all kinds", "flows", "data", "subprograms"])
def test_replacements(tmp_path: Path, program: str, kernel: Kernel, _changed: object) -> None:
    """An old kernel is not at hand; a new one has the same rules for what they knew."""
    btf = Btf(TYPES) if program == "all kinds" else lower(build(tmp_path, PROGRAMS[program])).btf
    if not kernel.btf_datasec or not kernel.btf_func:  # such kernels knew no tags either
        kernel = replace(kernel, btf_datasec=False, btf_decl_tag=False)
    fitted = fit_kernel(btf, kernel)
    assert load(fitted.btf) == fitted.btf
