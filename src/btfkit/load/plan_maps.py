"""The maps of a plan: those the object defines, those that hold its data, the one of ``.kconfig``.

In: an object in instance form. Out: `MapPlan` in the plan's list, in the order libbpf creates them; variables.
Source: docs/format.md, section 6; libbpf's bpf_object__init_internal_map and internal_map_name.
"""

from __future__ import annotations

import os

from btfkit.convert import maptypes
from btfkit.convert.lower import kconfig_layout
from btfkit.elf import Section, Symbol
from btfkit.errors import LoadError
from btfkit.format.elf import R_BPF_64_ABS64, R_BPF_DATA_64
from btfkit.format.ext import InstanceKind
from btfkit.format.mapdef import SECTION_DOT_MAPS, SECTION_MAPS
from btfkit.load.linux.uapi import BPF_OBJ_NAME_LEN, MapFlags, MapType
from btfkit.load.plan import Initial, LoadPlan, MapPlan, VarPlan
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object import BpfObject, MapDef, decode_map_def

DATA_SECTIONS = (".data", ".rodata", ".bss")
KCONFIG = ".kconfig"

SPECIAL_SECTIONS = (".struct_ops", ".struct_ops.link", ".addr_space.1", ".arena.1", ".jumptables")
"""Sections that no map of one element can stand for."""

_MAX_NAME = BPF_OBJ_NAME_LEN - 1


def object_name(path: str | None) -> str:
    """The file's name up to the first dot: libbpf puts it in front of the names of data maps."""
    return os.path.basename(path).split(".")[0] if path else "bpf"


