"""Carry a plan out on the running kernel: BTF, maps, programs.

In: an object in instance form, or its plan. Out: a `LoadedObject`; or LoadError (errno, the verifier's last words, its
log and source line), and then nothing is left open or pinned. Source: docs/format.md, section 7.
"""

from __future__ import annotations

import errno
import struct
import sys as python_sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from btfkit.codec import encode_btf
from btfkit.convert.lower import Lowered, lower
from btfkit.errors import AmbiguousTypeError, LoadError, TypeNotFoundError
from btfkit.format.btf import Form
from btfkit.format.ext import LINE_COL_MASK, LINE_NUM_SHIFT
from btfkit.load.maps import MapTypes, typed_map
from btfkit.load.plan import LoadPlan, ProgramPlan, make_plan
from btfkit.model.btf import Btf
from btfkit.object import BpfObject

from .create import MapMaker
from .fd import Fd
from .loaded import LoadedObject, LoadedProgram, Table, Variable, names_of, var_codec
from .lower import fit_kernel
from .probe import features
from .raw import attr, bpf
from .resolve import Resolver
from .store import KernelMap
from .struct_ops import make as make_struct_ops
from .struct_ops import operation
from .sys import btf_load, prog_load
from .uapi import BpfCmd, MapType

__all__ = ["PIN_ROOT", "load"]

PIN_ROOT = "/sys/fs/bpf"


def load(
    what: BpfObject | LoadPlan,
    *,
    programs: Iterable[str] | None = None,
    variables: Mapping[str, Any] | None = None,
    types: Mapping[str, str] | None = None,
    btf: Btf | None = None,
    pin_root: str = PIN_ROOT,
    skip_unknown: bool = False,
    log_level: int = 0,
) -> LoadedObject:
    """Create the maps and load the programs.

    programs:     names of those to load; by default all, but for sections with a ``?`` in front
    variables:    values for variables to start with, constants among them
    types, btf:   as for `make_plan`
    pin_root:     where maps with ``pinning`` 1 are looked for and pinned
    skip_unknown: leave out programs whose section names no type
    log_level:    1 or 2: keep the verifier's log of programs that load (``program.log``)
    """
    plan = what if isinstance(what, LoadPlan) else make_plan(what, types=types)
    plan = plan if btf is None else replace(plan, target=btf)
    if plan.byte_order != python_sys.byteorder:
        raise LoadError(
            f"is {plan.byte_order} endian, this machine is {python_sys.byteorder} endian: convert it first",
            path=plan.path,
        )
    try:
        chosen = _chosen(plan, programs, skip_unknown=skip_unknown)
        with ExitStack() as stack, ExitStack() as undo:
            loaded = _Loader(plan, stack, pin_root, log_level).load(chosen, variables or {}, undo)
            undo.pop_all()
            loaded._stack = stack.pop_all()
            return loaded
    except LoadError as error:
        raise error.at(path=plan.path) from None


def _chosen(plan: LoadPlan, names: Iterable[str] | None, *, skip_unknown: bool) -> list[ProgramPlan]:
    if names is None:
        chosen = [p for p in plan.programs if p.autoload and not (skip_unknown and p.prog_type is None)]
    else:
        table = Table("program", ((plan.names(p), p) for p in plan.programs))
        wanted = {id(table[name]) for name in ([names] if isinstance(names, str) else names)}
        chosen = [p for p in plan.programs if id(p) in wanted]
    for program in chosen:
        if program.problems:
            more = f" (and {len(program.problems) - 1} more)" if len(program.problems) > 1 else ""
            raise LoadError(program.problems[0] + more, thing=f"program '{program.name}'")
    return chosen


