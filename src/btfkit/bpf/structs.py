"""Structs that helpers read and write, and that map values hold, with the layouts of the uapi.

Out: `Struct` classes. Fields bear the uapi's names, those of anonymous unions' members too. A ``__u32`` that is in
network order is a be32, so that its value is the number; IPv6 addresses are 16 bytes, as in packets.
Source: include/uapi/linux/bpf.h as of 6.12.
"""
# mypy: disable-error-code="valid-type,type-arg,name-defined"
# ruff: noqa: F821

from typing import Any

from btfkit.bpf.ints import be16, be32, i32, u8, u16, u32, u64
from btfkit.bpf.records import Field, Layout, Ptr, Record, Struct, Union, lay_out


def overlay(record: type[Record], at: str, **fields: Any) -> None:
    """Names for the bytes from a field on: another member of an anonymous union."""
    layout = record.__layout__
    start = layout.fields[at].off
    more = [Field(f.name, f.type, start + f.off, f.size) for f in lay_out(fields).fields.values()]
    sorted_fields = sorted([*layout.fields.values(), *more], key=lambda field: (field.off, field.bit_off))
    record.__layout__ = Layout(layout.size, layout.align, {field.name: field for field in sorted_fields})


# What may be in a map's value, or on the stack: the kernel's business inside.


class bpf_spin_lock(Struct):
    val: u32


class bpf_timer(Struct):
    _opaque: u64[2]


class bpf_wq(Struct):
    _opaque: u64[2]


class bpf_dynptr(Struct):
    _opaque: u64[2]


class bpf_list_head(Struct):
    _opaque: u64[2]


class bpf_list_node(Struct):
    _opaque: u64[3]


class bpf_rb_root(Struct):
    _opaque: u64[2]


class bpf_rb_node(Struct):
    _opaque: u64[4]


class bpf_refcount(Struct):
    _opaque: u32[1]


class bpf_iter_num(Struct):
    _opaque: u64[1]


# Keys and values of maps.


class LpmKey4(Struct):
    """A key of an LPM trie of IPv4 addresses. prefixlen: bits, 0 to 32."""

    prefixlen: u32
    addr: be32


class LpmKey6(Struct):
    """A key of an LPM trie of IPv6 addresses. prefixlen: bits, 0 to 128."""

    prefixlen: u32
    addr: u8[16]


class bpf_cgroup_storage_key(Struct):
    cgroup_inode_id: u64
    attach_type: u32


class MapProgram(Union):
    """A program in a map's value: its descriptor when it is written, its id when it is read."""

    fd: i32
    id: u32


class bpf_devmap_val(Struct):
    ifindex: u32
    bpf_prog: MapProgram


class bpf_cpumap_val(Struct):
    qsize: u32
    bpf_prog: MapProgram


# What helpers read and write.


class SockTuple4(Struct):
    saddr: be32
    daddr: be32
    sport: be16
    dport: be16


class SockTuple6(Struct):
    saddr: u8[16]
    daddr: u8[16]
    sport: be16
    dport: be16


class bpf_sock_tuple(Union):
    """What sk_lookup_tcp looks for; the size it is given says which of the two."""

    ipv4: SockTuple4
    ipv6: SockTuple6


class bpf_flow_keys(Struct):
    """What a flow_dissector program fills in. nhoff, thoff: bytes from the packet's start; addr_proto: ETH_P_*."""

    nhoff: u16
    thoff: u16
    addr_proto: u16
    is_frag: u8
    is_first_frag: u8
    is_encap: u8
    ip_proto: u8
    n_proto: be16
    sport: be16
    dport: be16
    ipv6_src: u8[16]
    ipv6_dst: u8[16]
    flags: u32
    flow_label: be32


overlay(bpf_flow_keys, "ipv6_src", ipv4_src=be32, ipv4_dst=be32)


class bpf_fib_lookup(Struct):
    """A question to the routing table, and its answer: see the helper fib_lookup."""

    family: u8
    l4_protocol: u8
    sport: be16
    dport: be16
    tot_len: u16
    ifindex: u32
    flowinfo: be32
    ipv6_src: u8[16]
    ipv6_dst: u8[16]
    tbid: u32
    smac: u8[6]
    dmac: u8[6]


overlay(bpf_fib_lookup, "tot_len", mtu_result=u16)
overlay(bpf_fib_lookup, "flowinfo", tos=u8)
overlay(bpf_fib_lookup, "flowinfo", rt_metric=u32)
overlay(bpf_fib_lookup, "ipv6_src", ipv4_src=be32)
overlay(bpf_fib_lookup, "ipv6_dst", ipv4_dst=be32)
overlay(bpf_fib_lookup, "tbid", h_vlan_proto=be16, h_vlan_TCI=be16)
overlay(bpf_fib_lookup, "smac", mark=u32)


class bpf_tunnel_key(Struct):
    """A tunnel's addresses: IPv4 as numbers in host order, IPv6 as bytes."""

    tunnel_id: u32
    remote_ipv6: u8[16]
    tunnel_tos: u8
    tunnel_ttl: u8
    tunnel_flags: be16
    tunnel_label: u32
    local_ipv6: u8[16]


overlay(bpf_tunnel_key, "remote_ipv6", remote_ipv4=u32)
overlay(bpf_tunnel_key, "tunnel_flags", tunnel_ext=u16)
overlay(bpf_tunnel_key, "local_ipv6", local_ipv4=u32)


class bpf_xfrm_state(Struct):
    reqid: u32
    spi: be32
    family: u16
    ext: u16
    remote_ipv6: u8[16]


overlay(bpf_xfrm_state, "remote_ipv6", remote_ipv4=be32)


class bpf_redir_neigh(Struct):
    nh_family: u32
    ipv6_nh: u8[16]


overlay(bpf_redir_neigh, "ipv6_nh", ipv4_nh=be32)


class bpf_perf_event_value(Struct):
    counter: u64
    enabled: u64
    running: u64


class bpf_pidns_info(Struct):
    pid: u32
    tgid: u32


class btf_ptr(Struct):
    """A pointer and the id of its type in the kernel's BTF, for snprintf_btf."""

    ptr: Ptr["void"]
    type_id: u32
    flags: u32


__all__ = [
    "LpmKey4",
    "LpmKey6",
    "MapProgram",
    "SockTuple4",
    "SockTuple6",
    "bpf_cgroup_storage_key",
    "bpf_cpumap_val",
    "bpf_devmap_val",
    "bpf_dynptr",
    "bpf_fib_lookup",
    "bpf_flow_keys",
    "bpf_iter_num",
    "bpf_list_head",
    "bpf_list_node",
    "bpf_perf_event_value",
    "bpf_pidns_info",
    "bpf_rb_node",
    "bpf_rb_root",
    "bpf_redir_neigh",
    "bpf_refcount",
    "bpf_sock_tuple",
    "bpf_spin_lock",
    "bpf_timer",
    "bpf_tunnel_key",
    "bpf_wq",
    "bpf_xfrm_state",
    "btf_ptr",
    "overlay",
]
