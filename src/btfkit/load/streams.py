"""A map that records go through, typed: ring buffers and perf buffers, and the ring buffer that goes the other way.

In: a `Store` whose `Store.reader` or `Store.writer` moves bytes, and the type of its records: the MAP's value type.
Out: Python values as `btfkit.values` has them; a record that is not of the type's size stays bytes.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from btfkit.format.maptype import MapType, map_type_word
from btfkit.load.map_types import MapTypes, Reader, Store, Writer
from btfkit.load.maps import TypedMap

_SOME = 1024
"""Records taken over at a time, where they are read one by one."""
_ALL = 1 << 62
_SLICE = 1.0
"""Seconds after which one who waits looks whether the stream is closed."""


class TypedStream(TypedMap):
    """What programs send: ``for event in bpf.events``, which waits for the next one, for ever.

    Several threads may read: each record goes to one of them. Of a map of perf events, elements can be set too
    (``perf[cpu] = fd``); it opens a buffer for each CPU when it is first read.
    """

    def __init__(self, store: Store, types: MapTypes) -> None:
        super().__init__(store, types)
        self.record_codec = types.record_codec()
        self._ready: deque[Any] = deque()
        self._open: Reader | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        record = self.record_codec.name if self.record_codec is not None else "bytes"
        return f"<{type(self).__name__} {self.name!r}: {map_type_word(self.store.type)}<{record}>>"

    def __iter__(self) -> Iterator[Any]:
        ready = self._ready
        while True:
            while ready:
                yield ready.popleft()
            self._wait(None)

    def __bool__(self) -> bool:
        return True

    def read(self, timeout: float | None = None) -> Any:
        """The next record; None where there is none within ``timeout`` seconds (None: wait for ever)."""
        while True:
            try:
                return self._ready.popleft()
            except IndexError:
                if not self._wait(timeout):
                    return None

    def poll(self, timeout: float | None = None) -> list[Any]:
        """The records that are there, once there are any: [] where there are none within ``timeout`` seconds."""
        if not self._ready:
            self._wait(timeout)
        return self.drain()

    def drain(self) -> list[Any]:
        """The records that are there now."""
        found = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._ready.popleft())
        return found + self._take(_ALL)

    @property
    def lost(self) -> int:
        """Records of a perf buffer that the kernel had no room for; 0 of a ring buffer: there the program is told."""
        return self._open.lost if self._open is not None else 0

    def fileno(self) -> int:
        """What to wait at, with select or an event loop: readable when there are records."""
        return self.reader.fileno()

    @property
    def reader(self) -> Reader:
        """Opened when it is first asked for."""
        if self._is_closed:
            raise self._cannot("is closed")
        if self._open is None:
            self._open = self.store.reader()
        return self._open

    def close(self) -> None:
        """Stop reading (others who wait find out within a second), and give the map's descriptor up."""
        self._is_closed = True
        if self._open is not None:
            self._open.close()
        super().close()

    def _take(self, most: int) -> list[Any]:
        codec = self.record_codec
        return self.reader.take(codec.unpack if codec else None, codec.size if codec else -1, most)

    def _fill(self) -> bool:
        """Take over some of what is there; whether that was anything."""
        found = self._take(_SOME)
        self._ready.extend(found)
        return bool(found)

    def _wait(self, timeout: float | None) -> bool:
        """Take over what is there or comes within ``timeout`` seconds; whether that was anything."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._fill():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            self.reader.wait(_SLICE if left is None else min(left, _SLICE))
        return True


class TypedSink(TypedMap):
    """A ring buffer that a program reads: ``commands.push(value)``."""

    def __init__(self, store: Store, types: MapTypes) -> None:
        super().__init__(store, types)
        self.record_codec = types.record_codec()
        self._open: Writer | None = None

    def push(self, value: Any) -> None:
        """Send a record; bytes go as they are. MapUseError where the program has left no room for it."""
        codec = self.record_codec
        is_raw = codec is None or isinstance(value, (bytes, bytearray, memoryview))
        data = bytes(value) if is_raw or codec is None else codec.pack(value, field="value")
        if self._open is None:
            self._open = self.store.writer()
        if not self._open.put(data):
            raise self._cannot(f"has no room for {len(data)} bytes more until the program has read")

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        super().close()


STREAMED: dict[int, type[TypedMap]] = {
    MapType.RINGBUF: TypedStream,
    MapType.PERF_EVENT_ARRAY: TypedStream,
    MapType.USER_RINGBUF: TypedSink,
}

__all__ = ["STREAMED", "TypedSink", "TypedStream"]
