"""`BtfExt`: one .BTF.ext section as values.

Offsets of instructions are in bytes from the start of their ELF section (``insn_off``), as on the wire. Type ids and
instance ids are those of the .BTF beside it; symbols are numbers in the ELF symbol table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from btfkit.format.ext import InstanceKind


class FuncInfo(NamedTuple):
    """The function that starts at insn_off is of type_id, a FUNC. tail: bytes of a record longer than known."""

    insn_off: int
    type_id: int
    tail: bytes = b""


class LineInfo(NamedTuple):
    """From insn_off on, the code comes from that line. line: its text."""

    insn_off: int
    file_name: str
    line: str
    line_num: int
    line_col: int
    tail: bytes = b""


class CoreRelo(NamedTuple):
    """The instruction at insn_off depends on the layout of type_id on the target. access: ``0:1:2``."""

    insn_off: int
    type_id: int
    access: str
    kind: int
    tail: bytes = b""


class SymRecord(NamedTuple):
    """The instance is defined by that symbol. kind: only in tagged records, else None."""

    symbol: int
    inst_id: int
    kind: InstanceKind | None = None
    tail: bytes = b""


R = TypeVar("R", FuncInfo, LineInfo, CoreRelo)
Blocks = list[tuple[str, list[R]]]
"""(ELF section name, its records), in the order of the file."""


@dataclass(eq=True)
class BtfExt:
    """Three tables by section, four tables of symbols; empty ones are left out when writing.

    As read: hdr_len; tables: which were there, empty ones too; symbol_offs: per table, the byte offset of each
    record's symbol field in the section, where a relocation may stand.
    """

    func_info: Blocks[FuncInfo] = field(default_factory=list)
    line_info: Blocks[LineInfo] = field(default_factory=list)
    core_relo: Blocks[CoreRelo] = field(default_factory=list)
    func_sym: list[SymRecord] = field(default_factory=list)
    map_sym: list[SymRecord] = field(default_factory=list)
    var_sym: list[SymRecord] = field(default_factory=list)
    inst_sym: list[SymRecord] = field(default_factory=list)
    hdr_len: int = field(default=0, compare=False)
    byte_order: str = field(default="little", compare=False)
    tables: frozenset[str] = field(default=frozenset(), compare=False)
    symbol_offs: dict[str, list[int]] = field(default_factory=dict, compare=False)

    @property
    def has_symbols(self) -> bool:
        return bool(self.func_sym or self.map_sym or self.var_sym or self.inst_sym)

    def records(self, table: str, section: str) -> list[R]:
        """All records of ``func_info``, ``line_info`` or ``core_relo`` of that ELF section."""
        blocks: Blocks[R] = getattr(self, table)
        return [record for name, records in blocks if name == section for record in records]

    def sym_records(self) -> Sequence[tuple[str, int, SymRecord]]:
        """(table, position in it, record) of all four symbol tables."""
        return [
            (table, index, record)
            for table in ("func_sym", "map_sym", "var_sym", "inst_sym")
            for index, record in enumerate(getattr(self, table))
        ]
