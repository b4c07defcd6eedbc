"""What no file of the project says, and how long a file may be."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import need_tool

ROOT = Path(__file__).parents[2]
MOST_LINES = 450
LONG = {"LICENSE"}
MACHINE_PATH = re.compile(r"(?<![\w.~])/(tmp|work|root|home)/")
TEXT = {".c", ".cfg", ".h", ".hex", ".json", ".md", ".pxd", ".py", ".raw", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}


def files() -> list[Path]:
    """What git tracks, and what it would if it were added."""
    command = [need_tool("git"), "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this is no git checkout")
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.suffix in TEXT and path.is_file() and not path.is_symlink()]


def test_no_paths_of_one_machine() -> None:
    wrong = []
    for path in files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in ("src", "docs", "examples") or relative.suffix == ".md":
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if MACHINE_PATH.search(line):
                    wrong.append(f"{relative}:{number}: {line.strip()}")
    assert not wrong


def test_files_are_short() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_bytes().splitlines()) for p in files() if p.name not in LONG}
    assert {name: length for name, length in lengths.items() if length >= MOST_LINES} == {}


def test_files_end_with_a_newline() -> None:
    wrong = [
        str(path.relative_to(ROOT)) for path in files() if (data := path.read_bytes()) and not data.endswith(b"\n")
    ]
    assert not wrong
