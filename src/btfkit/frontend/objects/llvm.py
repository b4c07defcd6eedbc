"""LLVM's object → its code, data, symbols and lines, without all that says what types there are.

In: the bytes of an ELF object from LLVM's BPF back end. Left out: its BTF (the declarations say better), debug
information, and what else no loader reads, with their relocations and symbols. Out: `LlvmCode`, whose `Elf` is to be
built on. Source: LLVM's lib/Target/BPF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from btfkit.codec import decode_btf, decode_ext
from btfkit.elf import Elf, Section, Symbol, read_elf
from btfkit.errors import LinkError
from btfkit.format.btf import SECTION_BTF, SECTION_BTF_EXT
from btfkit.format.elf import STT_FILE
from btfkit.format.mapdef import SECTION_DOT_MAPS, SECTION_MAPS
from btfkit.frontend.objects.decls import LlvmObject
from btfkit.model.ext import LineInfo

DROPPED = (".BTF", ".debug", ".llvm", ".eh_frame", ".comment", ".note", ".rel.eh_frame")
"""How the names of sections start that are left out."""


@dataclass
class LlvmCode:
    """What is built on.

    functions: by name, those that it defines; defined: its other named symbols; undefined: what it refers to
    sections:  the symbol of each section that has one
    lines:     line_info by section
    """

    elf: Elf
    functions: dict[str, Symbol] = field(default_factory=dict)
    defined: dict[str, Symbol] = field(default_factory=dict)
    undefined: dict[str, Symbol] = field(default_factory=dict)
    sections: dict[Section, Symbol] = field(default_factory=dict)
    lines: dict[str, list[LineInfo]] = field(default_factory=dict)


def read_llvm(given: LlvmObject, byte_order: str, path: str | None) -> LlvmCode:
    """What LLVM made. FormatError for bytes that are no object; LinkError for one that does not fit."""
    elf = read_elf(given.data, path)
    if elf.byte_order != byte_order:
        raise LinkError(f"LLVM's object is {elf.byte_order} endian, the builder makes a {byte_order} endian one")
    out = LlvmCode(elf, lines=_lines(elf, given))
    _strip(elf)
    for symbol in elf.symbols:
        if symbol.is_section and symbol.section is not None:
            out.sections[symbol.section] = symbol
        elif symbol.type == STT_FILE:
            symbol.name = given.file_name or symbol.name
        elif symbol.is_undefined:
            out.undefined[symbol.name] = symbol
        elif symbol.is_function:
            out.functions[symbol.name] = symbol
        elif symbol.name:
            out.defined[symbol.name] = symbol
            if symbol.section is not None and symbol.section.name in (SECTION_MAPS, SECTION_DOT_MAPS):
                raise LinkError(
                    f"'{symbol.name}' is defined in LLVM's section '{symbol.section.name}': "
                    "declare the map, and let it be an external global there",
                    symbol=symbol.name,
                )
    return out


def _strip(elf: Elf) -> None:
    """Take the sections out that nobody reads, and what is of them."""
    gone = {section for section in elf.sections if section.name.startswith(DROPPED)}
    gone |= {section for section in elf.sections if section.info_section in gone}
    elf.sections[:] = [section for section in elf.sections if section not in gone]
    elf.symbols[:] = [symbol for symbol in elf.symbols if symbol.section not in gone]
    for section in gone:
        elf.tables.pop(section, None)
        elf.addrsig.pop(section, None)


def _lines(elf: Elf, given: LlvmObject) -> dict[str, list[LineInfo]]:
    """Its line_info, with the file name and the texts that were given."""
    btf, ext = elf.section(SECTION_BTF), elf.section(SECTION_BTF_EXT)
    if btf is None or ext is None:
        return {}
    records = decode_ext(ext.data, decode_btf(btf.data).strings)
    if records.core_relo:
        raise LinkError("LLVM's CO-RE relocations speak of its own types, which are left out: declare them (core_relo)")
    out: dict[str, list[LineInfo]] = {}
    for section, lines in records.line_info:
        out.setdefault(section, []).extend(_line(line, given) for line in lines)
    return out


def _line(line: LineInfo, given: LlvmObject) -> LineInfo:
    source = given.source_lines
    texts = source.get(line.file_name) if isinstance(source, dict) else source
    text = line.line if texts is None else text_of(texts, line.line_num)
    return LineInfo(line.insn_off, given.file_name or line.file_name, text, line.line_num, line.line_col)


def text_of(lines: Sequence[str], number: int) -> str:
    """The text of a line, "" past the end. number: from 1."""
    return lines[number - 1].rstrip("\r\n") if 0 < number <= len(lines) else ""


__all__ = ["LlvmCode", "read_llvm", "text_of"]
