"""Fields of the kernel's structs: how they are read, and which relocations that needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.frontend.python.small_kernel import built, checked, paths, said, small_kernel

from btfkit.format.ext import CoreRelo
from btfkit.frontend.python import ir
from btfkit.load.core import resolve_core
from btfkit.model import types as t

OFFSET, SIZE, EXISTS = CoreRelo.FIELD_BYTE_OFFSET, CoreRelo.FIELD_BYTE_SIZE, CoreRelo.FIELD_EXISTS
LEFT, RIGHT = CoreRelo.FIELD_LSHIFT_U64, CoreRelo.FIELD_RSHIFT_U64


def nodes(value: Any) -> Iterator[Any]:
    """All of a function's statements and expressions."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from nodes(item)
    elif isinstance(value, (ir.Expr, ir.Stmt)):
        yield value
        for cls in type(value).__mro__:
            for name in getattr(cls, "__slots__", ()):
                yield from nodes(getattr(value, name))


def body(text: str, **more: str) -> list[Any]:
    unit = checked(text, **more)
    return list(nodes(next(iter(unit.functions.values())).function.body))


FIELDS = [
    ("next.pid", [("task", (0, 0), OFFSET, 0)]),
    ("next.state", [("task", (0, 1), OFFSET, 4)]),
    ("next.is_idle", [("task", (0, 4), OFFSET, 12)]),
    ("next.load.inv", [("task", (0, 7, 1), OFFSET, 44)]),
    ("next.low", [("task", (0, 8, 0), OFFSET, 48)]),
    ("next.numbers[2]", [("task", (0, 9, 2), OFFSET, 64)]),
    ("next.numbers[-1]", [("task", (0, 9, 3), OFFSET, 68)]),
    ("next.loads[1].inv", [("task", (0, 10, 1, 1), OFFSET, 84)]),
    ("next.mm.pgd", [("task", (0, 5), OFFSET, 16), ("mm_struct", (0, 0), OFFSET, 0)]),
    ("next[2].pid", [("task", (2, 0), OFFSET, 2 * 168)]),
    ("next.rest[1]", [("task", (0, 15, 1), OFFSET, 152)]),
    ("field_exists(next.mm)", [("task", (0, 5), EXISTS, 1)]),
    ("field_exists(next.mm.pgd)", [("task", (0, 5), OFFSET, 16), ("mm_struct", (0, 0), EXISTS, 1)]),
    ("field_exists(kernel.task.load.inv)", [("task", (0, 7, 1), EXISTS, 1)]),
    ("field_exists(kernel.task.mm.pgd)", [("mm_struct", (0, 0), EXISTS, 1)]),
    ("type_exists(kernel.task)", [("task", (0,), CoreRelo.TYPE_EXISTS, 1)]),
]


@pytest.mark.parametrize("section", ["raw_tracepoint", "tp_btf"])
@pytest.mark.parametrize(("text", "want"), FIELDS, ids=[text for text, _ in FIELDS])
def test_relocations(text: str, want: list[Any], section: str) -> None:
    """One for a path through structs in structs, a new one behind each pointer."""
    program = f'@{section}("switch")\ndef prog(next):\n    return {text} != 0\n'
    btf = small_kernel()
    found = [path for path in paths(checked(program, btf), btf) if path in want]
    assert found == want


def test_trusted_is_loaded_and_the_rest_is_probed() -> None:
    text = '@{}("switch")\ndef prog(next):\n    return next.mm.pgd != 0\n'
    direct, probed = (body(text.format(section)) for section in ("tp_btf", "raw_tracepoint"))
    assert not [n for n in direct if isinstance(n, ir.HelperCall)]
    assert [n.number for n in probed if isinstance(n, ir.HelperCall)] == [113, 113]


def test_text_is_a_copy() -> None:
    found = body('@tp_btf("switch")\ndef prog(next):\n    return next.comm == "init"\n')
    calls = [n for n in found if isinstance(n, ir.HelperCall)]
    assert [(n.number, n.args[1].value) for n in calls] == [(113, 16)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("byte_order", "lefts"), [("little", (61, 56)), ("big", (32, 35))])
def test_bitfields(byte_order: str, lefts: tuple[int, int]) -> None:
    """As libbpf's BPF_CORE_READ_BITFIELD_PROBED has it: the word, shifted to the top and down again."""
    btf = small_kernel(byte_order=byte_order)
    unit = checked(
        '@tp_btf("switch")\ndef prog(next):\n    return next.flag + next.level\n', btf, byte_order=byte_order
    )
    flag = [("task", (0, 2), OFFSET, 8), ("task", (0, 2), SIZE, 4), ("task", (0, 2), LEFT, lefts[0])]
    level = [("task", (0, 3), OFFSET, 8), ("task", (0, 3), SIZE, 4), ("task", (0, 3), LEFT, lefts[1])]
    flag.append(("task", (0, 2), RIGHT, 61))
    level.append(("task", (0, 3), RIGHT, 59))
    assert sorted(paths(unit, btf)) == sorted([*flag, *level])


