/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a BPF program in C needs: types, sections, map declarations, contexts, helpers.
 *
 *     #include <btfkit/bpf.h>
 *
 * No system header is needed. Works with clang, `zig cc` and GCC for BPF, in both byte orders. Where
 * vmlinux.h or <linux/bpf.h> was included first, the kernel's own types are used and ours stay away.
 * Numbers and layouts are the kernel's: include/uapi/linux/bpf.h, include/uapi/linux/pkt_cls.h.
 */
#ifndef BTFKIT_BPF_H
#define BTFKIT_BPF_H

/* ---- integers ------------------------------------------------------------------------------ */

#ifndef __VMLINUX_H__

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef signed short s16;
typedef signed int s32;
typedef signed long long s64;

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef signed short __s16;
typedef signed int __s32;
typedef signed long long __s64;

/* Integers in the byte order their name says, as on the wire; the compiler does not tell them apart. */
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __sum16;
typedef __u32 __wsum;

#if !defined(bool) && (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L)
typedef _Bool bool;
#endif
#ifndef true
#define true 1
#define false 0
#endif

#endif /* !__VMLINUX_H__ */

#ifndef NULL
#define NULL ((void *)0)
#endif

/* ---- where things go ------------------------------------------------------------------------ */

/* Put a program, a map, the licence or any variable into a named section, used or not. */
#ifdef __clang__
/* clang warns that an extern declaration cannot be `used`. */
#define SEC(name)                                                                                              \
	_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wignored-attributes\"")               \
	__attribute__((section(name), used)) _Pragma("GCC diagnostic pop")
#else
#define SEC(name) __attribute__((section(name), used))
#endif

/* What the kernel defines: a setting of its configuration, a symbol of its own. */
#define __kconfig __attribute__((section(".kconfig")))
#define __ksym __attribute__((section(".ksyms")))

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
/* Before a loop: write it out, so that every index is a constant (a context takes no other). */
#if defined(__clang__)
#define __unroll _Pragma("unroll")
#else
#define __unroll _Pragma("GCC unroll 128")
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

/* ---- maps ----------------------------------------------------------------------------------- */

/*
 * The classic way: a definition in the section "maps", and beside it what its keys and values are.
 *
 *     struct bpf_map_def SEC("maps") flows = {
 *         .type = BPF_MAP_TYPE_HASH,
 *         .key_size = sizeof(struct flow),
 *         .value_size = sizeof(u64),
 *         .max_entries = 1024,
 *     };
 *     BPF_ANNOTATE_KV_PAIR(flows, struct flow, u64);
 */
struct bpf_map_def {
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 map_flags;
};

/* An empty variable whose type holds the two types, so that the compiler describes them. */
#define BPF_ANNOTATE_KV_PAIR(name, type_key, type_val)                            \
	struct ____btf_map_##name {                                               \
		type_key key;                                                     \
		type_val value;                                                   \
	};                                                                        \
	struct ____btf_map_##name                                                 \
		__attribute__((section(".maps." #name), used)) ____btf_map_##name \
		= { }

/*
 * The newer way: a variable in the section ".maps" whose type says everything.
 *
 *     struct {
 *         __uint(type, BPF_MAP_TYPE_ARRAY);
 *         __uint(max_entries, 256);
 *         __type(key, u32);
 *         __type(value, u64);
 *     } packets SEC(".maps");
 */
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]
#ifndef __ulong
#define __btfkit_join(a, b) a##b
#define __btfkit_unique(a, b) __btfkit_join(a, b)
#define __ulong(name, val) enum { __btfkit_unique(__unique_value, __COUNTER__) = (val) } name
#endif

/* Values of the attribute `pinning`. */
enum libbpf_pin_type {
	LIBBPF_PIN_NONE = 0,
	LIBBPF_PIN_BY_NAME = 1,
};

#if !defined(__VMLINUX_H__) && !defined(__LINUX_BPF_H__)

enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC = 0,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_DEVMAP = 14,
	BPF_MAP_TYPE_SOCKMAP = 15,
	BPF_MAP_TYPE_CPUMAP = 16,
	BPF_MAP_TYPE_XSKMAP = 17,
	BPF_MAP_TYPE_SOCKHASH = 18,
	BPF_MAP_TYPE_CGROUP_STORAGE = 19,
	BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20,
	BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_DEVMAP_HASH = 25,
	BPF_MAP_TYPE_STRUCT_OPS = 26,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_INODE_STORAGE = 28,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_BLOOM_FILTER = 30,
	BPF_MAP_TYPE_USER_RINGBUF = 31,
	BPF_MAP_TYPE_CGRP_STORAGE = 32,
	BPF_MAP_TYPE_ARENA = 33,
	BPF_MAP_TYPE_INSN_ARRAY = 34,
};

/* Flags of a map. */
#define BPF_F_NO_PREALLOC (1U << 0)
#define BPF_F_NO_COMMON_LRU (1U << 1)
#define BPF_F_NUMA_NODE (1U << 2)
#define BPF_F_RDONLY (1U << 3)
#define BPF_F_WRONLY (1U << 4)
#define BPF_F_RDONLY_PROG (1U << 7)
#define BPF_F_WRONLY_PROG (1U << 8)
#define BPF_F_MMAPABLE (1U << 10)
#define BPF_F_INNER_MAP (1U << 12)

/* Flags of an update: make or replace, only make, only replace, with the value's spin lock held. */
#define BPF_ANY 0
#define BPF_NOEXIST 1
#define BPF_EXIST 2
#define BPF_F_LOCK 4

/* Which CPU's entry: the one the program runs on. */
#define BPF_F_INDEX_MASK 0xffffffffULL
#define BPF_F_CURRENT_CPU BPF_F_INDEX_MASK

/* Ring buffer: whether to wake the reader. */
#define BPF_RB_NO_WAKEUP (1ULL << 0)
#define BPF_RB_FORCE_WAKEUP (1ULL << 1)

/* To be embedded in a map's value, see bpf_spin_lock. */
struct bpf_spin_lock {
	__u32 val;
};

/* ---- contexts and verdicts ------------------------------------------------------------------ */

/* XDP. `data` and `data_end` are pointers for the program: (void *)(long)ctx->data. */
struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP = 1,
	XDP_PASS = 2,
	XDP_TX = 3,
	XDP_REDIRECT = 4,
};

