"""bpf(2) for real: maps."""

from __future__ import annotations

import contextlib
import errno

import pytest
from tests.kernel.programs import (
    BTF_INT,
    btf_blob,
    u32,
    u64,
)

from btfkit.errors import LoadError
from btfkit.load.linux import raw, sys, sys_iter
from btfkit.load.linux.uapi import BpfCmd, MapFlags, MapType, UpdateFlags

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


# maps

PLAIN = [MapType.HASH, MapType.ARRAY, MapType.LRU_HASH]
PER_CPU = [MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH]
ARRAYS = {MapType.ARRAY, MapType.PERCPU_ARRAY}


def filled(map_type: MapType, count: int) -> tuple[sys.Fd, dict[bytes, bytes], int]:
    size = sys.map_value_size(map_type, 8)
    fd = sys.map_create(map_type, 4, 8, count if map_type in ARRAYS else max(64, 16 * count))
    want = {u32(i): b"".join(u64(i << 32 | cpu) for cpu in range(size // 8)) for i in range(count)}
    for key, value in want.items():
        sys.map_update(fd, key, value)
    return fd, want, size


@pytest.mark.parametrize("map_type", PLAIN + PER_CPU)
def test_map_elements(map_type: MapType) -> None:
    fd, want, size = filled(map_type, 10)
    with fd:
        for key, value in want.items():
            assert sys.map_lookup(fd, key, size) == value
        assert sys.map_lookup(fd, u32(1000), size) is None
        sys.map_update(fd, u32(3), want[u32(4)], UpdateFlags.EXIST)
        assert sys.map_lookup(fd, u32(3), size) == want[u32(4)]
        with pytest.raises(LoadError) as refused:
            sys.map_update(fd, u32(3), want[u32(3)], UpdateFlags.NOEXIST)
        assert refused.value.errno == errno.EEXIST
        if map_type in ARRAYS:
            with pytest.raises(LoadError, match="BPF_MAP_DELETE_ELEM: Invalid argument \\(EINVAL\\)"):
                sys.map_delete(fd, u32(3))
        else:
            assert sys.map_delete(fd, u32(3)) is True
            assert sys.map_delete(fd, u32(3)) is False
            assert sys.map_lookup(fd, u32(3), size) is None


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("map_type", PLAIN + PER_CPU)
@pytest.mark.parametrize("count", [1, 7, 300])
def test_map_items(map_type: MapType, count: int, batch: bool) -> None:
    fd, want, size = filled(map_type, count)
    with fd:
        assert dict(sys.map_items(fd, 4, size, chunk=7, batch=batch)) == want
        assert sorted(sys.map_keys(fd, 4)) == sorted(want)


@pytest.mark.parametrize("batch", [True, False])
def test_map_items_of_an_empty_map(batch: bool) -> None:
    with sys.map_create(MapType.HASH, 4, 8, 8) as fd:
        assert list(sys.map_items(fd, 4, 8, batch=batch)) == []
        assert sys.map_next_key(fd, None, 4) is None


def test_map_items_falls_back_where_there_are_no_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    fd, want, size = filled(MapType.HASH, 20)
    with fd:

        def no_batch(*_args: object, **_named: object) -> sys.MapBatch:
            raise raw.refused(BpfCmd.MAP_LOOKUP_BATCH, raw.ENOTSUPP)

        monkeypatch.setattr(sys_iter, "map_lookup_batch", no_batch)
        assert dict(sys.map_items(fd, 4, size)) == want


def test_map_items_of_a_type_without_batches() -> None:
    """A prog array has neither batches nor anything in it."""
    with sys.map_create(MapType.PROG_ARRAY, 4, 4, 4) as fd:
        assert list(sys.map_items(fd, 4, 4)) == []


@pytest.mark.parametrize("batch", [True, False])
def test_map_items_while_the_reader_deletes(batch: bool) -> None:
    fd, want, size = filled(MapType.HASH, 100)
    with fd:
        got = {}
        for key, value in sys.map_items(fd, 4, size, chunk=16, batch=batch):
            assert key not in got
            got[key] = value
            sys.map_delete(fd, key)
        assert got == want
        assert list(sys.map_keys(fd, 4)) == []


def test_map_keys_while_others_delete() -> None:
    """What stays is given once, however often the kernel starts over because the key to go on from is gone."""
    stays, goes = {u32(i) for i in range(40)}, [u32(i) for i in range(100, 140)]
    with sys.map_create(MapType.HASH, 4, 4, 128) as fd:
        for key in [*stays, *goes]:
            sys.map_update(fd, key, key)
        seen = []
        for key in sys.map_keys(fd, 4):
            seen.append(key)
            for gone in goes[-3:]:
                sys.map_delete(fd, gone)
            del goes[-3:]
        assert stays <= set(seen)
        assert len(seen) == len(set(seen))


def test_map_keys_while_everything_changes() -> None:
    """All keys are new each time: reading ends all the same."""
    fresh = 0
    seen = []
    with sys.map_create(MapType.HASH, 4, 4, 16) as fd:
        sys.map_update(fd, u32(0), u32(0))
        with contextlib.suppress(LoadError):
            for key in sys.map_keys(fd, 4):
                seen.append(key)
                for _ in range(3):
                    sys.map_delete(fd, u32(max(fresh - 2, 0)))
                    fresh += 1
                    sys.map_update(fd, u32(fresh), u32(0))
    assert len(seen) == len(set(seen)) <= 2000


def test_map_keys_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with sys.map_create(MapType.HASH, 4, 8, 4) as fd:
        monkeypatch.setattr(sys_iter, "map_next_key", lambda _fd, _key, _size: u32(1))
        with pytest.raises(LoadError, match="changes faster"):
            list(sys.map_keys(fd, 4))


def test_map_batches() -> None:
    with sys.map_create(MapType.HASH, 8, 4, 100) as fd:
        keys, values = b"".join(map(u64, range(50))), b"".join(map(u32, range(50)))
        sys.map_update_batch(fd, keys, values, 50)
        position: bytes | None = None
        got: dict[bytes, bytes] = {}
        calls = 0
        while True:
            batch = sys.map_lookup_batch(fd, 8, 4, 20, position)
            got |= {batch.keys[8 * i :][:8]: batch.values[4 * i :][:4] for i in range(batch.n)}
            calls += 1
            position = batch.position
            if position is None:
                break
        assert got == {u64(i): u32(i) for i in range(50)}
        assert calls > 1
        assert sys.map_delete_batch(fd, keys[:80], 10) == 10
        assert sys.map_delete_batch(fd, keys[:80], 10) == 0
        assert sys.map_lookup_batch(fd, 8, 4, 100, delete=True).n == 40
        assert sys.map_next_key(fd, None, 8) is None


@pytest.mark.parametrize(("map_type", "order"), [(MapType.QUEUE, [1, 2, 3]), (MapType.STACK, [3, 2, 1])])
def test_queue_and_stack(map_type: MapType, order: list[int]) -> None:
    with sys.map_create(map_type, 0, 4, 3) as fd:
        for i in (1, 2, 3):
            sys.map_update(fd, b"", u32(i))
        with pytest.raises(LoadError, match="the map is full") as full:
            sys.map_update(fd, b"", u32(4))
        assert full.value.errno == errno.E2BIG
        assert sys.map_lookup(fd, b"", 4) == u32(order[0])
        assert [sys.map_lookup_and_delete(fd, b"", 4) for _ in range(4)] == [*map(u32, order), None]


def test_map_in_map_and_numa_node() -> None:
    with (
        sys.map_create(MapType.ARRAY, 4, 4, 1, numa_node=0) as inner,
        sys.map_create(MapType.HASH_OF_MAPS, 4, 4, 2, inner_map_fd=inner) as outer,
    ):
        assert sys.map_info(inner).map_flags & MapFlags.NUMA_NODE
        sys.map_update(outer, u32(1), u32(inner.fileno()))
        assert sys.map_lookup(outer, u32(1), 4) == u32(sys.map_info(inner).id)


def test_map_freeze() -> None:
    with sys.map_create(MapType.ARRAY, 4, 4, 1) as fd:
        sys.map_update(fd, u32(0), u32(7))
        sys.map_freeze(fd)
        with pytest.raises(LoadError, match="frozen") as refused:
            sys.map_update(fd, u32(0), u32(8))
        assert refused.value.errno == errno.EPERM
        assert sys.map_lookup(fd, u32(0), 4) == u32(7)


def test_map_refused() -> None:
    with pytest.raises(LoadError) as refused:
        sys.map_create(MapType.ARRAY, 8, 4, 1, name="flows")
    assert str(refused.value) == "map 'flows': BPF_MAP_CREATE: Invalid argument (EINVAL)"
    assert refused.value.errno == errno.EINVAL
    assert isinstance(refused.value, OSError)
    with pytest.raises(LoadError):
        sys.map_create(9999, 4, 4, 1)


def test_map_info_with_btf() -> None:
    with (
        sys.btf_load(btf_blob(BTF_INT)) as btf,
        sys.map_create(
            MapType.HASH,
            4,
            4,
            8,
            name="flows",
            flags=MapFlags.NO_PREALLOC,
            btf_fd=btf,
            btf_key_type_id=1,
            btf_value_type_id=1,
        ) as fd,
    ):
        info = sys.map_info(fd)
        assert info[:3] == (MapType.HASH, info.id, 4)
        assert (info.value_size, info.max_entries, info.map_flags) == (4, 8, MapFlags.NO_PREALLOC)
        assert (info.name, info.btf_id) == ("flows", sys.btf_info(btf).id)
        assert (info.btf_key_type_id, info.btf_value_type_id, info.btf_vmlinux_value_type_id) == (1, 1, 0)
        assert info.id in sys.map_ids()
        with sys.map_get_fd_by_id(info.id) as again:
            assert sys.map_info(again) == info
        with sys.map_get_fd_by_id(info.id, MapFlags.RDONLY) as reader, pytest.raises(LoadError, match="EPERM"):
            sys.map_update(reader, u32(1), u32(1))


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("flows", b"flows"),
        (b"prog.data", b"prog.data"),
        ("a name-with\u00e9", b"a_name_with__"),
        ("sixteen_is_much_too_long", b"sixteen_is_much"),
        ("", b""),
    ],
)
def test_obj_name(name: str | bytes, want: bytes) -> None:
    assert sys.obj_name(name) == want
    with sys.map_create(MapType.ARRAY, 4, 4, 1, name=name) as fd:
        assert sys.map_info(fd).name.encode() == want


def test_num_possible_cpus() -> None:
    with open("/sys/devices/system/cpu/possible") as file:
        last = int(file.read().replace("-", ",").split(",")[-1])
    assert 1 <= sys.num_possible_cpus() <= last + 1
