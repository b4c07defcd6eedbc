"""A relocatable object as things that refer to each other: sections, symbols, relocations.

In: calls of the reader, or of whoever builds or edits an object. No reference is a number, so that adding and removing
needs no renumbering. ``index`` and ``off`` are news from the last reading or writing, nothing is looked up by them.
Nothing is checked here beyond what a call itself needs: what cannot be written, the writer says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from btfkit.errors import BtfkitError, EncodeError
from btfkit.format.elf import (
    EM_BPF,
    ET_REL,
    REL,
    RELA,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_GROUP,
    SHF_INFO_LINK,
    SHF_WRITE,
    SHN_UNDEF,
    SHT_LLVM_ADDRSIG,
    SHT_NOBITS,
    SHT_NULL,
    SHT_PROGBITS,
    SHT_REL,
    SHT_RELA,
    SHT_SYMTAB_SHNDX,
    STB_GLOBAL,
    STB_LOCAL,
    STB_WEAK,
    STT_FUNC,
    STT_OBJECT,
    STT_SECTION,
)

ByteOrder = Literal["little", "big"]


class Section:
    """A section: its header's fields and its bytes.

    data:         b"" where the file holds none (NOBITS)
    size:         ``len(data)``; of a NOBITS section, the bytes it has in memory
    link:         what sh_link numbers
    info_section: what sh_info numbers, if that is a section (REL, RELA, SHF_INFO_LINK): then ``info`` is not looked at
    index:        the section's number as last read or written; 0 for neither
    off:          byte offset of ``data`` in the file, as last read or written
    """

    __slots__ = (
        "_memory_size", "addr", "align", "data", "entsize", "flags", "index", "info", "info_section", "link", "name",
        "off", "type",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        type: int = SHT_PROGBITS,
        flags: int = 0,
        data: bytes = b"",
        *,
        align: int = 1,
        entsize: int = 0,
        link: Section | None = None,
    ) -> None:
        self.name = name
        self.type = type
        self.flags = flags
        self.addr = 0
        self.align = align
        self.entsize = entsize
        self.info = 0
        self.data = data
        self.link = link
        self.info_section: Section | None = None
        self.index = 0
        self.off = 0
        self._memory_size = 0

    def __repr__(self) -> str:
        return f"<Section {self.label}, {self.size} bytes>"

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"section {self.index} '{self.name}'"

    @property
    def size(self) -> int:
        return len(self.data) if self.in_file else self._memory_size

    @size.setter
    def size(self, size: int) -> None:
        if self.in_file:
            raise EncodeError("only a NOBITS section has a size of its own, others that of data", thing=self.label)
        self._memory_size = size

    @property
    def in_file(self) -> bool:
        """The file holds bytes of it."""
        return self.type not in (SHT_NOBITS, SHT_NULL)

    @property
    def is_nobits(self) -> bool:
        return self.type == SHT_NOBITS

    @property
    def is_code(self) -> bool:
        return bool(self.flags & SHF_EXECINSTR)

    @property
    def is_alloc(self) -> bool:
        return bool(self.flags & SHF_ALLOC)

    @property
    def is_writable(self) -> bool:
        return bool(self.flags & SHF_WRITE)


class Symbol:
    """A symbol.

    value:   byte offset in ``section`` (of a SHN_COMMON symbol: its alignment)
    section: None where it is undefined or special; then ``shndx`` says which: SHN_UNDEF, SHN_ABS, SHN_COMMON …
    index:   its number as last read or written; 0 for neither
    """

    __slots__ = ("bind", "index", "name", "other", "section", "shndx", "size", "type", "value")

    def __init__(
        self,
        name: str,
        section: Section | None,
        value: int = 0,
        size: int = 0,
        *,
        bind: int = STB_LOCAL,
        type: int = 0,
        other: int = 0,
        shndx: int = SHN_UNDEF,
        index: int = 0,
    ) -> None:
        self.name = name
        self.section = section
        self.value = value
        self.size = size
        self.bind = bind
        self.type = type
        self.other = other
        self.shndx = shndx
        self.index = index

    def __repr__(self) -> str:
        return f"<Symbol {self.label}>"

    @property
    def label(self) -> str:
        """How messages call it. LLVM's section symbols have no name of their own."""
        if self.is_section and not self.name and self.section is not None:
            return f"symbol {self.index} of section '{self.section.name}'"
        return f"symbol {self.index} '{self.name}'"

    @property
    def is_undefined(self) -> bool:
        return self.section is None and self.shndx == SHN_UNDEF

    @property
    def is_local(self) -> bool:
        return self.bind == STB_LOCAL

    @property
    def is_global(self) -> bool:
        return self.bind == STB_GLOBAL

    @property
    def is_weak(self) -> bool:
        return self.bind == STB_WEAK

    @property
    def is_section(self) -> bool:
        return self.type == STT_SECTION

    @property
    def is_function(self) -> bool:
        return self.type == STT_FUNC

    @property
    def is_object(self) -> bool:
        return self.type == STT_OBJECT

    @property
    def visibility(self) -> int:
        """STV_DEFAULT, STV_HIDDEN …"""
        return self.other & 3


