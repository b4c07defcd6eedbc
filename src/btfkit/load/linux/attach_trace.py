"""Attach programs that trace: to tracepoints, probes, samples, what they were loaded for; iterators.

In: a loaded program, its target, options. Out: a `Link`. Source: the kernel's bpf_raw_tracepoint_open,
bpf_perf_link_attach, bpf_kprobe_multi_link_attach, bpf_uprobe_multi_link_attach, bpf_iter_link_attach.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import platform
import shutil
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

from btfkit.errors import LoadError

from .attach_net import cgroup_fd
from .fd import Fd
from .links import IterLink, Link, LinkGroup
from .raw import Buffer
from .symbols import functions, symbol_offset
from .sys import link_create, raw_tracepoint_open
from .sys_perf import EVENTS, TRACEPOINT, online_cpus, perf_enable, perf_event_open, perf_set_bpf, probe_open
from .tracefs import tracefs_lines, tracepoint_id
from .uapi import AttachType, LinkFlags

if TYPE_CHECKING:
    from .loaded import LoadedProgram

__all__ = [
    "iterator", "kprobe", "kprobe_multi", "ksyscall", "loaded_for", "perf_event", "raw_tracepoint", "tracepoint",
    "uprobe", "uprobe_multi",
]  # fmt: skip

_SYSCALL_PREFIX = {"x86_64": "__x64_", "aarch64": "__arm64_", "s390x": "__s390x_", "riscv64": "__riscv_"}
_LIBRARIES = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_MULTI_SINCE = {
    "kprobe.multi": "5.18 with CONFIG_FPROBE", "kretprobe.multi": "5.18 with CONFIG_FPROBE",
    "kprobe.session": "6.10 with CONFIG_FPROBE", "uprobe.multi": "6.6", "uretprobe.multi": "6.6",
    "uprobe.session": "6.13",
}  # fmt: skip
_UNKNOWN = frozenset({errno.EINVAL, errno.EOPNOTSUPP})
_ORDERS = {"self_only": 1, "descendants_pre": 2, "descendants_post": 3, "ancestors_up": 4}


def raw_tracepoint(program: LoadedProgram, target: Any) -> Link:
    """To a raw tracepoint: its name, by default the section's."""
    name = _text(program, target, "a raw tracepoint: its name, as 'sched_switch'")
    try:
        return Link(program, f"raw tracepoint {name}", raw_tracepoint_open(program.fd, name))
    except LoadError as error:
        if error.errno == errno.ENOENT:
            error.reason = f"the kernel has no raw tracepoint '{name}'"
        raise


def loaded_for(program: LoadedProgram, target: Any) -> Link:
    """To what it was loaded for: tp_btf, fentry, fexit, fmod_ret, lsm."""
    if target is not None and target != program.plan.target:
        _wants(f"was loaded for '{program.plan.target}', and attaches to nothing else: give no target")
    where = f"{program.plan.says} {program.plan.target}"
    return Link(program, where, raw_tracepoint_open(program.fd))


def tracepoint(program: LoadedProgram, target: Any, *, cookie: int = 0) -> Link:
    """To a tracepoint, ``category/name``: by default the section's. cookie: what bpf_get_attach_cookie() gives."""
    name = _text(program, target, "a tracepoint: 'category/name', as 'syscalls/sys_enter_openat'")
    category, slash, event = name.replace(":", "/").partition("/")
    if not slash or not event or "/" in event:
        _wants(f"attaches to a tracepoint, 'category/name', which '{name}' is not")
    fd = perf_event_open(TRACEPOINT, tracepoint_id(category, event), period=1, cpu=0)
    return _event_link(program, fd, f"tracepoint {category}/{event}", cookie)


def perf_event(
    program: LoadedProgram,
    target: Any,
    *,
    frequency: int | None = None,
    period: int | None = None,
    pid: int = -1,
    cpu: int | None = None,
    cookie: int = 0,
) -> LinkGroup:
    """To samples of an event: ``cpu-clock`` and others of perf(1), or (type, config).

    frequency: samples a second and CPU, 99 by default; period: events a sample instead. pid, cpu: of that only.
    """
    event = "cpu-clock" if target is None else target
    if frequency is not None and period is not None:
        _wants("is run by frequency or by period, not both")
    if isinstance(event, str):
        if event not in EVENTS:
            _wants(f"samples an event, and '{event}' is none of {', '.join(EVENTS)}")
        number = EVENTS[event]
    elif isinstance(event, tuple) and len(event) == 2 and all(isinstance(part, int) for part in event):
        number = event
    else:
        _wants("samples an event: give its name, as 'cpu-clock', or (type, config)")
    cpus = [cpu] if cpu is not None else [-1] if pid != -1 else online_cpus()
    rate = {"period": period} if period is not None else {"frequency": 99 if frequency is None else frequency}
    with ExitStack() as undo:
        links = []
        for one in cpus:
            fd = perf_event_open(*number, pid=pid, cpu=one, **rate)
            where = f"{event} of " + (f"CPU {one}" if one >= 0 else f"process {pid}")
            links.append(undo.enter_context(_event_link(program, fd, where, cookie)))
        undo.pop_all()
        return LinkGroup(links)


