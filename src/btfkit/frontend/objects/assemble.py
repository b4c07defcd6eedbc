"""Declarations and code → an object in instance form.

Code and declarations meet by the names of symbols. Here every declaration gets its symbol: one that the code defines
(functions), one that it refers to and leaves undefined (maps, variables, externs), or a new one. What is put where is
this module's; what refers to what in the code is `refer`'s; types and records are `describe`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from btfkit.elf import Elf, Relocation, Section, Symbol
from btfkit.errors import BtfkitError, EncodeError, LinkError
from btfkit.format.elf import R_BPF_64_ABS64, STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FUNC, STT_NOTYPE, STT_OBJECT
from btfkit.format.insn import INSN_SIZE
from btfkit.format.mapdef import SECTION_MAPS
from btfkit.frontend.objects.decls import (
    CoreDecl,
    Decl,
    Declarations,
    ExternDecl,
    FunctionDecl,
    Linkage,
    MapDecl,
    VarDecl,
)
from btfkit.frontend.objects.describe import describe, view
from btfkit.frontend.objects.llvm import LlvmCode, read_llvm
from btfkit.frontend.objects.mapdefs import define_map
from btfkit.frontend.objects.refer import refer
from btfkit.frontend.objects.sections import Sections
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.ext import CoreRelo, LineInfo
from btfkit.object import BpfObject, MapDef, encode_map_def, require_sound

MAP_ALIGN = POINTER = 8


@dataclass
class Assembly:
    """An object being put together.

    types, btf: the declared types and those that are made from the declarations; a view of them
    symbols:    of each declaration that is in the object
    map_types:  of each map the id of its MAP
    lines, core_relo: by section
    """

    told: Declarations
    code: LlvmCode
    types: Builder
    btf: Btf
    sections: Sections
    symbols: dict[Decl, Symbol] = field(default_factory=dict)
    map_types: dict[Decl, int] = field(default_factory=dict)
    lines: dict[str, list[LineInfo]] = field(default_factory=dict)
    core_relo: dict[str, list[CoreRelo]] = field(default_factory=dict)

    @property
    def elf(self) -> Elf:
        return self.code.elf

    def symbol_of(self, decl: Decl) -> Symbol:
        """What a reference to it goes to: of an extern that was not referred to yet, a new undefined symbol."""
        found = self.symbols.get(decl)
        if found is None and isinstance(decl, ExternDecl) and decl in self.told.decls:
            bind = STB_WEAK if decl.weak else STB_GLOBAL
            found = self.symbols[decl] = self.elf.add_symbol(decl.symbol, None, 0, 0, bind, STT_NOTYPE)
        if found is None:
            raise LinkError(f"{decl.label} is not in the object", symbol=decl.symbol)
        return found


def assemble(told: Declarations, types: Builder) -> BpfObject:
    """The object, of all that was declared."""
    if told.llvm is not None:
        code = read_llvm(told.llvm, told.byte_order, told.path)
    else:
        code = LlvmCode(Elf(byte_order=told.byte_order, path=told.path))
    own = Builder()
    own.types = list(types.types)
    work = Assembly(told, code, own, view(own, told.byte_order), Sections(code.elf, code.sections), lines=code.lines)
    _functions(work)
    _variables(work)
    _maps(work)
    _pointers(work)
    markers = _undefined(work)
    refer(work, markers)
    work.sections.flush()
    obj = describe(work)
    require_sound(obj)
    return obj


def _place(work: Assembly, decl: Decl, linkage: Linkage, type: int) -> Symbol:
    """The symbol of something that the declaration defines: the one that LLVM's code leaves undefined, or a new one."""
    defined = work.code.functions.get(decl.symbol) or work.code.defined.get(decl.symbol)
    if defined is not None:
        raise LinkError("LLVM's object defines it: let it be external there", symbol=decl.symbol, thing=decl.label)
    symbol = work.code.undefined.pop(decl.symbol, None)
    if symbol is None:
        symbol = work.elf.add_symbol(decl.symbol, None, 0, 0, STB_GLOBAL, type)
    symbol.type = type
    symbol.bind = STB_LOCAL if linkage == "static" else STB_GLOBAL
    work.symbols[decl] = symbol
    return symbol


# -- functions ------------------------------------------------------------------------------------------------


def _functions(work: Assembly) -> None:
    left = dict(work.code.functions)
    missing = []
    for decl in work.told.decls:
        if not isinstance(decl, FunctionDecl):
            continue
        if decl.code is not None:
            _own_code(work, decl, decl.code)
            continue
        symbol = left.pop(decl.symbol, None)
        if symbol is not None:
            _fits(decl, symbol)
            work.symbols[decl] = symbol
        elif not decl.may_be_absent:
            missing.append(decl)
    if missing:
        what = "LLVM's object defines no function" if work.told.llvm is not None else "there is no code of"
        names = ", ".join(f"'{decl.symbol}'" for decl in missing)
        raise LinkError(f"{what} {names}", symbol=missing[0].symbol)
    if left:
        names = ", ".join(f"'{name}'" for name in left)
        raise LinkError(f"LLVM's object defines {names}, which nobody declared", symbol=next(iter(left)))