class Relocation:
    """One relocation.

    off:    byte offset in the section it applies to
    symbol: None for symbol 0
    addend: None where it is in place, in the section's bytes (REL)
    """

    __slots__ = ("addend", "off", "symbol", "type")

    def __init__(self, off: int, symbol: Symbol | None, type: int, addend: int | None = None) -> None:
        self.off = off
        self.symbol = symbol
        self.type = type
        self.addend = addend

    def __repr__(self) -> str:
        addend = "" if self.addend is None else f" + {self.addend}"
        return f"<Relocation +0x{self.off:x}: type {self.type}, {self.symbol and self.symbol.label}{addend}>"


class RelocationTable:
    """The relocations of one section, and the section that holds them in the file.

    section: None as long as there is none
    entries: None until asked for: then ``load`` makes them
    """

    __slots__ = ("entries", "load", "section")

    def __init__(self, section: Section | None, load: Callable[[], list[Relocation]]) -> None:
        self.section = section
        self.entries: list[Relocation] | None = None
        self.load = load


class Group:
    """What a SHT_GROUP section says: keep or drop ``members`` together, under the name of ``signature``."""

    __slots__ = ("flags", "members", "signature")

    def __init__(self, flags: int, signature: Symbol | None, members: list[Section]) -> None:
        self.flags = flags
        self.signature = signature
        self.members = members