struct bpf_flow_keys;
struct bpf_sock;

/* A pointer that takes eight bytes whatever the machine. */
#define __btfkit_md_ptr(type, name) \
	union {                     \
		type name;          \
		__u64 : 64;         \
	} __attribute__((aligned(8)))

/* Socket filters, tc, cgroup_skb, sk_skb, lwt. */
struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol; /* big-endian */
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
	__u32 napi_id;
	__u32 family; /* from here to local_port: sk_skb only */
	__u32 remote_ip4; /* big-endian, as the next four */
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port; /* the program's byte order */
	__u32 data_meta;
	__btfkit_md_ptr(struct bpf_flow_keys *, flow_keys);
	__u64 tstamp;
	__u32 wire_len;
	__u32 gso_segs;
	__btfkit_md_ptr(struct bpf_sock *, sk);
	__u32 gso_size;
	__u8 tstamp_type;
	__u32 : 24;
	__u64 hwtstamp;
};

/* raw_tp: the tracepoint's arguments, each as 64 bits. */
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

#endif /* neither vmlinux.h nor <linux/bpf.h> */

/* What a tc program returns. */
#ifndef TC_ACT_OK
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_RECLASSIFY 1
#define TC_ACT_SHOT 2
#define TC_ACT_PIPE 3
#define TC_ACT_STOLEN 4
#define TC_ACT_QUEUED 5
#define TC_ACT_REPEAT 6
#define TC_ACT_REDIRECT 7
#define TC_ACT_TRAP 8
#endif

/* ---- helpers -------------------------------------------------------------------------------- */

/*
 * A helper is a call to a number. Clang makes it out of a constant function pointer, which leaves no
 * variable and no BTF behind; GCC 12 wants an attribute, and adds a FUNC to the BTF for each one called.
 * <btfkit/helpers.h> is the table: one line a helper, its number said once.
 */
#ifndef __BPF_HELPERS__
#if defined(__clang__)
#define BTFKIT_HELPER(number, result, name, args) \
	static result(*const name) args __attribute__((unused)) = (result(*) args)(unsigned long)number;
#else
#define BTFKIT_HELPER(number, result, name, args) extern result name args __attribute__((kernel_helper(number)));
#endif
#include <btfkit/helpers.h>
#undef BTFKIT_HELPER

/*
 * printf into /sys/kernel/tracing/trace_pipe; up to three values. The format is copied to the stack,
 * so it should be short, and the object gets no variable for it.
 */
#define bpf_printk(fmt, ...)                                                  \
	({                                                                    \
		char ____fmt[] = fmt;                                         \
		bpf_trace_printk(____fmt, sizeof(____fmt), ##__VA_ARGS__);    \
	})
#endif /* !__BPF_HELPERS__ */

#endif /* BTFKIT_BPF_H */
