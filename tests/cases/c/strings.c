/* String literals, which live in sections nobody named. */
#include <btfkit/bpf.h>

static const char greeting[] = "packet of %d bytes";

SEC("tc") int say(struct __sk_buff *skb)
{
	char where[] = "on the stack";

	bpf_trace_printk(greeting, sizeof(greeting), skb->len);
	bpf_trace_printk(where, sizeof(where));
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
