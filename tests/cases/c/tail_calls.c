/* A program array with its programs in it. */
#include <btfkit/bpf.h>

int one(struct __sk_buff *skb);
int two(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int (struct __sk_buff *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&one, [3] = (void *)&two } };

SEC("socket") int one(struct __sk_buff *skb) { return 11; }
SEC("socket") int two(struct __sk_buff *skb) { return 33; }

SEC("socket") int enter(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, skb->len > 100 ? 3 : 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
