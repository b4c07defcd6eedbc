"""Commands of bpf(2) that load BTF and programs, and run programs.

What comes in: bytes in the machine's byte order, every map and function already resolved. What goes out: descriptors;
where the kernel refuses, LoadError with its log, its last words and the source line it named.
Source: kernel/bpf/syscall.c, kernel/bpf/log.c, net/bpf/test_run.c.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from btfkit.errors import LoadError

from .fd import Fd, FdLike, fd_number
from .raw import Buffer, attr, bpf, bpf_charged, capability_hint, refused
from .sys_map import obj_name
from .uapi import BpfCmd
from .verifier_log import btf_last_words, last_source, last_words

__all__ = ["TestRun", "btf_load", "prog_load", "prog_test_run"]

_LOG_SIZE = 64 << 10  # bytes, at first
_MAX_LOG_SIZE = (16 << 20) - 1  # kernels before 5.2 refuse a larger one (EINVAL)
_INTERRUPTIONS = 64  # then a signal comes faster than the call takes

OnLog = Callable[[str], None]


def btf_load(blob: bytes, log_level: int = 0, *, on_log: OnLog | None = None) -> Fd:
    """Load a .BTF. Refused, it is loaded once more with a log; ``LoadError.log`` has it all.

    log_level: ask for the log even if all is well, and hand it to `on_log`.
    """
    blob_buf = Buffer(blob)

    def once(level: int, log_buf: Buffer) -> tuple[int, int]:
        request = attr("2Q4I", blob_buf.addr, log_buf.addr, blob_buf.size, log_buf.size, level, 0)
        result = _retry(BpfCmd.BTF_LOAD, request, 32 if level else 0)
        return result, struct.unpack_from("=I", request, 28)[0]

    result, log = _with_log(once, log_level)
    if result < 0:
        raise refused(
            BpfCmd.BTF_LOAD, -result, thing="BTF", words=btf_last_words(log), hint=capability_hint(-result), log=log
        )
    with Fd(result) as fd:
        if log_level and on_log:
            on_log(log)
        return Fd(fd.detach())


def prog_load(
    prog_type: int,
    insns: bytes,
    license: str,
    *,
    name: str | bytes = b"",
    expected_attach_type: int = 0,
    prog_flags: int = 0,
    kern_version: int = 0,
    ifindex: int = 0,
    btf_fd: FdLike = 0,
    func_info: bytes = b"",
    func_info_rec_size: int = 8,
    line_info: bytes = b"",
    line_info_rec_size: int = 16,
    attach_btf_id: int = 0,
    attach_prog_or_btf_fd: FdLike = 0,
    fd_array: Sequence[FdLike] = (),
    fd_array_cnt: int = 0,
    log_level: int = 0,
    on_log: OnLog | None = None,
) -> Fd:
    """Load a program. Refused, it is loaded once more with a log, of which LoadError keeps the whole.

    insns: struct bpf_insn, 8 bytes each. A name (kernel 4.15) is cut and cleaned by `obj_name`.
    fd_array: descriptors for BPF_PSEUDO_MAP_IDX (kernel 5.14). fd_array_cnt: bind that many of them to the program,
    whether instructions name them or not (6.14).
    log_level: ask for the log even if all is well, and hand it to `on_log`; 2 has every instruction, 4 only statistics.
    """
    shown = name.decode(errors="replace") if isinstance(name, bytes) else name
    thing = f"program {shown!r}" if shown else "program"
    for part, size, what in (
        (insns, 8, "instructions"),
        (func_info, func_info_rec_size, "func_info"),
        (line_info, line_info_rec_size, "line_info"),
    ):
        if size <= 0 or len(part) % size:
            raise LoadError(f"{len(part)} bytes of {what} are not a multiple of {size}", thing=thing)
    insns_buf = Buffer(insns)
    license_buf = Buffer(license.encode() + b"\0")
    func_buf = Buffer(func_info)
    line_buf = Buffer(line_info)
    fds_buf = Buffer(struct.pack(f"={len(fd_array)}i", *map(fd_number, fd_array)))

    def once(level: int, log_buf: Buffer) -> tuple[int, int]:
        request = attr(
            "2I2Q2IQ2I16s4IQ2IQ4IQ",
            prog_type,
            len(insns) // 8,
            insns_buf.addr,
            license_buf.addr,
            level,
            log_buf.size,
            log_buf.addr,
            kern_version,
            prog_flags,
            obj_name(name),
            ifindex,
            expected_attach_type,
            fd_number(btf_fd),
            func_info_rec_size if func_info else 0,
            func_buf.addr,
            len(func_info) // func_info_rec_size,
            line_info_rec_size if line_info else 0,
            line_buf.addr,
            len(line_info) // line_info_rec_size,
            attach_btf_id,
            fd_number(attach_prog_or_btf_fd),
            0,
            fds_buf.addr,
        )
        struct.pack_into("=I", request, 148, fd_array_cnt)
        result = _retry(BpfCmd.PROG_LOAD, request, 144 if level else 0)
        return result, struct.unpack_from("=I", request, 140)[0]

    result, log = _with_log(once, log_level)
    if result < 0:
        raise refused(
            BpfCmd.PROG_LOAD,
            -result,
            thing=thing,
            words=last_words(log),
            hint=capability_hint(-result, prog_type=prog_type),
            log=log,
            source=last_source(log),
        )
    with Fd(result) as fd:
        if log_level and on_log:
            on_log(log)
        return Fd(fd.detach())


class TestRun(NamedTuple):
    """What a run of a program gave.

    retval: as an unsigned 32-bit number. data: the packet afterwards. ctx: the context afterwards; b"" where the
    program's type gives none back. duration_ns: nanoseconds of one run, the mean of `repeat`.
    """

    retval: int
    data: bytes
    ctx: bytes
    duration_ns: int


def prog_test_run(
    fd: FdLike,
    data_in: bytes | None = None,
    *,
    ctx: bytes | None = None,
    repeat: int = 1,
    data_size_out: int | None = None,
    ctx_size_out: int | None = None,
    flags: int = 0,
    cpu: int = 0,
    batch_size: int = 0,
) -> TestRun:
    """Run a program `repeat` times (kernel 4.12) on a packet `data_in`, a context `ctx`, or both.

    data_size_out, ctx_size_out: bytes of room for the answers; by default 4 KiB more than went in, and with 0 no answer
    is asked for. Where it is too small, **the program is run again** with enough. Without `data_in` (syscall, raw
    tracepoint) no answers are asked for by default; a syscall program's context is changed in place.
    """
    if data_size_out is None:
        data_size_out = 0 if data_in is None else len(data_in) + 4096
    if ctx_size_out is None:
        ctx_size_out = 0 if data_in is None or ctx is None else len(ctx) + 4096
    data_buf = Buffer(data_in or b"")
    # 1 is said as 0, which means the same and is the only number that syscall and raw tracepoint programs take.
    repeat = 0 if repeat == 1 else repeat
    for _ in range(_INTERRUPTIONS):
        ctx_buf = Buffer(ctx or b"")
        out_buf = Buffer(data_size_out)
        ctx_out_buf = Buffer(ctx_size_out)
        request = attr(
            "4I2Q4I2Q3I",
            fd_number(fd),
            0,
            data_buf.size,
            data_size_out,
            data_buf.addr,
            out_buf.addr,
            repeat,
            0,
            ctx_buf.size,
            ctx_size_out,
            ctx_buf.addr,
            ctx_out_buf.addr,
            flags,
            cpu,
            batch_size,
        )
        result = bpf(BpfCmd.PROG_TEST_RUN, request)
        retval, _, data_len = struct.unpack_from("=3I", request, 4)
        duration_ns, _, ctx_len = struct.unpack_from("=3I", request, 36)
        if result >= 0:
            if ctx_size_out:
                ctx_after = ctx_out_buf.head(ctx_len)
            else:  # changed in place, where there is no packet that it is the context of
                ctx_after = ctx_buf.head(ctx_buf.size) if data_in is None else b""
            return TestRun(retval, out_buf.head(data_len), ctx_after, duration_ns)
        if result == -errno.ENOSPC and (0 < data_size_out < data_len or 0 < ctx_size_out < ctx_len):
            data_size_out = max(data_size_out, data_len) if data_size_out else 0
            ctx_size_out = max(ctx_size_out, ctx_len) if ctx_size_out else 0
        elif result not in (-errno.EINTR, -errno.EAGAIN):
            break
    raise refused(BpfCmd.PROG_TEST_RUN, -result, thing="program", hint=capability_hint(-result))


def _with_log(once: Callable[[int, Buffer], tuple[int, int]], log_level: int) -> tuple[int, str]:
    """The result of `once(log_level, log_buf)`, and the log, which a failure brings even at level 0.

    ENOSPC, as long as there is a log, is about the log: then there is more of it than room.
    """
    if not log_level:
        quiet, _ = once(0, Buffer(0))
        if quiet >= 0:
            return quiet, ""
    size = _LOG_SIZE
    while True:
        log_buf = Buffer(size)
        result, true_size = once(log_level or 1, log_buf)
        if result != -errno.ENOSPC or size == _MAX_LOG_SIZE:
            break
        # Since 6.4 the kernel tells how long the log is.
        size = min(max(4 * size, true_size + 4096), _MAX_LOG_SIZE)
    log = log_buf.text()
    if result == -errno.ENOSPC:
        result, _ = once(0, Buffer(0))
        if not true_size:  # before 6.4 the log's end is cut off, since then its beginning
            log += "\n[the end of the log is lost: it is longer than 16 MiB]\n"
    elif result < 0 and not log_level:
        result = quiet
    return result, log


def _retry(cmd: BpfCmd, request: bytearray, at_least: int) -> int:
    """The command's result, tried again where a signal came in between (PROG_LOAD says EAGAIN then, kernel 5.0)."""
    for _ in range(_INTERRUPTIONS):
        result = bpf_charged(cmd, request, at_least)
        if result not in (-errno.EAGAIN, -errno.EINTR):
            break
    return result
