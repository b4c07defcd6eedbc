"""A kernel of a few types, written by hand, and programs compiled for it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from btfkit.errors import SourceError
from btfkit.format.kinds import IntEncoding
from btfkit.frontend.python import Options, compile_namespace
from btfkit.frontend.python.build import check
from btfkit.frontend.python.module import run_text
from btfkit.frontend.python.unit import Unit
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.object import BpfObject

PATH = "prog.py"
SIGNED = IntEncoding.SIGNED


def small_kernel(*, shift: int = 0, byte_order: str = "little") -> Btf:
    """shift: bytes of padding that another version has before the fields of ``struct task``."""
    b = Builder()
    types = {
        "int": b.add(t.Int("int", 4, SIGNED)),
        "char": b.add(t.Int("char", 1, SIGNED)),
        "u8": b.add(t.Int("unsigned char", 1)),
        "u32": b.add(t.Int("unsigned int", 4)),
        "u64": b.add(t.Int("long unsigned int", 8)),
        "bool": b.add(t.Int("_Bool", 1, IntEncoding.BOOL)),
        "wide": b.add(t.Int("__int128", 16, SIGNED)),
    }
    state = b.add(t.Enum("state", 4, (t.EnumValue("RUNNING", 0), t.EnumValue("STOPPED", 1))))
    void_ptr = b.add(t.Ptr(0))
    comm = b.add(t.Array(types["char"], types["u32"], 16))
    numbers = b.add(t.Array(types["u32"], types["u32"], 4))
    load = b.add(t.Struct("load", 8, (t.Member("weight", types["u32"], 0), t.Member("inv", types["u32"], 32))))
    loads = b.add(t.Array(load, types["u32"], 3))
    rest = b.add(t.Array(types["u64"], types["u32"], 0))
    pid_t = b.add(t.Typedef("pid_t", types["int"]))
    task, mm, sock = b.reserve(), b.reserve(), b.reserve()
    task_ptr, mm_ptr, sock_ptr = b.add(t.Ptr(task)), b.add(t.Ptr(mm)), b.add(t.Ptr(sock))
    text_ptr = b.add(t.Ptr(b.add(t.Const(types["char"]))))
    user_ptr = b.add(t.Ptr(b.add(t.TypeTag("user", task))))
    both = b.add(t.Union("", 8, (t.Member("low", types["u32"], 0), t.Member("whole", types["u64"], 0))))
    at = shift * 8
    b.set(
        task,
        t.Struct(
            "task",
            168 + shift,
            (
                t.Member("pid", pid_t, at),
                t.Member("state", state, at + 32),
                t.Member("flag", types["u32"], at + 64, 3),
                t.Member("level", types["int"], at + 64 + 3, 5),
                t.Member("is_idle", types["bool"], at + 96),
                t.Member("mm", mm_ptr, at + 128),
                t.Member("comm", comm, at + 192),
                t.Member("load", load, at + 320),
                t.Member("", both, at + 384),
                t.Member("numbers", numbers, at + 448),
                t.Member("loads", loads, at + 576),
                t.Member("user", user_ptr, at + 768),
                t.Member("parent", task_ptr, at + 832),
                t.Member("note", text_ptr, at + 896),
                t.Member("wide", types["wide"], at + 1024),
                t.Member("rest", rest, at + 1152),
            ),
            kind_flag=True,
        ),
    )
    b.set(mm, t.Struct("mm_struct", 16, (t.Member("pgd", types["u64"], 0), t.Member("exe_file", sock_ptr, 64))))
    b.set(sock, t.Struct("sock", 8, (t.Member("load", load, 0),)))

    def func(name: str, returns: int, *params: tuple[str, int]) -> int:
        proto = b.add(t.FuncProto(returns, tuple(t.Param(*param) for param in params)))
        return b.add(t.Func(name, proto))

    func("__probestub_switch", 0, ("__data", void_ptr), ("prev", task_ptr), ("next", task_ptr), ("n", types["u32"]))
    func("run", types["int"], ("t", task_ptr), ("load", load), ("by", types["char"]), ("big", types["wide"]))
    func("bpf_lsm_open", types["int"], ("t", task_ptr))
    void_proto = b.add(t.FuncProto(types["u32"], (t.Param("", sock_ptr), t.Param("", types["u32"]))))
    b.add(t.Struct("ops", 8, (t.Member("limit", b.add(t.Ptr(void_proto)), 0),)))
    b.add(t.Struct("bpf_iter__task", 16, (t.Member("meta", task_ptr, 0), t.Member("task", task_ptr, 64))))
    record = (
        t.Member("ent", types["u64"], 0),
        t.Member("comm", comm, 64),
        t.Member("pid", types["int"], 192),
        t.Member("__data_loc_name", types["u32"], 224),
        t.Member("args", numbers, 256),
    )
    b.add(t.Struct("trace_event_raw_switch", 48, record))
    b.add(t.Struct("trace_event_raw_wake_class", 48, record))
    b.add(t.Struct("trace_event_raw_sys_enter", 48, record))
    kfuncs = [
        func("bpf_task_find", task_ptr, ("pid", types["int"])),
        func("bpf_task_put", 0, ("p", task_ptr)),
        func("bpf_text_len", types["int"], ("s__ign", text_ptr)),
        func("bpf_read", types["int"], ("mem", void_ptr), ("mem__sz", types["u32"]), ("flag__k", types["u32"])),
        func("bpf_maybe", types["u64"], ("p__nullable", task_ptr), ("aux__prog", void_ptr)),
    ]
    for kfunc in kfuncs:
        b.add(t.DeclTag("bpf_kfunc", kfunc))
    return b.build(byte_order=byte_order)


def source(text: str) -> str:
    return "from btfkit.bpf import *\n" + textwrap.dedent(text)


def options(text: str, btf: Btf | None, **more: str) -> Options:
    return Options(kernel_btf=btf, texts={PATH: text}, **more)  # type: ignore[arg-type]


def checked(text: str, btf: Btf | None = None, **more: str) -> Unit:
    """A program's functions, checked against the small kernel."""
    text = source(text)
    namespace = run_text(text, PATH)
    namespace_path = namespace["__file__"]
    told = options(text, btf or small_kernel(), **more)
    told.texts[namespace_path] = text
    return check(namespace, PATH, told)


def built(text: str, btf: Btf | None = None, **more: str) -> BpfObject:
    text = source(text)
    namespace = run_text(text, PATH)
    told = options(text, btf or small_kernel(), **more)
    told.texts[namespace["__file__"]] = text
    return compile_namespace(namespace, PATH, told)


def said(text: str) -> list[str]:
    """The first lines of its diagnostics, without the place."""
    try:
        checked(text)
    except SourceError as error:
        return [line.partition("error: ")[2] for line in str(error).splitlines() if ": error: " in line]
    return []


def paths(unit: Unit, btf: Btf) -> Sequence[tuple[str, tuple[int, ...], int, int]]:
    """(struct, access, kind, value) of each relocation."""
    return [(btf[r.type_id].name, r.access, r.kind, r.value) for r in unit.relocations.values()]
