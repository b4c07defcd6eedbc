/* Tags on a variable, a function, its argument, a member and a type. */
#include <btfkit/bpf.h>

#define tag(x) __attribute__((btf_decl_tag(x)))

struct tagged { int plain; int marked tag("member"); };

int variable tag("variable") = 1;
struct tagged record;

static __noinline tag("function") int helper(struct tagged *arg tag("argument"), int by) { return arg->marked + by; }

SEC("socket") int use(struct __sk_buff *skb)
{
	struct tagged local = { variable, skb->len };

	record.marked = 2;
	return helper(&local, variable);
}

char _license[] SEC("license") = "GPL";
