"""ELF64: the numbers and records of relocatable objects, under the names of the C header.

Source: the System V gABI (chapters 4 and 5 of the object file format); LLVM's docs and BinaryFormat/ELFRelocs/BPF.def;
binutils' include/elf/bpf.h.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any, NamedTuple

from btfkit.format.fields import PREFIX

ELF_MAGIC = b"\x7fELF"
ELFCLASS32, ELFCLASS64 = 1, 2
ELFDATA = {"little": 1, "big": 2}
EV_CURRENT = 1
ET_REL = 1
EM_NONE, EM_BPF = 0, 247

SHN_UNDEF = 0
SHN_LORESERVE = 0xFF00
"""Section numbers from here on do not fit their 16-bit field: SHN_XINDEX stands there instead."""
SHN_ABS, SHN_COMMON, SHN_XINDEX = 0xFFF1, 0xFFF2, 0xFFFF

SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA = 0, 1, 2, 3, 4
SHT_NOTE, SHT_NOBITS, SHT_REL = 7, 8, 9
SHT_GROUP, SHT_SYMTAB_SHNDX = 17, 18
SHT_CREL = 0x40000014
SHT_LLVM_ADDRSIG = 0x6FFF4C03

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHF_MERGE, SHF_STRINGS, SHF_INFO_LINK, SHF_LINK_ORDER = 0x10, 0x20, 0x40, 0x80
SHF_GROUP, SHF_TLS, SHF_COMPRESSED = 0x200, 0x400, 0x800
SHF_EXCLUDE = 0x80000000

GRP_COMDAT = 1

STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON, STT_TLS = range(7)
STV_DEFAULT, STV_INTERNAL, STV_HIDDEN, STV_PROTECTED = range(4)

R_BPF_NONE = 0
R_BPF_64_64 = 1
"""A ld_imm64: both imm fields, 32 bits each."""
R_BPF_64_ABS64, R_BPF_64_ABS32 = 2, 3
R_BPF_64_NODYLD32 = 4
"""As ABS32, in .BTF and .BTF.ext: not for a run-time linker."""
R_BPF_64_32 = 10
"""A call: imm, in instructions, relative to the next one."""
R_BPF_DATA_32, R_BPF_DATA_64 = 11, 12
"""What ABS32 and ABS64 are in binutils before 2.41 (bpf-gcc 12), whose own 2, 3 and 4 mean fields of instructions."""


class Ehdr(NamedTuple):
    ei_mag: bytes
    ei_class: int
    ei_data: int
    ei_version: int
    ei_osabi: int
    ei_abiversion: int
    ei_pad: bytes
    e_type: int
    e_machine: int
    e_version: int
    e_entry: int
    e_phoff: int
    e_shoff: int
    e_flags: int
    e_ehsize: int
    e_phentsize: int
    e_phnum: int
    e_shentsize: int
    e_shnum: int
    e_shstrndx: int


class Shdr(NamedTuple):
    sh_name: int
    sh_type: int
    sh_flags: int
    sh_addr: int
    sh_offset: int
    sh_size: int
    sh_link: int
    sh_info: int
    sh_addralign: int
    sh_entsize: int


class Sym(NamedTuple):
    st_name: int
    st_info: int
    st_other: int
    st_shndx: int
    st_value: int
    st_size: int


class Rel(NamedTuple):
    r_offset: int
    r_info: int


class Rela(NamedTuple):
    r_offset: int
    r_info: int
    r_addend: int


class Layout:
    """The bytes of a record: ``codes`` has a `struct` code for each of its fields."""

    __slots__ = ("big", "codes", "fields", "little", "size")

    def __init__(self, record: type[tuple[Any, ...]], codes: str) -> None:
        self.codes = codes.split()
        self.fields: tuple[str, ...] = record._fields  # type: ignore[attr-defined]
        self.little, self.big = (Struct(PREFIX[order] + "".join(self.codes)) for order in ("little", "big"))
        self.size = self.little.size

    def struct(self, byte_order: str) -> Struct:
        return self.little if byte_order == "little" else self.big

    def misfit(self, values: tuple[Any, ...]) -> str | None:
        """Name of the first field that cannot hold its value."""
        for field, code, value in zip(self.fields, self.codes, values, strict=True):
            try:
                Struct("<" + code).pack(value)
            except error:
                return field
        return None


EHDR = Layout(Ehdr, "4s B B B B B 7s H H I Q Q Q I H H H H H H")
SHDR = Layout(Shdr, "I I Q Q Q Q I I Q Q")
SYM = Layout(Sym, "I B B H Q Q")
REL = Layout(Rel, "Q Q")
RELA = Layout(Rela, "Q Q q")