# -- probes ------------------------------------------------------------------------------------------------------


def kprobe(program: LoadedProgram, target: Any, *, offset: int = 0, cookie: int = 0) -> Link:
    """To a function of the kernel: ``name`` or ``name+offset``, by default the section's. offset: bytes."""
    text = _text(program, target, "a function of the kernel: its name")
    return _kprobe(program, *_plus(text, offset), cookie)


def ksyscall(program: LoadedProgram, target: Any, *, cookie: int = 0) -> Link:
    """To the kernel's function for a system call: ``openat``."""
    name = _text(program, target, "a system call: its name")
    return _kprobe(program, f"{_SYSCALL_PREFIX.get(platform.machine(), '')}sys_{name}", 0, cookie)


def _kprobe(program: LoadedProgram, name: str, off: int, cookie: int) -> Link:
    try:
        fd = probe_open("kprobe", name, off, returning=_returning(program))
    except LoadError as error:
        if error.errno == errno.ENOENT and "no kprobes" not in error.reason:
            error.reason = f"the kernel has no function '{name}' that can be probed"
        if error.errno == errno.EILSEQ:
            error.reason = f"no instruction of '{name}' starts at offset 0x{off:x}"
        raise
    return _event_link(program, fd, f"{program.plan.says} {name}" + (f"+0x{off:x}" if off else ""), cookie)


def uprobe(
    program: LoadedProgram,
    target: Any,
    *,
    symbol: str | None = None,
    offset: int = 0,
    pid: int = -1,
    cookie: int = 0,
) -> Link:
    """To a function of a program or library: ``path:function``, or a path and a symbol, or a path and an offset.

    offset: bytes from the symbol, or from the file's start where none is given. pid: in that process only.
    """
    path, name = _file_and_name(program, target, symbol)
    if name:
        name, more = _plus(name, offset)
        off = int(name, 16) + more if name.startswith("0x") else symbol_offset(path, name) + more
    elif offset:
        off = offset
    else:
        _wants("attaches to a function: 'path:function', or a path and symbol= or offset=")
    fd = probe_open("uprobe", path, off, returning=_returning(program), pid=pid)
    return _event_link(program, fd, f"{program.plan.says} {path}:{name or hex(off)}", cookie)


def kprobe_multi(program: LoadedProgram, target: Any) -> Link:
    """To many functions of the kernel at once (5.18): names, or a pattern as ``tcp_*``."""
    if isinstance(target, (list, tuple)):
        names = [str(name) for name in target]
    else:
        pattern = _text(program, target, "functions of the kernel: a pattern, or a list of names")
        names = [pattern]
        if any(c in pattern for c in "*?["):
            known = [line.split()[0] for line in tracefs_lines("available_filter_functions")]
            names = fnmatch.filter(known, pattern)
    if not names:
        _wants("there is no function that the pattern fits")
    texts = [Buffer(name.encode() + b"\0") for name in names]
    addresses = Buffer(b"".join(struct.pack("=Q", text.addr) for text in texts))
    more = struct.pack("=2I3Q", _multi_flags(program), len(names), addresses.addr, 0, 0)
    return _multi_link(program, f"{len(names)} functions of the kernel", more)


def uprobe_multi(program: LoadedProgram, target: Any, *, symbol: str | None = None, pid: int = 0) -> Link:
    """To many functions of a program or library at once (6.6): ``path:pattern``. pid: in that process only."""
    path, pattern = _file_and_name(program, target, symbol)
    if not pattern:
        _wants("attaches to functions: 'path:pattern'")
    offsets = sorted({off for name, off in functions(path).items() if fnmatch.fnmatchcase(name, pattern)})
    if not offsets:
        _wants(f"no function of {path} fits '{pattern}'")
    path_buf = Buffer(os.fsencode(path) + b"\0")
    offsets_buf = Buffer(struct.pack(f"={len(offsets)}Q", *offsets))
    more = struct.pack("=4Q3I", path_buf.addr, offsets_buf.addr, 0, 0, len(offsets), _multi_flags(program), pid)
    return _multi_link(program, f"{len(offsets)} functions of {path}", more)


