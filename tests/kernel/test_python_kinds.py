"""Every kind of programs, written in Python: a least program loads; so do those that use all that its context has."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.kernel.python_support import build, loaded
from tests.kernel.test_kinds_loaded import REFUSED, SLEEPABLE_TARGETS, TARGETS

from btfkit.bpf.ints import ArrayType
from btfkit.bpf.kinds import KINDS, ProgramKind
from btfkit.bpf.records import Ptr, Record
from btfkit.errors import LoadError, SourceError

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

PLAIN = [name for name in KINDS if name not in ("struct_ops", "freplace")]
"""Those that are no part of something else: of a struct of operations, of another program."""

NAMES = TARGETS | {"tracepoint": "sched/sched_switch", "tp": "sched/sched_switch", "raw_tracepoint": "sched_switch"}


def signature(kind: ProgramKind, target: str = "", options: str = "") -> str:
    """The decorator, and the function's head."""
    args = ", ".join(filter(None, (f'"{target}"' if target else "", options)))
    context = f"ctx: {kind.ctx.__name__}" if kind.args == "ctx" and kind.ctx is not None else "ctx"
    parameter = "ctx: u64[2]" if kind.name == "syscall" else "ctx: xdp_md" if kind.name == "freplace" else context
    return (
        f"@{kind.name}({args})\ndef run({parameter}) -> i32:\n"
        if args
        else f"@{kind.name}\ndef run({parameter}) -> i32:\n"
    )


def default(kind: ProgramKind) -> int:
    """What it returns by default, as an i32."""
    return kind.default - (1 << 32) if kind.default >> 31 > 0 else kind.default


def load_or_refused(folder: Path, kind: ProgramKind, text: str) -> None:
    try:
        loaded(folder, text).close()
    except LoadError as error:
        assert error.errno in REFUSED.get(kind.name, ()), f"{error}\n{error.log}"
        assert error.errno != errno.EPERM or not error.log


@pytest.mark.parametrize("name", PLAIN)
def test_least_program(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    text = f"runs: u64 = 0\n\n{signature(kind, NAMES.get(name, ''))}    global runs\n    runs += 1\n    return {default(kind)}\n"
    load_or_refused(tmp_path, kind, text)


@pytest.mark.parametrize("name", [name for name in PLAIN if KINDS[name].sleepable])
def test_sleepable(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    target = SLEEPABLE_TARGETS.get(name, NAMES.get(name, ""))
    head = signature(kind, target, "sleepable=True")
    load_or_refused(tmp_path, kind, f"{head}    return {default(kind)}\n")


@pytest.mark.parametrize("name", [name for name in PLAIN if KINDS[name].target == "optional"])
def test_without_a_target(tmp_path: Path, name: str) -> None:
    """It is attached to what the loader says."""
    kind = KINDS[name]
    load_or_refused(tmp_path, kind, f"{signature(kind)}    return {default(kind)}\n")


@pytest.mark.parametrize("name", [name for name in PLAIN if KINDS[name].target == "required"])
def test_a_target_that_is_needed(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    with pytest.raises((SourceError, TypeError), match=f"@{name} needs a target"):
        build(tmp_path, signature(kind) + "    return 0\n")


def read(name: str, type_: object) -> str:
    """A statement that reads a field."""
    if isinstance(type_, ArrayType):
        return f"seen += ctx.{name}[0]"
    if isinstance(type_, Ptr) or (isinstance(type_, type) and issubclass(type_, Record)):
        return f"seen += 1 if ctx.{name} is not None else 0"
    return f"seen += ctx.{name}"


WITH_FIELDS = [name for name in PLAIN if KINDS[name].args == "ctx"]


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_every_field_is_read(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    assert kind.ctx is not None
    fields = {f.name: f.type for f in kind.ctx.__layout__.fields.values() if f.name not in kind.hidden}
    lines = [f"    {read(*field)}\n" for field in fields.items()]
    text = f"seen: u64 = 0\n\n{signature(kind)}    global seen\n{''.join(lines)}    return {default(kind)}\n"
    load_or_refused(tmp_path, kind, text)


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_fields_that_are_written(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    assert kind.ctx is not None
    writable = kind.ctx.writable if kind.writable is None else kind.writable
    lines = []
    for field in kind.ctx.__layout__.fields.values():
        if field.name in writable:
            place = f"ctx.{field.name}[0]" if isinstance(field.type, ArrayType) else f"ctx.{field.name}"
            lines.append(f"    {place} = 1\n")
    load_or_refused(tmp_path, kind, f"{signature(kind)}{''.join(lines)}    return {default(kind)}\n")


@pytest.mark.parametrize("name", [name for name in WITH_FIELDS if KINDS[name].hidden])
def test_fields_that_it_cannot_read(tmp_path: Path, name: str) -> None:
    """Each is a diagnostic, before the kernel is asked."""
    kind = KINDS[name]
    assert kind.ctx is not None
    fields = [kind.ctx.__layout__.fields[name] for name in sorted(kind.hidden)]
    lines = [f"    {read(field.name, field.type)}\n" for field in fields]
    text = f"seen: u64 = 0\n\n{signature(kind)}    global seen\n{''.join(lines)}    return {default(kind)}\n"
    with pytest.raises(SourceError) as caught:
        build(tmp_path, text)
    found = str(caught.value)
    assert [field.name for field in fields if f"has no {kind.ctx.__name__}.{field.name}\n" not in found] == []
