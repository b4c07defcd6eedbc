"""Python files run, and programs from wherever their texts are."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path

import pytest

import btfkit
from btfkit.errors import SourceError
from btfkit.frontend.python.module import run_text

HEAD = "from btfkit.bpf import *\n"
PROGRAM = "@xdp\ndef drop(ctx: xdp_md) -> XdpAction:\n    return XDP_DROP\n"

WRONG = [
    ("syntax", "x = (1,\n", 1, "'(' was never closed"),
    ("indent", "def f():\nreturn 1\n", 2, "expected an indented block"),
    ("tabs", "if 1:\n\tx = 1\n        y = 2\n", 3, "inconsistent use of tabs"),
    ("raises", "x = 1\ny = x // 0\n", 2, "ZeroDivisionError: integer division"),
    ("own error", "raise RuntimeError('no')\n", 1, "RuntimeError: no"),
    ("unknown name", HEAD + "x: u33 = 1\n", 2, "NameError: name 'u33'"),
    ("missing module", "import no_such_module\n", 1, "ModuleNotFoundError"),
    ("missing target", HEAD + "@tracepoint\ndef f(ctx): pass\n", 2, "@tracepoint needs a target"),
    ("target too much", HEAD + '@xdp("eth0")\ndef f(ctx: xdp_md): pass\n', 2, "@xdp takes no target, not 'eth0'"),
    ("not sleepable", HEAD + "@xdp(sleepable=True)\ndef f(ctx: xdp_md): pass\n", 2, "@xdp programs cannot sleep"),
    ("two kinds", HEAD + "@xdp\n@tc\ndef f(ctx: xdp_md): pass\n", 2, "f is a program of another kind already"),
    ("a class", HEAD + "@xdp\nclass F: pass\n", 2, "@xdp is for a function written with def"),
    ("a number", HEAD + "xdp(3)(4)\n", 2, "@xdp"),
    ("field type", HEAD + "class F(Struct):\n    a: int\n", 2, "F: int is not a type of fixed size: say how wide"),
    ("field text", HEAD + "class F(Struct):\n    a: str\n", 2, "F: str is not a type of fixed size"),
    ("bits", HEAD + "class F(Struct):\n    a: Bits[u8, 9]\n", 3, "9 bits of a u8"),
    ("array", HEAD + "class F(Struct):\n    a: u8[-1]\n", 3, "an array's length is a number, not -1"),
    ("unknown field", HEAD + "class F(Struct):\n    a: u8\nx = F(b=1)\n", 4, "F.b is not a field; it has a"),
    ("map", HEAD + "m: Array[u64] = Array(entries=3)\n", 2, "unexpected keyword argument 'entries'"),
    ("called", HEAD + "x = ktime_ns()\n", 2, "ktime_ns() works in a BPF program only"),
    ("exit", "import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
]


@pytest.mark.parametrize(("text", "line", "reason"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_the_module_raises(text: str, line: int, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        run_text(text, "prog.py")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.startswith(f"prog.py:{line}:") and reason in diagnostic
    assert diagnostic.splitlines()[1].strip() == text.splitlines()[line - 1].strip()


def test_file(tmp_path: Path) -> None:
    """A file of its own name, which imports from its own folder, and is not the main program."""
    (tmp_path / "shapes.py").write_text(
        HEAD + "class Args(Struct):\n    a: u64\ndef double(n: u64) -> u64:\n    return n * 2\n"
    )
    path = tmp_path / "prog.py"
    body = "@syscall\ndef f(ctx: Args) -> i32:\n    return i32(double(ctx.a))\nif __name__ == '__main__':\n    1 // 0\n"
    path.write_text(HEAD + "from shapes import Args, double\n" + body)
    before = list(sys.path)
    try:
        found = btfkit.compile_file(path)
    finally:
        sys.modules.pop("shapes", None)
    assert "f" in {instance.name for instance in found.btf.instances}
    assert sys.path == before


def test_error_in_another_module(tmp_path: Path) -> None:
    """The diagnostic is where the mistake is."""
    (tmp_path / "other_shapes.py").write_text(HEAD + "\ndef wrong(n: u64) -> u64:\n    return n / 2\n")
    path = tmp_path / "prog.py"
    path.write_text(
        HEAD + "from other_shapes import wrong\n@xdp\ndef f(ctx: xdp_md) -> u32:\n    return u32(wrong(1))\n"
    )
    try:
        with pytest.raises(SourceError) as caught:
            btfkit.compile_file(path)
    finally:
        sys.modules.pop("other_shapes", None)
    (diagnostic,) = caught.value.diagnostics
    assert "other_shapes.py:4:12: error: / makes a float" in diagnostic
    assert diagnostic.splitlines()[1].strip() == "return n / 2"


def test_cell() -> None:
    """A notebook's cell: its text is in `linecache` only."""
    name = "<ipython-input-1-abc>"
    text = HEAD + PROGRAM
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), namespace)
    assert btfkit.compile_namespace(namespace, "cell")


def test_cell_that_is_wrong() -> None:
    name = "<ipython-input-2-abc>"
    text = HEAD + PROGRAM.replace("XDP_DROP", "XDP_DRIP")
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    namespace: dict[str, object] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), namespace)
    with pytest.raises(SourceError, match="there is no 'XDP_DRIP'") as caught:
        btfkit.compile_namespace(namespace, "cell")
    assert "did you mean XDP_DROP" in str(caught.value)


def test_text_that_is_nowhere() -> None:
    namespace: dict[str, object] = {}
    exec(compile(HEAD + PROGRAM, "<nowhere>", "exec"), namespace)
    with pytest.raises(SourceError, match="its source text is not to be had"):
        btfkit.compile_namespace(namespace, "nowhere")


def test_no_program() -> None:
    with pytest.raises(SourceError, match="there is no program in it"):
        btfkit.compile_namespace({}, "empty.py")


def test_postponed_annotations() -> None:
    text = "from __future__ import annotations\n" + HEAD + "m: dict[u32, u64] = {}\nn: u64 = 3\n" + PROGRAM
    namespace = run_text(text, "later.py")
    assert btfkit.compile_namespace(namespace, "later.py")


def test_names_of_any_alphabet() -> None:
    """Instances keep the names of the source; what the kernel does not take, the loader changes."""
    text = (
        HEAD
        + "class Größe(Struct):\n    länge: u64\nzähler: dict[u32, Größe] = {}\n"
        + "@syscall\ndef größe(ctx: Größe) -> i32:\n"
    )
    text += "    breite = ctx.länge\n    zähler[1].länge += breite\n    return 0\n"
    found = btfkit.compile_namespace(run_text(text, "names.py"), "names.py")
    assert {instance.name for instance in found.btf.instances} >= {"größe", "zähler"}


def test_long_name() -> None:
    name = "x" * 300
    text = HEAD + f"@xdp\ndef {name}(ctx: xdp_md) -> XdpAction:\n    return XDP_PASS\n"
    assert btfkit.compile_namespace(run_text(text, "names.py"), "names.py").btf.instances[0].name == name
