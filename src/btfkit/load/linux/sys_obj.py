"""Commands of bpf(2) about objects that exist: pinning, ids, what the kernel tells of a map, a program, a BTF.

What comes in: a descriptor, a path or an id. What goes out: named fields, zero where the kernel is older than the
field; LoadError. Source: struct bpf_map_info, bpf_prog_info, bpf_btf_info of <linux/bpf.h>.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .fd import Fd, FdLike, fd_number
from .raw import Buffer, attr, bpf, capability_hint, refused
from .uapi import BpfCmd

__all__ = [
    "BtfInfo",
    "MapInfo",
    "ProgInfo",
    "btf_get_fd_by_id",
    "btf_get_next_id",
    "btf_ids",
    "btf_info",
    "map_get_fd_by_id",
    "map_get_next_id",
    "map_ids",
    "map_info",
    "obj_get",
    "obj_pin",
    "prog_get_fd_by_id",
    "prog_get_next_id",
    "prog_ids",
    "prog_info",
]


class MapInfo(NamedTuple):
    """struct bpf_map_info, names as there; `btf_id` 0: no BTF."""

    type: int
    id: int
    key_size: int
    value_size: int
    max_entries: int
    map_flags: int
    name: str
    ifindex: int
    btf_vmlinux_value_type_id: int
    netns_dev: int
    netns_ino: int
    btf_id: int
    btf_key_type_id: int
    btf_value_type_id: int
    btf_vmlinux_id: int
    map_extra: int


class ProgInfo(NamedTuple):
    """The fields of struct bpf_prog_info that have one value, and the ids of the maps it uses.

    load_time_ns: nanoseconds since boot. xlated_prog_len and jited_prog_len are bytes.
    run_time_ns and run_cnt stay 0 unless kernel.bpf_stats_enabled is on.
    """

    type: int
    id: int
    tag: str
    name: str
    load_time_ns: int
    created_by_uid: int
    map_ids: tuple[int, ...]
    ifindex: int
    gpl_compatible: bool
    jited_prog_len: int
    xlated_prog_len: int
    btf_id: int
    nr_func_info: int
    nr_line_info: int
    run_time_ns: int
    run_cnt: int
    recursion_misses: int
    verified_insns: int
    attach_btf_obj_id: int
    attach_btf_id: int


class BtfInfo(NamedTuple):
    """struct bpf_btf_info; `data` is the whole .BTF as it was loaded. name and kernel_btf: kernel 5.11."""

    id: int
    name: str
    kernel_btf: bool
    data: bytes


def obj_pin(fd: FdLike, path: str | os.PathLike[str], flags: int = 0) -> None:
    """Give a map, program or link a name in a bpf file system, which keeps it alive."""
    path_buf = Buffer(os.fsencode(path) + b"\0")
    result = bpf(BpfCmd.OBJ_PIN, attr("Q2I", path_buf.addr, fd_number(fd), flags))
    if result < 0:
        hint = capability_hint(-result)
        if result == -errno.EPERM and not hint:
            hint = "is its directory in a mounted bpf file system?"
        raise refused(BpfCmd.OBJ_PIN, -result, hint=hint, path=os.fspath(path))


def obj_get(path: str | os.PathLike[str], flags: int = 0) -> Fd:
    """Open what is pinned at `path`. flags: MapFlags.RDONLY or WRONLY."""
    path_buf = Buffer(os.fsencode(path) + b"\0")
    result = bpf(BpfCmd.OBJ_GET, attr("Q2I", path_buf.addr, 0, flags))
    if result < 0:
        raise refused(BpfCmd.OBJ_GET, -result, hint=capability_hint(-result), path=os.fspath(path))
    return Fd(result)


def map_get_fd_by_id(map_id: int, flags: int = 0) -> Fd:
    """Open the map with that id; ENOENT where it is gone. flags: MapFlags.RDONLY or WRONLY."""
    return _by_id(BpfCmd.MAP_GET_FD_BY_ID, f"map id {map_id}", map_id, flags)


def prog_get_fd_by_id(prog_id: int) -> Fd:
    """Open the program with that id; ENOENT where it is gone."""
    return _by_id(BpfCmd.PROG_GET_FD_BY_ID, f"program id {prog_id}", prog_id)


def btf_get_fd_by_id(btf_id: int) -> Fd:
    """Open the BTF with that id; ENOENT where it is gone."""
    return _by_id(BpfCmd.BTF_GET_FD_BY_ID, f"BTF id {btf_id}", btf_id)


def map_get_next_id(after: int = 0) -> int | None:
    """The lowest id of a map above `after`; None at the end."""
    return _next_id(BpfCmd.MAP_GET_NEXT_ID, after)


def prog_get_next_id(after: int = 0) -> int | None:
    """The lowest id of a program above `after`; None at the end."""
    return _next_id(BpfCmd.PROG_GET_NEXT_ID, after)


def btf_get_next_id(after: int = 0) -> int | None:
    """The lowest id of a BTF above `after` (kernel 5.4); None at the end."""
    return _next_id(BpfCmd.BTF_GET_NEXT_ID, after)


def map_ids() -> Iterator[int]:
    """The ids of all maps, rising; any of them may be gone when it is asked for."""
    return _ids(BpfCmd.MAP_GET_NEXT_ID)


def prog_ids() -> Iterator[int]:
    """The ids of all programs, rising; any of them may be gone when it is asked for."""
    return _ids(BpfCmd.PROG_GET_NEXT_ID)


def btf_ids() -> Iterator[int]:
    """The ids of all BTFs, the kernel's own among them, rising."""
    return _ids(BpfCmd.BTF_GET_NEXT_ID)


