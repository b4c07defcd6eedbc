#include "headers.h"

struct rule {
	u32 action;
	u32 hits;
	u64 rest;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 64);
	__type(value, u32);
} recent SEC(".maps");

enum { OK, MISSING, EMPTY };

static int apply(u32 key, u32 *action)
{
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (!rule)
		return MISSING;
	if (!rule->rest)
		return EMPTY;
	__sync_fetch_and_add(&rule->hits, 1);
	__sync_fetch_and_add(&rule->rest, -1);
	*action = rule->action;
	return OK;
}

SEC("tc")
int classify(struct __sk_buff *skb)
{
	u32 action = 0;
	int status = apply(skb->mark, &action);

	if (status == EMPTY)
		return TC_ACT_UNSPEC;
	if (status == MISSING)
		action = 0;
	if (!action && apply(skb->ifindex, &action))
		return TC_ACT_UNSPEC;
	if (action > 7) {
		bpf_map_push_elem(&recent, &action, 0);
		return TC_ACT_SHOT;
	}
	return TC_ACT_OK;
}

char LICENSE[] SEC("license") = "GPL";
