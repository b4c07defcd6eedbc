"""What programs are given, with the layouts of the uapi.

Out: a `KernelContext` class for each type of context, sockets, and the names of the registers in ``struct pt_regs``.
Fields bear the uapi's names, those of anonymous unions' members too. A ``__u32`` that is documented to be in network
order is a be32, so that its value is the number.
Source: include/uapi/linux/bpf.h as of 6.12; ``writable``: the ``is_valid_access`` functions in net/core/filter.c and
kernel/bpf/cgroup.c.
"""
# mypy: disable-error-code="valid-type,type-arg,name-defined"
# ruff: noqa: F821

from dataclasses import dataclass
from typing import ClassVar

from btfkit.bpf.ints import ArrayType, be16, be32, i32, u8, u32, u64
from btfkit.bpf.records import Context, Ptr
from btfkit.bpf.structs import overlay


class KernelContext(Context):
    """A context that the kernel knows.

    writable: what programs may write, those of some types only (see `ProgramKind.writable`). packet_bounds: the fields
    between which the packet lies, or (). wire16: u32 fields that hold a number of 16 bits as it lies in the packet:
    ``htons(value)``, so that the machine's order decides what is read.
    """

    packet_bounds: ClassVar[tuple[str, ...]] = ()
    wire16: ClassVar[frozenset[str]] = frozenset()


# Sockets.


class bpf_sock(KernelContext):
    """A socket; the context of cgroup_sock programs, which alone can write. src_port: host order."""

    bound_dev_if: u32
    family: u32
    type: u32
    protocol: u32
    mark: u32
    priority: u32
    src_ip4: be32
    src_ip6: be32[4]
    src_port: u32
    dst_port: be16
    dst_ip4: be32
    dst_ip6: be32[4]
    state: u32
    rx_queue_mapping: i32

    writable = frozenset({"bound_dev_if", "mark", "priority"})


class bpf_tcp_sock(KernelContext):
    """A TCP socket's numbers. srtt_us: microseconds, times 8."""

    snd_cwnd: u32
    srtt_us: u32
    rtt_min: u32
    snd_ssthresh: u32
    rcv_nxt: u32
    snd_nxt: u32
    snd_una: u32
    mss_cache: u32
    ecn_flags: u32
    rate_delivered: u32
    rate_interval_us: u32
    packets_out: u32
    retrans_out: u32
    total_retrans: u32
    segs_in: u32
    data_segs_in: u32
    segs_out: u32
    data_segs_out: u32
    lost_out: u32
    sacked_out: u32
    bytes_received: u64
    bytes_acked: u64
    dsack_dups: u32
    delivered: u32
    delivered_ce: u32
    icsk_retransmits: u32


class bpf_xdp_sock(KernelContext):
    queue_id: u32


# Contexts.


class xdp_md(KernelContext):
    data: u32
    data_end: u32
    data_meta: u32
    ingress_ifindex: u32
    rx_queue_index: u32
    egress_ifindex: u32

    packet_bounds = ("data", "data_end")


class __sk_buff(KernelContext):
    """A packet in the stack. local_port: host order; remote_port: network order; tstamp: nanoseconds."""

    len: u32
    pkt_type: u32
    mark: u32
    queue_mapping: u32
    protocol: u32
    vlan_present: u32
    vlan_tci: u32
    vlan_proto: u32
    priority: u32
    ingress_ifindex: u32
    ifindex: u32
    tc_index: u32
    cb: u32[5]
    hash: u32
    tc_classid: u32
    data: u32
    data_end: u32
    napi_id: u32
    family: u32
    remote_ip4: be32
    local_ip4: be32
    remote_ip6: be32[4]
    local_ip6: be32[4]
    remote_port: be32
    local_port: u32
    data_meta: u32
    flow_keys: Ptr["bpf_flow_keys"]
    tstamp: u64
    wire_len: u32
    gso_segs: u32
    sk: Ptr["bpf_sock"]
    gso_size: u32
    tstamp_type: u8
    hwtstamp: u64

    writable = frozenset({"mark", "tc_index", "priority", "tc_classid", "cb", "tstamp", "queue_mapping"})
    packet_bounds = ("data", "data_end")
    wire16 = frozenset({"protocol", "vlan_proto"})


