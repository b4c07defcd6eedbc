/* Maps of maps, with and without maps in them at the start. */
#include <btfkit/bpf.h>

struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64); };
struct inner first SEC(".maps");
struct inner second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, struct inner);
} filled SEC(".maps") = { .values = { (void *)&first, 0, (void *)&second } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, u64);
	__array(values, struct inner);
} empty SEC(".maps");

SEC("socket") int use(struct __sk_buff *skb)
{
	u32 key = 2, zero = 0;
	u64 id = 5, *value;
	void *map = bpf_map_lookup_elem(&filled, &key);

	if (!map)
		map = bpf_map_lookup_elem(&empty, &id);
	value = map ? bpf_map_lookup_elem(map, &zero) : 0;
	if (value)
		*value += 1;
	return value != 0;
}

char _license[] SEC("license") = "GPL";
