#include "headers.h"

struct args {
	u32 count;
	u64 sum;
	u32 found;
	u64 largest;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, u32);
	__type(value, u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u32);
	__type(value, u64);
} seen SEC(".maps");

struct state {
	u64 sum;
	u32 found;
	u32 failed;
};

static long add(u32 i, struct state *state)
{
	u32 key = i % 65536;
	u64 *value = bpf_map_lookup_elem(&numbers, &key);

	if (!value) {
		state->failed = 1;
		return 1;
	}
	state->sum += *value;
	if (!*value) {
		state->found = i;
		return 1;
	}
	return 0;
}

static long largest(void *map, u32 *key, u64 *value, u64 *most)
{
	if (*value > *most)
		*most = *value;
	return 0;
}

SEC("syscall")
int walk(struct args *ctx)
{
	struct state state = {};
	u64 most = 0;

	if (ctx->count > 1 << 23)
		return -1;
	bpf_loop(ctx->count, add, &state, 0);
	if (state.failed)
		return -1;
	ctx->sum = state.sum;
	ctx->found = state.found;
	bpf_for_each_map_elem(&seen, largest, &most, 0);
	ctx->largest = most;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