# -- iterators ---------------------------------------------------------------------------------------------------


def iterator(
    program: LoadedProgram, target: Any, *, tid: int = 0, pid: int = 0, order: str = "descendants_pre"
) -> IterLink:
    """To what it goes over. target: the map of map_elem, the cgroup of cgroup. tid, pid: of task, those only."""
    kind = program.plan.target
    with ExitStack() as held:
        info = b""
        if kind in ("bpf_map_elem", "bpf_sk_storage_map"):
            if not hasattr(target, "fd"):
                _wants("goes over the elements of a map: give the map")
            info = struct.pack("=I", target.fd)
        elif kind == "cgroup":
            if order not in _ORDERS:
                _wants(f"order={order!r} is not one of {', '.join(_ORDERS)}")
            fd = held.enter_context(cgroup_fd(target))
            info = struct.pack("=2IQ", _ORDERS[order], fd.fileno(), 0)
        elif target is not None:
            _wants(f"goes over all there is of {kind}: give no target")
        elif tid or pid:
            info = struct.pack("=3I", tid, pid, 0)
        info_buf = Buffer(info)
        more = struct.pack("=QI", info_buf.addr, info_buf.size)
        link = link_create(program.fd, 0, AttachType.TRACE_ITER, 0, more)
    return IterLink(program, f"iterator {kind}", link)


# -- what they share ---------------------------------------------------------------------------------------------


def _event_link(program: LoadedProgram, event: Fd, where: str, cookie: int) -> Link:
    """Run the program by a perf event: by a link, which keeps the event; before 5.15 the event is all there is."""
    try:
        try:
            fd = link_create(program.fd, event, AttachType.PERF_EVENT, 0, struct.pack("=Q", cookie))
        except LoadError as error:
            if error.errno != errno.EINVAL or cookie:
                raise
            perf_set_bpf(event, program.fd)
            perf_enable(event)
            return Link(program, where, event)
        perf_enable(event)
    except LoadError as error:
        event.close()
        error.reason = f"cannot be attached to {where}: {error.reason}"
        raise
    event.close()
    return Link(program, where, fd)


def _returning(program: LoadedProgram) -> bool:
    return program.plan.says.startswith(("kret", "uret"))


def _multi_link(program: LoadedProgram, where: str, more: bytes) -> Link:
    says = program.plan.says.removesuffix(".s")
    try:
        return Link(program, where, link_create(program.fd, 0, program.plan.expected_attach_type, 0, more))
    except LoadError as error:
        needs = f" ({says} wants kernel {_MULTI_SINCE[says]})" if error.errno in _UNKNOWN else ""
        error.reason = f"cannot be attached to {where}: {error.reason}{needs}"
        raise


def _multi_flags(program: LoadedProgram) -> int:
    return int(LinkFlags.MULTI_RETURN) if _returning(program) else 0


def _text(program: LoadedProgram, target: Any, wanted: str) -> str:
    """The target that is given, or else the section's."""
    if target is None:
        target = program.plan.target
    if not isinstance(target, str) or not target:
        _wants(f"attaches to {wanted}")
    return target


def _plus(text: str, off: int) -> tuple[str, int]:
    """``name+0x10`` taken apart."""
    name, plus, more = text.partition("+")
    try:
        return name, off + (int(more, 0) if plus else 0)
    except ValueError:
        _wants(f"'{more}' behind the + of '{text}' is not a number")


def _file_and_name(program: LoadedProgram, target: Any, symbol: str | None) -> tuple[str, str]:
    """The file's path, and the function or "". A name without a slash is looked for where libraries or programs are."""
    text = os.fspath(target) if isinstance(target, os.PathLike) else target
    text = _text(program, text, "a function of a program or library: 'path:function'")
    path, name = (text, symbol) if symbol is not None else text.rpartition(":")[::2] if ":" in text else (text, "")
    if "/" not in path:
        triplet = f"/usr/lib/{platform.machine()}-linux-gnu"
        folders: Sequence[str] = (*os.environ.get("LD_LIBRARY_PATH", "").split(":"), triplet, *_LIBRARIES)
        places = [os.path.join(folder, path) for folder in folders if folder]
        path = next((place for place in places if os.path.isfile(place)), None) or shutil.which(path) or path
    if not os.path.exists(path):
        _wants(f"there is no file '{path}'")
    return path, name


def _wants(reason: str) -> NoReturn:
    raise LoadError(reason)
