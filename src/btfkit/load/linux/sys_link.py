"""Commands of bpf(2) about links: what keeps a program attached.

What comes in: descriptors, numbers and names as the kernel has them. What goes out: the link's descriptor, named
fields, or LoadError. Source: union bpf_attr and struct bpf_link_info of <linux/bpf.h>; kernel/bpf/syscall.c.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .fd import Fd, FdLike, fd_number
from .raw import Buffer, attr, bpf, capability_hint, refused
from .uapi import BpfCmd, LinkType

__all__ = [
    "LinkInfo",
    "iter_create",
    "link_create",
    "link_detach",
    "link_info",
    "link_update",
    "prog_attach",
    "prog_detach",
    "raw_tracepoint_open",
]


class LinkInfo(NamedTuple):
    """The fields of struct bpf_link_info that every link has."""

    type: LinkType | int
    id: int
    prog_id: int


def link_create(prog: FdLike, target: FdLike, attach_type: int, flags: int = 0, more: bytes = b"") -> Fd:
    """Attach a program (kernel 5.7).

    target: a descriptor, or an interface's number. more: the fields of this attach type, as they stand in the union.
    """
    request = attr("4I", fd_number(prog), fd_number(target), attach_type, flags)
    request[16 : 16 + len(more)] = more
    return _made(BpfCmd.LINK_CREATE, bpf(BpfCmd.LINK_CREATE, request))


def raw_tracepoint_open(prog: FdLike, name: str = "") -> Fd:
    """Attach a program to a raw tracepoint; without a name, to what it was loaded for (kernel 4.17)."""
    name_buf = Buffer(name.encode() + b"\0" if name else b"")
    request = attr("Q2I", name_buf.addr, fd_number(prog), 0)
    return _made(BpfCmd.RAW_TRACEPOINT_OPEN, bpf(BpfCmd.RAW_TRACEPOINT_OPEN, request))


def link_update(link: FdLike, prog: FdLike) -> None:
    """Put another program in the place of the one that is attached, in one go (kernel 5.7; not all links can)."""
    _done(BpfCmd.LINK_UPDATE, bpf(BpfCmd.LINK_UPDATE, attr("4I", fd_number(link), fd_number(prog), 0, 0)))


def link_detach(link: FdLike) -> None:
    """Detach the program though others hold the link (kernel 5.9; not all links can)."""
    _done(BpfCmd.LINK_DETACH, bpf(BpfCmd.LINK_DETACH, attr("I", fd_number(link))))


_INFO_SIZE = 64


def link_info(link: FdLike) -> LinkInfo:
    """What the kernel knows of a link (kernel 5.8)."""
    info_buf = Buffer(_INFO_SIZE)
    request = attr("2IQ", fd_number(link), _INFO_SIZE, info_buf.addr)
    _done(BpfCmd.OBJ_GET_INFO_BY_FD, bpf(BpfCmd.OBJ_GET_INFO_BY_FD, request))
    number, link_id, prog_id = struct.unpack_from("=3I", info_buf.head(12))
    return LinkInfo(LinkType(number) if number in LinkType.__members__.values() else number, link_id, prog_id)


def iter_create(link: FdLike) -> Fd:
    """A file that runs the iterator when it is read (kernel 5.8)."""
    return _made(BpfCmd.ITER_CREATE, bpf(BpfCmd.ITER_CREATE, attr("2I", fd_number(link), 0)))


def prog_attach(prog: FdLike, target: FdLike, attach_type: int) -> None:
    """Attach a program without a link: it stays until `prog_detach`, or until the target is gone."""
    request = attr("4I", fd_number(target), fd_number(prog), attach_type, 0)
    _done(BpfCmd.PROG_ATTACH, bpf(BpfCmd.PROG_ATTACH, request))


def prog_detach(prog: FdLike, target: FdLike, attach_type: int) -> None:
    request = attr("4I", fd_number(target), fd_number(prog), attach_type, 0)
    _done(BpfCmd.PROG_DETACH, bpf(BpfCmd.PROG_DETACH, request))


def _made(cmd: BpfCmd, result: int) -> Fd:
    if result < 0:
        raise refused(cmd, -result, hint=capability_hint(-result))
    return Fd(result)


def _done(cmd: BpfCmd, result: int) -> None:
    if result < 0:
        raise refused(cmd, -result, hint=capability_hint(-result))
