"""Any bytes: an object or a BtfkitError, and what was read can be written or is a BtfkitError."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import read_hex

from btfkit.elf import Elf, Relocation, read_elf, write_elf
from btfkit.elf.object import Group
from btfkit.errors import BtfkitError
from btfkit.format.elf import SHT_GROUP, SHT_LLVM_ADDRSIG, SHT_NOBITS, SHT_SYMTAB_SHNDX


def rich() -> bytes:
    """An object with a section of every type that the reader looks into."""
    elf = read_elf(read_hex("elf/tiny-little.hex"))
    symtab = elf.symtab
    assert symtab is not None
    prog, maps = elf.sections[:2]
    elf.set_relocations(maps, [Relocation(0, elf.symbols[2], 2, -1), Relocation(8, None, 2, 1)])
    group = elf.add_section(".group", SHT_GROUP, align=4, entsize=4)
    addrsig = elf.add_section(".llvm_addrsig", SHT_LLVM_ADDRSIG)
    wide = elf.add_section(".symtab_shndx", SHT_SYMTAB_SHNDX, align=4, entsize=4)
    for section in (group, addrsig, wide):
        section.link = symtab
    elf.groups[group] = Group(1, elf.symbols[1], [prog, maps])
    elf.addrsig[addrsig] = list(elf.symbols)
    return write_elf(elf)


SEEDS = [read_hex("elf/tiny-little.hex"), read_hex("elf/tiny-big.hex"), rich()]

interesting = st.one_of(
    st.sampled_from([0, 1, 2, 3, 4, 7, 8, 16, 24, 64, 0xFF, 0xFF00, 0xFFF1, 0xFFFF, 1 << 31, (1 << 32) - 1]),
    st.sampled_from([1 << 32, 1 << 40, 1 << 60, 1 << 63, (1 << 64) - 1]),
    st.integers(0, 0x400),
)
patches = st.lists(st.tuples(st.integers(0, 2000), st.sampled_from([1, 2, 4, 8]), interesting), min_size=1, max_size=6)


def survive(data: bytes) -> None:
    try:
        elf = read_elf(data)
        for section in elf.sections:
            elf.relocations(section)
            repr(section)
        repr(elf.symbols)
        again = write_elf(elf)
    except BtfkitError as error:
        assert str(error)
        return
    assert write_elf(read_elf(again)) == again


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(SEEDS), patches, st.integers(0, 100), st.sampled_from(["little", "big"]))
def test_mutations(seed: bytes, changes: list[tuple[int, int, int]], cut: int, order: str) -> None:
    data = bytearray(seed)
    for at, size, value in changes:
        start = at % len(data) // size * size
        data[start : start + size] = (value % (1 << 8 * size)).to_bytes(size, "little" if order == "little" else "big")
    survive(bytes(data[: len(data) - cut] if cut < 20 else data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_noise(noise: bytes) -> None:
    survive(noise)
    survive(SEEDS[0][:64] + noise)


def test_every_byte_once() -> None:
    for seed in SEEDS[:1] + SEEDS[2:]:
        for at in range(len(seed)):
            for value in (0, 1, 0x7F, 0xFF, seed[at] ^ 0x80):
                survive(seed[:at] + bytes([value]) + seed[at + 1 :])


def test_time_is_linear() -> None:
    """Twenty thousand sections, each with relocations, symbols and a name of its own: seconds would be quadratic."""
    elf = Elf()
    for number in range(20000):
        section = elf.add_section(f"section{number}", data=b"12345678")
        elf.add_symbol(f"symbol{number}", section, 0, 8, number & 1, 1)
        elf.add_section("b", SHT_NOBITS)
    start = time.monotonic()
    data = write_elf(elf)
    again = read_elf(data)
    assert write_elf(again) == data
    assert time.monotonic() - start < 20
