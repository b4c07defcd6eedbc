"""Perf buffers: a map of perf events, one for each CPU, whose records programs write.

In: the map. Out: records, as values or bytes. A record's bytes end with up to seven that are not the program's: perf
pads them. Source: kernel/events/ring_buffer.c, <linux/perf_event.h>; libbpf's perf_buffer.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import select
import struct
import sys as python_sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from btfkit.errors import LoadError

from .fd import Fd, FdLike
from .ring import fence, mapped
from .sys import map_delete, map_update
from .sys_perf import BPF_OUTPUT, SAMPLE_RAW, SOFTWARE, online_cpus, perf_enable, perf_event_open

__all__ = ["PerfReader"]

PAGES: Final = 64
"""Of each CPU's buffer: 256 KiB mostly."""

_HEAD, _TAIL = 1024 // 8, 1032 // 8
"""data_head and data_tail of struct perf_event_mmap_page."""
_RECORD: Final = struct.Struct("=IHH")
_LOST: Final = struct.Struct("=QQ")
_TYPE_LOST, _TYPE_SAMPLE = 2, 9


class _Buffer:
    """One CPU's."""

    def __init__(self, event: Fd, size: int, stack: ExitStack) -> None:
        self.event = event
        whole = mapped(event, mmap.PAGESIZE + size, 0, write=True, stack=stack)
        self.marks = stack.enter_context(stack.enter_context(whole[: mmap.PAGESIZE]).cast("Q"))
        self.data = stack.enter_context(whole[mmap.PAGESIZE :])
        self.size = size
        self.lost = 0

    def take(self, unpack: Callable[[Any, int], Any] | None, size: int, most: int, out: list[Any]) -> None:
        data, mask = self.data, self.size - 1
        start = at = self.marks[_TAIL]
        end = self.marks[_HEAD]
        fence()
        most += len(out)
        while at < end and len(out) < most:
            off = at & mask
            kind, _, length = _RECORD.unpack_from(data, off)
            view, body = data, off + 8
            if off + length > self.size:
                view, body = memoryview(bytes(data[off:]) + bytes(data[: off + length - self.size])), 8
            if kind == _TYPE_SAMPLE:
                raw = int.from_bytes(view[body : body + 4], python_sys.byteorder)
                if unpack is not None and raw in (size, (size + 11 & ~7) - 4):
                    out.append(unpack(view, body + 4))
                else:
                    out.append(bytes(view[body + 4 : body + 4 + raw]))
            elif kind == _TYPE_LOST:
                self.lost += _LOST.unpack_from(view, body)[1]
            at += length
        if at != start:
            fence()
            self.marks[_TAIL] = at


def _forget(fd: FdLike, cpu: int) -> None:
    with contextlib.suppress(LoadError, ValueError):  # the map may be closed already
        map_delete(fd, struct.pack("=I", cpu))


class PerfReader:
    """Opens a buffer for each CPU that runs, and puts it into the map."""

    def __init__(self, fd: FdLike, max_entries: int, pages: int = PAGES) -> None:
        self._lock = threading.Lock()
        self._buffers: list[_Buffer] = []
        with ExitStack() as stack:
            self._epoll = stack.enter_context(select.epoll())
            for cpu in online_cpus():
                if cpu >= max_entries:
                    continue
                try:
                    event = perf_event_open(SOFTWARE, BPF_OUTPUT, period=1, sample_type=SAMPLE_RAW, wakeup=1, cpu=cpu)
                except LoadError as error:
                    if error.errno == errno.ENODEV:  # switched off meanwhile
                        continue
                    raise
                stack.enter_context(event)
                self._buffers.append(_Buffer(event, pages * mmap.PAGESIZE, stack))
                map_update(fd, struct.pack("=I", cpu), struct.pack("=I", event.fileno()))
                stack.callback(_forget, fd, cpu)
                perf_enable(event)
                self._epoll.register(event.fileno(), select.EPOLLIN)
            self._stack = stack.pop_all()

    @property
    def lost(self) -> int:
        return sum(buffer.lost for buffer in self._buffers)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def take(self, unpack: Callable[[Any, int], Any] | None, size: int, most: int) -> list[Any]:
        """As `RingReader.take`, `most` of each CPU; those of one CPU in order."""
        out: list[Any] = []
        with self._lock:
            if self._epoll.closed:
                return []
            for buffer in self._buffers:
                buffer.take(unpack, size, most, out)
        return out

    def wait(self, seconds: float | None) -> None:
        with contextlib.suppress(ValueError):  # closed meanwhile
            self._epoll.poll(seconds)

    def close(self) -> None:
        with self._lock:
            self._stack.close()
