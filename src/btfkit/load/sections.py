"""What a section's name says of the programs in it: type, attach type, target, flags.

In: the name of an ELF section, or one that a user gives. Out: a `SectionType`, or the names that are close to it.
The names and what they mean are libbpf's (src/libbpf.c, section_defs); a leading ``?`` says "not unless asked for".
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from btfkit.errors import TypeNotFoundError
from btfkit.load.linux.uapi import AttachType, ProgFlags, ProgType

_P = ProgType
_A = AttachType
_F = ProgFlags
_NONE = ProgFlags(0)


@dataclass(frozen=True, slots=True)
class SectionType:
    """What programs of a section are.

    attach_type: enum bpf_attach_type; 0 is also "none"
    target_prefix: what the target's name in the kernel's BTF starts with; None: it is not looked up there
    takes_target: the name may go on after a slash
    """

    name: str
    prog_type: ProgType
    attach_type: int = 0
    flags: ProgFlags = _NONE
    target_prefix: str | None = None
    takes_target: bool = False


@dataclass(frozen=True, slots=True)
class SectionName:
    """A section's name, understood. target: what stands behind the slash; autoload: no ``?`` in front."""

    type: SectionType
    target: str = ""
    autoload: bool = True


def _plain(name: str, prog_type: ProgType, attach_type: int = 0, flags: ProgFlags = _NONE) -> SectionType:
    return SectionType(name, prog_type, attach_type, flags)


def _target(name: str, prog_type: ProgType, attach_type: int = 0) -> list[SectionType]:
    return [SectionType(name, prog_type, attach_type, takes_target=True)]


def _target_or_sleepable(name: str, prog_type: ProgType, attach_type: int = 0) -> list[SectionType]:
    """name, and name.s."""
    sleepable = SectionType(f"{name}.s", prog_type, attach_type, _F.SLEEPABLE, takes_target=True)
    return [*_target(name, prog_type, attach_type), sleepable]


def _btf(name: str, prog_type: ProgType, attach_type: int, prefix: str, *, sleepable: bool = True) -> list[SectionType]:
    """name, and name.s: of something that the kernel's BTF knows."""
    out = [SectionType(name, prog_type, attach_type, _NONE, prefix, True)]
    if sleepable:
        out.append(SectionType(f"{name}.s", prog_type, attach_type, _F.SLEEPABLE, prefix, True))
    return out


_CGROUP_ADDR = {
    "bind4": _A.CGROUP_INET4_BIND,
    "bind6": _A.CGROUP_INET6_BIND,
    "connect4": _A.CGROUP_INET4_CONNECT,
    "connect6": _A.CGROUP_INET6_CONNECT,
    "connect_unix": _A.CGROUP_UNIX_CONNECT,
    "sendmsg4": _A.CGROUP_UDP4_SENDMSG,
    "sendmsg6": _A.CGROUP_UDP6_SENDMSG,
    "sendmsg_unix": _A.CGROUP_UNIX_SENDMSG,
    "recvmsg4": _A.CGROUP_UDP4_RECVMSG,
    "recvmsg6": _A.CGROUP_UDP6_RECVMSG,
    "recvmsg_unix": _A.CGROUP_UNIX_RECVMSG,
    "getpeername4": _A.CGROUP_INET4_GETPEERNAME,
    "getpeername6": _A.CGROUP_INET6_GETPEERNAME,
    "getpeername_unix": _A.CGROUP_UNIX_GETPEERNAME,
    "getsockname4": _A.CGROUP_INET4_GETSOCKNAME,
    "getsockname6": _A.CGROUP_INET6_GETSOCKNAME,
    "getsockname_unix": _A.CGROUP_UNIX_GETSOCKNAME,
}

