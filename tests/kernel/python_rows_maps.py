"""Programs of the feature table, in Python: those about maps. Numbers: see `tests.kernel.test_python_features`."""

from __future__ import annotations

ROWS: dict[str, str] = {}

ROWS["01 hash counter"] = """
class Args(Struct):
    key: u32
    seen: u64

counts: HashMap[u32, u64] = HashMap(max_entries=16)

@syscall
def run(ctx: Args) -> i32:
    value = counts.get(ctx.key)
    if value is None:
        counts[ctx.key] = 1
    else:
        counts.update(ctx.key, value + 1)
    ctx.seen = counts[ctx.key]
    return 0
"""

ROWS["02 dict operations"] = """
class Args(Struct):
    key: u32
    was: bool

counts: dict[u32, u64] = {}

@syscall
def count(ctx: Args) -> i32:
    ctx.was = ctx.key in counts
    counts[ctx.key] += 3
    return 0

@syscall
def forget(ctx: Args) -> i32:
    del counts[ctx.key]
    return 7
"""

ROWS["03 array"] = """
class Args(Struct):
    index: u32
    value: u64

table: Array[u64] = Array(4)

@syscall
def run(ctx: Args) -> i32:
    table[ctx.index] += ctx.value
    table[3] = 99
    return len(table)
"""

ROWS["04 per-CPU maps"] = """
class Traffic(Struct):
    packets: u64
    bytes: u64

by_port: PerCpuHash[u16, Traffic] = PerCpuHash(max_entries=64)
total: PerCpuArray[u64] = PerCpuArray(2)

@xdp
def count(ctx: xdp_md) -> XdpAction:
    total[0] += 1
    size = len(ctx)
    traffic = by_port.setdefault(80, Traffic())
    traffic.packets += 1
    traffic.bytes += size
    return XDP_PASS
"""

ROWS["05 LRU hash"] = """
recent: LruHash[u32, u64] = LruHash(max_entries=8)
mine: LruPerCpuHash[u32, u64] = LruPerCpuHash(max_entries=64)

@syscall
def run(ctx: u32[1]) -> i32:
    recent[ctx[0]] = ktime_ns()
    mine[ctx[0]] += 1
    return 0
"""

ROWS["06 LPM trie"] = """
routes: LpmTrie[LpmKey4, u32] = LpmTrie(max_entries=64)

@tc
def route(ctx: __sk_buff) -> TcAction:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return TC_ACT_OK
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return TC_ACT_OK
    hop = routes.get(LpmKey4(prefixlen=32, addr=ip.dst))
    return TC_ACT_OK if hop is None else hop
"""

ROWS["07 maps of maps"] = """
class Args(Struct):
    who: u32
    key: u32
    found: u64

inner: HashMap[u32, u64] = HashMap(8)
rows: ArrayOfMaps[HashMap[u32, u64]] = ArrayOfMaps(4, inner=HashMap(8), values=[inner])
users: HashOfMaps[u32, Array[u64]] = HashOfMaps(8, inner=Array(4))

@syscall
def run(ctx: Args) -> i32:
    row = rows[ctx.who]
    row[ctx.key] += 5
    ctx.found = row[ctx.key]
    mine = users.get(ctx.who)
    if mine is None:
        return 1
    mine[0] += 1
    return 2
"""

ROWS["08 tail call"] = """
@xdp
def drop(ctx: xdp_md) -> XdpAction:
    return XDP_DROP

@xdp
def send_back(ctx: xdp_md) -> XdpAction:
    return XDP_TX

calls: ProgArray = ProgArray(4, values=[drop, send_back])

@xdp
def entry(ctx: xdp_md) -> XdpAction:
    calls[len(ctx) & 3](ctx)
    return XDP_PASS

@xdp
def handled(ctx: xdp_md) -> XdpAction:
    try:
        calls[3](ctx)
    except KeyError:
        return XDP_ABORTED
    return XDP_PASS
"""

