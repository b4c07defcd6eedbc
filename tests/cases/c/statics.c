/* Static locals: one name in two functions, and twice in one. */
#include <btfkit/bpf.h>

static __noinline int helper(int by)
{
	static int calls = 100;

	calls += by;
	return calls;
}

SEC("socket") int outer(struct __sk_buff *skb)
{
	static int calls;
	int sum;

	calls++;
	sum = calls + helper(skb->len);
	if (skb->len > 20) {
		static u64 calls;

		calls += 2;
		sum += calls;
	}
	return sum;
}

char _license[] SEC("license") = "GPL";
