"""File descriptors that somebody owns.

What comes in: a descriptor the kernel has just handed out. What goes out: an object that closes it once, whatever
happens in between. All descriptors of bpf(2) are close-on-exec from the start.
"""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Self

__all__ = ["Fd", "FdLike", "fd_number"]


class Fd:
    """An owned file descriptor: closed by `close`, by the end of a ``with`` block, or with the last reference."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = -1  # so that `__del__` finds one, should the rest fail
        self._fd = _above_stdio(fd)

    def fileno(self) -> int:
        """The number; ValueError once it is closed, as files have it."""
        if self._fd < 0:
            raise ValueError("the file descriptor is closed")
        return self._fd

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def close(self) -> None:
        """Close it; a second time does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def detach(self) -> int:
        """Give the number away: the caller closes it from now on."""
        fd, self._fd = self.fileno(), -1
        return fd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Fd closed>" if self.closed else f"<Fd {self._fd}>"


FdLike = Fd | int


def fd_number(fd: FdLike) -> int:
    """The number behind `fd`, which stays owned by whoever owns it."""
    return fd if isinstance(fd, int) else fd.fileno()


def _above_stdio(fd: int) -> int:
    """Move `fd` above 2: in many fields of union bpf_attr a 0 means "none", so 0 must never be a map or a BTF."""
    if fd > 2:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)
