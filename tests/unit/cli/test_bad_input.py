"""Whatever the file holds: an exit code, a line on stderr, no traceback, no output that is half written."""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_main import ENVIRONMENT

from btfkit.cli import exits
from btfkit.cli.main import main
from btfkit.elf import read_elf

READERS = [
    ["show"],
    ["show", "--json"],
    ["dump"],
    ["dump", "--format", "c", "--asserts"],
    ["dump", "--format", "json"],
    ["plan"],
    ["plan", "--json"],
]
WRITERS = [
    ["convert", "--to", "instance"],
    ["convert", "--to", "libbpf"],
    ["convert", "--to", "sidecar"],
    ["convert", "--to", "classic"],
    ["convert", "--to", "proposed"],
    ["convert", "--to", "layout"],
    ["convert", "--byte-order", "big"],
    ["convert", "--ext", "tagged"],
]

FILES = [
    ("empty", b"", "the file is empty"),
    ("text", b"hello, world\n", "is neither an ELF object, nor BTF, nor JSON"),
    ("elf32", b"\x7fELF\x01\x01\x01" + bytes(60), "32"),
    ("cut-elf", b"\x7fELF\x02\x01\x01", ""),
    ("cut-btf", b"\x9f\xeb\x01", ".BTF"),
    ("short-header", bytes.fromhex("9feb010010000000") + bytes(24), "hdr_len"),
    ("json", b"{}", ""),
    ("nul", bytes(100), "is neither"),
]


@pytest.mark.parametrize("verb", ["show", "dump", "plan", "run", "convert"])
@pytest.mark.parametrize(("name", "data", "text"), FILES, ids=[name for name, _, _ in FILES])
def test_not_an_object(cli: Cli, tmp_path: Path, verb: str, name: str, data: bytes, text: str) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    path.write_bytes(data)
    result = cli(verb, path, *(["-o", out] if verb == "convert" else []))
    assert result.code == exits.FAILED and not result.out
    assert result.err.startswith(f"btfkit: {path}: ") and result.err.count("\n") == 1
    assert text in result.err or verb in ("plan", "run")
    assert not out.exists()


@pytest.mark.parametrize("verb", ["show", "dump", "plan", "run", "convert"])
def test_no_file(cli: Cli, tmp_path: Path, verb: str) -> None:
    more = ["-o", tmp_path / "out"] if verb == "convert" else []
    for path, text in (
        (tmp_path, "is a directory"),
        (tmp_path / "missing", "No such file or directory"),
        (Path("/proc/self/mem"), "Input/output error"),
    ):
        result = cli(verb, path, *more)
        assert (result.code, result.out, result.err) == (1, "", f"btfkit: {path}: {text}\n")


def test_a_file_that_may_not_be_read(flows: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.o"
    path.write_bytes(flows.read_bytes())
    path.chmod(0)
    tmp_path.chmod(0o755)
    code = (
        "import os, sys\nfrom btfkit.cli import show, main, inputs, report\n"
        "os.getuid() or os.setuid(65534)\n"
        "try:\n    open(sys.argv[1])\nexcept OSError as error:\n    sys.exit(report.report(error))\n"
    )
    result = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=False, env=ENVIRONMENT)
    assert result.returncode == 1
    assert result.stderr == f"btfkit: {path}: Permission denied\n".encode()


def test_cut_off_anywhere(cli: Cli, flows: Path, tmp_path: Path) -> None:
    data = flows.read_bytes()
    path = tmp_path / "cut.o"
    for end in range(0, len(data) - 1, 61):
        path.write_bytes(data[:end])
        result = cli("show", path)
        assert result.code == 1 and result.err.startswith(f"btfkit: {path}: "), end


