/* Legacy maps without annotations, one of them static: only their sizes are known. */
#include <btfkit/bpf.h>

#ifndef LINKAGE
#define LINKAGE static /* libbpf takes no static maps */
#endif

struct bpf_map_def SEC("maps") table = { BPF_MAP_TYPE_HASH, 4, 16, 10, 1 };
struct bpf_map_def SEC("maps") slots = { BPF_MAP_TYPE_ARRAY, 4, 8, 10, 0 };
LINKAGE struct bpf_map_def SEC("maps") hidden = { BPF_MAP_TYPE_LRU_HASH, 4, 4, 10, 0 };

SEC("xdp") int look(struct xdp_md *ctx)
{
	u32 key = 1;
	u64 *slot = bpf_map_lookup_elem(&slots, &key);

	if (bpf_map_lookup_elem(&table, &key) || bpf_map_lookup_elem(&hidden, &key))
		return XDP_DROP;
	if (slot)
		*slot += 1;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
