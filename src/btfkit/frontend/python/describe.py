"""The program's types, maps, variables and functions, declared to an `ObjectBuilder`.

In: what the checker found. Out: BTF ids and declarations.
"""

from __future__ import annotations

import typing
from enum import IntEnum
from types import NoneType
from typing import Any

from btfkit.bpf.constants import ENUM_NAMES
from btfkit.bpf.ints import ArrayType, FixedInt, char
from btfkit.bpf.maps import DEFAULT_ENTRIES, MapSpec, StackTrace
from btfkit.bpf.records import Bits, Ptr, Record, Union, enum_size
from btfkit.bpf.words import KernelType, Optional
from btfkit.format.kinds import IntEncoding
from btfkit.format.maptype import MapType
from btfkit.frontend.objects import FunctionDecl, ObjectBuilder
from btfkit.frontend.objects import MapDecl as ObjectMap
from btfkit.frontend.python import constants
from btfkit.frontend.python.declared import FunctionInfo, MapDecl, VariableDecl
from btfkit.frontend.python.unit import Unit
from btfkit.model import types as t

VALUE_HANDLES = frozenset(
    {MapType.PROG_ARRAY, MapType.CGROUP_ARRAY, MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.CPUMAP,
     MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.REUSEPORT_SOCKARRAY}
)  # fmt: skip