def test_symbols_that_strip_renumbered(cli: Cli, objects: Path, tmp_path: Path) -> None:
    """Relocations keep the ties; without them, stale numbers are an error, never a guess."""
    strip = need_tool("llvm-strip")
    for name in ("flows.o", "flows.sidecar.o"):
        path, stale = tmp_path / name, tmp_path / "stale.o"
        subprocess.run([strip, "-g", objects / name, "-o", path], check=True)
        kept = cli("show", "--json", path)
        if kept.code == 0:
            found = {one["name"]: one["symbol"]["name"] for one in kept.json["instances"]}
            assert found == {"flows": "flows", "count": "count", "calls": "count.calls", "_license": "_license"}
        else:
            assert kept.err.startswith(f"btfkit: {path}: ")
        elf = read_elf((objects / name).read_bytes())
        section = elf.section(".BTF.inst.ext" if "sidecar" in name else ".BTF.ext")
        assert section is not None
        data = bytearray((objects / name).read_bytes())
        relocations = next(s for s in elf.sections if s.name == ".rel" + section.name)
        symtab = elf.symtab
        assert symtab is not None
        # No relocation applies any more, and the symbols have moved up by one.
        data[relocations.off : relocations.off + len(relocations.data)] = bytes(len(relocations.data))
        first, last = symtab.off + 24, symtab.off + len(symtab.data)
        data[first:last] = data[first + 24 : last] + data[first : first + 24]
        stale.write_bytes(data)
        for verb in ("show", "plan"):
            result = cli(verb, stale)
            assert result.code == 1 and result.err.startswith(f"btfkit: {stale}: ")


# -- mutations ----------------------------------------------------------------------------------------------

WORDS = (0, 1, 2, 3, 8, 24, 31, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0x1F000000)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Cut off, or with bits flipped, bytes and words replaced, pieces copied; BTF more often than code."""
    if rng.random() < 0.1:
        return data[: rng.randrange(len(data))]
    out = bytearray(data)
    btf = max(data.find(b"\x9f\xeb"), 0)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8, 30))):
        near = btf + int(rng.expovariate(1 / 300))
        at = near if rng.random() < 0.6 and near < len(out) else rng.randrange(len(out))
        match rng.randrange(4):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at] = rng.randrange(256)
            case 2:
                word = rng.choice(WORDS) if rng.random() < 0.7 else rng.randrange(300)
                out[at & ~3 : (at & ~3) + 4] = struct.pack(rng.choice("<>") + "I", word)
            case 3:
                size, source = rng.randrange(1, 32), rng.randrange(len(out))
                out[at : at + size] = out[source : source + size]
    return bytes(out)


def seeds(objects: Path) -> list[bytes]:
    """Objects of every form, their BTF, and their JSON."""
    out = []
    for path in sorted(objects.glob("*.o")):
        data = path.read_bytes()
        section = read_elf(data).section(".BTF")
        assert section is not None
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            assert main(["dump", "--format", "json", str(path)]) == 0
        out += [data, data, data, section.data, text.getvalue().encode()]
    return out


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A file that asks for more than there is must not take the machine along."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("part", range(6))
def test_mutations(objects: Path, tmp_path: Path, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BTFKIT_TRACEBACK", raising=False)
    rng = random.Random(part)
    path, out = tmp_path / "in", tmp_path / "out"
    pool = seeds(objects)
    for count in range(500):
        data = mutated(rng.choice(pool), rng)
        path.write_bytes(data)
        verb = rng.choice(READERS + WRITERS)
        writes = verb in WRITERS
        stdout, stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main([verb[0], str(path), *verb[1:], *(["-o", str(out)] if writes else [])])
        said = stderr.getvalue()
        case = f"part {part}, case {count}: {' '.join(verb)}: {said}"
        assert code in (exits.OK, exits.FAILED, exits.USAGE), case
        assert code == exits.OK or said.startswith(("btfkit: ", "usage: ")), case
        assert "out of memory" not in said, case
        assert out.exists() is (writes and code == exits.OK), case
        out.unlink(missing_ok=True)
        assert set(os.listdir(tmp_path)) == {"in"}, case
