#include "headers.h"

struct flow {
	__be32 src;
	__be32 dst;
	u16 sport;
	u16 dport;
	u8 proto;
};

struct total {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct flow);
	__type(value, struct total);
} flows SEC(".maps");

static int parse(struct xdp_md *ctx, struct flow *flow)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;
	struct tcphdr *tcp;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return 0;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP)
		return 0;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > end)
		return 0;
	__builtin_memset(flow, 0, sizeof(*flow));
	flow->src = ip->saddr;
	flow->dst = ip->daddr;
	flow->sport = bpf_ntohs(tcp->source);
	flow->dport = bpf_ntohs(tcp->dest);
	flow->proto = ip->protocol;
	return 1;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	struct flow flow;
	struct total *total;
	u64 len;

	if (!parse(ctx, &flow))
		return XDP_PASS;
	total = bpf_map_lookup_elem(&flows, &flow);
	len = ctx->data_end - ctx->data;
	if (!total) {
		struct total fresh = { .packets = 1, .bytes = len };

		bpf_map_update_elem(&flows, &flow, &fresh, BPF_ANY);
		return XDP_PASS;
	}
	__sync_fetch_and_add(&total->packets, 1);
	__sync_fetch_and_add(&total->bytes, len);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
