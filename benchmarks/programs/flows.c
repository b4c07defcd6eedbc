#include "headers.h"

struct flow {
	__be32 src;
	__be32 dst;
	u16 port;
};

struct event {
	struct flow flow;
	u64 when;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct flow);
	__type(value, u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

u64 limit = 1000;

static int parse(struct xdp_md *ctx, struct flow *flow)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end)
		return 0;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->src = ip->saddr;
	flow->dst = ip->daddr;
	return 1;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct flow flow;
	u64 *packets, zero = 0;

	if (!parse(ctx, &flow))
		return XDP_PASS;
	packets = bpf_map_lookup_elem(&counts, &flow);
	if (!packets) {
		bpf_map_update_elem(&counts, &flow, &zero, BPF_NOEXIST);
		packets = bpf_map_lookup_elem(&counts, &flow);
	}
	if (packets)
		__sync_fetch_and_add(packets, 1);
	packets = bpf_map_lookup_elem(&counts, &flow);
	if (!packets)
		return XDP_PASS;
	if (*packets > limit) {
		struct event event = {};

		event.flow = flow;
		event.when = bpf_ktime_get_ns();
		bpf_get_current_comm(event.comm, sizeof(event.comm));
		bpf_ringbuf_output(&events, &event, sizeof(event), 0);
		return XDP_DROP;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
