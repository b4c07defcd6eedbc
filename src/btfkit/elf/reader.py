"""Bytes → `Elf`.

In: any bytes. Taken: relocatable ELF64 of either byte order, for BPF (or for machine 0, as old clang wrote). Every
count, offset and number is checked before it is followed, and the work is linear in the length of the file; what is
wrong is a FormatError with its place. Relocations are decoded when first asked for (`Elf.relocations`).
Out: an `Elf` that shares nothing with the bytes.
Left: what sections hold, except for those whose contents number sections or symbols; whether symbols make sense.

Source: the System V gABI.
"""

from __future__ import annotations

from copy import copy
from functools import partial
from itertools import pairwise
from mmap import mmap
from struct import Struct
from typing import Any

from btfkit.elf.object import ByteOrder, Elf, Group, Relocation, RelocationTable, Section, Symbol
from btfkit.errors import BadReferenceError, BtfkitError, FormatError, TruncatedError, UnsupportedError
from btfkit.format.elf import (
    EHDR,
    ELF_MAGIC,
    ELFCLASS32,
    ELFCLASS64,
    ELFDATA,
    EM_BPF,
    EM_NONE,
    ET_REL,
    EV_CURRENT,
    REL,
    RELA,
    SHDR,
    SHF_INFO_LINK,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHN_XINDEX,
    SHT_CREL,
    SHT_GROUP,
    SHT_LLVM_ADDRSIG,
    SHT_NOBITS,
    SHT_NULL,
    SHT_REL,
    SHT_RELA,
    SHT_STRTAB,
    SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
    SYM,
    Ehdr,
    Layout,
    Shdr,
)
from btfkit.format.fields import PREFIX

NAMES_LIMIT = 64
"""Names that share a string table's bytes (one is another's tail) come to at most this many times its length."""

Symbols = list[Symbol | None]
"""By their numbers in the file; None is symbol 0."""


def read_elf(data: bytes | bytearray | memoryview | mmap, path: str | None = None) -> Elf:
    """The object that the bytes are. ``path`` is for messages.

    FormatError: TruncatedError, BadReferenceError, or UnsupportedError: not a relocatable ELF64 object for BPF
    """
    try:
        with memoryview(data) as view, view.cast("B") as octets:
            return _Reader(octets, path).read()
    except BtfkitError as error:
        raise error.at(path=path) from None


class _Strings:
    """A string table being read."""

    def __init__(self, section: str, data: bytes) -> None:
        self.section = section
        self.data = data
        self.names: dict[int, str] = {}
        self.left = NAMES_LIMIT * len(data)

    def name(self, off: int, thing: str, field: str) -> str:
        known = self.names.get(off)
        if known is not None:
            return known
        if off >= len(self.data):
            raise BadReferenceError(
                f"name offset 0x{off:x} is past the end of {self.section} (0x{len(self.data):x} bytes)",
                thing=thing,
                field=field,
            )
        end = self.data.find(b"\0", off)
        if end < 0:
            raise TruncatedError("the string table ends inside this name", section=self.section, off=off, thing=thing)
        self.left -= end - off
        if self.left < 0:
            raise UnsupportedError(
                f"names overlap so much that they are over {NAMES_LIMIT} times as long as the table",
                section=self.section,
                off=off,
                thing=thing,
            )
        name = self.names[off] = self.data[off:end].decode("utf-8", "surrogateescape")
        return name


