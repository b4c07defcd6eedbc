"""Parameters of programs that attach to something in the kernel: by the names that it has there.

In: a program's parameters. Out: in its `FunctionInfo` the one argument that the kernel gives it, the context, and a
prologue that sets the parameters from it. Which names there are, and where they lie, the kernel's BTF tells:

raw_args    the context is an array of u64: a function's, hook's or tracepoint's arguments, then what it returned
pt_regs     registers: a function's first arguments, or (``ret``) what it returned
tracepoint  a record, ``struct trace_event_raw_NAME``
iter        a record, ``struct bpf_iter__NAME``

A parameter ``ctx`` is the context itself. Source: tools/lib/bpf/bpf_tracing.h; btf_ctx_access in kernel/bpf/btf.c.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from typing import Any

from btfkit.bpf.contexts import REGISTERS, bpf_raw_tracepoint_args
from btfkit.bpf.records import Context, Ptr, size_align
from btfkit.bpf.words import KernelType, Optional
from btfkit.frontend.diagnostics import Bad
from btfkit.frontend.python import ir, kernel, ops
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import FunctionInfo, Param
from btfkit.frontend.python.unit import Unit
from btfkit.frontend.span import Span
from btfkit.model import types as m

RETURNED = "ret"
WORD = 8
"""Bytes of an argument's slot."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a parameter can be: a value in a slot of the context. slot: which; type_id: as the BTF has it, 0 for any."""

    slot: int
    type_id: int = 0


@dataclass(slots=True)
class Source:
    """What the kernel gives a program. by_name: its arguments; where these have no names, in_order.

    what: how messages name it. trusted: pointers are such that the verifier knows them.
    """

    what: str
    by_name: dict[str, Given]
    in_order: list[Given]
    trusted: bool = False


def bind_context(unit: Unit, info: FunctionInfo, params: list[ast.arg]) -> None:
    """Fill in the program's parameters, context and prologue."""
    binding = _Binding(unit, info)
    try:
        binding.bind(params)
    except Bad:
        info.bad.update(arg.arg for arg in params)


