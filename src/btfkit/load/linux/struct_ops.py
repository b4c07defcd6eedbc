"""Structs of operations in the kernel: made with their programs, registered when they are attached (kernel 5.6).

In: a plan's struct, its programs loaded. Out: a map of the type STRUCT_OPS. Fields meet the kernel's by name. Source:
bpf_map__init_kern_struct_ops and bpf_map__attach_struct_ops in tools/lib/bpf/libbpf.c.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from btfkit.errors import LoadError
from btfkit.load.plan import StructOpsPlan
from btfkit.model import types as t

from .kernel import vmlinux_btf
from .links import Link
from .sys import Fd, link_create, map_create, map_delete, map_update
from .uapi import AttachType, MapFlags, MapType

if TYPE_CHECKING:
    from .loaded import LoadedProgram

KEY = bytes(4)
KERNEL_SIDE = "bpf_struct_ops_"


def _struct(name: str) -> tuple[int, t.Struct]:
    btf = vmlinux_btf()
    for type_id in btf.find_all(name, t.Struct):
        found = btf[type_id]
        if isinstance(found, t.Struct):
            return type_id, found
    raise LoadError(f"needs 'struct {name}', which the kernel's BTF does not have", errno=errno.ESRCH)


def operation(struct: str, field: str) -> tuple[int, int]:
    """(attach_btf_id, expected_attach_type) of a program that is that field."""
    type_id, found = _struct(struct)
    for index, member in enumerate(found.members):
        if member.name == field:
            return type_id, index
    raise LoadError(f"needs '{struct}.{field}', which the kernel's BTF does not have", errno=errno.ESRCH)


class LoadedStructOps:
    """A struct of operations that can be registered: ``with ops.attach():``."""

    def __init__(self, plan: StructOpsPlan, fd: Fd, value: bytes) -> None:
        self.plan = plan
        self._fd = fd
        self._value = value
        self._links: list[Link] = []

    def __repr__(self) -> str:
        return f"<LoadedStructOps {self.name!r}: {self.plan.struct}>"

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def fd(self) -> int:
        return self._fd.fileno()

    def attach(self) -> Link:
        """Register it, until the `Link` that this gives is closed, or the object is. LoadError: the kernel refuses."""
        try:
            map_update(self._fd, KEY, self._value)
            fd = link_create(self._fd, 0, AttachType.STRUCT_OPS) if self.plan.link else None
        except LoadError as error:
            error.thing = f"struct '{self.name}'"
            raise
        self._links.append(Link(self, self.plan.struct, fd, None if self.plan.link else self._unregister))
        return self._links[-1]

    def _unregister(self) -> None:
        map_delete(self._fd, KEY)

    def close(self) -> None:
        """Unregister it, and close it."""
        while self._links:
            self._links.pop().close()
        self._fd.close()


def make(plan: StructOpsPlan, btf_fd: Fd | None, programs: Mapping[str, LoadedProgram]) -> LoadedStructOps:
    """The map, not registered yet. LoadError: a field that this kernel's struct does not have, or has otherwise."""
    btf = vmlinux_btf()
    value_id, wrapper = _struct(KERNEL_SIDE + plan.struct)
    _, struct = _struct(plan.struct)
    size = btf.size_of(value_id) or 0
    start = next(member.bit_off // 8 for member in wrapper.members if member.name == "data")
    value = bytearray(size)
    offsets = {
        member.name: (start + member.bit_off // 8, btf.size_of(member.type_id) or 0) for member in struct.members
    }
    data = dict(plan.values)
    for field, name in plan.programs.items():
        if name in programs:
            data[field] = programs[name].fd.to_bytes(8, sys.byteorder)
    for field, bytes_ in data.items():
        off, room = offsets.get(field, (0, -1))
        if room != len(bytes_):
            has = "does not have" if room < 0 else f"has with {room} bytes, not {len(bytes_)}"
            raise LoadError(
                f"sets '{plan.struct}.{field}', which this kernel {has}",
                errno=errno.EINVAL,
                thing=f"struct '{plan.name}'",
            )
        value[off : off + room] = bytes_
    fd = map_create(
        MapType.STRUCT_OPS,
        len(KEY),
        size,
        1,
        name=plan.name,
        flags=MapFlags.LINK if plan.link else 0,
        btf_fd=btf_fd if btf_fd is not None else 0,
        btf_vmlinux_value_type_id=value_id,
    )
    return LoadedStructOps(plan, fd, bytes(value))


__all__ = ["LoadedStructOps", "make", "operation"]
