/* A program of each kind that can be attached, which counts. */
#include <btfkit/bpf.h>

#define COUNT(name) __sync_fetch_and_add(&name, 1)

u64 seen, mine, cookie, sizes;
u32 me;

SEC("xdp") int xdp_count(struct xdp_md *ctx)
{
	COUNT(seen);
	return XDP_PASS;
}

SEC("xdp") int xdp_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("tcx/egress") int tcx_count(struct __sk_buff *skb)
{
	COUNT(seen);
	return -1;
}

SEC("tc") int tc_drop(struct __sk_buff *skb)
{
	COUNT(seen);
	return 2;
}

SEC("netfilter") int nf_drop(void *ctx)
{
	COUNT(seen);
	return 0;
}

SEC("cgroup_skb/egress") int cgroup_count(struct __sk_buff *skb)
{
	COUNT(seen);
	return 1;
}

SEC("cgroup/skb") int cgroup_deny(struct __sk_buff *skb)
{
	return 0;
}

SEC("cgroup/sock_create") int cgroup_sock(void *ctx)
{
	return 0;
}

SEC("sockops") int cgroup_ops(void *ctx)
{
	COUNT(seen);
	return 1;
}

SEC("socket") int keep_10(struct __sk_buff *skb)
{
	COUNT(seen);
	return 10;
}

SEC("sk_lookup") int lookup(void *ctx)
{
	COUNT(seen);
	return 1;
}

SEC("flow_dissector") int dissect(struct __sk_buff *skb)
{
	return 0;
}

SEC("sk_msg") int message(void *ctx)
{
	COUNT(seen);
	return 1;
}

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} sockets SEC(".maps");

static __always_inline int traced(void)
{
	COUNT(seen);
	if (bpf_get_current_pid_tgid() >> 32 == me)
		COUNT(mine);
	return 0;
}

SEC("raw_tp/sys_enter") int raw(void *ctx) { return traced(); }
SEC("raw_tp") int raw_any(void *ctx) { return traced(); }
SEC("tp_btf/sys_enter") int typed(void *ctx) { return traced(); }
SEC("perf_event") int sampled(void *ctx) { return traced(); }
SEC("kprobe/do_nanosleep") int kernel_probe(void *ctx) { return traced(); }
SEC("kprobe.multi/do_nano*") int kernel_probes(void *ctx) { return traced(); }
SEC("uprobe") int probed(void *ctx) { return traced(); }
SEC("uretprobe") int returned(void *ctx) { return traced(); }
SEC("uprobe.multi") int probed_many(void *ctx) { return traced(); }

SEC("tracepoint/syscalls/sys_enter_getpgid") int point(void *ctx)
{
	cookie = bpf_get_attach_cookie(ctx);
	return traced();
}

struct iter_meta { void *seq; u64 session_id; u64 seq_num; };
struct bpf_iter__task { struct iter_meta *meta; void *task; };
struct bpf_iter__bpf_map_elem { struct iter_meta *meta; void *map; u32 *key; u64 *value; };

static long (*bpf_seq_printf)(void *seq, const char *fmt, u32 fmt_size, const void *data, u32 data_len) = (void *)126;

SEC("iter/task") int tasks(struct bpf_iter__task *ctx)
{
	static const char format[] = "task %llu\n";
	u64 number = ctx->meta->seq_num;

	if (ctx->task)
		bpf_seq_printf(ctx->meta->seq, format, sizeof(format), &number, sizeof(number));
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, u32);
	__type(value, u64);
} squares SEC(".maps");

SEC("iter/bpf_map_elem") int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	static const char format[] = "%llu: %llu\n";
	u64 numbers[2];

	if (!ctx->key || !ctx->value)
		return 0;
	numbers[0] = *ctx->key;
	numbers[1] = *ctx->value;
	bpf_seq_printf(ctx->meta->seq, format, sizeof(format), numbers, sizeof(numbers));
	return 0;
}

SEC("syscall") int run(void *ctx)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
