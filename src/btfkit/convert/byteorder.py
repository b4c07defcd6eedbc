"""The same object in the other byte order: headers, instructions, BTF, map definitions, and data as far as it is typed.

What cannot be turned is listed: data whose type is not known, and constants that the compiler chose for one byte order
(``bpf_htons(80)``), which look like any other number.
"""

from __future__ import annotations

from typing import cast

from btfkit.convert.work import Work, begin, finish
from btfkit.elf import Section, Symbol
from btfkit.elf.object import ByteOrder
from btfkit.errors import ConvertError
from btfkit.format.btf import Form
from btfkit.format.elf import R_BPF_64_ABS32, R_BPF_64_ABS64, R_BPF_DATA_32, R_BPF_DATA_64
from btfkit.format.insn import INSN_SIZE, swap_code
from btfkit.format.mapdef import SECTION_MAPS
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object import BpfObject, ObjectForm, decode_map_def, encode_map_def

_POINTERS = {R_BPF_64_ABS64: 8, R_BPF_DATA_64: 8, R_BPF_64_ABS32: 4, R_BPF_DATA_32: 4}


def swap(obj: BpfObject, byte_order: str) -> BpfObject:
    """An instance object in that byte order."""
    if byte_order not in ("little", "big"):
        raise ConvertError(f"byte order {byte_order!r} is neither 'little' nor 'big'", path=obj.path)
    work = begin(obj)
    for section in list(work.elf.sections):
        if section.name.startswith((".debug", ".rel.debug")):
            if section in work.elf.sections:
                work.elf.remove_section(section)
        elif section.is_code:
            _code(work, section)
        elif section.name == SECTION_MAPS:
            _maps(work, section, obj.dialect, byte_order)
        elif section.is_alloc and not section.is_nobits and section.data.strip(b"\0"):
            _data(work, section)
    if any(s.name.startswith(".debug") for s in obj.elf.sections):
        work.warnings.append("debug information (.debug_*) is dropped: it cannot be turned to the other byte order")
    work.warnings.append("constants in the code stay as the compiler chose them for the other byte order")
    work.elf.byte_order = cast(ByteOrder, byte_order)
    if any(isinstance(type_, t.Unknown) for _, type_ in work.btf):
        raise ConvertError("holds types of unknown kind: their bytes cannot be turned", section=".BTF", path=obj.path)
    return finish(work, ObjectForm.INSTANCE, Form.INSTANCE, obj.dialect)


def _code(work: Work, section: Section) -> None:
    if len(section.data) % INSN_SIZE:
        raise ConvertError(f"its {len(section.data)} bytes are not whole instructions", section=section.name)
    section.data = swap_code(section.data, work.elf.byte_order)


def _maps(work: Work, section: Section, dialect: str | None, byte_order: str) -> None:
    data = bytearray(section.data)
    for symbol in work.elf.symbols:
        if symbol.section is section and not symbol.is_section:
            encoded, _ = encode_map_def(decode_map_def(work.elf, symbol, dialect), byte_order)
            room = symbol.size or len(encoded)
            data[symbol.value : symbol.value + room] = encoded[:room].ljust(room, b"\0")
    section.data = bytes(data)


def _data(work: Work, section: Section) -> None:
    """Typed variables and relocated pointers are turned; other bytes stay."""
    data = bytearray(section.data)
    turned = bytearray(len(data))
    for inst_id, symbol in work.definitions.items():
        if symbol.section is section:
            _turn(work.btf, work.types.instances[inst_id - 1].type_id, data, symbol.value, turned, symbol)
    for rel in work.elf.relocations(section):
        size = _POINTERS.get(rel.type, 0)
        if size and rel.off + size <= len(data) and not turned[rel.off]:
            data[rel.off : rel.off + size] = data[rel.off : rel.off + size][::-1]
            turned[rel.off : rel.off + size] = b"\1" * size
    unknown = sum(1 for value, done in zip(data, turned, strict=True) if value and not done)
    if unknown:
        work.warnings.append(f"section '{section.name}': {unknown} bytes of unknown type stay as they are")
    section.data = bytes(data)


def _turn(btf: Btf, type_id: int, data: bytearray, off: int, turned: bytearray, symbol: Symbol) -> None:
    """Reverse each scalar of a value in place; its type's references are followed without recursion."""
    todo = [(type_id, off)]
    while todo:
        type_id, off = todo.pop()
        type_ = btf.resolved(type_id)
        match type_:
            case t.Var():
                todo.append((type_.type_id, off))
            case t.Array():
                size = btf.size_of(type_.elem_type) or 0
                if size:
                    count = min(type_.nelems, (len(data) - off) // size)
                    todo += [(type_.elem_type, off + size * index) for index in range(count)]
            case t.Struct() | t.Union():
                members = type_.members[:1] if isinstance(type_, t.Union) else type_.members
                if any(m.bit_size or m.bit_off % 8 for m in members):
                    raise ConvertError(
                        "has bitfields with initial values: their bytes cannot be turned",
                        symbol=symbol.name,
                        thing=symbol.label,
                    )
                todo += [(m.type_id, off + m.bit_off // 8) for m in members]
            case _:
                size = btf.size_of(type_id) or 0
                if off + size <= len(data) and not any(turned[off : off + size]):
                    data[off : off + size] = data[off : off + size][::-1]
                    turned[off : off + size] = b"\1" * size
