/* A little of all that matters to sections, symbols and relocations; compiled as it is by clang and bpf-gcc. */
#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))
typedef unsigned int u32;
typedef unsigned long long u64;

struct { int (*type)[1]; int (*max_entries)[16]; u32 *key; u64 *value; } counts SEC(".maps");
struct { int (*type)[12]; int (*max_entries)[2]; u32 *key; void *values[2]; } nested SEC(".maps") = {
	.values = { &counts, &counts },
};

u64 zeroed;
static u32 seed = 7;
const volatile u32 constant = 9;
extern u64 outside;

static NOINLINE int add(int a) { seed += a; return seed; }
NOINLINE int global_add(int a) { return add(a) + constant; }

SEC("socket") int prog(void *ctx)
{
	static u64 calls;

	calls++;
	zeroed += calls + outside;
	return global_add((long)ctx) + add(3) + (int)(long)&counts;
}

char _license[] SEC("license") = "GPL";
