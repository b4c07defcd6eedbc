"""Reading a whole map while programs and people change it.

What comes in: a map and its sizes. What goes out: each element that stays in the map meanwhile, once; elements that
come or go meanwhile may be among them or not. Reading always ends. Source: kernel/bpf/hashtab.c, syscall.c
(generic_map_lookup_batch).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from btfkit.errors import LoadError

from .fd import FdLike
from .raw import ENOTSUPP
from .sys_map import map_lookup, map_lookup_batch, map_next_key
from .sys_obj import map_info

__all__ = ["map_items", "map_keys"]

# What a first BPF_MAP_LOOKUP_BATCH says on kernels before 5.6, or about map types that have no batches.
_NO_BATCH = frozenset({errno.EINVAL, errno.EOPNOTSUPP, ENOTSUPP, errno.EPERM})
_MAX_CHUNK = 1 << 20


def map_items(
    fd: FdLike, key_size: int, value_size: int, *, chunk: int = 256, batch: bool = True, flags: int = 0
) -> Iterator[tuple[bytes, bytes]]:
    """All (key, value) pairs of a map; deleting the pair just given is allowed.

    value_size: bytes of a value in memory, see `map_value_size`. chunk: elements a system call, where the kernel has
    batches for this map type (`batch=False`: do not even try); key by key otherwise.
    """
    if batch:
        position: bytes | None = None
        patience = 64
        while True:
            try:
                got = map_lookup_batch(fd, key_size, value_size, chunk, position, elem_flags=flags)
            except LoadError as error:
                if error.errno == errno.ENOSPC and chunk < _MAX_CHUNK:
                    chunk *= 2  # a hash map's bucket is read whole or not at all
                    continue
                if error.errno == errno.EINTR and patience:
                    patience -= 1  # elements vanished under the kernel's hands, three times in a row
                    continue
                if position is None and error.errno in _NO_BATCH:
                    break
                raise
            for i in range(got.n):
                yield (
                    got.keys[i * key_size : (i + 1) * key_size],
                    got.values[i * value_size : (i + 1) * value_size],
                )
            if got.position is None:
                return
            position = got.position
    for key in map_keys(fd, key_size):
        value = map_lookup(fd, key, value_size, flags)
        if value is not None:
            yield key, value


def map_keys(fd: FdLike, key_size: int) -> Iterator[bytes]:
    """All keys of a map, none of them twice; deleting the key just given is allowed.

    A hash map starts over when the key it is to go on from has been deleted by others. Where that happens so often
    that the steps taken are far beyond the map's size, LoadError with EAGAIN.
    """
    steps_left = 1024 + 16 * map_info(fd).max_entries
    seen: set[bytes] = set()
    key = map_next_key(fd, None, key_size)
    while key is not None:
        # One ahead, so that the next key is known before this one can be deleted by whoever gets it.
        following = map_next_key(fd, key, key_size)
        if key not in seen:
            seen.add(key)
            yield key
        key = following
        steps_left -= 1
        if steps_left < 0:
            raise LoadError("the map changes faster than it can be read key by key", errno=errno.EAGAIN, thing="map")
