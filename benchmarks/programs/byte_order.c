#include "headers.h"

struct udp {
	__be16 source;
	__be16 dest;
	__be16 len;
	u16 check;
};

SEC("xdp")
int echo(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip;
	struct udp *udp;
	__be32 address;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_UDP || ip->ihl != 5)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > end || udp->dest != bpf_htons(7) || bpf_ntohs(udp->source) < 1024)
		return XDP_PASS;
	for (int i = 0; i < 6; i++) {
		u8 byte = eth->h_source[i];

		eth->h_source[i] = eth->h_dest[i];
		eth->h_dest[i] = byte;
	}
	address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->dest = udp->source;
	udp->source = bpf_htons(7);
	ip->ttl = 64;
	udp->check = 0;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
