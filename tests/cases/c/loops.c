/* A function whose address is taken. */
#include <btfkit/bpf.h>

struct state { u64 sum; };

static long add(u32 index, void *ctx) { ((struct state *)ctx)->sum += index; return 0; }

SEC("socket") int sum(struct __sk_buff *skb)
{
	struct state state = { 0 };

	bpf_loop(10, add, &state, 0);
	return state.sum;
}

char _license[] SEC("license") = "GPL";
