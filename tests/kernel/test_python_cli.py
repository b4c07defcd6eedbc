"""Programs in Python on the command line, as scripts, in notebooks and in test modules."""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.namespaces import in_own_network, ping
from tests.unit.cli.conftest import Cli, cli  # noqa: F401 (a fixture)
from tests.unit.cli.test_main import ENVIRONMENT

import btfkit
from btfkit.bpf import i32, load, syscall, u32, u64
from btfkit.errors import SourceError

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

MARK = f"mark{os.getpid()}"
"""What only these programs print: the trace pipe is everybody's."""

FLOWS = f"""\
from btfkit.bpf import *

class Flow(Struct):
    src: be32
    size: u32

flows: dict[Flow, u64] = {{}}
events: RingBuf[Flow] = RingBuf(size=4096)
limit: u32 = 40

@xdp
def count(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    flow = Flow(src=ip.src, size=u32(len(ctx)))
    flows[flow] += 1
    if len(ctx) > limit:
        print(f"{MARK} {{len(ctx)}}")
        events.emit(flow)
    return XDP_PASS

if __name__ == "__main__":
    with load() as bpf, bpf.count.attach("lo", mode="generic"):
        print("attached", flush=True)
        for number, event in enumerate(bpf.events):
            print(event.src, event.size)
            if number == 1:
                break
"""

SEVERAL = (
    FLOWS.partition("if __name__")[0]
    + """\
switches: PerCpuArray[u64] = PerCpuArray(1)

@raw_tracepoint("sched_switch")
def switched():
    switches[0] += 1
    return 0

@syscall
def asked(ctx: u32[2]) -> i32:
    return 5
"""
)


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    (tmp_path / "flows.py").write_text(FLOWS)
    return tmp_path / "flows.py"


@pytest.fixture
def several(tmp_path: Path) -> Path:
    (tmp_path / "several.py").write_text(SEVERAL)
    return tmp_path / "several.py"


# -- attach --------------------------------------------------------------------------------------------------


def attach(*arguments: object) -> subprocess.Popen[str]:
    """`btfkit attach` in a process of its own, in the network of the thread that calls; it is attached."""
    command = [sys.executable, "-m", "btfkit", "attach", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert " is attached to " in line or "for want of" in line, line + process.stderr.read()
    return process


def test_attached_programs_print_what_comes(flows: Path) -> None:
    def test() -> None:
        process = attach(flows, "lo", "--option", "mode=generic", "--set", "limit=60", "--maps")
        ping(1, size=10)
        ping(3, size=50)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        assert lines.count("events: {src=127.0.0.1, size=92}\n") == 3
        assert lines.count(f"{MARK} 92\n") == 3
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")
        assert re.search(r"127\.0\.0\.1 +92 +3\n", out) and re.search(r"127\.0\.0\.1 +52 +1\n", out)
        assert re.search(r"limit +u32 +60\n", out)

    in_own_network(test)


def test_attached_for_some_time_as_json(flows: Path) -> None:
    def test() -> None:
        process = attach(flows, "lo", "--for", "1.5", "--json")
        ping(2, size=50)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")
        found = [json.loads(line) for line in out.splitlines()]
        records = [entry["value"]["size"] for entry in found if entry.get("map") == "events"]
        assert records == [92, 92]
        assert [entry["printed"] for entry in found if MARK in entry.get("printed", "")] == [f"{MARK} 92"] * 2

    in_own_network(test)


def test_those_that_say_where_and_the_one_that_does_not(several: Path) -> None:
    def test() -> None:
        process = attach(several, "lo", "--for", "0.3", "--maps")
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "btfkit: count is attached to interface lo\n")
        assert not re.search(r"map switches: .*\n\(1 elements are zero\)", out)
        process = attach(several, "--for", "0.3")
        assert process.communicate(timeout=20) == ("", "btfkit: switched is attached to raw tracepoint sched_switch\n")

    in_own_network(test)


def test_iterators(tmp_path: Path, cli: Cli) -> None:  # noqa: F811
    path = tmp_path / "tasks.py"
    path.write_text(
        "from btfkit.bpf import *\ncalls: u64 = 0\n@iter('task')\ndef tasks(ctx) -> i32:\n"
        "    global calls\n    calls += 1\n    return 0\n"
    )
    result = cli("attach", path, "--maps")  # ends by itself
    assert (result.code, result.err) == (0, "")
    (calls,) = re.findall(r"calls +u64 +(\d+)", result.out)
    assert int(calls) > 1


def test_mistakes(cli: Cli, flows: Path, several: Path) -> None:  # noqa: F811
    assert "attaches to a network interface" in cli("attach", flows).err
    assert "there is no network interface 'none'" in cli("attach", flows, "none").err
    assert "knows no option 'mood' (near: mode)" in cli("attach", flows, "lo", "--option", "mood=generic").err
    assert "is not attached but run" in cli("attach", several, "--program", "asked").err


# -- run, and python flows.py --------------------------------------------------------------------------------


def test_run(cli: Cli, flows: Path, several: Path) -> None:  # noqa: F811
    frame = bytes(12).hex() + "0800" + "45" + "00" * 11 + "01020304" + "00" * 30
    ran = cli("run", flows, "--hex", frame, "--maps", "--json").json
    assert (ran["retval_name"], ran["variables"]) == ("XDP_PASS", {"limit": 40})
    assert [entry["value"] for entry in ran["maps"]["flows"]] == [1]
    result = cli("run", several)
    assert result.code == 2
    assert "one of count (xdp), switched (raw_tracepoint/sched_switch), asked (syscall)" in result.err
    assert cli("run", several, "--program", "asked", "--json").json["retval"] == 5


