"""Attach programs of the network: to interfaces, cgroups, network namespaces, hooks, sockets.

In: a loaded program, its target, options. Out: a `Link`. Source: the kernel's bpf_xdp_link_attach, tcx_link_attach,
cgroup_bpf_link_attach, netns_bpf_link_create, bpf_nf_link_attach, sk_attach_bpf, sock_map_link_create.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from btfkit.errors import LoadError
from btfkit.format.maptype import MapType

from .fd import Fd
from .links import Link
from .sys import link_create, prog_attach, prog_detach
from .uapi import AttachType, LinkFlags, ProgType

if TYPE_CHECKING:
    from .loaded import LoadedProgram

__all__ = ["cgroup", "cgroup_fd", "netfilter", "netns", "sched_cls", "sockmap", "socket_filter", "xdp"]

_MODES = {
    None: 0,
    "native": LinkFlags.XDP_DRV_MODE,
    "generic": LinkFlags.XDP_SKB_MODE,
    "offload": LinkFlags.XDP_HW_MODE,
}
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_DIRECTIONS = ("ingress", "egress")
_SOCKMAPS = frozenset({MapType.SOCKMAP, MapType.SOCKHASH})
_NETNS = "/proc/thread-self/ns/net"
_SO_ATTACH_BPF, _SO_DETACH_FILTER = 50, 27
_SO_ATTACH_REUSEPORT_EBPF, _SO_DETACH_REUSEPORT_BPF = 52, 68


def xdp(program: LoadedProgram, target: Any, *, mode: str | None = None) -> Link:
    """To an interface. mode: native, generic or offload; by default what the driver can."""
    if program.plan.expected_attach_type in (AttachType.XDP_DEVMAP, AttachType.XDP_CPUMAP):
        _wants("is put into an element of a map of devices or CPUs, not attached")
    flags = _one_of("mode", mode, _MODES)
    index, name = _interface(target)
    hints = {
        errno.EBUSY: "another XDP program is attached there",
        errno.EOPNOTSUPP: "the driver cannot: mode='generic'?",
    }
    return _link(program, index, AttachType.XDP, f"interface {name}", flags=flags, hints=hints)


def sched_cls(program: LoadedProgram, target: Any, *, direction: str | None = None) -> Link:
    """To an interface's traffic, by tcx or netkit. direction: ingress or egress; by default what the section says."""
    attach_type = program.plan.expected_attach_type
    if direction is not None:
        number = _one_of("direction", direction, {"ingress": 0, "egress": 1})
        attach_type = (AttachType.TCX_INGRESS, AttachType.TCX_EGRESS)[number]
    elif not attach_type:
        _wants("attaches to traffic that comes in or goes out: give direction='ingress' or 'egress'")
    index, name = _interface(target)
    hints = {errno.EINVAL: "tcx has been there since kernel 6.6"}
    return _link(program, index, attach_type, f"interface {name}", hints=hints)


def netfilter(
    program: LoadedProgram,
    target: Any,
    *,
    hook: str | None = None,
    pf: str = "ipv4",
    priority: int = 0,
    defrag: bool = False,
) -> Link:
    """To a netfilter hook: prerouting, input, forward, output, postrouting. defrag: it sees whole packets only."""
    if target is None and hook is None:
        _wants(f"attaches to a netfilter hook: one of {', '.join(_HOOKS)}")
    hook_number = _one_of("hook", hook if target is None else target, _HOOKS)
    more = struct.pack("=2IiI", _one_of("pf", pf, _FAMILIES), hook_number, priority, int(defrag))
    where = f"netfilter hook {list(_HOOKS)[hook_number]} of {pf}"
    hints = {errno.EBUSY: "there is a hook of that priority already"}
    return _link(program, 0, AttachType.NETFILTER, where, more=more, hints=hints)


def cgroup(program: LoadedProgram, target: Any, *, direction: str | None = None) -> Link:
    """To a cgroup. direction, of packets: ingress or egress; by default what the section says."""
    attach_type = program.plan.expected_attach_type
    if direction is not None:
        if program.plan.prog_type != ProgType.CGROUP_SKB:
            _wants("has no direction: only programs for packets have")
        attach_type = _one_of("direction", direction, {"ingress": 0, "egress": 1})
    elif program.plan.says == "cgroup/skb":
        _wants("attaches to packets that come in or go out: give direction='ingress' or 'egress'")
    with cgroup_fd(target) as fd:
        hints = {errno.EBADF: "not a cgroup v2 directory", errno.EPERM: "a program above it allows no other"}
        return _link(program, fd.fileno(), attach_type, f"cgroup {target}", hints=hints)


def netns(program: LoadedProgram, target: Any) -> Link:
    """To a network namespace: a path or a descriptor; by default this thread's."""
    what = _NETNS if target is None else target
    with _opened(what, "a network namespace: its path or descriptor", os.O_RDONLY) as fd:
        where = "this network namespace" if target is None else f"network namespace {target}"
        taken = "another program is attached there"
        hints = {errno.EEXIST: taken, errno.E2BIG: taken, errno.EINVAL: "not a network namespace?"}
        return _link(program, fd.fileno(), program.plan.expected_attach_type, where, hints=hints)


