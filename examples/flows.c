// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Count the packets of each flow: from where, to where, to which port.
 *
 *     btfkit cc examples/flows.c -o flows.o && btfkit show flows.o
 */
#include <btfkit/bpf.h>
#include <btfkit/net.h>

struct flow {
	__be32 src; /* IPv4 addresses, as on the wire */
	__be32 dst;
	u16 port; /* destination port; 0 where there is none */
};

struct bpf_map_def SEC("maps") flows = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(struct flow),
	.value_size = sizeof(u64),
	.max_entries = 1024,
};
BPF_ANNOTATE_KV_PAIR(flows, struct flow, u64);

/* The start of a TCP header is the start of a UDP header too. */
struct ports {
	__be16 source;
	__be16 dest;
};

SEC("xdp")
int count(struct xdp_md *ctx)
{
	static u32 calls;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct flow key;
	u64 *packets;
	u64 one = 1;

	__sync_fetch_and_add(&calls, 1);

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5)
		return XDP_PASS;

	__builtin_memset(&key, 0, sizeof(key)); /* the two bytes behind `port` are part of the key */
	key.src = ip->saddr;
	key.dst = ip->daddr;
	if ((ip->protocol == IPPROTO_TCP || ip->protocol == IPPROTO_UDP) && !(ip->frag_off & bpf_htons(IP_OFFSET))) {
		struct ports *ports = (void *)ip + ip->ihl * 4;

		if ((void *)(ports + 1) > end)
			return XDP_PASS;
		key.port = bpf_ntohs(ports->dest);
	}

	packets = bpf_map_lookup_elem(&flows, &key);
	if (packets)
		__sync_fetch_and_add(packets, 1);
	else
		bpf_map_update_elem(&flows, &key, &one, BPF_NOEXIST);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
