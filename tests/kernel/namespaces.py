"""A network of a test's own, and a cgroup: so that nothing that a test attaches meets anything else."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import skip_or_fail

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1


def in_own_network(test: Callable[[], None]) -> None:
    """Run it in a thread that has a network namespace with ``lo`` alone, which is up."""

    def enter() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            skip_or_fail(f"no network namespace can be made: {os.strerror(ctypes.get_errno())}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16sH22x", b"lo", 0)
            (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, SIOCGIFFLAGS, request), 16)
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | IFF_UP))
        test()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(enter).result()


def ping(count: int = 1, size: int = 32) -> int:
    """Send UDP datagrams over lo; how many arrive."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, socket.socket(sink.family, sink.type) as source:
        sink.bind(("127.0.0.1", 0))
        sink.setblocking(False)
        arrived = 0
        for _ in range(count):
            with contextlib.suppress(PermissionError):  # a program on the way out says no
                source.sendto(bytes(size), sink.getsockname())
            with contextlib.suppress(BlockingIOError):
                sink.recv(4096)
                arrived += 1
        return arrived


@contextlib.contextmanager
def own_cgroup() -> Iterator[Path]:
    """An empty cgroup of version 2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next((mount[1] for mount in mounts if mount[2] == "cgroup2"), None)
    if root is None:
        skip_or_fail("no cgroup2 file system is mounted")
    path = Path(root) / f"btfkit-test-{os.getpid()}"
    path.mkdir()
    try:
        yield path
    finally:
        path.rmdir()


def run_in_cgroup(path: Path, code: str) -> str:
    """What a Python program prints that runs in that cgroup."""
    enter = f"open({str(path / 'cgroup.procs')!r}, 'w').write('0')\nfrom tests.kernel.namespaces import *\n"
    done = subprocess.run([sys.executable, "-c", enter + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
