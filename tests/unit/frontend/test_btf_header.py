"""The C header of the format says what the tables in `format` say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool

from btfkit.format import btf, ext, mapdef
from btfkit.format.fields import Field, size_of
from btfkit.format.kinds import KIND_SPECS, Kind
from btfkit.frontend.c import INCLUDE_DIR

LAYOUTS: dict[str, tuple[Field, ...]] = {
    "btf_map": KIND_SPECS[Kind.MAP].info,
    "btf_instance": btf.INSTANCE_FIELDS,
    "btf_map_def": mapdef.EXTENDED_FIELDS,
    "btf_inst_sym": ext.SYM_RECORD_TAGGED,
}
SIZES = {
    "btf_instance_header": btf.HDR_LEN_INSTANCE,
    "btf_ext_symbol_header": ext.HDR_LEN_SYMBOLS,
    "btf_func_sym": ext.SYM_RECORD_SIZE,
    "btf_map_sym": ext.SYM_RECORD_SIZE,
    "btf_var_sym": ext.SYM_RECORD_SIZE,
}


@pytest.mark.parametrize("compiler", ["gcc", "clang-22"])
def test_layouts(compiler: str, tmp_path: Path) -> None:
    lines = ["#include <btfkit/btf.h>", "#include <stddef.h>"]
    for struct, fields in LAYOUTS.items():
        for index, field in enumerate(fields):
            off = size_of(fields[:index])
            lines.append(f'_Static_assert(offsetof(struct {struct}, {field.name}) == {off}, "{struct}.{field.name}");')
        lines.append(f'_Static_assert(sizeof(struct {struct}) == {size_of(fields)}, "{struct}");')
    lines += [f'_Static_assert(sizeof(struct {name}) == {size}, "{name}");' for name, size in SIZES.items()]
    lines.append(
        f'_Static_assert(BTF_KIND_MAP == {int(Kind.MAP)} && BTF_FLAG_PROPOSED == {btf.FLAG_PROPOSED}, "numbers");'
    )
    source = tmp_path / "layouts.c"
    source.write_text("\n".join(lines) + "\n")
    subprocess.run([need_tool(compiler), "-I", INCLUDE_DIR, "-Werror", "-fsyntax-only", source], check=True)
