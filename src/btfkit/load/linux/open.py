"""Maps that exist in the running kernel already, by name, id or pin.

In: what the user calls the map. Out: a typed mapping; the types are those of the BTF the map was made with, else all
that is known is sizes.
"""

from __future__ import annotations

import difflib
import os
import sys as python_sys
from contextlib import ExitStack

from btfkit.codec import decode_btf
from btfkit.errors import AmbiguousTypeError, LoadError, TypeNotFoundError
from btfkit.load.maps import MapTypes, TypedMap, TypedQueue, typed_map
from btfkit.load.plan_maps import kernel_name

from .fd import Fd
from .store import KernelMap
from .sys import MapInfo, btf_get_fd_by_id, btf_info, map_get_fd_by_id, map_ids, map_info, obj_get

__all__ = ["map_types", "open_map"]

PIN_ROOT = "/sys/fs/bpf"


def open_map(what: str | int | os.PathLike[str]) -> TypedMap | TypedQueue:
    """The map of that id, pinned at that path (a text with a slash), or of that name.

    Close it, or use it in a ``with`` block. TypeNotFoundError for a name that no map has; AmbiguousTypeError, with the
    ids, for one that several have; LoadError where the kernel refuses.
    """
    with ExitStack() as stack:
        fd = stack.enter_context(_open(what))
        store = KernelMap(fd)
        opened = typed_map(store, map_types(store.info))
        stack.pop_all()
        return opened


def map_types(info: MapInfo) -> MapTypes:
    """What the kernel knows of the types of a map's keys and values."""
    if not info.btf_id:
        return MapTypes(byte_order=python_sys.byteorder)
    with btf_get_fd_by_id(info.btf_id) as fd:
        btf = decode_btf(btf_info(fd).data)
    return MapTypes(btf, info.btf_key_type_id, info.btf_value_type_id, python_sys.byteorder)


def _open(what: str | int | os.PathLike[str]) -> Fd:
    if isinstance(what, int):
        return _by_id(what)
    text = os.fspath(what)
    if "/" in text or not isinstance(what, str):
        return _pinned(text)
    if text.removeprefix("id:").isdecimal():
        return _by_id(int(text.removeprefix("id:")))
    found, names = _named(kernel_name(text))
    if len(found) == 1:
        return map_get_fd_by_id(found[0])
    if found:
        raise AmbiguousTypeError(
            f"there are {len(found)} maps of that name: ids {', '.join(map(str, found))}",
            ids=found,
            thing=f"map '{text}'",
        )
    if os.path.exists(os.path.join(PIN_ROOT, text)):
        return _pinned(os.path.join(PIN_ROOT, text))
    near = difflib.get_close_matches(text, names, n=3)
    raise TypeNotFoundError("there is no map of that name in the kernel", near=near, thing=f"map '{text}'")


def _by_id(map_id: int) -> Fd:
    if not 0 <= map_id < 1 << 32:
        raise TypeNotFoundError("an id has 32 bits", thing=f"map {map_id}")
    return map_get_fd_by_id(map_id)


def _pinned(path: str) -> Fd:
    fd = obj_get(path)
    try:
        map_info(fd)
    except LoadError:
        fd.close()
        raise LoadError("what is pinned there is not a map", path=path) from None
    return fd


def _named(name: str) -> tuple[list[int], set[str]]:
    """Ids of the maps of that name, and the names of all."""
    found, names = [], set()
    for map_id in map_ids():
        try:
            with map_get_fd_by_id(map_id) as fd:
                info = map_info(fd)
        except LoadError:
            continue  # gone meanwhile
        if info.name:
            names.add(info.name)
        if info.name == name:
            found.append(map_id)
    return found, names