class _Binding:
    def __init__(self, unit: Unit, info: FunctionInfo) -> None:
        assert info.program is not None
        self.unit = unit
        self.info = info
        self.kind = info.program.kind
        self.section, _, self.target = info.program.section.partition("/")
        self.section = self.section.removesuffix(".s")
        self.span = Span.of(info.node, info.path)._replace(end_line=info.node.lineno)
        self.base = ir.Get(ir.POINTER, ir.Local("ctx", ir.POINTER))
        self.regs: ir.Local | None = None
        self.source: Source | None = None

    def bind(self, params: list[ast.arg]) -> None:
        local = self.base.local
        self.info.context = Param("ctx", None, t.ADDRESS, local)
        self.info.function.params.append(local)
        annotated = [
            (arg, self.unit.annotation(arg.annotation, self.info) if arg.annotation is not None else None)
            for arg in params
        ]
        record = self.kind.args in ("tracepoint", "iter")
        named = next((a for _, a in annotated if _is_record(a)), None)
        type_, storage = self._record(named) if record else self._plain_context()
        self.info.context = Param("ctx", storage, type_, local)
        ordinal = 0
        for arg, annotation in annotated:
            try:
                if self._is_context(arg, annotation):
                    self._context_param(arg, annotation)
                elif record:
                    self._record_field(arg, annotation)
                else:
                    self.source = self.source or self._source()
                    self._argument(arg, annotation, self.source, ordinal)
                    ordinal += 1
            except Bad:
                self.info.bad.add(arg.arg)

    # -- the context itself

    def _plain_context(self) -> tuple[t.ValueType, Any]:
        cls: type[Context] = bpf_raw_tracepoint_args
        if self.kind.args == "pt_regs":
            cls = REGISTERS[self.unit.arch].context
        return t.RecordType(cls, "ctx"), cls

    def _record(self, named: KernelType | None) -> tuple[t.ValueType, Any]:
        """A ``struct trace_event_raw_NAME`` or ``bpf_iter__NAME``; named: what the user says that it is."""
        types, name, prefix = self.unit.kernel, self.target.rpartition("/")[2], "bpf_iter__"
        if self.kind.args == "tracepoint":
            prefix = "trace_event_raw_"
            if self.target.startswith("syscalls/"):
                name = "_".join(name.split("_")[:2])
        struct = named.__name__ if named is not None else prefix + name
        type_id = types.composite(self.unit, struct, self.span)
        if type_id is not None:
            space = "iter" if self.kind.args == "iter" else "ctx"
            return t.KernelPtr(type_id, struct, False, space), KernelType(struct)
        reason = f"the kernel's BTF has no struct {struct}, the record of '{self.target}'"
        shared = sorted(n for n in types.btf(self.unit, self.span).names() if n.startswith(struct))
        if shared and self.kind.args == "tracepoint":  # one for all tracepoints of a class
            self.unit.error(self.span, reason, f"say which it is: ctx: kernel.{' or kernel.'.join(shared[:3])}")
        types.missing(self.unit, self.span, reason, name, (m.Struct,), prefix)

    def _is_context(self, arg: ast.arg, annotation: Any) -> bool:
        if isinstance(annotation, type):
            return issubclass(annotation, Context)
        if annotation is None and arg.arg == "ctx":
            return self.kind.args != "raw_args" or not self.target or "ctx" not in self._names()
        return _is_record(annotation) and self.kind.args in ("tracepoint", "iter")

    def _names(self) -> dict[str, Given]:
        self.source = self.source or self._source()
        return self.source.by_name

    def _context_param(self, arg: ast.arg, annotation: Any) -> None:
        type_, storage = self.info.context.type, self.info.context.storage
        if isinstance(annotation, type):
            type_, storage = t.RecordType(annotation, "ctx"), annotation
        self.info.params.append(Param(arg.arg, storage, type_, self.base.local))

    # -- a record's fields

    def _record_field(self, arg: ast.arg, annotation: Any) -> None:
        from btfkit.frontend.python.body import Body  # noqa: PLC0415 (a cycle by nature)

        body = Body(self.unit, self.info)
        value = kernel.field(body, t.Value(self.info.context.type, self.base), arg.arg, arg)
        if annotation is not None:
            self._check(arg, annotation, value.type)
        self.info.prologue.extend(body.out)
        if isinstance(value.type, t.ArrayRef):
            assert isinstance(value.expr, ir.LocalAddr)
            local = value.expr.local
            local.name, local.is_temp = arg.arg, False
            self.info.params.append(Param(arg.arg, value.type.type, value.type, local))
            return
        local = ir.Local(arg.arg, value.type.ir)
        self.info.prologue.append(ir.Set(local, value.ir))
        self.info.params.append(Param(arg.arg, annotation or _storage(value.type), value.type, local))

    # -- arguments

    def _argument(self, arg: ast.arg, annotation: Any, source: Source, ordinal: int) -> None:
        given = source.by_name.get(arg.arg)
        if given is None and not source.by_name and ordinal < len(source.in_order):
            given = source.in_order[ordinal]
        if given is None:
            names = list(source.by_name)
            near = difflib.get_close_matches(arg.arg, names, n=2)
            has = f"it has {', '.join(names)}" if names else f"it has {len(source.in_order)}"
            self._note(
                arg,
                f"{source.what} has no argument '{arg.arg}'",
                f"did you mean {' or '.join(near)}? {has}" if near else has,
            )
            raise Bad
        type_ = self._type_of(arg, annotation, source, given)
        local = ir.Local(arg.arg, type_.ir)
        self.info.prologue.append(ir.Set(local, self._value(given, type_)))
        self.info.params.append(Param(arg.arg, annotation or _storage(type_), type_, local))

    def _type_of(self, arg: ast.arg, annotation: Any, source: Source, given: Given) -> t.ValueType:
        type_ = self.unit.kernel.value_type(given.type_id, source.trusted) if given.type_id else None
        if given.type_id and (type_ is None or self._is_by_value(given.type_id)):
            what = "a struct passed by value" if type_ is not None else "of a type that cannot be used here"
            self._note(arg, f"'{arg.arg}' is {what}", "take ctx, and read its slots")
            raise Bad
        if annotation is not None:
            return self._check(arg, annotation, type_, source.trusted)
        if type_ is None:
            self._note(arg, f"parameter '{arg.arg}' has no type", f"write {arg.arg}: u64, or what it is")
            raise Bad
        return type_

    def _check(self, arg: ast.arg, annotation: Any, known: t.ValueType | None, trusted: bool = False) -> t.ValueType:
        """The type that the annotation says, which the kernel's must agree with, if that is known."""
        type_ = self.unit.value_type(annotation, Span.of(arg, self.info.path))
        inner = known.inner if isinstance(known, t.OptionalType) else known
        if isinstance(type_, t.KernelPtr):
            if isinstance(inner, t.KernelPtr) and inner.type_id == type_.type_id:
                return known or type_
            if known is None:
                return t.KernelPtr(type_.type_id, type_.type_name, trusted)
            if isinstance(known, t.Address):
                return type_
        numbers = (t.IntType, t.BoolType)
        if isinstance(type_, numbers) and (known is None or isinstance(known, (*numbers, t.Address))):
            return type_
        if known is not None and known == type_:
            return type_
        says = known.name if known is not None else "an integer or a kernel type"
        self._note(arg, f"'{arg.arg}' is {says} here, not {type_.name}")
        raise Bad

    def _value(self, given: Given, type_: t.ValueType) -> ir.Expr:
        """What is in a slot, as that type."""
        pointer = type_.ir == ir.POINTER
        as_type: ir.Type = ir.POINTER if pointer else ir.U64
        if self.kind.args == "raw_args":
            value: ir.Expr = ir.Load(as_type, self.base, given.slot * WORD, WORD, static=True)
        elif self.kind.name == "ksyscall":
            value = self._syscall_argument(given, as_type)
        else:
            value = ir.Load(as_type, self.base, self._register(given.slot), WORD, static=True)
        return value if pointer else ops.cast(ops.cast(value, ir.U64), type_.ir)

    def _register(self, slot: int, syscall: bool = False) -> int:
        """Where a register is in the context; slot -1: what was returned."""
        registers = REGISTERS[self.unit.arch]
        names = registers.syscall_args if syscall else registers.args
        name, _, index = (registers.returned if slot < 0 else names[slot]).partition("[")
        if name == "orig_x0":
            return size_align(registers.context)[0]
        return registers.context.__layout__.fields[name].off + (int(index[:-1]) * WORD if index else 0)

    def _syscall_argument(self, given: Given, type_: ir.Type) -> ir.Expr:
        """The function's one argument is the address of the caller's registers."""
        out = self.info.prologue
        if self.regs is None:
            self.regs = ir.Local("regs", ir.POINTER)
            out.append(ir.Set(self.regs, ir.Load(ir.POINTER, self.base, self._register(0), WORD, static=True)))
        at = ir.Offset(ir.POINTER, ir.Get(ir.POINTER, self.regs), self._register(given.slot, syscall=True))
        copy = ir.LocalAddr(ir.POINTER, ir.Local("arg", ir.POINTER, WORD, is_temp=True))
        call = ir.HelperCall(ir.I64, kernel.PROBE_READ_KERNEL, [copy, ir.Const(ir.U32, WORD), at])
        out.append(ir.Eval(call))
        return ir.Load(type_, copy, 0, WORD)

    # -- what there is

    def _source(self) -> Source:
        if self.kind.args == "pt_regs":
            return self._registers()
        what, target = f"{self.kind.name} '{self.target}'", self.target.rpartition(":")[2]
        match self.section:
            case "raw_tracepoint" | "raw_tp" | "tp_btf" | "raw_tracepoint.w" | "raw_tp.w":
                trusted = self.section == "tp_btf"
                if not target:
                    return Source(what, {}, [Given(i) for i in range(12)])
                return self._slots(what, self._tracepoint(target), 1, "", trusted)
            case "lsm" | "lsm_cgroup":
                return self._slots(what, self._function(target, "LSM hook", "bpf_lsm_"), 0, "", True)
            case "struct_ops":
                return self._struct_ops(target)
        returned = RETURNED if self.section != "fentry" else ""
        return self._slots(what, self._function(target, "function"), 0, returned, True)

    def _tracepoint(self, name: str) -> m.FuncProto:
        """Its arguments' names are with the functions that the kernel makes for it."""
        for prefix in ("__probestub_", "__traceiter_", "__bpf_trace_"):
            found = self.unit.kernel.func(self.unit, prefix + name, self.span)
            if found is not None and all(param.name for param in found[1].params):
                return found[1]
        btf = self.unit.kernel.btf(self.unit, self.span)
        for type_id in btf.find_all(f"btf_trace_{name}", m.Typedef):
            proto = btf.func_proto(type_id)
            if proto is not None:
                return proto
        self.unit.kernel.missing(
            self.unit, self.span, f"the kernel's BTF has no tracepoint '{name}'", name, (m.Typedef,), "btf_trace_"
        )

    def _function(self, name: str, what: str, prefix: str = "") -> m.FuncProto:
        found = self.unit.kernel.func(self.unit, prefix + name, self.span)
        if found is None:
            reason = f"the kernel's BTF has no {what} '{name}'"
            self.unit.kernel.missing(self.unit, self.span, reason, name, (m.Func,), prefix)
        return found[1]

    def _struct_ops(self, target: str) -> Source:
        """``struct_ops("tcp_congestion_ops.ssthresh")``; without the struct, types are as annotated."""
        struct, _, member = target.replace("/", ".").rpartition(".")
        if not struct:
            return Source("this operation", {}, [Given(i) for i in range(12)], trusted=True)
        pointer = self.unit.kernel.pointer(self.unit, struct, self.span)
        found = self.unit.kernel.field(pointer.type_id, member)
        proto = self.unit.kernel.opened.func_proto(found.type_id) if found is not None else None
        if proto is None:
            self.unit.error(self.span, f"{pointer.name} has no operation '{member}'")
        return self._slots(f"{struct}.{member}", proto, 0, "", True)

    def _slots(self, what: str, proto: m.FuncProto, first: int, returned: str, trusted: bool) -> Source:
        """The arguments from ``first`` on; a struct by value takes as many slots as it needs."""
        source, slot = Source(what, {}, [], trusted), 0
        named = all(param.name for param in proto.params[first:])
        for param in proto.params[first:]:
            given = Given(slot, param.type_id)
            source.in_order.append(given)
            if named:
                source.by_name[param.name] = given
            slot += max(1, -(-self.unit.kernel.size(param.type_id) // WORD))
        if returned and proto.return_type:
            source.by_name.setdefault(returned, Given(slot, proto.return_type))
        return source

    def _registers(self) -> Source:
        """A function's arguments as the calling convention has them."""
        unit, target = self.unit, self.target.partition("+")[0]
        returns = "ret" in self.kind.name
        is_user = self.kind.name.startswith(("uprobe", "uretprobe", "usdt"))
        what = f"{self.kind.name} '{self.target}'" if self.target else self.kind.name
        if self.kind.name == "usdt":
            unit.error(self.span, "a usdt probe's arguments are not known here", "take ctx, the registers")
        proto: m.FuncProto | None = None
        if self.kind.name in ("ksyscall", "kretsyscall"):
            for prefix in ("__do_sys_", "__se_sys_"):
                found = unit.kernel.func(unit, prefix + target, self.span) if proto is None else None
                proto = found[1] if found is not None else proto
        elif target and not is_user and not any(c in target for c in "*?:"):
            proto = self._function(target, "function")
        if returns:
            type_id = proto.return_type if proto is not None else 0
            return Source(what, {RETURNED: Given(-1, type_id)}, [])
        count = len(REGISTERS[unit.arch].args)
        if proto is None:
            return Source(what, {}, [Given(i) for i in range(count)])
        source = self._slots(what, proto, 0, "", False)
        source.by_name = {name: given for name, given in source.by_name.items() if given.slot < count}
        return source

    # -- small

    def _is_by_value(self, type_id: int) -> bool:
        return isinstance(self.unit.kernel.opened.resolved(type_id), (m.Struct, m.Union))

    def _note(self, arg: ast.arg, reason: str, hint: str = "") -> None:
        self.unit.diagnostics.add(Span.of(arg, self.info.path), reason, hint)


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, KernelType) and annotation.__name__.startswith(("trace_event_raw_", "bpf_iter__"))


def _storage(type_: t.ValueType) -> Any:
    """How a user would write the type."""
    match type_:
        case t.IntType():
            return t.vocabulary_type(type_.shape)
        case t.BoolType():
            return bool
        case t.KernelPtr(type_name=name):
            return KernelType(name)
        case t.OptionalType(inner=inner):
            return Optional(_storage(inner))
    return Ptr("void")


__all__ = ["bind_context"]
