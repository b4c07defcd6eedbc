"""Section names: what libbpf's table says of them."""

from __future__ import annotations

import pytest

from btfkit.errors import TypeNotFoundError
from btfkit.load.linux.uapi import AttachType, ProgFlags, ProgType
from btfkit.load.sections import SECTION_TYPES, section_type

P, A, F = ProgType, AttachType, ProgFlags

KNOWN = [
    ("socket", P.SOCKET_FILTER, 0, 0, ""),
    ("xdp", P.XDP, A.XDP, 0, ""),
    ("xdp.frags", P.XDP, A.XDP, F.XDP_HAS_FRAGS, ""),
    ("xdp/cpumap", P.XDP, A.XDP_CPUMAP, 0, ""),
    ("xdp.frags/devmap", P.XDP, A.XDP_DEVMAP, F.XDP_HAS_FRAGS, ""),
    ("tc", P.SCHED_CLS, 0, 0, ""),
    ("classifier", P.SCHED_CLS, 0, 0, ""),
    ("action", P.SCHED_ACT, 0, 0, ""),
    ("tcx/ingress", P.SCHED_CLS, A.TCX_INGRESS, 0, ""),
    ("tc/egress", P.SCHED_CLS, A.TCX_EGRESS, 0, ""),
    ("cgroup_skb/egress", P.CGROUP_SKB, A.CGROUP_INET_EGRESS, 0, ""),
    ("cgroup/connect6", P.CGROUP_SOCK_ADDR, A.CGROUP_INET6_CONNECT, 0, ""),
    ("cgroup/sendmsg_unix", P.CGROUP_SOCK_ADDR, A.CGROUP_UNIX_SENDMSG, 0, ""),
    ("cgroup/sock", P.CGROUP_SOCK, A.CGROUP_INET_SOCK_CREATE, 0, ""),
    ("cgroup/dev", P.CGROUP_DEVICE, A.CGROUP_DEVICE, 0, ""),
    ("sockops", P.SOCK_OPS, A.CGROUP_SOCK_OPS, 0, ""),
    ("sk_skb/stream_parser", P.SK_SKB, A.SK_SKB_STREAM_PARSER, 0, ""),
    ("sk_msg", P.SK_MSG, A.SK_MSG_VERDICT, 0, ""),
    ("syscall", P.SYSCALL, 0, F.SLEEPABLE, ""),
    ("raw_tp/sys_enter", P.RAW_TRACEPOINT, 0, 0, "sys_enter"),
    ("raw_tracepoint.w/x", P.RAW_TRACEPOINT_WRITABLE, 0, 0, "x"),
    ("tp/sched/sched_switch", P.TRACEPOINT, 0, 0, "sched/sched_switch"),
    ("tracepoint", P.TRACEPOINT, 0, 0, ""),
    ("kprobe/do_exit", P.KPROBE, 0, 0, "do_exit"),
    ("kretprobe.multi/tcp_*", P.KPROBE, A.TRACE_KPROBE_MULTI, 0, "tcp_*"),
    ("uprobe.s//bin/sh:main", P.KPROBE, 0, F.SLEEPABLE, "/bin/sh:main"),
    ("ksyscall/open", P.KPROBE, 0, 0, "open"),
    ("usdt/x:y:z", P.KPROBE, 0, 0, "x:y:z"),
    ("perf_event", P.PERF_EVENT, 0, 0, ""),
    ("lwt_seg6local", P.LWT_SEG6LOCAL, 0, 0, ""),
    ("flow_dissector", P.FLOW_DISSECTOR, A.FLOW_DISSECTOR, 0, ""),
    ("sk_lookup", P.SK_LOOKUP, A.SK_LOOKUP, 0, ""),
    ("sk_reuseport/migrate", P.SK_REUSEPORT, A.SK_REUSEPORT_SELECT_OR_MIGRATE, 0, ""),
    ("struct_ops/init", P.STRUCT_OPS, 0, 0, "init"),
    ("iter.s/task", P.TRACING, A.TRACE_ITER, F.SLEEPABLE, "task"),
    ("fentry/f", P.TRACING, A.TRACE_FENTRY, 0, "f"),
    ("fexit.s/f", P.TRACING, A.TRACE_FEXIT, F.SLEEPABLE, "f"),
    ("fmod_ret/f", P.TRACING, A.MODIFY_RETURN, 0, "f"),
    ("tp_btf/sched_switch", P.TRACING, A.TRACE_RAW_TP, 0, "sched_switch"),
    ("lsm/file_open", P.LSM, A.LSM_MAC, 0, "file_open"),
    ("lsm_cgroup/socket_bind", P.LSM, A.LSM_CGROUP, 0, "socket_bind"),
    ("freplace/f", P.EXT, 0, 0, "f"),
    ("netfilter", P.NETFILTER, A.NETFILTER, 0, ""),
    ("netkit/peer", P.SCHED_CLS, A.NETKIT_PEER, 0, ""),
]


@pytest.mark.parametrize(("name", "prog_type", "attach", "flags", "target"), KNOWN, ids=[case[0] for case in KNOWN])
def test_known(name: str, prog_type: ProgType, attach: int, flags: int, target: str) -> None:
    for text, autoload in ((name, True), (f"?{name}", False)):
        found = section_type(text)
        assert (found.type.prog_type, found.type.attach_type, found.type.flags) == (prog_type, attach, flags)
        assert (found.target, found.autoload) == (target, autoload)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("xdp_prog", "xdp"),
        ("xpd", "xdp"),
        ("cgroup/conect4", "cgroup/connect4"),
        ("socket1", "socket"),
        ("xdp/eth0", "xdp"),
        ("kprobe_do_exit", "kprobe"),
        ("tc/ingres", "tc/ingress"),
    ],
)
def test_unknown(name: str, near: str) -> None:
    with pytest.raises(TypeNotFoundError, match=f"section '{name}' names no program type") as error:
        section_type(name)
    assert near in error.value.near


def test_names_are_unique() -> None:
    names = [section.name for section in SECTION_TYPES]
    assert len(names) == len(set(names))
