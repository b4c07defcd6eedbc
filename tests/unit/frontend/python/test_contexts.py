"""Parameters by the names that the kernel has: where each lies in the context, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.frontend.python.small_kernel import checked, said

from btfkit.frontend.python import ir
from btfkit.frontend.python.declared import FunctionInfo


def declared(text: str, **more: str) -> FunctionInfo:
    return next(iter(checked(text, **more).functions.values()))


def base_load(value: Any, earlier: dict[Any, Any] | None = None) -> ir.Load:
    """The load from the context that a value begins with; earlier: what locals were set to."""
    while not (isinstance(value, ir.Load) and value.static):
        if isinstance(value, ir.Get):
            value = (earlier or {})[value.local]
        else:
            value = value.a if isinstance(value, ir.Cast) else value.base
    return value


def slots(info: FunctionInfo) -> dict[str, tuple[str, int]]:
    """Type and offset in the context, by parameter."""
    values = {s.local: s.value for s in info.prologue if isinstance(s, ir.Set)}
    found = {}
    for param in info.params:
        is_set = param.local in values
        found[param.name] = (param.type.name, base_load(values[param.local], values).off if is_set else -1)
    return found


TASK = "kernel.task"
FOUND = [
    ('@tp_btf("switch")\ndef prog(next, prev)', {"next": (TASK, 8), "prev": (TASK, 0)}),
    ('@raw_tracepoint("switch")\ndef prog(n, ctx)', {"n": ("u32", 16), "ctx": ("bpf_raw_tracepoint_args", -1)}),
    ('@raw_tracepoint("switch")\ndef prog(n: u64, next: kernel.task)', {"n": ("u64", 16), "next": (TASK, 8)}),
    ('@raw_tracepoint\ndef prog(a: u64, t: kernel.task)', {"a": ("u64", 0), "t": (TASK, 8)}),
    ('@fentry("run")\ndef prog(by, t)', {"by": ("i8", 16), "t": (TASK, 0)}),
    ('@fexit("run")\ndef prog(ret, t)', {"ret": ("i32", 40), "t": (TASK, 0)}),
    ('@lsm("open")\ndef prog(t)', {"t": (TASK, 0)}),
    ('@struct_ops("ops.limit")\ndef prog(sk, n: u32)', {"sk": ("kernel.sock", 0), "n": ("u32", 8)}),
    ('@struct_ops\ndef prog(sk: kernel.sock, n: u32)', {"sk": ("kernel.sock", 0), "n": ("u32", 8)}),
    ('@kprobe("run")\ndef prog(by, t)', {"by": ("i8", 96), "t": (TASK, 112)}),
    ('@kprobe("run+0x10")\ndef prog(ctx: pt_regs, t)', {"ctx": ("pt_regs", -1), "t": (TASK, 112)}),
    ('@kretprobe("run")\ndef prog(ret)', {"ret": ("i32", 80)}),
    ('@uprobe("/bin/x:f")\ndef prog(a: u64, b: i16, p: kernel.task)',
     {"a": ("u64", 112), "b": ("i16", 104), "p": (TASK, 96)}),
    ('@uretprobe("/bin/x:f")\ndef prog(ret: u32)', {"ret": ("u32", 80)}),
    ('@iter("task")\ndef prog(meta, task)', {"meta": (TASK, 0), "task": ("kernel.task | None", 8)}),
    ('@tracepoint("a/switch")\ndef prog(pid, ctx)', {"pid": ("i32", 24), "ctx": ("kernel.trace_event_raw_switch", -1)}),
    ('@tracepoint("syscalls/sys_enter_read")\ndef prog(pid)', {"pid": ("i32", 24)}),
    ('@tracepoint("a/wake")\ndef prog(ctx: kernel.trace_event_raw_wake_class, pid)',
     {"ctx": ("kernel.trace_event_raw_wake_class", -1), "pid": ("i32", 24)}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), FOUND, ids=[text.replace("\n", " ") for text, _ in FOUND])
def test_parameters(text: str, want: dict[str, tuple[str, int]]) -> None:
    info = declared(text + " -> i32:\n    return 0\n")
    assert slots(info) == want
    assert len(info.function.params) == 1 and info.context.local is info.function.params[0]


def test_registers_of_aarch64() -> None:
    info = declared('@kprobe("run")\ndef prog(by, t):\n    return 0\n', arch="aarch64")
    assert slots(info) == {"by": ("i8", 16), "t": ("kernel.task", 0)}
    info = declared('@kretprobe("run")\ndef prog(ret):\n    return 0\n', arch="aarch64")
    assert slots(info) == {"ret": ("i32", 0)}


@pytest.mark.parametrize(("arch", "regs", "offsets"), [("x86_64", 112, [112, 56]), ("aarch64", 0, [272, 24])])
def test_system_call(arch: str, regs: int, offsets: list[int]) -> None:
    """Through the address of the caller's registers, the fourth argument in a register of its own."""
    info = declared('@ksyscall("x")\ndef prog(a: u64, b: u32, c: u32, d: i32):\n    return 0\n', arch=arch)
    first, *rest = info.prologue
    assert isinstance(first, ir.Set) and base_load(first.value).off == regs
    reads = [s.value for s in rest if isinstance(s, ir.Eval)]
    at = [r.args[2].off for r in reads if isinstance(r, ir.HelperCall)]  # type: ignore[attr-defined]
    assert [at[0], at[3]] == offsets and all(r.number == 113 for r in reads)  # type: ignore[attr-defined]


