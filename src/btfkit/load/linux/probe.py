"""What the running kernel can do, found out by trying.

What comes in: nothing but the kernel. What goes out: `Features`, each of them asked for once in a process, when first
wanted. Never guessed from a version: distributions backport. The BTF tried here is made by hand, so that a mistake in
btfkit's encoder cannot look like a lack of the kernel.
"""

from __future__ import annotations

import errno
import functools
import os
import struct
from collections.abc import Callable
from functools import cached_property

from btfkit.errors import LoadError

from .fd import Fd
from .raw import memlock_charged
from .sys_map import map_create
from .sys_prog import btf_load, prog_load
from .uapi import BPF_PSEUDO_MAP_VALUE, MapFlags, MapType, ProgType

__all__ = ["Features", "features"]

# Errors that tell nothing about the feature: they are raised, and the question stays open.
_NO_ANSWER = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN})


class Features:
    """One attribute a feature: a bool, True if the kernel took a small example of it.

    LoadError where no answer can be had, as without the capabilities that bpf(2) wants; see `refusal`.
    """

    @cached_property
    def refusal(self) -> str:
        """Why maps and programs cannot be made here, capabilities included; "" if they can."""
        try:
            map_create(MapType.ARRAY, 4, 4, 1).close()
            _prog().close()
        except LoadError as error:
            return str(error)
        return ""

    @property
    def permitted(self) -> bool:
        """Whether bpf(2) is there and lets us make maps and programs."""
        return not self.refusal

    # BTF, in the order in which the kernel learnt it

    @cached_property
    def btf(self) -> bool:
        """BPF_BTF_LOAD at all (4.18)."""
        return _takes_btf(_int(_INT))

    @cached_property
    def btf_func(self) -> bool:
        """FUNC, and FUNC_PROTO with named parameters (5.0)."""
        return _takes_btf(_int(_INT) + _func_proto(_PARAM) + _func(0))

    @cached_property
    def btf_datasec(self) -> bool:
        """VAR and DATASEC (5.2)."""
        return _takes_btf(_int(_INT) + _var() + _type(_DATASEC_NAME, 15, 1, 4) + struct.pack("=3I", 2, 0, 4))

    @cached_property
    def btf_func_global(self) -> bool:
        """FUNC with a linkage other than static (5.6)."""
        return _takes_btf(_int(_INT) + _func_proto(_PARAM) + _func(1))

    @cached_property
    def btf_float(self) -> bool:
        """FLOAT (5.13)."""
        return _takes_btf(_type(_INT, 16, 0, 4))

    @cached_property
    def btf_decl_tag(self) -> bool:
        """DECL_TAG (5.16)."""
        return _takes_btf(_int(_INT) + _var() + _type(_PARAM, 17, 0, 2) + struct.pack("=i", -1))

    @cached_property
    def btf_type_tag(self) -> bool:
        """TYPE_TAG (5.17)."""
        return _takes_btf(_int(_INT) + _type(_PARAM, 18, 0, 1) + _type(0, 2, 0, 2))

    @cached_property
    def btf_enum64(self) -> bool:
        """ENUM64, and the sign in an enum's kind flag (6.0)."""
        return _takes_btf(_type(0, 19, 1, 8, kind_flag=1) + struct.pack("=3I", _PARAM, 1, 0))

    @cached_property
    def btf_layout(self) -> bool:
        """The layout section, in a header of 32 bytes (after 6.18)."""
        types = _int(_INT)
        # kind: bytes after the common 12, bytes of each of vlen elements
        sizes = {1: (4, 0), 3: (12, 0), 4: (0, 12), 5: (0, 12), 6: (0, 8), 13: (0, 8), 14: (4, 0), 15: (0, 12)}
        sizes |= {17: (4, 0), 19: (0, 12)}
        layout = b"".join(struct.pack("=2BH", *sizes.get(kind, (0, 0)), 0) for kind in range(20))
        header = struct.pack(
            "=HBB7I",
            0xEB9F,
            1,
            0,
            32,
            0,
            len(types),
            len(types) + len(layout),
            len(_STRINGS),
            len(types),
            len(layout),
        )
        return _accepted(lambda: btf_load(header + types + layout + _STRINGS))

    @cached_property
    def btf_nameless_proto(self) -> bool:
        """FUNC_PROTO whose parameters have no name, with no FUNC on it: what a MAP kind can be lowered to (5.0)."""
        return _takes_btf(_int(_INT) + _func_proto(0))

    # programs and maps

    @cached_property
    def prog_name(self) -> bool:
        """Programs with a name (4.15)."""
        return _accepted(lambda: _prog(name="btfkit"))

    @cached_property
    def map_name(self) -> bool:
        """Maps with a name (4.15)."""
        return _accepted(lambda: map_create(MapType.ARRAY, 4, 4, 1, name="btfkit"))

    @cached_property
    def dotted_name(self) -> bool:
        """Names with a dot, as ``prog.data`` (5.2)."""
        return _accepted(lambda: map_create(MapType.ARRAY, 4, 4, 1, name="btfkit.data"))

    @cached_property
    def array_mmap(self) -> bool:
        """Array maps that can be mapped into memory: BPF_F_MMAPABLE (5.5)."""
        return _accepted(lambda: map_create(MapType.ARRAY, 4, 4, 1, flags=MapFlags.MMAPABLE))

    @cached_property
    def global_data(self) -> bool:
        """Addresses inside a map's value: BPF_PSEUDO_MAP_VALUE (5.2)."""
        with map_create(MapType.ARRAY, 4, 32, 1) as data:
            insns = _insn(0x18, 1, BPF_PSEUDO_MAP_VALUE, 0, data.fileno()) + _insn(0, 0, 0, 0, 16) + _RETURN_0
            return _accepted(lambda: _prog(insns))

    @cached_property
    def func_info(self) -> bool:
        """Programs with func_info, for functions and those they call (5.0)."""
        if not self.btf_func:
            return False
        # r0 = call +1; exit; r0 = 0; exit: two functions of one FUNC_PROTO
        insns = _insn(0x85, 0, 1, 0, 1) + _insn(0x95, 0, 0, 0, 0) + _RETURN_0
        records = struct.pack("=4I", 0, 3, 2, 3)
        types = _int(_INT) + _type(0, 13, 0, 1) + _func(0)
        with btf_load(_blob(types)) as btf:
            return _accepted(lambda: _prog(insns, btf_fd=btf, func_info=records))

    @cached_property
    def line_info(self) -> bool:
        """Programs with line_info, which the verifier's log then shows (5.0)."""
        if not self.func_info:
            return False
        records = struct.pack("=4I", 0, _PARAM, _PARAM, 1 << 10 | 1)
        types = _int(_INT) + _type(0, 13, 0, 1) + _func(0)
        func = struct.pack("=2I", 0, 3)
        with btf_load(_blob(types)) as btf:
            return _accepted(lambda: _prog(btf_fd=btf, func_info=func, line_info=records))

    @property
    def memlock_charged(self) -> bool:
        """Maps and programs count against RLIMIT_MEMLOCK (before 5.11); the calls raise it when they have to."""
        return memlock_charged()


