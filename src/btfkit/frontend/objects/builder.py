"""`ObjectBuilder`: declare things, give code, get an object in instance form.

Nothing is put together before `ObjectBuilder.finish`, which can be called again after more declarations. Names are
checked at once: each symbol is declared once. Source: docs/format.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from btfkit.errors import BtfkitError, EncodeError, LinkError
from btfkit.format.insn import INSN_SIZE
from btfkit.format.kinds import IntEncoding
from btfkit.frontend.objects.assemble import assemble
from btfkit.frontend.objects.decls import (
    CoreDecl,
    Decl,
    Declarations,
    ExternDecl,
    FunctionDecl,
    Lines,
    Linkage,
    LlvmObject,
    MapDecl,
    VarDecl,
)
from btfkit.model import types as t
from btfkit.model.builder import Builder
from btfkit.object import BpfObject

D = TypeVar("D", bound=Decl)

TEXT = ".text"
KSYMS, KCONFIG = ".ksyms", ".kconfig"
RESERVED = ("maps", ".maps", KSYMS, KCONFIG, ".BTF", ".BTF.ext")
"""Sections that no variable or function can be put into."""


class ObjectBuilder:
    """An object being declared.

    byte_order: of the object, and of code and data that are given; path: how errors call the object
    """

    def __init__(self, byte_order: str = "little", path: str | None = None) -> None:
        if byte_order not in ("little", "big"):
            raise EncodeError(f"byte_order is {byte_order!r}, neither 'little' nor 'big'", path=path)
        self.types = Builder()
        self.path = path
        self._told = Declarations("little" if byte_order == "little" else "big", path)
        self._symbols: dict[str, Decl] = {}

    # -- types -------------------------------------------------------------------------------------------------

    def type(self, type_: t.Type) -> int:
        """The id of a type; equal types have one. What it refers to comes first, or is reserved."""
        return self.types.intern(type_)

    def reserve(self) -> int:
        """An id for a type that `define` says later: for types that refer to each other."""
        return self.types.reserve()

    def define(self, type_id: int, type_: t.Type) -> None:
        """Say what a reserved id is."""
        self.types.set(type_id, type_)

    def tag(self, what: int | Decl, text: str, component_idx: int = -1) -> None:
        """Put a DECL_TAG on a type, function or variable, or on its member or parameter of that position."""
        if isinstance(what, int):
            self.types.intern(t.DeclTag(text, what, component_idx))
        elif isinstance(what, (MapDecl, CoreDecl)):
            raise self._error("BTF has no tags for it: tag its types", what)
        elif self._symbols.get(what.symbol) is not what:
            raise self._error("is not declared in this object", what)
        else:
            self._told.tags.append((text, what, component_idx))

    # -- what is defined here ------------------------------------------------------------------------------------

    def map(
        self,
        name: str,
        map_type: int,
        *,
        key: int = 0,
        value: int = 0,
        key_size: int | None = None,
        value_size: int | None = None,
        max_entries: int,
        flags: int = 0,
        pinning: int = 0,
        numa_node: int = 0,
        map_extra: int = 0,
        inner: MapDecl | None = None,
        values: Sequence[MapDecl | FunctionDecl | None] = (),
        symbol: str | None = None,
        linkage: Linkage = "global",
    ) -> MapDecl:
        """Declare a map from the type ``key`` to the type ``value``.

        Sizes follow from the types; without types, give sizes. value: of a ring buffer or perf event array the record,
        of a program array the FUNC_PROTO; inner: what the maps in it are like; values: what is in it from the start.
        """
        decl = MapDecl(
            name=name, symbol=name if symbol is None else symbol, map_type=map_type, key=key, value=value,
            key_size=key_size, value_size=value_size, max_entries=max_entries, flags=flags, pinning=pinning,
            numa_node=numa_node, map_extra=map_extra, inner=inner, values=values, linkage=linkage,
        )  # fmt: skip
        return self._declare(decl)

    def inner_map(
        self,
        map_type: int,
        *,
        key: int = 0,
        value: int = 0,
        key_size: int | None = None,
        value_size: int | None = None,
        max_entries: int,
        flags: int = 0,
        numa_node: int = 0,
        map_extra: int = 0,
    ) -> MapDecl:
        """What the maps in a map of maps are like, where no map of this object is: for `map`'s ``inner``."""
        return MapDecl(
            name="", symbol="", map_type=map_type, key=key, value=value, key_size=key_size, value_size=value_size,
            max_entries=max_entries, flags=flags, pinning=0, numa_node=numa_node, map_extra=map_extra, linkage="static",
        )  # fmt: skip

    def variable(
        self,
        name: str,
        type_id: int,
        *,
        data: bytes | None = None,
        refers: Sequence[tuple[int, Decl]] = (),
        const: bool = False,
        section: str | None = None,
        parent: FunctionDecl | None = None,
        symbol: str | None = None,
        linkage: Linkage | None = None,
    ) -> VarDecl:
        """Declare a variable; ``data``: its bytes, None for zeros.

        refers:  (byte offset, what is declared here) each: its pointers to functions, maps and variables
        section: ``.rodata`` where it is const (then its type becomes so too), else ``.bss`` or ``.data``
        parent:  the function that it is local to; its symbol is then ``function.name`` unless one is given
        linkage: static where it has a parent, else global, unless one is given
        """
        if const and not isinstance(self.types[type_id], t.Const):
            type_id = self.types.intern(t.Const(type_id))
        if data is not None and not any(data):
            data = None if section is None and not const else data
        if section is None:
            section = ".rodata" if const else ".bss" if data is None else ".data"
        decl = VarDecl(
            name=name, symbol=_symbol(name, parent, symbol), type_id=type_id, data=data, refers=refers,
            section=section, parent=parent, linkage=linkage or _linkage(parent),
        )  # fmt: skip
        return self._declare(decl, section)

    def function(
        self,
        name: str,
        params: Iterable[tuple[str, int]] = (),
        returns: int = 0,
        *,
        section: str = TEXT,
        parent: FunctionDecl | None = None,
        linkage: Linkage | None = None,
        symbol: str | None = None,
        may_be_absent: bool = False,
        code: bytes | None = None,
        relocs: Sequence[tuple[int, Decl]] = (),
        lines: Lines = (),
        file: str = "",
        source: str | Sequence[str] = (),
    ) -> FunctionDecl:
        """Declare a function; params: (name, type id) each. Without code it must be in LLVM's object.

        parent:        the function that it is nested in; its symbol is then ``function.name`` unless one is given
        linkage:       static where it has a parent, else global, unless one is given
        may_be_absent: LLVM may have inlined it away; then the object does not tell of it
        code:          instructions; those in ``relocs`` (insn_idx, what they refer to) are completed: a ld_imm64 of
                       a map, a variable (its imm is an offset in it), a function, an extern; a call; a CO-RE number
        lines:         (insn_idx, line, column) each, of ``file``, whose text or lines ``source`` is
        """
        decl = FunctionDecl(
            name=name, symbol=_symbol(name, parent, symbol), params=tuple(params), returns=returns, section=section,
            parent=parent, linkage=linkage or _linkage(parent), may_be_absent=may_be_absent, code=code, relocs=relocs,
            lines=lines, file=file, source=source.splitlines() if isinstance(source, str) else source,
        )  # fmt: skip
        if code is not None and (not code or len(code) % INSN_SIZE):
            raise self._error(f"its {len(code)} bytes are not whole instructions", decl)
        if code is None and (relocs or lines):
            raise self._error("relocs and lines belong to code that is given", decl)
        return self._declare(decl, section)

    def license(self, text: str) -> VarDecl:
        """The licence that the kernel is to be told, ``GPL`` for instance."""
        data = text.encode() + b"\0"
        char = self.types.intern(t.Int("char", 1, IntEncoding.SIGNED))
        index = self.types.intern(t.Int("__ARRAY_SIZE_TYPE__", 4))
        return self.variable(
            "_license", self.types.intern(t.Array(char, index, len(data))), data=data, section="license"
        )

    # -- what is defined elsewhere -------------------------------------------------------------------------------

    def extern_function(
        self,
        name: str,
        params: Iterable[tuple[str, int]] = (),
        returns: int = 0,
        *,
        weak: bool = False,
        section: str | None = KSYMS,
    ) -> ExternDecl:
        """Declare a function of the kernel (a kfunc); section None: of another object.

        weak: the kernel need not have it. Where no code refers to it the object does not tell of it.
        """
        if section not in (KSYMS, None):
            raise EncodeError(
                f"section is {section!r}, not {KSYMS!r} or None", path=self.path, thing=f"extern '{name}'"
            )
        return self._declare(
            ExternDecl(name=name, symbol=name, type_id=returns, params=tuple(params), section=section, weak=weak)
        )

    def extern_variable(
        self, name: str, type_id: int, *, section: str | None = KSYMS, weak: bool = False
    ) -> ExternDecl:
        """Declare a variable of the kernel: a symbol of it (``.ksyms``), or of its configuration (``.kconfig``).

        section None: of another object. Where no code refers to it the object does not tell of it.
        """
        if section not in (KSYMS, KCONFIG, None):
            raise EncodeError(
                f"section is {section!r}, not {KSYMS!r}, {KCONFIG!r} or None", path=self.path, thing=f"extern '{name}'"
            )
        return self._declare(
            ExternDecl(name=name, symbol=name, type_id=type_id, params=None, section=section, weak=weak)
        )

    def core_relo(self, symbol_name: str, type_id: int, access: str, kind: int, value: int) -> CoreDecl:
        """Declare a CO-RE number: code that loads the address of that symbol gets ``value``, and a CO-RE relocation.

        access: ``0:1:2``; kind: BPF_CORE_* (`btfkit.format.ext.CoreRelo`); value: what these types make it
        """
        return self._declare(
            CoreDecl(name=symbol_name, symbol=symbol_name, type_id=type_id, access=access, kind=int(kind), value=value)
        )

    # -- the end -------------------------------------------------------------------------------------------------

    def take_llvm(
        self,
        elf_bytes: bytes,
        *,
        file_name: str | None = None,
        source_lines: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Take the code from an ELF object that LLVM made, once. Its symbols meet the declarations by name.

        file_name:    for its lines, instead of the one that LLVM wrote
        source_lines: the file's lines, or per file name (as LLVM wrote it) that file's; else LLVM's own texts stay
        """
        if self._told.llvm is not None:
            raise LinkError("there is an object of LLVM's already: link the modules before", path=self.path)
        lines = dict(source_lines) if isinstance(source_lines, Mapping) else source_lines
        self._told.llvm = LlvmObject(data=elf_bytes, file_name=file_name, source_lines=lines)

    def finish(self) -> BpfObject:
        """The object, in instance form. LinkError where code and declarations do not meet; others of the family."""
        try:
            return assemble(self._told, self.types)
        except BtfkitError as error:
            raise error.at(path=self.path) from None

    # -- names ---------------------------------------------------------------------------------------------------

    def _declare(self, decl: D, section: str = "") -> D:
        if not decl.name or not decl.symbol:
            raise self._error("has no name", decl)
        if section in RESERVED:
            raise self._error(f"cannot be in the section '{section}'", decl)
        if isinstance(decl, (FunctionDecl, MapDecl, VarDecl)) and decl.linkage not in ("static", "global"):
            raise self._error(f"linkage is {decl.linkage!r}, neither 'static' nor 'global'", decl)
        parent = decl.parent if isinstance(decl, (FunctionDecl, VarDecl)) else None
        if parent is not None and self._symbols.get(parent.symbol) is not parent:
            raise self._error(f"its parent, {parent.label}, is not declared in this object", decl)
        known = self._symbols.setdefault(decl.symbol, decl)
        if known is not decl:
            raise self._error(f"the symbol '{decl.symbol}' is declared already: {known.label}", decl)
        self._told.decls.append(decl)
        return decl

    def _error(self, reason: str, decl: Decl) -> LinkError:
        return LinkError(reason, symbol=decl.symbol, path=self.path, thing=decl.label)


def _symbol(name: str, parent: FunctionDecl | None, symbol: str | None) -> str:
    """What clang calls a static local: ``function.name``."""
    if symbol is not None:
        return symbol
    return f"{parent.symbol}.{name}" if parent is not None else name


def _linkage(parent: FunctionDecl | None) -> Linkage:
    return "global" if parent is None else "static"


__all__ = ["ObjectBuilder"]
