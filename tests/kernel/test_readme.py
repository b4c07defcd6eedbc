"""What the README, docs/python.md and docs/programs.md show is what happens: commands and Python, run in a folder or notebook of its own."""

from __future__ import annotations

import linecache
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.namespaces import in_own_network
from tests.objects import compiled

import btfkit
from btfkit.bpf.programs import BpfProgram
from btfkit.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLOWS_SHELL, C_SHELL = (text for language, text in BLOCK.findall(README) if not language)
FLOWS_PY, PYTHON = (text for language, text in BLOCK.findall(README) if language == "python")

PACKET = bytes(12) + bytes.fromhex("0800 450000280000000040110000 0a000001 0a000002 00010050 00140000") + bytes(12)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    compiled("statics")  # the compiler that the README's output is from must be there
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "packet.bin").write_bytes(PACKET)
    (tmp_path / "flows.py").write_text(FLOWS_PY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(text: str) -> str:
    """Without what depends on the compiler: symbols' numbers, columns, instruction counts."""
    return re.sub(r"\s+", " ", re.sub(r"symbol \d+|\d+ insns", "", text)).strip()


def commands(shell: str) -> list[tuple[list[str], str]]:
    """(arguments, the output that is shown) of each."""
    found: list[tuple[list[str], str]] = []
    for line in shell.splitlines():
        if line.startswith("$ btfkit "):
            found.append((shlex.split(line[len("$ btfkit ") :], comments=True), ""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


@pytest.mark.usefixtures("require_bpf", "folder")
def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    given = commands(C_SHELL)
    assert [arguments[0] for arguments, _ in given] == ["cc", "show", "convert", "run", "map"]
    for arguments, wanted in given:
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
def test_commands_on_the_python_program(capsys: pytest.CaptureFixture[str]) -> None:
    given = commands(FLOWS_SHELL)
    assert [arguments[0] for arguments, _ in given] == ["attach", "run", "build", "show"]

    def test() -> None:
        for arguments, wanted in given:
            verb = arguments[0]  # attached to the one interface that is there, and not for ever
            more = ["--for", "0.1"] if verb == "attach" else []
            assert main(["lo" if word == "eth0" else word for word in arguments] + more) == 0, arguments
            out = capsys.readouterr().out
            if wanted:
                assert words(out) == words(wanted)
            if verb == "run":
                assert re.search(r"10\.0\.0\.1 +10\.0\.0\.2 +1\n", out)

    in_own_network(test)


@pytest.mark.usefixtures("require_bpf", "folder")
def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cc", "examples/flows.c", "-o", "flows.o"]) == 0
    capsys.readouterr()
    exec(compile(PYTHON, "README.md", "exec"), {"packet": PACKET})
    assert capsys.readouterr().out == f"{0x0A000001} {0x0A000002} 1\n"


def test_the_first_lines_are_the_two_commands() -> None:
    given = [line.strip().split("  ")[0] for line in README.splitlines() if line.startswith("    make ")]
    assert given[:2] == ["make run", "make test"]
    for command in given:
        target = command.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


# -- docs/python.md, docs/programs.md: each section is a notebook, each block a cell -------------------------------------------


def sections() -> Iterator[Any]:
    for page in ("python.md", "programs.md"):
        for part in re.split("^## ", (ROOT / "docs" / page).read_text(), flags=re.MULTILINE)[1:]:
            title, _, text = part.partition("\n")
            if blocks := BLOCK.findall(text):
                yield pytest.param(title, blocks, id=title.replace(" ", "-"))


def cell(title: str, number: int, text: str, namespace: dict[str, Any]) -> str:
    """Run a text as an interactive shell does; the name it gives the cell."""
    name = f"<{title} {number}>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec", dont_inherit=True), namespace)
    return name


@pytest.mark.usefixtures("require_bpf", "no_fd_leak")
@pytest.mark.parametrize(("title", "blocks"), list(sections()))
def test_python_page(title: str, blocks: list[tuple[str, str]]) -> None:
    namespace: dict[str, Any] = {"__name__": "page", "sys": sys}
    cell(title, 0, "from btfkit.bpf import *\n", namespace)
    name, wrong = "", False
    for number, (language, text) in enumerate(blocks, 1):
        if language == "python":
            name = cell(title, number, text, namespace)
        elif language == "text":  # the errors of what stands before
            with pytest.raises(btfkit.SourceError) as caught:
                btfkit.compile_namespace(namespace, "flows.py")
            assert str(caught.value).replace(name, "flows.py") == text.rstrip("\n")
            wrong = True
        else:
            raise AssertionError(f"what is a block of {language or 'no language'}?")
    for test in [value for key, value in namespace.items() if key.startswith("test_")]:
        test()
    if not wrong and any(isinstance(value, BpfProgram) for value in namespace.values()):
        btfkit.compile_namespace(namespace).load().close()
