"""Map commands of bpf(2).

What comes in: sizes and bytes as the kernel has them. What goes out: bytes, or LoadError.
**Sizes are taken on trust**: the kernel reads key_size and writes value_size bytes at the addresses it is given, so a
wrong size overruns a buffer. `map_info` tells the sizes of a map; `map_value_size` what one value takes in memory.
A missing element is no error but None or False. Source: kernel/bpf/syscall.c.
"""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple

from .fd import Fd, FdLike, fd_number
from .raw import Buffer, attr, bpf, bpf_charged, capability_hint, refused
from .uapi import BPF_OBJ_NAME_LEN, BpfCmd, MapFlags, MapType

__all__ = [
    "MapBatch",
    "map_create",
    "map_delete",
    "map_delete_batch",
    "map_freeze",
    "map_lookup",
    "map_lookup_and_delete",
    "map_lookup_batch",
    "map_next_key",
    "map_update",
    "map_update_batch",
    "map_value_size",
    "num_possible_cpus",
    "obj_name",
]

_PERCPU = frozenset(
    {
        MapType.PERCPU_HASH,
        MapType.PERCPU_ARRAY,
        MapType.LRU_PERCPU_HASH,
        MapType.PERCPU_CGROUP_STORAGE,
    }
)


def obj_name(name: str | bytes) -> bytes:
    """`name` as the kernel takes names of maps and programs: 15 bytes of ASCII letters, digits, ``_`` and ``.``."""
    raw = name.encode() if isinstance(name, str) else name
    safe = bytes(c if chr(c).isascii() and (chr(c).isalnum() or c in b"_.") else ord("_") for c in raw)
    return safe[: BPF_OBJ_NAME_LEN - 1]


def num_possible_cpus() -> int:
    """How many CPUs per-CPU maps have a value for: those that could ever be plugged in."""
    with open("/sys/devices/system/cpu/possible") as file:
        text = file.read()
    count = 0
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def map_value_size(map_type: int, value_size: int) -> int:
    """Bytes that one value takes in lookups and updates: per-CPU maps have one for each CPU, each padded to 8."""
    if map_type in _PERCPU:
        return (value_size + 7 & ~7) * num_possible_cpus()
    return value_size


def map_create(
    map_type: int,
    key_size: int,
    value_size: int,
    max_entries: int,
    *,
    name: str | bytes = b"",
    flags: int = 0,
    inner_map_fd: FdLike = 0,
    numa_node: int | None = None,
    btf_fd: FdLike = 0,
    btf_key_type_id: int = 0,
    btf_value_type_id: int = 0,
    btf_vmlinux_value_type_id: int = 0,
    map_extra: int = 0,
    ifindex: int = 0,
) -> Fd:
    """Make a map. A name (kernel 4.15) is cut and cleaned by `obj_name`; numa_node sets its flag by itself."""
    if numa_node is not None:
        flags |= MapFlags.NUMA_NODE
    request = attr(
        "7I16s5IQ",
        map_type,
        key_size,
        value_size,
        max_entries,
        flags,
        fd_number(inner_map_fd),
        numa_node or 0,
        obj_name(name),
        ifindex,
        fd_number(btf_fd),
        btf_key_type_id,
        btf_value_type_id,
        btf_vmlinux_value_type_id,
        map_extra,
    )
    result = bpf_charged(BpfCmd.MAP_CREATE, request)
    if result < 0:
        shown = name.decode(errors="replace") if isinstance(name, bytes) else name
        raise refused(
            BpfCmd.MAP_CREATE, -result, thing=f"map {shown!r}" if shown else "map", hint=capability_hint(-result)
        )
    return Fd(result)


def map_lookup(fd: FdLike, key: bytes, value_size: int, flags: int = 0) -> bytes | None:
    """The value of `key`; None where there is none. A queue's or stack's head is asked for with an empty key."""
    return _read(BpfCmd.MAP_LOOKUP_ELEM, fd, key, value_size, flags)


def map_lookup_and_delete(fd: FdLike, key: bytes, value_size: int, flags: int = 0) -> bytes | None:
    """The value of `key`, which is taken out; queues and stacks with an empty key since 4.20, hashes since 5.14."""
    return _read(BpfCmd.MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value_size, flags)


def map_update(fd: FdLike, key: bytes, value: bytes, flags: int = 0) -> None:
    """Set the value of `key`; queues, stacks and Bloom filters are pushed to with an empty key."""
    key_buf = Buffer(key)
    value_buf = Buffer(value)
    _done(BpfCmd.MAP_UPDATE_ELEM, bpf(BpfCmd.MAP_UPDATE_ELEM, _elem(fd, key_buf.addr, value_buf.addr, flags)))


def map_delete(fd: FdLike, key: bytes) -> bool:
    """Delete `key`; whether it was there."""
    key_buf = Buffer(key)
    result = bpf(BpfCmd.MAP_DELETE_ELEM, _elem(fd, key_buf.addr, 0, 0))
    if result == -errno.ENOENT:
        return False
    _done(BpfCmd.MAP_DELETE_ELEM, result)
    return True


