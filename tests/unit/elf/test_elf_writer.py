"""Writing: the same bytes again, and edits that renumber."""

from __future__ import annotations

import copy

import pytest
from tests.conftest import read_hex

from btfkit.elf import Elf, Relocation, Section, Symbol, read_elf, write_elf
from btfkit.elf.object import Group
from btfkit.elf.writer import build_strings
from btfkit.errors import EncodeError
from btfkit.format.elf import (
    GRP_COMDAT,
    R_BPF_64_64,
    R_BPF_64_ABS64,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_GROUP,
    SHF_WRITE,
    SHN_ABS,
    SHT_GROUP,
    SHT_LLVM_ADDRSIG,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_REL,
    SHT_RELA,
    STB_GLOBAL,
    STB_LOCAL,
    STT_FUNC,
    STT_OBJECT,
    STT_SECTION,
)

ORDERS = ("little", "big")


def tiny(order: str = "little") -> bytes:
    return read_hex(f"elf/tiny-{order}.hex")


def section(elf: Elf, name: str) -> Section:
    found = elf.section(name)
    assert found is not None
    return found


def symbol(elf: Elf, name: str) -> Symbol:
    found = elf.symbol(name)
    assert found is not None
    return found


def build_tiny(order: str) -> Elf:
    """The object of tests/cases/elf/tiny-*.hex."""
    elf = Elf(byte_order="little" if order == "little" else "big")
    code = bytes.fromhex("1801000000000000 0000000000000000")
    prog = elf.add_section("prog", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, align=8)
    words = b"".join(word.to_bytes(4, elf.byte_order) for word in (1, 4, 8, 16, 0))
    maps = elf.add_section("maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, words, align=4)
    elf.add_section(".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, align=8).size = 16
    m = elf.add_symbol("m", maps, 0, 20, STB_GLOBAL, STT_OBJECT)
    elf.add_symbol("prog", prog, 0, 16, STB_GLOBAL, STT_FUNC)
    elf.add_symbol("", maps, 0, 0, STB_LOCAL, STT_SECTION)
    elf.set_relocations(prog, [Relocation(0, m, R_BPF_64_64)])
    return elf


@pytest.mark.parametrize("order", ORDERS)
def test_unchanged(order: str) -> None:
    elf = read_elf(tiny(order))
    assert write_elf(elf) == tiny(order)
    assert write_elf(elf) == tiny(order)


@pytest.mark.parametrize("order", ORDERS)
def test_built_from_nothing(order: str) -> None:
    elf = build_tiny(order)
    assert write_elf(elf) == tiny(order)
    assert [s.index for s in elf.symbols] == [2, 3, 1]
    assert [s.index for s in elf.sections] == [1, 2, 3, 4, 5, 6]
    assert section(elf, "maps").off == 0x50
    assert write_elf(elf) == tiny(order)


def test_other_byte_order() -> None:
    elf = read_elf(tiny("big"))
    elf.byte_order = "little"
    section(elf, "maps").data = section(read_elf(tiny("little")), "maps").data
    assert write_elf(elf) == tiny("little")


def test_nothing_at_all() -> None:
    data = write_elf(Elf())
    assert len(data) == 64
    assert read_elf(data).sections == []


def test_copy_is_independent() -> None:
    elf = read_elf(tiny())
    other = copy.deepcopy(elf)
    other.remove_section(section(other, "prog"))
    assert write_elf(elf) == tiny()
    assert read_elf(write_elf(other)).section("prog") is None


# -- edits


def test_add_section_and_symbols() -> None:
    elf = read_elf(tiny())
    data = elf.add_section("data", data=b"12345", align=32)
    late = elf.add_symbol("late", data, 1, 4, STB_GLOBAL, STT_OBJECT)
    early = elf.add_symbol("early", data, 0, 1, STB_LOCAL, STT_OBJECT)
    elf.add_symbol("absolute", None, 5, 0, STB_GLOBAL, 0).shndx = SHN_ABS
    elf.relocations(data).append(Relocation(0, early, R_BPF_64_ABS64))
    again = read_elf(write_elf(elf))
    assert (early.index, late.index) == (2, 5)
    assert [s.name for s in again.symbols] == ["", "early", "m", "prog", "late", "absolute"]
    assert symbol(again, "absolute").shndx == SHN_ABS
    assert section(again, ".symtab").info == 3
    assert section(again, "data").off % 32 == 0
    assert section(again, "data").data == b"12345"
    for name in ("prog", "maps"):
        assert section(again, name).data == section(read_elf(tiny()), name).data
    (entry,) = again.relocations(section(again, "data"))
    assert entry.symbol is symbol(again, "early")
    assert section(again, ".reldata").type == SHT_REL
    (entry,) = again.relocations(section(again, "prog"))
    assert entry.symbol is symbol(again, "m")


def test_remove_section_takes_what_belongs_to_it() -> None:
    elf = read_elf(tiny())
    elf.remove_section(section(elf, "prog"))
    assert [s.name for s in elf.sections] == ["maps", ".bss", ".symtab", ".strtab"]
    assert [s.name for s in elf.symbols] == ["", "m"]
    again = read_elf(write_elf(elf))
    assert [s.name for s in again.sections] == ["maps", ".bss", ".symtab", ".strtab"]
    assert symbol(again, "m").section is section(again, "maps")
    assert b"prog" not in section(again, ".strtab").data
    with pytest.raises(EncodeError, match="not a section of this object"):
        elf.remove_section(Section("other"))


def test_relocation_to_a_removed_symbol() -> None:
    for way in ("section", "symbol"):
        elf = read_elf(tiny(), "tiny.o")
        if way == "section":
            elf.remove_section(section(elf, "maps"))
        else:
            elf.remove_symbol(symbol(elf, "m"))
        with pytest.raises(EncodeError) as caught:
            write_elf(elf)
        assert str(caught.value) == "tiny.o: prog+0x0: relocation 0: symbol 2 'm' is not in the symbol table"
    with pytest.raises(EncodeError, match="not a symbol of this object"):
        elf.remove_symbol(Symbol("other", None))


def test_remove_symbol_before_relocations_were_asked_for() -> None:
    elf = read_elf(tiny())
    elf.remove_symbol(elf.symbols[0])
    again = read_elf(write_elf(elf))
    (entry,) = again.relocations(section(again, "prog"))
    assert entry.symbol is symbol(again, "m")
    assert entry.symbol.index == 1


def test_set_relocations_makes_and_drops_the_section() -> None:
    elf = read_elf(tiny())
    maps = section(elf, "maps")
    elf.set_relocations(maps, [Relocation(12, symbol(elf, "prog"), R_BPF_64_ABS64)])
    rel = section(elf, ".relmaps")
    assert (rel.type, rel.entsize, rel.info_section) == (SHT_REL, 16, maps)
    elf.set_relocations(maps, [Relocation(12, symbol(elf, "prog"), R_BPF_64_ABS64, -8)])
    assert (rel.type, rel.entsize, rel.name) == (SHT_RELA, 24, ".relamaps")
    again = read_elf(write_elf(elf))
    assert [(r.off, r.addend) for r in again.relocations(section(again, "maps"))] == [(12, -8)]
    elf.set_relocations(maps, [])
    assert elf.section(".relamaps") is None
    assert write_elf(elf) == tiny()


def test_relocations_changed_in_place() -> None:
    elf = read_elf(tiny())
    entries = elf.relocations(section(elf, "prog"))
    kept = entries.pop()
    assert read_elf(write_elf(elf)).section(".relprog") is None
    entries.append(kept)
    again = read_elf(write_elf(elf))
    assert len(again.relocations(section(again, "prog"))) == 1


def test_data_set_before_relocations_were_asked_for() -> None:
    elf = read_elf(tiny())
    section(elf, "prog").data = b""
    assert len(elf.relocations(section(elf, "prog"))) == 1
    with pytest.raises(EncodeError, match=r"prog\+0x0: relocation 0: it is past the section"):
        write_elf(elf)


def test_tables_are_made_again_when_removed() -> None:
    elf = read_elf(tiny())
    elf.remove_section(section(elf, ".strtab"))
    assert [s.name for s in read_elf(write_elf(elf)).symbols] == ["", "m", "prog"]
    elf.set_relocations(section(elf, "prog"), [])
    elf.remove_section(section(elf, ".symtab"))
    assert elf.symbols == []
    assert read_elf(write_elf(elf)).section(".symtab") is None


def test_group_and_addrsig_follow_the_numbers() -> None:
    elf = build_tiny("little")
    first = elf.add_symbol("first", section(elf, "maps"), 0, 0, STB_LOCAL, 0)
    write_elf(elf)
    group = elf.add_section(".group", SHT_GROUP, align=4, entsize=4)
    group.link = elf.symtab
    prog, maps = section(elf, "prog"), section(elf, "maps")
    elf.groups[group] = Group(GRP_COMDAT, symbol(elf, "prog"), [maps, prog])
    maps.flags |= SHF_GROUP
    prog.flags |= SHF_GROUP
    addrsig = elf.add_section(".llvm_addrsig", SHT_LLVM_ADDRSIG)
    addrsig.link = elf.symtab
    elf.addrsig[addrsig] = [first, symbol(elf, "m")]
    elf.set_relocations(maps, [Relocation(0, first, R_BPF_64_ABS64)])
    data = write_elf(elf)
    assert group.data == b"".join(n.to_bytes(4, "little") for n in (GRP_COMDAT, 2, 1, section(elf, ".relmaps").index))
    assert (group.info, addrsig.data) == (4, b"\2\3")

    elf = read_elf(data)
    assert write_elf(elf) == data
    elf.set_relocations(section(elf, "maps"), [])
    elf.remove_symbol(symbol(elf, "first"))
    elf.remove_section(section(elf, ".bss"))
    again = read_elf(write_elf(elf))
    (kept,) = again.groups.values()
    assert [member.name for member in kept.members] == ["maps", "prog"]
    assert kept.signature is symbol(again, "prog")
    assert next(iter(again.addrsig.values())) == [symbol(again, "m")]
    again.remove_section(section(again, ".group"))
    assert not section(again, "prog").flags & SHF_GROUP


def test_addrsig_of_many_symbols() -> None:
    elf = build_tiny("little")
    many = [elf.add_symbol(f"s{i}", None, 0, 0, STB_GLOBAL, 0) for i in range(300)]
    addrsig = elf.add_section(".llvm_addrsig", SHT_LLVM_ADDRSIG)
    write_elf(elf)
    addrsig.link = elf.symtab
    elf.addrsig[addrsig] = many
    again = read_elf(write_elf(elf))
    assert [s.name for s in next(iter(again.addrsig.values()))] == [f"s{i}" for i in range(300)]


def test_more_sections_than_16_bits_number() -> None:
    count = 70000
    elf = Elf()
    for _ in range(count):
        elf.add_section("s", data=b"x")
    last = elf.sections[-1]
    elf.add_symbol("last", last, 0, 1, STB_GLOBAL, STT_OBJECT)
    elf.add_symbol("absolute", None, 0, 1, STB_GLOBAL, STT_OBJECT).shndx = SHN_ABS
    data = write_elf(elf)
    again = read_elf(data)
    assert len(again.sections) == count + 3
    found = symbol(again, "last").section
    assert found is not None
    assert found.index == count
    assert symbol(again, "absolute").shndx == SHN_ABS
    assert write_elf(again) == data


def test_string_table_order_and_tails() -> None:
    table, offsets = build_strings([b"prog", b".relprog", b"og", b"m", b""])
    assert table == b"\0m\0.relprog\0"
    assert offsets == {b"": offsets[b""], b"m": 1, b".relprog": 3, b"prog": 7, b"og": 9}
    assert table[offsets[b""]] == 0


def test_string_table_that_others_use_is_only_added_to() -> None:
    elf = read_elf(tiny())
    user = elf.add_section("user", data=b"\6\0\0\0")
    user.link = section(elf, ".strtab")
    before = section(elf, ".strtab").data
    elf.add_symbol("new", None, 0, 0, STB_GLOBAL, 0)
    again = read_elf(write_elf(elf))
    assert section(again, ".strtab").data.startswith(before)
    assert symbol(again, "new").is_undefined


def test_headers_in_the_middle_stay_there() -> None:
    """binutils before 2.28 wrote the section headers before the symbol table."""
    data = tiny()
    moved = bytearray(data[:0x78] + data[0x100:] + data[0x78:0x100])
    moved[40:48] = (0x78).to_bytes(8, "little")
    for number, off in ((5, 0x78 + 0x1C0), (6, 0xD8 + 0x1C0)):
        at = 0x78 + 64 * number + 0x18
        moved[at : at + 8] = off.to_bytes(8, "little")
    trimmed = bytes(moved[:-2])  # the padding before the headers is at the end now
    assert write_elf(read_elf(trimmed)) == trimmed


# -- what cannot be written


def refuse(elf: Elf, text: str) -> None:
    with pytest.raises(EncodeError) as caught:
        write_elf(elf)
    assert text in str(caught.value)


def test_refused_values() -> None:
    elf = build_tiny("little")
    elf.symbols[0].name = "a\0b"
    refuse(elf, "NUL in the name")
    elf.symbols[0].name = "\ud800"
    refuse(elf, "not encodable")
    elf.symbols[0].name = "m"
    elf.symbols[0].value = -1
    refuse(elf, "symbol 0 'm': st_value: -1 does not fit its field")
    elf.symbols[0].value = 0
    elf.symbols[0].bind = 16
    refuse(elf, "st_info")
    elf.symbols[0].bind = 1
    elf.symbols[0].shndx = 7
    elf.symbols[0].section, maps = None, elf.symbols[0].section
    refuse(elf, "7 is not a special section number")
    elf.symbols[0].section = Section("elsewhere")
    refuse(elf, "it is defined in 'elsewhere', which is not a section of this object")
    elf.symbols[0].section = maps
    elf.sections[0].flags = 1 << 64
    refuse(elf, "sh_flags")
    elf.sections[0].flags = SHF_ALLOC | SHF_EXECINSTR
    elf.sections[0].link = Section("elsewhere")
    refuse(elf, "'prog': sh_link: it refers to 'elsewhere'")
    elf.sections[0].link = None
    elf.sections[0].align = 12
    refuse(elf, "alignment 12 is not a power of two")
    elf.sections[0].align = 1 << 40
    refuse(elf, "would pad the file to")
    elf.sections[0].align = 8
    elf.sections[2].data = b"x"
    refuse(elf, "'.bss': it has bytes")
    elf.sections[2].data = b""
    elf.relocations(elf.sections[0]).append(Relocation(0, None, 1, 5))
    refuse(elf, "prog+0x0: relocation 0: no addend")
    elf.relocations(elf.sections[0]).pop()
    elf.relocations(elf.sections[0])[0].type = 1 << 32
    refuse(elf, "does not fit 32 bits")
    elf.relocations(elf.sections[0])[0].type = 1
    assert write_elf(elf) == tiny()
    elf.sections.append(elf.sections[0])
    refuse(elf, "twice")


def test_refused_size() -> None:
    with pytest.raises(EncodeError, match="only a NOBITS section"):
        Section("x").size = 5
