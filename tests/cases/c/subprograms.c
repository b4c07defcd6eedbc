/* Calls: into .text (static and global), and within a program's own section. */
#include <btfkit/bpf.h>

static __noinline u64 leaf(u64 x) { return x * 3 + 1; }
static __noinline u64 middle(u64 x) { return leaf(x) + leaf(x + 1); }
__noinline int shared(u32 x) { return middle(x) & 0xff; }

SEC("socket") int first(struct __sk_buff *skb) { return shared(skb->len) + 1; }
SEC("socket") int second(struct __sk_buff *skb) { return middle(skb->len); }
SEC("tc") int third(struct __sk_buff *skb) { return shared(skb->len) > 5 ? TC_ACT_SHOT : TC_ACT_OK; }

char _license[] SEC("license") = "GPL";
