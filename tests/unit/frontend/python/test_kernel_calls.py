"""Calls of kfuncs and helpers: what becomes of arguments and results, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.frontend.python.small_kernel import built, checked, said
from tests.unit.frontend.python.test_kernel_fields import nodes

from btfkit.bpf.helper_table import HELPERS
from btfkit.frontend.python import ir
from btfkit.frontend.python.helper_calls import signature

SYSCALL = """
class Args(Struct):
    n: u64
    text: char[16]

counts: dict[u32, u64] = {{}}
flows: dict[u32, Args] = {{}}
total: u64 = 0

def each(m: u64, k: u64, v: u64, c: u64) -> i64:
    return 0

@syscall
def prog(args: Args) -> i32:
    memory = u64[1]()
    {}
    return 0
"""
XDP = "@xdp\ndef prog(ctx: xdp_md) -> XdpAction:\n    memory = u64[1]()\n    {}\n    return XDP_PASS\n"


def calls(text: str, kind: type[Any]) -> list[tuple[Any, list[str]]]:
    """The calls of the program, each with its arguments in a word."""
    unit = checked(text)
    program = next(info for info in unit.functions.values() if info.name == "prog")
    found = list(nodes(program.function.body))
    held = {node.local: node.value for node in found if isinstance(node, ir.Set) and node.local.is_temp}
    return [(node, [shown(arg, held) for arg in node.args]) for node in found if isinstance(node, kind)]


def shown(value: ir.Expr, held: dict[ir.Local, ir.Expr]) -> str:
    """An argument, in a word."""
    match value:
        case ir.Const(value=number):
            return str(number)
        case ir.Text(data=data):
            return repr(data)
        case ir.SymbolAddr(symbol=symbol):
            return f"&{symbol.name}"
        case ir.FunctionAddr(function=function):
            return f"&{function.symbol}"
        case ir.Offset(base=base, off=off):
            return f"{shown(base, held)}+{off}"
        case ir.Get(local=local):
            return shown(held[local], held) if local in held else local.name
        case ir.LocalAddr(local=local):
            return f"&{local.name}"
    return "value"


HELPER_CALLS = [
    (SYSCALL, "ktime_get_ns()", (5, [])),
    (SYSCALL, "get_current_comm(args.text)", (16, ["args+8", "16"])),
    (SYSCALL, "get_current_comm(args.text, 8)", (16, ["args+8", "8"])),
    (SYSCALL, "get_current_comm(size_of_buf=8, buf=args)", (16, ["args", "8"])),
    (SYSCALL, "strtoul('12', 0, memory)", (105 + 1, ["b'12'", "2", "0", "&memory"])),
    (SYSCALL, "strtoul(b'12', 1, 0, args.n)", (106, ["b'12'", "1", "0", "args"])),
    (SYSCALL, "strtoul(b'12', flags=0, res=total)", (106, ["b'12'", "2", "0", "&total"])),
    (SYSCALL, "strncmp(args.text, 4, 'abc')", (182, ["args+8", "4", "b'abc\\x00'"])),
    (SYSCALL, "strncmp(args.text, 'abc')", (182, ["args+8", "16", "b'abc\\x00'"])),
    (SYSCALL, "map_lookup_elem(counts, 3)", (1, ["&counts", "&m"])),
    (SYSCALL, "map_delete_elem(counts, args.n)", (3, ["&counts", "&m"])),
    (SYSCALL, "map_update_elem(flows, 3, args, 1)", (2, ["&flows", "&m", "&m", "1"])),
    (SYSCALL, "probe_read_kernel(memory, unsafe_ptr=args.n)", (113, ["&memory", "8", "value"])),
    (SYSCALL, "probe_read_kernel(memory, 4, cast(kernel.task, args.n))", (113, ["&memory", "4", "value"])),
    (SYSCALL, "trace_printk('%d', 7)", (6, ["b'%d\\x00'", "3", "7"])),
    (SYSCALL, "for_each_map_elem(counts, each, None, 0)", (164, ["&counts", "&each", "0", "0"])),
    (SYSCALL, "csum_diff(None, memory, seed=3)", (28, ["0", "0", "&memory", "8", "3"])),
    (XDP, "xdp_adjust_head(ctx, -4)", (44, ["ctx", "-4"])),
    (XDP, "xdp_adjust_head(-4)", (44, ["ctx", "-4"])),
    (XDP, "xdp_load_bytes(ctx, 2, memory)", (189, ["ctx", "2", "&memory", "8"])),
    (XDP, "xdp_load_bytes(ctx, 2, memory, 3)", (189, ["ctx", "2", "&memory", "3"])),
    (XDP, "xdp_load_bytes(2, memory)", (189, ["ctx", "2", "&memory", "8"])),
    (XDP, "xdp_get_buff_len()", (188, ["ctx"])),
    (XDP, "sk_lookup_tcp(memory, netns=0, flags=0)", (84, ["ctx", "&memory", "8", "0", "0"])),
]


@pytest.mark.parametrize(("program", "text", "want"), HELPER_CALLS, ids=[text for _, text, _ in HELPER_CALLS])
def test_helper_calls(program: str, text: str, want: tuple[int, list[str]]) -> None:
    made = [(call.number, args) for call, args in calls(program.format(text), ir.HelperCall)]
    assert want in made


RESULTS = [
    (SYSCALL, "x: u64 = ktime_get_ns()"),
    (SYSCALL, "v = map_lookup_elem(flows, 3)\n    if v is not None: v.n += 1"),
    (SYSCALL, "v = map_lookup_elem(counts, 3)\n    if v is not None: total = read_kernel(u64, v)"),
    (XDP, "sk = sk_lookup_tcp(memory, 0, 0)\n    if sk is not None: sk_release(sk)"),
    (XDP, "sk = sk_lookup_tcp(memory, 0, 0)\n    if sk is not None and sk.src_port: sk_release(sk)"),
]


@pytest.mark.parametrize(("program", "text"), RESULTS, ids=[text for _, text in RESULTS])
def test_results_are_usable(program: str, text: str) -> None:
    assert said(program.format(text)) == []


HELPER_MISTAKES = [
    (SYSCALL, "map_lookup_elem(5, 1)", "a map is needed, not 5"),
    (SYSCALL, "map_lookup_elem(counts)", "map_lookup_elem() needs 'key'"),
    (SYSCALL, "map_lookup_elem(counts, 'x')", "'key' is u32, not 'x'"),
    (SYSCALL, "get_current_comm(None)", "'buf' is memory, not None"),
    (SYSCALL, "get_current_comm('text')", "'buf' is memory, not 'text'"),
    (SYSCALL, "get_current_comm(args.n)", "'buf' is memory, not u64"),
    (SYSCALL, "strtoul('1', 0, 5)", "'res' is memory for a number: u64[1](), a field, a variable"),
    (SYSCALL, "strncmp('abc', 3, counts)", "'s2' is constant text, not map 'counts'"),
    (SYSCALL, "for_each_map_elem(counts, 3, None, 0)", "'callback_fn' is a function of the program, not 3"),
    (SYSCALL, "ktime_get_ns(1)", "ktime_get_ns() takes 0 arguments, not 1"),
    (SYSCALL, "redirect(flags=1)", "redirect() needs 'ifindex'"),
    (SYSCALL, "redirect(1, 0, foo=1)", "redirect() has no argument 'foo' left"),
    (SYSCALL, "redirect(1, ifindex=1)", "redirect() has no argument 'ifindex' left"),
    (SYSCALL, "redirect('lo', 0)", "'ifindex' is u32, not 'lo'"),
    (SYSCALL, "trace_printk('%d', 1, 2, 3, 4)", "trace_printk() has registers for 5 arguments"),
    (SYSCALL, "sk_release(None)", "'sock' is a pointer to sock_common, not None"),
    (XDP, "sk_fullsock(memory)", "'sk' is a pointer to bpf_sock, not u64[1]"),
    (XDP, "xdp_load_bytes(ctx, 1, memory, 4, 5)", "xdp_load_bytes() takes 4 arguments, not 5"),
    (XDP, "sk_release(sk_lookup_tcp(memory, 0, 0))", "'sock' may be None here"),
]


@pytest.mark.parametrize(("program", "text", "want"), HELPER_MISTAKES, ids=[text for _, text, _ in HELPER_MISTAKES])
def test_helper_mistakes(program: str, text: str, want: str) -> None:
    assert said(program.format(text)) == [want]


def test_signature() -> None:
    assert signature(HELPERS["csum_diff"]) == (
        "csum_diff(from: mem?, from_size: size, to: mem?, to_size: size, seed: u32) -> i64"
    )


KFUNC_CALLS = [
    ("kfunc.bpf_task_find(3)", ("bpf_task_find", ["3"])),
    ("kfunc.bpf_task_find(pid=args.n)", ("bpf_task_find", ["value"])),
    ("kfunc.bpf_text_len('abc')", ("bpf_text_len", ["b'abc\\x00'"])),
    ("kfunc.bpf_read(memory, 4)", ("bpf_read", ["&memory", "8", "4"])),
    ("kfunc.bpf_read(memory, 3, 4)", ("bpf_read", ["&memory", "3", "4"])),
    ("kfunc.bpf_read(mem=args, flag=1)", ("bpf_read", ["args", "24", "1"])),
    ("kfunc.bpf_read(None, 4)", ("bpf_read", ["0", "0", "4"])),
    ("kfunc.bpf_maybe(None)", ("bpf_maybe", ["0", "0"])),
    ("kfunc.bpf_maybe(kfunc.bpf_task_find(1))", ("bpf_maybe", ["value", "0"])),
    ("t = kfunc.bpf_task_find(1)\n    if t is not None: kfunc.bpf_task_put(t)", ("bpf_task_put", ["t"])),
]


@pytest.mark.parametrize(("text", "want"), KFUNC_CALLS, ids=[text for text, _ in KFUNC_CALLS])
def test_kfunc_calls(text: str, want: tuple[str, list[str]]) -> None:
    made = [(call.symbol, args) for call, args in calls(SYSCALL.format(text), ir.ExternCall)]
    assert want in made


KFUNC_MISTAKES = [
    ("kfunc.bpf_task_fond(1)", "the kernel's BTF has no function 'bpf_task_fond'"),
    ("kfunc.run(1)", "'run' is a function of the kernel that programs may not call"),
    ("kfunc.bpf_task_find()", "'bpf_task_find' needs 'pid'"),
    ("kfunc.bpf_task_find(1, 2)", "'bpf_task_find' takes 1 arguments, not 2"),
    ("kfunc.bpf_task_find('x')", "'pid' is i32, not 'x'"),
    ("kfunc.bpf_task_find(1, pid=2)", "'bpf_task_find' has no argument 'pid' left"),
    ("kfunc.bpf_task_put(kfunc.bpf_task_find(1))", "'p' may be None here"),
    ("kfunc.bpf_task_put(5)", "'p' is a pointer to task, not 5"),
    ("kfunc.bpf_task_put(cast(kernel.sock, args.n))", "'p' is a pointer to task, not kernel.sock"),
    ("kfunc.bpf_read(memory, 3, args.n)", "'flag' must be a constant"),
]


@pytest.mark.parametrize(("text", "want"), KFUNC_MISTAKES, ids=[text for text, _ in KFUNC_MISTAKES])
def test_kfunc_mistakes(text: str, want: str) -> None:
    assert said(SYSCALL.format(text)) == [want]


def test_kfunc_in_the_object() -> None:
    """Its prototype is the kernel's, with no more of the structs than their names."""
    obj = built(SYSCALL.format("kfunc.bpf_task_find(3)"))
    names = {obj.btf.instance(i).name: i for i in obj.btf.inst_ids()}
    proto = obj.btf.func_proto(obj.btf.instance(names["bpf_task_find"]).type_id)
    assert proto is not None and [p.name for p in proto.params] == ["pid"]
    target = obj.btf.resolved(obj.btf.resolved(proto.return_type).type_id)  # type: ignore[attr-defined]
    assert (target.name, target.members) == ("task", ())  # type: ignore[attr-defined]
