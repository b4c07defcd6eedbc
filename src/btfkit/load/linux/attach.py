"""Attach a program to what its type is for.

In: a loaded program, a target, options; what its section's name says stands in for what is not given. Out: a `Link`, or
a `LinkGroup` where there are several. LoadError says what is wanted, or what the kernel refuses.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from btfkit.errors import LoadError

from . import attach_net as net
from . import attach_trace as trace
from .links import Link, LinkGroup
from .uapi import AttachType, ProgType

if TYPE_CHECKING:
    from .loaded import LoadedProgram

__all__ = ["attach", "attach_all"]

AnyLink = Link | LinkGroup
Attacher = Callable[..., AnyLink]

_P = ProgType
_ATTACHERS: dict[ProgType, Attacher] = {
    _P.XDP: net.xdp,
    _P.SCHED_CLS: net.sched_cls,
    _P.NETFILTER: net.netfilter,
    _P.SOCKET_FILTER: net.socket_filter,
    _P.SK_REUSEPORT: net.socket_filter,
    _P.SK_LOOKUP: net.netns,
    _P.FLOW_DISSECTOR: net.netns,
    _P.SK_SKB: net.sockmap,
    _P.SK_MSG: net.sockmap,
    **dict.fromkeys(
        (_P.CGROUP_SKB, _P.CGROUP_SOCK, _P.CGROUP_SOCK_ADDR, _P.CGROUP_DEVICE, _P.CGROUP_SYSCTL, _P.CGROUP_SOCKOPT,
         _P.SOCK_OPS),
        net.cgroup,
    ),
    _P.RAW_TRACEPOINT: trace.raw_tracepoint,
    _P.RAW_TRACEPOINT_WRITABLE: trace.raw_tracepoint,
    _P.TRACEPOINT: trace.tracepoint,
    _P.TRACING: trace.loaded_for,
    _P.LSM: trace.loaded_for,
    _P.EXT: trace.loaded_for,
    _P.PERF_EVENT: trace.perf_event,
}  # fmt: skip

_PROBES: dict[str, Attacher] = {
    "kprobe": trace.kprobe,
    "kretprobe": trace.kprobe,
    "ksyscall": trace.ksyscall,
    "kretsyscall": trace.ksyscall,
    "kprobe.multi": trace.kprobe_multi,
    "kretprobe.multi": trace.kprobe_multi,
    "kprobe.session": trace.kprobe_multi,
    "uprobe": trace.uprobe,
    "uretprobe": trace.uprobe,
    "uprobe.multi": trace.uprobe_multi,
    "uretprobe.multi": trace.uprobe_multi,
    "uprobe.session": trace.uprobe_multi,
}
"""By what the section's name says: to the kernel they are all of one type."""

_OTHERWISE = {
    _P.SYSCALL: "is not attached but run: test_run()",
    _P.SCHED_ACT: "is attached as an action of a tc filter, with tc(8)",
    **dict.fromkeys((_P.LWT_IN, _P.LWT_OUT, _P.LWT_XMIT, _P.LWT_SEG6LOCAL), "is attached to a route, with ip(8)"),
}


def attach(program: LoadedProgram, target: Any = None, **options: Any) -> AnyLink:
    """Attach a program; `LoadedProgram.attach` says to what, and which options there are."""
    thing = f"program '{program.name}'"
    attacher = _attacher(program)
    known = [p.name for p in inspect.signature(attacher).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (near: {near[0]})" if near else f" (there are {', '.join(known)})" if known else ""
            raise LoadError(f"attaching it knows no option '{name}'{hint}", thing=thing)
    try:
        return attacher(program, target, **options)
    except LoadError as error:
        raise error.at(thing=thing) from None


def attach_all(programs: Iterable[LoadedProgram]) -> LinkGroup:
    """Attach every program whose section's name says where. LoadError where one cannot be, or none says it."""
    chosen = [program for program in programs if _says_where(program)]
    if not chosen:
        raise LoadError("no program's section says what it attaches to: attach them one by one, each to its target")
    with ExitStack() as undo:
        group = LinkGroup([undo.enter_context(program.attach()) for program in chosen])
        undo.pop_all()
        return group


def _attacher(program: LoadedProgram) -> Attacher:
    type_, attach_type = program.plan.prog_type, program.plan.expected_attach_type
    says = program.plan.says.removesuffix(".s")
    if type_ == ProgType.KPROBE and says in _PROBES:
        return _PROBES[says]
    if type_ == ProgType.TRACING and attach_type == AttachType.TRACE_ITER:
        return trace.iterator
    if type_ == ProgType.LSM and attach_type == AttachType.LSM_CGROUP:
        return net.cgroup
    if type_ in _ATTACHERS:
        return _ATTACHERS[type_]
    word = says or (type_.name.lower() if type_ is not None else "unknown")
    otherwise = _OTHERWISE.get(type_) if type_ is not None else None
    raise LoadError(otherwise or f"there is no way here to attach a program of type {word}", thing=_thing(program))


def _says_where(program: LoadedProgram) -> bool:
    """An iterator's target is what it goes over: it runs when it is read."""
    return bool(program.plan.target) and _attacher(program) not in (trace.iterator, net.cgroup)


def _thing(program: LoadedProgram) -> str:
    return f"program '{program.name}'"
