"""A map of the running kernel as the bytes that `btfkit.load.maps` makes values of."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from btfkit.errors import LoadError
from btfkit.load.map_types import Reader, Writer

from .fd import Fd
from .raw import Buffer, attr, bpf, refused
from .sys import (
    MapInfo,
    map_delete,
    map_info,
    map_items,
    map_keys,
    map_lookup,
    map_lookup_and_delete,
    map_update,
    map_value_size,
    num_possible_cpus,
)
from .uapi import BpfCmd, MapType

__all__ = ["KernelMap"]


class KernelMap:
    """An open map. name: as the user knows it (the kernel's has 15 characters at most); frozen: no writes any more.

    Its sizes are the kernel's own, so no answer overruns a buffer.
    """

    def __init__(self, fd: Fd, name: str = "", *, frozen: bool = False) -> None:
        self.fd = fd
        self.frozen = frozen
        info = map_info(fd)
        self.name = name or info.name or f"id {info.id}"
        self.type = info.type
        self.key_size = info.key_size
        self.value_size = info.value_size
        self.max_entries = info.max_entries
        self._room = map_value_size(info.type, info.value_size)

    @property
    def cpus(self) -> int:
        return num_possible_cpus()

    @property
    def info(self) -> MapInfo:
        return map_info(self.fd)

    def fileno(self) -> int:
        return self.fd.fileno()

    def lookup(self, key: bytes) -> bytes | None:
        return map_lookup(self.fd, key, self._room)

    def take(self, key: bytes) -> bytes | None:
        return map_lookup_and_delete(self.fd, key, self._room)

    def holds(self, value: bytes) -> bool:
        """A Bloom filter is asked with the value in the place of the answer."""
        value_buf = Buffer(value)
        result = bpf(BpfCmd.MAP_LOOKUP_ELEM, attr("2I3Q", self.fd.fileno(), 0, 0, value_buf.addr, 0))
        if result < 0 and result != -errno.ENOENT:
            raise refused(BpfCmd.MAP_LOOKUP_ELEM, -result, thing=f"map '{self.name}'")
        return result == 0

    def update(self, key: bytes, value: bytes, flags: int = 0) -> None:
        map_update(self.fd, key, value, flags)

    def delete(self, key: bytes) -> bool:
        return map_delete(self.fd, key)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        return map_items(self.fd, self.key_size, self._room)

    def keys(self) -> Iterator[bytes]:
        return map_keys(self.fd, self.key_size)

    def reader(self) -> Reader:
        """Of a ring buffer, or a map of perf events: what reads it without asking the kernel for each record."""
        from .perf import PerfReader  # noqa: PLC0415 (only whoever reads streams pays for them)
        from .ring import RingReader  # noqa: PLC0415

        try:
            if self.type == MapType.PERF_EVENT_ARRAY:
                return PerfReader(self.fd, self.max_entries)
            return RingReader(self.fd, self.max_entries)
        except LoadError as error:
            raise error.at(thing=f"map '{self.name}'") from None

    def writer(self) -> Writer:
        from .ring import RingWriter  # noqa: PLC0415

        try:
            return RingWriter(self.fd, self.max_entries)
        except LoadError as error:
            raise error.at(thing=f"map '{self.name}'") from None

    def close(self) -> None:
        self.fd.close()