class bpf_sock_addr(KernelContext):
    user_family: u32
    user_ip4: be32
    user_ip6: be32[4]
    user_port: u32
    family: u32
    type: u32
    protocol: u32
    msg_src_ip4: be32
    msg_src_ip6: be32[4]
    sk: Ptr["bpf_sock"]

    writable = frozenset({"user_ip4", "user_ip6", "user_port", "msg_src_ip4", "msg_src_ip6"})
    wire16 = frozenset({"user_port"})


class bpf_sock_ops(KernelContext):
    """An event of a TCP connection. op: one of BPF_SOCK_OPS_*; reply: what some of these want to know."""

    op: u32
    args: u32[4]
    family: u32
    remote_ip4: be32
    local_ip4: be32
    remote_ip6: be32[4]
    local_ip6: be32[4]
    remote_port: be32
    local_port: u32
    is_fullsock: u32
    snd_cwnd: u32
    srtt_us: u32
    bpf_sock_ops_cb_flags: u32
    state: u32
    rtt_min: u32
    snd_ssthresh: u32
    rcv_nxt: u32
    snd_nxt: u32
    snd_una: u32
    mss_cache: u32
    ecn_flags: u32
    rate_delivered: u32
    rate_interval_us: u32
    packets_out: u32
    retrans_out: u32
    total_retrans: u32
    segs_in: u32
    data_segs_in: u32
    segs_out: u32
    data_segs_out: u32
    lost_out: u32
    sacked_out: u32
    sk_txhash: u32
    bytes_received: u64
    bytes_acked: u64
    sk: Ptr["bpf_sock"]
    skb_data: Ptr["void"]
    skb_data_end: Ptr["void"]
    skb_len: u32
    skb_tcp_flags: u32
    skb_hwtstamp: u64

    writable = frozenset({"reply", "sk_txhash"})
    packet_bounds = ("skb_data", "skb_data_end")


overlay(bpf_sock_ops, "args", reply=u32)
overlay(bpf_sock_ops, "args", replylong=ArrayType(u32, 4))


class sk_msg_md(KernelContext):
    data: Ptr["void"]
    data_end: Ptr["void"]
    family: u32
    remote_ip4: be32
    local_ip4: be32
    remote_ip6: be32[4]
    local_ip6: be32[4]
    remote_port: be32
    local_port: u32
    size: u32
    sk: Ptr["bpf_sock"]

    packet_bounds = ("data", "data_end")


class sk_reuseport_md(KernelContext):
    """A packet for one of a group of sockets; the data starts at the TCP or UDP header."""

    data: Ptr["void"]
    data_end: Ptr["void"]
    len: u32
    eth_protocol: u32
    ip_protocol: u32
    bind_inany: u32
    hash: u32
    sk: Ptr["bpf_sock"]
    migrating_sk: Ptr["bpf_sock"]

    packet_bounds = ("data", "data_end")
    wire16 = frozenset({"eth_protocol"})


class bpf_sk_lookup(KernelContext):
    """A packet that looks for a socket. local_port: host order."""

    sk: Ptr["bpf_sock"]
    family: u32
    protocol: u32
    remote_ip4: be32
    remote_ip6: be32[4]
    remote_port: be16
    local_ip4: be32
    local_ip6: be32[4]
    local_port: u32
    ingress_ifindex: u32


overlay(bpf_sk_lookup, "sk", cookie=u64)


class bpf_cgroup_dev_ctx(KernelContext):
    """access_type: BPF_DEVCG_ACC_* << 16 | BPF_DEVCG_DEV_*."""

    access_type: u32
    major: u32
    minor: u32


