"""Each kind of programs, loaded: what it may return, which fields it may read and write; and who may call which helper."""

from __future__ import annotations

import errno
import struct

import pytest
from tests.kernel.programs import EXIT, insn

from btfkit.bpf.helper_table import HELPERS
from btfkit.bpf.ints import ArrayType
from btfkit.bpf.kinds import KINDS, ProgramKind
from btfkit.bpf.records import size_align
from btfkit.errors import LoadError
from btfkit.load.linux import sys
from btfkit.load.linux.kernel import vmlinux_btf, vmlinux_id
from btfkit.load.linux.uapi import AttachType, ProgFlags, ProgType
from btfkit.load.sections import section_type
from btfkit.model import types as t

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

TARGETS = {
    "tp_btf": "sched_switch",
    "fentry": "bpf_fentry_test1",
    "fexit": "bpf_fentry_test1",
    "fsession": "bpf_fentry_test1",
    "fmod_ret": "bpf_modify_return_test",
    "lsm": "file_open",
    "lsm_cgroup": "socket_create",
    "iter": "task",
}
"""A name for the kinds that are loaded for one, without its prefix."""

SLEEPABLE_TARGETS = {"fentry": "__x64_sys_close", "fexit": "__x64_sys_close", "fmod_ret": "__x64_sys_close"}

REFUSED = {
    "fentry": {errno.EPERM},
    "fexit": {errno.EPERM},
    "fmod_ret": {errno.EPERM},
    "lsm": {errno.EPERM},
    "lsm_cgroup": {errno.EPERM},
    "fsession": {errno.EPERM, errno.EINVAL},  # since 7.0
    "lirc_mode2": {errno.EINVAL},  # CONFIG_BPF_LIRC_MODE2
    "freplace": {errno.EPERM, errno.EINVAL},  # without the program whose function it replaces
}
"""What a kernel may say to a kind altogether. EPERM: it lets nobody change its code (seen on a 6.18 guest)."""

LDX = {1: 0x71, 2: 0x69, 4: 0x61, 8: 0x79}
STX = {1: 0x73, 2: 0x6B, 4: 0x63, 8: 0x7B}


def load(kind: ProgramKind, code: bytes, *, sleepable: bool = False) -> None:
    """Load and close; LoadError."""
    section = section_type(kind.section.removesuffix("/{target}") + (".s" if sleepable else "")).type
    attach_type, target = section.attach_type, TARGETS.get(kind.name, "")
    btf_id: int | None = 0
    if kind.name == "struct_ops":
        btf_id, attach_type = struct_ops_member("tcp_congestion_ops", "ssthresh")
    elif section.target_prefix is not None:
        kinds = t.Typedef if attach_type == AttachType.TRACE_RAW_TP else t.Func
        target = SLEEPABLE_TARGETS.get(kind.name, target) if sleepable else target
        btf_id = vmlinux_id(section.target_prefix + target, kinds)
        assert btf_id is not None
    with sys.prog_load(
        section.prog_type, code, "GPL", expected_attach_type=attach_type, prog_flags=section.flags, attach_btf_id=btf_id
    ):
        pass


def struct_ops_member(name: str, member: str) -> tuple[int, int]:
    """(BTF id, index): where a struct_ops program belongs."""
    btf = vmlinux_btf()
    type_id = btf.find(name, t.Struct)
    found = btf[type_id]
    assert isinstance(found, t.Struct)
    return type_id, [btf_member.name for btf_member in found.members].index(member)


def returning(value: int) -> bytes:
    """r0 = value, 32 bits sign-extended; exit"""
    return insn(0xB7, 0, imm=value - (1 << 32) if value >> 31 > 0 else value) + EXIT


def accepts(kind: ProgramKind, code: bytes, *, sleepable: bool = False) -> bool:
    try:
        load(kind, code, sleepable=sleepable)
    except LoadError as error:
        assert error.errno in {errno.EINVAL, errno.EACCES}, error
        return False
    return True


