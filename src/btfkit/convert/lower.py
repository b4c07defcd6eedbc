"""Instance BTF → BTF that a kernel takes: classic header, no instances, no MAP; every type keeps its id.

In: an object in instance form. Types that a kernel refuses are replaced where they stand; VAR and DATASEC are made
again from the variable instances and their symbols, behind the old types. Out: a `Lowered`. What one kernel or another
does not know yet (FLOAT, ENUM64 …) stays as it is: that is for whoever can ask the kernel.
Source: docs/format.md, sections 3 and 7; kernel/bpf/btf.c (the ``*_check_meta`` and ``*_resolve`` functions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from btfkit.convert.declarations import EXTERN_SECTIONS, linkage_of
from btfkit.convert.legal import legal_name, legal_type, named_params
from btfkit.elf import Section, Symbol
from btfkit.format.btf import Form
from btfkit.format.elf import STV_HIDDEN, STV_INTERNAL
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import FuncLinkage, IntEncoding, VarLinkage
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.walk import remap
from btfkit.object import BpfObject

INT = t.Int("int", 4, IntEncoding.SIGNED)
FILLER = t.Int("unknown", 1)
"""Stands where a type was that no kernel could take."""

CONSTANTS = ".rodata"

_MAY_REFER_TO_FUNC = (t.DeclTag, t.DataSec, t.LocSec)


@dataclass
class Lowered:
    """What `lower` gives.

    btf:       for the kernel
    func_ids:  function instance to its FUNC
    datasecs:  section to its DATASEC: what the map of that section holds; ".kconfig" among them, by name
    losses:    what the kernel will not be told, a line each
    """

    btf: Btf
    func_ids: dict[int, int] = field(default_factory=dict)
    datasecs: dict[Section | str, int] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ExternVar:
    """A variable that the kernel's configuration gives: off and size in the map that is to hold them all."""

    name: str
    var_id: int
    type_id: int
    off: int
    size: int


def lower(obj: BpfObject) -> Lowered:
    """The BTF for a kernel, of an object in instance form."""
    work = _Lowering(obj)
    work.replace_types()
    work.functions()
    work.variables()
    out = work.out
    out.btf = Btf(work.types.types, byte_order=obj.byte_order, form=Form.CLASSIC)
    return out


