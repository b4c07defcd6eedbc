"""An assembled object → its BTF and .BTF.ext: FUNC and VAR types, instances, definitions, records of the code.

In: every declaration that is in the object has its symbol. Those that are not (inlined away, or externs that no code
refers to) are not told of; what is in a function that is not there is in the nearest one that is.
Source: docs/format.md, sections 4 and 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from btfkit.elf import Symbol
from btfkit.format.kinds import FuncLinkage, VarLinkage
from btfkit.frontend.objects.decls import Decl, ExternDecl, FunctionDecl, VarDecl
from btfkit.model import types as t
from btfkit.model.btf import Btf, TypeList
from btfkit.model.builder import Builder
from btfkit.model.ext import BtfExt, FuncInfo, R
from btfkit.object import BpfObject, ObjectForm

if TYPE_CHECKING:
    from btfkit.frontend.objects.assemble import Assembly

FUNC_LINKAGE = {"static": FuncLinkage.STATIC, "global": FuncLinkage.GLOBAL}
VAR_LINKAGE = {"static": VarLinkage.STATIC, "global": VarLinkage.GLOBAL_ALLOCATED}


def view(types: Builder, byte_order: str) -> Btf:
    """The types as they stand, and will stand, to be asked."""
    live = TypeList(())
    live.types = types.types
    return Btf(live, byte_order=byte_order)


def describe(work: Assembly) -> BpfObject:
    """The object, with types and records for all that has a symbol."""
    teller = _Teller(work)
    for decl in work.told.decls:
        if decl in work.symbols:
            teller.tell(decl)
    teller.extern_sections()
    ext = BtfExt(
        func_info=_blocks(teller.func_info),
        line_info=_blocks(work.lines),
        core_relo=_blocks(work.core_relo),
        byte_order=work.elf.byte_order,
    )
    btf = work.types.build(byte_order=work.elf.byte_order)
    return BpfObject(work.elf, btf, ext, ObjectForm.INSTANCE, teller.definitions)


def _blocks(tables: dict[str, list[R]]) -> list[tuple[str, list[R]]]:
    """One block a section, its records by their offsets."""
    return [(section, sorted(records, key=_off)) for section, records in tables.items() if records]


def _off(record: R) -> int:
    return record.insn_off


class _Teller:
    def __init__(self, work: Assembly) -> None:
        self.work = work
        self.types = work.types
        self.inst_ids: dict[Decl, int] = {}
        self.definitions: dict[int, Symbol] = {}
        self.func_info: dict[str, list[FuncInfo]] = {}
        self.externs: dict[str, list[t.VarSecInfo]] = {}
        self.tags: dict[Decl, list[tuple[str, int]]] = {}
        for text, decl, component_idx in work.told.tags:
            self.tags.setdefault(decl, []).append((text, component_idx))

    def tell(self, decl: Decl) -> None:
        """Its type, its tags, its instance, its definition."""
        symbol = self.work.symbols[decl]
        parent = 0
        if isinstance(decl, FunctionDecl):
            type_id = self._func(decl.name, decl.params, decl.returns, FUNC_LINKAGE[decl.linkage])
            assert symbol.section is not None
            self.func_info.setdefault(symbol.section.name, []).append(FuncInfo(symbol.value, type_id))
            parent = self._parent(decl.parent)
        elif isinstance(decl, VarDecl):
            type_id, parent = decl.type_id, self._parent(decl.parent)
            if decl in self.tags:
                type_id = self.types.add(t.Var(decl.symbol, type_id, VAR_LINKAGE[decl.linkage]))
        elif isinstance(decl, ExternDecl):
            type_id = self._extern(decl)
        else:
            type_id = self.work.map_types[decl]
        for text, component_idx in self.tags.get(decl, ()):
            self.types.add(t.DeclTag(text, type_id, component_idx))
        inst_id = self.inst_ids[decl] = self.types.instance(type_id, decl.name, parent)
        self.definitions[inst_id] = symbol

    def _func(self, name: str, params: tuple[tuple[str, int], ...], returns: int, linkage: FuncLinkage) -> int:
        proto = self.types.intern(t.FuncProto(returns, tuple(t.Param(*param) for param in params)))
        return self.types.add(t.Func(name, proto, linkage))

    def _parent(self, decl: FunctionDecl | None) -> int:
        """The instance of the nearest function around it that is in the object."""
        while decl is not None and decl not in self.inst_ids:
            decl = decl.parent
        return self.inst_ids[decl] if decl is not None else 0

    def _extern(self, decl: ExternDecl) -> int:
        """As clang has it: a FUNC or VAR in the DATASEC of its section."""
        if decl.params is not None:
            type_id, size = self._func(decl.name, decl.params, decl.type_id, FuncLinkage.EXTERN), 0
        elif decl.section is None and decl not in self.tags:
            return decl.type_id
        else:
            type_id = self.types.add(t.Var(decl.name, decl.type_id, VarLinkage.GLOBAL_EXTERN))
            size = self.work.btf.size_of(decl.type_id) or 0
        if decl.section is not None:
            self.externs.setdefault(decl.section, []).append(t.VarSecInfo(type_id, 0, size))
        return type_id

    def extern_sections(self) -> None:
        """The DATASECs of what the kernel defines."""
        for name, entries in self.externs.items():
            self.types.add(t.DataSec(name, 0, tuple(entries)))


__all__ = ["describe", "view"]