class _Reader:
    """The one pass over a file. ``numbered``: the sections by their numbers, None for the null section."""

    def __init__(self, data: memoryview, path: str | None) -> None:
        self.data = data
        self.path = path
        self.order: ByteOrder = "little"
        self.numbered: list[Section | None] = []
        self.strings: dict[int, _Strings] = {}

    def read(self) -> Elf:
        header = self._header()
        headers, names_index = self._section_headers(header)
        names = self._section_names(headers, names_index)
        self._check_overlap(header, headers, names)
        elf = Elf(
            byte_order=self.order,
            machine=header.e_machine,
            etype=header.e_type,
            flags=header.e_flags,
            osabi=header.ei_osabi,
            abi_version=header.ei_abiversion,
            path=self.path,
        )
        elf.shoff = header.e_shoff
        self._sections(headers, names)
        elf.sections = [section for section in self.numbered if section is not None]
        elf.shstrtab = self.numbered[names_index] if names_index else None
        symbols = self._symbols(elf)
        elf.symbols = [symbol for symbol in symbols if symbol is not None]
        self._references(elf, symbols)
        for index, strings in self.strings.items():
            section = self.numbered[index]
            assert section is not None
            elf.strings[section] = (section.data, {name: off for off, name in strings.names.items()})
        return elf

    # -- headers

    def _header(self) -> Ehdr:
        data = self.data
        if bytes(data[:4]) != ELF_MAGIC:
            raise FormatError("not an ELF file: it does not start with 7f 45 4c 46", off=0)
        if len(data) > 4 and data[4] != ELFCLASS64:
            what = "a 32-bit" if data[4] == ELFCLASS32 else "neither a 32- nor a 64-bit"
            raise UnsupportedError(f"{what} ELF file (EI_CLASS {data[4]}); BPF objects are 64-bit", off=4)
        if len(data) < EHDR.size:
            raise TruncatedError(f"the file has {len(data)} bytes, its ELF header would have {EHDR.size}", off=0)
        if data[5] not in ELFDATA.values():
            raise FormatError(f"neither little- nor big-endian (EI_DATA {data[5]})", off=5)
        self.order = "little" if data[5] == ELFDATA["little"] else "big"
        header = Ehdr._make(EHDR.struct(self.order).unpack_from(data))
        if header.ei_version != EV_CURRENT or header.e_version != EV_CURRENT:
            raise UnsupportedError(f"ELF version {header.ei_version} (header: {header.e_version}), not 1", off=6)
        if header.e_machine not in (EM_BPF, EM_NONE):
            raise UnsupportedError(f"an ELF file for machine {header.e_machine}, not for BPF ({EM_BPF})", off=18)
        if header.e_type != ET_REL:
            raise UnsupportedError(f"an ELF file of type {header.e_type}, not a relocatable object ({ET_REL})", off=16)
        if header.e_phnum:
            raise UnsupportedError(f"a relocatable object with {header.e_phnum} program headers", off=56)
        return header

    def _section_headers(self, header: Ehdr) -> tuple[list[Shdr], int]:
        """All section headers, the null section's too, and the number of the section with the names (0: none).

        Numbers that do not fit the ELF header are in the null section's header.
        """
        shoff, count, names_index = header.e_shoff, header.e_shnum, header.e_shstrndx
        if not shoff:
            if count:
                raise BadReferenceError(f"{count} section headers, but at offset 0", off=40, field="e_shoff")
            return [], 0
        if header.e_shentsize != SHDR.size:
            raise UnsupportedError(f"section headers of {header.e_shentsize} bytes, not {SHDR.size}", off=58)
        if shoff + SHDR.size > len(self.data):
            raise TruncatedError("the section header table is past the end of the file", off=shoff, field="e_shoff")
        null = Shdr._make(SHDR.struct(self.order).unpack_from(self.data, shoff))
        count = count or null.sh_size
        names_index = null.sh_link if names_index == SHN_XINDEX else names_index
        if shoff + count * SHDR.size > len(self.data):
            raise TruncatedError(
                f"{count} section headers end at 0x{shoff + count * SHDR.size:x}, the file at 0x{len(self.data):x}",
                off=shoff,
                field="e_shnum",
            )
        table = self.data[shoff : shoff + count * SHDR.size]
        return [Shdr._make(fields) for fields in SHDR.struct(self.order).iter_unpack(table)], names_index

    def _section_names(self, headers: list[Shdr], names_index: int) -> list[str]:
        for number, header in enumerate(headers[1:], start=1):
            self._check_bounds(header, f"section {number}")
            if header.sh_name and not names_index:
                raise BadReferenceError("a name, but no section holds the names", thing=f"section {number}")
        if not names_index:
            return [""] * len(headers)
        if names_index >= len(headers) or headers[names_index].sh_type != SHT_STRTAB:
            raise BadReferenceError(f"section {names_index} is no string table", off=62, field="e_shstrndx")
        strings = self._string_table(headers, names_index, "the section names")
        return [""] + [
            strings.name(header.sh_name, f"section {number}", "sh_name")
            for number, header in enumerate(headers[1:], start=1)
        ]

    def _check_bounds(self, header: Shdr, thing: str) -> None:
        if not _in_file(header):
            return
        end = header.sh_offset + header.sh_size
        if end > len(self.data):
            raise TruncatedError(
                f"its bytes 0x{header.sh_offset:x} to 0x{end:x} end past the file (0x{len(self.data):x} bytes)",
                thing=thing,
            )

    def _check_overlap(self, header: Ehdr, headers: list[Shdr], names: list[str]) -> None:
        """No byte of the file belongs to two things."""
        spans = [(0, EHDR.size, "the ELF header")]
        if headers:
            spans.append((header.e_shoff, header.e_shoff + len(headers) * SHDR.size, "the section header table"))
        for number, section in enumerate(headers[1:], start=1):
            if _in_file(section) and section.sh_size:
                end = section.sh_offset + section.sh_size
                spans.append((section.sh_offset, end, f"section {number} '{names[number]}'"))
        spans.sort()
        for (_, end, left), (start, _, right) in pairwise(spans):
            if start < end:
                raise FormatError(f"{left} and {right} overlap", off=start)

    # -- sections

    def _sections(self, headers: list[Shdr], names: list[str]) -> None:
        if not headers:
            return
        self.numbered = [None]
        for number, (header, name) in enumerate(zip(headers[1:], names[1:], strict=True), start=1):
            align = header.sh_addralign
            if align & (align - 1):
                raise FormatError(f"{align} is not a power of two", thing=_label(number, name), field="sh_addralign")
            if header.sh_type == SHT_CREL:
                raise UnsupportedError("relocations in the CREL encoding", thing=_label(number, name))
            section = Section(name, header.sh_type, header.sh_flags, align=align, entsize=header.sh_entsize)
            section.addr = header.sh_addr
            section.info = header.sh_info
            section.index = number
            section.off = header.sh_offset
            if section.in_file:
                section.data = bytes(self.data[header.sh_offset : header.sh_offset + header.sh_size])
            else:
                section.size = header.sh_size
            self.numbered.append(section)
        for source, header in zip(self.numbered, headers, strict=True):
            if source is not None:
                source.link = self._section(header.sh_link, source, "sh_link")
                if header.sh_type in (SHT_REL, SHT_RELA) or header.sh_flags & SHF_INFO_LINK:
                    source.info_section = self._section(header.sh_info, source, "sh_info")

    def _section(self, number: int, source: Section, field: str) -> Section | None:
        """The section of that number, None for 0."""
        if number == 0:
            return None
        if number >= len(self.numbered):
            raise BadReferenceError(_past(number, self.numbered, "section"), thing=source.label, field=field)
        return self.numbered[number]

    def _string_table(self, headers: list[Shdr], index: int, name: str) -> _Strings:
        start, size = headers[index].sh_offset, headers[index].sh_size
        strings = self.strings[index] = _Strings(name, bytes(self.data[start : start + size]))
        return strings

    def _records(self, section: Section, layout: Layout) -> Any:
        """The records of a section, as an iterator of tuples."""
        _check_entries(section, layout.size)
        return layout.struct(self.order).iter_unpack(section.data)

    # -- symbols

    def _symbols(self, elf: Elf) -> Symbols:
        tables = [section for section in elf.sections if section.type == SHT_SYMTAB]
        if not tables:
            return [None]
        if len(tables) > 1:
            raise UnsupportedError(f"a second symbol table beside {tables[0].label}", thing=tables[1].label)
        symtab = elf.symtab = tables[0]
        records = self._records(symtab, SYM)
        names = symtab.link
        if names is None or names.type != SHT_STRTAB:
            raise BadReferenceError("no string table holds the symbols' names", thing=symtab.label, field="sh_link")
        count = len(symtab.data) // SYM.size
        if symtab.info > count:
            raise BadReferenceError(
                f"{symtab.info} local symbols of {count}", section=symtab.name, thing=symtab.label, field="sh_info"
            )
        strings = self.strings.get(names.index) or _Strings(names.name, names.data)
        self.strings[names.index] = strings
        wide = self._wide_section_numbers(elf, symtab, count)
        symbols: Symbols = []
        for index, (name_off, info, other, shndx, value, size) in enumerate(records):
            if index == 0:
                symbols.append(None)
                continue
            bind, kind = info >> 4, info & 15
            symbol = Symbol("", None, value, size, bind=bind, type=kind, other=other, shndx=shndx, index=index)
            symbols.append(symbol)
            try:
                if name_off:
                    symbol.name = strings.name(name_off, f"symbol {index}", "st_name")
                if shndx < SHN_LORESERVE or shndx == SHN_XINDEX:
                    number = wide[index] if shndx == SHN_XINDEX and wide else shndx
                    if number >= len(self.numbered):
                        reason = _past(number, self.numbered, "section")
                        raise BadReferenceError(reason, thing=symbol.label, field="st_shndx")
                    symbol.section, symbol.shndx = self.numbered[number], SHN_UNDEF
            except BtfkitError as error:
                raise error.at(section=symtab.name, off=index * SYM.size) from None
        return symbols or [None]

    def _wide_section_numbers(self, elf: Elf, symtab: Section, count: int) -> tuple[int, ...]:
        """Section numbers of symbols where st_shndx is too small for them: SHT_SYMTAB_SHNDX; () if there is none."""
        for section in elf.sections:
            if section.type == SHT_SYMTAB_SHNDX and section.link is symtab:
                numbers = self._words(section)
                if len(numbers) != count:
                    raise FormatError(f"{len(numbers)} section numbers for {count} symbols", thing=section.label)
                return numbers
        return ()

    def _words(self, section: Section) -> tuple[int, ...]:
        if len(section.data) % 4:
            raise TruncatedError(f"{len(section.data)} bytes are not whole 32-bit words", thing=section.label)
        return Struct(f"{PREFIX[self.order]}{len(section.data) // 4}I").unpack(section.data)

    # -- sections that number symbols and sections

    def _references(self, elf: Elf, symbols: Symbols) -> None:
        for section in elf.sections:
            if section.type in (SHT_REL, SHT_RELA):
                self._relocation_table(elf, section, symbols)
            elif section.type == SHT_GROUP:
                elf.groups[section] = self._group(elf, section, symbols)
            elif section.type == SHT_LLVM_ADDRSIG and section.link is not None and section.link is elf.symtab:
                elf.addrsig[section] = _addrsig(section, symbols)

    def _relocation_table(self, elf: Elf, section: Section, symbols: Symbols) -> None:
        target = section.info_section
        if target is None:
            raise BadReferenceError("relocations that apply to no section", thing=section.label, field="sh_info")
        if section.link is not elf.symtab and section.link is not None:
            reason = f"{section.link.label} is not the symbol table"
            raise BadReferenceError(reason, thing=section.label, field="sh_link")
        if target in elf.tables:
            reason = f"a second set of relocations for {target.label} beside {elf.tables[target].section}"
            raise UnsupportedError(reason, thing=section.label)
        _check_entries(section, (REL if section.type == SHT_REL else RELA).size)
        reachable: Symbols = symbols if section.link is not None else [None]
        load = partial(_relocations, copy(section), order=self.order, symbols=reachable, target_size=target.size)
        elf.tables[target] = RelocationTable(section, load)

    def _group(self, elf: Elf, section: Section, symbols: Symbols) -> Group:
        words = self._words(section)
        if not words:
            raise TruncatedError("a group without its flags", thing=section.label)
        if section.link is not elf.symtab or section.info >= len(symbols):
            raise BadReferenceError(_past(section.info, symbols, "symbol"), thing=section.label, field="sh_info")
        members = []
        for position, number in enumerate(words[1:]):
            member = self._section(number, section, f"member {position}")
            if member is None:
                raise BadReferenceError("section 0 in a group", thing=section.label, field=f"member {position}")
            members.append(member)
        return Group(words[0], symbols[section.info], members)


