"""``enum bpf_map_type``, and what the types say about keys and values.

Source: include/uapi/linux/bpf.h; docs/format.md, sections 2 and 5; the kernel's map_alloc_check functions.
"""

from __future__ import annotations

from enum import IntEnum


class MapType(IntEnum):
    """BPF_MAP_TYPE_*."""

    UNSPEC = 0
    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    STACK_TRACE = 7
    CGROUP_ARRAY = 8
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    ARRAY_OF_MAPS = 12
    HASH_OF_MAPS = 13
    DEVMAP = 14
    SOCKMAP = 15
    CPUMAP = 16
    XSKMAP = 17
    SOCKHASH = 18
    CGROUP_STORAGE = 19
    REUSEPORT_SOCKARRAY = 20
    PERCPU_CGROUP_STORAGE = 21
    QUEUE = 22
    STACK = 23
    SK_STORAGE = 24
    DEVMAP_HASH = 25
    STRUCT_OPS = 26
    RINGBUF = 27
    INODE_STORAGE = 28
    TASK_STORAGE = 29
    BLOOM_FILTER = 30
    USER_RINGBUF = 31
    CGRP_STORAGE = 32
    ARENA = 33
    INSN_ARRAY = 34

    @property
    def word(self) -> str:
        """``hash``, ``lru_hash`` …, as bpftool spells it."""
        return self.name.lower()


INDEXED = frozenset(
    {
        MapType.ARRAY, MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.PERCPU_ARRAY, MapType.CGROUP_ARRAY,
        MapType.ARRAY_OF_MAPS, MapType.DEVMAP, MapType.SOCKMAP, MapType.CPUMAP, MapType.XSKMAP,
        MapType.REUSEPORT_SOCKARRAY,
    }
)  # fmt: skip
"""Their key is a u32 index, whatever the source says."""

RECORDS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF, MapType.PERF_EVENT_ARRAY})
"""The MAP's value type is the record that goes through; value_size is not its size."""

MAPS_OF_MAPS = frozenset({MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS})

OPAQUE = frozenset(
    {
        MapType.CGROUP_ARRAY, MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.DEVMAP, MapType.DEVMAP_HASH,
        MapType.CPUMAP,
    }
)  # fmt: skip
"""A value is a handle that means nothing as a number: void, unless a struct says more (devices, CPUs)."""

BY_REFERENCE = RECORDS | MAPS_OF_MAPS | OPAQUE | {MapType.PROG_ARRAY}
"""Maps whose value_size is not the size of the MAP's value type."""


def map_type_word(number: int) -> str:
    """``hash``, or ``type 99``."""
    try:
        return MapType(number).word
    except ValueError:
        return f"type {number}"
