"""The maps of a plan, made in the running kernel: created, filled, frozen, pinned.

In: a plan, its lowered BTF. Out: a descriptor for each map, owned by the stack that is handed in. A map whose BTF the
kernel refuses is made without, and that is a warning. Source: libbpf's bpf_object__create_map and its kin.
"""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import ExitStack

from btfkit.convert.lower import Lowered
from btfkit.errors import LoadError
from btfkit.load.maps import HANDLES
from btfkit.load.plan import LoadPlan, MapPlan
from btfkit.load.plan_maps import has_types

from .fd import Fd
from .kernel import kconfig_bytes
from .probe import features
from .sys import map_create, map_freeze, map_info, map_update, num_possible_cpus, obj_get, obj_pin
from .uapi import MapFlags, MapType

__all__ = ["MapMaker"]

UNTYPED = frozenset(
    {
        MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY, MapType.STACK_TRACE, MapType.ARRAY_OF_MAPS,
        MapType.HASH_OF_MAPS, MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP, MapType.XSKMAP, MapType.SOCKMAP,
        MapType.SOCKHASH, MapType.QUEUE, MapType.STACK, MapType.ARENA, MapType.PROG_ARRAY, MapType.RINGBUF,
        MapType.USER_RINGBUF,
    }
)  # fmt: skip
"""Maps whose types a kernel does not take, or that have none it could check."""

MAPS_OF_MAPS = frozenset({MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS})
_RING_BUFFERS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})


