# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Point(Struct):
    x: i32
    y: i32


points: dict[u32, Point] = {}
numbers: dict[u32, u64] = {}
work: Queue[Point] = Queue(8)


def find(k: u32) -> Point | None:
    return points.get(k)


def forward(k: u32) -> Point:
    return find(k)  # expect: the result may be None here


def taken(p: Point) -> i32:
    return p.x


@xdp
def headers(ctx: xdp_md) -> XdpAction:
    eth = ctx.packet(EthHdr)
    proto = eth.proto  # expect: EthHdr | None: it may be None here
    ip = eth.next(IPv4Hdr)  # expect: it may be None here
    direct = ctx.packet(EthHdr).proto  # expect: it may be None here
    eth.proto = 3  # expect: it may be None here
    if eth is not None:
        tcp = eth.next(TcpHdr)
        if tcp.sport == 80:  # expect: TcpHdr | None: it may be None here
            return XDP_DROP
    if eth is None:
        return eth.proto  # expect: it may be None here
    ok = eth.proto
    return XDP_PASS


@xdp
def maps(ctx: xdp_md) -> XdpAction:
    p = points.get(1)
    x = p.x  # expect: Point | None: it may be None here
    n = numbers.get(1)
    m = n + 1  # expect: it may be None here
    if n > 3:  # expect: it may be None here
        return XDP_DROP
    q = find(2)
    q.x += 1  # expect: it may be None here
    taken(q)  # expect: 'p' is Point, and this may be None
    w = work.pop()
    print(w.x)  # expect: it may be None here
    numbers[1] = n  # expect: may be None
    points[1] = p  # expect: may be None
    numbers[n] = 1  # expect: may be None
    p.norm()  # expect: may be None
    forward(1)
    return XDP_PASS


@xdp
def loops(ctx: xdp_md) -> XdpAction:
    p = points.get(1)
    for i in range(3):
        if p is None:
            break
        p = points.get(i)
        print(p.x)  # expect: it may be None here
    if p is not None and p.x > 1 or p.y > 2:  # expect: it may be None here
        return XDP_DROP
    r = p.x if p is None else 0  # expect: it may be None here
    return XDP_PASS


@xdp
def packet(ctx: xdp_md) -> XdpAction:
    a = ctx.data[0]  # expect: the packet is not read by its address
    b = ctx.packet(3)  # expect: a header's type is needed
    c = ctx.packet()  # expect: packet() takes a header's type
    d = ctx.packet(u32)  # expect: a header's type is needed
    e = ctx.packet(EthHdr, "x")  # expect: an offset is an integer
    return XDP_PASS
