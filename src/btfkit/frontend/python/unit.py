"""One object being compiled: its functions, maps and variables, found as the programs name them.

In: a namespace (a module's globals) with `BpfProgram` objects in it. Out: `FunctionInfo`, `MapDecl`, `VariableDecl` for
all that they reach; `Diagnostics` of everything that is wrong.
"""

from __future__ import annotations

import ast
import inspect
import sys
import types as python_types
import typing
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from btfkit.bpf.ints import ArrayType, ArrayValue, FixedInt
from btfkit.bpf.maps import HashMap, MapSpec
from btfkit.bpf.programs import BpfProgram
from btfkit.bpf.records import Bits, Context, Header, Ptr, Record, size_align
from btfkit.bpf.words import KernelType, Optional, Static
from btfkit.errors import SourceError
from btfkit.frontend.diagnostics import Bad, Diagnostics
from btfkit.frontend.python import ir, signature
from btfkit.frontend.python import types as t
from btfkit.frontend.python.constants import pack
from btfkit.frontend.python.declared import (
    HOLDERS,
    ExternDecl,
    FunctionInfo,
    MapDecl,
    RelocationDecl,
    StructOpsDecl,
    VariableDecl,
    capacity_problem,
    misplaced,
)
from btfkit.frontend.python.kernel_types import KernelTypes
from btfkit.frontend.python.source import Sources, evaluate
from btfkit.frontend.span import NOWHERE, Span


