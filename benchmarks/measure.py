"""What the benchmarks share: clocks, the peers, the table.

Every task is done by ours and by the peers in turn, round after round, so that what the machine does besides hits all
alike; what counts is the median, and only the ratio of one run. Nothing is kept warm on purpose, nothing dropped.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
try:
    import btfkit
except ImportError:
    sys.path.insert(0, str(HERE.parent / "src"))
    import btfkit

SOURCES = Path(btfkit.__file__ or "").parent.parent
"""Where the btfkit that is measured is: of `make bench`, the one with the compiled core."""

from btfkit._core import COMPILED  # noqa: E402 (the path is set above)

KERNEL = Path("/sys/kernel/btf/vmlinux")

Clock = Callable[[], float]
"""Does the task once and says the seconds."""


@dataclass
class Row:
    """A task: our clock, and that of each peer (None: not there)."""

    task: str
    ours: Clock
    peers: dict[str, Clock | None]
    times: dict[str, list[float]] = field(default_factory=dict)


def in_process(work: Callable[[], object], prepare: Callable[[], object] | None = None) -> Clock:
    """Time work() (or work(prepare()), without the preparing) in this process."""

    def clock() -> float:
        given = (prepare(),) if prepare else ()
        start = time.perf_counter()
        work(*given)
        return time.perf_counter() - start

    return clock


def process(*command: str | Path) -> Clock | None:
    """Time a whole process, its output thrown away; None where the program is not installed."""
    program = shutil.which(str(command[0]))
    if program is None:
        return None
    environment = dict(os.environ, PYTHONPATH=str(SOURCES))

    def clock() -> float:
        start = time.perf_counter()
        subprocess.run([program, *command[1:]], stdout=subprocess.DEVNULL, env=environment, check=True)
        return time.perf_counter() - start

    return clock


def python(code: str) -> Clock | None:
    """Time a whole Python process that runs the code."""
    return process(sys.executable, "-c", code)


class Libbpf:
    """libbpf.c, compiled against the installed libbpf; None clocks where that or a C compiler is missing."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.program: Path | None = Path(self._directory.name) / "libbpf"
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        command = [compiler or "cc", "-O2", str(HERE / "libbpf.c"), "-lbpf", "-o", str(self.program)]
        if compiler is None or subprocess.run(command, capture_output=True, check=False).returncode:
            print("libbpf's column is empty: no C compiler, or no libbpf-dev", file=sys.stderr)
            self.program = None

    def clock(self, what: str, path: Path, names: list[str] | None = None) -> Clock | None:
        """Time ``what`` as libbpf.c's first lines tell, by its own clock."""
        if self.program is None:
            return None
        command = [str(self.program), what, str(path), "1"]
        if names is not None:
            listed = Path(self._directory.name) / f"names-{len(names)}"
            listed.write_text("".join(f"{name}\n" for name in names))
            command.append(str(listed))

        def clock() -> float:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return int(done.stdout) / 1e9

        return clock


def arguments(what: str) -> argparse.Namespace:
    """--rounds and --file."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (default: 7)")
    parser.add_argument("--file", type=Path, default=KERNEL, help="raw BTF to work on (default: the kernel's)")
    parsed = parser.parse_args()
    if not parsed.file.exists():
        parser.error(f"{parsed.file} is not there")
    return parsed


def run(rows: list[Row], rounds: int) -> None:
    """Measure all rows, and print the table of medians and ratios."""
    for row in rows:
        for _ in range(rounds):
            for name, clock in {"btfkit": row.ours, **row.peers}.items():
                if clock is not None:
                    row.times.setdefault(name, []).append(clock())
    peers = sorted({name for row in rows for name in row.peers})
    core = "compiled core" if COMPILED else "plain Python"
    print(f"{core}, Python {platform.python_version()}, {platform.machine()}, Linux {platform.release()};")
    print(f"medians of {rounds}, ms;", end=" ")
    print("in brackets: how many times btfkit's (below 1: btfkit is slower)\n")
    print(f"{'':42}{'btfkit':>10}" + "".join(f"{peer:>22}" for peer in peers))
    for row in rows:
        ours = statistics.median(row.times["btfkit"])
        line = f"{row.task:42}{1e3 * ours:10.2f}"
        for peer in peers:
            times = row.times.get(peer)
            cell = f"{1e3 * statistics.median(times):.2f} ({statistics.median(times) / ours:.3f})" if times else "-"
            line += f"{cell:>22}"
        print(line)
