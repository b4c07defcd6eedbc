"""What programs may reach: maps in maps, packets at any offset, sizes that are known late, values with locks in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kernel import examples_support as s
from tests.kernel.python_support import loaded

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

PASS, DROP, TX = 2, 1, 3

MAPS = """
even: Array[u64] = Array(8)
odd: Array[u64] = Array(8)
sketches: ArrayOfMaps[Array[u64]] = ArrayOfMaps(3, inner=even, values=[even, None, odd])
own: HashOfMaps[u32, LruHash[u32, u64]] = HashOfMaps(2, inner=LruHash(5))

@xdp
def count(ctx: xdp_md) -> XdpAction:
    for i in range(3):
        sketch = sketches.get(i)
        if sketch is not None:
            sketch[7] += 1
    calls[1](ctx)

@xdp
def last(ctx: xdp_md) -> XdpAction:
    return XDP_TX

calls: ProgArray = ProgArray(2, values=[None, last])
"""


def test_maps_in_maps(tmp_path: Path) -> None:
    with loaded(tmp_path, MAPS) as bpf:
        assert set(bpf.maps) == {"even", "odd", "sketches", "own", "calls"}
        assert bpf.count.test_run(bytes(64)).retval == TX
        assert (bpf.even[7], bpf.odd[7]) == (1, 1)
        bpf.sketches[1] = bpf.odd
        del bpf.calls[1]
        assert bpf.count.test_run(bytes(64)).retval == PASS  # KeyError
        assert (bpf.even[7], bpf.odd[7]) == (2, 3)
        each = next(map_.inner for map_ in bpf.plan.maps if map_.name == "own")
        assert each is not None and (each.type, each.max_entries) == (9, 5)


OFFSETS = """
class Option(Header):
    kind: u8
    len: u8

class Segment(Header):
    size: be16

where: u64 = 14

@xdp
def at(ctx: xdp_md) -> XdpAction:
    ip = ctx.packet(IPv4Hdr, where)
    return XDP_DROP if ip is None or ip.version != 4 else XDP_TX

@xdp
def segment_size(ctx: xdp_md) -> u32:
    eth = ctx.packet(EthHdr)
    if eth is None:
        return 0
    ip = eth.next(IPv4Hdr)
    if ip is None:
        return 0
    tcp = ip.next(TcpHdr)
    if tcp is None:
        return 0
    at = sizeof(EthHdr) + ip.header_len() + sizeof(TcpHdr)
    end = sizeof(EthHdr) + ip.header_len() + tcp.header_len()
    while at + 2 <= end:
        option = ctx.packet(Option, at)
        if option is None or option.kind == 0:
            break
        if option.kind == 2:
            size = option.next(Segment)
            return 0 if size is None else size.size
        at += 1 if option.kind == 1 else option.len
    return 0
"""


def test_offsets(tmp_path: Path) -> None:
    """None where they are beyond the packet's end: far beyond too."""
    with loaded(tmp_path, OFFSETS) as bpf:
        frame = s.tcp4("10.0.0.1", "10.0.0.2")
        for where in (14, 15, 34, 35, 54, 1 << 15, 1 << 16, (1 << 16) + 14, (1 << 32) + 14, (1 << 64) - 1):
            bpf.where = where
            assert bpf.at.test_run(frame).retval == (TX if where == 14 else DROP)
        for options, size in (
            (b"\1\1\3\3\7\2\4\x05\xb4\0\0\0", 1460),
            (b"\2\4\1\2", 258),
            (b"\2\4\1", 0),
            (b"\3\3\7\0", 0),
            (b"", 0),
        ):
            body = bytearray(s.tcp("10.0.0.1", "10.0.0.2", 1, 2) + options)
            body[12] = (5 + -(-len(options) // 4)) << 4
            assert bpf.segment_size.test_run(s.eth(s.ip("10.0.0.1", "10.0.0.2", s.TCP, bytes(body)))).retval == size


SIZES = """
class Name(Struct):
    text: u8[16]

names: Array[Name] = Array(1)
size: u32 = 0

@tc
def copy_some(ctx: __sk_buff) -> i32:
    name = names[0]
    try:
        return i32(skb_load_bytes(ctx, 14, name.text, min(size, 1000)))
    except IndexError:
        return 100
    except ValueError:
        return 101
"""


def test_sizes(tmp_path: Path) -> None:
    """A size that the program computes is held against the memory."""
    with loaded(tmp_path, SIZES) as bpf:
        frame = s.eth(bytes(range(1, 61)))
        for size, retval in ((1, 0), (16, 0), (17, 100), (5000, 100), (0, 101)):
            bpf.size = size
            bpf.names[0] = {"text": bytes(16)}
            assert bpf.copy_some.test_run(frame).retval == retval
            copied = size if not retval else 0
            assert bpf.names[0].text == bytes(range(1, copied + 1)) + bytes(16 - copied)


LOCKS = """
class Bucket(Struct):
    before: u16
    lock: SpinLock
    after: u64

buckets: HashMap[u32, Bucket] = HashMap(8)

@xdp
def run(ctx: xdp_md) -> XdpAction:
    bucket = buckets.setdefault(1, Bucket(before=3))
    with bucket.lock:
        bucket.after = 5
    mine = copy(bucket)
    mine.after += 1
    buckets[2] = bucket
    buckets[3] = mine
    buckets[4] = buckets.get(9, Bucket(after=7))
    buckets[5] = buckets.pop(2)
    return XDP_PASS
"""


def test_locks_are_not_copied(tmp_path: Path) -> None:
    with loaded(tmp_path, LOCKS) as bpf:
        assert bpf.run.test_run(bytes(64)).retval == PASS
        found = {key: (bucket.before, bucket.after) for key, bucket in bpf.buckets.items()}
        assert found == {1: (3, 5), 3: (3, 6), 4: (0, 7), 5: (3, 5)}


ARRAYS = """
class Args(Struct):
    found: u32
    mac: u8[6]

def address(known: bool) -> u8[6] | None:
    if not known:
        return None
    mac = u8[6]()
    mac[0] = mac[5] = 0xFE
    return mac

@syscall
def run(ctx: Args) -> i32:
    mac = address(ctx.found > 0)
    if mac is None:
        return 1
    ctx.mac = mac
    return 0
"""


def test_arrays_that_may_be_none(tmp_path: Path) -> None:
    with loaded(tmp_path, ARRAYS) as bpf:
        assert bpf.run.test_run(ctx=(0, bytes(6))).retval == 1
        assert bpf.run.test_run(ctx=(1, bytes(6))).ctx.mac == b"\xfe\0\0\0\0\xfe"
