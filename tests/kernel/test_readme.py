"""What the README shows is what happens: its commands and its Python, run in a folder of their own."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from tests.objects import compiled

import btfkit
from btfkit.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = next(text for language, text in BLOCKS if not language)
PYTHON = next(text for language, text in BLOCKS if language == "python")

PACKET = bytes(12) + bytes.fromhex("0800 450000280000000040110000 0a000001 0a000002 00010050 00140000") + bytes(12)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    compiled("statics")  # the compiler that the README's output is from must be there
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "packet.bin").write_bytes(PACKET)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(text: str) -> str:
    """Without what depends on the compiler: symbols' numbers, columns, instruction counts."""
    return re.sub(r"\s+", " ", re.sub(r"symbol \d+|\d+ insns", "", text)).strip()


@pytest.mark.usefixtures("require_bpf", "folder")
def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    commands: list[tuple[list[str], str]] = []
    for line in SHELL.splitlines():
        if line.startswith("$ btfkit "):
            commands.append((shlex.split(line[len("$ btfkit ") :], comments=True), ""))
        else:
            commands[-1] = (commands[-1][0], commands[-1][1] + line + "\n")
    assert [arguments[0] for arguments, _ in commands] == ["cc", "show", "convert", "run", "map"]
    for arguments, wanted in commands:
        if arguments[0] == "map":  # by its id: other tests may have a map of that name in the kernel just now
            with btfkit.open("flows.o").load() as bpf:
                flows = bpf.maps["flows"]
                assert main([str(flows.info.id) if word == "flows" else word for word in arguments]) == 0
                assert list(flows.values()) == [5]
            continue
        assert main(arguments) == 0, arguments
        if wanted:
            assert words(capsys.readouterr().out) == words(wanted)


@pytest.mark.usefixtures("require_bpf", "folder")
def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cc", "examples/flows.c", "-o", "flows.o"]) == 0
    capsys.readouterr()
    exec(compile(PYTHON, "README.md", "exec"), {"packet": PACKET})
    assert capsys.readouterr().out == f"{0x0A000001} {0x0A000002} 1\n"


def test_the_first_lines_are_the_two_commands() -> None:
    commands = [line.strip().split("  ")[0] for line in README.splitlines() if line.startswith("    make ")]
    assert commands[:2] == ["make run", "make test"]
    for command in commands:
        target = command.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
