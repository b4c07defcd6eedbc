"""`Elf` → bytes.

In: an object as read, edited or built. The file is laid out anew: what was read stays in the order it had in the file,
what is new comes behind it, each section at its alignment, zeros between. So an object nothing was changed in comes out
as it was, and a section nothing was changed in keeps its bytes (but not its place).
Made here, whatever their ``data`` was: the symbol table, its SHT_SYMTAB_SHNDX, relocations, groups, LLVM's address
significance table, and string tables whose set of names changed. The contents of other sections are the caller's.
Out: bytes; and numbers, offsets and made contents in the objects, if all went well. EncodeError: what ELF cannot say.

Source: the System V gABI.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from struct import Struct, error
from typing import Any

from btfkit.elf.object import Elf, RelocationTable, Section, Symbol
from btfkit.errors import BtfkitError, EncodeError
from btfkit.format.elf import (
    EHDR,
    ELF_MAGIC,
    ELFCLASS64,
    ELFDATA,
    EV_CURRENT,
    REL,
    RELA,
    SHDR,
    SHN_LORESERVE,
    SHN_UNDEF,
    SHN_XINDEX,
    SHT_RELA,
    SHT_STRTAB,
    SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
    SYM,
    Layout,
)
from btfkit.format.fields import PREFIX

PADDING_LIMIT = 64 << 20
"""Bytes of padding that alignments may ask for, beyond four times what there is to write."""


def write_elf(elf: Elf) -> bytes:
    """The object's bytes; its sections and symbols get their ``index`` and ``off``."""
    try:
        _complete(elf)
        return _Writer(elf).write()
    except BtfkitError as wrong:
        raise wrong.at(path=elf.path) from None


# -- sections that must be there


def _complete(elf: Elf) -> None:
    """Add the tables that are needed and not there: for names, symbols, relocations, wide section numbers."""
    for target in list(elf.tables):
        if target in elf.tables:  # not dropped with a section before it
            elf.fit_relocation_section(target)
    relocated = [table.section for table in elf.tables.values() if table.section is not None]
    if elf.symtab is None and (elf.symbols or relocated):
        elf.symtab = elf.add_section(".symtab", SHT_SYMTAB, align=8, entsize=SYM.size)
    for section in relocated:
        section.link = elf.symtab
    if elf.symtab is not None and len(elf.sections) + 3 >= SHN_LORESERVE and _wide_table(elf) is None:
        elf.add_section(".symtab_shndx", SHT_SYMTAB_SHNDX, align=4, entsize=4).link = elf.symtab
    if elf.sections and (elf.shstrtab is None or elf.shstrtab not in elf.sections):
        elf.shstrtab = elf.add_section(".strtab", SHT_STRTAB)
    if elf.symtab is not None and (elf.symtab.link is None or elf.symtab.link not in elf.sections):
        elf.symtab.link = elf.shstrtab


def _wide_table(elf: Elf) -> Section | None:
    """The section with the section numbers of symbols where these do not fit."""
    tables = (section for section in elf.sections if section.type == SHT_SYMTAB_SHNDX and section.link is elf.symtab)
    return next(tables, None)


# -- string tables


def build_strings(names: Iterable[bytes], start: bytes = b"\0") -> tuple[bytes, dict[bytes, int]]:
    """A string table with these names behind ``start``, and their offsets. A name that is another's tail lies in it.

    The order is LLVM's (StringTableBuilder): by their reversed bytes, last first, so that a tail follows its whole.
    """
    table = bytearray(start)
    offsets: dict[bytes, int] = {}
    whole, whole_off = b"", 0
    for name in sorted(names, key=lambda name: name[::-1], reverse=True):
        if not whole.endswith(name):
            whole, whole_off = name, len(table)
            table += name + b"\0"
        offsets[name] = whole_off + len(whole) - len(name)
    return bytes(table), offsets


def _encode_name(name: str, thing: str) -> bytes:
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as wrong:
        raise EncodeError(f"the name {name!r} is not encodable: {wrong.reason}", thing=thing) from None
    if b"\0" in raw:
        raise EncodeError(f"NUL in the name {name!r}", thing=thing)
    return raw


