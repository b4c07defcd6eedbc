"""The kinds of programs, a row each: what a decorator of that name makes.

Out: `KINDS`. There is a kind for every section that libbpf knows (`btfkit.load.sections`), but for those that end in
``.s``: these are the ``sleepable`` form of the kind. A kind's name is its section's, with ``_`` for ``/`` and ``.``.

``default`` is what a program returns that a fault ends. It is chosen so that things go on as if the program were not
there:

==================  ===================================================================================================
socket              the whole packet is kept: 4 GiB of it
xdp                 XDP_PASS
tc, tcx, netkit     -1, TC_ACT_UNSPEC or ..._NEXT: the next program, else what is configured
lwt, sk_skb …       BPF_OK; SK_PASS. A stream_parser says 0, "not whole yet": no constant means "as long as it is"
sk_lookup,          SK_PASS without a socket chosen: the kernel chooses
sk_reuseport
flow_dissector      BPF_FLOW_DISSECTOR_CONTINUE: the kernel dissects
cgroup …, sockops   1: allowed, or rather: not forbidden here
lsm                 0: not forbidden here; lsm_cgroup, as all of cgroups': 1
fmod_ret            0: the function is run
netfilter           NF_ACCEPT
tracing             0; what kprobe, tracepoint and perf_event programs return says whether perf gets a sample too
iter                0: on to the next object; kprobe_session: 0, the return is probed too
syscall             -1: who runs it sees that it failed
freplace,           0: what it means is the function's business
struct_ops
==================  ===================================================================================================

Source: tools/lib/bpf/libbpf.c (section_defs); returns: check_return_code in kernel/bpf/verifier.c as of 6.18; writable:
see `btfkit.bpf.contexts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from btfkit.bpf import contexts as c
from btfkit.bpf.constants import (
    BPF_FLOW_DISSECTOR_CONTINUE,
    BPF_OK,
    NETKIT_NEXT,
    NF_ACCEPT,
    SK_PASS,
    TC_ACT_UNSPEC,
    XDP_PASS,
)
from btfkit.bpf.records import Context

Target = Literal["none", "optional", "required"]
Args = Literal["ctx", "raw_args", "pt_regs", "tracepoint", "iter", "any"]


@dataclass(frozen=True, slots=True)
class ProgramKind:
    """A kind of programs.

    name: the decorator's; section: its ELF section, with ``/{target}`` where it takes one
    args: what its parameters are
        ctx         one, the context
        raw_args    those of the function, hook or tracepoint it attaches to, as the kernel's BTF has them; the context
                    is an array of u64
        pt_regs     those of the function it attaches to, from registers; or one, the registers
        tracepoint  one, a ``struct trace_event_raw_NAME``
        iter        one, a ``struct bpf_iter__NAME``
        any         what the author says: syscall, a pointer to a struct of his own; freplace, the function's
    default: see the module; returns: the lowest and highest value that the verifier lets it return, or None for any
    sleepable: there is a form of it that may sleep, in the section ``NAME.s``
    writable: the fields of the context that it may write, where these are not all of `Context.writable`
    hidden: the fields of the context that it cannot read
    """

    name: str
    section: str
    target: Target
    ctx: type[Context] | None
    args: Args
    default: int
    returns: tuple[int, int] | None = None
    sleepable: bool = False
    writable: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()


def _kind(
    section: str,
    args: Args,
    default: int,
    returns: tuple[int, int] | None = None,
    *,
    ctx: type[Context] | None = None,
    target: Target = "none",
    sleepable: bool = False,
    writable: str | None = None,
    hidden: str = "",
) -> ProgramKind:
    return ProgramKind(
        section.replace("/", "_").replace(".", "_"),
        section if target == "none" else section + "/{target}",
        target,
        ctx,
        args,
        default,
        returns,
        sleepable,
        None if writable is None else frozenset(writable.split()),
        frozenset(hidden.split()),
    )


_BOOL = (0, 1)
_ALLOW = 1

_SOCKET = "family remote_ip4 local_ip4 remote_ip6 local_ip6 remote_port local_port "
_ELSEWHERE = "tc_classid data_meta flow_keys wire_len tstamp_type "
_TIMES = "tstamp hwtstamp "


def _packets() -> Iterator[ProgramKind]:
    skb = c.__sk_buff
    hidden = _ELSEWHERE + _SOCKET + _TIMES
    yield _kind("socket", "ctx", 0xFFFF_FFFF, ctx=skb, writable="cb", hidden=hidden + "data data_end")
    for section in ("lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"):
        yield _kind(section, "ctx", BPF_OK, ctx=skb, writable="mark priority cb", hidden=hidden)
    hidden = " ".join(skb.__layout__.fields.keys() - {"data", "data_end", "flow_keys"})
    yield _kind("flow_dissector", "ctx", BPF_FLOW_DISSECTOR_CONTINUE, ctx=skb, writable="", hidden=hidden)
    for section in ("xdp/devmap", "xdp.frags/devmap"):
        yield _kind(section, "ctx", XDP_PASS, ctx=c.xdp_md)
    for section in ("xdp", "xdp/cpumap", "xdp.frags", "xdp.frags/cpumap"):
        yield _kind(section, "ctx", XDP_PASS, ctx=c.xdp_md, hidden="egress_ifindex")
    for section in ("tc", "classifier", "action", "tc/ingress", "tc/egress", "tcx/ingress", "tcx/egress"):
        yield _kind(section, "ctx", TC_ACT_UNSPEC, ctx=skb, hidden=_SOCKET + "flow_keys")
    for section in ("netkit/primary", "netkit/peer"):
        yield _kind(section, "ctx", NETKIT_NEXT, ctx=skb, hidden=_SOCKET + "flow_keys")
    yield _kind("netfilter", "ctx", NF_ACCEPT, _BOOL, ctx=c.bpf_nf_ctx)
    yield _kind("lirc_mode2", "ctx", 0, ctx=c.lirc_sample)


def _sockets() -> Iterator[ProgramKind]:
    hidden = _ELSEWHERE + _TIMES + "mark"
    for section in ("sk_skb", "sk_skb/stream_parser", "sk_skb/stream_verdict", "sk_skb/verdict"):
        default = 0 if section.endswith("parser") else SK_PASS
        yield _kind(section, "ctx", default, ctx=c.__sk_buff, writable="tc_index priority", hidden=hidden)
    yield _kind("sk_msg", "ctx", SK_PASS, ctx=c.sk_msg_md)
    yield _kind("sk_lookup", "ctx", SK_PASS, _BOOL, ctx=c.bpf_sk_lookup)
    yield _kind("sk_reuseport", "ctx", SK_PASS, ctx=c.sk_reuseport_md)
    yield _kind("sk_reuseport/migrate", "ctx", SK_PASS, ctx=c.sk_reuseport_md)
    yield _kind("sockops", "ctx", _ALLOW, _BOOL, ctx=c.bpf_sock_ops)


def _cgroups() -> Iterator[ProgramKind]:
    writable = "mark priority cb tstamp"
    for section, returns in (("cgroup/skb", _BOOL), ("cgroup_skb/ingress", _BOOL), ("cgroup_skb/egress", (0, 3))):
        yield _kind(section, "ctx", _ALLOW, returns, ctx=c.__sk_buff, writable=writable, hidden=_ELSEWHERE)
    for section in ("cgroup/sock", "cgroup/sock_create", "cgroup/sock_release"):
        yield _kind(section, "ctx", _ALLOW, _BOOL, ctx=c.bpf_sock, hidden="src_ip4 src_ip6 src_port")
    for family, other in ("46", "64"):
        hidden = f"bound_dev_if mark priority src_ip{other}"
        yield _kind(f"cgroup/post_bind{family}", "ctx", _ALLOW, _BOOL, ctx=c.bpf_sock, writable="", hidden=hidden)
    for hook in ("bind", "connect", "sendmsg", "recvmsg", "getpeername", "getsockname"):
        for family in ("4", "6", "_unix"):
            if hook + family != "bind_unix":
                yield _sock_addr(hook, family)
    yield _kind("cgroup/sysctl", "ctx", _ALLOW, _BOOL, ctx=c.bpf_sysctl)
    yield _kind("cgroup/getsockopt", "ctx", _ALLOW, _BOOL, ctx=c.bpf_sockopt, writable="optlen retval")
    writable = "level optname optlen"
    yield _kind("cgroup/setsockopt", "ctx", _ALLOW, _BOOL, ctx=c.bpf_sockopt, writable=writable, hidden="retval")
    yield _kind("cgroup/dev", "ctx", _ALLOW, _BOOL, ctx=c.bpf_cgroup_dev_ctx)


def _sock_addr(hook: str, family: str) -> ProgramKind:
    returns = {"bind": (0, 3), "connect": _BOOL, "sendmsg": _BOOL}.get(hook, (1, 1))
    seen = {f"user_ip{family}", *([f"msg_src_ip{family}"] if hook == "sendmsg" else [])} & c.bpf_sock_addr.writable
    hidden = c.bpf_sock_addr.writable - seen - {"user_port"}
    writable = " ".join({*seen, "user_port"})
    section = f"cgroup/{hook}{family}"
    return _kind(section, "ctx", _ALLOW, returns, ctx=c.bpf_sock_addr, writable=writable, hidden=" ".join(hidden))


def _tracing() -> Iterator[ProgramKind]:
    regs = c.pt_regs
    for section in ("kprobe", "kretprobe", "kprobe.multi", "kretprobe.multi", "ksyscall", "kretsyscall"):
        yield _kind(section, "pt_regs", 0, ctx=regs, target="optional")
    yield _kind("kprobe.session", "pt_regs", 0, _BOOL, ctx=regs, target="optional")
    for section in ("uprobe", "uretprobe", "uprobe.multi", "uretprobe.multi", "usdt"):
        yield _kind(section, "pt_regs", 0, ctx=regs, target="optional", sleepable=True)
    yield _kind("uprobe.session", "pt_regs", 0, _BOOL, ctx=regs, target="optional", sleepable=True)
    for section in ("tracepoint", "tp"):
        yield _kind(section, "tracepoint", 0, target="required")
    for section in ("raw_tracepoint", "raw_tp", "raw_tracepoint.w", "raw_tp.w"):
        yield _kind(section, "raw_args", 0, ctx=c.bpf_raw_tracepoint_args, target="optional")
    yield _kind("tp_btf", "raw_args", 0, target="required")
    for section in ("fentry", "fexit", "fsession"):
        yield _kind(section, "raw_args", 0, (0, 0), target="required", sleepable=True)
    yield _kind("fmod_ret", "raw_args", 0, target="required", sleepable=True)
    yield _kind("lsm", "raw_args", 0, (-4095, 1), target="required", sleepable=True)
    yield _kind("lsm_cgroup", "raw_args", _ALLOW, _BOOL, target="required")
    yield _kind("iter", "iter", 0, _BOOL, target="required", sleepable=True)
    yield _kind("perf_event", "ctx", 0, ctx=c.bpf_perf_event_data)


def _others() -> Iterator[ProgramKind]:
    yield _kind("syscall", "any", -1)
    yield _kind("struct_ops", "raw_args", 0, target="optional", sleepable=True)
    yield _kind("freplace", "any", 0, target="optional")


KINDS: Mapping[str, ProgramKind] = {
    kind.name: kind for group in (_packets, _sockets, _cgroups, _tracing, _others) for kind in group()
}
"""By the decorator's name. lsm: a hook that says yes or no may return 0 or 1, any other -4095 to 0."""

__all__ = ["KINDS", "ProgramKind"]