class Elf:
    """A relocatable ELF64 object.

    sections: without the null section; symbols: without the null symbol, in any order

    The rest is what reader and writer tell each other:
    symtab, shstrtab: the symbol table, the sections' names; None: the writer makes one if it needs one
    shoff:            byte offset of the section header table, as last read or written
    strings:          a string table's bytes as last read or written, and which name is at which offset
    tables:           by the section that the relocations apply to
    groups, addrsig:  what sections of those types refer to
    """

    def __init__(
        self,
        *,
        byte_order: ByteOrder = "little",
        machine: int = EM_BPF,
        etype: int = ET_REL,
        flags: int = 0,
        osabi: int = 0,
        abi_version: int = 0,
        path: str | None = None,
    ) -> None:
        self.byte_order: ByteOrder = byte_order
        self.machine = machine
        self.etype = etype
        self.flags = flags
        self.osabi = osabi
        self.abi_version = abi_version
        self.path = path
        self.sections: list[Section] = []
        self.symbols: list[Symbol] = []
        self.symtab: Section | None = None
        self.shstrtab: Section | None = None
        self.shoff = 0
        self.strings: dict[Section, tuple[bytes, dict[str, int]]] = {}
        self.tables: dict[Section, RelocationTable] = {}
        self.groups: dict[Section, Group] = {}
        self.addrsig: dict[Section, list[Symbol]] = {}

    def __repr__(self) -> str:
        return f"<Elf {self.path or ''}: {len(self.sections)} sections, {len(self.symbols)} symbols>"

    # -- sections

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def add_section(
        self, name: str, type: int = SHT_PROGBITS, flags: int = 0, data: bytes = b"", align: int = 1, entsize: int = 0
    ) -> Section:
        """A new section, behind all others."""
        section = Section(name, type, flags, data, align=align, entsize=entsize)
        self.sections.append(section)
        return section

    def remove_section(self, section: Section) -> None:
        """Take out a section, its relocations, the symbols defined in it.

        A relocation elsewhere to such a symbol stays: the writer refuses it unless it is changed.
        """
        if section not in self.sections:
            raise EncodeError("not a section of this object", thing=section.label, path=self.path)
        gone: set[Section] = set()
        doomed = [section]
        while doomed:
            section = doomed.pop()
            if section in gone:
                continue
            gone.add(section)
            table = self.tables.pop(section, None)
            if table is not None and table.section is not None:
                doomed.append(table.section)
            if section is self.symtab:
                tied = (SHT_SYMTAB_SHNDX, SHT_LLVM_ADDRSIG)
                doomed += [other for other in self.sections if other.link is section and other.type in tied]
                self.symbols.clear()
                self.symtab = None
            if section is self.shstrtab:
                self.shstrtab = None
            self._forget(section)
        self.sections[:] = [other for other in self.sections if other not in gone]
        self.symbols[:] = [symbol for symbol in self.symbols if symbol.section not in gone]
        for group in self.groups.values():
            group.members[:] = [member for member in group.members if member not in gone]

    def _forget(self, section: Section) -> None:
        """Drop what this object keeps about a section that goes."""
        target = section.info_section
        if target is not None and target in self.tables and self.tables[target].section is section:
            del self.tables[target]
        self.strings.pop(section, None)
        self.addrsig.pop(section, None)
        group = self.groups.pop(section, None)
        for member in group.members if group else ():
            member.flags &= ~SHF_GROUP

    # -- symbols

    def symbol(self, name: str) -> Symbol | None:
        """The first symbol of that name."""
        return next((symbol for symbol in self.symbols if symbol.name == name), None)

    def add_symbol(
        self, name: str, section: Section | None, value: int, size: int, bind: int, type: int, other: int = 0
    ) -> Symbol:
        """A new symbol. Without a section it is undefined, unless its ``shndx`` is then set to something else."""
        symbol = Symbol(name, section, value, size, bind=bind, type=type, other=other)
        self.symbols.append(symbol)
        return symbol

    def remove_symbol(self, symbol: Symbol) -> None:
        """Take out a symbol. A relocation to it stays: the writer refuses it unless it is changed."""
        if symbol not in self.symbols:
            raise EncodeError("not a symbol of this object", thing=symbol.label, path=self.path)
        self.symbols.remove(symbol)

    # -- relocations

    def relocations(self, section: Section) -> list[Relocation]:
        """The relocations that apply to a section, to be read and changed; none: an empty list, to be added to.

        FormatError: the file's relocations are bad (they are decoded when first asked for).
        """
        table = self.tables.get(section)
        if table is None:
            table = self.tables[section] = RelocationTable(None, list)
        if table.entries is None:
            try:
                table.entries = table.load()
            except BtfkitError as error:
                raise error.at(path=self.path) from None
        return table.entries

    def set_relocations(self, section: Section, relocations: Iterable[Relocation]) -> None:
        """Replace the relocations that apply to a section.

        They live in ``.rel`` + its name, or ``.rela`` if any has an addend; there is no such section if there are none.
        """
        table = self.tables.setdefault(section, RelocationTable(None, list))
        table.entries = list(relocations)
        self.fit_relocation_section(section)

    def fit_relocation_section(self, target: Section) -> None:
        """Make, drop or retype the section that holds the relocations of ``target``, as they now are."""
        table = self.tables[target]
        if table.entries is None:
            return
        if not table.entries:
            section, table.section = table.section, None
            if section is not None:
                self.remove_section(section)
            return
        rela = any(entry.addend is not None for entry in table.entries)
        new_type, prefix = (SHT_RELA, ".rela") if rela else (SHT_REL, ".rel")
        if table.section is None:
            table.section = self.add_section(prefix + target.name, new_type, SHF_INFO_LINK, align=8)
            table.section.info_section = target
            for group in self.groups.values():
                if target in group.members:
                    group.members.append(table.section)
                    table.section.flags |= SHF_GROUP
        elif table.section.type != new_type:
            table.section.type = new_type
            if table.section.name in (".rel" + target.name, ".rela" + target.name):
                table.section.name = prefix + target.name
        table.section.entsize = (RELA if rela else REL).size