def kernel_name(name: str) -> str:
    """The name as the kernel takes it: at most 15 of letters, digits, ``_`` and ``.``."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.") else "_" for c in name)[:_MAX_NAME]


def data_map_name(object_name: str, section: str) -> str:
    """``flows.bss``; of a section with two dots (``.rodata.str1.1``) its own name."""
    suffix = min(max(7, len(section)), _MAX_NAME)
    prefix = 0 if "." in section[1:] else min(_MAX_NAME - suffix, len(object_name))
    return kernel_name(object_name[:prefix] + section[:suffix])


def is_data_section(section: Section) -> bool:
    """One that gets a map whether code refers to it or not."""
    name = section.name
    named = any(name == data or name.startswith(data + ".") for data in DATA_SECTIONS)
    return named and section.is_alloc and not section.is_code and section.size > 0


class Maps:
    """The plan's maps, and where things are in them. Other data sections get their map when code refers to them."""

    def __init__(self, plan: LoadPlan, obj: BpfObject) -> None:
        self.plan = plan
        self.obj = obj
        self.btf = obj.btf
        self._by_place: dict[tuple[Section, int], int] = {}
        self._by_section: dict[Section, int] = {}
        self._initial: list[tuple[MapPlan, MapDef]] = []
        self.kconfig: dict[int, tuple[int, int]] = {}
        """VAR in ``.kconfig`` → (map, off)."""
        self._variables: dict[Section, list[int]] = {}
        for declared in obj.instances.of_kind(InstanceKind.VARIABLE):
            if declared.section is not None:
                self._variables.setdefault(declared.section, []).append(declared.inst_id)
        self._defined()
        for section in obj.elf.sections:
            if is_data_section(section):
                self.data_map(section)
        self._kconfig()

    # -- what code refers to -----------------------------------------------------------------------------------

    def map_at(self, section: Section, off: int) -> int | None:
        """The map whose definition starts there."""
        return self._by_place.get((section, off))

    def data_map(self, section: Section) -> int:
        """The map that holds the section's bytes."""
        found = self._by_section.get(section)
        if found is not None:
            return found
        constant = section.name.startswith(".rodata") or not section.is_writable
        flags = int(MapFlags.RDONLY_PROG) if constant else 0
        if self._has_global(section):
            flags |= MapFlags.MMAPABLE
        self.plan.maps.append(
            MapPlan(
                section.name,
                data_map_name(self.plan.name, section.name),
                MapType.ARRAY,
                4,
                section.size,
                1,
                flags,
                data=b"" if section.is_nobits else section.data,
                section=section,
                frozen=constant,
            )
        )
        self._warn_of_pointers(section)
        self._by_section[section] = len(self.plan.maps) - 1
        return self._by_section[section]

    def _has_global(self, section: Section) -> bool:
        """libbpf makes data maps mmapable where BTF says that one of their variables is not static."""
        symbols = [self.obj.definitions[inst_id] for inst_id in self._variables.get(section, ())]
        return any(not symbol.is_local for symbol in symbols)

    def _warn_of_pointers(self, section: Section) -> None:
        for rel in self.obj.elf.relocations(section):
            if rel.type in (R_BPF_64_ABS64, R_BPF_DATA_64) and rel.symbol is not None:
                self.plan.warnings.append(
                    f"{section.name}+0x{rel.off:x} holds the address of {_what(rel.symbol)}, "
                    "which no kernel can fill in: it stays a bare offset"
                )

    # -- defined maps ------------------------------------------------------------------------------------------

    def _defined(self) -> None:
        for declared in self.obj.maps:
            symbol = declared.symbol
            if symbol is None or symbol.section is None:
                continue
            definition = declared.map_def
            type_ = self.btf.map_type(declared.type_id)
            assert type_ is not None
            plan = self._map_plan(declared.name, definition, type_)
            plan.inst_id = declared.inst_id
            if definition.inner is not None:
                plan.inner = self._inner(declared.name, definition.inner, type_)
            self._by_place[symbol.section, symbol.value] = len(self.plan.maps)
            self.plan.maps.append(plan)
            if definition.values:
                self._initial.append((plan, definition))

    def _map_plan(self, name: str, definition: MapDef, type_: t.Map) -> MapPlan:
        return MapPlan(
            name,
            kernel_name(name),
            definition.type,
            definition.key_size,
            definition.value_size,
            definition.max_entries,
            definition.map_flags,
            definition.numa_node,
            definition.map_extra,
            definition.pinning,
            type_.key_type,
            type_.value_type,
        )

    def _inner(self, name: str, symbol: Symbol, outer: t.Map) -> MapPlan:
        if symbol.section is None:
            raise LoadError(f"its inner map {symbol.label} is not defined here", thing=f"map '{name}'")
        type_ = self.btf.map_type(outer.value_type) or t.Map(0, 0)
        return self._map_plan(f"{name}.inner", decode_map_def(self.obj.elf, symbol, self.obj.dialect), type_)

    def finish(self) -> None:
        """What maps hold at the start, and the variables: once all maps and programs are there."""
        programs = {program.name for program in self.plan.programs}
        for plan, definition in self._initial:
            for index, symbol in enumerate(definition.values):
                if symbol is None:
                    continue
                target = self._by_place.get((symbol.section, symbol.value)) if symbol.section else None
                if target is not None:
                    plan.values.append(Initial(index, map=target))
                elif symbol.name in programs:
                    plan.values.append(Initial(index, program=symbol.name))
                else:
                    raise LoadError(
                        f"element {index} is to be {_what(symbol)}, neither a map nor a program of this object",
                        thing=f"map '{plan.name}'",
                    )
        self._find_variables()

    # -- variables ---------------------------------------------------------------------------------------------

    def _find_variables(self) -> None:
        for declared in self.obj.instances.of_kind(InstanceKind.VARIABLE):
            symbol = declared.symbol
            if symbol is None or symbol.section is None:
                place = self.kconfig.get(declared.type_id)
                off, size = (place[1], self.btf.size_of(declared.type_id) or 0) if place else (0, 0)
                index = place[0] if place else None
            else:
                index, off, size = self._by_section.get(symbol.section), symbol.value, symbol.size
            if index is not None:
                size = size or self.btf.size_of(declared.type_id) or 0
                self.plan.variables.append(
                    VarPlan(
                        declared.name,
                        declared.qualified_name,
                        symbol.name if symbol is not None else declared.name,
                        index,
                        off,
                        size,
                        declared.type_id,
                        declared.inst_id,
                    )
                )

        self._find_untyped()

    def _find_untyped(self) -> None:
        """Variables that no BTF tells of: bpf-gcc's static locals, ``calls.0``."""
        told = set(self.obj.definitions.values())
        for symbol in self.obj.elf.symbols:
            index = self._by_section.get(symbol.section) if symbol.section is not None else None
            if index is not None and symbol.is_object and symbol.size and symbol not in told:
                head, _, number = symbol.name.rpartition(".")
                name = head if head and number.isdecimal() else symbol.name
                self.plan.variables.append(VarPlan(name, name, symbol.name, index, symbol.value, symbol.size, 0, 0))

    def _kconfig(self) -> None:
        layout, size = kconfig_layout(self.btf)
        if not size:
            return
        index = len(self.plan.maps)
        self.kconfig = {var.var_id: (index, var.off) for var in layout}
        flags = int(MapFlags.RDONLY_PROG | MapFlags.MMAPABLE)
        name = data_map_name(self.plan.name, KCONFIG)
        self.plan.maps.append(
            MapPlan(KCONFIG, name, MapType.ARRAY, 4, size, 1, flags, data=b"", externs=layout, frozen=True)
        )


def has_types(btf: Btf, map_: MapPlan) -> bool:
    """Whether more is known of the map's values than their size, and that size is the kernel's."""
    type_id = map_.value_type_id
    return bool(type_id) and not maptypes.is_bytes_type(btf, type_id) and btf.size_of(type_id) == map_.value_size


def is_map_section(section: Section) -> bool:
    return section.name in (SECTION_MAPS, SECTION_DOT_MAPS)


def _what(symbol: Symbol) -> str:
    if symbol.is_section and symbol.section is not None:
        return f"something in '{symbol.section.name}'"
    return f"'{symbol.name}'"


__all__ = [
    "DATA_SECTIONS",
    "SPECIAL_SECTIONS",
    "Maps",
    "data_map_name",
    "has_types",
    "is_map_section",
    "kernel_name",
    "object_name",
]
