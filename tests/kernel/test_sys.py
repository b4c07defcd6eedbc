"""bpf(2) for real: maps, programs, BTF, pins and ids, and what is left over after failures."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import resource
import signal
import struct
import subprocess
import sys as python_sys
import textwrap
from pathlib import Path

import pytest
from tests.kernel.conftest import open_fds, skip_or_fail

from btfkit.errors import LoadError
from btfkit.load.linux import raw, sys, sys_iter, sys_prog
from btfkit.load.linux.probe import Features
from btfkit.load.linux.uapi import AttachType, BpfCmd, MapFlags, MapType, ProgType, UpdateFlags

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

u32 = struct.Struct("=I").pack
u64 = struct.Struct("=Q").pack


def insn(code: int, dst: int = 0, src: int = 0, off: int = 0, imm: int = 0) -> bytes:
    regs = dst | src << 4 if python_sys.byteorder == "little" else dst << 4 | src
    return struct.pack("=2Bhi", code, regs, off, imm)


EXIT = insn(0x95)
XDP_PASS = insn(0xB7, 0, imm=2) + EXIT  # r0 = 2; exit
STRINGS = b"\0int\0main\0flows.c\0\treturn r0;\0x\0"
INT, MAIN, FILE, TEXT = 1, 5, 10, 18


def btf_blob(types: bytes, strings: bytes = STRINGS, magic: int = 0xEB9F) -> bytes:
    return struct.pack("=HBB5I", magic, 1, 0, 24, 0, len(types), len(types), len(strings)) + types + strings


def btf_type(name_off: int, kind: int, vlen: int, size_or_type: int, *rest: int) -> bytes:
    return struct.pack(f"={3 + len(rest)}I", name_off, kind << 24 | vlen, size_or_type, *rest)


BTF_INT = btf_type(INT, 1, 0, 4, 1 << 24 | 32)
BTF_MAIN = BTF_INT + btf_type(0, 13, 0, 1) + btf_type(MAIN, 12, 0, 2)  # 1 int, 2 int (void), 3 int main(void)


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


# programs


def test_xdp_program() -> None:
    with sys.prog_load(ProgType.XDP, XDP_PASS, "GPL", name="pass_all") as fd:
        packet = bytes(range(64))
        run = sys.prog_test_run(fd, packet)
        assert run[:3] == (2, packet, b"")
        assert sys.prog_test_run(fd, packet, repeat=1000).duration_ns < 1_000_000
        assert sys.prog_test_run(fd, packet, data_size_out=0).data == b""
        info = sys.prog_info(fd)
        assert (info.type, info.name, info.map_ids, info.btf_id) == (ProgType.XDP, "pass_all", (), 0)
        assert info.gpl_compatible
        assert info.xlated_prog_len == 16
        assert len(info.tag) == 16
        assert info.load_time_ns > 0
        assert info.id in sys.prog_ids()
        with sys.prog_get_fd_by_id(info.id) as again:
            assert sys.prog_info(again).tag == info.tag


def test_test_run_answers_that_grow() -> None:
    """The first answer does not fit: the kernel says how long it is, and is asked again."""
    with sys.prog_load(ProgType.XDP, XDP_PASS, "GPL") as fd:
        assert sys.prog_test_run(fd, bytes(200), data_size_out=20).data == bytes(200)
    with sys.prog_load(ProgType.SCHED_CLS, XDP_PASS, "GPL") as fd:
        mark = u32(0) + u32(0) + u32(77)
        run = sys.prog_test_run(fd, bytes(64), ctx=mark, ctx_size_out=12)
        assert len(run.ctx) >= 176  # struct __sk_buff as of 5.0
        assert run.ctx[:12] == mark
        assert sys.prog_test_run(fd, bytes(64), ctx=mark).ctx == run.ctx
        assert sys.prog_test_run(fd, bytes(64), ctx=mark, ctx_size_out=0).ctx == b""


def test_test_run_refused() -> None:
    with sys.prog_load(ProgType.XDP, XDP_PASS, "GPL") as fd, pytest.raises(LoadError, match="BPF_PROG_TEST_RUN") as no:
        sys.prog_test_run(fd, b"short")
    assert no.value.errno == errno.EINVAL


def test_syscall_program_changes_its_context() -> None:
    # r0 = *(u32 *)(r1 + 0); r0 += 1; *(u32 *)(r1 + 4) = r0; exit
    insns = insn(0x61, 0, 1) + insn(0x07, 0, imm=1) + insn(0x63, 1, 0, off=4) + EXIT
    with sys.prog_load(ProgType.SYSCALL, insns, "GPL", prog_flags=1 << 4) as fd:
        run = sys.prog_test_run(fd, ctx=u32(41) + u32(0))
        assert (run.retval, run.ctx, run.data) == (42, u32(41) + u32(42), b"")


def test_test_run_through_signals() -> None:
    """A run that is interrupted starts again."""
    hits = []
    old = signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
    try:
        with sys.prog_load(ProgType.XDP, XDP_PASS, "GPL") as fd:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            assert sys.prog_test_run(fd, bytes(64), repeat=5_000_000).retval == 2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert hits


def test_prog_with_maps_and_lines() -> None:
    # r1 = &value + 4; r0 = *(u32 *)(r1 + 0); exit
    with (
        sys.map_create(MapType.ARRAY, 4, 8, 1, name="numbers") as data,
        sys.btf_load(btf_blob(BTF_MAIN)) as btf,
    ):
        sys.map_update(data, u32(0), u32(1) + u32(2))
        insns = insn(0x18, 1, 2, imm=data.fileno()) + insn(0, imm=4) + insn(0x61, 0, 1) + EXIT
        with sys.prog_load(
            ProgType.XDP,
            insns,
            "GPL",
            name="main",
            expected_attach_type=AttachType.XDP,
            btf_fd=btf,
            func_info=u32(0) + u32(3),
            line_info=struct.pack("=4I", 0, FILE, TEXT, 31 << 10 | 1),
        ) as fd:
            info = sys.prog_info(fd)
            assert info.map_ids == (sys.map_info(data).id,)
            assert (info.nr_func_info, info.nr_line_info) == (1, 1)
            assert info.btf_id == sys.btf_info(btf).id
            assert sys.prog_test_run(fd, bytes(64)).retval == 2


def test_fd_array() -> None:
    """BPF_PSEUDO_MAP_IDX_VALUE: the instruction has an index, the array the map."""
    with sys.map_create(MapType.ARRAY, 4, 4, 1) as data:
        insns = insn(0x18, 1, 6, imm=1) + insn(0) + insn(0x61, 0, 1) + EXIT
        with sys.prog_load(ProgType.XDP, insns, "GPL", fd_array=[data, data]) as fd:
            assert sys.prog_info(fd).map_ids == (sys.map_info(data).id,)


def test_log_of_success() -> None:
    logs: list[str] = []
    sys.prog_load(ProgType.XDP, XDP_PASS, "GPL", log_level=2, on_log=logs.append).close()
    assert "(b7) r0 = 2" in logs[0]
    sys.btf_load(btf_blob(BTF_INT), 1, on_log=logs.append).close()
    assert "[1] INT int" in logs[1]


def test_no_leak_when_the_log_taker_fails() -> None:
    def taker(_log: str) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        sys.prog_load(ProgType.XDP, XDP_PASS, "GPL", log_level=1, on_log=taker)
    with pytest.raises(RuntimeError):
        sys.btf_load(btf_blob(BTF_INT), 1, on_log=taker)


# The verifier's verdicts: (id, instructions, errno, the last words)
R0_UNINIT = EXIT
NO_EXIT = insn(0xB7, 0, imm=2)
PACKET = insn(0x61, 1, 1) + insn(0x71, 0, 1) + EXIT  # r1 = ctx->data; r0 = *(u8 *)r1
LOOP = insn(0xB7, 0) + insn(0x15, 0, off=-1) + EXIT  # if r0 == 0: here again
STACK = insn(0x7B, 10, 1, off=-1024) + insn(0xB7, 0) + EXIT
HELPER = insn(0x85, imm=99999) + EXIT
VERDICTS = [
    ("uninitialised R0", R0_UNINIT, errno.EACCES, "R0 !read_ok"),
    ("no exit", NO_EXIT, errno.EINVAL, "last insn is not an exit or jmp"),
    ("packet not checked", PACKET, errno.EACCES, "invalid access to packet, off=0 size=1"),
    ("loop", LOOP, errno.EINVAL, "infinite loop detected"),
    ("stack too deep", STACK, errno.EACCES, "invalid write to stack R10 off=-1024 size=8"),
    ("helper unknown", HELPER, errno.EINVAL, "invalid func unknown#99999"),
]


@pytest.mark.parametrize(("insns", "code", "words"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_verdict(insns: bytes, code: int, words: str) -> None:
    with pytest.raises(LoadError) as refused:
        sys.prog_load(ProgType.XDP, insns, "GPL", name="bad")
    error = refused.value
    assert error.errno == code
    assert words in error.reason
    assert "\n" not in error.reason
    assert str(error).startswith(f"program 'bad': BPF_PROG_LOAD: {os.strerror(code)} (")
    assert "processed" not in error.reason
    assert words in error.log
    assert error.source is None


def test_verdict_names_the_source_line() -> None:
    with sys.btf_load(btf_blob(BTF_MAIN)) as btf, pytest.raises(LoadError) as refused:
        sys.prog_load(
            ProgType.XDP,
            R0_UNINIT,
            "GPL",
            name="main",
            btf_fd=btf,
            func_info=u32(0) + u32(3),
            line_info=struct.pack("=4I", 0, FILE, TEXT, 31 << 10 | 1),
        )
    assert refused.value.source in ("flows.c:31: return r0;", "return r0;")  # before 6.9 without the place
    assert str(refused.value).endswith(f"R0 !read_ok (at {refused.value.source})")


def test_long_log_is_kept_whole() -> None:
    """30,000 instructions make more than the first 64 KiB of log."""
    insns = insn(0xB7, 0, imm=1) * 30_000 + insn(0xBF, 0, 9) + EXIT
    with pytest.raises(LoadError) as refused:
        sys.prog_load(ProgType.XDP, insns, "GPL")
    assert len(refused.value.log) > 1 << 20
    assert "\n0: (b7) r0 = 1" in refused.value.log
    assert "R9 !read_ok" in refused.value.reason


@pytest.mark.parametrize("log_level", [0, 1])
def test_log_longer_than_16_mib(monkeypatch: pytest.MonkeyPatch, log_level: int) -> None:
    """With a lower limit in its place: errno is about the program, not about the log."""
    monkeypatch.setattr(sys_prog, "_LOG_SIZE", 1024)
    monkeypatch.setattr(sys_prog, "_MAX_LOG_SIZE", 4096)
    insns = insn(0xB7, 0, imm=1) * 3_000
    with pytest.raises(LoadError) as refused:
        sys.prog_load(ProgType.XDP, insns + insn(0xBF, 0, 9) + EXIT, "GPL", log_level=log_level)
    assert refused.value.errno == errno.EACCES
    assert "R9 !read_ok" in refused.value.reason or "the end of the log is lost" in refused.value.reason
    sys.prog_load(ProgType.XDP, insns + EXIT, "GPL", log_level=2).close()


def test_bytes_that_are_no_instructions() -> None:
    with pytest.raises(LoadError, match="9 bytes of instructions are not a multiple of 8") as refused:
        sys.prog_load(ProgType.XDP, bytes(9), "GPL")
    assert refused.value.errno is None


# BTF


def test_btf_there_and_back() -> None:
    blob = btf_blob(BTF_MAIN)
    with sys.btf_load(blob) as fd:
        info = sys.btf_info(fd)
        assert (info.data, info.kernel_btf, info.name) == (blob, False, "")
        assert info.id in sys.btf_ids()
        with sys.btf_get_fd_by_id(info.id) as again:
            assert sys.btf_info(again) == info


def test_btf_of_the_kernel() -> None:
    for number in sys.btf_ids():
        with sys.btf_get_fd_by_id(number) as fd:
            info = sys.btf_info(fd)
        if info.name == "vmlinux":
            assert info.kernel_btf
            with open("/sys/kernel/btf/vmlinux", "rb") as file:
                assert info.data == file.read()
            return
    skip_or_fail("this kernel has no BTF of its own")


BAD_BTF = [
    ("magic", btf_blob(BTF_INT, magic=0xEB9E), errno.EINVAL, "Invalid magic"),
    ("no types", btf_blob(b""), errno.EINVAL, "No type found"),
    ("kind", btf_blob(btf_type(0, 31, 0, 0)), errno.EINVAL, "Invalid kind"),
    ("reference", btf_blob(btf_type(0, 2, 0, 77)), errno.EINVAL, "Invalid type_id"),
    ("string", btf_blob(BTF_INT, strings=b"\0int"), errno.EINVAL, "Invalid string section"),
    ("name", btf_blob(btf_type(4000, 1, 0, 4, 32)), errno.EINVAL, "Invalid name_offset"),
    ("header", struct.pack("=HBB", 0xEB9F, 1, 0), errno.EINVAL, "hdr_len not found"),
]


@pytest.mark.parametrize(("blob", "code", "words"), [row[1:] for row in BAD_BTF], ids=[row[0] for row in BAD_BTF])
def test_bad_btf(blob: bytes, code: int, words: str) -> None:
    with pytest.raises(LoadError) as refused:
        sys.btf_load(blob)
    error = refused.value
    assert error.errno == code
    assert words in error.reason
    assert words in error.log
    assert str(error).startswith("BTF: BPF_BTF_LOAD: ")


# descriptors and ids


def test_fd_is_closed_once() -> None:
    fd = sys.map_create(MapType.ARRAY, 4, 4, 1)
    number = fd.fileno()
    assert not os.get_inheritable(number)
    fd.close()
    fd.close()
    assert fd.closed
    with pytest.raises(ValueError, match="closed"):
        fd.fileno()
    with pytest.raises(OSError):
        os.fstat(number)
    kept = sys.map_create(MapType.ARRAY, 4, 4, 1).detach()
    os.close(kept)


def test_fd_goes_with_its_last_reference() -> None:
    before = open_fds()
    sys.map_create(MapType.ARRAY, 4, 4, 1)
    assert open_fds() == before


def test_fd_keeps_clear_of_stdio() -> None:
    """A map as descriptor 0 would read as "none" in union bpf_attr."""
    code = """
        import os
        os.close(0)
        from btfkit.load.linux import sys
        fd = sys.map_create(2, 4, 4, 1)
        assert fd.fileno() > 2 and not os.get_inheritable(fd.fileno())
        try:
            os.fstat(0)
        except OSError:  # not in use: the map was moved, not copied
            print("well")
    """
    assert in_a_child(code) == "well"


@pytest.mark.parametrize("opener", [sys.map_get_fd_by_id, sys.prog_get_fd_by_id, sys.btf_get_fd_by_id])
def test_id_that_is_not_there(opener: object) -> None:
    assert callable(opener)
    with pytest.raises(LoadError, match=r"id 4294967290: BPF_\w+_GET_FD_BY_ID: No such file or directory") as refused:
        opener(0xFFFFFFFA)
    assert refused.value.errno == errno.ENOENT


def test_ids_end() -> None:
    assert sys.map_get_next_id(0x7FFFFFF0) is None
    assert sys.prog_get_next_id(0x7FFFFFF0) is None
    assert sys.btf_get_next_id(0x7FFFFFF0) is None


def test_closed_descriptor_is_an_error() -> None:
    with pytest.raises(LoadError, match="EBADF"):
        sys.map_info(999_999)


def test_no_more_descriptors() -> None:
    """EMFILE in the middle of things leaves nothing open, and the features open to be asked again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(open_fds())
    fillers = [os.dup(1) for _ in range(highest + 1 - len(open_fds()) + 1)]
    features = Features()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_fds()) + 1, hard))
        for attempt in (
            lambda: sys.map_create(MapType.ARRAY, 4, 4, 1),
            lambda: sys.btf_load(btf_blob(BTF_INT)),
            lambda: sys.prog_load(ProgType.XDP, XDP_PASS, "GPL"),
            lambda: features.btf,
        ):
            with pytest.raises(LoadError) as refused:
                attempt()
            assert refused.value.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fillers:
            os.close(fd)
    assert features.btf


