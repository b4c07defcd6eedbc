/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of helper functions; <btfkit/bpf.h> includes it with BTFKIT_HELPER defined.
 *
 *     BTFKIT_HELPER(number, result, name, (parameters))
 *
 * Numbers and parameters: the list ___BPF_FUNC_MAPPER in the kernel's include/uapi/linux/bpf.h.
 */
#ifndef BTFKIT_HELPER
#error "include <btfkit/bpf.h>"
#endif

/* Maps. */
BTFKIT_HELPER(1, void *, bpf_map_lookup_elem, (void *map, const void *key))
BTFKIT_HELPER(2, long, bpf_map_update_elem, (void *map, const void *key, const void *value, u64 flags))
BTFKIT_HELPER(3, long, bpf_map_delete_elem, (void *map, const void *key))
BTFKIT_HELPER(87, long, bpf_map_push_elem, (void *map, const void *value, u64 flags))
BTFKIT_HELPER(88, long, bpf_map_pop_elem, (void *map, void *value))
BTFKIT_HELPER(89, long, bpf_map_peek_elem, (void *map, void *value))
BTFKIT_HELPER(164, long, bpf_for_each_map_elem, (void *map, void *callback_fn, void *callback_ctx, u64 flags))
BTFKIT_HELPER(195, void *, bpf_map_lookup_percpu_elem, (void *map, const void *key, u32 cpu))
BTFKIT_HELPER(93, void, bpf_spin_lock, (struct bpf_spin_lock *lock))
BTFKIT_HELPER(94, void, bpf_spin_unlock, (struct bpf_spin_lock *lock))

/* Control. */
BTFKIT_HELPER(12, long, bpf_tail_call, (void *ctx, void *prog_array_map, u32 index))
BTFKIT_HELPER(181, long, bpf_loop, (u32 nr_loops, void *callback_fn, void *callback_ctx, u64 flags))

/* Out to user space. */
BTFKIT_HELPER(6, long, bpf_trace_printk, (const char *fmt, u32 fmt_size, ...))
BTFKIT_HELPER(25, long, bpf_perf_event_output, (void *ctx, void *map, u64 flags, void *data, u64 size))
BTFKIT_HELPER(130, long, bpf_ringbuf_output, (void *ringbuf, void *data, u64 size, u64 flags))
BTFKIT_HELPER(131, void *, bpf_ringbuf_reserve, (void *ringbuf, u64 size, u64 flags))
BTFKIT_HELPER(132, void, bpf_ringbuf_submit, (void *data, u64 flags))
BTFKIT_HELPER(133, void, bpf_ringbuf_discard, (void *data, u64 flags))
BTFKIT_HELPER(134, u64, bpf_ringbuf_query, (void *ringbuf, u64 flags))

/* Memory that is not the program's own. */
BTFKIT_HELPER(4, long, bpf_probe_read, (void *dst, u32 size, const void *unsafe_ptr))
BTFKIT_HELPER(112, long, bpf_probe_read_user, (void *dst, u32 size, const void *unsafe_ptr))
BTFKIT_HELPER(113, long, bpf_probe_read_kernel, (void *dst, u32 size, const void *unsafe_ptr))
BTFKIT_HELPER(114, long, bpf_probe_read_user_str, (void *dst, u32 size, const void *unsafe_ptr))
BTFKIT_HELPER(115, long, bpf_probe_read_kernel_str, (void *dst, u32 size, const void *unsafe_ptr))

/* Time, chance, and where the program runs. */
BTFKIT_HELPER(5, u64, bpf_ktime_get_ns, (void))
BTFKIT_HELPER(125, u64, bpf_ktime_get_boot_ns, (void))
BTFKIT_HELPER(160, u64, bpf_ktime_get_coarse_ns, (void))
BTFKIT_HELPER(208, u64, bpf_ktime_get_tai_ns, (void))
BTFKIT_HELPER(118, u64, bpf_jiffies64, (void))
BTFKIT_HELPER(7, u32, bpf_get_prandom_u32, (void))
BTFKIT_HELPER(8, u32, bpf_get_smp_processor_id, (void))
BTFKIT_HELPER(42, long, bpf_get_numa_node_id, (void))
BTFKIT_HELPER(14, u64, bpf_get_current_pid_tgid, (void))
BTFKIT_HELPER(15, u64, bpf_get_current_uid_gid, (void))
BTFKIT_HELPER(16, long, bpf_get_current_comm, (void *buf, u32 size_of_buf))
BTFKIT_HELPER(35, u64, bpf_get_current_task, (void))
BTFKIT_HELPER(80, u64, bpf_get_current_cgroup_id, (void))
BTFKIT_HELPER(27, long, bpf_get_stackid, (void *ctx, void *map, u64 flags))
BTFKIT_HELPER(173, u64, bpf_get_func_ip, (void *ctx))
BTFKIT_HELPER(174, u64, bpf_get_attach_cookie, (void *ctx))

/* Packets. */
BTFKIT_HELPER(9, long, bpf_skb_store_bytes, (struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags))
BTFKIT_HELPER(26, long, bpf_skb_load_bytes, (const void *skb, u32 offset, void *to, u32 len))
BTFKIT_HELPER(10, long, bpf_l3_csum_replace, (struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 size))
BTFKIT_HELPER(11, long, bpf_l4_csum_replace, (struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags))
BTFKIT_HELPER(28, s64, bpf_csum_diff, (__be32 *from, u32 from_size, __be32 *to, u32 to_size, __wsum seed))
BTFKIT_HELPER(13, long, bpf_clone_redirect, (struct __sk_buff *skb, u32 ifindex, u64 flags))
BTFKIT_HELPER(23, long, bpf_redirect, (u32 ifindex, u64 flags))
BTFKIT_HELPER(51, long, bpf_redirect_map, (void *map, u64 key, u64 flags))
BTFKIT_HELPER(39, long, bpf_skb_pull_data, (struct __sk_buff *skb, u32 len))
BTFKIT_HELPER(44, long, bpf_xdp_adjust_head, (struct xdp_md *xdp_md, int delta))
BTFKIT_HELPER(65, long, bpf_xdp_adjust_tail, (struct xdp_md *xdp_md, int delta))
