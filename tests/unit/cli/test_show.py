"""``btfkit show``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Cli

from btfkit.cli.declared import rows
from btfkit.elf import Elf
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt
from btfkit.model.instances import Instance
from btfkit.object import BpfObject, ObjectForm


def squeezed(text: str) -> list[str]:
    """Lines, with numbers of symbols and instructions left out, and columns by one bar."""
    text = re.sub(r"symbol \d+", "symbol N", re.sub(r"\d+ insns", "N insns", text))
    return [re.sub(r" {2,}(?=\S)", "|", line) for line in text.splitlines()]


FLOWS = [
    "map|flows|map<struct flow, u64>|hash, 1024 entries|maps+0x0|symbol N 'flows'",
    "function|count|int (struct xdp_md *ctx)|global|xdp+0x0|symbol N 'count', N insns",
    "variable|calls|u32|static, in count|.bss+0x0|symbol N 'count.calls'",
]
LICENSE = "variable|_license|char[4]|global|license+0x0|symbol N '_license'"


def test_flows(cli: Cli, flows: Path) -> None:
    result = cli("show", flows)
    assert result.code == 0 and not result.err
    assert squeezed(result.out) == FLOWS
    lines = result.out.splitlines()
    assert lines[2].index("calls") == lines[0].index("flows") + 2  # what lives in a function stands further in
    assert lines[1].index("global") == lines[0].index("hash")


@pytest.mark.parametrize("form", ["plain", "libbpf", "sidecar", "classic", "proposed"])
def test_every_form_is_shown_as_instances(cli: Cli, objects: Path, form: str) -> None:
    assert squeezed(cli("show", objects / f"flows.{form}.o").out) == FLOWS


def test_all_has_what_loaders_read(cli: Cli, flows: Path) -> None:
    assert squeezed(cli("show", "--all", flows).out) == [*FLOWS, LICENSE]


def test_symbol_numbers_are_the_files(cli: Cli, objects: Path) -> None:
    from elftools.elf.elffile import ELFFile

    for form in ("plain", "instance", "libbpf", "sidecar"):
        path = objects / ("flows.o" if form == "instance" else f"flows.{form}.o")
        with path.open("rb") as file:
            table: Any = ELFFile(file).get_section_by_name(".symtab")
            names = [symbol.name for symbol in table.iter_symbols()]
        found = re.findall(r"symbol (\d+) '([^']+)'", cli("show", "--all", path).out)
        assert len(found) == 4
        assert [(names[int(number)]) for number, _ in found] == [name for _, name in found]


def test_everything(cli: Cli, objects: Path) -> None:
    lines = squeezed(cli("show", objects / "everything.o").out)
    assert (
        "map|outer|map<u32, map<u32, u64>>|array_of_maps, 4 entries, of maps like 'outer.inner', 1 set at the start"
        in (line.rsplit("|", 2)[0] for line in lines)
    )
    assert "map|pinned|map<u32, u64[2]>|hash, 16 entries, flags 0x1, pinned by name" in (
        line.rsplit("|", 2)[0] for line in lines
    )
    kinds = [line.split("|")[0] for line in lines]
    assert kinds == sorted(kinds[:3]) + kinds[3:] and kinds[:3] == ["map"] * 3
    sub = next(i for i, line in enumerate(lines) if line.startswith("function|sub|"))
    assert lines[sub].startswith("function|sub|int (int x)|static|.text+0x0|")
    assert lines[sub + 1].startswith("variable|calls|int|static, in sub|.bss+0x")
    assert any(line.startswith("variable|CONFIG_HZ|int|extern, weak|symbol N") for line in lines)
    assert any(line.startswith("variable|initial|int|global|.data+0x0|") for line in lines)
    assert not any("_license" in line or "_version" in line for line in lines)


def test_json(cli: Cli, flows: Path) -> None:
    shown = cli("show", "--json", flows).json
    assert (shown["form"], shown["byte_order"], shown["license"]) == ("instance", "little", "GPL")
    by_name = {one["name"]: one for one in shown["instances"]}
    assert by_name.keys() == {"flows", "count", "calls", "_license"}
    assert by_name["flows"]["map"] == {
        "type": "hash", "key_size": 12, "value_size": 8, "max_entries": 1024, "map_flags": 0, "numa_node": 0,
        "pinning": 0, "map_extra": 0, "inner": None, "values": [],
    }  # fmt: skip
    assert by_name["calls"]["parent"] == by_name["count"]["id"]
    assert by_name["calls"]["symbol"]["name"] == "count.calls"
    assert (by_name["count"]["section"], by_name["count"]["off"], by_name["count"]["linkage"]) == ("xdp", 0, "global")


def test_bare_btf(cli: Cli, flows: Path, tmp_path: Path) -> None:
    json_file, bare = tmp_path / "x.json", tmp_path / "x.btf"
    json_file.write_text(cli("dump", "--format", "json", flows).out)
    assert cli("convert", json_file, "-o", bare).code == 0
    lines = cli("show", bare).out.splitlines()
    assert re.fullmatch(r"instance form, little endian: \d+ types, 4 instances", lines[0])
    assert re.fullmatch(r"MAP +1", lines[-1])
    shown = cli("show", "--json", bare).json
    assert shown["kinds"]["MAP"] == 1 and [one["name"] for one in shown["instances"]].count("flows") == 1


def test_what_declares_nothing(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "nothing.c"
    source.write_text("struct s { int a; } *p __attribute__((unused));\n")
    assert cli("cc", source, "-o", tmp_path / "x.o", "--form", "plain").code == 0
    assert cli("show", tmp_path / "x.o").code == 0


def declaring(instances: list[Instance]) -> BpfObject:
    types = [t.Int("int", 4), t.FuncProto(1), t.Map(1, 1)]
    btf = Btf(types, instances=instances)
    return BpfObject(Elf(), btf, BtfExt(), ObjectForm.INSTANCE)


def test_parents_of_all_sorts_are_shown_once() -> None:
    obj = declaring(
        [
            Instance(1, "own", 1),
            Instance(2, "a", 3),
            Instance(2, "b", 2),
            Instance(1, "late", 5),
            Instance(2, "f", 0),
            Instance(1, "lost", 99),
            Instance(3, "m", 0),
        ]
    )
    shown = [(row.declared.name, row.depth) for row in rows(obj)]
    assert [name for name, _ in shown] == ["m", "f", "late", "own", "a", "b", "lost"]
    assert dict(shown)["late"] == 1
    assert all(row.cells() for row in rows(obj))


def test_deep_nesting_does_not_recurse() -> None:
    obj = declaring([Instance(2, f"f{i}", i) for i in range(5000)])
    found = rows(obj)
    assert [row.depth for row in found[:3]] == [0, 1, 2] and len(found) == 5000
    assert found[-1].cells()[3] == "extern, in f4998"
