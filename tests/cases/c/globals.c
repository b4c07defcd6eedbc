/* Variables of every section, binding and size. */
#include <btfkit/bpf.h>

struct point { int x, y; };

u32 counter = 7;
u64 zeroed;
const volatile u32 limit = 100;
__attribute__((weak)) u16 weak_one = 3;
__attribute__((visibility("hidden"))) u8 hidden_one = 4;
static volatile int file_static = -5;
struct point points[3] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
char text[8] = "text";
u32 in_section SEC(".data.own") = 9;

SEC("socket") int use(struct __sk_buff *skb)
{
	counter += in_section;
	zeroed += limit;
	file_static += weak_one + hidden_one;
	points[1].x += text[0];
	return skb->len > limit;
}

char _license[] SEC("license") = "GPL";
