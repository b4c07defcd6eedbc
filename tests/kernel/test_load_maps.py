"""Maps of many kinds, really created, read and written as typed values."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kernel.load_support import PACKET
from tests.unit.load.programs import COMPILERS, build

import btfkit
from btfkit.errors import AmbiguousTypeError, LoadError, TypeNotFoundError
from btfkit.load.linux import sys
from btfkit.load.linux.uapi import MapFlags, MapType
from btfkit.load.maps import MapUseError, TypedQueue

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

CLANGS = ["clang-22", "clang-14"]

KINDS = """
struct key { u32 a; u16 b; };
struct value { u64 n; char text[8]; };
#define MAP(name, kind, entries, K, V, flags) struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, entries); \\
	__type(key, K); __type(value, V); __uint(map_flags, flags); } name SEC(".maps")
MAP(hash, HASH, 100, struct key, struct value, BPF_F_NO_PREALLOC);
MAP(array, ARRAY, 5, u32, struct value, 0);
MAP(lru, LRU_HASH, 64, struct key, u32, 0);
MAP(percpu_hash, PERCPU_HASH, 10, struct key, u32, 0);
MAP(percpu_array, PERCPU_ARRAY, 4, u32, u64, 0);
MAP(lru_percpu, LRU_PERCPU_HASH, 64, u32, u16, 0);
struct prefix { u32 length; u32 address; };
MAP(trie, LPM_TRIE, 8, struct prefix, u32, BPF_F_NO_PREALLOC);
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 3); __type(value, struct value); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); __uint(max_entries, 3); __type(value, u32); } stack SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 100); __type(value, u32);
	__uint(map_extra, 4); } bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 5000); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int);
	__type(value, struct value); } storage SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP_HASH); __uint(max_entries, 8); __type(key, u32); __type(value, u32); } devs SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SOCKMAP); __uint(max_entries, 8); __type(key, u32); __type(value, u64); } socks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 8); __uint(key_size, 4); __uint(value_size, 80); }
	traces SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CGROUP_STORAGE); __type(key, u64); __type(value, u32); } cgroup SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_XSKMAP); __uint(max_entries, 8); __type(key, u32); __type(value, u32); } xsks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CPUMAP); __uint(max_entries, 2); __type(key, u32); __type(value, u32); } cpus SEC(".maps");
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_kinds(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, KINDS, compiler).load() as bpf:
        assert bpf.warnings == []
        maps = bpf.maps
        types = {m: maps[m].info.type for m in maps}
        assert types["bloom"] == MapType.BLOOM_FILTER
        assert maps["ring"].max_entries == 8192
        assert maps["perf"].max_entries == sys.num_possible_cpus()
        assert maps["hash"].info.map_flags == MapFlags.NO_PREALLOC
        assert maps["bloom"].info.map_extra == 4
        typed = {m for m in maps if maps[m].info.btf_value_type_id}
        assert typed == {
            "hash", "array", "lru", "percpu_hash", "percpu_array", "lru_percpu", "trie", "bloom", "storage", "cgroup"
        }  # fmt: skip

        hash_ = maps["hash"]
        for i in range(50):
            hash_[i, i % 3] = {"n": i, "text": f"t{i}"}
        assert len(hash_) == 50
        assert {k.a: v.text for k, v in hash_.items()} == {i: f"t{i}" for i in range(50)}
        assert (3, 0) in hash_
        assert (3, 1) not in hash_
        assert hash_.pop((3, 0)) == (3, "t3")
        with pytest.raises(KeyError):
            del hash_[3, 0]
        hash_.clear()
        assert not hash_

        array = maps["array"]
        array[2] = (9, "nine")
        assert [v.n for v in array.values()] == [0, 0, 9, 0, 0]
        assert len(array) == 5
        with pytest.raises(MapUseError):
            del array[2]
        with pytest.raises(LoadError, match="past its end"):
            array[5] = (0, "")
        with pytest.raises(KeyError):
            array[5]

        cpus = sys.num_possible_cpus()
        for name, key in (("percpu_hash", (1, 2)), ("percpu_array", 3), ("lru_percpu", 7)):
            want = [10 + cpu for cpu in range(cpus)]
            maps[name][key] = want
            assert maps[name][key] == want
            assert want in list(maps[name].values())
        maps["trie"][{"length": 24, "address": 0x0000000A}] = 1
        assert maps["trie"][24, 10] == 1

        queue, stack = maps["queue"], maps["stack"]
        assert isinstance(queue, TypedQueue)
        for i in range(3):
            queue.push({"n": i, "text": str(i)})
            stack.push(i)
        with pytest.raises(LoadError):
            stack.push(3)
        stack.push(3, replace=True)
        assert [queue.peek().n, queue.pop().n, queue.pop().text, queue.pop().n] == [0, 0, "1", 2]
        assert [stack.pop(), stack.pop(), stack.pop()] == [3, 2, 1]
        with pytest.raises(IndexError):
            queue.pop()
        maps["bloom"].push(77)
        assert 77 in maps["bloom"]
        assert 78 not in maps["bloom"]


