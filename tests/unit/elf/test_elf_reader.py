"""Reading: a file a person can check by eye in both byte orders, and the same file with one thing wrong."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
from tests.conftest import read_hex

from btfkit.elf import Elf, Section, read_elf, write_elf
from btfkit.errors import BadReferenceError, BtfkitError, FormatError, TruncatedError, UnsupportedError
from btfkit.format.elf import (
    R_BPF_64_64,
    SHN_ABS,
    SHT_CREL,
    SHT_NOBITS,
    SHT_NULL,
    SHT_PROGBITS,
    SHT_REL,
    SHT_STRTAB,
    SHT_SYMTAB,
    STT_FUNC,
    STT_OBJECT,
    STT_SECTION,
    STV_DEFAULT,
)

ORDERS = ("little", "big")
SHDR = 0x100
"""Where the section headers of the tiny object are."""


def tiny(order: str = "little") -> bytes:
    return read_hex(f"elf/tiny-{order}.hex")


def section(elf: Elf, name: str) -> Section:
    found = elf.section(name)
    assert found is not None
    return found


@pytest.mark.parametrize("order", ORDERS)
def test_header(order: str) -> None:
    elf = read_elf(tiny(order), "tiny.o")
    assert (elf.byte_order, elf.machine, elf.etype, elf.flags, elf.osabi) == (order, 247, 1, 0, 0)
    assert elf.path == "tiny.o"


@pytest.mark.parametrize("order", ORDERS)
def test_sections(order: str) -> None:
    elf = read_elf(tiny(order))
    assert [(s.index, s.name, s.type, s.flags, s.off, s.size, s.align, s.entsize) for s in elf.sections] == [
        (1, "prog", SHT_PROGBITS, 6, 0x40, 16, 8, 0),
        (2, "maps", SHT_PROGBITS, 3, 0x50, 20, 4, 0),
        (3, ".bss", SHT_NOBITS, 3, 0x68, 16, 8, 0),
        (4, ".relprog", SHT_REL, 0x40, 0x68, 16, 8, 16),
        (5, ".symtab", SHT_SYMTAB, 0, 0x78, 96, 8, 24),
        (6, ".strtab", SHT_STRTAB, 0, 0xD8, 38, 1, 0),
    ]
    prog, maps, bss, rel, symtab, strtab = elf.sections
    assert prog.data == bytes.fromhex("18010000000000000000000000000000")
    assert bss.data == b""
    assert [s.link for s in elf.sections] == [None, None, None, symtab, strtab, None]
    assert rel.info_section is prog
    assert (prog.is_code, prog.is_alloc, prog.is_writable, prog.is_nobits) == (True, True, False, False)
    assert (bss.is_code, bss.is_alloc, bss.is_writable, bss.is_nobits) == (False, True, True, True)
    assert elf.section("maps") is maps
    assert elf.section("no such") is None


@pytest.mark.parametrize("order", ORDERS)
def test_symbols(order: str) -> None:
    elf = read_elf(tiny(order))
    assert [(s.index, s.name, s.section and s.section.name, s.value, s.size, s.bind, s.type) for s in elf.symbols] == [
        (1, "", "maps", 0, 0, 0, STT_SECTION),
        (2, "m", "maps", 0, 20, 1, STT_OBJECT),
        (3, "prog", "prog", 0, 16, 1, STT_FUNC),
    ]
    anchor, m, prog = elf.symbols
    assert (anchor.is_local, anchor.is_section, anchor.is_undefined) == (True, True, False)
    assert (m.is_global, m.is_weak, m.visibility) == (True, False, STV_DEFAULT)
    assert elf.symbol("prog") is prog
    assert elf.symbol("no such") is None


@pytest.mark.parametrize("order", ORDERS)
def test_relocations(order: str) -> None:
    elf = read_elf(tiny(order))
    prog = section(elf, "prog")
    (entry,) = elf.relocations(prog)
    assert (entry.off, entry.symbol, entry.type, entry.addend) == (0, elf.symbol("m"), R_BPF_64_64, None)
    assert elf.relocations(prog) is elf.relocations(prog)
    assert elf.relocations(section(elf, "maps")) == []


def test_special_symbols() -> None:
    elf = read_elf(patched(0xA8 + 6, SHN_ABS, 2))
    symbol = elf.symbol("m")
    assert symbol is not None
    assert (symbol.section, symbol.shndx, symbol.is_undefined) == (None, SHN_ABS, False)
    undefined = read_elf(patched(0xA8 + 6, 0, 2)).symbol("m")
    assert undefined is not None
    assert undefined.is_undefined


def test_name_not_utf8() -> None:
    elf = read_elf(patched(0xD8 + 0xB, 0xFF, 1))
    assert elf.symbols[1].name == "\udcff"


def test_old_clang_wrote_machine_0() -> None:
    assert read_elf(patched(18, 0, 2)).machine == 0


def test_from_a_map(tmp_path: Path) -> None:
    path = tmp_path / "tiny.o"
    path.write_bytes(tiny())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        elf = read_elf(data)
    assert section(elf, "maps").data[:4] == b"\1\0\0\0"


# -- one thing wrong


def patched(off: int, value: int, size: int) -> bytes:
    """The little-endian tiny object with other ``size`` bytes at ``off``."""
    data = bytearray(tiny())
    data[off : off + size] = value.to_bytes(size, "little")
    return bytes(data)


def header(number: int, field: int) -> int:
    """File offset of a field of a section header."""
    return SHDR + 64 * number + field


NAME, TYPE, OFF, SIZE, LINK, INFO, ALIGN, ENTSIZE = 0, 4, 0x18, 0x20, 0x28, 0x2C, 0x30, 0x38

WRONG = [
    ("magic", (0, 0, 1), FormatError, "not an ELF file"),
    ("class-32", (4, 1, 1), UnsupportedError, "byte 0x4: a 32-bit ELF file"),
    ("class-none", (4, 7, 1), UnsupportedError, "neither a 32- nor a 64-bit"),
    ("data", (5, 3, 1), FormatError, "neither little- nor big-endian"),
    ("ident-version", (6, 2, 1), UnsupportedError, "ELF version 2"),
    ("version", (20, 0, 4), UnsupportedError, "header: 0"),
    ("machine", (18, 62, 2), UnsupportedError, "for machine 62, not for BPF (247)"),
    ("executable", (16, 2, 2), UnsupportedError, "of type 2, not a relocatable object (1)"),
    ("program-headers", (56, 1, 2), UnsupportedError, "1 program headers"),
    ("shoff-0", (40, 0, 8), BadReferenceError, "7 section headers, but at offset 0"),
    ("shoff-past", (40, 1 << 60, 8), TruncatedError, "past the end of the file"),
    ("shentsize", (58, 40, 2), UnsupportedError, "section headers of 40 bytes"),
    ("shnum", (60, 8, 2), TruncatedError, "8 section headers end at 0x300, the file at 0x2c0"),
    ("shstrndx-past", (62, 7, 2), BadReferenceError, "section 7 is no string table"),
    ("shstrndx-kind", (62, 1, 2), BadReferenceError, "section 1 is no string table"),
    ("shstrndx-0", (62, 0, 2), BadReferenceError, "section 1: a name, but no section holds the names"),
    ("section-name", (header(1, NAME), 38, 4), BadReferenceError, "section 1: sh_name: name offset 0x26 is past"),
    ("name-unterminated", (0xD8 + 37, 65, 1), TruncatedError, "ends inside this name"),
    ("section-past", (header(2, SIZE), 0x1000, 8), TruncatedError, "section 2: its bytes 0x50 to 0x1050 end past"),
    ("section-huge", (header(2, OFF), (1 << 64) - 1, 8), TruncatedError, "section 2: its bytes 0xffffffffffffffff"),
    ("overlap", (header(2, OFF), 0x48, 8), FormatError, "section 1 'prog' and section 2 'maps' overlap"),
    ("overlap-ehdr", (header(1, OFF), 0x3F, 8), FormatError, "the ELF header and section 1 'prog' overlap"),
    ("overlap-shdr", (header(1, OFF), 0xF8, 8), FormatError, "'.strtab' and section 1 'prog' overlap"),
    ("align", (header(1, ALIGN), 6, 8), FormatError, "section 1 'prog': sh_addralign: 6 is not a power of two"),
    ("link", (header(1, LINK), 7, 4), BadReferenceError, "section 1 'prog': sh_link: section 7 is past the last, 6"),
    ("crel", (header(4, TYPE), SHT_CREL, 4), UnsupportedError, "CREL"),
    ("rel-target", (header(4, INFO), 7, 4), BadReferenceError, "'.relprog': sh_info: section 7 is past"),
    ("rel-target-0", (header(4, INFO), 0, 4), BadReferenceError, "relocations that apply to no section"),
    ("rel-link", (header(4, LINK), 1, 4), BadReferenceError, "section 1 'prog' is not the symbol table"),
    ("rel-entsize", (header(4, ENTSIZE), 24, 8), FormatError, "sh_entsize: entries of 24 bytes, not 16"),
    ("rel-size", (header(4, SIZE), 15, 8), TruncatedError, "15 bytes are not whole entries of 16"),
    ("rel-symbol", (0x68 + 12, 4, 4), BadReferenceError, ".relprog+0x0: relocation 0: r_info: symbol 4 is past the"),
    ("rel-offset", (0x68, 16, 8), BadReferenceError, "relocation 0: r_offset: offset 0x10 is past the section it"),
    ("sym-entsize", (header(5, ENTSIZE), 16, 8), FormatError, "'.symtab': sh_entsize: entries of 16 bytes, not 24"),
    ("sym-size", (header(5, SIZE), 0x5F, 8), TruncatedError, "95 bytes are not whole entries"),
    ("sym-link", (header(5, LINK), 1, 4), BadReferenceError, "no string table holds the symbols' names"),
    ("sym-link-0", (header(5, LINK), 0, 4), BadReferenceError, "no string table holds the symbols' names"),
    ("sym-info", (header(5, INFO), 5, 4), BadReferenceError, "sh_info: 5 local symbols of 4"),
    ("sym-name", (0xA8, 0x26, 4), BadReferenceError, ".symtab+0x30: symbol 2: st_name: name offset 0x26 is past"),
    ("sym-section", (0xA8 + 6, 7, 2), BadReferenceError, ".symtab+0x30: symbol 2 'm': st_shndx: section 7 is past"),
    ("sym-wide", (0xA8 + 6, 0xFFFF, 2), BadReferenceError, "symbol 2 'm': st_shndx: section 65535 is past"),
    ("two-symtabs", (header(2, TYPE), SHT_SYMTAB, 4), UnsupportedError, "a second symbol table beside section 2"),
]


@pytest.mark.parametrize(("patch", "kind", "text"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_one_thing_wrong(patch: tuple[int, int, int], kind: type[BtfkitError], text: str) -> None:
    with pytest.raises(kind) as caught:
        elf = read_elf(patched(*patch), "tiny.o")
        for each in elf.sections:
            elf.relocations(each)
    assert text in str(caught.value)
    assert str(caught.value).startswith("tiny.o: ")


def test_two_relocation_sections_for_one() -> None:
    data = bytearray(tiny())
    data[header(3, TYPE)] = SHT_REL
    data[header(3, SIZE)] = 0
    data[header(3, INFO)] = 1
    data[header(3, ENTSIZE)] = 16
    with pytest.raises(UnsupportedError, match="a second set of relocations for section 1 'prog'"):
        read_elf(bytes(data))


@pytest.mark.parametrize("order", ORDERS)
def test_every_truncation_is_an_error(order: str) -> None:
    data = tiny(order)
    for end in range(len(data)):
        with pytest.raises(FormatError):
            read_elf(data[:end])


def test_header_alone() -> None:
    data = bytearray(tiny()[:64])
    data[40:48] = bytes(8)
    data[60:64] = bytes(4)
    elf = read_elf(bytes(data))
    assert (elf.sections, elf.symbols) == ([], [])


def test_null_section_in_between() -> None:
    elf = read_elf(patched(header(3, TYPE), SHT_NULL, 4))
    assert (elf.sections[2].type, elf.sections[2].data, elf.sections[2].size) == (SHT_NULL, b"", 16)


def test_names_that_all_overlap_are_refused() -> None:
    """Ten thousand symbols, each named by another tail of one long string, would be hundreds of megabytes of names."""
    elf = Elf()
    elf.add_section("x" * 30000)
    for _ in range(10000):
        elf.add_symbol("s", None, 0, 0, 1, 0)
    data = bytearray(write_elf(elf))
    symtab = elf.symtab
    assert symtab is not None
    for number in range(1, 10001):
        at = symtab.off + 24 * number
        data[at : at + 4] = (1000 + number).to_bytes(4, "little")
    with pytest.raises(UnsupportedError, match="overlap so much"):
        read_elf(bytes(data))