class bpf_sysctl(KernelContext):
    write: u32
    file_pos: u32

    writable = frozenset({"file_pos"})


class bpf_sockopt(KernelContext):
    sk: Ptr["bpf_sock"]
    optval: Ptr["void"]
    optval_end: Ptr["void"]
    level: i32
    optname: i32
    optlen: i32
    retval: i32

    writable = frozenset({"level", "optname", "optlen", "retval"})
    packet_bounds = ("optval", "optval_end")


class bpf_nf_ctx(KernelContext):
    """Both fields are objects of the kernel's."""

    state: Ptr["nf_hook_state"]
    skb: Ptr["sk_buff"]


class lirc_sample(KernelContext):
    """What lirc_mode2 programs are given: LIRC_MODE2_* | a number of microseconds."""

    sample: u32


class bpf_raw_tracepoint_args(KernelContext):
    args: u64[0]


class pt_regs(KernelContext):
    """Registers of x86_64, by the kernel's names."""

    r15: u64
    r14: u64
    r13: u64
    r12: u64
    bp: u64
    bx: u64
    r11: u64
    r10: u64
    r9: u64
    r8: u64
    ax: u64
    cx: u64
    dx: u64
    si: u64
    di: u64
    orig_ax: u64
    ip: u64
    cs: u64
    flags: u64
    sp: u64
    ss: u64


class user_pt_regs(KernelContext):
    """Registers of aarch64."""

    regs: u64[31]
    sp: u64
    pc: u64
    pstate: u64


class bpf_perf_event_data(KernelContext):
    """An event, on x86_64."""

    regs: pt_regs
    sample_period: u64
    addr: u64


class bpf_perf_event_data_aarch64(KernelContext, name="bpf_perf_event_data"):
    """An event, on aarch64."""

    regs: user_pt_regs
    sample_period: u64
    addr: u64


@dataclass(frozen=True, slots=True)
class Registers:
    """Where a machine's calling convention puts things: fields of its registers, as ``di`` or ``regs[0]``.

    syscall_args: in the registers that a system call's function is given (``PT_REGS_SYSCALL_REGS``).
    """

    context: type[Context]
    perf_event: type[Context]
    args: tuple[str, ...]
    syscall_args: tuple[str, ...]
    returned: str
    ip: str
    sp: str
    fp: str


REGISTERS: dict[str, Registers] = {
    "x86_64": Registers(
        pt_regs,
        bpf_perf_event_data,
        args=("di", "si", "dx", "cx", "r8", "r9"),
        syscall_args=("di", "si", "dx", "r10", "r8", "r9"),
        returned="ax",
        ip="ip",
        sp="sp",
        fp="bp",
    ),
    "aarch64": Registers(
        user_pt_regs,
        bpf_perf_event_data_aarch64,
        args=tuple(f"regs[{i}]" for i in range(8)),
        syscall_args=("orig_x0", *(f"regs[{i}]" for i in range(1, 6))),
        returned="regs[0]",
        ip="pc",
        sp="sp",
        fp="regs[29]",
    ),
}
"""By the names of `platform.machine`. ``orig_x0`` is behind the uapi's registers, in the kernel's struct."""


__all__ = [
    "KernelContext",
    "REGISTERS",
    "Registers",
    "__sk_buff",
    "bpf_cgroup_dev_ctx",
    "bpf_nf_ctx",
    "bpf_perf_event_data",
    "bpf_perf_event_data_aarch64",
    "bpf_raw_tracepoint_args",
    "bpf_sk_lookup",
    "bpf_sock",
    "bpf_sock_addr",
    "bpf_sock_ops",
    "bpf_sockopt",
    "bpf_sysctl",
    "bpf_tcp_sock",
    "bpf_xdp_sock",
    "lirc_sample",
    "pt_regs",
    "sk_msg_md",
    "sk_reuseport_md",
    "user_pt_regs",
    "xdp_md",
]
