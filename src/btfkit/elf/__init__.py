"""Bytes ↔ sections, symbols and relocations of relocatable BPF objects. Has never heard of BTF."""

from btfkit.elf.object import Elf, Relocation, Section, Symbol
from btfkit.elf.reader import read_elf
from btfkit.elf.writer import write_elf

__all__ = ["Elf", "Relocation", "Section", "Symbol", "read_elf", "write_elf"]
