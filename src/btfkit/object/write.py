"""`BpfObject` → bytes: encode its BTF sections, turn symbols into numbers, make the relocations that keep them true.

Source: docs/format.md, sections 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

from btfkit.codec import encode_btf, encode_ext
from btfkit.elf import Elf, Relocation, Section, Symbol, write_elf
from btfkit.errors import BtfkitError, EncodeError
from btfkit.format.btf import SECTION_BTF, SECTION_BTF_EXT, SECTION_INST, SECTION_INST_EXT, Form
from btfkit.format.elf import R_BPF_64_ABS32, R_BPF_64_NODYLD32
from btfkit.format.ext import InstanceKind
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt, SymRecord
from btfkit.object.object import BpfObject, ObjectForm

EXT_STYLES = ("tables", "single", "tagged")
_TABLE = {InstanceKind.FUNCTION: "func_sym", InstanceKind.MAP: "map_sym", InstanceKind.VARIABLE: "var_sym"}


def write_object(obj: BpfObject, *, ext: str = "tables") -> bytes:
    """The object's bytes, in its form.

    ext: the symbol records as three ``tables``, or in one table without (``single``) or with (``tagged``) the kind.
    """
    if ext not in EXT_STYLES:
        raise EncodeError(f"ext is {ext!r}, not one of {', '.join(EXT_STYLES)}")
    try:
        if obj.form is ObjectForm.SIDECAR:
            put_btf(obj.elf, SIDECAR, obj.btf, obj.ext, Form.INSTANCE, obj.definitions, ext)
        elif obj.form is ObjectForm.PLAIN:
            if len(obj.btf) or obj.elf.section(SECTION_BTF):
                form = Form.CLASSIC if obj.btf.form.has_instances else obj.btf.form
                put_btf(obj.elf, MAIN, obj.btf, obj.ext, form, {}, ext)
        else:
            form = Form.PROPOSED if obj.form is ObjectForm.PROPOSED else Form.INSTANCE
            put_btf(obj.elf, MAIN, obj.btf, obj.ext, form, obj.definitions, ext)
        return write_elf(obj.elf)
    except BtfkitError as error:
        raise error.at(path=obj.path) from None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Btf and its BtfExt go.

    relocation: the type of the relocations of symbol fields. Mainline's linker keeps those of a section it does not
    know, renumbered, if they are of a plain data type and against a named symbol; so the sidecar has no others.
    """

    btf: str
    ext: str
    relocation: int
    has_code_tables: bool


MAIN = Place(SECTION_BTF, SECTION_BTF_EXT, R_BPF_64_NODYLD32, True)
SIDECAR = Place(SECTION_INST, SECTION_INST_EXT, R_BPF_64_ABS32, False)


def put_btf(
    elf: Elf, place: Place, btf: Btf, ext: BtfExt, form: Form, definitions: dict[int, Symbol], style: str
) -> None:
    """Encode both sections into the ELF object (made where they are missing), with their relocations."""
    btf_section = _section(elf, place.btf)
    elf.set_relocations(btf_section, [])  # what they tied, symbols tie now
    tables = BtfExt()
    if place.has_code_tables:
        tables = BtfExt(func_info=ext.func_info, line_info=ext.line_info, core_relo=ext.core_relo)
    ext_section = elf.section(place.ext)
    if definitions or tables.func_info or tables.line_info or tables.core_relo:
        ext_section = ext_section or _section(elf, place.ext)
        elf.set_relocations(ext_section, [])
        write_elf(elf)  # numbers the symbols; sections added later have none
        _add_records(tables, btf, definitions, style)
        encoded = encode_ext(tables, btf.strings, byte_order=elf.byte_order)
        ext_section.data = encoded.data
        by_number = {symbol.index: symbol for symbol in elf.symbols}
        relocations = [Relocation(off, by_number[n], place.relocation) for off, n in encoded.symbol_fields]
        for off, name in encoded.insn_fields:
            symbol = _section_symbol(elf, name)
            if symbol is not None:
                relocations.append(Relocation(off, symbol, R_BPF_64_NODYLD32))
        elf.set_relocations(ext_section, sorted(relocations, key=_off))
    elif ext_section is not None:
        elf.remove_section(ext_section)
    btf_section.data = encode_btf(btf, form=form, byte_order=elf.byte_order)


def _off(relocation: Relocation) -> int:
    return relocation.off


def _section(elf: Elf, name: str) -> Section:
    return elf.section(name) or elf.add_section(name, align=4)


def _section_symbol(elf: Elf, name: str) -> Symbol | None:
    return next((s for s in elf.symbols if s.is_section and s.section is not None and s.section.name == name), None)


def _add_records(ext: BtfExt, btf: Btf, definitions: dict[int, Symbol], style: str) -> None:
    for inst_id, symbol in sorted(definitions.items()):
        if not symbol.index:
            raise EncodeError(f"{symbol.label} of {btf.describe_instance(inst_id)} is not in the symbol table")
        kind = btf.instance_kind(inst_id)
        if style == "tables":
            getattr(ext, _TABLE[kind]).append(SymRecord(symbol.index, inst_id))
        else:
            ext.inst_sym.append(SymRecord(symbol.index, inst_id, kind if style == "tagged" else None))


__all__ = ["EXT_STYLES", "put_btf", "write_object"]
