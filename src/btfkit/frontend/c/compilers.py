"""Find C compilers that make BPF.

In: what the user asked for (a path, a name, a family), PATH, and the Python packages installed.
Out: `Compiler` values, whose ``command`` starts a process. A compiler that is found was asked whether it makes BPF;
whether it accepts a certain option shows only when it is used.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from btfkit.errors import SourceError

__all__ = ["INSTALL_HINT", "Compiler", "Family", "find_compiler", "list_compilers"]

Family = Literal["clang", "gcc", "zig"]

INSTALL_HINT = (
    "no C compiler for BPF was found; install one: `pip install btfkit[c]` (nothing else is needed), "
    "or Debian's package clang or gcc-bpf"
)

_FAMILY_OF_WORD: dict[str, Family] = {
    "clang": "clang",
    "gcc": "gcc",
    "gcc-bpf": "gcc",
    "zig": "zig",
    "ziglang": "zig",
}
_GCC_NAMES = ("bpf-unknown-none-gcc", "bpf-gcc")


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler that makes BPF objects.

    name:    as it was found: ``clang-22``, ``ziglang``, or the path that the user gave
    version: the family's own number: ``22.1.8``; for zig that of zig, not of the clang inside it
    command: the process to start, to be followed by the options
    """

    name: str
    family: Family
    version: str
    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def list_compilers() -> list[Compiler]:
    """Return all compilers there are, the preferred one first: clang, newest first; GCC; the wheel ziglang."""
    return list(_candidates())


def find_compiler(wanted: str | os.PathLike[str] | None = None) -> Compiler:
    """Return the compiler asked for, or else the preferred one.

    ``wanted`` is a path, the name of a program, or a family's (``clang``, ``gcc``, ``zig``: the best one of it).
    Raises SourceError where there is none, or where the one asked for makes no BPF.
    """
    if wanted is None:
        for compiler in _candidates():
            return compiler
        raise SourceError(INSTALL_HINT)
    name = os.fspath(wanted)
    path = shutil.which(name)
    found = _probe(name, path) if path else "not found"
    if isinstance(found, Compiler):
        return found
    family = _FAMILY_OF_WORD.get(name)
    for compiler in _candidates():
        if compiler.family == family:
            return compiler
    others = ", ".join(str(compiler) for compiler in _candidates())
    raise SourceError(f"compiler {name}: {found}; " + (f"there are: {others}" if others else INSTALL_HINT))


def _candidates() -> Iterator[Compiler]:
    """Yield every compiler once, the preferred one first; a program under two names under the first of them."""
    seen: set[str] = set()
    for compiler in _clangs():
        if _is_new(compiler, seen):
            yield compiler
    for name in _GCC_NAMES:
        path = shutil.which(name)
        found = _probe(name, path) if path else None
        if isinstance(found, Compiler) and _is_new(found, seen):
            yield found
    if importlib.util.find_spec("ziglang") is not None:
        command = (sys.executable, "-m", "ziglang")
        version = _ask(*command, "version")
        if version is not None:
            yield Compiler("ziglang", "zig", version.strip(), (*command, "cc"))


def _is_new(compiler: Compiler, seen: set[str]) -> bool:
    real = os.path.realpath(compiler.command[0])
    if real in seen:
        return False
    seen.add(real)
    return True


def _clangs() -> list[Compiler]:
    """Return the clangs on PATH that make BPF, newest first, ``clang`` before ``clang-N`` of the same version."""
    names = {"clang"}
    for folder in os.get_exec_path():
        try:
            names.update(entry for entry in os.listdir(folder) if re.fullmatch(r"clang-\d+", entry))
        except OSError:
            continue
    probed = [_probe(name, path) for name in sorted(names) if (path := shutil.which(name)) is not None]
    found = [compiler for compiler in probed if isinstance(compiler, Compiler) and compiler.family == "clang"]
    return sorted(found, key=lambda compiler: _number(compiler.version), reverse=True)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@functools.lru_cache(maxsize=64)
def _probe(name: str, path: str) -> Compiler | str:
    """Ask the program at ``path`` what it is; a text is the reason why it is of no use."""
    banner = _ask(path, "--version") or ""
    version = re.search(r"\d+\.\d+(\.\d+)?", banner)
    number = version.group() if version else "?"
    if "clang version" in banner:
        if re.search(r"^\s*bpfel\s", _ask(path, "--print-targets") or "", re.MULTILINE) is None:
            return "this clang was built without the BPF target"
        return Compiler(name, "clang", number, (path,))
    if "Free Software Foundation" in banner:
        machine = (_ask(path, "-dumpmachine") or "").strip()
        if machine.partition("-")[0] == "bpf":
            return Compiler(name, "gcc", number, (path,))
        if machine:
            return f"this GCC makes code for {machine}, not for BPF"
    if Path(path).stem.startswith("zig"):
        zig = _ask(path, "version")
        if zig is not None:
            return Compiler(name, "zig", zig.strip(), (path, "cc"))
    return "neither clang, GCC nor zig"


def _ask(*command: str) -> str | None:
    """Return what a program prints, or None where it cannot be started or fails."""
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None
