"""The one place that enters the kernel, and the one that words its refusals.

What comes in: a command and its union bpf_attr as bytes (`attr`), pointers being addresses of buffers that the
caller keeps alive. What goes out: the call's result, or the negated errno; `refused` makes a LoadError of that.
Source: kernel/bpf/syscall.c; the numbers are those of each machine's asm/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import resource
import struct
from collections.abc import Callable
from typing import Any, Final

from btfkit.errors import LoadError

from .uapi import BpfCmd, ProgType

__all__ = [
    "CAPABILITIES",
    "ENOTSUPP",
    "Buffer",
    "attr",
    "bpf",
    "bpf_charged",
    "capability_hint",
    "errno_text",
    "has_capability",
    "memlock_charged",
    "refused",
]

# The kernel's own "not supported", which no libc has a name for.
ENOTSUPP: Final = 524

# Room for every union bpf_attr so far (168 bytes in 6.18): some answers are written whatever size the kernel is told.
_ATTR_SPACE: Final = 256

_NR_BPF: Final = {
    "x86_64": 321,
    "i386": 357,
    "aarch64": 280,
    "riscv64": 280,
    "loongarch64": 280,
    "arm": 386,
    "s390x": 351,
    "ppc64": 361,
    "ppc64le": 361,
    "mips64": 5315,
    "sparc64": 349,
}

CAPABILITIES: Final = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
_CAP_SYS_RESOURCE: Final = 24


class Buffer:
    """Memory for the kernel to read or write: a copy of some bytes, or so many zero bytes.

    addr: its address, for as long as the object lives; 0, which is "none" to the kernel, where it is empty
    """

    __slots__ = ("_array", "addr", "size")

    def __init__(self, data: bytes | int) -> None:
        self.size = data if isinstance(data, int) else len(data)
        self._array = ctypes.create_string_buffer(data, max(self.size, 1))
        self.addr = ctypes.addressof(self._array) if self.size else 0

    def head(self, size: int) -> bytes:
        """The first `size` bytes, or as many as there are."""
        return self._array.raw[: min(size, self.size)]

    def text(self) -> str:
        """All up to the first NUL."""
        return self._array.value.decode(errors="replace")


def attr(fmt: str, *values: int | bytes) -> bytearray:
    """A union bpf_attr that starts with `values`, and has zeros and room for any kernel's answers behind them."""
    out = bytearray(_ATTR_SPACE)
    struct.pack_into("=" + fmt, out, 0, *values)
    return out


def bpf(cmd: BpfCmd, attr: bytearray, at_least: int = 0) -> int:
    """Call bpf(2): the result, or the negated errno. Answers are written into `attr`.

    The kernel is told of the bytes up to the last one that is not zero, so that one without the later fields takes
    it; to the kernel, fields beyond that are zero. at_least: where the last field that is an answer ends.
    """
    size = max((len(attr.rstrip(b"\0")) + 7) & ~7, at_least, 8)
    view = (ctypes.c_char * len(attr)).from_buffer(attr)
    syscall, number = _syscall()
    result = int(syscall(number, int(cmd), ctypes.addressof(view), size))
    return result if result >= 0 else -ctypes.get_errno()


def bpf_charged(cmd: BpfCmd, attr: bytearray, at_least: int = 0) -> int:
    """`bpf` for commands that make kernel objects: once more with RLIMIT_MEMLOCK raised, where that was in the way."""
    result = bpf(cmd, attr, at_least)
    if result == -errno.EPERM and memlock_charged() and _raise_memlock():
        result = bpf(cmd, attr, at_least)
    return result


def refused(
    cmd: BpfCmd, code: int, *, thing: str | None = None, words: str = "", hint: str = "", **more: Any
) -> LoadError:
    """The LoadError for errno `code`: command, errno's text, then the kernel's last `words` and a `hint`."""
    reason = f"BPF_{cmd.name}: {errno_text(code)}"
    if words:
        reason += f": {words}"
    if hint:
        reason += f" ({hint})"
    return LoadError(reason, errno=code, thing=thing, **more)


def errno_text(code: int) -> str:
    """errno as a person reads it: ``Operation not permitted (EPERM)``."""
    if code == ENOTSUPP:
        return "Not supported by this kernel (ENOTSUPP)"
    return f"{os.strerror(code)} ({errno.errorcode.get(code, code)})"


def has_capability(name: str) -> bool:
    """Whether this thread has the capability in effect; to bpf(2), CAP_SYS_ADMIN stands for each of the others."""
    return _effective(CAPABILITIES[name]) or _effective(CAPABILITIES["CAP_SYS_ADMIN"])


