"""Programs of the feature table, in Python: those about code, types and the kernel."""

from __future__ import annotations

ROWS: dict[str, str] = {}

ROWS["12 packet parsing"] = """
class Flow(Struct):
    src: be32
    dst: be32
    port: u16

flows: dict[Flow, u64] = {}

def parse(ctx: xdp_md) -> Flow | None:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return None
    ip = eth.next(IPv4Hdr)
    if ip is None or ip.proto != IPPROTO_UDP:
        return None
    udp = ip.next(UdpHdr)
    if udp is None:
        return None
    return Flow(src=ip.src, dst=ip.dst, port=udp.dport)

@xdp
def count(ctx: xdp_md) -> XdpAction:
    flow = parse(ctx)
    if flow is None:
        return XDP_PASS
    flows[flow] += 1
    return XDP_DROP
"""

ROWS["13 contexts"] = """
seen: u32[4] = []

@tc
def skb(ctx: __sk_buff) -> TcAction:
    seen[0] = ctx.len
    seen[1] = ctx.protocol
    ctx.mark = 7
    ctx.cb[1] = 8
    seen[2] = ctx.mark + ctx.cb[1]
    return TC_ACT_OK

@xdp
def frame(ctx: xdp_md) -> XdpAction:
    seen[3] = ctx.ingress_ifindex + ctx.rx_queue_index
    return XDP_TX if ctx.data_end - ctx.data > 20 else XDP_DROP
"""

ROWS["14 tracepoint context"] = """
class Switch(Struct):
    before: i32
    after: i32
    name: char[16]

last: Switch = Switch()
switches: u64 = 0

@tracepoint("sched/sched_switch")
def switch(ctx) -> i32:
    global switches
    switches += 1
    last.before = ctx.prev_pid
    last.after = ctx.next_pid
    last.name = ctx.next_comm
    return 0
"""

ROWS["15 globals"] = """
class Config(Struct):
    limit: u32
    name: char[8]

config: Config = Config(limit=3, name="eth")
total: u64 = 5
table: u16[4] = [1, 2, 3, 4]
empty: u64 = 0
SCALE: Final = 8

@syscall
def run(ctx: u64[2]) -> i32:
    global total, empty
    total += ctx[0] * SCALE
    empty += table[ctx[0] & 3]
    ctx[1] = total
    config.limit += 1
    return config.limit if config.name == "eth" else -1
"""

ROWS["16 static locals"] = """
def tick(by: u32) -> u32:
    calls: Static[u32] = 10
    calls += by
    return calls

@syscall
def run(ctx: u32[2]) -> i32:
    calls: Static[u64] = 0
    calls += 1

    def inner() -> u32:
        calls: Static[u32] = 100
        calls += 1
        return calls

    ctx[0] = tick(2)
    ctx[1] = inner()
    return i32(calls)
"""

ROWS["17 subprograms"] = """
class Point(Struct):
    x: i32
    y: i32

    def norm(self) -> i64:
        return i64(self.x) * self.x + i64(self.y) * self.y

def mirror(p: Point) -> Point:
    return Point(p.y, p.x)

def move(p: Point, by: i32 = 1) -> None:
    p.x += by

def halves(n: i64) -> tuple[i64, i64]:
    return n // 2, n % 2

@syscall
def run(ctx: i64[4]) -> i32:
    p = Point(3, 4)
    move(p)
    move(p, by=2)
    q = mirror(p)
    ctx[1] = p.norm()
    ctx[2], ctx[3] = halves(ctx[0])
    return q.y * 10 + q.x
"""

ROWS["18 bpf_loop callbacks"] = """
class State(Struct):
    sum: u64

def add(i: u64, state: State) -> i64:
    state.sum += i
    return 1 if i == 99 else 0

weights: dict[u32, u64] = {}

@syscall
def run(ctx: u64[4]) -> i32:
    total = u64(0)
    for i in range(ctx[0]):
        total += i * ctx[0]
        if total > 1_000_000_000:
            break
    ctx[1] = total
    state = State()
    loop(1000, add, state, 0)
    ctx[2] = state.sum
    for key, weight in weights.items():
        ctx[3] += key * weight
    return 0
"""

