// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Count packets by IP protocol, in an array with one slot a protocol. Slots hold only what is as long as
 * `min_len` or longer, which user space may set while the program runs.
 */
#include <btfkit/bpf.h>
#include <btfkit/net.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u64);
} packets SEC(".maps");

u32 min_len = 1; /* in bytes, with the Ethernet header */
u64 too_short; /* packets left out because of it */

/* The IP protocol of a packet, or -1: neither IPv4 nor IPv6, or cut off. */
static __noinline int protocol_of(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > end)
		return -1;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? -1 : ip->protocol;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? -1 : ip->nexthdr;
	}
	return -1;
}

SEC("xdp")
int count_protocols(struct xdp_md *ctx)
{
	int protocol = protocol_of(ctx);
	u32 slot = protocol;
	u64 *seen;

	if (protocol < 0)
		return XDP_PASS;
	if (ctx->data_end - ctx->data < min_len) {
		__sync_fetch_and_add(&too_short, 1);
		return XDP_PASS;
	}
	seen = bpf_map_lookup_elem(&packets, &slot);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
