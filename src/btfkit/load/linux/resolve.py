"""The placeholders in a program's code, filled with what the running kernel says.

In: a `ProgramPlan` and the descriptors of the plan's maps. Out: instructions for BPF_PROG_LOAD. LoadError names what
the kernel does not have; but what a CO-RE relocation does not find, only if the verifier comes to need it.
"""

from __future__ import annotations

import errno
import re
from functools import cached_property

from btfkit.errors import LoadError
from btfkit.format.insn import INSN_SIZE, PSEUDO_BTF_ID, patch_insn
from btfkit.load.core import BAD_RELO, CoreResolver, Targets, patch, relo_words
from btfkit.load.plan import CoreAt, LoadPlan, ProgramPlan, Reloc, RelocKind
from btfkit.model import types as t

from .fd import Fd
from .kernel import kallsyms, kernel_version, module_btfs, vmlinux_btf, vmlinux_id
from .uapi import AttachType, ProgType

__all__ = ["Resolver"]

POISON_KFUNC = 2002000000
"""libbpf's number of a helper that does not exist, called where a weak kfunc is missing."""


class Resolver:
    """names: of everything that any of the programs refers to (so that the kernel's symbols are read once)."""

    def __init__(self, plan: LoadPlan, map_fds: list[Fd], names: set[str]) -> None:
        self.plan = plan
        self.map_fds = map_fds
        self.names = names

    @cached_property
    def kernel_version(self) -> int:
        return kernel_version()

    @cached_property
    def addresses(self) -> dict[str, int]:
        return kallsyms(self.names)

    def code(self, program: ProgramPlan) -> bytes:
        """The program's instructions without placeholders."""
        out = bytearray(program.insns)
        for reloc in program.relocs:
            self._fill(out, reloc)
        for core in program.core:
            self._relocate(out, core)
        return bytes(out)

    @cached_property
    def core(self) -> CoreResolver:
        relos = [core.relo for program in self.plan.programs for core in program.core]
        if self.plan.target is not None:
            return CoreResolver(self.plan.btf, Targets(self.plan.target, name="the given BTF"), relos)
        return CoreResolver(self.plan.btf, Targets(vmlinux_btf(), module_btfs), relos)

    def _relocate(self, out: bytearray, core: CoreAt) -> None:
        found = self.core.resolve(core.relo)
        try:
            patch(out, core.insn_idx * INSN_SIZE, self.plan.byte_order, found)
        except LoadError as error:
            what = f"CO-RE relocation ({relo_words(self.plan.btf, core.relo)}) at insn {core.insn_idx}"
            raise LoadError(f"{what}: {error.reason}", errno=error.errno) from None

    def explain(self, program: ProgramPlan, error: LoadError) -> None:
        """Put what is missing in place of the verifier's words where it came upon a relocation that found nothing."""
        stops = re.findall(rf"(\d+): \(85\) call unknown#{BAD_RELO}", error.log)
        if str(BAD_RELO) in error.reason and stops:
            for core in program.core:
                if core.insn_idx == int(stops[-1]):
                    found = self.core.resolve(core.relo)
                    error.reason = f"{found.lack or found.bad_size} (CO-RE, insn {core.insn_idx})"

    def _fill(self, out: bytearray, reloc: Reloc) -> None:
        order, pos = self.plan.byte_order, reloc.insn_idx * INSN_SIZE
        match reloc.kind:
            case RelocKind.MAP_FD | RelocKind.MAP_VALUE:
                patch_insn(out, pos, order, imm=self.map_fds[reloc.map].fileno())
            case RelocKind.KFUNC:
                func_id = vmlinux_id(reloc.name, t.Func)
                if func_id is not None:
                    patch_insn(out, pos, order, imm=func_id)
                elif reloc.weak:
                    patch_insn(out, pos, order, src=0, imm=POISON_KFUNC)
                else:
                    raise LoadError(
                        f"needs the function '{reloc.name}', which neither this object nor the kernel defines",
                        errno=errno.ENOENT,
                    )
            case RelocKind.KSYM:
                self._ksym(out, pos, reloc)

    def _ksym(self, out: bytearray, pos: int, reloc: Reloc) -> None:
        order = self.plan.byte_order
        if reloc.typed:
            type_id = vmlinux_id(reloc.name, t.Var, t.Func)
            if type_id is not None:
                patch_insn(out, pos, order, src=PSEUDO_BTF_ID, imm=type_id)
                return
        elif reloc.name in self.addresses:
            address = self.addresses[reloc.name]
            patch_insn(out, pos, order, imm=_signed(address))
            patch_insn(out, pos + INSN_SIZE, order, imm=_signed(address >> 32))
            return
        if not reloc.weak:
            where = "the kernel's BTF" if reloc.typed else "/proc/kallsyms"
            raise LoadError(f"needs the kernel's symbol '{reloc.name}', which is not in {where}", errno=errno.ENOENT)

    def attach_btf_id(self, program: ProgramPlan) -> int:
        """The id in the kernel's BTF of what the program is to be attached to; 0 for types that need none."""
        if program.prog_type == ProgType.EXT:
            raise LoadError("replaces a function of another program, and there is no way yet to say which")
        if program.target_prefix is None:
            return 0
        if not program.target:
            raise LoadError(f"section '{program.section}' does not say what it attaches to ({program.section}/NAME)")
        name = program.target_prefix + program.target
        kinds = (t.Typedef,) if program.expected_attach_type == AttachType.TRACE_RAW_TP else (t.Func,)
        found = vmlinux_id(name, *kinds)
        if found is None:
            near = sorted(other for other in vmlinux_btf().names() if other.startswith(name[:-1]))[:3]
            hint = f" (near: {', '.join(near)})" if near and program.target[1:] else ""
            raise LoadError(f"needs '{name}', which the kernel's BTF does not have{hint}", errno=errno.ESRCH)
        return found


def _signed(number: int) -> int:
    number &= 0xFFFF_FFFF
    return number - (1 << 32) if number >> 31 else number
