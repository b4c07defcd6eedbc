#include "headers.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u32);
	__type(value, u64);
} woken SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} histogram SEC(".maps");

static u32 log2(u64 value)
{
	u32 result = 0;

#pragma unroll
	for (int shift = 32; shift; shift /= 2) {
		if (value >> shift) {
			value >>= shift;
			result += shift;
		}
	}
	return result;
}

SEC("raw_tracepoint/sys_enter")
int begin(struct bpf_raw_tracepoint_args *ctx)
{
	u32 pid = bpf_get_current_pid_tgid();
	u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&woken, &pid, &now, BPF_ANY);
	return 0;
}

SEC("raw_tracepoint/sys_exit")
int finish(struct bpf_raw_tracepoint_args *ctx)
{
	u32 pid = bpf_get_current_pid_tgid();
	u64 *since = bpf_map_lookup_elem(&woken, &pid);
	u64 *count;
	u32 slot;

	if (!since)
		return 0;
	slot = log2(bpf_ktime_get_ns() - *since);
	count = bpf_map_lookup_elem(&histogram, &slot);
	if (!count)
		return 0;
	__sync_fetch_and_add(count, 1);
	bpf_map_delete_elem(&woken, &pid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