SECTION_TYPES: tuple[SectionType, ...] = (
    _plain("socket", _P.SOCKET_FILTER),
    _plain("sk_reuseport/migrate", _P.SK_REUSEPORT, _A.SK_REUSEPORT_SELECT_OR_MIGRATE),
    _plain("sk_reuseport", _P.SK_REUSEPORT, _A.SK_REUSEPORT_SELECT),
    *_target("kprobe", _P.KPROBE),
    *_target("kretprobe", _P.KPROBE),
    *_target_or_sleepable("uprobe", _P.KPROBE),
    *_target_or_sleepable("uretprobe", _P.KPROBE),
    *_target("kprobe.multi", _P.KPROBE, _A.TRACE_KPROBE_MULTI),
    *_target("kretprobe.multi", _P.KPROBE, _A.TRACE_KPROBE_MULTI),
    *_target("kprobe.session", _P.KPROBE, _A.TRACE_KPROBE_SESSION),
    *_target_or_sleepable("uprobe.multi", _P.KPROBE, _A.TRACE_UPROBE_MULTI),
    *_target_or_sleepable("uretprobe.multi", _P.KPROBE, _A.TRACE_UPROBE_MULTI),
    *_target_or_sleepable("uprobe.session", _P.KPROBE, _A.TRACE_UPROBE_SESSION),
    *_target("ksyscall", _P.KPROBE),
    *_target("kretsyscall", _P.KPROBE),
    *_target_or_sleepable("usdt", _P.KPROBE),
    _plain("tc/ingress", _P.SCHED_CLS, _A.TCX_INGRESS),
    _plain("tc/egress", _P.SCHED_CLS, _A.TCX_EGRESS),
    _plain("tcx/ingress", _P.SCHED_CLS, _A.TCX_INGRESS),
    _plain("tcx/egress", _P.SCHED_CLS, _A.TCX_EGRESS),
    _plain("tc", _P.SCHED_CLS),
    _plain("classifier", _P.SCHED_CLS),
    _plain("action", _P.SCHED_ACT),
    _plain("netkit/primary", _P.SCHED_CLS, _A.NETKIT_PRIMARY),
    _plain("netkit/peer", _P.SCHED_CLS, _A.NETKIT_PEER),
    *_target("tracepoint", _P.TRACEPOINT),
    *_target("tp", _P.TRACEPOINT),
    *_target("raw_tracepoint", _P.RAW_TRACEPOINT),
    *_target("raw_tp", _P.RAW_TRACEPOINT),
    *_target("raw_tracepoint.w", _P.RAW_TRACEPOINT_WRITABLE),
    *_target("raw_tp.w", _P.RAW_TRACEPOINT_WRITABLE),
    *_btf("tp_btf", _P.TRACING, _A.TRACE_RAW_TP, "btf_trace_", sleepable=False),
    *_btf("fentry", _P.TRACING, _A.TRACE_FENTRY, ""),
    *_btf("fexit", _P.TRACING, _A.TRACE_FEXIT, ""),
    *_btf("fmod_ret", _P.TRACING, _A.MODIFY_RETURN, ""),
    *_btf("fsession", _P.TRACING, _A.TRACE_FSESSION, ""),
    *_target("freplace", _P.EXT),
    *_btf("lsm", _P.LSM, _A.LSM_MAC, "bpf_lsm_"),
    *_btf("lsm_cgroup", _P.LSM, _A.LSM_CGROUP, "bpf_lsm_", sleepable=False),
    *_btf("iter", _P.TRACING, _A.TRACE_ITER, "bpf_iter_"),
    _plain("syscall", _P.SYSCALL, flags=_F.SLEEPABLE),
    _plain("xdp.frags/devmap", _P.XDP, _A.XDP_DEVMAP, _F.XDP_HAS_FRAGS),
    _plain("xdp/devmap", _P.XDP, _A.XDP_DEVMAP),
    _plain("xdp.frags/cpumap", _P.XDP, _A.XDP_CPUMAP, _F.XDP_HAS_FRAGS),
    _plain("xdp/cpumap", _P.XDP, _A.XDP_CPUMAP),
    _plain("xdp.frags", _P.XDP, _A.XDP, _F.XDP_HAS_FRAGS),
    _plain("xdp", _P.XDP, _A.XDP),
    _plain("perf_event", _P.PERF_EVENT),
    _plain("lwt_in", _P.LWT_IN),
    _plain("lwt_out", _P.LWT_OUT),
    _plain("lwt_xmit", _P.LWT_XMIT),
    _plain("lwt_seg6local", _P.LWT_SEG6LOCAL),
    _plain("sockops", _P.SOCK_OPS, _A.CGROUP_SOCK_OPS),
    _plain("sk_skb/stream_parser", _P.SK_SKB, _A.SK_SKB_STREAM_PARSER),
    _plain("sk_skb/stream_verdict", _P.SK_SKB, _A.SK_SKB_STREAM_VERDICT),
    _plain("sk_skb/verdict", _P.SK_SKB, _A.SK_SKB_VERDICT),
    _plain("sk_skb", _P.SK_SKB),
    _plain("sk_msg", _P.SK_MSG, _A.SK_MSG_VERDICT),
    _plain("lirc_mode2", _P.LIRC_MODE2, _A.LIRC_MODE2),
    _plain("flow_dissector", _P.FLOW_DISSECTOR, _A.FLOW_DISSECTOR),
    _plain("cgroup_skb/ingress", _P.CGROUP_SKB, _A.CGROUP_INET_INGRESS),
    _plain("cgroup_skb/egress", _P.CGROUP_SKB, _A.CGROUP_INET_EGRESS),
    _plain("cgroup/skb", _P.CGROUP_SKB),
    _plain("cgroup/sock_create", _P.CGROUP_SOCK, _A.CGROUP_INET_SOCK_CREATE),
    _plain("cgroup/sock_release", _P.CGROUP_SOCK, _A.CGROUP_INET_SOCK_RELEASE),
    _plain("cgroup/sock", _P.CGROUP_SOCK, _A.CGROUP_INET_SOCK_CREATE),
    _plain("cgroup/post_bind4", _P.CGROUP_SOCK, _A.CGROUP_INET4_POST_BIND),
    _plain("cgroup/post_bind6", _P.CGROUP_SOCK, _A.CGROUP_INET6_POST_BIND),
    *(_plain(f"cgroup/{name}", _P.CGROUP_SOCK_ADDR, number) for name, number in _CGROUP_ADDR.items()),
    _plain("cgroup/sysctl", _P.CGROUP_SYSCTL, _A.CGROUP_SYSCTL),
    _plain("cgroup/getsockopt", _P.CGROUP_SOCKOPT, _A.CGROUP_GETSOCKOPT),
    _plain("cgroup/setsockopt", _P.CGROUP_SOCKOPT, _A.CGROUP_SETSOCKOPT),
    _plain("cgroup/dev", _P.CGROUP_DEVICE, _A.CGROUP_DEVICE),
    *_target_or_sleepable("struct_ops", _P.STRUCT_OPS),
    _plain("sk_lookup", _P.SK_LOOKUP, _A.SK_LOOKUP),
    _plain("netfilter", _P.NETFILTER, _A.NETFILTER),
)
"""Every name that is known; ``name/target`` is one where ``takes_target``."""

_BY_NAME = {section.name: section for section in SECTION_TYPES}


def section_type(name: str) -> SectionName:
    """What a section's name says. TypeNotFoundError with near names for one that says nothing."""
    wanted = name.removeprefix("?")
    autoload = wanted == name
    found = _BY_NAME.get(wanted)
    if found is not None:
        return SectionName(found, "", autoload)
    base, slash, target = wanted.partition("/")
    found = _BY_NAME.get(base)
    if slash and found is not None and found.takes_target:
        return SectionName(found, target, autoload)
    raise TypeNotFoundError(f"section '{name}' names no program type", near=_near(wanted))


def _near(name: str) -> list[str]:
    """The known names that are closest: of the same start first (``xdp_prog`` is near ``xdp``)."""
    starts = sorted((known for known in _BY_NAME if name.startswith(known)), key=len, reverse=True)[:2]
    near = [known for known in difflib.get_close_matches(name, _BY_NAME, n=3) if known not in starts]
    return [*starts, *near][:3]


__all__ = ["SECTION_TYPES", "SectionName", "SectionType", "section_type"]