# a process of its own


def in_a_child(code: str, *, uid: int | None = None) -> str:
    """What `code` prints, run by a Python of its own; fails with its traceback."""
    src = Path(sys.__file__).parents[3]
    result = subprocess.run(
        [python_sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(src)},
        user=uid,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_pin_and_get() -> None:
    """In a bpf file system of the child's own mount namespace, which goes with it."""
    code = """
        import ctypes, errno, json, os, struct, tempfile
        from btfkit.errors import LoadError
        from btfkit.load.linux import sys
        libc = ctypes.CDLL(None, use_errno=True)
        CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
        where = tempfile.mkdtemp()
        try:
            if (
                libc.unshare(CLONE_NEWNS)
                or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
                or libc.mount(b"bpf", where.encode(), b"bpf", 0, None)
            ):
                print(json.dumps({"skip": "no bpf file system: " + os.strerror(ctypes.get_errno())}))
                raise SystemExit
            out = {}
            with sys.map_create(2, 4, 4, 1, name="pinned") as fd:
                sys.map_update(fd, struct.pack("=I", 0), b"abcd")
                sys.obj_pin(fd, where + "/pinned")
                out["id"] = sys.map_info(fd).id
                try:
                    sys.obj_pin(fd, where + "/pinned")
                except LoadError as error:
                    out["again"] = [error.errno, str(error).replace(where, "")]
            with sys.obj_get(where + "/pinned") as fd:
                out["same"] = sys.map_info(fd).id == out["id"]
                out["value"] = sys.map_lookup(fd, struct.pack("=I", 0), 4).decode()
            with sys.prog_load(6, struct.pack("=2Bhi2Bhi", 0xB7, 0, 0, 2, 0x95, 0, 0, 0), "GPL") as prog:
                sys.obj_pin(prog, where + "/prog")
                tag = sys.prog_info(prog).tag
            with sys.obj_get(where + "/prog") as prog:
                out["prog"] = sys.prog_info(prog).tag == tag
            os.unlink(where + "/pinned")
            try:
                sys.obj_get(where + "/pinned")
            except LoadError as error:
                out["gone"] = [error.errno, str(error).replace(where, "")]
            out["fds"] = sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if int(n) > 2
                                and os.path.exists(f"/proc/self/fd/{n}"))
            print(json.dumps(out))
            libc.umount2(where.encode(), 2)
        finally:
            os.rmdir(where)
    """
    out = json.loads(in_a_child(code))
    if "skip" in out:
        skip_or_fail(out["skip"])
    assert out["same"]
    assert out["prog"]
    assert out["value"] == "abcd"
    assert out["again"] == [errno.EEXIST, "/pinned: BPF_OBJ_PIN: File exists (EEXIST)"]
    assert out["gone"] == [errno.ENOENT, "/pinned: BPF_OBJ_GET: No such file or directory (ENOENT)"]
    assert not [what for what in out["fds"] if "bpf" in what]


def test_pin_outside_of_a_bpf_file_system(tmp_path: Path) -> None:
    with sys.map_create(MapType.ARRAY, 4, 4, 1) as fd, pytest.raises(LoadError, match="bpf file system") as refused:
        sys.obj_pin(fd, tmp_path / "pinned")
    assert refused.value.errno == errno.EPERM
    assert refused.value.path == str(tmp_path / "pinned")


def test_without_capabilities() -> None:
    """A nobody is told what is missing; the session's features say the same in `refusal`."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    with open("/proc/sys/kernel/unprivileged_bpf_disabled") as file:
        if file.read().strip() == "0":
            pytest.skip("anybody may use bpf(2) here")
    code = """
        import json, os
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        from btfkit.errors import LoadError
        from btfkit.load.linux import probe, sys
        out = [probe.features().refusal, probe.features().permitted]
        for attempt in (lambda: sys.prog_load(6, bytes(8), "GPL", name="p"), lambda: sys.map_get_fd_by_id(1)):
            try:
                attempt()
            except LoadError as error:
                out.append(str(error))
        try:
            probe.features().btf
        except LoadError as error:
            out.append(error.errno)
        print(json.dumps(out))
    """
    # Imported before the privileges go: a nobody may not be able to read the checkout.
    code = textwrap.dedent(code)
    head = "import json, os, ctypes, resource\nfrom btfkit.load.linux import probe, sys\n"
    refusal, permitted, prog, by_id, code_of_btf = json.loads(in_a_child(head + code))
    assert "CAP_BPF is missing; kernel.unprivileged_bpf_disabled=" in refusal
    assert refusal.startswith("map: BPF_MAP_CREATE: Operation not permitted (EPERM)")
    assert permitted is False
    assert prog.startswith("program 'p': BPF_PROG_LOAD: ")
    assert "CAP_BPF and CAP_NET_ADMIN are missing" in prog
    assert "CAP_SYS_ADMIN is missing" in by_id
    assert code_of_btf == errno.EPERM


# features


def test_features(require_bpf: Features) -> None:
    """What all supported kernels have, and what follows from what; each is asked once."""
    assert require_bpf.permitted
    assert require_bpf.btf
    assert require_bpf.map_name
    assert require_bpf.prog_name
    order = [
        "btf",
        "btf_func",
        "btf_datasec",
        "btf_func_global",
        "btf_float",
        "btf_decl_tag",
        "btf_type_tag",
        "btf_enum64",
    ]
    have = [getattr(require_bpf, name) for name in order]
    assert have == sorted(have, reverse=True)
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release >= (6, 0):
        assert all(have)
        assert require_bpf.global_data
        assert require_bpf.array_mmap
        assert require_bpf.func_info
        assert require_bpf.line_info
        assert require_bpf.btf_nameless_proto
        assert require_bpf.dotted_name
    assert require_bpf.memlock_charged == (release < (5, 11))
    assert require_bpf.btf_layout in (True, False)
    assert "btf_enum64" in vars(require_bpf)