LEGACY = """
struct flow { u32 src; u16 port; };
struct bpf_map_def SEC("maps") typed = { .type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 8, .max_entries = 4 };
BPF_ANNOTATE_KV_PAIR(typed, struct flow, u64);
struct bpf_map_def SEC("maps") untyped = { .type = BPF_MAP_TYPE_HASH, .key_size = 2, .value_size = 3, .max_entries = 4 };
struct bpf_map_def SEC("maps") slots = { .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 4 };
SEC("socket") int f(struct __sk_buff *skb)
{
	struct flow key;
	u64 value = 3;

	__builtin_memset(&key, 0, sizeof(key));
	key.src = 1;
	key.port = 2;
	bpf_map_update_elem(&typed, &key, &value, 0);
	return bpf_map_lookup_elem(&slots, &key.src) && bpf_map_lookup_elem(&untyped, &key) ? 1 : 2;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_legacy(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, LEGACY, compiler).load() as bpf:
        bpf.maps["untyped"][b"\1\0"] = b"abc"
        assert bpf.programs["f"].test_run(PACKET).retval == 1
        assert dict(bpf.maps["typed"]) == {(1, 2): 3}
        assert dict(bpf.maps["untyped"]) == {b"\1\0": b"abc"}
        bpf.maps["slots"][1] = 5
        assert bpf.maps["slots"].info.btf_value_type_id == 0
        assert bpf.maps["slots"][1] == b"\5\0\0\0"


NESTED = """
struct pair { u32 a; u32 b; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 3); __type(key, u32); __type(value, struct pair); };
struct inner one SEC(".maps"), two SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct inner); }
	table SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct inner); }
	outer SEC(".maps") = { .values = { [1] = &one, [3] = &two } };
int tail(struct __sk_buff *skb);
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 3); __uint(key_size, 4);
	__array(values, int (struct __sk_buff *)); } jumps SEC(".maps") = { .values = { [1] = (void *)&tail } };
SEC("socket") int tail(struct __sk_buff *skb) { return 300; }
SEC("socket") int other(struct __sk_buff *skb) { return 400; }
SEC("socket") int entry(struct __sk_buff *skb)
{
	u32 index = 3, zero = 0;
	void *map = bpf_map_lookup_elem(&outer, &index);
	struct pair *pair = map ? bpf_map_lookup_elem(map, &zero) : 0;

	if (pair)
		pair->a++;
	bpf_tail_call(skb, &jumps, 1);
	return 0;
}
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_maps_in_maps_and_programs_in_arrays(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, NESTED, compiler).load() as bpf:
        assert bpf.warnings == []
        assert bpf.programs["entry"].test_run(PACKET).retval == 300
        assert [bpf.maps[name][0].a for name in ("one", "two")] == [0, 1]
        outer = bpf.maps["outer"]
        assert outer[3] == bpf.maps["two"].info.id
        outer[3] = bpf.maps["one"]
        bpf.maps["jumps"][1] = bpf.programs["other"]
        assert bpf.programs["entry"].test_run(PACKET).retval == 400
        assert [bpf.maps[name][0].a for name in ("one", "two")] == [1, 1]
        bpf.maps["table"][77] = bpf.maps["one"]
        assert dict(bpf.maps["table"]) == {77: bpf.maps["one"].info.id}