class _Writer:
    """One writing. Nothing in the `Elf` is changed before all of the file has been made."""

    def __init__(self, elf: Elf) -> None:
        self.elf = elf
        self.numbers: dict[Section, int] = {section: i for i, section in enumerate(elf.sections, start=1)}
        if len(self.numbers) < len(elf.sections):
            raise EncodeError("a section is in the list twice")
        self.symbols = _ordered_symbols(elf)
        self.symbol_numbers: dict[Symbol, int] = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}
        if len(self.symbol_numbers) < len(elf.symbols):
            raise EncodeError("a symbol is in the list twice")
        self.made: dict[Section, bytes] = {}
        self.infos: dict[Section, int] = {}
        self.strings: dict[Section, dict[str, int]] = {}

    def write(self) -> bytes:
        self._string_tables()
        self._symbol_table()
        for target, table in self.elf.tables.items():
            self._relocations(target, table)
        self._groups()
        self._addrsig()
        offsets, shoff, end = self._lay_out()
        out = bytearray(end)
        out[: EHDR.size] = self._header(shoff)
        for section, off in offsets.items():
            data = self._bytes(section)
            out[off : off + len(data)] = data
        if self.elf.sections:
            headers = self._section_headers(offsets)
            out[shoff : shoff + len(headers)] = headers
        self._commit(offsets, shoff)
        return bytes(out)

    def _commit(self, offsets: dict[Section, int], shoff: int) -> None:
        elf = self.elf
        elf.shoff = shoff
        for section, number in self.numbers.items():
            section.index, section.off = number, offsets[section]
        for section, data in self.made.items():
            section.data = data
        for section, info in self.infos.items():
            section.info = info
        for symbol, number in self.symbol_numbers.items():
            symbol.index = number
        elf.strings = {section: (self._bytes(section), names) for section, names in self.strings.items()}

    def _bytes(self, section: Section) -> bytes:
        return self.made.get(section, section.data)

    def _pack(self, layout: Layout, values: tuple[Any, ...], thing: str) -> bytes:
        try:
            return layout.struct(self.elf.byte_order).pack(*values)
        except error:
            field = layout.misfit(values)
            value = values[layout.fields.index(field)] if field else values
            raise EncodeError(f"{value!r} does not fit its field", thing=thing, field=field) from None

    def _words(self, words: list[int]) -> bytes:
        return Struct(f"{PREFIX[self.elf.byte_order]}{len(words)}I").pack(*words)

    # -- names and symbols

    def _string_tables(self) -> None:
        elf = self.elf
        users: dict[Section, list[Iterable[Section | Symbol]]] = {}
        if elf.shstrtab is not None:
            users.setdefault(elf.shstrtab, []).append(elf.sections)
        if elf.symtab is not None and elf.symtab.link is not None:
            users.setdefault(elf.symtab.link, []).append(self.symbols)
        for table, named in users.items():
            raw = {thing.name: _encode_name(thing.name, thing.label) for thing in chain(*named) if thing.name}
            data, known = elf.strings.get(table, (b"", {}))
            if data != table.data or raw.keys() != known.keys() - {""}:
                foreign = any(s.link is table and s is not elf.symtab for s in elf.sections)
                self.made[table], offsets = build_strings(set(raw.values()), table.data if foreign else b"\0")
                known = {name: offsets[octets] for name, octets in raw.items()}
            self.strings[table] = known

    def _name_off(self, table: Section | None, name: str) -> int:
        return self.strings[table].get(name, 0) if table is not None else 0

    def _symbol_table(self) -> None:
        symtab = self.elf.symtab
        if symtab is None:
            return
        records = [bytes(SYM.size)]
        wide = [0]
        for symbol in self.symbols:
            if symbol.section is None:
                shndx = symbol.shndx
                if SHN_UNDEF < shndx < SHN_LORESERVE or shndx == SHN_XINDEX:
                    raise EncodeError(f"{shndx} is not a special section number", thing=symbol.label, field="st_shndx")
                wide.append(0)
            else:
                number = self.numbers.get(symbol.section)
                if number is None:
                    reason = f"it is defined in '{symbol.section.name}', which is not a section of this object"
                    raise EncodeError(reason, thing=symbol.label)
                shndx = number if number < SHN_LORESERVE else SHN_XINDEX
                wide.append(number if shndx == SHN_XINDEX else 0)
            if symbol.bind >> 4 or symbol.type >> 4:
                what = f"bind {symbol.bind} and type {symbol.type} have four bits each"
                raise EncodeError(what, thing=symbol.label, field="st_info")
            name_off = self._name_off(symtab.link, symbol.name)
            info = symbol.bind << 4 | symbol.type
            fields = (name_off, info, symbol.other, shndx, symbol.value, symbol.size)
            records.append(self._pack(SYM, fields, symbol.label))
        self.made[symtab] = b"".join(records)
        if not _keeps_libbpf_order(self.elf):
            self.infos[symtab] = 1 + sum(symbol.is_local for symbol in self.symbols)
        wide_table = _wide_table(self.elf)
        if wide_table is not None:
            self.made[wide_table] = self._words(wide)

    def _symbol_number(self, symbol: Symbol | None) -> int:
        if symbol is None:
            return 0
        number = self.symbol_numbers.get(symbol)
        if number is None:
            raise EncodeError(f"{symbol.label} is not in the symbol table")
        return number

    # -- sections that number symbols and sections

    def _relocations(self, target: Section, table: RelocationTable) -> None:
        entries = self.elf.relocations(target)
        if table.section is None:
            return
        if table.section not in self.numbers:
            raise EncodeError(f"its relocations are in {table.section.label}, which is gone", thing=target.label)
        rela = table.section.type == SHT_RELA
        layout = RELA if rela else REL
        records = []
        for index, entry in enumerate(entries):
            thing = f"relocation {index}"
            try:
                number = self._symbol_number(entry.symbol)
                if not 0 <= entry.off < target.size:
                    raise EncodeError(f"it is past the section it applies to (0x{target.size:x} bytes)")
                if entry.type >> 32:
                    raise EncodeError(f"type {entry.type} does not fit 32 bits")
                if rela and entry.addend is None:
                    raise EncodeError("no addend, where others of this section have one")
                info = number << 32 | entry.type
                records.append(self._pack(layout, (entry.off, info, entry.addend)[: len(layout.fields)], thing))
            except EncodeError as wrong:
                raise wrong.at(section=target.name, off=entry.off, thing=thing) from None
        self.made[table.section] = b"".join(records)

    def _groups(self) -> None:
        for section, group in self.elf.groups.items():
            try:
                self.infos[section] = self._symbol_number(group.signature)
            except EncodeError as wrong:
                raise wrong.at(thing=section.label, field="signature") from None
            members = [self._section_number(member, section, "member") for member in group.members]
            self.made[section] = self._words([group.flags, *members])

    def _addrsig(self) -> None:
        """Symbols that are gone are left out: the table only says whose address matters."""
        for section, symbols in self.elf.addrsig.items():
            numbers = (self.symbol_numbers[symbol] for symbol in symbols if symbol in self.symbol_numbers)
            self.made[section] = b"".join(map(_uleb128, numbers))

    # -- layout

    def _lay_out(self) -> tuple[dict[Section, int], int, int]:
        """File offsets of all sections, of the section header table, and of the end."""
        elf = self.elf
        placed = [section.off for section in elf.sections if section.index and section.in_file]
        table_is_last = not elf.shoff or elf.shoff >= max(placed, default=0)
        items: list[tuple[tuple[int, ...], Section | None]] = []
        for number, section in enumerate(elf.sections, start=1):
            # an empty section lies before the section, or the table, that starts at the same offset
            was = (0, section.off, bool(section.in_file and section.data), section.index)
            items.append((was if section.index else (1, number), section))
        if elf.sections:
            items.append(((2,) if table_is_last else (0, elf.shoff, True), None))
        items.sort(key=lambda item: item[0])

        offsets: dict[Section, int] = {}
        shoff, content, end = 0, EHDR.size, EHDR.size
        for _, item in items:
            align = 8 if item is None else _file_align(item)
            off = -(-end // align) * align
            if off - content > 4 * content + PADDING_LIMIT:
                name = item.label if item is not None else None
                raise EncodeError(f"alignment {align} would pad the file to {off} bytes", thing=name)
            if item is None:
                shoff, size = off, SHDR.size * (len(elf.sections) + 1)
            else:
                offsets[item] = off
                size = len(self._bytes(item)) if item.in_file else 0
            content += size
            end = off + size
        return offsets, shoff, end

    # -- headers

    def _section_number(self, section: Section | None, source: Section, field: str) -> int:
        if section is None:
            return 0
        number = self.numbers.get(section)
        if number is None:
            reason = f"it refers to '{section.name}', which is not a section of this object"
            raise EncodeError(reason, thing=source.label, field=field)
        return number

    def _section_headers(self, offsets: dict[Section, int]) -> bytes:
        elf = self.elf
        count, names = len(elf.sections) + 1, self._names_number()
        wide = (count if count >= SHN_LORESERVE else 0, names if names >= SHN_LORESERVE else 0)
        records = [self._pack(SHDR, (0, 0, 0, 0, 0, *wide, 0, 0, 0), "section 0")]
        for section in elf.sections:
            if not section.in_file and section.data:
                raise EncodeError("it has bytes, but its type says that the file holds none", thing=section.label)
            info = self.infos.get(section, section.info)
            if section.info_section is not None:
                info = self._section_number(section.info_section, section, "sh_info")
            fields = (
                self._name_off(elf.shstrtab, section.name),
                section.type,
                section.flags,
                section.addr,
                offsets[section],
                len(self._bytes(section)) if section.in_file else section.size,
                self._section_number(section.link, section, "sh_link"),
                info,
                section.align,
                section.entsize,
            )
            records.append(self._pack(SHDR, fields, section.label))
        return b"".join(records)

    def _names_number(self) -> int:
        return self.numbers[self.elf.shstrtab] if self.elf.shstrtab is not None else 0

    def _header(self, shoff: int) -> bytes:
        elf = self.elf
        count, names = (len(elf.sections) + 1 if elf.sections else 0), self._names_number()
        fields = (
            ELF_MAGIC,
            ELFCLASS64,
            ELFDATA[elf.byte_order],
            EV_CURRENT,
            elf.osabi,
            elf.abi_version,
            bytes(7),
            elf.etype,
            elf.machine,
            EV_CURRENT,
            0,
            0,
            shoff,
            elf.flags,
            EHDR.size,
            0,
            0,
            SHDR.size,
            count if count < SHN_LORESERVE else 0,
            names if names < SHN_LORESERVE else SHN_XINDEX,
        )
        return self._pack(EHDR, fields, "the ELF header")


def _ordered_symbols(elf: Elf) -> list[Symbol]:
    """Local symbols before all others, as ELF demands; otherwise as they are in the list."""
    if _keeps_libbpf_order(elf):
        return list(elf.symbols)
    return sorted(elf.symbols, key=lambda symbol: not symbol.is_local)


def _keeps_libbpf_order(elf: Elf) -> bool:
    """The symbols are as libbpf's linker wrote them: as they come, and sh_info is 0 (``bpftool gen object`` 7.1)."""
    symtab = elf.symtab
    return (
        symtab is not None
        and bool(symtab.index)
        and symtab.info == 0
        and len(symtab.data) == SYM.size * (len(elf.symbols) + 1)
        and all(symbol.index == i for i, symbol in enumerate(elf.symbols, start=1))
    )


def _file_align(section: Section) -> int:
    if section.align & (section.align - 1) or section.align < 0:
        raise EncodeError(f"alignment {section.align} is not a power of two", thing=section.label)
    return section.align or 1


def _uleb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
