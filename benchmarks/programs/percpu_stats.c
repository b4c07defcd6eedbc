#include "headers.h"

struct stat {
	u64 packets;
	u64 bytes;
	u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, struct stat);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, u16);
	__type(value, u64);
} others SEC(".maps");

SEC("xdp")
int measure(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;
	struct stat *stat;
	u32 proto;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP)) {
		u16 key = bpf_ntohs(eth->h_proto);
		u64 zero = 0;
		u64 *count = bpf_map_lookup_elem(&others, &key);

		if (!count) {
			bpf_map_update_elem(&others, &key, &zero, BPF_NOEXIST);
			count = bpf_map_lookup_elem(&others, &key);
		}
		if (count)
			*count += 1;
		return XDP_PASS;
	}
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	proto = ip->protocol;
	stat = bpf_map_lookup_elem(&stats, &proto);
	if (!stat)
		return XDP_PASS;
	stat->packets += 1;
	stat->bytes += bpf_ntohs(ip->tot_len);
	stat->last = bpf_ktime_get_ns();
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
