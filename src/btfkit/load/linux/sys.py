"""The system calls, all in one place to import from: maps, programs, BTF, objects that exist.

What comes in: numbers, bytes and descriptors. What goes out: descriptors, bytes and named fields, or LoadError with
errno, the kernel's last words and its whole log. Nothing here has heard of ELF or of BTF's meaning.
"""

from __future__ import annotations

from .fd import Fd, FdLike
from .raw import ENOTSUPP
from .sys_iter import map_items, map_keys
from .sys_map import (
    MapBatch,
    map_create,
    map_delete,
    map_delete_batch,
    map_freeze,
    map_lookup,
    map_lookup_and_delete,
    map_lookup_batch,
    map_next_key,
    map_update,
    map_update_batch,
    map_value_size,
    num_possible_cpus,
    obj_name,
)
from .sys_obj import (
    BtfInfo,
    MapInfo,
    ProgInfo,
    btf_get_fd_by_id,
    btf_get_next_id,
    btf_ids,
    btf_info,
    map_get_fd_by_id,
    map_get_next_id,
    map_ids,
    map_info,
    obj_get,
    obj_pin,
    prog_get_fd_by_id,
    prog_get_next_id,
    prog_ids,
    prog_info,
)
from .sys_prog import TestRun, btf_load, prog_load, prog_test_run

__all__ = [
    "ENOTSUPP",
    "BtfInfo",
    "Fd",
    "FdLike",
    "MapBatch",
    "MapInfo",
    "ProgInfo",
    "TestRun",
    "btf_get_fd_by_id",
    "btf_get_next_id",
    "btf_ids",
    "btf_info",
    "btf_load",
    "map_create",
    "map_delete",
    "map_delete_batch",
    "map_freeze",
    "map_get_fd_by_id",
    "map_get_next_id",
    "map_ids",
    "map_info",
    "map_items",
    "map_keys",
    "map_lookup",
    "map_lookup_and_delete",
    "map_lookup_batch",
    "map_next_key",
    "map_update",
    "map_update_batch",
    "map_value_size",
    "num_possible_cpus",
    "obj_get",
    "obj_name",
    "obj_pin",
    "prog_get_fd_by_id",
    "prog_get_next_id",
    "prog_ids",
    "prog_info",
    "prog_load",
    "prog_test_run",
]
