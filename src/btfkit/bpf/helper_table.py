"""The kernel's helper functions, a line each: what a call is checked with.

Out: `HELPERS`, by names without ``bpf_``; a line is parsed when it is asked for. The table is complete: since Linux 6.2
the kernel takes no new helpers, only kfuncs.

A line is ``number name(argument, ...) -> result``, and ``gpl`` where the program's licence must be compatible with the
GPL. An argument is ``name:kind``, or one word where both are the same. Its kind is

====================  =========================================================================================
u8 … u64, i8 … i64    a number; ``int`` is i32, ``long`` i64; be16 one in network order
ctx                   the program's context
map                   a map
key, value            memory that is read: a key, a value of the map that is an earlier argument
mem, out, inout       memory that is read, written, both; without a ``size`` behind it, as large as it must be
size                  bytes of the memory before it
str                   constant text that ends in NUL; a ``size`` behind it counts the NUL
func                  a function of the program
addr                  an address anywhere, as a number
ksym                  a per-CPU variable of the kernel
u64*, i64*, u32*      a number in memory that is written
NAME*                 a struct by the kernel's name; ``sock_common*`` is a socket of any type, ``void*`` any object
...                   numbers, as many as registers are left
====================  =========================================================================================

with ``?`` where NULL is allowed, and ``kind|kind`` where it depends on the type of the program. A result is ``void``, a
number, ``value`` of the map, ``mem``, or ``NAME*``; with ``?`` where it may be NULL.

Source: include/uapi/linux/bpf.h; kinds and ``gpl`` from the ``struct bpf_func_proto`` in kernel/bpf, kernel/trace and
net/core of 6.12. Where these differ between types of programs, ``gpl`` stands if any of them has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument. kind: see the module; other_kind: what it is in programs of other types, or "" """

    name: str
    kind: str
    nullable: bool = False
    other_kind: str = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper. name: without ``bpf_``; returns: see the module, with its ``?``."""

    number: int
    name: str
    returns: str
    args: tuple[Arg, ...]
    gpl_only: bool = False


def parse_helper(line: str) -> Helper:
    """One line of the table. ValueError: it is not one."""
    match = re.fullmatch(r"(\d+) (\w+)\((.*)\) -> (\S+)( gpl)?", line)
    if match is None:
        raise ValueError(f"not a helper: {line!r}")
    number, name, args, returns, gpl = match.groups()
    return Helper(int(number), name, returns, tuple(map(_parse_arg, args.split(", "))) if args else (), bool(gpl))


def _parse_arg(text: str) -> Arg:
    name, colon, kind = text.partition(":")
    kind = kind if colon else name
    kind, _, other = kind.removesuffix("?").partition("|")
    return Arg(name, kind, text.endswith("?"), other)


class HelperTable(Mapping[str, Helper]):
    """Helpers by name, in the order of their numbers."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._lines: dict[str, str] = {}
        self._parsed: dict[str, Helper] = {}

    def _index(self) -> dict[str, str]:
        if not self._lines:
            self._lines = {line[line.index(" ") + 1 : line.index("(")]: line for line in self._table.split("\n")}
        return self._lines

    def __getitem__(self, name: str) -> Helper:
        helper = self._parsed.get(name)
        if helper is None:
            helper = self._parsed[name] = parse_helper(self._index()[name])
        return helper

    def __iter__(self) -> Iterator[str]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __contains__(self, name: object) -> bool:
        return name in self._index()