def socket_filter(program: LoadedProgram, target: Any, *, reuseport: bool = False) -> Link:
    """To a socket. reuseport: it chooses among the sockets of an SO_REUSEPORT group, instead of filtering."""
    reuseport = reuseport or program.plan.prog_type == ProgType.SK_REUSEPORT
    if target is None or isinstance(target, (str, bytes)):
        _wants("attaches to a socket: give it, or its descriptor")
    try:
        sock = socket.socket(fileno=os.dup(target if isinstance(target, int) else target.fileno()))
    except (OSError, AttributeError, ValueError):
        _wants(f"attaches to a socket, which {target!r} is not")
    try:
        option = _SO_ATTACH_REUSEPORT_EBPF if reuseport else _SO_ATTACH_BPF
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("=I", program.fd))
    except OSError as error:
        sock.close()
        raise LoadError(f"the socket does not take it: {error.strerror}", errno=error.errno) from None

    def undo() -> None:
        with sock, contextlib.suppress(OSError):  # another one may have taken its place
            option = _SO_DETACH_REUSEPORT_BPF if reuseport else _SO_DETACH_FILTER
            sock.setsockopt(socket.SOL_SOCKET, option, 0)

    return Link(program, "a socket", None, undo)


def sockmap(program: LoadedProgram, target: Any) -> Link:
    """To the sockets in a map of them."""
    if getattr(target, "type", None) not in _SOCKMAPS:
        _wants("attaches to a map of type sockmap or sockhash: give the map")
    attach_type = program.plan.expected_attach_type
    try:
        return _link(program, target.fd, attach_type, f"map {target.name}")
    except LoadError as error:
        if error.errno != errno.EINVAL:  # kernels before 6.10 have no links of this kind
            raise
    prog_attach(program.fd, target.fd, attach_type)
    prog_fd, map_fd = Fd(os.dup(program.fd)), Fd(os.dup(target.fd))

    def undo() -> None:
        with prog_fd, map_fd, contextlib.suppress(LoadError):
            prog_detach(prog_fd, map_fd, attach_type)

    return Link(program, f"map {target.name}", None, undo)


def cgroup_fd(target: Any) -> Fd:
    """A cgroup's directory, opened."""
    return _opened(target, "a cgroup: the path of its directory, or a descriptor", os.O_RDONLY | os.O_DIRECTORY)


# -- what they share ---------------------------------------------------------------------------------------------


def _link(
    program: LoadedProgram,
    target: int,
    attach_type: int,
    where: str,
    *,
    flags: int = 0,
    more: bytes = b"",
    hints: Mapping[int, str] | None = None,
) -> Link:
    """hints: what an errno may mean here."""
    try:
        return Link(program, where, link_create(program.fd, target, attach_type, flags, more))
    except LoadError as error:
        hint = (hints or {}).get(error.errno or 0)
        error.reason = f"cannot be attached to {where}: {error.reason}" + (f" ({hint})" if hint else "")
        raise


def _interface(target: Any) -> tuple[int, str]:
    """Number and name of a network interface."""
    if isinstance(target, int) and not isinstance(target, bool):
        with contextlib.suppress(OSError, OverflowError):
            return target, socket.if_indextoname(target)
        _wants(f"attaches to a network interface, and there is no number {target} here ({_interfaces()})")
    if not isinstance(target, str):
        _wants(f"attaches to a network interface: give its name or number ({_interfaces()})")
    with contextlib.suppress(OSError, ValueError):
        return socket.if_nametoindex(target), target
    names = [name for _, name in socket.if_nameindex()]
    near = difflib.get_close_matches(target, names, n=3)
    hint = f"near: {', '.join(near)}" if near else _interfaces()
    _wants(f"there is no network interface '{target}' ({hint})")


def _interfaces() -> str:
    return "known: " + ", ".join(name for _, name in socket.if_nameindex()[:8])


def _opened(target: Any, wanted: str, flags: int) -> Fd:
    """A descriptor of one's own: a path's, or a copy."""
    try:
        if isinstance(target, (str, os.PathLike)):
            return Fd(os.open(target, flags | os.O_CLOEXEC))
        if target is not None and not isinstance(target, bool):
            return Fd(os.dup(target if isinstance(target, int) else target.fileno()))
    except (OSError, AttributeError, TypeError) as error:
        _wants(f"attaches to {wanted}; {target!r} cannot be opened: {getattr(error, 'strerror', None) or error}")
    _wants(f"attaches to {wanted}")


def _one_of(what: str, value: Any, known: Mapping[Any, int]) -> int:
    if value in known:
        return int(known[value])
    _wants(f"{what}={value!r} is not one of {', '.join(repr(name) for name in known)}")


def _wants(reason: str) -> NoReturn:
    raise LoadError(reason)
