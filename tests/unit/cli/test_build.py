"""``btfkit build``, and Python files where other verbs take objects: what needs no privileges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli
from tests.unit.cli.test_main import ENVIRONMENT

import btfkit
from btfkit.elf import read_elf
from btfkit.errors import SourceError
from btfkit.frontend.python.module import run_file, run_text
from btfkit.object import ObjectForm, read_object

SOURCE = """\
from btfkit.bpf import *

print("is run")
sizes: dict[u32, u64] = {}

@xdp
def prog(ctx: xdp_md) -> XdpAction:
    sizes[u32(len(ctx))] += 1
    return XDP_PASS

if __name__ == "__main__":
    raise AssertionError("is not run")
"""

WRONG = """\
from btfkit.bpf import *

@xdp
def prog(ctx: xdp_md) -> XdpAction:
    x = 1.5
    return ctx.lenght
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "prog.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    return path


def test_the_object_is_named_after_the_source(
    cli: Cli, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert cli("build", source) == (0, "", "is run\n")
    assert os.listdir(folder) == ["prog.o"]
    assert read_object((folder / "prog.o").read_bytes()).form is ObjectForm.INSTANCE


@pytest.mark.parametrize("form", ["instance", "libbpf", "sidecar", "classic", "proposed"])
def test_forms(cli: Cli, source: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / "x.o"
    assert cli("build", source, "-o", out, "--form", form).code == 0
    assert "map<u32, u64>" in cli("show", out).out
    sections = [section.name for section in read_elf(out.read_bytes()).sections]
    assert (".maps" in sections) is (form in ("libbpf", "sidecar"))
    assert (".BTF.inst" in sections) is (form == "sidecar")


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("cpu", ["v2", "v3", "v4"])
def test_machines(cli: Cli, source: Path, tmp_path: Path, order: str, cpu: str) -> None:
    out = tmp_path / "x.o"
    assert cli("build", source, "-o", out, "--byte-order", order, "--cpu", cpu).code == 0
    assert read_elf(out.read_bytes()).byte_order == order


def test_to_stdout(source: Path) -> None:
    command = [sys.executable, "-m", "btfkit", "build", str(source), "-o", "-"]
    result = subprocess.run(command, capture_output=True, check=True, env=ENVIRONMENT)
    assert read_object(result.stdout).functions
    assert result.stderr == b"is run\n"


def test_llvm(cli: Cli, source: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "x.o", tmp_path / "x.ll"
    assert cli("build", source, "-o", out, "--emit-llvm", text).code == 0
    assert 'target triple = "bpfe' in text.read_text() and 'section "xdp"' in text.read_text()
    assert cli("build", source, "-o", out, "--emit-llvm", "-").out == text.read_text()


def test_kernel_types_from_a_file(cli: Cli, tmp_path: Path) -> None:
    """Those of an object will do; and plan takes them too."""
    types, path, out = tmp_path / "types.py", tmp_path / "prog.py", tmp_path / "x.o"
    types.write_text(
        SOURCE.replace("u32, u64", "u32, task_struct").replace("sizes[u32(len(ctx))] += 1", "sizes.get(1)")
    )
    types.write_text(
        types.read_text().replace("sizes:", "class task_struct(Struct):\n    pad: u32\n    colour: u32\nsizes:")
    )
    path.write_text(
        "from btfkit.bpf import *\n@syscall\ndef prog(ctx: u32[1]) -> i64:\n    return current_task().colour\n"
    )
    assert cli("build", types, "-o", tmp_path / "types.o").code == 0
    assert cli("build", path, "-o", out, "--btf", tmp_path / "types.o") == (0, "", "")
    assert "task_struct" in cli("dump", out).out
    assert cli("plan", path, "--btf", tmp_path / "types.o").code == 0
    assert cli("build", path, "-o", out, "--btf", tmp_path / "missing.btf").code == 1


def test_errors_are_reported_at_once(cli: Cli, wrong: Path, tmp_path: Path) -> None:
    out = tmp_path / "wrong.o"
    out.write_bytes(b"old")
    result = cli("build", wrong, "-o", out)
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[0] == f"btfkit: {wrong}: 2 errors"
    assert [line.split(": error: ")[0] for line in lines if ": error: " in line] == [f"{wrong}:5:9", f"{wrong}:6:12"]
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        (b"a = (\n", "1:5", "'(' was never closed"),
        (b"import sys\nsys.exit(0)\n", "2:1", "SystemExit: 0"),
        (b"a = 1\n\nb = a / 0\n", "3:5", "ZeroDivisionError: division by zero"),
        (b"def f():\n    raise ValueError('a\\nb')\nf()\n", "2:5", "ValueError: a b"),
        (b"a = '\xff'\n", None, "can't decode byte 0xff"),
        (b"a = 1\0\n", "1:1", "null bytes"),
        (b"a = " + b"-" * 100_000 + b"1\n", "1:1", "nested too deeply"),
        (b"from btfkit.bpf import *\n", None, "there is no program in it"),
        (b"", None, "there is no program in it"),
    ],
)
def test_files_that_are_wrong(cli: Cli, tmp_path: Path, text: bytes, place: str | None, reason: str) -> None:
    path = tmp_path / "bad.py"
    path.write_bytes(text)
    for verb in (["build", path, "-o", tmp_path / "x.o"], ["show", path], ["plan", path]):
        result = cli(*verb)
        assert (result.code, result.out) == (1, "")
        assert reason in result.err
        assert place is None or f"\n{path}:{place}: error: " in result.err
        assert result.err.startswith(f"btfkit: {path}: ")
    assert not (tmp_path / "x.o").exists()


def test_mistakes(cli: Cli, source: Path, tmp_path: Path) -> None:
    assert cli("build").code == 2
    assert cli("build", source, "-o", source).code == 2
    assert cli("build", source, "--cpu", "v1").code == 2
    assert cli("build", source, "--form", "plain").code == 2
    assert cli("build", tmp_path / "missing.py").err == f"btfkit: {tmp_path}/missing.py: No such file or directory\n"
    assert cli("build", tmp_path).code == 1
    assert source.read_text() == SOURCE


@pytest.mark.parametrize("verb", ["show", "dump", "plan"])
def test_verbs_take_the_source(cli: Cli, source: Path, tmp_path: Path, verb: str) -> None:
    out = tmp_path / "prog.o"
    assert cli("build", source, "-o", out).code == 0
    from_source, from_object = cli(verb, source), cli(verb, out)
    assert from_source == (0, from_object.out, "is run\n")
    assert "sizes" in from_source.out


def test_convert_takes_the_source(cli: Cli, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.o"
    assert cli("convert", source, "--to", "libbpf", "--byte-order", "big", "-o", out).code == 0
    elf = read_elf(out.read_bytes())
    assert elf.byte_order == "big" and elf.section(".maps") is not None


def test_attaching_asks_before_anything_is_loaded(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    two = SOURCE.replace(
        "if __name__", "@xdp\ndef other(ctx: xdp_md) -> XdpAction:\n    return XDP_DROP\n\nif __name__"
    )
    path.write_text(two)
    for arguments in (["eth0"], []):
        result = cli("attach", path, *arguments)
        assert result.code == 2 and "prog (xdp), other (xdp)" in result.err
    assert cli("run", path).code == 2
    assert "prog (xdp), other (xdp)" in cli("run", path).err
    assert cli("attach", path, "lo", "--program", "prgo").code == 1
    for wrong in (["--for", "-1"], ["--for", "nan"], ["--option", "mode"], ["--set", "limit"]):
        assert cli("attach", path, "lo", "--program", "prog", *wrong).code == 2


# -- the file as a module ------------------------------------------------------------------------------------


def test_a_file_is_compiled_as_it_is_now(tmp_path: Path) -> None:
    """Twice in one process, with another text the second time."""
    path = tmp_path / "prog.py"
    for name in ("first", "second"):
        path.write_text(f"# {name}\n" * len(name) + SOURCE.replace("def prog", f"def {name}"))
        assert [function.name for function in btfkit.compile_file(path).functions] == [name]


def test_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_xyz.py").write_text("from btfkit.bpf import *\nclass Key(Struct):\n    a: u32\n")
    (tmp_path / "prog.py").write_text(
        "from __future__ import annotations\nimport dataclasses\nfrom beside_xyz import *\n"
        "@dataclasses.dataclass\nclass Plain:\n    x: int\n"
        "keys: dict[Key, u64] = {}\n@xdp\ndef prog(ctx: xdp_md) -> XdpAction:\n    keys[Key(a=1)] += 1\n    return XDP_PASS\n"
    )
    before = (sys.path[:], "prog" in sys.modules)
    try:
        assert [d.name for d in btfkit.compile_file(tmp_path / "prog.py").maps] == ["keys"]
    finally:
        sys.modules.pop("beside_xyz", None)
    assert (sys.path[:], "prog" in sys.modules) == before


def test_texts_without_a_file() -> None:
    namespace = run_text(SOURCE, "memory.py")
    assert [d.name for d in btfkit.compile_namespace(namespace, "memory.py").maps] == ["sizes"]


def test_a_module_of_a_name_that_is_taken(tmp_path: Path) -> None:
    import json

    path = tmp_path / "json.py"
    path.write_text(SOURCE)
    assert run_file(str(path))["__name__"] == "json"
    assert sys.modules["json"] is json


# -- notebooks, and where there is no text -------------------------------------------------------------------


def test_without_source_text() -> None:
    namespace: dict[str, object] = {"__name__": "x"}
    exec(compile(SOURCE, "<stdin>", "exec"), namespace)
    with pytest.raises(SourceError, match="write it in a file or a notebook"):
        btfkit.compile_namespace(namespace)


# -- starting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["import btfkit", "from btfkit.cli.main import main; main(['build', '--help'])"])
def test_what_does_not_compile_imports_no_compiler(code: str) -> None:
    check = "import sys; sys.exit(' '.join({'llvmlite', 'btfkit.bpf', 'btfkit.frontend'} & set(sys.modules)) or None)"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}; {check}"], capture_output=True, check=False, env=ENVIRONMENT
    )
    assert (result.returncode, result.stderr) == (0, b"")


def test_the_vocabulary_imports_no_compiler() -> None:
    code = "from btfkit.bpf import *; import sys; sys.exit(' '.join({'llvmlite', 'btfkit.api'} & set(sys.modules)) or None)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=ENVIRONMENT)
    assert (result.returncode, result.stderr) == (0, b"")
