""".BTF.ext bytes to `BtfExt` and back.

In: the section's bytes and the strings of the .BTF beside it. Checked: every bound, record sizes, kinds of tagged
records. Not checked: that ids and symbols exist; that is `object`'s. Relocations are not this module's either: when
writing, `EncodedExt` says where the fields that need one lie. Source: docs/format.md, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import error as struct_error
from typing import Any

from btfkit.codec.cursor import Cursor, check_spans, record, start
from btfkit.errors import BadReferenceError, EncodeError, FormatError, UnsupportedError
from btfkit.format import ext as f
from btfkit.format.btf import MAGIC, SECTION_BTF_EXT, VERSION
from btfkit.format.ext import InstanceKind
from btfkit.format.fields import Field, number, size_of
from btfkit.model.ext import BtfExt, CoreRelo, FuncInfo, LineInfo, SymRecord
from btfkit.model.strings import StringTable

_WORD = (number("rec_size"),)
_BLOCK = (number("sec_name_off"), number("num_info"))
_TABLES = (*f.SECTION_TABLES, *f.SYMBOL_TABLES)


def decode_ext(data: bytes, strings: StringTable, *, section: str = SECTION_BTF_EXT, path: str | None = None) -> BtfExt:
    """The `BtfExt` of a .BTF.ext section. FormatError and its kin, with section, offset and table."""
    cursor, flags, hdr_len = start(bytes(data), f.HEADER_START, section, path)
    if flags:
        raise UnsupportedError(f"flags 0x{flags:x} are not known", **cursor.where(3, field="flags"))
    if hdr_len < f.HDR_LEN_MIN:
        raise FormatError(f"hdr_len {hdr_len} is less than {f.HDR_LEN_MIN}", **cursor.where(4, field="hdr_len"))
    count = min((hdr_len - 8) // 8, len(_TABLES))
    known = 8 + 8 * count
    for off in range(known, hdr_len):
        if cursor.data[off]:
            raise UnsupportedError(
                f"0x{cursor.data[off]:02x} in a header of {hdr_len} bytes, past the {known} that are known",
                **cursor.where(off, field="hdr_len"),
            )
    spans = []
    for index, table in enumerate(_TABLES[:count]):
        off, length = cursor.unpack(f.PAIR, 8 + 8 * index, f"the header's {table}")
        spans.append((table, hdr_len + off, length))
    check_spans(cursor, spans)
    ext = BtfExt(
        hdr_len=hdr_len, byte_order=cursor.byte_order, tables=frozenset(table for table, _, length in spans if length)
    )
    for table, off, length in spans:
        if not length:
            continue
        if off % 4:
            where = cursor.where(off, thing=table)
            raise FormatError(f"the table starts at 0x{off:x}, not at a multiple of 4", **where)
        reader = _Table(cursor, table, off, off + length)
        if table in f.SECTION_TABLES:
            setattr(ext, table, reader.blocks(strings))
        else:
            records = reader.symbols()
            setattr(ext, table, records)
            ext.symbol_offs[table] = reader.symbol_offs(len(records))
    return ext


@dataclass
class _Table:
    """One table: ``u32 rec_size``, then records (in blocks per section, or flat) up to ``end``."""

    cursor: Cursor
    name: str
    off: int
    end: int

    def fail(self, reason: str, off: int) -> FormatError:
        return FormatError(reason, **self.cursor.where(off, thing=self.name))

    def rec_size(self, least: int) -> int:
        if self.end - self.off < 4:
            raise self.fail("no room for rec_size", self.off)
        (size,) = self.cursor.unpack(_WORD, self.off, "rec_size")
        if size < least or size % 4:
            raise self.fail(f"rec_size {size} is not a multiple of 4, or less than {least}", self.off)
        return size

    def blocks(self, strings: StringTable) -> list[tuple[str, list[Any]]]:
        fields = f.SECTION_TABLES[self.name]
        known = size_of(fields)
        size = self.rec_size(known)
        pos, out = self.off + 4, []
        while pos < self.end:
            if self.end - pos < 8:
                raise self.fail("no room for a block's section name and count", pos)
            name_off, count = self.cursor.unpack(_BLOCK, pos, "a block")
            if not count:
                raise self.fail("a block of no records", pos)
            section = self.text(strings, name_off, pos)
            start_ = pos + 8
            pos = start_ + count * size
            if pos > self.end:
                raise self.fail(f"{count} records of {size} bytes for {section!r} run past the table's end", start_)
            records = []
            for off in range(start_, pos, size):
                values = self.cursor.unpack(fields, off, "a record")
                records.append(self.value(values, strings, off, self.cursor.data[off + known : off + size]))
            out.append((section, records))
        return out

    def value(self, values: Any, strings: StringTable, off: int, tail: bytes) -> Any:
        match self.name:
            case "func_info":
                insn_off, type_id = values
                return FuncInfo(insn_off, type_id, tail)
            case "line_info":
                insn_off, file_off, line_off, line_col = values
                return LineInfo(
                    insn_off,
                    self.text(strings, file_off, off),
                    self.text(strings, line_off, off),
                    line_col >> f.LINE_NUM_SHIFT,
                    line_col & f.LINE_COL_MASK,
                    tail,
                )
            case _:
                insn_off, type_id, access_off, kind = values
                return CoreRelo(insn_off, type_id, self.text(strings, access_off, off), kind, tail)

    def text(self, strings: StringTable, name_off: int, off: int) -> str:
        try:
            return strings.get(name_off)
        except BadReferenceError as error:
            raise error.at(**self.cursor.where(off, thing=self.name)) from None

    def symbols(self) -> list[SymRecord]:
        size = self.rec_size(f.SYM_RECORD_SIZE)
        data = self.cursor.data
        out: list[SymRecord] = []
        if (self.end - self.off - 4) % size:
            raise self.fail(f"{self.end - self.off - 4} bytes are not whole records of {size}", self.off + 4)
        tagged = self.name == "inst_sym" and size >= f.SYM_RECORD_TAGGED_SIZE
        fields = f.SYM_RECORD_TAGGED if tagged else f.SYM_RECORD
        for off in range(self.off + 4, self.end, size):
            symbol, inst_id, *rest = self.cursor.unpack(fields, off, "a record")
            kind = None
            if rest:
                try:
                    kind = InstanceKind(rest[0])
                except ValueError:
                    raise self.fail(
                        f"record {len(out)}: kind {rest[0]} is not 1 (function), 2 (map) or 3 (variable)", off
                    ) from None
            out.append(SymRecord(symbol, inst_id, kind, data[off + size_of(fields) : off + size]))
        return out

    def symbol_offs(self, count: int) -> list[int]:
        size = self.rec_size(f.SYM_RECORD_SIZE)
        return [self.off + 4 + index * size for index in range(count)]


# -- encoding -----------------------------------------------------------------------------------------------


@dataclass
class EncodedExt:
    """data: the section. symbol_fields: (byte offset, symbol number) of each symbol field;
    insn_fields: (byte offset, ELF section name) of each insn_off field: what relocations must be made for."""

    data: bytes
    symbol_fields: list[tuple[int, int]] = field(default_factory=list)
    insn_fields: list[tuple[int, str]] = field(default_factory=list)


def encode_ext(ext: BtfExt, strings: StringTable, *, byte_order: str | None = None) -> EncodedExt:
    """The bytes of a .BTF.ext section. Texts are added to ``strings``: write the .BTF after this."""
    byte_order = byte_order or ext.byte_order
    out = EncodedExt(b"")
    chunks: list[tuple[str, bytes]] = []
    tables = [table for table in _TABLES if getattr(ext, table) or table in ext.tables]
    hdr_len = ext.hdr_len or f.HDR_LEN_RELO
    needed = 8 + 8 * max((1 + _TABLES.index(table) for table in tables), default=0)
    if needed > hdr_len:
        hdr_len = f.HDR_LEN_SYMBOLS if ext.has_symbols else needed
    pos = hdr_len
    for table in tables:
        writer = _Writer(table, strings, byte_order, pos, out)
        data = writer.blocks(getattr(ext, table)) if table in f.SECTION_TABLES else writer.symbols(getattr(ext, table))
        chunks.append((table, data))
        pos += len(data)
    # Mainline's readers want every table's offset inside the section, an empty one's too.
    lengths = {table: len(data) for table, data in chunks}
    pair = record(f.PAIR, byte_order)
    header = record(f.HEADER_START, byte_order).pack(MAGIC, VERSION, 0, hdr_len)
    place, spans = 0, []
    for table in _TABLES[: (hdr_len - 8) // 8]:
        length = lengths.get(table, 0)
        spans.append(pair.pack(place, length))
        place += length
    header += b"".join(spans)
    out.data = header.ljust(hdr_len, b"\0") + b"".join(data for _, data in chunks)
    return out


@dataclass
class _Writer:
    table: str
    strings: StringTable
    byte_order: str
    pos: int
    out: EncodedExt

    def pack(self, fields: tuple[Field, ...], *values: int) -> bytes:
        try:
            return record(fields, self.byte_order).pack(*values)
        except struct_error as error:
            raise self.fail(f"a number does not fit its field ({error})") from None

    def fail(self, reason: str) -> EncodeError:
        return EncodeError(reason, section=SECTION_BTF_EXT, thing=self.table)

    def one_size(self, tails: list[bytes], known: int) -> int:
        """rec_size: all records of a table are of one, a multiple of 4."""
        sizes = {len(tail) for tail in tails} or {0}
        if len(sizes) > 1:
            raise self.fail(f"records of several sizes: tails of {sorted(sizes)} bytes")
        size = known + sizes.pop()
        if size % 4:
            raise self.fail(f"records of {size} bytes, not a multiple of 4")
        return size

    def blocks(self, blocks: list[tuple[str, list[Any]]]) -> bytes:
        fields = f.SECTION_TABLES[self.table]
        size = self.one_size([r.tail for _, records in blocks for r in records], size_of(fields))
        data = bytearray(self.pack(_WORD, size))
        for section, records in blocks:
            if not records:
                raise self.fail(f"a block of no records for {section!r}")
            data += self.pack(_BLOCK, self.strings.add(section), len(records))
            for rec in records:
                self.out.insn_fields.append((self.pos + len(data), section))
                data += self.pack(fields, *self.values(rec)) + rec.tail
        return bytes(data)

    def values(self, rec: Any) -> tuple[int, ...]:
        add = self.strings.add
        match rec:
            case FuncInfo():
                return rec.insn_off, rec.type_id
            case LineInfo():
                if not 0 <= rec.line_num <= f.LINE_NUM_MAX or not 0 <= rec.line_col <= f.LINE_COL_MASK:
                    raise self.fail(f"line {rec.line_num}, column {rec.line_col} do not fit 22 and 10 bits")
                line_col = rec.line_num << f.LINE_NUM_SHIFT | rec.line_col
                return rec.insn_off, add(rec.file_name), add(rec.line), line_col
            case _:
                return rec.insn_off, rec.type_id, add(rec.access), rec.kind

    def symbols(self, records: list[SymRecord]) -> bytes:
        kinds = {rec.kind for rec in records}
        tagged = self.table == "inst_sym" and None not in kinds and bool(records)
        if self.table != "inst_sym" and not kinds <= {None, f.TABLE_KIND[self.table]}:
            raise self.fail("a record of another kind than the table's")
        if (
            self.table == "inst_sym"
            and None in kinds
            and (len(kinds) > 1 or any(len(rec.tail) >= 4 for rec in records))
        ):
            raise self.fail("records without a kind stand beside others with one, or have a tail that reads as one")
        fields = f.SYM_RECORD_TAGGED if tagged else f.SYM_RECORD
        size = self.one_size([rec.tail for rec in records], size_of(fields))
        data = bytearray(self.pack(_WORD, size))
        for rec in records:
            self.out.symbol_fields.append((self.pos + len(data), rec.symbol))
            kind = (int(rec.kind or 0),) if tagged else ()
            data += self.pack(fields, rec.symbol, rec.inst_id, *kind) + rec.tail
        return bytes(data)
