/* Kinds of map that differ in what their value is. */
#include <btfkit/bpf.h>

struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } per_cpu SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } per_cpu_hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 20); __type(key, u64); __type(value, u8); } recent SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 5); __type(value, u32); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); __uint(max_entries, 5); __uint(value_size, 4); } stack SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");

SEC("socket") int use(struct __sk_buff *skb)
{
	u32 key = 0, value = skb->len;
	u64 when = 1, *slot = bpf_map_lookup_elem(&per_cpu, &key);
	u8 seen = 1;

	if (slot)
		*slot += 1;
	bpf_map_update_elem(&per_cpu_hash, &key, &when, 0);
	bpf_map_update_elem(&recent, &when, &seen, 0);
	bpf_map_push_elem(&queue, &value, 0);
	bpf_map_push_elem(&stack, &value, 0);
	bpf_ringbuf_output(&events, &value, sizeof(value), 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