class MapMaker:
    """Makes the maps of one load. fds: in the plan's order, as far as it has come; reused: opened from a pin."""

    def __init__(
        self, plan: LoadPlan, lowered: Lowered, btf_fd: Fd | None, stack: ExitStack, warnings: list[str], pin_root: str
    ) -> None:
        self.plan = plan
        self.lowered = lowered
        self.btf_fd = btf_fd
        self.stack = stack
        self.warnings = warnings
        self.pin_root = pin_root
        self.fds: list[Fd] = []
        self.reused: set[int] = set()
        self.refusals: list[str] = []

    def make_all(self, undo: ExitStack) -> None:
        """undo: takes back pins that were made, should the load fail later."""
        for index, map_ in enumerate(self.plan.maps):
            try:
                fd = self._pinned(map_) if map_.pinning else None
                if fd is None:
                    fd = self.stack.enter_context(self._create(map_))
                    if map_.pinning:
                        self._pin(map_, fd, undo)
                else:
                    self.stack.enter_context(fd)
                    self.reused.add(index)
                self.fds.append(fd)
                if map_.is_data and index not in self.reused:
                    self._fill(map_, fd)
            except LoadError as error:
                error.thing = f"map '{map_.name}'"
                if error.errno == errno.EINVAL and not _max_entries(map_):
                    error.reason += " (max_entries is 0)"
                raise
        self._fill_maps_of_maps()

    # -- creation ------------------------------------------------------------------------------------------------

    def _create(self, map_: MapPlan) -> Fd:
        with ExitStack() as inner_fd:
            template: Fd | int = 0
            if map_.inner is not None:
                template = inner_fd.enter_context(self._create(map_.inner))
            key_id, value_id = self._types(map_)
            if key_id or value_id:
                assert self.btf_fd is not None
                try:
                    return self._call(map_, template, self.btf_fd, key_id, value_id)
                except LoadError as error:
                    if error.errno in (errno.EPERM, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
                        raise
                    refusal = error
                fd = self._call(map_, template)  # raises what is wrong, if it is not the types
                self.refusals.append(f"map '{map_.name}': the kernel does not take its types: {refusal.reason}")
                self.warnings.append(self.refusals[-1])
                return fd
            return self._call(map_, template)

    def _call(self, map_: MapPlan, template: Fd | int, btf_fd: Fd | int = 0, key_id: int = 0, value_id: int = 0) -> Fd:
        flags = map_.flags
        if map_.is_data and not features().array_mmap:
            flags &= ~int(MapFlags.MMAPABLE)
        return map_create(
            map_.type,
            map_.key_size,
            4 if map_.type == MapType.PERF_EVENT_ARRAY else map_.value_size,  # its descriptor's, not its records'
            _max_entries(map_),
            name=(map_.kernel_name if features().dotted_name else map_.kernel_name.replace(".", "_"))
            if features().map_name
            else "",
            flags=flags,
            inner_map_fd=template,
            numa_node=map_.numa_node if flags & MapFlags.NUMA_NODE else None,
            btf_fd=btf_fd,
            btf_key_type_id=key_id,
            btf_value_type_id=value_id,
            map_extra=map_.map_extra,
        )

    def _types(self, map_: MapPlan) -> tuple[int, int]:
        """The ids that MAP_CREATE is to be told: of a data map none and its DATASEC's."""
        if self.btf_fd is None or map_.type in UNTYPED:
            return 0, 0
        if map_.section is not None:
            return 0, self.lowered.datasecs.get(map_.section, 0)
        if map_.externs:
            return 0, self.lowered.datasecs.get(map_.name, 0)
        return (map_.key_type_id, map_.value_type_id) if has_types(self.plan.btf, map_) else (0, 0)

    # -- contents ------------------------------------------------------------------------------------------------

    def _fill(self, map_: MapPlan, fd: Fd) -> None:
        data = map_.data or b""
        if map_.externs:
            weak = {s.name for s in self.plan.source.elf.symbols if s.is_undefined and s.is_weak}
            data = kconfig_bytes(self.plan.btf, map_.externs, map_.value_size, weak)
        if data.strip(b"\0"):
            map_update(fd, bytes(4), data)
        if map_.frozen:
            try:
                map_freeze(fd)
            except LoadError as error:
                if error.errno != errno.EINVAL:  # kernels before 5.2
                    raise

    def _fill_maps_of_maps(self) -> None:
        for index, map_ in enumerate(self.plan.maps):
            if map_.type in MAPS_OF_MAPS and index not in self.reused:
                for initial in map_.values:
                    if initial.map < 0:
                        raise LoadError(f"element {initial.element} is to be a program", thing=f"map '{map_.name}'")
                    self.put_handle(index, initial.element, self.fds[initial.map])

    def put_handle(self, index: int, element: int, fd: Fd) -> None:
        """Set an element of a map of maps or programs."""
        map_ = self.plan.maps[index]
        assert map_.type in HANDLES
        order = "big" if self.plan.byte_order == "big" else "little"
        try:
            map_update(self.fds[index], element.to_bytes(4, order), fd.fileno().to_bytes(4, order))  # type: ignore[arg-type]
        except LoadError as error:
            error.thing = f"map '{map_.name}', element {element}"
            raise

    # -- pins ----------------------------------------------------------------------------------------------------

    def _path(self, map_: MapPlan) -> str:
        """bpffs takes no dots in names."""
        return os.path.join(self.pin_root, map_.name.replace(".", "_"))

    def _pinned(self, map_: MapPlan) -> Fd | None:
        """The map that is pinned under this name already, None where there is none. LoadError if it is another one."""
        path = self._path(map_)
        try:
            fd = obj_get(path)
        except LoadError as error:
            if error.errno == errno.ENOENT:
                return None
            raise
        try:
            info = map_info(fd)
            wanted = {
                "type": map_.type,
                "key_size": map_.key_size,
                "value_size": map_.value_size,
                "max_entries": _max_entries(map_),
                "map_flags": map_.flags,
                "map_extra": map_.map_extra,
            }
            have = info._asdict()
            other = [f"{name} {have[name]}, not {want}" for name, want in wanted.items() if have[name] != want]
            if other:
                raise LoadError(f"is pinned already, with {', '.join(other)}", errno=errno.EINVAL, path=path)
        except BaseException:
            fd.close()
            raise
        return fd

    def _pin(self, map_: MapPlan, fd: Fd, undo: ExitStack) -> None:
        path = self._path(map_)
        obj_pin(fd, path)

        def unpin() -> None:
            with contextlib.suppress(OSError):
                os.unlink(path)

        undo.callback(unpin)


def _max_entries(map_: MapPlan) -> int:
    """What the object leaves to the machine: an entry per CPU; of a ring buffer, whole pages and a power of two."""
    if map_.type == MapType.PERF_EVENT_ARRAY and not map_.max_entries:
        return num_possible_cpus()
    if map_.type in _RING_BUFFERS and map_.max_entries:
        size = os.sysconf("SC_PAGE_SIZE")
        while size < map_.max_entries and size < 1 << 31:
            size *= 2
        return size
    return map_.max_entries