def _in_file(header: Shdr) -> bool:
    return header.sh_type not in (SHT_NULL, SHT_NOBITS)


def _label(number: int, name: str) -> str:
    return f"section {number} '{name}'"


def _past(number: int, things: list[Any], what: str) -> str:
    return f"{what} {number} is past the last, {len(things) - 1}"


def _check_entries(section: Section, size: int) -> None:
    if section.entsize != size:
        raise FormatError(f"entries of {section.entsize} bytes, not {size}", thing=section.label, field="sh_entsize")
    if len(section.data) % size:
        raise TruncatedError(f"{len(section.data)} bytes are not whole entries of {size}", thing=section.label)


def _relocations(section: Section, *, order: ByteOrder, symbols: Symbols, target_size: int) -> list[Relocation]:
    """Decode a REL or RELA section; the arguments are as they were in the file."""
    layout = REL if section.type == SHT_REL else RELA
    relocations = []
    for index, (off, info, *addend) in enumerate(layout.struct(order).iter_unpack(section.data)):
        number = info >> 32
        if number >= len(symbols) or off >= target_size:
            field = "r_info" if number >= len(symbols) else "r_offset"
            reason = (
                _past(number, symbols, "symbol")
                if field == "r_info"
                else f"offset 0x{off:x} is past the section it applies to (0x{target_size:x} bytes)"
            )
            where = index * layout.size
            raise BadReferenceError(reason, section=section.name, off=where, thing=f"relocation {index}", field=field)
        relocations.append(Relocation(off, symbols[number], info & 0xFFFFFFFF, addend[0] if addend else None))
    return relocations


def _addrsig(section: Section, symbols: Symbols) -> list[Symbol]:
    """LLVM's list of symbols whose address matters: their numbers in ULEB128."""
    found = []
    number = shift = start = 0
    for pos, octet in enumerate(section.data):
        number |= (octet & 0x7F) << shift
        shift += 7
        if octet & 0x80 and shift < 35:
            continue
        symbol = symbols[number] if number < len(symbols) else None
        if symbol is None:
            raise BadReferenceError(_past(number, symbols, "symbol"), section=section.name, off=start)
        found.append(symbol)
        number, shift, start = 0, 0, pos + 1
    if shift:
        raise TruncatedError("the section ends inside a number", section=section.name, off=start)
    return found