def _own_code(work: Assembly, decl: FunctionDecl, code: bytes) -> None:
    symbol = _place(work, decl, decl.linkage, STT_FUNC)
    try:
        symbol.section = work.sections.code(decl.section)
    except BtfkitError as error:
        raise error.at(thing=decl.label) from None
    symbol.value = work.sections.append(symbol.section, code, INSN_SIZE)
    symbol.size = len(code)


def _fits(decl: FunctionDecl, symbol: Symbol) -> None:
    """The kernel, libbpf and calls look at the symbol, the types say what is declared: they must agree."""
    section = symbol.section.name if symbol.section is not None else ""
    if symbol.is_local != (decl.linkage == "static"):
        reason = f"is declared {decl.linkage}; in LLVM's object it is {'static' if symbol.is_local else 'global'}"
    elif section != decl.section:
        reason = f"is declared in the section '{decl.section}'; in LLVM's object it is in '{section}'"
    else:
        return
    raise LinkError(reason, symbol=decl.symbol, thing=decl.label)


# -- variables ------------------------------------------------------------------------------------------------


def _variables(work: Assembly) -> None:
    decls = [decl for decl in work.told.decls if isinstance(decl, VarDecl)]
    for decl in decls:
        try:
            _variable(work, decl)
        except BtfkitError as error:
            raise error.at(thing=decl.label) from None


def _pointers(work: Assembly) -> None:
    """What variables refer to, once all has its symbol."""
    found: dict[Section, list[Relocation]] = {}
    for decl in work.told.decls:
        if not isinstance(decl, VarDecl) or not decl.refers:
            continue
        symbol = work.symbols[decl]
        assert symbol.section is not None
        for off, what in decl.refers:
            if not 0 <= off <= symbol.size - POINTER:
                raise EncodeError(f"has no pointer at {off}: it has {symbol.size} bytes", thing=decl.label)
            relocation = Relocation(symbol.value + off, work.symbol_of(what), R_BPF_64_ABS64)
            found.setdefault(symbol.section, []).append(relocation)
    for section, relocations in found.items():
        work.elf.set_relocations(section, [*work.elf.relocations(section), *relocations])


def _variable(work: Assembly, decl: VarDecl) -> None:
    size = work.btf.size_of(decl.type_id)
    if not size:
        raise EncodeError(f"its type, {work.btf.describe(decl.type_id)}, has no size")
    data = decl.data
    if data is not None and len(data) != size:
        raise EncodeError(f"its type, {work.btf.describe(decl.type_id)}, has {size} bytes; the data has {len(data)}")
    section = work.sections.data(decl.section)
    if section.is_nobits and data is not None and any(data):
        raise EncodeError(f"the section '{section.name}' holds nothing but zeros")
    symbol = _place(work, decl, decl.linkage, STT_OBJECT)
    symbol.section, symbol.size = section, size
    symbol.value = work.sections.append(section, data or bytes(size), work.btf.align_of(decl.type_id))


# -- maps -----------------------------------------------------------------------------------------------------


def _maps(work: Assembly) -> None:
    decls = [decl for decl in work.told.decls if isinstance(decl, MapDecl)]
    if not decls:
        return
    section = work.sections.data(SECTION_MAPS)
    for decl in decls:
        _place(work, decl, decl.linkage, STT_OBJECT)
    relocations: list[Relocation] = []

    def put(symbol: Symbol, definition: MapDef) -> None:
        data, found = encode_map_def(definition, work.elf.byte_order)
        symbol.section, symbol.size = section, len(data)
        symbol.value = work.sections.append(section, data, 4 if definition.is_classic else MAP_ALIGN)
        relocations.extend(Relocation(symbol.value + rel.off, rel.symbol, rel.type) for rel in found)

    for decl in decls:
        try:
            work.map_types[decl], definition = define_map(work.types, work.btf, decl)
            definition.values = [None if value is None else work.symbol_of(value) for value in decl.values]
            if decl.inner is not None:
                name = f"{decl.symbol}.inner"
                definition.inner = work.elf.add_symbol(name, None, 0, 0, STB_LOCAL, STT_OBJECT)
                put(definition.inner, define_map(work.types, work.btf, decl.inner)[1])
            put(work.symbols[decl], definition)
        except BtfkitError as error:
            error.thing = decl.label
            raise
    section.align = max(section.align, MAP_ALIGN)
    work.elf.set_relocations(section, relocations)


# -- what is not defined here -----------------------------------------------------------------------------------


def _undefined(work: Assembly) -> dict[Symbol, CoreDecl]:
    """Let externs have their symbols; the symbols that are CO-RE markers, which go."""
    left = work.code.undefined
    markers: dict[Symbol, CoreDecl] = {}
    for decl in work.told.decls:
        symbol = left.pop(decl.symbol, None) if isinstance(decl, (ExternDecl, CoreDecl)) else None
        if symbol is None:
            continue
        if isinstance(decl, CoreDecl):
            markers[symbol] = decl
        elif isinstance(decl, ExternDecl):
            symbol.bind = STB_WEAK if decl.weak else STB_GLOBAL
            work.symbols[decl] = symbol
    if left:
        names = ", ".join(f"'{name}'" for name in left)
        raise LinkError(f"LLVM's object refers to {names}, which nobody declared", symbol=next(iter(left)))
    if markers:
        work.elf.symbols[:] = [symbol for symbol in work.elf.symbols if symbol not in markers]
    return markers


__all__ = ["Assembly", "assemble"]