def kconfig_layout(btf: Btf) -> tuple[list[ExternVar], int]:
    """Where each variable of ``.kconfig`` lies in the map that is to hold them, and that map's bytes.

    By alignment (the largest first), size and name, as libbpf orders them (cmp_externs).
    """
    found = []
    for _, datasec in btf:
        if isinstance(datasec, t.DataSec) and datasec.name == EXTERN_SECTIONS[0]:
            for entry in datasec.vars:
                var = btf[entry.type_id]
                size = btf.size_of(var.type_id) if isinstance(var, t.Var) else None
                if isinstance(var, t.Var) and size:
                    found.append((-btf.align_of(var.type_id), size, var.name, entry.type_id, var.type_id))
    out, off = [], 0
    for align, size, name, var_id, type_id in sorted(found):
        off = -(-off // -align) * -align
        out.append(ExternVar(name, var_id, type_id, off, size))
        off += size
    return out, off


class _Lowering:
    def __init__(self, obj: BpfObject) -> None:
        self.obj = obj
        self.btf = obj.btf
        self.types = Builder()
        self.types.types = [type_ for _, type_ in obj.btf]
        self.out = Lowered(obj.btf)
        self.ksyms = {
            entry.type_id
            for _, datasec in obj.btf
            if isinstance(datasec, t.DataSec) and datasec.name == EXTERN_SECTIONS[1]
            for entry in datasec.vars
        }
        self._dummy = 0

    def lose(self, type_id: int, reason: str) -> None:
        self.out.losses.append(f"{self.btf.describe(type_id)}: {reason}")

    # -- types, each in its place ------------------------------------------------------------------------------

    def replace_types(self) -> None:
        protos = {type_.type_id for _, type_ in self.btf if isinstance(type_, t.Func) and type_.name}
        for type_id, type_ in self.btf:
            new = self._replaced(type_id, type_)
            if isinstance(new, t.FuncProto) and type_id in protos:
                new = named_params(new)
            if not isinstance(new, _MAY_REFER_TO_FUNC):
                new = remap(new, self._not_func)
            legal = legal_type(new)
            if legal.name != new.name:
                self.lose(type_id, f"is called {legal.name!r}, the name is not legal in C")
            self.types.set(type_id, legal)

    def _replaced(self, type_id: int, type_: t.Type) -> t.Type:
        match type_:
            case t.Map():
                return t.FuncProto(self._sized(type_.key_type), (t.Param("", self._sized(type_.value_type)),))
            case t.Func() if not type_.name:
                return t.Ptr(type_.type_id)  # bpf-gcc's types of helpers
            case t.Func() if type_.linkage == FuncLinkage.EXTERN:
                return replace(type_, linkage=FuncLinkage.GLOBAL)
            case t.DataSec():
                return self._extern_section(type_id, type_)
            case t.Var():
                return self._kept_var(type_id, type_)
            case t.DeclTag() if isinstance(self.btf[type_.type_id], t.Func) and not self.btf[type_.type_id].name:
                return FILLER
            case t.Unknown() | t.LocParam() | t.LocProto() | t.LocSec():
                self.lose(type_id, "its kind is not known to kernels that load programs")
                return FILLER
        return type_

    def _sized(self, type_id: int) -> int:
        """The type of a key or value; void where it has no size (as a MAP), which a parameter must have."""
        return type_id if type_id and self.btf.size_of(type_id) is not None else 0

    def _not_func(self, type_id: int) -> int:
        """Only tags and sections may refer to a FUNC: others mean its FUNC_PROTO (bpf-gcc 12: PTR to FUNC)."""
        type_ = self.btf[type_id]
        return type_.type_id if isinstance(type_, t.Func) else type_id

    def _kept_var(self, type_id: int, var: t.Var) -> t.Var:
        """A VAR that is there still: it has a tag, or is in ``.kconfig`` or ``.ksyms`` (there, of four bytes)."""
        if type_id in self.ksyms or self.btf.size_of(var.type_id) is None:
            return t.Var(var.name, self.types.intern(INT))
        linkage = VarLinkage.GLOBAL_ALLOCATED if var.linkage == VarLinkage.GLOBAL_EXTERN else var.linkage
        return replace(var, linkage=linkage)

    def _extern_section(self, type_id: int, datasec: t.DataSec) -> t.Type:
        """``.kconfig`` and ``.ksyms`` as libbpf hands them to the kernel (bpf_object__collect_externs)."""
        if datasec.name == EXTERN_SECTIONS[0]:
            layout, size = kconfig_layout(self.btf)
            if size:
                self.out.datasecs[datasec.name] = type_id
                return t.DataSec(datasec.name, size, tuple(t.VarSecInfo(v.var_id, v.off, v.size) for v in layout))
        elif datasec.name == EXTERN_SECTIONS[1] and datasec.vars:
            entries = tuple(
                t.VarSecInfo(self._ksym(entry.type_id), INT.size * index, INT.size)
                for index, entry in enumerate(datasec.vars)
            )
            return t.DataSec(datasec.name, INT.size * len(entries), entries)
        return FILLER  # nothing to be told, and a kernel refuses a section of no bytes

    def _ksym(self, type_id: int) -> int:
        """What stands in the section for it: its VAR; for a FUNC, which may not stand there, a VAR that all share."""
        if isinstance(self.btf[type_id], t.Var):
            return type_id
        if not self._dummy:
            self._dummy = self.types.add(t.Var("dummy_ksym", self.types.intern(INT)))
        return self._dummy

    # -- functions ---------------------------------------------------------------------------------------------

    def functions(self) -> None:
        """A FUNC for each function instance; one of hidden visibility is static, as libbpf has it."""
        for declared in self.obj.functions:
            type_id = self.btf.resolve(declared.type_id)
            type_ = self.types[type_id]
            symbol = declared.symbol
            if isinstance(type_, t.FuncProto):
                name = legal_name(symbol.name if symbol else declared.name)
                linkage = FuncLinkage.STATIC if symbol is not None and _is_inner(symbol) else FuncLinkage.GLOBAL
                self.types.set(type_id, named_params(type_))
                type_id = self.types.add(t.Func(name, type_id, linkage))
            elif not isinstance(type_, t.Func):
                continue
            elif symbol is not None and symbol.section is not None and _is_inner(symbol):
                self.types.set(type_id, replace(type_, linkage=FuncLinkage.STATIC))
            self.out.func_ids[declared.inst_id] = type_id

    # -- variables ---------------------------------------------------------------------------------------------

    def variables(self) -> None:
        """VARs and a DATASEC for each section that has some; one for ``.rodata`` of nameless constants too."""
        placed: dict[Section, list[tuple[Symbol, int]]] = {}
        for section in self.obj.elf.sections:
            if section.name == CONSTANTS and section.size:
                placed[section] = []
        for declared in self.obj.instances.of_kind(InstanceKind.VARIABLE):
            if declared.symbol is not None and declared.section is not None:
                placed.setdefault(declared.section, []).append((declared.symbol, declared.inst_id))
        for section in sorted(placed, key=lambda s: s.index):
            entries = tuple(self._entries(section, placed[section]))
            if section.size and (entries or section.name == CONSTANTS):
                self.out.datasecs[section] = self.types.add(t.DataSec(section.name, section.size, entries))

    def _entries(self, section: Section, variables: list[tuple[Symbol, int]]) -> Iterable[t.VarSecInfo]:
        """The section's VARs: sorted, each of some bytes, none over another (a second name of a variable is lost)."""
        end = 0
        for symbol, inst_id in sorted(variables, key=lambda v: (v[0].value, v[1])):
            instance = self.btf.instance(inst_id)
            least = self.btf.size_of(instance.type_id)
            size = max(symbol.size, least or 0)
            problem = ""
            if least is None:
                problem = "its type has no size"
            elif not size:
                problem = "has no bytes"
            elif symbol.value < end:
                problem = "lies over another variable"
            elif symbol.value + size > section.size:
                problem = "runs past its section's end"
            if problem:
                self.out.losses.append(f"{self.btf.describe_instance(inst_id)} in {section.name}: {problem}")
                continue
            yield t.VarSecInfo(self._var(symbol, instance.type_id), symbol.value, size)
            end = symbol.value + size

    def _var(self, symbol: Symbol, type_id: int) -> int:
        type_ = self.btf[type_id]
        if isinstance(type_, t.Var):  # a tag is on it
            self.types.set(type_id, replace(type_, name=legal_name(symbol.name), linkage=linkage_of(symbol)))
            return type_id
        return self.types.add(t.Var(legal_name(symbol.name), type_id, linkage_of(symbol)))


def _is_inner(symbol: Symbol) -> bool:
    """Not to be called from other objects, so the verifier may look at it with its callers."""
    return symbol.is_local or symbol.visibility in (STV_HIDDEN, STV_INTERNAL)


__all__ = ["ExternVar", "Lowered", "kconfig_layout", "lower"]
