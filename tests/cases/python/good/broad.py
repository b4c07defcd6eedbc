# ruff: noqa
"""A bit of everything that the language has: what mutations start from."""

from btfkit.bpf import *
from enum import IntEnum


class Color(IntEnum):
    RED = 1
    BLUE = 2


class Point(Struct):
    x: i32
    y: i32

    def norm(self) -> i64:
        return i64(self.x) * self.x + i64(self.y) * self.y


class Big(Struct):
    p: Point
    arr: u32[8]
    name: char[16]
    flag: bool
    lo: Bits[u32, 5]
    hi: Bits[u32, 11]


class Args(Struct):
    a: u64
    b: i64
    out: u64[16]


class Locked(Struct):
    lock: SpinLock
    n: u64


points: dict[u32, Point] = {}
tab: Array[u64] = Array(16)
per_cpu: PerCpuArray[u64] = PerCpuArray(4)
locked: HashMap[u32, Locked] = HashMap(8)
work: Queue[Point] = Queue(8)
events: RingBuf[Point] = RingBuf(1 << 16)
programs: ProgArray = ProgArray(4)
total: u64 = 0
cfg: Big = Big(p=Point(1, 2), arr=[1, 2, 3], name="hello")
N = 5
TABLE = (3, 1, 4, 1, 5)
SCALE: Final = 8


def divmod2(a: i64, b: i64) -> tuple[i64, i64]:
    return a // b, a % b


def find(k: u32) -> Point | None:
    p = points.get(k)
    if p is None:
        return None
    return Point(p.x + 1, p.y)


def inc(p: Point, by: i32 = 3) -> None:
    p.x += by


@syscall
def f(ctx: Args) -> i32:
    global total
    total += 1

    def helper(n: u32) -> u32:
        calls: Static[u32] = 0
        calls += 1
        return n + calls

    ctx.out[0] = helper(5)
    p = Point(3, 4)
    inc(p)
    inc(p, by=1)
    ctx.out[2] = p.norm()
    points[7] = p
    q = find(7)
    if q is not None:
        ctx.out[3] = q.x
    v = points[7]
    v.y += 10
    ctx.out[4] = points[7].y
    d, m = divmod2(ctx.b, 3)
    ctx.out[5] = d + 100
    ctx.out[6] = m
    b = Big(p=p, name="abc", lo=9, hi=1000)
    b.arr[ctx.a & 7] = 42
    s = 0
    for x in b.arr:
        s += x
    ctx.out[7] = s
    if b.name == "abc" and b.name.startswith("ab") and b.hi == 1000 and b.lo == 9:
        ctx.out[8] = 1
    match ctx.a:
        case 1 | 2:
            ctx.out[9] = 12
        case n if n > 100:
            ctx.out[9] = n
        case _:
            ctx.out[9] = 99
    k = 0
    while k < ctx.a:
        k += 1
        if k == 50:
            break
    else:
        ctx.out[10] = 77
    ctx.out[11] = k
    try:
        ctx.out[12] = points[1234].x
    except KeyError:
        ctx.out[12] = 555
    ctx.out[13] = cfg.arr[1] + (7 if ctx.b < 0 else 8)
    for key, val in points.items():
        ctx.out[14] += key + u32(val.x)
    y = points.pop(7)
    ctx.out[15] = len(points) * 1000 + (u32(y.x) if (z := ctx.a) > 3 else 2) + min(ctx.a, 9) + max(3, N)
    print(f"a={ctx.a} b={ctx.b:x} {b.name}")
    assert 7 not in points
    tab[ctx.a] += 2
    return Color.BLUE


@syscall
def g(ctx: Args) -> i32:
    e = locked.get(3)
    if e is not None:
        with e.lock:
            e.n += 1
    with events.reserve() as record:
        record.x = i32(ctx.a)
    events.emit(Point(1, TABLE[ctx.a % 5]))
    work.push(Point(1, 2))
    first = work.pop()
    if first:
        ctx.out[0] = first.x
    n = points.get(3, Point(5, 6)).x if 3 in points else -1
    points.setdefault(4, Point(1, 1)).x += 2
    if 3 in points:
        del points[3]
    i = u32(0)
    while True:
        i += 1
        if i * SCALE > ctx.a or i > 100:
            break
    for j in range(10, 0, -2):
        per_cpu[j & 3] += j
    for j in range(u32(ctx.a)):
        if j == 5:
            continue
        total_of = j
    ctx.out[1] = u64(abs(ctx.b) // 3) + ctx.a**2 + (ctx.a << 3) + ~i
    ctx.out[2] = sizeof(Big) + len(cfg.arr) + int(cfg.flag) + Color.RED
    name = current_comm()
    if name[:2] == "ab" or 1 < ctx.a <= 5 and not cfg.flag:
        ctx.out[3] = ktime_ns() % 7
    xchg(tab[1], 4)
    copy_of = copy(cfg)
    copy_of.p = Point(1)
    if copy_of == cfg:
        raise ValueError
    return n


@xdp
def h(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    if eth is None or eth.proto != ETH_P_IP:
        return XDP_PASS
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return XDP_PASS
    tcp = ip.next(TcpHdr)
    if tcp and tcp.dport == 80:
        tcp.dport = htons(8080)
        programs[ip.proto](ctx)
    return XDP_DROP if len(ctx) > 1000 else XDP_TX
