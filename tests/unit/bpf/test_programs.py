"""Decorators: sections, targets, options; programs in plain Python."""

from __future__ import annotations

from typing import Any

import pytest

from btfkit.bpf.kinds import KINDS
from btfkit.bpf.programs import BpfProgram, Decorator

# (kind, arguments of the decorator, options, section, default)
MADE: list[tuple[str, tuple[str, ...], dict[str, Any], str, int]] = [
    ("xdp", (), {}, "xdp", 2),
    ("xdp", (), {"default": 1}, "xdp", 1),
    ("tc", (), {}, "tc", -1),
    ("raw_tracepoint", ("sched_switch",), {}, "raw_tracepoint/sched_switch", 0),
    ("raw_tracepoint", (), {}, "raw_tracepoint", 0),
    ("kprobe", ("do_exit",), {}, "kprobe/do_exit", 0),
    ("kprobe", (), {}, "kprobe", 0),
    ("tracepoint", ("syscalls/sys_enter_openat",), {}, "tracepoint/syscalls/sys_enter_openat", 0),
    ("fentry", ("do_exit",), {"sleepable": True}, "fentry.s/do_exit", 0),
    ("lsm", ("file_open",), {"sleepable": True}, "lsm.s/file_open", 0),
    ("cgroup_skb_ingress", (), {"default": 0}, "cgroup_skb/ingress", 0),
    ("socket", (), {}, "socket", 0xFFFF_FFFF),
]


def plain(n: int) -> int:
    """Twice."""
    return 2 * n


@pytest.mark.parametrize(("kind", "args", "options", "section", "default"), MADE)
def test_section(kind: str, args: tuple[str, ...], options: dict[str, Any], section: str, default: int) -> None:
    program = Decorator(KINDS[kind])(*args, **options)(plain)
    assert (program.section, program.default, program.function) == (section, default, plain)
    assert program.__doc__ == "Twice." and program.__name__ == "plain" and program(4) == 8
    assert repr(program) == f"<BpfProgram plain: {section}>"


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.target != "required"], ids=lambda k: k.name)
def test_bare(kind: Any) -> None:
    program = Decorator(kind)(plain)
    assert isinstance(program, BpfProgram)
    assert program.section == kind.section.removesuffix("/{target}") and program.default == kind.default


MISTAKES: list[tuple[str, tuple[Any, ...], dict[str, Any], Any, str]] = [
    ("tracepoint", (), {}, plain, '@tracepoint needs a target: @tracepoint("...")'),
    ("xdp", ("eth0",), {}, plain, "@xdp takes no target, not 'eth0'"),
    ("xdp", (), {"sleepable": True}, plain, "@xdp programs cannot sleep"),
    ("xdp", (), {}, print, "@xdp is for a function written with def, not <built-in function print>"),
    ("xdp", (), {}, BpfProgram(plain, KINDS["tc"], "tc", 0), "plain is a program of another kind already"),
    ("sockops", (), {"default": 7}, plain, "@sockops programs return 0 to 1: default=7 is none of these"),
]


@pytest.mark.parametrize(("kind", "args", "options", "function", "reason"), MISTAKES, ids=[m[-1] for m in MISTAKES])
def test_mistakes(kind: str, args: tuple[Any, ...], options: dict[str, Any], function: Any, reason: str) -> None:
    with pytest.raises(TypeError) as caught:
        Decorator(KINDS[kind])(*args, **options)(function)
    assert str(caught.value) == reason


def test_bare_without_its_target() -> None:
    with pytest.raises(TypeError, match="@fentry needs a target"):
        Decorator(KINDS["fentry"])(plain)


def test_what_python_calls_by_the_same_name() -> None:
    import btfkit.bpf as vocabulary

    assert next(vocabulary.iter([3, 4])) == 3
    with pytest.raises(TypeError, match="@xdp is for a function, and its target is text, not 5"):
        vocabulary.xdp(5)