class _Loader:
    def __init__(self, plan: LoadPlan, stack: ExitStack, pin_root: str, log_level: int) -> None:
        self.plan = replace(plan, maps=[replace(map_) for map_ in plan.maps])  # their data may be given other values
        self.stack = stack
        self.pin_root = pin_root
        self.log_level = log_level
        self.warnings = list(plan.warnings)
        self.lowered = Lowered(plan.btf)
        self.btf_fd: Fd | None = None
        self.refusals: list[str] = []

    def load(self, chosen: list[ProgramPlan], variables: Mapping[str, Any], undo: ExitStack) -> LoadedObject:
        plan, stack = self.plan, self.stack
        data = _with_values(plan, variables)
        for index, bytes_ in data.items():
            plan.maps[index].data = bytes_
        self._load_btf()
        maker = MapMaker(plan, self.lowered, self.btf_fd, stack, self.warnings, self.pin_root)
        maker.make_all(undo)
        self.refusals += maker.refusals
        resolver = Resolver(plan, maker.fds, {r.name for p in chosen for r in p.relocs})
        loaded = [self._load_program(p, resolver) for p in chosen]
        by_name = {program.name: program for program in loaded}
        self._bind_constants(loaded, maker.fds)
        for index, map_ in enumerate(plan.maps):
            if map_.type == MapType.PROG_ARRAY and index not in maker.reused:
                for initial in map_.values:
                    program = by_name.get(initial.program)
                    if program is not None:
                        maker.put_handle(index, initial.element, program._fd)
        structs = []
        for ops in plan.struct_ops:
            structs.append(make_struct_ops(ops, self.btf_fd, by_name))
            stack.callback(structs[-1].close)
        stores = [KernelMap(fd, map_.name, frozen=map_.frozen) for fd, map_ in zip(maker.fds, plan.maps, strict=True)]
        types = [self._map_types(index) for index in range(len(plan.maps))]
        return LoadedObject(
            plan,
            stack,
            programs=loaded,
            maps=[typed_map(store, types_) for store, types_ in zip(stores, types, strict=True)],
            variables=[Variable(var, plan.btf, stores[var.map]) for var in plan.variables],
            struct_ops=structs,
            warnings=self.warnings,
            btf_fd=self.btf_fd,
        )

    def _map_types(self, index: int) -> MapTypes:
        """Of a data map, its DATASEC (which only the lowered BTF has)."""
        map_, order = self.plan.maps[index], self.plan.byte_order
        if map_.is_data:
            datasec = self.lowered.datasecs.get(map_.section if map_.section is not None else map_.name, 0)
            return MapTypes(self.lowered.btf, 0, datasec, order)
        return MapTypes(self.plan.btf, map_.key_type_id, map_.value_type_id, order)

    def _bind_constants(self, programs: list[LoadedProgram], fds: list[Fd]) -> None:
        """Tie constants to all programs, used or not, as libbpf does (kernel 5.10): they say things about a program."""
        for map_, fd in zip(self.plan.maps, fds, strict=True):
            if map_.frozen and not map_.externs:
                for program in programs:
                    bpf(BpfCmd.PROG_BIND_MAP, attr("3I", program.fd, fd.fileno(), 0))

    # -- BTF -----------------------------------------------------------------------------------------------------

    def _load_btf(self) -> None:
        """Lower the types and load them; where the kernel refuses, go on without, with a warning."""
        plan = self.plan
        if not len(plan.btf):
            return
        self.lowered = lower(plan.source)
        self.warnings += [f"BTF: {loss}" for loss in self.lowered.losses]
        if not features().btf:
            self.warnings.append("BTF: this kernel takes none")
            return
        fitted = fit_kernel(self.lowered.btf, features())
        self.warnings += [f"BTF: {loss}" for loss in fitted.lost]
        for program in plan.programs:
            for line in program.line_info:
                fitted.btf.strings.add(line.file_name)
                fitted.btf.strings.add(line.line)
        blob = encode_btf(fitted.btf, form=Form.CLASSIC)
        self.strings = fitted.btf.strings
        try:
            self.btf_fd = self.stack.enter_context(btf_load(blob))
        except LoadError as error:
            if error.errno == errno.EPERM:
                raise
            self.refusals.append(f"the kernel refuses its BTF, so it is left out: {error.reason}")
            self.warnings += self.refusals

    # -- programs --------------------------------------------------------------------------------------------------

    def _load_program(self, program: ProgramPlan, resolver: Resolver) -> LoadedProgram:
        assert program.prog_type is not None
        thing = f"program '{program.name}'"
        logs: list[str] = []
        try:
            code = resolver.code(program)
            attach, attach_type = resolver.attach_btf_id(program), program.expected_attach_type
            if program.operation is not None:
                attach, attach_type = operation(*program.operation)
            func_info, line_info = self._info(program)
            fd = prog_load(
                program.prog_type,
                code,
                self.plan.license,
                name=program.name if features().prog_name else "",
                expected_attach_type=attach_type,
                prog_flags=int(program.flags),
                kern_version=self.plan.kern_version or resolver.kernel_version,
                btf_fd=self.btf_fd if self.btf_fd is not None and (func_info or line_info) else 0,
                func_info=func_info,
                line_info=line_info,
                attach_btf_id=attach,
                log_level=self.log_level,
                on_log=logs.append,
            )
        except LoadError as error:
            error.thing = thing
            resolver.explain(program, error)
            error.source = _with_file(error.source, program)
            error.reason += "".join(f" ({refusal})" for refusal in self.refusals)
            raise
        return LoadedProgram(program, self.plan.btf, self.stack.enter_context(fd), logs[0] if logs else "")

    def _info(self, program: ProgramPlan) -> tuple[bytes, bytes]:
        """func_info and line_info as the kernel wants them: slots, FUNCs, string offsets."""
        if self.btf_fd is None or not features().func_info:
            return b"", b""
        ids = self.lowered.func_ids
        func_info = b""
        if all(inst_id in ids for _, inst_id in program.func_info):
            func_info = b"".join(struct.pack("=2I", idx, ids[inst_id]) for idx, inst_id in program.func_info)
        told = {record.insn_idx for record in program.line_info}
        if not features().line_info or not all(function.insn_idx in told for function in program.functions):
            return func_info, b""
        add = self.strings.add
        lines = (
            struct.pack(
                "=4I",
                r.insn_idx,
                add(r.file_name),
                add(r.line),
                r.line_num << LINE_NUM_SHIFT | r.line_col & LINE_COL_MASK,
            )
            for r in program.line_info
        )
        return func_info, b"".join(lines)


