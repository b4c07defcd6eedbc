/* Mainline's .maps, with the attributes it has. */
#include <btfkit/bpf.h>

struct value { u64 count; char name[16]; };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, 1);
	__type(key, u64);
	__type(value, struct value);
} typed SEC(".maps");

struct named_definition {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, 8);
	__uint(value_size, 24);
	__uint(max_entries, 3);
	__uint(numa_node, 0);
} sized SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(map_extra, 3);
	__type(value, u32);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, 1);
	__uint(key_size, 8);
	__type(value, u32);
} routes SEC(".maps");

SEC("socket") int use(struct __sk_buff *skb)
{
	u64 key = skb->len;
	struct value *v = bpf_map_lookup_elem(&typed, &key);

	if (v)
		v->count++;
	return bpf_map_lookup_elem(&sized, &key) ? 1 : bpf_map_lookup_elem(&routes, &key) != 0;
}

char _license[] SEC("license") = "GPL";
