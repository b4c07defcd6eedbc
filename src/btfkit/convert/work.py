"""An object under conversion: a copy that the steps change, all in one space of type ids, cleaned up at the end.

In: a `BpfObject` of any form. The steps add types behind the old ones, mark what is to go, add instances and
definitions. Out: a `BpfObject` whose types are those that are left, in their old order, the new ones behind them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from btfkit.elf import Elf, Section, Symbol, read_elf, write_elf
from btfkit.errors import ConvertError
from btfkit.format.btf import Form
from btfkit.model import types as t
from btfkit.model.btf import Btf, TypeList
from btfkit.model.builder import Builder
from btfkit.model.ext import BtfExt
from btfkit.model.walk import ids, reachable, remap
from btfkit.object import BpfObject, ObjectForm, require_sound


@dataclass
class Work:
    """removed: type ids whose declarations have gone elsewhere; losses: what the new form cannot say."""

    elf: Elf
    types: Builder
    ext: BtfExt
    definitions: dict[int, Symbol]
    warnings: list[str]
    removed: set[int] = field(default_factory=set)
    removed_symbols: set[Symbol] = field(default_factory=set)
    losses: list[str] = field(default_factory=list)
    _view: Btf | None = None
    _known: int = 0

    @property
    def btf(self) -> Btf:
        """The types as they stand now, to be asked (sizes, names)."""
        if self._view is None or len(self._view) != self._known:
            live = TypeList(())
            live.types = self.types.types
            self._view = Btf(live, byte_order=self.elf.byte_order)
            self._known = len(self._view)
        return self._view

    def error(self, reason: str, symbol: str | None = None, section: str | None = None) -> ConvertError:
        thing = f"symbol '{symbol}'" if symbol else None
        return ConvertError(reason, symbol=symbol, path=self.elf.path, section=section, thing=thing)


def clone_elf(elf: Elf) -> tuple[Elf, dict[Symbol, Symbol]]:
    """A copy, and which symbol of it is which of the old ones."""
    copy = read_elf(write_elf(elf), elf.path)
    by_number = {symbol.index: symbol for symbol in copy.symbols}
    return copy, {symbol: by_number[symbol.index] for symbol in elf.symbols}


def begin(obj: BpfObject, *, instances: bool = True) -> Work:
    """A copy of the object to be changed. instances: with its instances and definitions."""
    require_sound(obj)
    elf, symbols = clone_elf(obj.elf)
    builder = Builder()
    builder.types = [type_ for _, type_ in obj.btf]
    ext = BtfExt(
        func_info=list(obj.ext.func_info),
        line_info=list(obj.ext.line_info),
        core_relo=list(obj.ext.core_relo),
        byte_order=elf.byte_order,
    )
    work = Work(elf, builder, ext, {}, list(obj.warnings))
    if instances:
        builder.instances = list(obj.btf.own_instances)
        work.definitions = {inst_id: symbols[symbol] for inst_id, symbol in obj.definitions.items()}
    return work


def finish(work: Work, form: ObjectForm, btf_form: Form, dialect: str | None = None) -> BpfObject:
    """Drop what is marked, and the types that served nothing else; renumber; the object in its new form."""
    new_ids = _prune(work)
    types = [remap(work.types[old], new_ids.__getitem__) for old in new_ids if old]
    instances = [type(i)(new_ids[i.type_id], i.name, i.parent) for i in work.types.instances]
    btf = Btf(types, instances=instances, byte_order=work.elf.byte_order, form=btf_form)
    ext = work.ext
    ext.func_info = [(s, [r._replace(type_id=new_ids[r.type_id]) for r in rs]) for s, rs in ext.func_info]
    ext.core_relo = [(s, [r._replace(type_id=new_ids[r.type_id]) for r in rs]) for s, rs in ext.core_relo]
    for symbol in work.removed_symbols:
        if symbol in work.elf.symbols:
            work.elf.remove_symbol(symbol)
    drop_dangling(work.elf)
    return BpfObject(work.elf, btf, ext, form, work.definitions, warnings=work.warnings, dialect=dialect)


def _prune(work: Work) -> dict[int, int]:
    """Old id to new id of the types that stay.

    A type goes if it is marked, or is there only for something marked. Types that nothing refers to stay.
    A tag goes with what it is on.
    """
    btf = work.btf
    everything = range(1, work.types.next_id)
    if not work.removed:
        return {i: i for i in range(work.types.next_id)}
    tags = {i for i in everything if isinstance(btf[i], t.DeclTag)}
    served = reachable(btf, work.removed)
    records = [r for table in (work.ext.func_info, work.ext.core_relo) for _, rs in table for r in rs]
    roots = set(everything) - served - work.removed - tags
    roots.update(i.type_id for i in work.types.instances)
    roots.update(record.type_id for record in records)
    keep = reachable(btf, roots)
    for tag in sorted(tags):
        target = next(ids(btf[tag]))
        if target in keep:
            keep.add(tag)
    return {0: 0} | {old: new for new, old in enumerate(sorted(keep), 1)}


def drop_dangling(elf: Elf) -> None:
    """Relocations of sections that are never loaded (debug information) to symbols that are gone go too."""
    known = set(elf.symbols)
    for section in list(elf.sections):
        if section.is_alloc or not elf.relocations(section):
            continue
        kept = [rel for rel in elf.relocations(section) if rel.symbol is None or rel.symbol in known]
        if len(kept) != len(elf.relocations(section)):
            elf.set_relocations(section, kept)


def remove_section(elf: Elf, section: Section) -> None:
    """Take out a section with its symbols."""
    elf.remove_section(section)
    drop_dangling(elf)
