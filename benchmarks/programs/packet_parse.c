#include "headers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u16);
	__type(value, u64);
} ports SEC(".maps");

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;
	struct tcphdr *tcp;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > end)
		return XDP_PASS;
	if (tcp->syn && !tcp->ack) {
		u16 port = bpf_ntohs(tcp->dest);
		u64 zero = 0;
		u64 *count = bpf_map_lookup_elem(&ports, &port);

		if (!count) {
			bpf_map_update_elem(&ports, &port, &zero, BPF_NOEXIST);
			count = bpf_map_lookup_elem(&ports, &port);
		}
		if (count)
			__sync_fetch_and_add(count, 1);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