def test_text_of_a_tracepoint_is_a_copy() -> None:
    info = declared('@tracepoint("a/switch")\ndef prog(comm):\n    return comm == "x"\n')
    stores = [s for s in info.prologue if isinstance(s, ir.Store)]
    assert [(base_load(s.value).off, s.off) for s in stores] == [(8, 0), (16, 8)]
    assert info.params[0].local.size == 16


def test_all_fields_of_a_record() -> None:
    text = '@tracepoint("a/switch")\ndef prog(ctx, pid, comm, name, args):\n    return pid + args[1]\n'
    assert said(text) == []


REFUSED = [
    ('@tp_btf("swich")\ndef prog(a)', "the kernel's BTF has no tracepoint 'swich'"),
    ('@tp_btf("switch")\ndef prog(nxt)', "tp_btf 'switch' has no argument 'nxt'"),
    ('@tp_btf("switch")\ndef prog(next: u32)', "'next' is kernel.task here, not u32"),
    ('@tp_btf("switch")\ndef prog(next: kernel.sock)', "'next' is kernel.task here, not kernel.sock"),
    ('@tp_btf("switch")\ndef prog(n: kernel.sock)', "'n' is u32 here, not kernel.sock"),
    ('@fentry("ran")\ndef prog(t)', "the kernel's BTF has no function 'ran'"),
    ('@fentry("run")\ndef prog(ret)', "fentry 'run' has no argument 'ret'"),
    ('@fentry("run")\ndef prog(load)', "'load' is a struct passed by value"),
    ('@fentry("run")\ndef prog(big)', "'big' is of a type that cannot be used here"),
    ('@lsm("opn")\ndef prog(t)', "the kernel's BTF has no LSM hook 'opn'"),
    ('@struct_ops("ops.most")\ndef prog(t)', "kernel.ops has no operation 'most'"),
    ('@struct_ops("nothing.most")\ndef prog(t)', "the kernel's BTF has no struct or union 'nothing'"),
    ('@kretprobe("run")\ndef prog(t)', "kretprobe 'run' has no argument 't'"),
    ('@uprobe("x:f")\ndef prog(a)', "parameter 'a' has no type"),
    ('@uprobe("x:f")\ndef prog(a: char[4])', "'a' is an integer or a kernel type here, not char[4]"),
    ('@usdt("x:f:g")\ndef prog(a: u32)', "a usdt probe's arguments are not known here"),
    ('@iter("tsk")\ndef prog(ctx)', "the kernel's BTF has no struct bpf_iter__tsk, the record of 'tsk'"),
    ('@iter("task")\ndef prog(tsk)', "kernel.bpf_iter__task has no field 'tsk'"),
    ('@tracepoint("a/wake")\ndef prog(pid)',
     "the kernel's BTF has no struct trace_event_raw_wake, the record of 'a/wake'"),
    ('@tracepoint("a/switch")\ndef prog(pid: char[4])', "'pid' is i32 here, not char[4]"),
    ('@tracepoint("a/switch")\ndef prog(ent)', "the first 8 bytes of a tracepoint's record are the kernel's"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), REFUSED, ids=[text.replace("\n", " ") for text, _ in REFUSED])
def test_refused(text: str, want: str) -> None:
    """Said once: what uses the parameter adds nothing."""
    name = text.rpartition("(")[2].rstrip(")").partition(":")[0]
    assert said(f"{text} -> i32:\n    x = {name}\n    return 0\n") == [want]