# -- pins and maps that are there already ---------------------------------------------------------------------------

PINNED = """
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, %d); __type(key, u32); __type(value, u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME); } kept_map SEC(".maps");
SEC("socket") int f(struct __sk_buff *skb) { u32 k = 1; u64 v = 2; return bpf_map_update_elem(&kept_map, &k, &v, %s); }
"""


@pytest.fixture
def bpffs() -> Iterator[Path]:
    root = Path("/sys/fs/bpf")
    if not os.path.ismount(root):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(root)], check=True)
    place = root / f"btfkit-test-{os.getpid()}"
    place.mkdir()
    yield place
    for pin in place.iterdir():
        pin.unlink()
    place.rmdir()


def test_pinning(tmp_path: Path, bpffs: Path) -> None:
    obj = build(tmp_path, PINNED % (8, "0"))
    with obj.load(pin_root=str(bpffs)) as bpf:
        bpf.maps["kept_map"][5] = 6
        first = bpf.maps["kept_map"].info.id
    with obj.load(pin_root=str(bpffs)) as bpf:
        assert bpf.maps["kept_map"].info.id == first
        bpf.programs["f"].test_run(PACKET)
    with btfkit.open_map(bpffs / "kept_map") as opened:
        assert dict(opened) == {5: 6, 1: 2}
        assert opened.name == "kept_map"
    with pytest.raises(LoadError, match=r"kept_map: map 'kept_map': is pinned already, with max_entries 8, not 9"):
        build(tmp_path, PINNED % (9, "0")).load(pin_root=str(bpffs))


def test_a_refused_load_leaves_no_pin(tmp_path: Path, bpffs: Path) -> None:
    with pytest.raises(LoadError):
        build(tmp_path, PINNED % (8, "*(u64 *)0")).load(pin_root=str(bpffs))
    assert list(bpffs.iterdir()) == []


def test_open_map(tmp_path: Path) -> None:
    source = """
    struct key { u32 a; u32 b; };
    struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, struct key); __type(value, u64); }
        btfkit_open_me_long SEC(".maps");
    int counter = 3;
    SEC("socket") int f(struct __sk_buff *skb) { return counter; }
    """
    obj = build(tmp_path, source)
    with obj.load() as bpf:
        bpf.maps["btfkit_open_me_long"][1, 2] = 3
        map_id = bpf.maps["btfkit_open_me_long"].info.id
        for what in ("btfkit_open_me_long", "btfkit_open_me_", map_id, str(map_id)):
            with btfkit.open_map(what) as opened:
                assert dict(opened) == {(1, 2): 3}
                assert next(iter(opened)).b == 2
                opened[{"a": 1, "b": 2}] = 4
                assert bpf.maps["btfkit_open_me_long"][1, 2] == 4
                opened[1, 2] = 3
        with btfkit.open_map(bpf.maps[".data"].info.id) as data:
            assert data[0].counter == 3
        with obj.load() as second:
            ids = sorted([map_id, second.maps["btfkit_open_me_long"].info.id])
            with pytest.raises(AmbiguousTypeError, match=f"there are 2 maps of that name: ids {ids[0]}, {ids[1]}"):
                btfkit.open_map("btfkit_open_me_long")
        with pytest.raises(TypeNotFoundError, match=r"map 'btfkit_open_mx_': .*near: btfkit_open_me_"):
            btfkit.open_map("btfkit_open_mx_")
    with pytest.raises(LoadError, match="ENOENT"):
        btfkit.open_map(0x7FFFFFFF)
    with pytest.raises(LoadError):
        btfkit.open_map("/sys/fs/bpf/no-such-pin")


def test_open_map_without_types() -> None:
    with sys.map_create(MapType.HASH, 4, 2, 8, name="btfkit_untyped") as fd:
        sys.map_update(fd, b"abcd", b"xy")
        with btfkit.open_map("btfkit_untyped") as opened:
            assert dict(opened) == {b"abcd": b"xy"}
            assert (opened.key_type, opened.value_type) == (None, None)
