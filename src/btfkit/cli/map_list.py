"""``btfkit map list``: what the kernel says of its maps."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

from btfkit.codec import decode_btf
from btfkit.errors import BtfkitError, LoadError
from btfkit.format.maptype import map_type_word
from btfkit.load.linux.sys import (
    MapInfo,
    btf_get_fd_by_id,
    btf_info,
    map_get_fd_by_id,
    map_ids,
    map_info,
)
from btfkit.model.btf import Btf
from btfkit.model.spell import spell


@dataclass(frozen=True, slots=True)
class Entry:
    """A map. key, value: how C spells the types; None where they are not known."""

    info: MapInfo
    key: str | None
    value: str | None

    def cells(self) -> tuple[str, ...]:
        """Id, name, type, key, value, entries."""
        info = self.info
        return (
            str(info.id),
            info.name or "-",
            map_type_word(info.type),
            self.key or _bytes(info.key_size),
            self.value or _bytes(info.value_size),
            str(info.max_entries),
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON has it; sizes are bytes."""
        info = self.info
        return {
            "id": info.id,
            "name": info.name,
            "type": map_type_word(info.type),
            "key_type": self.key,
            "value_type": self.value,
            "key_size": info.key_size,
            "value_size": info.value_size,
            "max_entries": info.max_entries,
            "map_flags": info.map_flags,
            "map_extra": info.map_extra,
            "btf_id": info.btf_id,
        }


def _bytes(size: int) -> str:
    return f"{size} bytes" if size else "-"


def listed() -> list[Entry]:
    """All maps, by rising ids; those that go meanwhile are left out. LoadError where the kernel does not let us."""
    known: dict[int, Btf | None] = {}
    out = []
    for map_id in map_ids():
        try:
            with map_get_fd_by_id(map_id) as fd:
                info = map_info(fd)
        except LoadError as error:
            if error.errno == errno.ENOENT:
                continue
            raise
        if info.btf_id and info.btf_id not in known:
            known[info.btf_id] = _btf(info.btf_id)
        btf = known.get(info.btf_id)
        out.append(Entry(info, _spelled(btf, info.btf_key_type_id), _spelled(btf, info.btf_value_type_id)))
    return out


def _btf(btf_id: int) -> Btf | None:
    """None where it cannot be had: then the maps' types are not known."""
    try:
        with btf_get_fd_by_id(btf_id) as fd:
            return decode_btf(btf_info(fd).data)
    except BtfkitError:
        return None


def _spelled(btf: Btf | None, type_id: int) -> str | None:
    return spell(btf, type_id) if btf is not None and type_id else None
