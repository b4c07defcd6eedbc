#include "headers.h"

struct args {
	u32 values[16];
	u32 index;
	u32 picked;
	u64 sum;
	u32 largest;
	u64 weighted;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct args);
} table SEC(".maps");

static const u32 PRIMES[8] = { 2, 3, 5, 7, 11, 13, 17, 19 };

SEC("syscall")
int fold(void *ctx)
{
	u64 total = 0, weighted = 0;
	u32 largest = 0, key = 0;
	struct args *args = bpf_map_lookup_elem(&table, &key);

	if (!args)
		return -1;
	for (int i = 0; i < 16; i++) {
		u32 value = args->values[i];

		total += value;
		largest = largest > value ? largest : value;
		weighted += (u64)value * (i + 1);
	}
	args->sum = total;
	args->largest = largest;
	args->weighted = weighted;
	args->picked = PRIMES[args->index % 8];
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
