"""Ring buffers of the kernel, read and written through memory: no system call a record.

In: a map's descriptor and size; bytes to send. Out: records, as values or bytes. The data is mapped twice in a row, so
that no record is ever in two pieces. Source: kernel/bpf/ringbuf.c; libbpf's src/ringbuf.c.
"""

from __future__ import annotations

import mmap
import select
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from btfkit.errors import LoadError

from .fd import FdLike, fd_number

__all__ = ["RingReader", "RingWriter", "fence", "mapped", "milliseconds"]

_BUSY: Final = 1 << 31
_DISCARD: Final = 1 << 30
_LEN: Final = _DISCARD - 1
_HEADER: Final = struct.Struct("=2I")
_BUSY_WAIT: Final = 0.0002

_barrier = threading.Lock()


def fence() -> None:
    """What has been read before is older than what is read behind: a lock's two halves say so to every processor."""
    with _barrier:
        pass


def mapped(fd: FdLike, size: int, off: int, *, write: bool, stack: ExitStack) -> memoryview:
    """Memory that the kernel shares, until the stack is closed."""
    prot = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
    try:
        memory = stack.enter_context(mmap.mmap(fd_number(fd), size, mmap.MAP_SHARED, prot, offset=off))
    except OSError as error:
        raise LoadError(f"cannot be mapped into memory: {error.strerror}", errno=error.errno) from None
    return stack.enter_context(memoryview(memory))


def milliseconds(seconds: float | None) -> int | None:
    """As poll(2) takes it, rounded up."""
    return None if seconds is None else max(0, int(seconds * 1000 + 0.999))


class _Ring:
    def __init__(self, fd: FdLike, size: int, *, writes: bool) -> None:
        self._fd = fd
        self._mask = size - 1
        self._lock = threading.Lock()
        self._is_closed = False
        page = mmap.PAGESIZE
        self._stack = ExitStack()
        with ExitStack() as stack:
            consumer = mapped(fd, page, 0, write=not writes, stack=stack)
            producer = mapped(fd, page + 2 * size, page, write=writes, stack=stack)
            self._consumer = stack.enter_context(consumer.cast("L"))
            self._producer = stack.enter_context(stack.enter_context(producer[:page]).cast("L"))
            self._data = stack.enter_context(producer[page:])
            self._words = stack.enter_context(self._data.cast("I"))
            self._stack = stack.pop_all()

    def fileno(self) -> int:
        return fd_number(self._fd)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._stack.close()


class RingReader(_Ring):
    """The records that programs send."""

    lost = 0

    def __init__(self, fd: FdLike, size: int) -> None:
        super().__init__(fd, size, writes=False)
        self._poll = select.poll()
        self._poll.register(fd_number(fd), select.POLLIN)
        self._is_busy = False

    def take(self, unpack: Callable[[memoryview, int], Any] | None, size: int, most: int) -> list[Any]:
        """The records that are there, or the first `most` of them.

        unpack: makes a value of a record of `size` bytes; others are given as bytes.
        """
        mask, words, data = self._mask, self._words, self._data
        offs: list[int] = []
        sizes: list[int] = []
        with self._lock:
            if self._is_closed:
                return []
            start = at = self._consumer[0]
            end = self._producer[0]
            self._is_busy = False
            while at < end and len(offs) < most:
                off = at & mask
                head = words[off >> 2]
                if head & _BUSY:
                    self._is_busy = True
                    break
                if not head & _DISCARD:
                    offs.append(off + 8)
                    sizes.append(head)
                at += (head & _LEN) + 15 & ~7
            if at == start:
                return []
            fence()
            out: list[Any] = [
                unpack(data, off) if unpack and length == size else bytes(data[off : off + length])
                for off, length in zip(offs, sizes, strict=True)
            ]
            fence()
            self._consumer[0] = at
        return out

    def wait(self, seconds: float | None) -> None:
        """Until there may be something, or that time is over."""
        if self._is_busy:  # a program is still writing the next record: nobody wakes us when it is done
            time.sleep(_BUSY_WAIT)
        else:
            self._poll.poll(milliseconds(seconds))


class RingWriter(_Ring):
    """The records that a program takes (BPF_MAP_TYPE_USER_RINGBUF); one process writes."""

    def __init__(self, fd: FdLike, size: int) -> None:
        super().__init__(fd, size, writes=True)

    def put(self, record: bytes) -> bool:
        """Add a record; False where there is no room."""
        with self._lock:
            at = self._producer[0]
            total = len(record) + 15 & ~7
            if total > self._mask + 1 - (at - self._consumer[0]):
                return False
            off = at & self._mask
            _HEADER.pack_into(self._data, off, len(record), 0)
            self._data[off + 8 : off + 8 + len(record)] = record
            fence()
            self._producer[0] = at + total
        return True
