/* Types of every kind that C has, behind a map. */
#include <btfkit/bpf.h>

enum color { RED, GREEN = 5, BLUE };
enum sign { MINUS = -1, PLUS = 1 };
typedef int (*callback)(const char *, u64);
union either { u32 word; u8 bytes[4]; struct { u16 low, high; } halves; };
struct bits { u32 a : 3, b : 7; u32 : 0; u64 c : 40; signed d : 5; };
struct all {
	enum color color;
	enum sign sign;
	union either either;
	struct bits bits;
	callback callback;
	const volatile u8 *bytes;
	__int128 wide;
	_Bool yes;
	short grid[2][3];
	struct { int anonymous; };
	char name[16];
} __attribute__((aligned(16)));

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 5); __type(key, enum color); __type(value, struct all); } things SEC(".maps");

SEC("socket") int use(struct __sk_buff *skb)
{
	enum color key = GREEN;
	struct all *all = bpf_map_lookup_elem(&things, &key);

	if (all) {
		all->bits.b = 5;
		all->grid[1][2] = 3;
		all->color = BLUE;
	}
	return all != 0;
}

char _license[] SEC("license") = "GPL";
