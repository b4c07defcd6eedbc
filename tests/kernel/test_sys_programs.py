"""bpf(2) for real: programs and the verifier."""

from __future__ import annotations

import errno
import os
import signal
import struct

import pytest
from tests.kernel.programs import (
    BTF_INT,
    BTF_MAIN,
    EXIT,
    FILE,
    TEXT,
    XDP_PASS,
    btf_blob,
    insn,
    u32,
)

from btfkit.errors import LoadError
from btfkit.load.linux import sys, sys_prog
from btfkit.load.linux.uapi import AttachType, MapType, ProgType

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


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
