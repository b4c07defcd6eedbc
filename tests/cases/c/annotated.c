/* Three legacy maps: two annotated, one of an older spelling's age without a typed key. */
#include <btfkit/bpf.h>

struct addr { u32 ip; u16 port; u16 pad; };
struct stats { u64 packets; u64 bytes; };

struct bpf_map_def SEC("maps") by_addr = { BPF_MAP_TYPE_HASH, sizeof(struct addr), sizeof(struct stats), 100, 0 };
BPF_ANNOTATE_KV_PAIR(by_addr, struct addr, struct stats);
struct bpf_map_def SEC("maps") totals = { BPF_MAP_TYPE_ARRAY, sizeof(u32), sizeof(u64), 4, 0 };
BPF_ANNOTATE_KV_PAIR(totals, u32, u64);

SEC("socket") int tally(struct __sk_buff *skb)
{
	struct addr key = { skb->len, 80, 0 };
	struct stats one = { 1, skb->len }, *seen = bpf_map_lookup_elem(&by_addr, &key);
	u32 zero = 0;
	u64 *total = bpf_map_lookup_elem(&totals, &zero);

	if (seen)
		__sync_fetch_and_add(&seen->packets, 1);
	else
		bpf_map_update_elem(&by_addr, &key, &one, 0);
	if (total)
		__sync_fetch_and_add(total, skb->len);
	return 0;
}

char _license[] SEC("license") = "GPL";
