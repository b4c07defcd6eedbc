"""A program for each class of maps, by the class's name, that uses what a program can do with it."""

from __future__ import annotations

PROGRAMS: dict[str, str] = {}

PROGRAMS["SkStorage"] = """
seen: SkStorage[u64] = SkStorage()
total: u64 = 0

@tc
def run(ctx: __sk_buff) -> i32:
    global total
    sk = ctx.sk
    if sk is None:
        return 1
    sock = sk_fullsock(sk)
    if sock is None:
        return 2
    seen[sock] += ctx.len
    total += seen[sock]
    if sock in seen:
        del seen[sock]
    return 0
"""

PROGRAMS["TaskStorage"] = """
class State(Struct):
    runs: u32
    last: u64

states: TaskStorage[State] = TaskStorage()

@syscall
def run(ctx: u32[2]) -> i32:
    task = current_task()
    known = states.get(task)
    ctx[0] = known is not None
    state = states[task]
    state.runs += 1
    state.last = ktime_ns()
    ctx[1] = state.runs
    return 0
"""

PROGRAMS["InodeStorage"] = """
opens: InodeStorage[u64] = InodeStorage()

@lsm("file_open")
def run(file: kernel.file) -> i32:
    opens[file.f_inode] += 1
    return 0
"""

PROGRAMS["CgroupStorage"] = """
runs: CgroupStorage[u64] = CgroupStorage()

@syscall
def run(ctx: u64[2]) -> i32:
    group = kfunc.bpf_cgroup_from_id(ctx[0])
    if group is None:
        return -1
    try:
        runs[group] += 2
        ctx[1] = runs[group]
    except KeyError:
        ctx[1] = 0
    kfunc.bpf_cgroup_release(group)
    return 0
"""

PROGRAMS["DevMap"] = """
ports: DevMap[bpf_devmap_val] = DevMap(4)
plain: DevMap[u32] = DevMap(4)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    if len(ctx) > 100:
        return plain.redirect(0, flags=XDP_PASS)
    port = ports.get(0)
    if port is None or port.ifindex == 0:
        return XDP_DROP
    return ports.redirect(0, XDP_ABORTED)
"""

PROGRAMS["DevMapHash"] = """
ports: DevMapHash[u32, u32] = DevMapHash(4)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    return ports.redirect(ctx.ingress_ifindex, XDP_PASS)
"""

PROGRAMS["CpuMap"] = """
cpus: CpuMap[bpf_cpumap_val] = CpuMap(4)
plain: CpuMap[u32] = CpuMap(4)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    return cpus.redirect(ctx.rx_queue_index, XDP_PASS) if len(ctx) > 20 else plain.redirect(1, XDP_TX)
"""

PROGRAMS["XskMap"] = """
sockets: XskMap = XskMap(4)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    return sockets.redirect(ctx.rx_queue_index, XDP_PASS)
"""

PROGRAMS["SockMap"] = """
peers: SockMap = SockMap(4)

@sockops
def keep(ctx: bpf_sock_ops) -> i32:
    if ctx.op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
        sock_map_update(ctx, peers, u32(1), BPF_ANY)
    return 1

@sk_skb_stream_verdict
def forward(ctx: __sk_buff) -> i32:
    return sk_redirect_map(ctx, peers, 1, 0)

@sk_msg
def send(ctx: sk_msg_md) -> i32:
    return msg_redirect_map(ctx, peers, 1, BPF_F_INGRESS)

@sk_lookup
def choose(ctx: bpf_sk_lookup) -> i32:
    sock = peers.get(1)
    if sock is None:
        return SK_PASS
    failed = sk_assign(ctx, sock, 0)
    sk_release(sock)
    return SK_DROP if failed else SK_PASS
"""

PROGRAMS["SockHash"] = """
class Peer(Struct):
    address: be32
    port: u32

peers: SockHash[Peer] = SockHash(16)

@sockops
def keep(ctx: bpf_sock_ops) -> i32:
    sock_hash_update(ctx, peers, Peer(ctx.remote_ip4, ctx.local_port), BPF_NOEXIST)
    return 1

@sk_msg
def send(ctx: sk_msg_md) -> i32:
    return msg_redirect_hash(ctx, peers, Peer(ctx.remote_ip4, ctx.local_port), BPF_F_INGRESS)
"""

