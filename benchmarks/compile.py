"""From source text to object: Python beside the same programs in C. Run: python benchmarks/compile.py

Times: in this process with all imports done, and as a whole process, with what Python's start, LLVM's import and our
own take of it. clang is always a whole process: it has no other way. Sizes: instructions of each program beside those
of clang -O2, in the object and (as root) as the kernel has them after the load.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from measure import Clock, Row, arguments, in_process, process, python, run
from sizes import NAMES, PROGRAMS, compile_command, instructions, xlated

import btfkit
from btfkit.errors import LoadError

SMALL, MIDDLE = "hash_counter", "flows"
CLANG = "clang-22"
IMPORTS = {
    "Python's start": "pass",
    "... and LLVM's import": "import llvmlite.binding",
    "... and ours": "import btfkit.bpf, btfkit.frontend.python.build",
}


def compilers() -> dict[str, tuple[str, list[str]]]:
    """What there is: the column's name, the command, options."""
    found = {name: (name, []) for name in (CLANG, "clang-14") if shutil.which(name)}
    if CLANG in found:
        found["<linux/bpf.h>"] = (CLANG, ["-DLINUX_HEADERS", *multiarch()])
    if spec := find_spec("ziglang"):
        found["zig clang"] = (f"{Path(spec.origin or '').parent / 'zig'} clang", [])
    return found


def multiarch() -> list[str]:
    """Where Debian has <asm/types.h>, which clang does not look for when it compiles for BPF."""
    folder = Path("/usr/include") / f"{os.uname().machine}-linux-gnu"
    return [f"-I{folder}"] if folder.is_dir() else []


def together(clocks: list[Clock | None]) -> Clock | None:
    """One after the other."""
    known = [clock for clock in clocks if clock is not None]
    return (lambda: sum(clock() for clock in known)) if len(known) == len(clocks) else None


def peers(names: list[str], folder: Path) -> dict[str, Clock | None]:
    """Each compiler, on all of the programs."""
    clocks: dict[str, Clock | None] = {}
    for column, (clang, options) in compilers().items():
        commands = [compile_command(clang, PROGRAMS / f"{n}.c", folder / "c.o", *options) for n in names]
        clocks[column] = together([process(*command) for command in commands])
    if CLANG in clocks:
        clocks["no header"] = together([without_headers(name, folder) for name in names])
    return clocks


def without_headers(name: str, folder: Path) -> Clock | None:
    """clang on a text that has nothing to include: what its preprocessor has left."""
    text = folder / f"{name}.i"
    done = process(*compile_command(CLANG, PROGRAMS / f"{name}.c", text, "-E", "-P", "-w"))
    if done is not None:
        done()
    return process(*compile_command(CLANG, text, folder / "c.o", "-w"))


def compile_python(names: list[str], folder: Path) -> None:
    for name in names:
        btfkit.compile_file(str(PROGRAMS / f"{name}.py")).write(folder / f"{name}.py.o")


def whole(name: str, folder: Path) -> Clock:
    """A process that does nothing but compile one program."""
    path = str(PROGRAMS / f"{name}.py")
    clock = python(f"import btfkit; btfkit.compile_file({path!r}).write({str(folder / 'whole.o')!r})")
    assert clock is not None
    return clock


def times(folder: Path, rounds: int) -> None:
    compile_python(NAMES, folder)
    few = {SMALL: [SMALL], MIDDLE: [MIDDLE], f"all {len(NAMES)}": NAMES}
    rows = [
        Row(f"{task}, in process", in_process(lambda names=names: compile_python(names, folder)), peers(names, folder))
        for task, names in few.items()
    ]
    rows += [Row(f"{name}, whole process", whole(name, folder), peers([name], folder)) for name in (SMALL, MIDDLE)]
    for task, code in IMPORTS.items():
        clock = python(code)
        assert clock is not None
        rows.append(Row(task, clock, {}))
    run(rows, rounds)


def count(folder: Path) -> None:
    """The table of instructions."""
    print(f"\n{'instructions':20}{'btfkit':>8}{CLANG:>10}{'ratio':>8}{'loaded':>10}{CLANG:>10}{'ratio':>8}")
    ratios: tuple[list[float], list[float]] = [], []
    for name in NAMES:
        ours, theirs = folder / f"{name}.py.o", folder / f"{name}.c.o"
        clock = process(*compile_command(CLANG, PROGRAMS / f"{name}.c", theirs))
        if clock is None:
            print(f"{CLANG} is not installed")
            return
        clock()
        line = f"{name:20}"
        pairs = [(instructions(ours.read_bytes()), instructions(theirs.read_bytes()))]
        try:
            pairs.append((xlated(ours), xlated(theirs)))
        except LoadError as error:
            print(error, file=sys.stderr)
        for found, (mine, other), width in zip(ratios, pairs, (8, 10), strict=False):
            found.append(mine / other)
            line += f"{mine:{width}}{other:10}{mine / other:8.2f}"
        print(line)
    print(
        "median"
        + "".join(f"{statistics.median(found):{n}.2f}" for found, n in zip(ratios, (40, 28), strict=True) if found)
    )


def main() -> None:
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: byte code is there from the first run on
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "cache")
        times(folder, options.rounds)
        count(folder)


if __name__ == "__main__":
    main()