def loadable(kind: ProgramKind, *, sleepable: bool = False) -> bool:
    """The kernel takes the kind, and the kind's default. False only for the reasons of `REFUSED`."""
    try:
        load(kind, returning(kind.default), sleepable=sleepable)
    except LoadError as error:
        assert error.errno in REFUSED.get(kind.name, ()), error
        return False
    return True


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_returns(kind: ProgramKind) -> None:
    if not loadable(kind):
        return
    tried = (-4096, -4095, -2, -1, 0, 1, 2, 3, 4, 7, 128, 129)
    lo, hi = kind.returns or (tried[0], tried[-1])
    assert [v for v in tried if accepts(kind, returning(v))] == [v for v in tried if lo <= v <= hi]


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.sleepable and name != "struct_ops"])
def test_sleepable(name: str) -> None:
    loadable(KINDS[name], sleepable=True)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.ctx is not None])
def test_fields(name: str) -> None:
    """Each field that is one number: the program reads it, and writes it."""
    kind = KINDS[name]
    if kind.args not in {"ctx", "pt_regs"} or not loadable(kind):
        return
    assert kind.ctx is not None
    fields = {}
    for field in kind.ctx.__layout__.fields.values():
        size = size_align(field.type.elem if isinstance(field.type, ArrayType) else field.type)[0]
        if size in LDX:
            fields[field.name] = size, field.off
    end = returning(kind.default)
    read = {f for f, (size, off) in fields.items() if accepts(kind, insn(LDX[size], 2, 1, off=off) + end)}
    zero = insn(0xB7, 2, imm=0)
    written = {off for size, off in fields.values() if accepts(kind, zero + insn(STX[size], 1, 2, off=off) + end)}
    writable = kind.ctx.writable if kind.writable is None else kind.writable
    assert fields.keys() - read == kind.hidden
    assert written == {fields[f][1] for f in writable}


CALLERS = (
    *((ProgType(number), 0) for number in (1, 2, 3, 5, 6, 7, 8, 13, 14, 16, 17, 21, 22, 31)),
    (ProgType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_CONNECT),
    (ProgType.CGROUP_SOCKOPT, AttachType.CGROUP_GETSOCKOPT),
    (ProgType.CGROUP_SYSCTL, AttachType.CGROUP_SYSCTL),
    (ProgType.SK_LOOKUP, AttachType.SK_LOOKUP),
    (ProgType.LWT_XMIT, 0),
    (ProgType.LWT_SEG6LOCAL, 0),
    (ProgType.TRACING, AttachType.TRACE_ITER),
)


def test_gpl_only() -> None:
    """Every helper, called by programs of many types without a licence: whether one of them is told that it needs one.

    The licence is the first thing that the verifier looks at where the type of the program may call the helper at all.
    """
    iterator = vmlinux_id("bpf_iter_task", t.Func) or 0
    needs_gpl: dict[str, bool] = {}
    for name, helper in HELPERS.items():
        for prog_type, attach_type in CALLERS:
            code = struct.pack("=BBhi", 0x85, 0, 0, helper.number) + EXIT
            flags = ProgFlags.SLEEPABLE if prog_type == ProgType.SYSCALL else 0
            btf_id = iterator if prog_type == ProgType.TRACING else 0
            log = ""
            try:
                sys.prog_load(
                    prog_type, code, "", expected_attach_type=attach_type, prog_flags=flags, attach_btf_id=btf_id
                ).close()
            except LoadError as error:
                log = error.log
                assert log, error
            if "cannot use helper" not in log and "unknown func" not in log and "invalid func" not in log:
                needs_gpl[name] = needs_gpl.get(name, False) or "cannot call GPL-restricted function" in log
    assert len(needs_gpl) > 180
    assert needs_gpl == {name: HELPERS[name].gpl_only for name in needs_gpl}