PROGRAMS["StackTrace"] = """
stacks: StackTrace = StackTrace(64)
last: i64 = -1

@raw_tracepoint("sched_switch")
def run(ctx) -> i32:
    global last
    last = stacks.stack_id(ctx, BPF_F_REUSE_STACKID)
    return 0
"""

PROGRAMS["CgroupArray"] = """
groups: CgroupArray = CgroupArray(4)

@tc
def packet(ctx: __sk_buff) -> i32:
    return i32(skb_under_cgroup(ctx, groups, 0))

@raw_tracepoint("sched_switch")
def task(ctx) -> i32:
    return i32(current_task_under_cgroup(groups, 1))
"""

PROGRAMS["ReuseportSockArray"] = """
workers: ReuseportSockArray = ReuseportSockArray(4)

@sk_reuseport
def run(ctx: sk_reuseport_md) -> i32:
    return SK_DROP if sk_select_reuseport(ctx, workers, ctx.hash % 4, 0) else SK_PASS
"""

PROGRAMS["UserRingBuf"] = """
class Request(Struct):
    number: u32
    text: char[8]

requests: UserRingBuf[Request] = UserRingBuf(size=4096)
numbers: UserRingBuf[u64] = UserRingBuf(size=4096)
sum: u64 = 0

@syscall
def run(ctx: u64[3]) -> i32:
    global sum
    count = u64(0)
    for request in requests.drain():
        count += 1
        if request.text == "skip":
            continue
        sum += request.number
        if request.number == 99:
            break
    else:
        ctx[2] = 1
    ctx[0] = count
    for number in numbers.drain():
        if number > 1000:
            return 7
        ctx[1] += number
    return 0
"""

PROGRAMS["Arena"] = """
memory: Arena = Arena(size=1 << 16, map_extra=1 << 44)

@syscall
def run(ctx: u64[1]) -> i32:
    pages = kfunc.bpf_arena_alloc_pages(memory, None, 1, -1, 0)
    ctx[0] = u64(pages) if pages is not None else 0
    return 0
"""

PROGRAMS["BloomFilter"] = """
class Flow(Struct):
    kind: u8
    address: be32

seen: BloomFilter[Flow] = BloomFilter(256, map_extra=3)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    flow = Flow(1, 0x0A000001)
    if flow in seen:
        return XDP_DROP
    seen.add(flow)
    return XDP_PASS
"""

PROGRAMS["LpmTrie"] = """
class Key(Struct):
    bits: u32
    address: u8[16]

routes: LpmTrie[Key, u64] = LpmTrie(64)
found: u64[3] = []

@tc
def run(ctx: __sk_buff) -> i32:
    routes[Key(8, [10])] = 1
    routes[Key(bits=16, address=[10, 1])] = 2
    key = Key(bits=128, address=[10, 1, 2])
    found[0] = routes[key]
    del routes[Key(16, [10, 1])]
    found[1] = routes[key]
    try:
        found[2] = routes[Key(128, [11])]
    except KeyError:
        found[2] = 77
    return 0
"""

PROGRAMS["HashOfMaps"] = """
class Limit(Struct):
    most: u64
    used: u64

mine: HashMap[u32, Limit] = HashMap(4)
users: HashOfMaps[u32, HashMap[u32, Limit]] = HashOfMaps(8, inner=HashMap(4))

@syscall
def run(ctx: u32[2]) -> i32:
    if ctx[0] not in users:
        return -2
    limits = users[ctx[0]]
    limits[ctx[1]] = Limit(most=10)
    limit = limits[ctx[1]]
    limit.used += 3
    if 77 in limits:
        del limits[77]
    same = users.get(ctx[0])
    if same is None:
        return -3
    again = same.get(ctx[1])
    return i32(again.used) if again is not None else -4
"""

PROGRAMS["ArrayOfMaps"] = """
first: Array[u32] = Array(4)
second: Array[u32] = Array(4)
tables: ArrayOfMaps[Array[u32]] = ArrayOfMaps(2, inner=Array(4), values=[first, second])

@syscall
def run(ctx: u32[2]) -> i32:
    table = tables[ctx[0]]
    table[ctx[1]] += 5
    tables[1][2] = 9
    return i32(tables[ctx[0]][ctx[1]])
"""
