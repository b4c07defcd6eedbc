"""Maps, as a program declares them: ``recent: LruHash[Flow, u64] = LruHash(max_entries=4096)``.

In: the attributes that BPF_MAP_CREATE takes. Out: an object that the front end reads the attributes from, and that in
plain Python is an empty dict. The types of keys and values are the annotation's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from btfkit.format.maptype import MapType

K = TypeVar("K")
V = TypeVar("V")

DEFAULT_ENTRIES = 10240
"""Of a map whose size is not said."""


class MapSpec:
    """What every declared map has. type: which one; types: what its annotation names, "key" and "value" or fewer."""

    type: ClassVar[MapType]
    types: ClassVar[tuple[str, ...]] = ("key", "value")
    per_cpu: ClassVar[bool] = False
    default_flags: ClassVar[int] = 0

    def __init__(
        self,
        max_entries: int | None = None,
        *,
        flags: int = 0,
        pinned: bool = False,
        numa_node: int = 0,
        map_extra: int = 0,
        inner: MapSpec | None = None,
        values: Sequence[Any] = (),
    ) -> None:
        self.max_entries = max_entries
        self.flags = flags | self.default_flags
        self.pinned = pinned
        self.numa_node = numa_node
        self.map_extra = map_extra
        self.inner = inner
        self.values = list(values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.max_entries})"

    __hash__ = object.__hash__


class _Lookup(MapSpec, dict[K, V], Generic[K, V]):  # type: ignore[misc]
    """A map of keys and values."""


class HashMap(_Lookup[K, V]):
    """BPF_MAP_TYPE_HASH; what a plain ``dict[K, V]`` is."""

    type = MapType.HASH


class LruHash(_Lookup[K, V]):
    """A hash map that makes room by dropping what was not used for long."""

    type = MapType.LRU_HASH


class PerCpuHash(_Lookup[K, V]):
    """A value for each CPU; a program sees that of its own."""

    type = MapType.PERCPU_HASH
    per_cpu = True


class LruPerCpuHash(_Lookup[K, V]):
    type = MapType.LRU_PERCPU_HASH
    per_cpu = True


class LpmTrie(_Lookup[K, V]):
    """Longest prefix match: the key is a struct that starts with a u32, the prefix's length in bits."""

    type = MapType.LPM_TRIE
    default_flags = 1  # BPF_F_NO_PREALLOC, which the kernel demands


class HashOfMaps(_Lookup[K, V]):
    """``HashOfMaps[u32, HashMap[u32, u64]] = HashOfMaps(8, inner=HashMap(64))``."""

    type = MapType.HASH_OF_MAPS


class SockHash(_Lookup[K, V]):
    type = MapType.SOCKHASH
    types = ("key",)


class DevMapHash(_Lookup[K, V]):
    type = MapType.DEVMAP_HASH


class _Indexed(MapSpec, dict[int, V], Generic[V]):  # type: ignore[misc]
    """A map indexed by u32, whose elements are all there."""

    types: ClassVar[tuple[str, ...]] = ("value",)

    def __missing__(self, index: int) -> Any:
        if not 0 <= index < (self.max_entries or 0):
            raise IndexError(index)
        return 0


class Array(_Indexed[V]):
    type = MapType.ARRAY


class PerCpuArray(_Indexed[V]):
    type = MapType.PERCPU_ARRAY
    per_cpu = True


class ArrayOfMaps(_Indexed[V]):
    type = MapType.ARRAY_OF_MAPS


class ProgArray(_Indexed[V]):
    """Programs: ``calls[i](ctx)`` goes on in the program there, and does not come back. values: what it starts with."""

    type = MapType.PROG_ARRAY
    types = ()


class CgroupArray(_Indexed[V]):
    type = MapType.CGROUP_ARRAY
    types = ()


class DevMap(_Indexed[V]):
    type = MapType.DEVMAP


class CpuMap(_Indexed[V]):
    type = MapType.CPUMAP


class XskMap(_Indexed[V]):
    type = MapType.XSKMAP
    types = ()


class SockMap(_Indexed[V]):
    type = MapType.SOCKMAP
    types = ()


class ReuseportSockArray(_Indexed[V]):
    type = MapType.REUSEPORT_SOCKARRAY
    types = ()


class StackTrace(_Indexed[V]):
    """Call stacks by id; max_entries stacks of ``depth`` addresses."""

    type = MapType.STACK_TRACE
    types = ()

    def __init__(self, max_entries: int | None = None, *, depth: int = 127, **attributes: Any) -> None:
        super().__init__(max_entries, **attributes)
        self.depth = depth


class _Storage(MapSpec, Generic[V]):
    """A value that belongs to a kernel object; it is there as long as that object is."""

    types = ("value",)
    default_flags = 1


class SkStorage(_Storage[V]):
    type = MapType.SK_STORAGE


class TaskStorage(_Storage[V]):
    type = MapType.TASK_STORAGE


class InodeStorage(_Storage[V]):
    type = MapType.INODE_STORAGE


class CgroupStorage(_Storage[V]):
    type = MapType.CGRP_STORAGE


class _Keyless(MapSpec, Generic[V]):
    types = ("value",)


class Queue(_Keyless[V]):
    """First in, first out: ``push``, ``pop``, ``peek``."""

    type = MapType.QUEUE


class Stack(_Keyless[V]):
    """Last in, first out: ``push``, ``pop``, ``peek``."""

    type = MapType.STACK


class BloomFilter(_Keyless[V]):
    """``push`` values; ``value in filter`` is False only where it surely is not."""

    type = MapType.BLOOM_FILTER


class RingBuf(_Keyless[V]):
    """Records for user space: ``emit(record)``, ``with reserve() as record:``. size: bytes, a power of two pages."""

    type = MapType.RINGBUF

    def __init__(self, size: int = 1 << 18, **attributes: Any) -> None:
        super().__init__(size, **attributes)


class UserRingBuf(_Keyless[V]):
    """Records from user space: ``for record in requests.drain():``."""

    type = MapType.USER_RINGBUF

    def __init__(self, size: int = 1 << 18, **attributes: Any) -> None:
        super().__init__(size, **attributes)


class PerfEvents(_Keyless[V]):
    """Records for user space through per-CPU buffers: ``emit(ctx, record)``."""

    type = MapType.PERF_EVENT_ARRAY

    def __init__(self, max_entries: int | None = 0, **attributes: Any) -> None:
        super().__init__(max_entries, **attributes)


class Arena(MapSpec):
    """Memory shared with user space. size: bytes, whole pages."""

    type = MapType.ARENA
    types = ()

    def __init__(self, size: int = 1 << 20, **attributes: Any) -> None:
        super().__init__(size // 4096, flags=1 << 10, **attributes)


MAP_CLASSES: tuple[type[MapSpec], ...] = (
    HashMap, LruHash, PerCpuHash, LruPerCpuHash, LpmTrie, HashOfMaps, SockHash, DevMapHash, Array, PerCpuArray,
    ArrayOfMaps, ProgArray, CgroupArray, DevMap, CpuMap, XskMap, SockMap, ReuseportSockArray, StackTrace, SkStorage,
    TaskStorage, InodeStorage, CgroupStorage, Queue, Stack, BloomFilter, RingBuf, UserRingBuf, PerfEvents, Arena,
)  # fmt: skip