HELPERS: Mapping[str, Helper] = HelperTable(
    """\
1 map_lookup_elem(map, key) -> value?
2 map_update_elem(map, key, value, flags:u64) -> i64
3 map_delete_elem(map, key) -> i64
4 probe_read(dst:out, size, unsafe_ptr:addr) -> i64 gpl
5 ktime_get_ns() -> u64
6 trace_printk(fmt:str, fmt_size:size, ...) -> i64 gpl
7 get_prandom_u32() -> u32
8 get_smp_processor_id() -> u32
9 skb_store_bytes(skb:ctx, offset:u32, from:mem, len:size, flags:u64) -> i64
10 l3_csum_replace(skb:ctx, offset:u32, from:u64, to:u64, size:u64) -> i64
11 l4_csum_replace(skb:ctx, offset:u32, from:u64, to:u64, flags:u64) -> i64
12 tail_call(ctx, prog_array_map:map, index:u32) -> void
13 clone_redirect(skb:ctx, ifindex:u32, flags:u64) -> i64
14 get_current_pid_tgid() -> u64
15 get_current_uid_gid() -> u64
16 get_current_comm(buf:out, size_of_buf:size) -> i64
17 get_cgroup_classid(skb:ctx) -> u32
18 skb_vlan_push(skb:ctx, vlan_proto:be16, vlan_tci:u16) -> i64
19 skb_vlan_pop(skb:ctx) -> i64
20 skb_get_tunnel_key(skb:ctx, key:out, size, flags:u64) -> i64
21 skb_set_tunnel_key(skb:ctx, key:mem, size, flags:u64) -> i64
22 perf_event_read(map, flags:u64) -> u64 gpl
23 redirect(ifindex:u32, flags:u64) -> i64
24 get_route_realm(skb:ctx) -> u32
25 perf_event_output(ctx, map, flags:u64, data:mem, size) -> i64 gpl
26 skb_load_bytes(skb:ctx, offset:u32, to:out, len:size) -> i64
27 get_stackid(ctx, map, flags:u64) -> i64 gpl
28 csum_diff(from:mem?, from_size:size, to:mem?, to_size:size, seed:u32) -> i64
29 skb_get_tunnel_opt(skb:ctx, opt:out, size) -> i64
30 skb_set_tunnel_opt(skb:ctx, opt:mem, size) -> i64
31 skb_change_proto(skb:ctx, proto:be16, flags:u64) -> i64
32 skb_change_type(skb:ctx, type:u32) -> i64
33 skb_under_cgroup(skb:ctx, map, index:u32) -> i64
34 get_hash_recalc(skb:ctx) -> u32
35 get_current_task() -> u64 gpl
36 probe_write_user(dst:addr, src:mem, len:size) -> i64 gpl
37 current_task_under_cgroup(map, index:u32) -> i64
38 skb_change_tail(skb:ctx, len:u32, flags:u64) -> i64
39 skb_pull_data(skb:ctx, len:u32) -> i64
40 csum_update(skb:ctx, csum:u32) -> i64
41 set_hash_invalid(skb:ctx) -> void
42 get_numa_node_id() -> i64
43 skb_change_head(skb:ctx, len:u32, flags:u64) -> i64
44 xdp_adjust_head(xdp_md:ctx, delta:i32) -> i64
45 probe_read_str(dst:out, size, unsafe_ptr:addr) -> i64 gpl
46 get_socket_cookie(ctx:ctx|sock_common*) -> u64
47 get_socket_uid(skb:ctx) -> u32
48 set_hash(skb:ctx, hash:u32) -> i64
49 setsockopt(bpf_socket:ctx|sock_common*, level:i32, optname:i32, optval:mem, optlen:size) -> i64
50 skb_adjust_room(skb:ctx, len_diff:i32, mode:u32, flags:u64) -> i64
51 redirect_map(map, key:u64, flags:u64) -> i64
52 sk_redirect_map(skb:ctx, map, key:u32, flags:u64) -> i64
53 sock_map_update(skops:ctx, map, key, flags:u64) -> i64
54 xdp_adjust_meta(xdp_md:ctx, delta:i32) -> i64
55 perf_event_read_value(map, flags:u64, buf:out, buf_size:size) -> i64 gpl
56 perf_prog_read_value(ctx, buf:out, buf_size:size) -> i64 gpl
57 getsockopt(bpf_socket:ctx|sock_common*, level:i32, optname:i32, optval:out, optlen:size) -> i64
58 override_return(regs:ctx, rc:u64) -> i64 gpl
59 sock_ops_cb_flags_set(bpf_sock:ctx, argval:i32) -> i64
60 msg_redirect_map(msg:ctx, map, key:u32, flags:u64) -> i64
61 msg_apply_bytes(msg:ctx, bytes:u32) -> i64
62 msg_cork_bytes(msg:ctx, bytes:u32) -> i64
63 msg_pull_data(msg:ctx, start:u32, end:u32, flags:u64) -> i64
64 bind(ctx, addr:mem, addr_len:size) -> i64
65 xdp_adjust_tail(xdp_md:ctx, delta:i32) -> i64
66 skb_get_xfrm_state(skb:ctx, index:u32, xfrm_state:out, size, flags:u64) -> i64
67 get_stack(ctx, buf:out, size, flags:u64) -> i64 gpl
68 skb_load_bytes_relative(skb:ctx, offset:u32, to:out, len:size, start_header:u32) -> i64
69 fib_lookup(ctx, params:inout, plen:size, flags:u32) -> i64 gpl
70 sock_hash_update(skops:ctx, map, key, flags:u64) -> i64
71 msg_redirect_hash(msg:ctx, map, key, flags:u64) -> i64
72 sk_redirect_hash(skb:ctx, map, key, flags:u64) -> i64
73 lwt_push_encap(skb:ctx, type:u32, hdr:mem, len:size) -> i64
74 lwt_seg6_store_bytes(skb:ctx, offset:u32, from:mem, len:size) -> i64
75 lwt_seg6_adjust_srh(skb:ctx, offset:u32, delta:i32) -> i64
76 lwt_seg6_action(skb:ctx, action:u32, param:mem, param_len:size) -> i64
77 rc_repeat(ctx) -> i64 gpl
78 rc_keydown(ctx, protocol:u32, scancode:u64, toggle:u32) -> i64 gpl
79 skb_cgroup_id(skb:ctx) -> u64
80 get_current_cgroup_id() -> u64
81 get_local_storage(map, flags:u64) -> value
82 sk_select_reuseport(reuse:ctx, map, key, flags:u64) -> i64
83 skb_ancestor_cgroup_id(skb:ctx, ancestor_level:i32) -> u64
84 sk_lookup_tcp(ctx, tuple:mem, tuple_size:size, netns:u64, flags:u64) -> bpf_sock*?
85 sk_lookup_udp(ctx, tuple:mem, tuple_size:size, netns:u64, flags:u64) -> bpf_sock*?
86 sk_release(sock:sock_common*) -> i64
87 map_push_elem(map, value, flags:u64) -> i64
88 map_pop_elem(map, value:out) -> i64
89 map_peek_elem(map, value:out) -> i64
90 msg_push_data(msg:ctx, start:u32, len:u32, flags:u64) -> i64
91 msg_pop_data(msg:ctx, start:u32, len:u32, flags:u64) -> i64
92 rc_pointer_rel(ctx, rel_x:i32, rel_y:i32) -> i64 gpl
93 spin_lock(lock:bpf_spin_lock*) -> void
94 spin_unlock(lock:bpf_spin_lock*) -> void
95 sk_fullsock(sk:bpf_sock*) -> bpf_sock*?
96 tcp_sock(sk:bpf_sock*) -> bpf_tcp_sock*?
97 skb_ecn_set_ce(skb:ctx) -> i64
98 get_listener_sock(sk:bpf_sock*) -> bpf_sock*?
99 skc_lookup_tcp(ctx, tuple:mem, tuple_size:size, netns:u64, flags:u64) -> bpf_sock*?
100 tcp_check_syncookie(sk:sock_common*, iph:mem, iph_len:size, th:mem, th_len:size) -> i64 gpl
101 sysctl_get_name(ctx, buf:out, buf_len:size, flags:u64) -> i64
102 sysctl_get_current_value(ctx, buf:out, buf_len:size) -> i64
103 sysctl_get_new_value(ctx, buf:out, buf_len:size) -> i64
104 sysctl_set_new_value(ctx, buf:mem, buf_len:size) -> i64
105 strtol(buf:mem, buf_len:size, flags:u64, res:i64*) -> i64
106 strtoul(buf:mem, buf_len:size, flags:u64, res:u64*) -> i64
107 sk_storage_get(map, sk:sock_common*|ctx, value:value?, flags:u64) -> value?
108 sk_storage_delete(map, sk:sock_common*|ctx) -> i64
109 send_signal(sig:u32) -> i64
110 tcp_gen_syncookie(sk:sock_common*, iph:mem, iph_len:size, th:mem, th_len:size) -> i64 gpl
111 skb_output(ctx:sk_buff*, map, flags:u64, data:mem, size) -> i64 gpl
112 probe_read_user(dst:out, size, unsafe_ptr:addr) -> i64 gpl
113 probe_read_kernel(dst:out, size, unsafe_ptr:addr) -> i64 gpl
114 probe_read_user_str(dst:out, size, unsafe_ptr:addr) -> i64 gpl
115 probe_read_kernel_str(dst:out, size, unsafe_ptr:addr) -> i64 gpl
116 tcp_send_ack(tp:tcp_sock*, rcv_nxt:u32) -> i64
117 send_signal_thread(sig:u32) -> i64
118 jiffies64() -> u64
119 read_branch_records(ctx, buf:out?, size, flags:u64) -> i64 gpl
120 get_ns_current_pid_tgid(dev:u64, ino:u64, nsdata:out, size) -> i64
121 xdp_output(ctx:xdp_buff*, map, flags:u64, data:mem, size) -> i64 gpl
122 get_netns_cookie(ctx:ctx?) -> u64
123 get_current_ancestor_cgroup_id(ancestor_level:i32) -> u64
124 sk_assign(ctx, sk:sock_common*, flags:u64) -> i64
125 ktime_get_boot_ns() -> u64
126 seq_printf(m:seq_file*, fmt:str, fmt_size:size, data:mem?, data_len:size) -> i64 gpl
127 seq_write(m:seq_file*, data:mem, len:size) -> i64 gpl
128 sk_cgroup_id(sk:sock_common*) -> u64
129 sk_ancestor_cgroup_id(sk:sock_common*, ancestor_level:i32) -> u64
130 ringbuf_output(ringbuf:map, data:mem, size, flags:u64) -> i64
131 ringbuf_reserve(ringbuf:map, size:u64, flags:u64) -> mem?
132 ringbuf_submit(data:mem, flags:u64) -> void
133 ringbuf_discard(data:mem, flags:u64) -> void
134 ringbuf_query(ringbuf:map, flags:u64) -> u64
135 csum_level(skb:ctx, level:u64) -> i64
136 skc_to_tcp6_sock(sk:sock_common*) -> tcp6_sock*?
137 skc_to_tcp_sock(sk:sock_common*) -> tcp_sock*?
138 skc_to_tcp_timewait_sock(sk:sock_common*) -> tcp_timewait_sock*?
139 skc_to_tcp_request_sock(sk:sock_common*) -> tcp_request_sock*?
140 skc_to_udp6_sock(sk:sock_common*) -> udp6_sock*?
141 get_task_stack(task:task_struct*, buf:out, size, flags:u64) -> i64
142 load_hdr_opt(skops:ctx, searchby_res:inout, len:size, flags:u64) -> i64
143 store_hdr_opt(skops:ctx, from:mem, len:size, flags:u64) -> i64
144 reserve_hdr_opt(skops:ctx, len:u32, flags:u64) -> i64
145 inode_storage_get(map, inode:inode*?, value:value?, flags:u64) -> value?
146 inode_storage_delete(map, inode:inode*?) -> i32
147 d_path(path:path*, buf:out, sz:size) -> i64
148 copy_from_user(dst:out, size, user_ptr:addr) -> i64
149 snprintf_btf(str:out, str_size:size, ptr:mem, btf_ptr_size:size, flags:u64) -> i64
150 seq_printf_btf(m:seq_file*, ptr:mem, ptr_size:size, flags:u64) -> i64 gpl
151 skb_cgroup_classid(skb:ctx) -> u64
152 redirect_neigh(ifindex:u32, params:mem?, plen:size, flags:u64) -> i64
153 per_cpu_ptr(percpu_ptr:ksym, cpu:u32) -> mem?
154 this_cpu_ptr(percpu_ptr:ksym) -> mem
155 redirect_peer(ifindex:u32, flags:u64) -> i64
156 task_storage_get(map, task:task_struct*?, value:value?, flags:u64) -> value?
157 task_storage_delete(map, task:task_struct*?) -> i64
158 get_current_task_btf() -> task_struct* gpl
159 bprm_opts_set(bprm:linux_binprm*, flags:u64) -> i64
160 ktime_get_coarse_ns() -> u64
161 ima_inode_hash(inode:inode*, dst:out, size) -> i64
162 sock_from_file(file:file*) -> socket*?
163 check_mtu(ctx, ifindex:u32, mtu_len:u32*, len_diff:i32, flags:u64) -> i64 gpl
164 for_each_map_elem(map, callback_fn:func, callback_ctx:inout?, flags:u64) -> i64
165 snprintf(str:out?, str_size:size, fmt:str, data:mem?, data_len:size) -> i64 gpl
166 sys_bpf(cmd:u32, attr:mem, attr_size:size) -> i64
167 btf_find_by_name_kind(name:str, name_sz:size, kind:u32, flags:i32) -> i64
168 sys_close(fd:u32) -> i64
169 timer_init(timer:bpf_timer*, map, flags:u64) -> i64 gpl
170 timer_set_callback(timer:bpf_timer*, callback_fn:func) -> i64 gpl
171 timer_start(timer:bpf_timer*, nsecs:u64, flags:u64) -> i64 gpl
172 timer_cancel(timer:bpf_timer*) -> i64 gpl
173 get_func_ip(ctx) -> u64 gpl
174 get_attach_cookie(ctx) -> u64
175 task_pt_regs(task:task_struct*) -> pt_regs* gpl
176 get_branch_snapshot(entries:out, size, flags:u64) -> i64 gpl
177 trace_vprintk(fmt:str, fmt_size:size, data:mem?, data_len:size) -> i64 gpl
178 skc_to_unix_sock(sk:sock_common*) -> unix_sock*?
179 kallsyms_lookup_name(name:str, name_sz:size, flags:i32, res:u64*) -> i64
180 find_vma(task:task_struct*, addr:u64, callback_fn:func, callback_ctx:inout?, flags:u64) -> i64
181 loop(nr_loops:u32, callback_fn:func, callback_ctx:inout?, flags:u64) -> i64
182 strncmp(s1:mem, s1_sz:size, s2:str) -> i64
183 get_func_arg(ctx, n:u32, value:u64*) -> i64
184 get_func_ret(ctx, value:u64*) -> i64
185 get_func_arg_cnt(ctx) -> i64
186 get_retval() -> i32
187 set_retval(retval:i32) -> i32
188 xdp_get_buff_len(xdp_md:ctx) -> u64
189 xdp_load_bytes(xdp_md:ctx, offset:u32, buf:out, len:size) -> i64
190 xdp_store_bytes(xdp_md:ctx, offset:u32, buf:mem, len:size) -> i64
191 copy_from_user_task(dst:out, size, user_ptr:addr, tsk:task_struct*, flags:u64) -> i64 gpl
192 skb_set_tstamp(skb:ctx, tstamp:u64, tstamp_type:u32) -> i64
193 ima_file_hash(file:file*, dst:out, size) -> i64
194 kptr_xchg(map_value:void*, ptr:void*?) -> void*?
195 map_lookup_percpu_elem(map, key, cpu:u32) -> value?
196 skc_to_mptcp_sock(sk:sock_common*) -> mptcp_sock*?
197 dynptr_from_mem(data:inout, size, flags:u64, ptr:bpf_dynptr*) -> i64
198 ringbuf_reserve_dynptr(ringbuf:map, size:u32, flags:u64, ptr:bpf_dynptr*) -> i64
199 ringbuf_submit_dynptr(ptr:bpf_dynptr*, flags:u64) -> void
200 ringbuf_discard_dynptr(ptr:bpf_dynptr*, flags:u64) -> void
201 dynptr_read(dst:out, len:size, src:bpf_dynptr*, offset:u32, flags:u64) -> i64
202 dynptr_write(dst:bpf_dynptr*, offset:u32, src:mem, len:size, flags:u64) -> i64
203 dynptr_data(ptr:bpf_dynptr*, offset:u32, len:u32) -> mem?
204 tcp_raw_gen_syncookie_ipv4(iph:iphdr*, th:mem, th_len:size) -> i64 gpl
205 tcp_raw_gen_syncookie_ipv6(iph:ipv6hdr*, th:mem, th_len:size) -> i64 gpl
206 tcp_raw_check_syncookie_ipv4(iph:iphdr*, th:tcphdr*) -> i64 gpl
207 tcp_raw_check_syncookie_ipv6(iph:ipv6hdr*, th:tcphdr*) -> i64 gpl
208 ktime_get_tai_ns() -> u64
209 user_ringbuf_drain(map, callback_fn:func, ctx:inout?, flags:u64) -> i64
210 cgrp_storage_get(map, cgroup:cgroup*?, value:value?, flags:u64) -> value?
211 cgrp_storage_delete(map, cgroup:cgroup*?) -> i64"""
)

__all__ = ["HELPERS", "Arg", "Helper", "HelperTable", "parse_helper"]
