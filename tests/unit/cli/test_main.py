"""The command as such: help, usage, versions, what goes where, exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import skip_or_fail
from tests.unit.cli.conftest import Cli

from btfkit.cli import exits, main, report
from btfkit.cli.main import VERBS
from btfkit.errors import FormatError, InternalError, LoadError, TypeNotFoundError

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def spawn(*arguments: object, packet: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "btfkit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT, input=packet)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_helps(cli: Cli, verb: str) -> None:
    result = cli(verb, "--help")
    assert result.code == 0 and not result.err
    assert result.out.startswith("usage: btfkit " + verb)
    assert "examples:\n  " in result.out and "exit codes:" in result.out
    assert max(map(len, result.out.splitlines())) <= 120
    assert cli("help", verb).out == result.out


def test_help_lists_all_verbs(cli: Cli) -> None:
    out = cli("--help").out
    assert all(f"\n  {verb} " in out for verb in VERBS)
    assert "  3  " in out


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert result.code == 0
    assert (
        result.out.startswith("btfkit ") and "core: " in result.out and f"Python {sys.version_info[0]}." in result.out
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sho",),
        ("--wrong",),
        ("show",),
        ("show", "a", "b"),
        ("show", "--wrong", "a"),
        ("dump", "--format", "xml", "a"),
        ("convert", "a"),
        ("map",),
        ("map", "eat"),
        ("map", "list", "x"),
        ("map", "dump"),
        ("map", "dump", "--exist", "x"),
        ("cc",),
        ("cc", "a.c", "--byte-order", "middle"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert result.code == exits.USAGE and not result.out
    assert result.err.startswith("usage: btfkit")


def test_a_mistyped_verb_is_guessed(cli: Cli) -> None:
    assert "did you mean show?" in cli("shwo").err


ERRORS = [
    (FormatError("is bad", path="a.o", section=".BTF", off=4), 1, "btfkit: a.o: .BTF+0x4: is bad\n"),
    (TypeNotFoundError("there is no type 'x'", near=("y",)), 1, "btfkit: there is no type 'x' (near: y)\n"),
    (
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a.o"),
        1,
        "btfkit: a.o: No such file or directory\n",
    ),
    (OSError(errno.ENOSPC, "No space left on device"), 1, "btfkit: No space left on device\n"),
    (MemoryError(), 1, "btfkit: out of memory\n"),
    (LoadError("no", errno=errno.EINVAL, source="a.c:3: x"), 1, "btfkit: no (at a.c:3: x)\n"),
]


@pytest.mark.parametrize(("error", "code", "text"), ERRORS, ids=lambda value: type(value).__name__)
def test_errors(error: Exception, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.report(error) == code
    assert capsys.readouterr() == ("", text)


@pytest.mark.parametrize("error", [InternalError("x"), KeyError("x"), RecursionError("x")])
def test_bugs_are_called_so(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.report(error) == exits.INTERNAL
    err = capsys.readouterr().err
    assert "internal error" in err and "a bug of btfkit" in err and "Traceback" not in err


def test_missing_privileges_have_their_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from btfkit.load.linux import raw

    error = LoadError("no", errno=errno.EPERM)
    monkeypatch.setattr(raw, "has_capability", lambda name: name != "CAP_NET_ADMIN")
    assert report.report(error) == exits.NO_PERMISSION
    monkeypatch.setattr(raw, "has_capability", lambda name: True)
    assert report.report(error) == exits.FAILED


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report.report(FormatError("bad\x1b[2Jname\x07"))
    assert capsys.readouterr().err == "btfkit: bad\\x1b[2Jname\\x07\n"


def test_tracebacks_are_for_those_who_ask(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.o"
    bad.write_bytes(b"\x7fELF")
    assert "Traceback" not in cli("show", bad).err
    assert "Traceback" in cli("show", "--traceback", bad).err
    assert "Traceback" in cli("--traceback", "show", bad).err
    monkeypatch.setenv("BTFKIT_TRACEBACK", "1")
    result = cli("show", bad)
    assert "Traceback" in result.err and result.code == exits.FAILED


def test_interrupted(cli: Cli, monkeypatch: pytest.MonkeyPatch, flows: Path) -> None:
    def interrupt(path: str) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("btfkit.cli.show.read_file", interrupt)
    assert cli("show", flows) == (exits.INTERRUPTED, "", "")


# -- in a process of its own --------------------------------------------------------------------------------


def test_as_a_module(flows: Path) -> None:
    result = spawn("show", flows)
    assert result.returncode == 0 and b"map<struct flow, u64>" in result.stdout and not result.stderr


def test_an_error_is_one_line(tmp_path: Path) -> None:
    result = spawn("show", tmp_path / "missing.o")
    assert result.returncode == 1 and not result.stdout
    assert result.stderr == f"btfkit: {tmp_path}/missing.o: No such file or directory\n".encode()


def test_a_reader_that_stops_reading() -> None:
    vmlinux = Path("/sys/kernel/btf/vmlinux")
    if not vmlinux.exists():
        skip_or_fail("this kernel has no BTF")
    command = [sys.executable, "-m", "btfkit", "dump", str(vmlinux)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith(b"[1] ")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == exits.BROKEN_PIPE


def test_a_full_disk(flows: Path) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "btfkit", "dump", str(flows)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False, env=ENVIRONMENT)
    assert result.returncode == 1
    assert result.stderr == b"btfkit: No space left on device\n"


def test_without_stdout(flows: Path) -> None:
    command = f'exec "{sys.executable}" -m btfkit show "{flows}" >&-'
    result = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False, env=ENVIRONMENT)
    assert (result.returncode, result.stderr) == (0, b"")


def test_starting_is_quick() -> None:
    code = (
        "import sys; from btfkit.cli.main import main; main(['--help']); main(['cc', '--help']);"
        "heavy = {'rich', 'btfkit.codec', 'btfkit.object', 'btfkit.load', 'subprocess', 'ctypes'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or None)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=ENVIRONMENT)
    assert (result.returncode, result.stderr) == (0, b"")


def test_main_has_no_verb_without_a_module() -> None:
    folder = Path(main.__file__).parent
    assert all((folder / f"{verb}.py").exists() for verb in VERBS)