class Describer:
    """Vocabulary types → type ids of one object."""

    def __init__(self, unit: Unit, builder: ObjectBuilder) -> None:
        self.unit = unit
        self.builder = builder
        self._records: dict[type[Record], int] = {}
        self.functions: dict[int, FunctionDecl] = {}
        self.maps: dict[int, ObjectMap] = {}

    def int_type(self, name: str, bits: int, signed: bool) -> int:
        return self.builder.type(t.Int(name, bits // 8, IntEncoding.SIGNED if signed else IntEncoding(0)))

    def type_id(self, storage: Any) -> int:
        """The id of a vocabulary type; 0 for none."""
        add = self.builder.type
        if storage is None or storage is NoneType:
            return 0
        if storage is int:
            return self.int_type("i64", 64, True)
        if storage is bool:
            return add(t.Int("bool", 1, IntEncoding.BOOL))
        if isinstance(storage, Optional):
            return self.type_id(storage.type)
        if isinstance(storage, Bits):
            return self.type_id(storage.base)
        if isinstance(storage, ArrayType):
            index = self.int_type("__ARRAY_SIZE_TYPE__", 32, False)
            return add(t.Array(self.type_id(storage.elem), index, storage.count))
        if isinstance(storage, Ptr):
            return add(t.Ptr(self._target(storage.target)))
        if isinstance(storage, KernelType):
            return add(t.Ptr(add(t.Fwd(storage.__name__))))
        if typing.get_origin(storage) is tuple:
            return 0
        if issubclass(storage, Record):
            return self._record(storage)
        if issubclass(storage, IntEnum):
            return self._enum(storage)
        if storage is char:
            return add(t.Int("char", 1, IntEncoding.SIGNED))
        return self._int(storage)

    def _int(self, storage: type[FixedInt]) -> int:
        if storage.byte_order == "big":
            base = self.int_type(f"u{storage.bits}", storage.bits, False)
            return self.builder.type(t.Typedef(f"__be{storage.bits}", base))
        return self.int_type(storage.__name__, storage.bits, storage.signed)

    def _target(self, target: Any) -> int:
        """What a pointer points at; what is not declared here is void."""
        if isinstance(target, str):
            target = self.unit.named_type(target)
        if isinstance(target, KernelType):
            return self.builder.type(t.Fwd(target.__name__)) if target.__name__ != "void" else 0
        return self.type_id(target)

    def _enum(self, cls: type[IntEnum]) -> int:
        values = tuple(t.EnumValue(name, int(value)) for name, value in cls.__members__.items())
        kind = t.Enum if enum_size(cls) == 4 else t.Enum64
        name = ENUM_NAMES.get(cls, cls.__name__)
        return self.builder.type(kind(name, enum_size(cls), values, any(v.value < 0 for v in values)))

    def _record(self, cls: type[Record]) -> int:
        if cls not in self._records:
            reserved = self._records[cls] = self.builder.reserve()
            layout = cls.__layout__
            has_bits = any(field.bit_size for field in layout.fields.values())
            members = []
            for field in layout.fields.values():
                bit_off = field.off * 8 + field.bit_off
                if field.bit_size and self.unit.byte_order == "big":
                    bit_off = field.off * 8 + field.size * 8 - field.bit_off - field.bit_size
                members.append(t.Member(field.name, self.type_id(field.type), bit_off, field.bit_size))
            kind = t.Union if issubclass(cls, Union) else t.Struct
            self.builder.define(reserved, kind(cls.__c_name__, layout.size, tuple(members), has_bits))
        return self._records[cls]

    # -- declarations

    def map(self, decl: MapDecl) -> ObjectMap:
        """A map; an inner one is a template."""
        if id(decl) in self.maps:  # in another one's values
            return self.maps[id(decl)]
        spec = decl.spec
        key, value = self.type_id(decl.key), self.type_id(decl.value)
        attributes: dict[str, Any] = {
            "key": key, "value": value, "max_entries": self._entries(spec), "flags": spec.flags,
            "numa_node": spec.numa_node, "map_extra": spec.map_extra,
        }  # fmt: skip
        if isinstance(spec, StackTrace):
            attributes["value"] = self.builder.type(
                t.Array(self.int_type("u64", 64, False), self.int_type("__ARRAY_SIZE_TYPE__", 32, False), spec.depth)
            )
        elif spec.type == MapType.PROG_ARRAY:
            context = t.Param("ctx", self.builder.type(t.Ptr(0)))
            attributes["value"] = self.builder.type(t.FuncProto(self.int_type("i32", 32, True), (context,)))
        elif spec.type in VALUE_HANDLES and not value:
            attributes["value_size"] = 8 if spec.type in (MapType.SOCKMAP, MapType.SOCKHASH) else 4
        inner = None
        if decl.inner is not None:
            child = decl.inner
            inner = self.builder.inner_map(
                child.spec.type,
                key=self.type_id(child.key),
                value=self.type_id(child.value),
                max_entries=self._entries(child.spec),
                flags=child.spec.flags,
            )
        values = [self._initial(v) for v in spec.values]
        found = self.builder.map(
            decl.name, spec.type, **attributes, pinning=int(spec.pinned), inner=inner, values=values,
            symbol=decl.symbol.name,
        )  # fmt: skip
        self.maps[id(decl)] = found
        return found

    def _initial(self, value: Any) -> Any:
        function = getattr(value, "function", None)
        for info in self.unit.functions.values():
            if function is not None and info.program is value:
                return self.functions[id(info)]
        if value is None:
            return None
        decl = self.unit.maps.get(id(value))
        return self.map(decl) if decl is not None else None

    @staticmethod
    def _entries(spec: MapSpec) -> int:
        if spec.max_entries is not None:
            return spec.max_entries
        storages = (MapType.SK_STORAGE, MapType.TASK_STORAGE, MapType.INODE_STORAGE, MapType.CGRP_STORAGE)
        return 0 if spec.type in storages else DEFAULT_ENTRIES

    def variable(self, decl: VariableDecl) -> None:
        data = constants.pack(decl.storage, decl.value, self.unit.byte_order)
        parent = self.functions.get(id(decl.parent)) if decl.parent is not None else None
        self.builder.variable(
            decl.name,
            self.type_id(decl.storage),
            data=data,
            parent=parent,
            symbol=decl.symbol.name,
            const=decl.is_const,
        )

    def function(self, info: FunctionInfo) -> FunctionDecl:
        params = [(p.name, self._param(p.storage)) for p in info.params]
        if info.program is not None and info.context is not None:
            storage = info.context.storage
            is_record = isinstance(storage, type) and issubclass(storage, Record)
            context = self.builder.type(t.Ptr(self.type_id(storage) if is_record else 0))
            params = [("ctx", context)]
        if info.function.is_callback:
            pointer = self.builder.type(t.Ptr(0))
            params = [(local.name, pointer) for local in info.function.params]
        returns = self.type_id(info.result_storage)
        if not returns and (info.program is not None or info.function.is_callback):
            returns = self.int_type("i32", 32, True)
        parent = self.functions.get(id(info.parent)) if info.parent is not None else None
        made = self.builder.function(
            info.name, params, returns, section=info.function.section, parent=parent,
            linkage="global" if info.function.is_global else "static", symbol=info.function.symbol,
            may_be_absent=not info.function.is_global,
        )  # fmt: skip
        self.functions[id(info)] = made
        return made

    def _param(self, storage: Any) -> int:
        inner = storage.type if isinstance(storage, Optional) else storage
        is_memory = isinstance(inner, ArrayType) or (isinstance(inner, type) and issubclass(inner, Record))
        return self.builder.type(t.Ptr(self.type_id(inner))) if is_memory else self.type_id(inner)

    def callback(self, symbol: str, kind: str) -> None:
        """A function that the emitter made of a loop's body; it stands in the one that has the loop."""
        number = self.int_type("i64", 64, True)
        pointer = self.builder.type(t.Ptr(0))
        index = self.int_type("u64", 64, False)
        params = [("index", index), ("frame", pointer)]
        if kind == "each":
            params = [("map", pointer), ("key", pointer), ("value", pointer), ("frame", pointer)]
        elif kind == "drain":
            params = [("record", pointer), ("frame", pointer)]
        owner, _, count = symbol.rpartition(".loop.")
        parent = next((made for made in self.functions.values() if made.symbol == owner), None)
        name = f"loop.{count}" if parent is not None else symbol
        self.builder.function(name, params, number, parent=parent, linkage="static", symbol=symbol, may_be_absent=True)


__all__ = ["Describer"]
