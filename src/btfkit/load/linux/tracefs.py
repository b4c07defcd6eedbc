"""What tracefs tells: the numbers of tracepoints, the functions that can be probed.

In: names. Out: numbers; LoadError with near names. Where tracefs is mounted nowhere, it is looked at through a mount
that has no place in the file system and is gone when it is closed (kernel 5.2). Source: Documentation/trace/events.rst.
"""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import errno
import os
from collections.abc import Iterator

from btfkit.errors import LoadError

from .fd import Fd

__all__ = ["trace_pipe", "tracefs_lines", "tracepoint_id"]

PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_NR_FSOPEN, _NR_FSCONFIG, _NR_FSMOUNT = 430, 431, 432  # the same on every machine but alpha
_CMD_CREATE = 6


def tracepoint_id(category: str, name: str) -> int:
    """The number that perf_event_open knows a tracepoint by."""
    with _tracefs() as root:
        try:
            return int(_read(root, f"events/{category}/{name}/id"))
        except OSError:
            folder = f"events/{category}"
            try:
                known = [f"{category}/{other}" for other in _folders(root, folder)]
            except OSError:
                known = _folders(root, "events")
            near = difflib.get_close_matches(f"{category}/{name}", known, n=3) or difflib.get_close_matches(
                category, known, n=3
            )
            hint = f" (near: {', '.join(near)})" if near else ""
            raise LoadError(f"the kernel has no tracepoint '{category}/{name}'{hint}", errno=errno.ENOENT) from None


def tracefs_lines(name: str) -> list[str]:
    """The lines of one of its files."""
    with _tracefs() as root:
        try:
            return _read(root, name).splitlines()
        except OSError as error:
            raise LoadError(f"tracefs has no '{name}': {error.strerror}", errno=error.errno) from None


def trace_pipe() -> Fd:
    """What programs print: readable when there are lines, which whoever reads them takes away; never waits."""
    with _tracefs() as root:
        try:
            return Fd(os.open("trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=root))
        except OSError as error:
            raise LoadError(f"the trace pipe cannot be opened: {error.strerror}", errno=error.errno) from None


@contextlib.contextmanager
def _tracefs() -> Iterator[int]:
    """A descriptor of its root."""
    for place in PLACES:
        if os.path.isdir(f"{place}/events"):
            fd = Fd(os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            break
    else:
        fd = _mounted_nowhere()
    with fd:
        yield fd.fileno()


def _mounted_nowhere() -> Fd:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    context = call(_NR_FSOPEN, b"tracefs", 1)
    if context >= 0:
        with Fd(context):
            if call(_NR_FSCONFIG, context, _CMD_CREATE, None, None, 0) == 0:
                mounted = call(_NR_FSMOUNT, context, 1, 0)
                if mounted >= 0:
                    return Fd(mounted)
    raise LoadError(
        f"tracepoints are looked up in tracefs, which is not mounted: mount -t tracefs tracefs {PLACES[0]}",
        errno=ctypes.get_errno(),
    )


def _read(root: int, name: str) -> str:
    with open(name, opener=lambda path, flags: os.open(path, flags | os.O_CLOEXEC, dir_fd=root)) as file:
        return file.read()


def _folders(root: int, name: str) -> list[str]:
    with Fd(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)) as fd:
        return os.listdir(fd.fileno())
