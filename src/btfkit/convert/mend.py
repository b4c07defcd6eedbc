"""bpf-gcc's ways of saying things, turned into LLVM's, which everything else here and elsewhere understands.

Seen with gcc 12.2 and binutils 2.40. A mended object no longer has the section ``.comment`` that tells its maker: so
nothing is mended twice.
"""

from __future__ import annotations

from btfkit.convert.legal import named_params, one_encoding
from btfkit.convert.work import Work
from btfkit.elf import Relocation, Section
from btfkit.format.elf import (
    R_BPF_64_32,
    R_BPF_64_64,
    R_BPF_64_ABS32,
    R_BPF_64_ABS64,
    R_BPF_DATA_32,
    R_BPF_DATA_64,
)
from btfkit.format.insn import INSN_SIZE, decode_insn, patch_insn
from btfkit.model import types as t
from btfkit.model.walk import remap

_DATA = {R_BPF_DATA_64: (8, R_BPF_64_ABS64), R_BPF_DATA_32: (4, R_BPF_64_ABS32)}


def mend(work: Work) -> None:
    """Encodings of any object; relocations of one that GCC made."""
    work.types.types[:] = [one_encoding(type_) for type_ in work.types.types]
    maker = work.elf.section(".comment")
    if maker is None or b"GCC:" not in maker.data:
        return
    _mend_functions(work)
    for section in list(work.elf.sections):
        if section.is_alloc and section.data:
            _mend_relocations(work, section)
    work.elf.remove_section(maker)


def _mend_functions(work: Work) -> None:
    """A pointer to a helper points at a nameless FUNC, and a helper's FUNC has parameters without names.

    Kernels want a FUNC_PROTO under a pointer, names in FUNCs, and names for their parameters.
    """
    types = work.types.types
    protos = {i: type_.type_id for i, type_ in enumerate(types, 1) if isinstance(type_, t.Func)}
    for index, type_ in enumerate(types):
        if not isinstance(type_, (t.DeclTag, t.DataSec)):
            types[index] = remap(type_, lambda ref: protos.get(ref, ref))
    work.removed |= {i for i in protos if not types[i - 1].name}
    for proto_id in {protos[i] for i in protos if types[i - 1].name} - {0}:
        proto = types[proto_id - 1]
        if isinstance(proto, t.FuncProto):
            types[proto_id - 1] = named_params(proto)


def _mend_relocations(work: Work, section: Section) -> None:
    """What is in place of a relocation to a named symbol counts from the symbol, not from its section.

    A call of one has its byte offset less 1 in place, where LLVM has -1.
    """
    order = work.elf.byte_order
    data = bytearray(section.data)
    for rel in work.elf.relocations(section):
        named = rel.symbol is not None and not rel.symbol.is_section
        off = _value(rel) if named else 0
        if rel.type in _DATA:
            size, rel.type = _DATA[rel.type]
            place = slice(rel.off, rel.off + size)
            if named and rel.addend is None and rel.off + size <= len(data):
                value = int.from_bytes(data[place], order) - off
                data[place] = (value % (1 << 8 * size)).to_bytes(size, order)
        elif named and rel.addend is None and rel.off + INSN_SIZE <= len(data):
            if rel.type == R_BPF_64_64:
                imm = decode_insn(data, rel.off, order).imm
                patch_insn(data, rel.off, order, imm=(imm - off + (1 << 31)) % (1 << 32) - (1 << 31))
            elif rel.type == R_BPF_64_32:
                patch_insn(data, rel.off, order, imm=-1)
    section.data = bytes(data)


def _value(rel: Relocation) -> int:
    return rel.symbol.value if rel.symbol is not None and rel.symbol.section is not None else 0