PROGRAM = """
@tp_btf("switch")
def prog(prev, next):
    i: u32 = prev.pid
    x = next.loads[2].weight + next.low + next.flag + next.numbers[i]
    return x + next.parent.load.inv if field_exists(next.level) else 0
"""


def test_object_moves_to_another_kernel() -> None:
    """What the object says of the types is enough to find the fields where they are elsewhere."""
    shift = 24
    obj = built(PROGRAM)
    records = obj.ext.records("core_relo", "tp_btf/switch")
    assert records
    for record in records:
        steps = [int(step) for step in record.access.split(":")]
        root = obj.btf[record.type_id]
        assert isinstance(root, t.Struct) and root.name in ("task", "load", "mm_struct") and steps[0] == 0
    here, there = (resolve_core(obj.btf, records, small_kernel(shift=far)) for far in (0, shift))
    moved = 0
    for record, old, new in zip(records, here, there, strict=True):
        assert not old.lack and not new.lack
        is_moved = record.kind == OFFSET and obj.btf[record.type_id].name == "task"
        assert new.number - old.number == shift * is_moved, record
        moved += is_moved
    assert moved >= 6


def test_object_has_no_more_types_than_it_needs() -> None:
    obj = built('@tp_btf("switch")\ndef prog(next):\n    return next.load.inv\n')
    task = next(type_ for _, type_ in obj.btf if isinstance(type_, t.Struct) and type_.name == "task")
    load = next(type_ for _, type_ in obj.btf if isinstance(type_, t.Struct) and type_.name == "load")
    assert (task.size, [m.name for m in task.members]) == (168, ["load"])
    assert (load.size, [(m.name, m.bit_off) for m in load.members]) == (8, [("inv", 32)])
    (record,) = obj.ext.records("core_relo", "tp_btf/switch")
    assert record.access == "0:0:0"


MISTAKES = [
    ("next.piid", "kernel.task has no field 'piid'"),
    ("next.load.wait", "kernel.load has no field 'wait'"),
    ("next.wide", "a value of the kernel's type __int128 cannot be used here"),
    ("next.numbers[4]", "index 4 of 4 elements"),
    ("next.rest[-1]", "index -1 of 0 elements"),
    ("next.mm['x']", "an index is an integer, not 'x'"),
    ("next.mm[next.pid]", "kernel.mm_struct is no array"),
    ("next.comm[16]", "index 16 of 16 elements"),
    ("next.user.pid", "pointer has no attributes"),
    ("next.note.x", "pointer has no attributes"),
    ("next.mm.exe_file.load", "kernel.sock | None: it may be None here"),
    ("cast(kernel.nothing, next).x", "the kernel's BTF has no struct or union 'nothing'"),
    ("cast(kernel.task, None)", "None is no address"),
    ("cast(kernel.task, 'x')", "'x' is no address"),
    ("field_exists(next)", "field_exists() asks for a field"),
    ("field_exists(next.pid.x)", "field_exists() asks for a field of a kernel type, not of i32"),
    ("field_exists(kernel.task.pid.x)", "kernel.task.pid has no fields"),
    ("field_exists(kernel.task.nope)", "kernel.task has no field 'nope'"),
    ("type_exists(next)", "type_exists() asks for a kernel type"),
]


@pytest.mark.parametrize(("text", "want"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistakes(text: str, want: str) -> None:
    assert said(f'@tp_btf("switch")\ndef prog(next):\n    x = {text}\n    return 0\n') == [want]


def test_kernel_memory_is_read_only() -> None:
    text = '@tp_btf("switch")\ndef prog(next):\n    next.pid = 1\n    return 0\n'
    assert said(text) == ["kernel.task: the kernel's memory can only be read"]


def test_struct_ops_may_write() -> None:
    text = '@struct_ops("ops.limit")\ndef prog(sk: kernel.sock, n):\n    sk.load.inv = n\n    return 0\n'
    assert [n for n in body(text) if isinstance(n, ir.Store)]
    assert said(text.replace("sk.load.inv = n", "sk.load = n")) == ["kernel.sock.load cannot be written"]


def test_without_btf() -> None:
    """A program that needs none never opens it; one that does says so once."""
    from tests.unit.frontend.python.small_kernel import PATH, options, source

    from btfkit.errors import SourceError
    from btfkit.frontend.python.build import check
    from btfkit.frontend.python.module import run_text

    def opens() -> Any:
        raise AssertionError("opened")

    plain = source("@xdp\ndef prog(ctx: xdp_md) -> XdpAction:\n    return XDP_PASS\n")
    namespace = run_text(plain, PATH)
    told = options(plain, opens)  # type: ignore[arg-type]
    told.texts[namespace["__file__"]] = plain
    check(namespace, PATH, told)
    needs = source("@tp_btf('switch')\ndef prog(next, prev):\n    return next.pid + prev.pid\n")
    namespace = run_text(needs, PATH)
    told = options(needs, None)
    told.texts[namespace["__file__"]] = needs
    with pytest.raises(SourceError) as caught:
        check(namespace, PATH, told)
    assert "1 error" in str(caught.value)
    assert "kernel types need the kernel's BTF" in str(caught.value)
