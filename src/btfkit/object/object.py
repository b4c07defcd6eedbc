"""`BpfObject`: sections and symbols (`Elf`), types and instances (`Btf`), the code's records (`BtfExt`), tied together.

``definitions`` is that tie: instance id to `Symbol`. Symbol numbers exist only in files: the reader turns them into
symbols, the writer back.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from btfkit.elf import Elf, Section, Symbol
from btfkit.errors import AmbiguousTypeError, TypeNotFoundError
from btfkit.format.ext import InstanceKind
from btfkit.format.insn import INSN_SIZE
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt
from btfkit.object.mapdef import MapDef, decode_map_def


class ObjectForm(StrEnum):
    """How an object says what it declares."""

    PLAIN = "plain"
    """As compilers make it: no instances."""
    INSTANCE = "instance"
    PROPOSED = "proposed"
    SIDECAR = "sidecar"
    """Instances in sections of their own, beside what the compiler made."""


class Declared:
    """One instance, seen with its type and its definition."""

    __slots__ = ("inst_id", "obj")

    def __init__(self, obj: BpfObject, inst_id: int) -> None:
        self.obj = obj
        self.inst_id = inst_id

    def __repr__(self) -> str:
        return f"<{self.kind.word} {self.qualified_name!r}: {self.obj.btf.describe(self.type_id)}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Declared) and self.obj is other.obj and self.inst_id == other.inst_id

    def __hash__(self) -> int:
        return hash((id(self.obj), self.inst_id))

    @property
    def name(self) -> str:
        return self.obj.btf.instance(self.inst_id).name

    @property
    def qualified_name(self) -> str:
        """``count.calls``: with the functions that contain it."""
        btf, names, inst_id = self.obj.btf, [self.name], self.inst_id
        while (parent := btf.instance(inst_id).parent) and parent < inst_id:
            names.append(btf.instance(parent).name)
            inst_id = parent
        return ".".join(reversed(names))

    @property
    def kind(self) -> InstanceKind:
        return self.obj.btf.instance_kind(self.inst_id)

    @property
    def type_id(self) -> int:
        return self.obj.btf.instance(self.inst_id).type_id

    @property
    def type(self) -> t.Type:
        """Of a map the `Map`, through typedefs; of a function its `Func` or `FuncProto`; else the type as declared."""
        type_ = self.obj.btf[self.type_id]
        return self.obj.btf.resolved(self.type_id) if self.kind is not InstanceKind.VARIABLE else type_

    @property
    def parent(self) -> Declared | None:
        parent = self.obj.btf.instance(self.inst_id).parent
        return Declared(self.obj, parent) if parent else None

    @property
    def symbol(self) -> Symbol | None:
        """None: declared here, and not even an undefined symbol stands for it."""
        return self.obj.definitions.get(self.inst_id)

    @property
    def is_defined(self) -> bool:
        return self.symbol is not None and self.symbol.section is not None

    @property
    def section(self) -> Section | None:
        return self.symbol.section if self.symbol else None

    @property
    def off(self) -> int:
        """Bytes from the start of the section."""
        return self.symbol.value if self.symbol else 0

    @property
    def insn_idx(self) -> int:
        """Of a function: its first instruction's index in the section."""
        return self.off // INSN_SIZE

    @property
    def size(self) -> int:
        return self.symbol.size if self.symbol else 0

    @property
    def map_def(self) -> MapDef:
        """Of a defined map: its attributes."""
        return self.obj.map_def(self.inst_id)


class InstanceTable:
    """The instances of an object, by name (``calls``, or ``count.calls`` where that is ambiguous) or by id."""

    def __init__(self, obj: BpfObject) -> None:
        self._obj = obj

    def __len__(self) -> int:
        return len(self._obj.btf.instances)

    def __iter__(self) -> Iterator[Declared]:
        return (Declared(self._obj, inst_id) for inst_id in range(1, self._obj.btf.next_inst_id))

    def of_kind(self, kind: InstanceKind) -> list[Declared]:
        return [declared for declared in self if declared.kind is kind]

    def __contains__(self, name: object) -> bool:
        return any(name in (d.name, d.qualified_name) for d in self)

    def __getitem__(self, key: str | int) -> Declared:
        """TypeNotFoundError (a KeyError) with near names; AmbiguousTypeError with the ids."""
        if isinstance(key, int):
            self._obj.btf.instance(key)
            return Declared(self._obj, key)
        found = [d for d in self if d.qualified_name == key] or [d for d in self if d.name == key]
        if len(found) > 1:
            outer = [d for d in found if d.parent is None]
            found = outer if len(outer) == 1 else found
        if len(found) == 1:
            return found[0]
        path = self._obj.path
        if found:
            raise AmbiguousTypeError(
                f"there are {len(found)} instances {key!r}: {', '.join(d.qualified_name for d in found)}",
                ids=[d.inst_id for d in found],
                path=path,
            )
        near = difflib.get_close_matches(key, [d.qualified_name for d in self], n=3)
        raise TypeNotFoundError(f"there is no instance {key!r}", near=near, path=path)


@dataclass
class BpfObject:
    """An object.

    btf, ext:    what the instances are in (of a sidecar object: the sidecar's); an empty Btf where there is no .BTF
    plain:       of a sidecar object: the .BTF and .BTF.ext that the compiler made
    definitions: instance id to the symbol that defines it (or stands for it, undefined)
    warnings:    what a conversion had to leave out or guess, a line each
    dialect:     whose ``struct bpf_map_def`` it is, where five words are not all (docs/format.md, section 6)
    """

    elf: Elf
    btf: Btf
    ext: BtfExt
    form: ObjectForm = ObjectForm.PLAIN
    definitions: dict[int, Symbol] = field(default_factory=dict)
    plain: tuple[Btf, BtfExt] | None = None
    warnings: list[str] = field(default_factory=list)
    dialect: str | None = None

    @property
    def path(self) -> str | None:
        return self.elf.path

    @property
    def byte_order(self) -> str:
        return self.elf.byte_order

    @property
    def instances(self) -> InstanceTable:
        return InstanceTable(self)

    @property
    def maps(self) -> list[Declared]:
        return self.instances.of_kind(InstanceKind.MAP)

    @property
    def functions(self) -> list[Declared]:
        return self.instances.of_kind(InstanceKind.FUNCTION)

    @property
    def variables(self) -> list[Declared]:
        return self.instances.of_kind(InstanceKind.VARIABLE)

    def map_def(self, inst_id: int) -> MapDef:
        """The attributes of a map that is defined in ``maps``."""
        symbol = self.definitions[inst_id]
        return decode_map_def(self.elf, symbol, self.dialect)

    @property
    def license(self) -> str:
        """The text in the section ``license``; "" where there is none."""
        section = self.elf.section("license")
        return section.data.split(b"\0")[0].decode("utf-8", "replace") if section else ""
