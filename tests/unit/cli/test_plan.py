"""``btfkit plan``."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli

from btfkit import api


def test_plan(cli: Cli, flows: Path) -> None:
    result = cli("plan", flows)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{api.open(flows).plan()}\n"
    assert "map_fd(flows)" in result.out


def test_every_variable_has_its_line(cli: Cli, objects: Path) -> None:
    path = objects / "everything.o"
    names = [variable["name"] for variable in cli("plan", "--json", path).json["variables"]]
    lines = cli("plan", path).out.partition("\nvariables:\n")[2].splitlines()
    assert [line.split(":")[0].strip() for line in lines] == names


@pytest.mark.parametrize("form", ["plain", "libbpf", "sidecar", "classic", "proposed"])
def test_every_form_is_planned(cli: Cli, objects: Path, form: str) -> None:
    plan = cli("plan", "--json", objects / f"flows.{form}.o").json
    assert [map_["name"] for map_ in plan["maps"]] == ["flows", ".bss"]
    assert [program["name"] for program in plan["programs"]] == ["count"]


def test_one_program(cli: Cli, objects: Path) -> None:
    path = objects / "everything.o"
    assert {program["name"] for program in cli("plan", "--json", path).json["programs"]} == {"first", "second"}
    one = cli("plan", "--json", path, "--program", "second").json
    assert [program["name"] for program in one["programs"]] == ["second"]
    assert "program first" not in cli("plan", path, "--program", "second").out
    result = cli("plan", path, "--program", "secnd")
    assert result.code == 1 and result.err == f"btfkit: {path}: there is no program 'secnd' (near: second)\n"


def test_types(cli: Cli, flows: Path) -> None:
    plan = cli("plan", "--json", flows, "--type", "count=socket").json
    assert plan["programs"][0]["type"] == "socket_filter"
    assert cli("plan", flows, "--type", "xdp").code == 2