def map_next_key(fd: FdLike, key: bytes | None, key_size: int) -> bytes | None:
    """The key after `key`, the first one after None (kernel 4.12), None at the end.

    After a key that is no longer there, hash maps start over from the first.
    """
    key_buf = Buffer(key or b"")
    next_buf = Buffer(key_size)
    result = bpf(BpfCmd.MAP_GET_NEXT_KEY, _elem(fd, key_buf.addr, next_buf.addr, 0))
    if result == -errno.ENOENT:
        return None
    _done(BpfCmd.MAP_GET_NEXT_KEY, result)
    return next_buf.head(key_size)


def map_freeze(fd: FdLike) -> None:
    """Refuse all later writes by system call (kernel 5.2); programs may still write."""
    _done(BpfCmd.MAP_FREEZE, bpf(BpfCmd.MAP_FREEZE, attr("I", fd_number(fd))))


class MapBatch(NamedTuple):
    """A run of elements: `n` keys and as many values, end to end; `position` goes into the next call.

    position: None once the map's end has been reached
    """

    keys: bytes
    values: bytes
    n: int
    position: bytes | None


def map_lookup_batch(
    fd: FdLike,
    key_size: int,
    value_size: int,
    count: int,
    position: bytes | None = None,
    *,
    elem_flags: int = 0,
    delete: bool = False,
) -> MapBatch:
    """Up to `count` elements from `position` on, all of them taken out with `delete` (kernel 5.6, not all map types).

    ENOSPC: `count` is smaller than the next bucket of a hash map; nothing was read, a larger count may do.
    """
    cmd = BpfCmd.MAP_LOOKUP_AND_DELETE_BATCH if delete else BpfCmd.MAP_LOOKUP_BATCH
    # A hash map's position is a bucket number of 4 bytes whatever its keys are; elsewhere it is a key.
    in_buf = Buffer(position or b"")
    out_buf = Buffer(max(key_size, 4))
    keys_buf = Buffer(key_size * count)
    values_buf = Buffer(value_size * count)
    request = _batch(fd, keys_buf.addr, values_buf.addr, count, elem_flags, in_addr=in_buf.addr, out_addr=out_buf.addr)
    result = bpf(cmd, request)
    if result != -errno.ENOENT:
        _done(cmd, result)
    got = _batch_count(request)
    position = None if result == -errno.ENOENT else out_buf.head(out_buf.size)
    return MapBatch(keys_buf.head(key_size * got), values_buf.head(value_size * got), got, position)


def map_update_batch(fd: FdLike, keys: bytes, values: bytes, count: int, *, elem_flags: int = 0) -> None:
    """Set `count` elements, keys and values end to end (kernel 5.6). After an error some of them may be set."""
    keys_buf = Buffer(keys)
    values_buf = Buffer(values)
    request = _batch(fd, keys_buf.addr, values_buf.addr, count, elem_flags)
    _done(BpfCmd.MAP_UPDATE_BATCH, bpf(BpfCmd.MAP_UPDATE_BATCH, request))


def map_delete_batch(fd: FdLike, keys: bytes, count: int, *, elem_flags: int = 0) -> int:
    """Delete `count` keys, end to end (kernel 5.6); how many were deleted before the first that was not there."""
    keys_buf = Buffer(keys)
    request = _batch(fd, keys_buf.addr, 0, count, elem_flags)
    result = bpf(BpfCmd.MAP_DELETE_BATCH, request)
    if result != -errno.ENOENT:
        _done(BpfCmd.MAP_DELETE_BATCH, result)
    return _batch_count(request)


def _elem(fd: FdLike, key_addr: int, value_addr: int, flags: int) -> bytearray:
    return attr("2I3Q", fd_number(fd), 0, key_addr, value_addr, flags)


def _batch(
    fd: FdLike, keys_addr: int, values_addr: int, count: int, elem_flags: int, *, in_addr: int = 0, out_addr: int = 0
) -> bytearray:
    return attr("4Q2I2Q", in_addr, out_addr, keys_addr, values_addr, count, fd_number(fd), elem_flags, 0)


def _batch_count(request: bytearray) -> int:
    """How many elements the kernel got through."""
    return int(struct.unpack_from("=I", request, 32)[0])


def _read(cmd: BpfCmd, fd: FdLike, key: bytes, value_size: int, flags: int) -> bytes | None:
    key_buf = Buffer(key)
    value_buf = Buffer(value_size)
    result = bpf(cmd, _elem(fd, key_buf.addr, value_buf.addr, flags))
    if result == -errno.ENOENT:
        return None
    _done(cmd, result)
    return value_buf.head(value_size)


def _done(cmd: BpfCmd, result: int) -> None:
    if result < 0:
        raise refused(cmd, -result, thing="map", hint=_map_hint(cmd, -result))


def _map_hint(cmd: BpfCmd, code: int) -> str:
    if code == errno.EPERM:
        return capability_hint(code) or "the map may be frozen or read-only"
    if code == errno.E2BIG and cmd in (BpfCmd.MAP_UPDATE_ELEM, BpfCmd.MAP_UPDATE_BATCH):
        return "the map is full, or the index is past its end"
    return ""