def test_what_is_not_run_is_attached(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "probe.py"
    path.write_text("from btfkit.bpf import *\n@kprobe('do_nanosleep')\ndef f(ctx: pt_regs):\n    return 0\n")
    assert "`btfkit attach`" in cli("run", path).err


def test_what_is_refused_has_its_python_line(cli: Cli, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "held.py"
    path.write_text(
        "from btfkit.bpf import *\nclass Locked(Struct):\n    lock: SpinLock\n    n: u32\n"
        "a: Array[Locked] = Array(1)\nb: Array[u64] = Array(1)\n@xdp\ndef f(ctx: xdp_md) -> XdpAction:\n"
        "    entry = a[0]\n    with entry.lock:\n        b[0] += 1\n    return XDP_PASS\n"
    )
    result = cli("run", path)
    assert result.code == 1
    assert "held.py:11: " in result.err or "held.py:11:9: error: " in result.err
    assert "b[0] += 1" in result.err


def test_as_a_script(flows: Path) -> None:
    def test() -> None:
        command = [sys.executable, str(flows)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as p:
            assert p.stdout is not None and p.stderr is not None
            assert p.stdout.readline() == "attached\n", p.stderr.read()
            ping(2, size=50)
            assert p.communicate(timeout=20) == (f"{0x7F000001} 92\n" * 2, "")
            assert p.returncode == 0

    in_own_network(test)


# -- notebooks -----------------------------------------------------------------------------------------------


class Notebook:
    """What IPython does with a cell: its text into linecache, its statements compiled one by one under that name."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        self.count = 0

    def cell(self, text: str) -> Any:
        """The value of the cell's last expression, which the shell also keeps as _ and _1."""
        self.count += 1
        name = f"<ipython-input-{self.count}-0123456789ab>"
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        *statements, last = ast.parse(text).body
        for node in statements:
            exec(compile(ast.Module([node], []), name, "exec"), self.namespace)
        if not isinstance(last, ast.Expr):
            exec(compile(ast.Module([last], []), name, "exec"), self.namespace)
            return None
        value = eval(compile(ast.Expression(last.value), name, "eval"), self.namespace)
        self.namespace |= {"_": value, f"_{self.count}": value}
        return value


def test_a_notebook() -> None:
    book = Notebook()
    book.cell("from btfkit.bpf import *\nclass Args(Struct):\n    a: u32\n    b: u64\n")
    book.cell("seen: dict[u32, u64] = {}\ncalls: u32 = 0\n\ndef twice(x: u64) -> u64:\n    return x * 2\n")
    first = "@syscall\ndef f(ctx: Args) -> i32:\n    global calls\n    calls += 1\n    seen[ctx.a] += twice(ctx.b)\n    return 1\nf"
    book.cell(first)
    run = "with load() as bpf:\n    result = bpf.f.test_run(ctx=(3, 21)).retval, dict(bpf.seen.items()), bpf.calls\nresult"
    assert book.cell(run) == (1, {3: 42}, 1)
    assert book.cell("twice(4)") == 8
    book.cell(first.replace("return 1", "return 2"))  # run again, edited: the old one is still in _3
    assert book.cell(run) == (2, {3: 42}, 1)
    assert book.cell("with load() as bpf:\n    names = list(bpf.programs)\nnames") == ["f"]


def test_errors_in_a_notebook_name_the_cell() -> None:
    book = Notebook()
    book.cell("from btfkit.bpf import *\nm: dict[u32] = {}\n@syscall\ndef f(ctx: u32[1]) -> i32:\n    return 1.5\n")
    with pytest.raises(SourceError) as caught:
        book.cell("load()")
    text = str(caught.value)
    assert "<ipython-input-1-0123456789ab>:2:1: error: map 'm'" in text
    assert "<ipython-input-1-0123456789ab>:5:12: error: 1.5 is not an integer\n    return 1.5\n" in text


# -- this module's own programs, as a user's test module has them --------------------------------------------

totals: dict[u32, u64] = {}
step: u64 = 2


def advance(value: u64) -> u64:
    return value * 10 + step


@syscall
def add(ctx: u64[2]) -> i32:
    totals[u32(ctx[0])] += advance(ctx[1])
    return 0


def test_a_pure_function_is_called() -> None:
    assert advance(u64(4)) == 42


def test_programs_of_the_module_that_calls() -> None:
    with load(variables={"step": 3}) as bpf:
        assert bpf.add.test_run(ctx=[7, 4]).retval == 0
        assert dict(bpf.totals.items()) == {7: 43}


def test_without_the_kernel() -> None:
    obj = btfkit.compile_namespace(globals(), byte_order="big")
    assert "add" in [function.name for function in obj.functions]
    assert [declared.name for declared in obj.maps] == ["totals"]


def test_kernel_types_reach_the_compiler() -> None:
    with load(globals(), btf=btfkit.read_btf("/sys/kernel/btf/vmlinux")) as bpf:
        assert bpf.add.test_run(ctx=[1, 1]).retval == 0
