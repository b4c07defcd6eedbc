"""Symbol records: the relocation wins, a bare number must make sense, and what contradicts itself is an error."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from tests.objects import compiled

from btfkit.convert import Target, convert, upgrade
from btfkit.elf import Elf, read_elf, write_elf
from btfkit.errors import FormatError
from btfkit.object import BpfObject, read_object, write_object

EXT = ".BTF.ext"


def instance_object(ext: str = "tables") -> bytes:
    return write_object(upgrade(read_object(compiled("statics"), "s.o")), ext=ext)


def edited(data: bytes, edit: Callable[[Elf, bytearray, BpfObject], None], section: str = EXT) -> bytes:
    """The object with its .BTF.ext changed by hand."""
    elf, obj = read_elf(data), read_object(data)
    part = elf.section(section)
    assert part is not None
    content = bytearray(part.data)
    edit(elf, content, obj)
    part.data = bytes(content)
    return write_elf(elf)


def without_relocations(elf: Elf, content: bytearray, obj: BpfObject) -> None:
    section = elf.section(EXT)
    assert section is not None
    elf.set_relocations(section, [])


def test_numbers_alone_are_enough_while_they_are_true() -> None:
    data = instance_object()
    bare = read_object(edited(data, without_relocations))
    with_relocations = read_object(data)
    assert {i: s.name for i, s in bare.definitions.items()} == {
        i: s.name for i, s in with_relocations.definitions.items()
    }


def test_the_relocation_wins_over_the_number() -> None:
    def wrong_numbers(elf: Elf, content: bytearray, obj: BpfObject) -> None:
        for offs in obj.ext.symbol_offs.values():
            for off in offs:
                struct.pack_into("<I", content, off, 0xFFFF)

    data = instance_object()
    true = {i: s.name for i, s in read_object(data).definitions.items()}
    assert {i: s.name for i, s in read_object(edited(data, wrong_numbers)).definitions.items()} == true


def set_record(table: str, index: int, symbol: int | None = None, inst_id: int | None = None) -> Callable[..., None]:
    def edit(elf: Elf, content: bytearray, obj: BpfObject) -> None:
        off = obj.ext.symbol_offs[table][index]
        if symbol is not None:
            struct.pack_into("<I", content, off, symbol)
            without_relocations(elf, content, obj)
        if inst_id is not None:
            struct.pack_into("<I", content, off + 4, inst_id)

    return edit


def number_of(name: str) -> int:
    (found,) = [s.index for s in read_object(instance_object()).elf.symbols if s.name == name]
    return found


BAD = [
    ("no such symbol", set_record("func_sym", 0, symbol=999), "symbol 999 of instance 1 'outer' does not exist"),
    ("symbol 0", set_record("func_sym", 0, symbol=0), "symbol 0 of instance 1 'outer' does not exist"),
    ("a variable's symbol", set_record("func_sym", 0, symbol=number_of("_license")), "cannot define the function of instance 1"),
    ("a function's symbol", set_record("var_sym", 0, symbol=number_of("outer")), "cannot define the variable of instance"),
    ("the file's symbol", set_record("var_sym", 0, symbol=1), "cannot define the variable of instance"),
    ("no such instance", set_record("func_sym", 0, inst_id=77), "inst_id 77 is past the last instance 6"),
    ("instance 0", set_record("func_sym", 0, inst_id=0), "inst_id 0 is past the last instance 6"),
    ("a kind it is not", set_record("func_sym", 0, inst_id=3), "says that instance 3 .* is a function; its type says variable"),
    ("two symbols", set_record("func_sym", 0, inst_id=2), "instance 2 'helper' is defined twice"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "text"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_records(edit: Callable[..., None], text: str) -> None:
    with pytest.raises(FormatError, match=text) as caught:
        read_object(edited(instance_object(), edit), "s.o")
    assert str(caught.value).startswith("s.o: .BTF.ext+0x")
    assert "_sym record" in str(caught.value)


def test_a_tag_that_contradicts_the_type() -> None:
    def edit(elf: Elf, content: bytearray, obj: BpfObject) -> None:
        struct.pack_into("<I", content, obj.ext.symbol_offs["inst_sym"][0] + 8, 2)

    with pytest.raises(FormatError, match="says that instance 1 'outer' is a map; its type says function"):
        read_object(edited(instance_object("tagged"), edit))


def test_sections_must_agree() -> None:
    data = instance_object()
    elf = read_elf(data)
    btf = elf.section(".BTF")
    assert btf is not None
    elf.remove_section(btf)
    with pytest.raises(FormatError, match=r"\.BTF\.ext: is there without a section \.BTF"):
        read_object(write_elf(elf), "s.o")
    big = write_object(convert(read_object(data), byte_order="big"))
    other = read_elf(big).section(".BTF")
    elf = read_elf(data)
    mine = elf.section(".BTF")
    assert mine is not None and other is not None
    mine.data = other.data
    with pytest.raises(FormatError, match=r"\.BTF: is big endian, the ELF object is little endian"):
        read_object(write_elf(elf), "s.o")


def test_two_sidecars_linked_without_being_merged() -> None:
    """What a linker does with sections that it does not know: one behind the other."""
    data = write_object(convert(read_object(compiled("statics"), "s.o"), Target.SIDECAR))
    elf = read_elf(data)
    section = elf.section(".BTF.inst.ext")
    assert section is not None
    size = len(section.data)
    moved = [type(r)(r.off + size, r.symbol, r.type) for r in elf.relocations(section)]
    section.data += section.data
    elf.set_relocations(section, [*elf.relocations(section), *moved])
    with pytest.raises(FormatError, match="several objects were linked without being merged"):
        read_object(write_elf(elf), "s.o")


@pytest.mark.parametrize(
    ("word", "text"), [(1, "its key type, .* has 8 bytes; the definition says 9"), (2, "its value type")]
)
def test_sizes_that_disagree(word: int, text: str) -> None:
    data = write_object(upgrade(read_object(compiled("annotated"), "a.o")))
    elf = read_elf(data)
    section, symbol = elf.section("maps"), elf.symbol("by_addr")
    assert section is not None and symbol is not None
    content = bytearray(section.data)
    struct.pack_into("<I", content, symbol.value + 4 * word, 9)
    section.data = bytes(content)
    with pytest.raises(FormatError, match=text) as caught:
        upgrade(read_object(write_elf(elf), "a.o"))
    assert str(caught.value).startswith("a.o: maps+0x")
    assert "instance 2 'by_addr'" in str(caught.value)
