"""What code refers to: relocations of code that was given, and CO-RE markers and calls in LLVM's.

Calls and addresses of static functions go the way that LLVM writes and libbpf reads: to the section's symbol, the place
in the instruction. Source: LLVM's BPFMCCodeEmitter; libbpf's bpf_program__record_reloc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from btfkit.elf import Relocation, Section, Symbol
from btfkit.errors import BtfkitError, LinkError
from btfkit.format.elf import R_BPF_64_32, R_BPF_64_64
from btfkit.format.insn import INSN_SIZE, OP_CALL, OP_LD_IMM64, PSEUDO_CALL, decode_insn, patch_insn
from btfkit.format.mapdef import SECTION_MAPS
from btfkit.frontend.objects.decls import CoreDecl, Decl, ExternDecl, FunctionDecl, MapDecl
from btfkit.frontend.objects.llvm import text_of
from btfkit.model.ext import CoreRelo, LineInfo

if TYPE_CHECKING:
    from btfkit.frontend.objects.assemble import Assembly


def refer(work: Assembly, markers: dict[Symbol, CoreDecl]) -> None:
    """Make and mend the relocations. markers: symbols of LLVM's code that stand for CO-RE numbers."""
    own = [decl for decl in work.told.decls if isinstance(decl, FunctionDecl) and decl.code is not None]
    if work.told.llvm is not None:
        statics = {work.symbols[decl] for decl in own if decl.linkage == "static"}
        if markers or statics:
            _mend(work, markers, statics)
    for decl in own:
        try:
            _own(work, decl)
        except BtfkitError as error:
            raise error.at(thing=decl.label) from None


def _signed(number: int) -> int:
    """The low 32 bits, as an imm holds them."""
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number


# -- LLVM's code ----------------------------------------------------------------------------------------------


def _mend(work: Assembly, markers: dict[Symbol, CoreDecl], statics: set[Symbol]) -> None:
    """Put the markers' numbers in; let what goes to a static function go to its section."""
    for section in list(work.elf.tables):
        if section.name == SECTION_MAPS:
            continue
        relocations = work.elf.relocations(section)
        kept = []
        for rel in relocations:
            marker = markers.get(rel.symbol) if rel.symbol is not None else None
            if marker is not None:
                _marker(work, section, rel, marker)
                continue
            if rel.symbol in statics:
                assert rel.symbol is not None
                _static(work, section, rel, rel.symbol)
            kept.append(rel)
        if len(kept) < len(relocations):
            work.elf.set_relocations(section, kept)


def _marker(work: Assembly, section: Section, rel: Relocation, marker: CoreDecl) -> None:
    buffer, order = work.sections.buffer(section), work.elf.byte_order
    reason = ""
    if not section.is_code or rel.type != R_BPF_64_64 or buffer[rel.off] != OP_LD_IMM64:
        reason = "is referred to by something else than a ld_imm64"
    elif decode_insn(buffer, rel.off, order).imm:
        reason = "was made part of a sum: a CO-RE number must be loaded alone"
    if reason:
        raise LinkError(reason, section=section.name, off=rel.off, symbol=marker.symbol, thing=marker.label)
    _number(work, section, rel.off, marker)


def _number(work: Assembly, section: Section, off: int, marker: CoreDecl) -> None:
    """Write the number into a ld_imm64, and the record that says where it is from."""
    buffer, order = work.sections.buffer(section), work.elf.byte_order
    if buffer[off] == OP_LD_IMM64:
        patch_insn(buffer, off, order, imm=_signed(marker.value))
        patch_insn(buffer, off + INSN_SIZE, order, imm=_signed(marker.value >> 32))
    records = work.core_relo.setdefault(section.name, [])
    records.append(CoreRelo(off, marker.type_id, marker.access, marker.kind))


def _static(work: Assembly, section: Section, rel: Relocation, symbol: Symbol) -> None:
    """rel: of a function that LLVM knows as external, and the declarations as static."""
    assert symbol.section is not None
    buffer, order = work.sections.buffer(section), work.elf.byte_order
    rel.symbol = work.sections.symbol(symbol.section)
    if rel.type == R_BPF_64_32:
        patch_insn(buffer, rel.off, order, imm=symbol.value // INSN_SIZE - 1)
    elif section.is_code:
        patch_insn(buffer, rel.off, order, imm=symbol.value)
    else:
        buffer[rel.off : rel.off + 8] = symbol.value.to_bytes(8, order)


# -- code that was given --------------------------------------------------------------------------------------


def _own(work: Assembly, decl: FunctionDecl) -> None:
    symbol = work.symbols[decl]
    section = symbol.section
    assert section is not None
    added = []
    for insn_idx, target in decl.relocs:
        off = _off(decl, symbol, insn_idx)
        if isinstance(target, CoreDecl):
            _number(work, section, off, target)
        else:
            added.append(_relocation(work, section, off, insn_idx, target))
    if added:
        work.elf.relocations(section).extend(added)
    lines = [
        LineInfo(_off(decl, symbol, insn_idx), decl.file, text_of(decl.source, line), line, column)
        for insn_idx, line, column in decl.lines
    ]
    if lines:
        work.lines.setdefault(section.name, []).extend(lines)


def _off(decl: FunctionDecl, symbol: Symbol, insn_idx: int) -> int:
    """The byte offset of an instruction of the function in its section."""
    if not 0 <= insn_idx < symbol.size // INSN_SIZE:
        raise LinkError(f"instruction {insn_idx} is none of its {symbol.size // INSN_SIZE}", symbol=decl.symbol)
    return symbol.value + insn_idx * INSN_SIZE


def _relocation(work: Assembly, section: Section, off: int, insn_idx: int, target: Decl) -> Relocation:
    buffer, order = work.sections.buffer(section), work.elf.byte_order
    opcode = buffer[off]
    is_call = opcode == OP_CALL
    symbol = work.symbol_of(target)
    is_function = isinstance(target, FunctionDecl) or (isinstance(target, ExternDecl) and target.params is not None)
    if opcode not in (OP_CALL, OP_LD_IMM64) or (is_call and not is_function):
        what = "a call" if is_call else "neither a ld_imm64 nor a call"
        raise LinkError(f"instruction {insn_idx} is {what}, and is to refer to {target.label}", symbol=target.symbol)
    is_static = isinstance(target, FunctionDecl) and target.linkage == "static"
    if is_static and symbol.section is not None:
        place = symbol.value // INSN_SIZE - 1 if is_call else symbol.value
        symbol = work.sections.symbol(symbol.section)
        patch_insn(buffer, off, order, imm=place)
    elif is_call:
        patch_insn(buffer, off, order, imm=-1)
    elif is_function or isinstance(target, MapDecl):
        patch_insn(buffer, off, order, imm=0)
    patch_insn(buffer, off, order, src=PSEUDO_CALL if is_call else 0)
    return Relocation(off, symbol, R_BPF_64_32 if is_call else R_BPF_64_64)


__all__ = ["refer"]
