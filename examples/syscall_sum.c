// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * The smallest call from user space into the kernel and back: numbers in, their sum out, all in the
 * context that the caller hands over.
 */
#include <btfkit/bpf.h>

#define MAX_VALUES 16

struct sum_args {
	u32 count; /* how many of `values` to add; more than there are counts as all */
	s32 values[MAX_VALUES];
	s64 sum; /* the answer */
};

SEC("syscall")
int sum(struct sum_args *ctx)
{
	s64 total = 0;
	u32 i;

	__unroll
	for (i = 0; i < MAX_VALUES; i++) {
		if (i >= ctx->count)
			break;
		total += ctx->values[i];
	}
	ctx->sum = total;
	return 0;
}

char _license[] SEC("license") = "GPL";
