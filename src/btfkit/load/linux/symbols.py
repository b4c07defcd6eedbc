"""Where a function is in a program or library of this machine: for uprobes.

In: an ELF file's path and a symbol. Out: the byte offset in the file. (`btfkit.elf` reads BPF objects only.)
LoadError with near names. Source: the ELF specification.
"""

from __future__ import annotations

import difflib
import struct
from typing import NamedTuple

from btfkit.errors import LoadError

__all__ = ["functions", "symbol_offset"]

_PT_LOAD, _SHT_SYMTAB, _SHT_DYNSYM = 1, 2, 11
_STT_FUNC, _STT_GNU_IFUNC = 2, 10


class _Layout(NamedTuple):
    """One class of ELF file. header: phoff, shoff, phentsize, phnum, shentsize, shnum."""

    header: struct.Struct
    segment: struct.Struct
    section: struct.Struct
    symbol: struct.Struct
    wide: bool


def _layout(data: bytes) -> _Layout:
    order = "<" if data[5] == 1 else ">"
    make = [struct.Struct(order + code) for code in (_CODES_64 if data[4] == 2 else _CODES_32)]
    return _Layout(make[0], make[1], make[2], make[3], data[4] == 2)


_CODES_64 = ("32x2Q6x4H", "2I6Q", "2I4Q2I2Q", "IBBH2Q")
_CODES_32 = ("28x2I6x4H", "8I", "10I", "3IBBH")


def symbol_offset(path: str, name: str) -> int:
    """Bytes from the file's start to the function."""
    known = functions(path)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f" (near: {', '.join(near)})" if near else ""
        raise LoadError(f"has no function '{name}'{hint}", path=path)
    return known[name]


def functions(path: str) -> dict[str, int]:
    """File offsets of all functions that the symbol tables have."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        if data[:4] != b"\x7fELF":
            raise LoadError("is not an ELF file", path=path)
        return _functions(data)
    except OSError as error:
        if isinstance(error, LoadError):
            raise
        raise LoadError(f"cannot be read: {error.strerror}", path=path, errno=error.errno) from None
    except (struct.error, IndexError, ValueError):
        raise LoadError("is not a sound ELF file", path=path) from None


def _functions(data: bytes) -> dict[str, int]:
    layout = _layout(data)
    phoff, shoff, phentsize, phnum, shentsize, shnum = layout.header.unpack_from(data)
    segments = []
    for i in range(phnum):
        row = layout.segment.unpack_from(data, phoff + i * phentsize)
        off, vaddr, size = (row[2], row[3], row[5]) if layout.wide else (row[1], row[2], row[4])
        if row[0] == _PT_LOAD:
            segments.append((vaddr, size, off))
    sections = [layout.section.unpack_from(data, shoff + i * shentsize) for i in range(shnum)]
    out: dict[str, int] = {}
    for _, type_, _, _, off, size, link, *_ in sections:
        if type_ not in (_SHT_SYMTAB, _SHT_DYNSYM):
            continue
        strings_off = sections[link][4]
        for row in layout.symbol.iter_unpack(data[off : off + size - size % layout.symbol.size]):
            name_off, info, value = (row[0], row[1], row[4]) if layout.wide else (row[0], row[3], row[1])
            if info & 15 not in (_STT_FUNC, _STT_GNU_IFUNC) or not value:
                continue
            for vaddr, length, start in segments:
                if vaddr <= value < vaddr + length:
                    begin = strings_off + name_off
                    name = data[begin : data.index(b"\0", begin)].decode(errors="replace")
                    out.setdefault(name, value - vaddr + start)
    return out