@dataclass(slots=True)
class Unit:
    """kernel: the types of the kernel that the program is built for. locked: what is called under a lock, where."""

    namespace: dict[str, Any]
    sources: Sources
    kernel: KernelTypes
    byte_order: str = "little"
    arch: str = "x86_64"
    cpu: str = "v3"
    diagnostics: Diagnostics = field(init=False)
    functions: dict[Any, FunctionInfo] = field(default_factory=dict)
    queue: list[FunctionInfo] = field(default_factory=list)
    maps: dict[int, MapDecl] = field(default_factory=dict)
    variables: dict[tuple[int, str], VariableDecl] = field(default_factory=dict)
    externs: dict[str, ExternDecl] = field(default_factory=dict)
    relocations: dict[tuple[int, tuple[int, ...], int], RelocationDecl] = field(default_factory=dict)
    struct_ops: list[StructOpsDecl] = field(default_factory=list)
    symbols: set[str] = field(default_factory=set)
    bad: set[tuple[int, str]] = field(default_factory=set)
    locked: list[tuple[Span, ir.Function]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.diagnostics = Diagnostics(self.sources.lines)

    def error(self, span: Span, reason: str, hint: str = "") -> typing.NoReturn:
        self.diagnostics.add(span, reason, hint)
        raise Bad

    def symbol(self, name: str) -> str:
        """A symbol's name that nothing has yet."""
        found, number = name, 1
        while found in self.symbols:
            found, number = f"{name}.{number}", number + 1
        self.symbols.add(found)
        return found

    # -- functions

    def program(self, program: BpfProgram, span: Span) -> FunctionInfo:
        return self._function(program.function, program, span)

    def function(self, function: Any, span: Span) -> FunctionInfo:
        """A function that is called; compiled once. span: of the call."""
        return self._function(function, None, span)

    def _function(self, function: Any, program: BpfProgram | None, span: Span) -> FunctionInfo:
        if not isinstance(function, python_types.FunctionType):
            self.error(span, f"{t.type_name(function)} is not a function written with def")
        key = function.__code__
        if key not in self.functions:
            try:
                file, node = self.sources.function(function)
            except SourceError as error:
                self.error(span, f"'{function.__name__}' cannot be compiled: {error.reason}")
            if not isinstance(node, ast.FunctionDef):
                at = Span.of(node, file.path) if node else Span(file.path, key.co_firstlineno, 0, key.co_firstlineno, 0)
                self._not_plain(key, at._replace(end_line=at.line, end_col=1 << 16))
            info = self._declare(node, function.__globals__, file.path, None, program, function.__qualname__)
            self.functions[key] = info
        return self.functions[key]

    def _not_plain(self, code: python_types.CodeType, span: Span) -> typing.NoReturn:
        if code.co_name == "<lambda>":
            self.error(span, "a lambda is not in the language", "write a function with def")
        if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
            self.error(span, "async is not in the language", "write def")
        self.error(span, f"there is no function '{code.co_name}' at this line: was the file changed?")

    def nested(self, node: ast.FunctionDef, parent: FunctionInfo) -> FunctionInfo:
        """A function written in another."""
        if node.name not in parent.nested:
            info = self._declare(node, parent.namespace, parent.path, parent, None, f"{parent.qualname}.{node.name}")
            parent.nested[node.name] = info
        return parent.nested[node.name]

    def _declare(
        self,
        node: ast.FunctionDef,
        namespace: dict[str, Any],
        path: str,
        parent: FunctionInfo | None,
        program: BpfProgram | None,
        qualname: str,
    ) -> FunctionInfo:
        span = Span.of(node, path)
        name_span = Span(path, node.lineno, node.col_offset + 4, node.lineno, node.col_offset + 4 + len(node.name))
        qualname = qualname.rpartition("<locals>.")[2]
        symbol = self.symbol(qualname)
        function = ir.Function(symbol, [], ir.NOTHING, span)
        info = FunctionInfo(node.name, qualname, node, namespace, path, parent, function, program)
        if program is not None:
            function.section, function.is_global, function.default = program.section, True, program.default
        if parent is not None:
            function.noinline = True
        self.queue.append(info)
        signature.declare(self, info, name_span)
        return info

    # -- types

    def annotation(self, node: ast.expr, info: FunctionInfo) -> Any:
        """The vocabulary type that an annotation names; None (and a diagnostic) where it names none."""
        try:
            return self.storage(evaluate(node, info.namespace, info.path))
        except Bad:
            raise
        except Exception as error:  # whatever the annotation raises is the diagnostic
            self.diagnostics.add(Span.of(node, info.path), f"this is not a type: {error}")
            return None

    @staticmethod
    def storage(annotation: Any) -> Any:
        """``T | None`` and its like made one of ours. TypeError where it is not a type of a BPF program."""
        if annotation is None or annotation is python_types.NoneType:
            return python_types.NoneType
        if annotation is int:
            return int
        if isinstance(annotation, python_types.UnionType) or typing.get_origin(annotation) is typing.Union:
            inner = [arg for arg in typing.get_args(annotation) if arg is not python_types.NoneType]
            if len(inner) != 1 or len(typing.get_args(annotation)) != 2:
                raise TypeError("only T | None is a union of types")
            return Optional(Unit.storage(inner[0]))
        if typing.get_origin(annotation) is tuple:
            return annotation
        if isinstance(annotation, Optional):
            return Optional(Unit.storage(annotation.type))
        if isinstance(annotation, (KernelType, Ptr, ArrayType)):
            return annotation
        if isinstance(annotation, type) and issubclass(annotation, (FixedInt, bool, IntEnum, Record)):
            return annotation
        raise TypeError(f"{t.type_name(annotation)} is not a type of a BPF program")

    def value_type(self, storage: Any, span: Span = NOWHERE, space: str = "mem") -> t.ValueType:
        """What a value of that type is, when it is passed or read."""
        if storage is None or storage is python_types.NoneType:
            return t.NONE
        if storage is int:
            return t.PLAIN
        if storage is bool:
            return t.BOOL
        if isinstance(storage, Bits):
            return t.IntType(storage.base.bits, storage.base.signed)
        if isinstance(storage, ArrayType):
            return t.ArrayRef(storage, space)
        if isinstance(storage, Ptr):
            return self.pointer_type(storage.target)
        if isinstance(storage, KernelType):
            return self.kernel.pointer(self, storage.__name__, span)
        if typing.get_origin(storage) is tuple:
            self.error(span, "a tuple is what a function returns, and nothing else", "use a Struct")
        if isinstance(storage, Optional):
            inner = self.value_type(storage.type, span, space)
            if isinstance(inner, (t.RecordType, t.KernelPtr, t.ArrayRef, t.Address)):
                return t.OptionalType(inner)
            self.error(span, f"{inner.name} | None cannot be passed", "pass a flag beside it")
        if issubclass(storage, Record):
            return t.RecordType(storage, "ctx" if issubclass(storage, Context) else space)
        if issubclass(storage, IntEnum):
            return t.IntType(size_align(storage)[0] * 8, min(storage) < 0)
        return t.IntType(storage.bits, storage.signed)

    def pointer_type(self, target: Any) -> t.ValueType:
        """What a pointer to that is."""
        if isinstance(target, str):
            target = self.named_type(target)
        if isinstance(target, KernelType) and target.__name__ != "void":
            return self.kernel.pointer(self, target.__name__)
        if isinstance(target, type) and issubclass(target, Record):
            return t.RecordType(target, "ctx" if issubclass(target, Context) else "mem")
        if isinstance(target, ArrayType):
            return t.ArrayRef(target)
        return t.ADDRESS

    def named_type(self, name: str) -> Any:
        import btfkit.bpf as vocabulary  # noqa: PLC0415 (only where a name must be looked up)

        return self.namespace.get(name) or getattr(vocabulary, name, None) or KernelType(name)

    def result_type(self, storage: Any, span: Span) -> t.ValueType:
        """What a call gives: records by value, headers and pointers as they are."""
        if isinstance(storage, Optional):
            inner = self.result_type(storage.type, span)
            own = isinstance(inner, (t.RecordType, t.ArrayRef)) and inner.space == "own"
            return t.OptionalType(inner, own or isinstance(inner, (t.IntType, t.PlainType, t.BoolType)))
        if typing.get_origin(storage) is tuple:
            return t.TupleType(tuple(self.result_type(self.storage(a), span) for a in typing.get_args(storage)))
        if isinstance(storage, type) and issubclass(storage, Record) and not issubclass(storage, (Header, Context)):
            return t.RecordType(storage, "own")
        if isinstance(storage, ArrayType):
            return t.ArrayRef(storage, "own")
        return self.value_type(storage, span)

    # -- maps and variables

    def declared(self, name: str, namespace: dict[str, Any], span: Span) -> MapDecl | VariableDecl | None:
        """The map or variable that a global name stands for; None of a constant. What is wrong is said once."""
        if (id(namespace), name) in self.bad:
            raise Bad
        self.bad.add((id(namespace), name))
        found = self._declared(name, namespace, span)
        self.bad.discard((id(namespace), name))
        return found

    def _declared(self, name: str, namespace: dict[str, Any], span: Span) -> MapDecl | VariableDecl | None:
        annotations = namespace.get("__annotations__", {})
        value = namespace[name]
        if name not in annotations:
            return self.map_by_value(value, span) if isinstance(value, MapSpec) else None
        if id(value) in self.maps and isinstance(value, (MapSpec, dict)):
            return self.maps[id(value)]
        known = self.variables.get((id(namespace), name))
        if known is not None:
            return known
        annotation = annotations[name]
        if isinstance(annotation, str):
            try:
                annotation = eval(annotation, namespace)
            except Exception as error:  # whatever the annotation raises is the diagnostic
                self.error(span, f"this is not a type: {error}")
        if annotation is Final or typing.get_origin(annotation) is Final or isinstance(value, BpfProgram):
            return None
        origin = typing.get_origin(annotation) or annotation
        if origin is dict or (isinstance(origin, type) and issubclass(origin, MapSpec)):
            return self.declare_map(name, annotation, value, span)
        if annotation is int or not isinstance(annotation, (type, ArrayType)):
            return None
        try:
            storage = self.storage(annotation)
        except TypeError:
            return None
        return self._variable(name, storage, value, namespace, span)

    def _variable(self, name: str, storage: Any, value: Any, namespace: dict[str, Any], span: Span) -> VariableDecl:
        symbol = ir.Symbol(self.symbol(name), size_align(storage)[1])
        try:
            if isinstance(value, (list, tuple, bytes, str)) and isinstance(storage, ArrayType):
                value = ArrayValue(storage, value)
            pack(storage, value, self.byte_order)
        except (TypeError, ValueError) as error:
            self.error(span, f"variable '{name}': {error}")
        found = VariableDecl(name, storage, value, symbol, span=span)
        self.variables[id(namespace), name] = found
        return found

    def map_by_value(self, value: MapSpec | dict[Any, Any], span: Span) -> MapDecl:
        """A map that another module declares: found by its identity."""
        if id(value) not in self.maps:
            found = self._name_of(value)
            if found is None or not isinstance(self.declared(*found, span), MapDecl):
                self.error(
                    span,
                    "this map has no annotation that says its types",
                    f"write it as {_as_annotated('name', type(value))}",
                )
        return self.maps[id(value)]

    def declare_map(self, name: str, annotation: Any, value: Any, span: Span) -> MapDecl:
        """A map, by its annotation (``dict[K, V]``, ``LruHash[K, V]``) and what it was set to."""
        origin = typing.get_origin(annotation) or annotation
        spec = value
        if origin is dict:
            if value:
                self.error(span, f"map '{name}' must start empty: {{}}", "fill it after loading: bpf.maps.NAME[k] = v")
            spec = HashMap() if not isinstance(value, MapSpec) else value
            origin = type(spec)
        if not isinstance(spec, origin):
            self.error(span, f"map '{name}' is set to {value!r}", f"write {origin.__name__}(max_entries=...)")
        args = list(typing.get_args(annotation))
        wanted = origin.types
        if len(args) != len(wanted):
            said = ", ".join(wanted) or "nothing"
            self.error(
                span,
                f"map '{name}': {origin.__name__}[...] names {said}, not {len(args)} type{'s' * (len(args) != 1)}",
                f"write {_as_annotated(name, typing.get_origin(annotation) or annotation)}",
            )
        types = dict(zip(wanted, args, strict=True))
        inner = None
        for which, arg in types.items():
            inner_class: Any = typing.get_origin(arg)
            if inner_class is not None and issubclass(inner_class, (MapSpec, dict)):
                inner = self._inner_map(name, arg, inner_class, spec.inner, span)
                types[which] = None
                continue
            try:
                types[which] = self.storage(arg)
                size_align(types[which])
            except TypeError as error:
                self.error(span, f"map '{name}': the {which} type: {error}")
        wrong = misplaced(types.get("value"), origin.type)
        if wrong is not None:
            names = " and ".join(sorted(type_.name.lower() for type_ in HOLDERS[wrong]))
            self.error(
                span, f"map '{name}': a {origin.__name__} may not hold a {wrong.__name__}", f"maps of type {names} may"
            )
        key = types.get("key", self._index_key(origin))
        problem = capacity_problem(spec, key)
        if problem:
            self.error(span, f"map '{name}': {problem}")
        symbol = ir.Symbol(self.symbol(name))
        found = MapDecl(name, spec, key, types.get("value"), symbol, span, inner)
        self.maps[id(value)] = found
        for element in spec.values:
            if isinstance(element, (MapSpec, dict)):
                self.map_by_value(element, span)
            elif element is not None and not any(info.program is element for info in self.functions.values()):
                self.error(
                    span, f"map '{name}' cannot start with {element!r}", "values= are this module's programs or maps"
                )
        return found

    def _inner_map(self, name: str, annotation: Any, origin: type, given: MapSpec | None, span: Span) -> MapDecl:
        """What the maps in a map of maps are like: as a map that the program declares, or of its own."""
        if given is not None and self._name_of(given) is not None:
            return self.map_by_value(given, span)
        if given is None and issubclass(origin, MapSpec) and origin.types == ("value",):
            self.error(span, f"map '{name}': the size of its maps is not said", f"write inner={origin.__name__}(...)")
        spec = HashMap() if given is None else given
        found = self.declare_map(f"{name}.inner", annotation, spec, span)
        del self.maps[id(spec)]
        return found

    def _name_of(self, value: Any) -> tuple[str, dict[str, Any]] | None:
        """The name that a map is declared by, and where."""
        modules = (getattr(module, "__dict__", {}) for module in list(sys.modules.values()))
        for space in (self.namespace, *modules):
            for name in space.get("__annotations__", {}):
                if space.get(name) is value:
                    return name, space
        return None

    @staticmethod
    def _index_key(origin: type[MapSpec]) -> Any:
        from btfkit.bpf.ints import i32, u32  # noqa: PLC0415
        from btfkit.bpf.maps import CgroupStorage, InodeStorage, SkStorage, TaskStorage  # noqa: PLC0415
        from btfkit.format.maptype import INDEXED, MapType  # noqa: PLC0415

        if issubclass(origin, (CgroupStorage, InodeStorage, SkStorage, TaskStorage)):
            return i32
        return u32 if origin.type in INDEXED or origin.type == MapType.STACK_TRACE else None

    def static(self, name: str, annotation: Static, value: Any, info: FunctionInfo, span: Span) -> VariableDecl:
        """A variable that is local to a function, and keeps its value."""
        if name not in info.statics:
            storage = self.storage(annotation.type)
            try:
                pack(storage, value, self.byte_order)
            except (TypeError, ValueError) as error:
                self.error(span, f"'{name}': {error}")
            symbol = ir.Symbol(self.symbol(f"{info.qualname}.{name}"), size_align(storage)[1])
            info.statics[name] = VariableDecl(name, storage, value, symbol, info, span=span)
            info.function.noinline = True
        return info.statics[name]


def _as_annotated(name: str, given: type) -> str:
    """How a map of that class is declared."""
    if given is dict:
        return f"{name}: dict[K, V] = {{}}"
    cls = given if issubclass(given, MapSpec) else HashMap
    types = ", ".join(which[0].upper() for which in cls.types)
    return f"{name}: {cls.__name__}{f'[{types}]' * bool(types)} = {cls.__name__}(...)"


__all__ = ["Bad", "Unit"]
