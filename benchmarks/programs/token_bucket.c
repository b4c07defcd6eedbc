#include "headers.h"

struct bucket {
	u64 tokens;
	u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __be32);
	__type(value, struct bucket);
} buckets SEC(".maps");

u64 rate = 1000;
u64 burst = 100;

SEC("xdp")
int limit(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;
	struct bucket *bucket;
	__be32 source;
	u64 now, more;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	now = bpf_ktime_get_ns();
	source = ip->saddr;
	bucket = bpf_map_lookup_elem(&buckets, &source);
	if (!bucket) {
		struct bucket fresh = { .tokens = burst, .last = now };

		bpf_map_update_elem(&buckets, &source, &fresh, BPF_ANY);
		return XDP_PASS;
	}
	more = (now - bucket->last) * rate / 1000000000;
	if (more) {
		u64 tokens = bucket->tokens + more;

		bucket->tokens = tokens < burst ? tokens : burst;
		bucket->last = now;
	}
	if (!bucket->tokens)
		return XDP_DROP;
	__sync_fetch_and_add(&bucket->tokens, -1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