@functools.cache
def features() -> Features:
    """The running kernel's features: one object for the process."""
    return Features()


os.register_at_fork(after_in_child=features.cache_clear)  # a child may have other capabilities

# The strings of all blobs, and their offsets.
_STRINGS = b"\0int\0a\0v\0f\0.data\0"
_INT, _PARAM, _VAR, _FUNC, _DATASEC_NAME = 1, 5, 7, 9, 11

_CODE_MOV64_IMM, _CODE_EXIT = 0xB7, 0x95


def _insn(code: int, dst: int, src: int, off: int, imm: int) -> bytes:
    """struct bpf_insn; the two registers share a byte, the first in the low half on little-endian machines."""
    regs = dst | src << 4 if struct.pack("=H", 1) == b"\1\0" else dst << 4 | src
    return struct.pack("=2Bhi", code, regs, off, imm)


_RETURN_0 = _insn(_CODE_MOV64_IMM, 0, 0, 0, 0) + _insn(_CODE_EXIT, 0, 0, 0, 0)


def _prog(
    insns: bytes = _RETURN_0,
    *,
    name: str = "",
    btf_fd: Fd | int = 0,
    func_info: bytes = b"",
    line_info: bytes = b"",
) -> Fd:
    return prog_load(
        ProgType.SOCKET_FILTER, insns, "GPL", name=name, btf_fd=btf_fd, func_info=func_info, line_info=line_info
    )


def _type(name_off: int, kind: int, vlen: int, size_or_type: int, *, kind_flag: int = 0) -> bytes:
    return struct.pack("=3I", name_off, kind_flag << 31 | kind << 24 | vlen, size_or_type)


def _int(name_off: int) -> bytes:
    return _type(name_off, 1, 0, 4) + struct.pack("=I", 1 << 24 | 32)  # signed, 32 bits


def _func_proto(param_name_off: int) -> bytes:
    return _type(0, 13, 1, 1) + struct.pack("=2I", param_name_off, 1)


def _func(linkage: int) -> bytes:
    return _type(_FUNC, 12, linkage, 2)


def _var() -> bytes:
    return _type(_VAR, 14, 0, 1) + struct.pack("=I", 0)  # static


def _blob(types: bytes) -> bytes:
    return struct.pack("=HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(_STRINGS)) + types + _STRINGS


def _takes_btf(types: bytes) -> bool:
    return _accepted(lambda: btf_load(_blob(types)))


def _accepted(attempt: Callable[[], Fd]) -> bool:
    try:
        attempt().close()
    except LoadError as error:
        if error.errno in _NO_ANSWER or error.errno is None:
            raise
        return False
    return True