def _with_file(source: str | None, program: ProgramPlan) -> str | None:
    """The verifier's source line with its file and number, which kernels before 6.9 do not tell."""
    if source is None or any(source.startswith(f"{r.file_name.rpartition('/')[2]}:") for r in program.line_info):
        return source
    for record in program.line_info:
        if record.line.strip() == source:
            return f"{record.file_name.rpartition('/')[2]}:{record.line_num}: {source}"
    return source


def _with_values(plan: LoadPlan, values: Mapping[str, Any]) -> dict[int, bytes]:
    """The data of the maps whose variables are given a value to start with."""
    out: dict[int, bytearray] = {}
    table = Table("variable", ((names_of(v), v) for v in plan.variables))
    for name, value in values.items():
        try:
            var = table[name]
        except (TypeNotFoundError, AmbiguousTypeError) as error:
            raise error.at(path=plan.path) from None
        map_ = plan.maps[var.map]
        if map_.externs:
            raise LoadError("is the kernel's, and cannot be set", thing=f"variable '{name}'")
        data = out.setdefault(var.map, bytearray((map_.data or b"").ljust(map_.value_size, b"\0")))
        packed = var_codec(var, plan.btf).pack(value, field=name)
        data[var.off : var.off + len(packed)] = packed
    return {index: bytes(data) for index, data in out.items()}