ROWS["19 range loops"] = """
@syscall
def run(ctx: u64[4]) -> i32:
    for i in range(10):
        ctx[1] += i
    for i in range(20, 0, -3):
        if i == 8:
            continue
        ctx[2] += i
    n = ctx[0]
    s = u64(0)
    for i in range(n):
        s += i
    ctx[3] = s
    return 0
"""

ROWS["25 kfuncs"] = """
class Args(Struct):
    pid: i32
    found: i32

@syscall
def run(ctx: Args) -> i32:
    task = kfunc.bpf_task_from_pid(ctx.pid)
    if task is None:
        return -1
    ctx.found = task.tgid
    kfunc.bpf_task_release(task)
    return 1
"""

ROWS["26 CO-RE field access"] = """
class Args(Struct):
    tgid: i32
    parent: i32
    comm: char[16]
    has: bool
    start: u64

@syscall
def run(ctx: Args) -> i32:
    task = current_task()
    ctx.tgid = task.tgid
    ctx.parent = task.real_parent.tgid
    ctx.comm = task.comm
    ctx.has = field_exists(task.start_time)
    ctx.start = task.group_leader.start_time
    return 0
"""

ROWS["28 strings and dynptrs"] = """
class Args(Struct):
    name: char[16]
    same: i32
    starts: bool
    length: i32
    found: i32
    number: i64

words: char[16] = "hello"

@syscall
def run(ctx: Args) -> i32:
    name = copy(ctx.name)
    ctx.same = i32(strncmp(name, 16, "hello"))
    ctx.starts = name.startswith("hel") and name != "help"
    number = i64[1]()
    strtol("-42", 0, number)
    ctx.number = number[0]
    ctx.found = kfunc.bpf_strnlen("hello", 10)
    return 0

class Sample(Struct):
    size: u32
    first: u8

events: RingBuf[Sample] = RingBuf(size=4096)

@syscall
def dynamic(ctx: u64[2]) -> i32:
    data = bpf_dynptr()
    failed = ringbuf_reserve_dynptr(events, 8, 0, data)
    written = dynptr_write(data, 0, Sample(size=3, first=9), 0)
    ctx[1] = u64(written)
    ringbuf_submit_dynptr(data, 0)
    return i32(failed)
"""

ROWS["29 types and lines"] = """
class Pair(Struct):
    left: u32
    right: u32

pairs: dict[u32, Pair] = {}

def bump(pair: Pair) -> u32:
    pair.left += 1
    return pair.left

@syscall
def run(ctx: u32[1]) -> i32:
    pair = pairs.setdefault(ctx[0], Pair(1, 2))
    return bump(pair)
"""

ROWS["30 ternary, walrus, slices"] = """
class Args(Struct):
    n: i64
    name: char[16]
    out: i64[4]

@syscall
def run(ctx: Args) -> i32:
    ctx.out[0] = 1 if ctx.n > 3 else 2
    if (half := ctx.n // 2) > 4:
        ctx.out[1] = half
    name = copy(ctx.name)
    if name[:3] == "eth":
        ctx.out[2] = 3
    if name[3:5] == b"12":
        ctx.out[3] = 4
    return 5 if 0 < ctx.n <= 10 else 6
"""

ROWS["27 fentry and LSM"] = """
calls: u64 = 0
size: u64 = 0

@fentry("vfs_read")
def entered(file, count) -> i32:
    global calls, size
    calls += 1
    size += count
    return 0

@fexit("vfs_read")
def left(file: kernel.file, count, ret) -> i32:
    global size
    if ret > 0 and file.f_flags & 1:
        size -= u64(ret)
    return 0

@lsm("file_open")
def opened(file: kernel.file) -> i32:
    return -13 if file.f_flags == 0xFFFF else 0
"""
