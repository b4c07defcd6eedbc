"""The sections of an object that grows: bytes are appended to buffers, which become the sections' data at the end."""

from __future__ import annotations

from btfkit.elf import Elf, Section, Symbol
from btfkit.errors import LinkError
from btfkit.format.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_PROGBITS,
    STB_LOCAL,
    STT_SECTION,
)
from btfkit.format.insn import INSN_SIZE


class Sections:
    """By name; those that are not there are made. symbols: of each section the symbol that stands for it."""

    def __init__(self, elf: Elf, symbols: dict[Section, Symbol]) -> None:
        self.elf = elf
        self.symbols = symbols
        self._named: dict[str, Section] = {}
        self._buffers: dict[Section, bytearray] = {}
        for section in elf.sections:
            self._named.setdefault(section.name, section)

    def code(self, name: str) -> Section:
        """A section of instructions."""
        section = self._named.get(name) or self._add(name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, INSN_SIZE)
        if not section.is_code:
            raise LinkError(f"the section '{name}' holds data, not instructions")
        return section

    def data(self, name: str) -> Section:
        """A section of data: ``.bss…`` of zeros that the file does not hold, ``.rodata…`` not to be written."""
        section = self._named.get(name)
        if section is None:
            kind = SHT_NOBITS if _starts(name, ".bss") else SHT_PROGBITS
            flags = SHF_ALLOC if _starts(name, ".rodata") else SHF_ALLOC | SHF_WRITE
            section = self._add(name, kind, flags, 1)
        if section.is_code or not section.is_alloc:
            raise LinkError(f"the section '{name}' is not one of data")
        return section

    def _add(self, name: str, kind: int, flags: int, align: int) -> Section:
        section = self._named[name] = self.elf.add_section(name, kind, flags, align=align)
        return section

    def append(self, section: Section, data: bytes, align: int) -> int:
        """The byte offset of the data, which starts at a multiple of ``align``."""
        section.align = max(section.align, align)
        if section.is_nobits:
            off = -(-section.size // align) * align
            section.size = off + len(data)
            return off
        buffer = self.buffer(section)
        buffer += bytes(-len(buffer) % align)
        off = len(buffer)
        buffer += data
        return off

    def buffer(self, section: Section) -> bytearray:
        """The section's bytes, to be changed."""
        found = self._buffers.get(section)
        if found is None:
            found = self._buffers[section] = bytearray(section.data)
        return found

    def symbol(self, section: Section) -> Symbol:
        """The symbol that stands for the section."""
        found = self.symbols.get(section)
        if found is None:
            found = self.symbols[section] = self.elf.add_symbol("", section, 0, 0, STB_LOCAL, STT_SECTION)
        return found

    def flush(self) -> None:
        """Let the sections have the bytes of the buffers."""
        for section, buffer in self._buffers.items():
            section.data = bytes(buffer)
        self._buffers.clear()


def _starts(name: str, what: str) -> bool:
    return name == what or name.startswith(what + ".")


__all__ = ["Sections"]
