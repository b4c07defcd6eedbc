/* A program that is called with a record of its own, and answers in it. */
#include <btfkit/bpf.h>

struct question { u64 a, b, answer; };

SEC("syscall") int add(struct question *q) { q->answer = q->a + q->b; return 0; }

char _license[] SEC("license") = "GPL";