ROWS["09 ring buffer output"] = """
class Event(Struct):
    port: u16
    when: u64
    comm: char[16]

events: RingBuf[Event] = RingBuf(size=4096)

@syscall
def run(ctx: u16[1]) -> i32:
    events.emit(Event(port=ctx[0], when=ktime_ns(), comm=current_comm()))
    return 0
"""

ROWS["10 ring buffer reserve"] = """
class Event(Struct):
    number: u32
    data: u8[8]

events: RingBuf[Event] = RingBuf(size=4096)

@syscall
def run(ctx: u32[1]) -> i32:
    with events.reserve() as event:
        event.number = ctx[0]
        event.data[ctx[0] & 7] = 42
    return 0
"""

ROWS["11 perf events"] = """
class Event(Struct):
    size: u32
    mark: u64

events: PerfEvents[Event] = PerfEvents()

@xdp
def run(ctx: xdp_md) -> XdpAction:
    events.emit(ctx, Event(size=u32(len(ctx)), mark=7))
    return XDP_PASS
"""

ROWS["20 struct values in place"] = """
class Stats(Struct):
    packets: u64
    bytes: u64
    last: u8[4]

stats: dict[u32, Stats] = {}

@socket
def account(ctx: __sk_buff) -> u32:
    value = stats.setdefault(ctx.protocol, Stats())
    value.packets += 1
    value.bytes += ctx.len
    value.last[2] = 5
    same = stats[ctx.protocol]
    same.packets *= 2
    return 0
"""

ROWS["21 struct keys"] = """
class Key(Struct):
    kind: u8
    number: u64
    flag: u16

seen: dict[Key, u32] = {}

@syscall
def run(ctx: u64[1]) -> i32:
    seen[Key(1, ctx[0], 3)] += 1
    key = Key(kind=1, number=ctx[0])
    key.flag = 3
    if key in seen:
        seen[key] += 1
    return seen[Key(kind=1, number=ctx[0], flag=3)]
"""

ROWS["22 atomics"] = """
class Cell(Struct):
    count: u64
    owner: u32
    tickets: u32

cells: Array[Cell] = Array(1)
hits: u64 = 0

@syscall
def run(ctx: u32[4]) -> i32:
    global hits
    hits += 1
    cell = cells[0]
    cell.count += 10
    ctx[0] = fetch_add(cell.tickets, 2)
    ctx[1] = xchg(cell.owner, 9)
    ctx[2] = cmpxchg(cell.owner, 9, 11)
    ctx[3] = cmpxchg(cell.owner, 9, 12)
    return 0
"""

ROWS["23 spin lock"] = """
class Account(Struct):
    lock: SpinLock
    balance: i64
    moves: u32

accounts: HashMap[u32, Account] = HashMap(16)

@tc
def pay(ctx: __sk_buff) -> i32:
    account = accounts[1]
    with account.lock:
        account.balance -= 5
        account.moves += 1
    return 0
"""

ROWS["24 timers"] = """
class Job(Struct):
    timer: Timer
    runs: u64

jobs: Array[Job] = Array(1)

def expired(key: u32, job: Job) -> None:
    job.runs += 1
    if job.runs < 3:
        job.timer.start(1000)

@syscall
def begin(ctx: u32[1]) -> i32:
    job = jobs[0]
    failed = job.timer.init(jobs)
    job.timer.set_callback(expired)
    job.timer.start(1000)
    return i32(failed)
"""

ROWS["31 queue, stack, Bloom filter"] = """
jobs: Queue[u64] = Queue(4)
undo: Stack[u32] = Stack(4)
seen: BloomFilter[u64] = BloomFilter(64)

pushed: u64 = 0
first: u64 = 0
top: u32 = 0
known: u32[2] = []

@socket
def run(ctx: __sk_buff) -> u32:
    global pushed, first, top
    for i in range(6):
        pushed += 1 if jobs.push(i + 10) else 0
    undo.push(1)
    undo.push(2)
    seen.push(ctx.len)
    job = jobs.pop()
    if job is not None:
        first = job
    last = undo.peek()
    if last is not None:
        top = last
    known[0] = ctx.len in seen
    known[1] = 12345 in seen
    return 0
"""
