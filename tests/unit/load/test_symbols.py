"""Where functions are in ELF files: of this Python, and of what is left of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from btfkit.errors import LoadError
from btfkit.load.linux.symbols import functions, symbol_offset


def elf_with(*names: str, value: int = 0x401010) -> bytes:
    """A 64-bit executable: one segment (file 0x100 at 0x401000), a symbol table, its strings."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    symbols = bytes(24)
    for i, name in enumerate(names):
        off = strings.index(b"\0" + name.encode() + b"\0") + 1
        symbols += off.to_bytes(4, "little") + bytes([2, 0, 1, 0]) + (value + i).to_bytes(8, "little") + bytes(8)
    segments_off, symbols_off = 64, 64 + 56
    strings_off = symbols_off + len(symbols)
    sections_off = strings_off + len(strings)

    def numbers(size: int, *values: int) -> bytes:
        return b"".join(value.to_bytes(size, "little") for value in values)

    def section(type_: int, off: int, size: int, link: int) -> bytes:
        return numbers(4, 0, type_) + numbers(8, 0, 0, off, size) + numbers(4, link, 0) + numbers(8, 1, 24)

    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + numbers(2, 2, 62) + numbers(4, 1)
    header += numbers(8, 0, segments_off, sections_off) + numbers(4, 0) + numbers(2, 64, 56, 1, 64, 3, 0)
    segment = numbers(4, 1, 5) + numbers(8, 0x100, 0x401000, 0x401000, 0x200, 0x200, 0x1000)
    sections = bytes(64) + section(2, symbols_off, len(symbols), 2) + section(3, strings_off, len(strings), 0)
    return header + segment + symbols + strings + sections


def test_offsets(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(elf_with("main", "helper"))
    assert functions(str(path)) == {"main": 0x110, "helper": 0x111}
    assert symbol_offset(str(path), "helper") == 0x111
    with pytest.raises(LoadError, match=r"program: has no function 'help' \(near: helper\)"):
        symbol_offset(str(path), "help")
    path.write_bytes(elf_with("main", value=0x500000))
    assert functions(str(path)) == {}


def test_what_is_no_program(tmp_path: Path) -> None:
    path = tmp_path / "cut"
    whole = elf_with("main")
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        try:
            functions(str(path))
        except LoadError as error:
            assert error.path == str(path)
    with pytest.raises(LoadError, match="No such file"):
        functions(str(tmp_path / "nothing"))
    with pytest.raises(LoadError, match="is not an ELF file"):
        functions(__file__)


def test_this_python() -> None:
    with open(sys.executable, "rb") as file:
        if file.read(4) == b"\x7fELF":
            assert isinstance(functions(sys.executable), dict)