_MAP_INFO = struct.Struct("=6I16s2I2Q4IQ")


def map_info(fd: FdLike) -> MapInfo:
    """What the kernel knows of a map (kernel 4.13)."""
    fields = list(_MAP_INFO.unpack(_info(fd, "map", bytes(_MAP_INFO.size))))
    fields[6] = _text(fields[6])
    return MapInfo(*fields)


# struct bpf_prog_info: scalars by offset, so that the lists between them stay empty.
_PROG_INFO_SIZE = 232
_NR_MAP_IDS_OFF = 52
_MAP_IDS_OFF = 56


def prog_info(fd: FdLike) -> ProgInfo:
    """What the kernel knows of a program (kernel 4.13)."""
    first = _info(fd, "program", bytes(_PROG_INFO_SIZE))
    map_count = _u32(first, _NR_MAP_IDS_OFF)
    ids: tuple[int, ...] = ()
    if map_count:
        ids_buf = Buffer(4 * map_count)
        asked = bytearray(_PROG_INFO_SIZE)
        struct.pack_into("=IQ", asked, _NR_MAP_IDS_OFF, map_count, ids_buf.addr)
        got = min(_u32(_info(fd, "program", bytes(asked)), _NR_MAP_IDS_OFF), map_count)
        ids = struct.unpack_from(f"={got}I", ids_buf.head(ids_buf.size))
    return ProgInfo(
        type=_u32(first, 0),
        id=_u32(first, 4),
        tag=first[8:16].hex(),
        name=_text(first[64:80]),
        load_time_ns=_u64(first, 40),
        created_by_uid=_u32(first, 48),
        map_ids=ids,
        ifindex=_u32(first, 80),
        gpl_compatible=_u32(first, 84) != 0,  # a bit field of one bit: which bit is the byte order's choice
        jited_prog_len=_u32(first, 16),
        xlated_prog_len=_u32(first, 20),
        btf_id=_u32(first, 128),
        nr_func_info=_u32(first, 144),
        nr_line_info=_u32(first, 148),
        run_time_ns=_u64(first, 192),
        run_cnt=_u64(first, 200),
        recursion_misses=_u64(first, 208),
        verified_insns=_u32(first, 216),
        attach_btf_obj_id=_u32(first, 220),
        attach_btf_id=_u32(first, 224),
    )


_BTF_INFO = struct.Struct("=Q2IQ2I")


def btf_info(fd: FdLike) -> BtfInfo:
    """What the kernel knows of a BTF, all its bytes among it (kernel 4.18)."""
    _, size, _, _, name_len, _ = _BTF_INFO.unpack(_info(fd, "BTF", bytes(_BTF_INFO.size)))
    data_buf = Buffer(size)
    name_buf = Buffer(name_len + 1 if name_len else 0)
    asked = _BTF_INFO.pack(data_buf.addr, size, 0, name_buf.addr, name_buf.size, 0)
    _, size, btf_id, _, _, kernel_btf = _BTF_INFO.unpack(_info(fd, "BTF", asked))
    return BtfInfo(btf_id, name_buf.text(), bool(kernel_btf), data_buf.head(size))


def _info(fd: FdLike, thing: str, asked: bytes) -> bytes:
    """OBJ_GET_INFO_BY_FD: `asked` as the kernel has filled it in, zeros where it knows no such field."""
    info_buf = Buffer(asked)
    result = bpf(BpfCmd.OBJ_GET_INFO_BY_FD, attr("2IQ", fd_number(fd), len(asked), info_buf.addr))
    if result < 0:
        raise refused(BpfCmd.OBJ_GET_INFO_BY_FD, -result, thing=thing)
    return info_buf.head(info_buf.size)


def _by_id(cmd: BpfCmd, thing: str, number: int, flags: int = 0) -> Fd:
    result = bpf(cmd, attr("3I", number, 0, flags))
    if result < 0:
        raise refused(cmd, -result, thing=thing, hint=capability_hint(-result, by_id=True))
    return Fd(result)


def _next_id(cmd: BpfCmd, after: int) -> int | None:
    request = attr("2I", after, 0)
    result = bpf(cmd, request)
    if result == -errno.ENOENT:
        return None
    if result < 0:
        raise refused(cmd, -result, hint=capability_hint(-result, by_id=True))
    return _u32(request, 4)


def _ids(cmd: BpfCmd) -> Iterator[int]:
    number = _next_id(cmd, 0)
    while number is not None:
        yield number
        number = _next_id(cmd, number)


def _u32(data: bytes | bytearray, off: int) -> int:
    return int(struct.unpack_from("=I", data, off)[0])


def _u64(data: bytes, off: int) -> int:
    return int(struct.unpack_from("=Q", data, off)[0])


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(errors="replace")
