#include "headers.h"

struct last {
	u32 words : 4;
	u32 syn : 1;
	u32 fin : 1;
	u32 port : 16;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} flags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct last);
} last SEC(".maps");

SEC("tc")
int look(struct __sk_buff *skb)
{
	void *end = (void *)(long)skb->data_end;
	struct ethhdr *eth = (void *)(long)skb->data;
	struct iphdr *ip;
	struct tcphdr *tcp;
	struct last *seen;
	u64 *count;
	u32 key;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return TC_ACT_OK;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_TCP)
		return TC_ACT_OK;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)(tcp + 1) > end)
		return TC_ACT_OK;
	key = ((u8 *)tcp)[13];
	count = bpf_map_lookup_elem(&flags, &key);
	if (!count)
		return TC_ACT_UNSPEC;
	__sync_fetch_and_add(count, 1);
	key = 0;
	seen = bpf_map_lookup_elem(&last, &key);
	if (!seen)
		return TC_ACT_UNSPEC;
	seen->words = tcp->doff;
	seen->syn = tcp->syn;
	seen->fin = tcp->fin;
	seen->port = bpf_ntohs(tcp->dest);
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