_NET_TYPES: Final = frozenset(
    {
        ProgType.SCHED_CLS, ProgType.SCHED_ACT, ProgType.XDP, ProgType.LWT_IN, ProgType.LWT_OUT, ProgType.LWT_XMIT,
        ProgType.LWT_SEG6LOCAL, ProgType.SK_SKB, ProgType.SK_MSG, ProgType.FLOW_DISSECTOR, ProgType.CGROUP_DEVICE,
        ProgType.CGROUP_SOCK, ProgType.CGROUP_SOCK_ADDR, ProgType.CGROUP_SOCKOPT, ProgType.CGROUP_SYSCTL,
        ProgType.SOCK_OPS, ProgType.SK_REUSEPORT, ProgType.SK_LOOKUP, ProgType.NETFILTER, ProgType.EXT,
    }
)  # fmt: skip
_PERF_TYPES: Final = frozenset(
    {
        ProgType.KPROBE, ProgType.TRACEPOINT, ProgType.PERF_EVENT, ProgType.RAW_TRACEPOINT,
        ProgType.RAW_TRACEPOINT_WRITABLE, ProgType.TRACING, ProgType.LSM, ProgType.STRUCT_OPS, ProgType.EXT,
    }
)  # fmt: skip


def capability_hint(code: int, *, prog_type: int | None = None, by_id: bool = False) -> str:
    """What EPERM is about, in words; "" where `code` is another one or nothing is known to be missing.

    prog_type: of a program being loaded. by_id: an object was asked for by its id, which takes CAP_SYS_ADMIN.
    """
    if code != errno.EPERM:
        return ""
    wanted = ["CAP_SYS_ADMIN" if by_id else "CAP_BPF"]
    if prog_type in _NET_TYPES:
        wanted.append("CAP_NET_ADMIN")
    if prog_type in _PERF_TYPES:
        wanted.append("CAP_PERFMON")
    missing = [name for name in wanted if not has_capability(name)]
    if not missing:
        return "" if _initial_user_namespace() else "capabilities inside a user namespace do not count for bpf(2)"
    hint = " and ".join(missing) + (" is missing" if len(missing) == 1 else " are missing")
    try:
        with open("/proc/sys/kernel/unprivileged_bpf_disabled") as file:
            hint += f"; kernel.unprivileged_bpf_disabled={file.read().strip()}"
    except OSError:
        pass
    return hint


@functools.cache
def memlock_charged() -> bool:
    """Whether this kernel charges maps and programs to RLIMIT_MEMLOCK, as those before 5.11 do.

    Asked by what came in the same release: the helper bpf_ktime_get_coarse_ns (160).
    """
    insns = Buffer(struct.pack("=2Bhi2Bhi", 0x85, 0, 0, 160, 0x95, 0, 0, 0))  # call 160; exit
    license_ = Buffer(b"GPL\0")
    fd = bpf(BpfCmd.PROG_LOAD, attr("2I2Q", ProgType.SOCKET_FILTER, 2, insns.addr, license_.addr))
    if fd >= 0:
        os.close(fd)
    return fd < 0


def _raise_memlock() -> bool:
    """Raise the soft RLIMIT_MEMLOCK as far as it goes; whether that made a difference."""
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    limit = resource.RLIM_INFINITY if _effective(_CAP_SYS_RESOURCE) else hard
    if soft in (resource.RLIM_INFINITY, limit):
        return False
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
    except (OSError, ValueError):
        return False
    return True


def _effective(capability: int) -> bool:
    try:
        with open("/proc/thread-self/status") as file:
            for line in file:
                if line.startswith("CapEff:"):
                    return bool(int(line.split()[1], 16) >> capability & 1)
    except OSError:
        pass
    return False


def _initial_user_namespace() -> bool:
    try:
        with open("/proc/self/uid_map") as file:
            return file.read().split() == ["0", "0", "4294967295"]
    except OSError:
        return True


@functools.cache
def _syscall() -> tuple[Callable[..., int], int]:
    """libc's syscall(2) and the number of bpf(2) on this machine."""
    machine = platform.machine()
    if struct.calcsize("P") == 4:
        machine = "i386" if machine in ("x86_64", "i386", "i486", "i586", "i686") else machine
        machine = "arm" if machine.startswith("arm") or machine == "aarch64" else machine
    if platform.system() != "Linux" or machine not in _NR_BPF:
        raise LoadError(f"bpf(2) is not known on {platform.system()} {platform.machine()}")
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_long]
    return call, _NR_BPF[machine]
