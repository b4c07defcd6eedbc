#include "headers.h"

struct event {
	u64 when;
	u32 pid;
	u32 uid;
	u64 number;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

u64 lost;
u64 wanted = 59;

SEC("raw_tracepoint/sys_enter")
int watch(struct bpf_raw_tracepoint_args *ctx)
{
	u64 number = ctx->args[1];
	struct event event = {};

	if (number != wanted)
		return 0;
	event.when = bpf_ktime_get_ns();
	event.pid = bpf_get_current_pid_tgid() >> 32;
	event.uid = bpf_get_current_uid_gid();
	event.number = number;
	bpf_get_current_comm(event.comm, sizeof(event.comm));
	if (bpf_ringbuf_output(&events, &event, sizeof(event), 0))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
