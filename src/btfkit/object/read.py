"""Bytes of an ELF object → `BpfObject`: decode its BTF sections and turn symbol numbers into symbols.

Checked: that each record's instance and symbol exist and are of the record's kind. The relocation of a record's symbol
field wins over the number in it; without one the number must make sense, else it is an error, never a guess.
Source: docs/format.md, sections 2 and 5.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from btfkit.codec import decode_btf, decode_ext
from btfkit.elf import Elf, Section, Symbol, read_elf
from btfkit.errors import BadReferenceError, BtfkitError, FormatError
from btfkit.format.btf import SECTION_BTF, SECTION_BTF_EXT, SECTION_INST, SECTION_INST_EXT, Form
from btfkit.format.ext import TABLE_KIND, InstanceKind
from btfkit.format.mapdef import SECTION_DOT_MAPS, SECTION_MAPS
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt, SymRecord
from btfkit.object.object import BpfObject, ObjectForm


def read_object(data: bytes, path: str | None = None, *, dialect: str | None = None) -> BpfObject:
    """The object in these bytes, in the form that it has. Its errors bear the path."""
    try:
        elf = read_elf(data, path)
        btf, ext = _read_pair(elf, SECTION_BTF, SECTION_BTF_EXT)
        plain = None
        form = {Form.INSTANCE: ObjectForm.INSTANCE, Form.PROPOSED: ObjectForm.PROPOSED}.get(btf.form, ObjectForm.PLAIN)
        ext_name = SECTION_BTF_EXT
        if elf.section(SECTION_INST) is not None:
            plain, (btf, ext) = (btf, ext), _read_pair(elf, SECTION_INST, SECTION_INST_EXT)
            form, ext_name = ObjectForm.SIDECAR, SECTION_INST_EXT
        elif elf.section(SECTION_INST_EXT) is not None:
            raise FormatError(f"is there without a section {SECTION_INST}", section=SECTION_INST_EXT)
        obj = BpfObject(elf, btf, ext, form, plain=plain, dialect=dialect)
        if ext.has_symbols:
            section = elf.section(ext_name)
            assert section is not None
            obj.definitions = _join(obj, section)
        return obj
    except BtfkitError as error:
        raise error.at(path=path) from None


def _read_pair(elf: Elf, btf_name: str, ext_name: str) -> tuple[Btf, BtfExt]:
    btf_section, ext_section = elf.section(btf_name), elf.section(ext_name)
    if btf_section is None or not btf_section.data:
        if ext_section is not None and ext_section.data:
            raise FormatError(f"is there without a section {btf_name}", section=ext_name)
        return Btf(byte_order=elf.byte_order, form=Form.CLASSIC), BtfExt(byte_order=elf.byte_order)
    _one_of_a_name(elf, btf_name)
    _one_of_a_name(elf, ext_name)
    btf = decode_btf(btf_section.data, section=btf_name)
    ext = BtfExt(byte_order=elf.byte_order)
    if ext_section is not None and ext_section.data:
        ext = decode_ext(ext_section.data, btf.strings, section=ext_name)
    for name, order in ((btf_name, btf.byte_order), (ext_name, ext.byte_order)):
        if order != elf.byte_order:
            raise FormatError(f"is {order} endian, the ELF object is {elf.byte_order} endian", section=name)
    return btf, ext


def _one_of_a_name(elf: Elf, name: str) -> None:
    found = [section for section in elf.sections if section.name == name]
    if len(found) > 1:
        raise FormatError(f"there are {len(found)} sections of this name", section=name)


# -- symbol records -----------------------------------------------------------------------------------------


def _join(obj: BpfObject, section: Section) -> dict[int, Symbol]:
    """Instance id to symbol, from the symbol tables and the relocations of their symbol fields."""
    relocated = {rel.off: rel.symbol for rel in obj.elf.relocations(section)}
    by_number = {symbol.index: symbol for symbol in obj.elf.symbols}
    definitions: dict[int, Symbol] = {}
    ext = obj.ext
    if obj.form is ObjectForm.SIDECAR:
        _must_be_one(ext, section, relocated)
    for table, index, record in ext.sym_records():
        off = ext.symbol_offs[table][index]
        where: dict[str, Any] = {"section": section.name, "off": off, "thing": f"{table} record {index}"}
        if not 0 < record.inst_id < obj.btf.next_inst_id:
            raise BadReferenceError(
                f"inst_id {record.inst_id} is past the last instance {obj.btf.next_inst_id - 1}",
                inst_id=record.inst_id,
                **where,
            )
        name = obj.btf.describe_instance(record.inst_id)
        kind = obj.btf.instance_kind(record.inst_id)
        told = _told_kind(table, record)
        if told is not None and told is not kind:
            raise FormatError(f"says that {name} is a {told.word}; its type says {kind.word}", **where)
        if off in relocated:
            symbol = relocated[off]
        else:
            symbol = by_number.get(record.symbol)
            if symbol is not None:
                _must_make_sense(obj, symbol, kind, name, where)
        if symbol is None:
            raise BadReferenceError(
                f"symbol {record.symbol} of {name} does not exist: there are {len(by_number)}", **where
            )
        if definitions.setdefault(record.inst_id, symbol) is not symbol:
            raise FormatError(
                f"{name} is defined twice: {definitions[record.inst_id].label} and {symbol.label}", **where
            )
    return definitions


def _must_be_one(ext: BtfExt, section: Section, relocated: Collection[int]) -> None:
    """Linkers that do not know the section put several objects' one behind the other."""
    fields = {off for offs in ext.symbol_offs.values() for off in offs}
    for off in relocated:
        if off not in fields:
            raise FormatError(
                "a relocation where no symbol field is: "
                "the instances of several objects were linked without being merged",
                section=section.name,
                off=off,
            )


def _told_kind(table: str, record: SymRecord) -> InstanceKind | None:
    return record.kind if table == "inst_sym" else TABLE_KIND[table]


def _must_make_sense(obj: BpfObject, symbol: Symbol, kind: InstanceKind, name: str, where: dict[str, Any]) -> None:
    """A bare number may be stale: tools that renumber symbols know only of relocations."""
    section = symbol.section
    if symbol.is_undefined and symbol.name:
        return
    fits = section is not None and not symbol.is_section
    if fits and section is not None:
        map_sections = (SECTION_MAPS, SECTION_DOT_MAPS) if obj.form is ObjectForm.SIDECAR else (SECTION_MAPS,)
        in_maps = section.name in map_sections
        match kind:
            case InstanceKind.FUNCTION:
                fits = symbol.is_function and section.is_code
            case InstanceKind.MAP:
                fits = symbol.is_object and in_maps
            case InstanceKind.VARIABLE:
                fits = symbol.is_object and section.is_alloc and not section.is_code and not in_maps
    if not fits:
        place = f"in {section.name}" if section is not None else "without a section"
        raise BadReferenceError(
            f"{symbol.label} ({place}) cannot define the {kind.word} of {name}: there is no relocation, and the number "
            "is stale (a tool that renumbered the symbols dropped the relocations)",
            **where,
        )
