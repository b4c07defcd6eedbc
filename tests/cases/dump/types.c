/* One of everything that a C compiler writes types for: compiled by each compiler, then dumped. */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct list {
	struct list *next, **prev;
};

struct flow {
	u32 src, dst;
	u16 port;
	u8 proto : 3, ttl : 5;
	char name[16];
	u8 grid[2][3];
};

struct __attribute__((packed)) packed {
	u8 tag;
	u64 value;
	struct {
		u8 a;
		u16 b;
	} inner[2];
};

struct holes {
	u8 a;
	u64 b;
	u8 c;
	u32 d : 7;
	u32 : 0;
	u32 e : 30, f : 9;
	u64 wide : 40;
	struct flow flow __attribute__((aligned(32)));
	u8 tail;
} __attribute__((aligned(64)));

union value {
	u8 bytes[12];
	u64 number;
	struct {
		int (*call)(struct flow *flow, ...);
		void *(*(*table[4])(u32 id))(const char *const *names);
	};
};

enum small { SMALL_A, SMALL_B } __attribute__((packed));
enum sign { MINUS = -1, PLUS = 1 };
enum wide { LOW = -5000000000LL, HIGH = 5000000000LL };
enum top { TOP = 0xffffffffffffffffULL };

struct later;
typedef struct { struct later *later; volatile const int state; } holder_t;
typedef struct later *(*maker_t)(holder_t, u8 (*)[4], struct flow);
typedef int matrix_t[2][3];

struct user {
	struct flow flow;
	struct packed packed;
	struct holes holes;
	union value value;
	enum small small;
	enum sign sign : 2;
	enum wide wide;
	enum top top;
	holder_t holder;
	maker_t maker;
	matrix_t matrix;
	_Bool flag, bits : 1;
	float f;
	double d;
	char *restrict text;
	struct list list;
	union { int x; struct { int y, z; }; };
	u32 flexible[];
};

struct user *global;
static volatile u64 calls;
const char _license[] __attribute__((section("license"), used)) = "GPL";

__attribute__((noinline)) static int helper(struct user *user, u64 n)
{
	calls += n;
	return user ? (int)user->flow.src : 0;
}

__attribute__((section("xdp"))) int prog(struct flow *flow)
{
	return helper(global, flow->dst) + 1;
}
