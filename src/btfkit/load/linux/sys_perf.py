"""perf_event_open(2), and the kernel's probes that are perf events.

What comes in: an event's numbers. What goes out: its descriptor, or LoadError. Source: <linux/perf_event.h>; numbers of
the call: each machine's asm/unistd.h; of probes: /sys/bus/event_source/devices.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys as python_sys
from typing import Final

from btfkit.errors import LoadError

from .fd import Fd, FdLike, fd_number
from .raw import Buffer, errno_text

__all__ = [
    "BPF_OUTPUT", "EVENTS", "SAMPLE_RAW", "SOFTWARE", "TRACEPOINT", "online_cpus", "perf_enable", "perf_event_open",
    "perf_set_bpf", "probe_open",
]  # fmt: skip

HARDWARE: Final = 0
SOFTWARE: Final = 1
TRACEPOINT: Final = 2
BPF_OUTPUT: Final = 10
SAMPLE_RAW: Final = 1 << 10

EVENTS: Final = {
    "cpu-clock": (SOFTWARE, 0), "task-clock": (SOFTWARE, 1), "page-faults": (SOFTWARE, 2),
    "context-switches": (SOFTWARE, 3), "cpu-migrations": (SOFTWARE, 4), "minor-faults": (SOFTWARE, 5),
    "major-faults": (SOFTWARE, 6), "alignment-faults": (SOFTWARE, 7), "emulation-faults": (SOFTWARE, 8),
    "cpu-cycles": (HARDWARE, 0), "instructions": (HARDWARE, 1), "cache-references": (HARDWARE, 2),
    "cache-misses": (HARDWARE, 3), "branch-instructions": (HARDWARE, 4), "branch-misses": (HARDWARE, 5),
    "bus-cycles": (HARDWARE, 6), "ref-cycles": (HARDWARE, 9),
}  # fmt: skip
"""Events to sample by, as perf(1) calls them: (type, config)."""

_NR: Final = {
    "x86_64": 298, "i386": 336, "aarch64": 241, "riscv64": 241, "loongarch64": 241, "arm": 364, "s390x": 331,
    "ppc64": 319, "ppc64le": 319, "mips64": 5292, "sparc64": 327,
}  # fmt: skip
_ATTR: Final = struct.Struct("=2I5Q2I2Q")  # up to config2, which kernels have had since 3.3
_FLAG_FREQ_BIT: Final = 10
_FD_CLOEXEC: Final = 8
_IOC_ENABLE: Final = 0x2400
_IOC_SET_BPF: Final = 0x40042408
_DEVICES: Final = "/sys/bus/event_source/devices"


def perf_event_open(
    type_: int,
    config: int,
    *,
    period: int = 0,
    frequency: int = 0,
    sample_type: int = 0,
    wakeup: int = 0,
    config1: int = 0,
    config2: int = 0,
    pid: int = -1,
    cpu: int = -1,
) -> Fd:
    """Open an event. period: events a sample; frequency: samples a second instead. wakeup: samples a wake-up."""
    bit = _FLAG_FREQ_BIT if python_sys.byteorder == "little" else 63 - _FLAG_FREQ_BIT
    flags = 1 << bit if frequency else 0
    fields = (type_, _ATTR.size, config, frequency or period, sample_type, 0, flags, wakeup, 0, config1, config2)
    request = Buffer(_ATTR.pack(*fields))
    number = _NR.get(platform.machine())
    if number is None:
        raise LoadError(f"perf_event_open is not known on {platform.machine()}")
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_ulong]
    result = int(call(number, request.addr, pid, cpu, -1, _FD_CLOEXEC))
    if result < 0:
        code = ctypes.get_errno()
        hint = " (CAP_PERFMON is missing?)" if code in (errno.EPERM, errno.EACCES) else ""
        raise LoadError(f"perf_event_open: {errno_text(code)}{hint}", errno=code)
    return Fd(result)


def perf_enable(event: FdLike) -> None:
    fcntl.ioctl(fd_number(event), _IOC_ENABLE, 0)


def perf_set_bpf(event: FdLike, prog: FdLike) -> None:
    """Have the event run a program: until it is closed."""
    try:
        fcntl.ioctl(fd_number(event), _IOC_SET_BPF, fd_number(prog))
    except OSError as error:
        code = error.errno or 0
        raise LoadError(f"PERF_EVENT_IOC_SET_BPF: {errno_text(code)}", errno=code) from None


def probe_open(device: str, what: str, off: int, *, returning: bool = False, pid: int = -1) -> Fd:
    """Open a kprobe (what: a kernel function) or a uprobe (what: a file; off: bytes in it); kernel 4.17."""
    type_ = _read_number(f"{_DEVICES}/{device}/type")
    if type_ is None:
        raise LoadError(f"this kernel has no {device}s: there is no {_DEVICES}/{device}", errno=errno.ENOENT)
    config = 0
    if returning:
        with open(f"{_DEVICES}/{device}/format/retprobe") as file:
            config = 1 << int(file.read().strip().removeprefix("config:"))
    name = Buffer(os.fsencode(what) + b"\0")
    cpu = 0 if pid == -1 else -1
    return perf_event_open(type_, config, config1=name.addr, config2=off, pid=pid, cpu=cpu)


def online_cpus() -> list[int]:
    """The numbers of the CPUs that are running."""
    with open("/sys/devices/system/cpu/online") as file:
        out: list[int] = []
        for part in file.read().strip().split(","):
            first, _, last = part.partition("-")
            out += range(int(first), int(last or first) + 1)
        return out


def _read_number(path: str) -> int | None:
    try:
        with open(path) as file:
            return int(file.read())
    except FileNotFoundError:
        return None
