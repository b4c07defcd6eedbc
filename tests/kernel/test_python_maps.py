"""Every class of maps in programs written in Python: they load, and the kernel's maps hold what they should."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.judge import View, libbpf_load
from tests.kernel.load_support import udp_packet
from tests.kernel.python_map_programs import PROGRAMS
from tests.kernel.python_support import build, loaded
from tests.kernel.test_python_features import ROWS

from btfkit.bpf.maps import MAP_CLASSES
from btfkit.errors import LoadError
from btfkit.load.linux import LoadedObject

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

PACKET = udp_packet()
REDIRECT = 4
NO_PROGRAM = {"bpf_prog": {"fd": 0}}

Load = Callable[[str], LoadedObject]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Load a class's program by the class's name."""
    made: list[LoadedObject] = []

    def load_program(name: str) -> LoadedObject:
        made.append(loaded(tmp_path, PROGRAMS[name]))
        return made[-1]

    yield load_program
    for bpf in made:
        bpf.close()


def test_a_program_for_each_class() -> None:
    texts = "\n".join([*PROGRAMS.values(), *ROWS.values()])
    assert [cls.__name__ for cls in MAP_CLASSES if f": {cls.__name__}" not in texts] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_libbpf_loads_it(tmp_path: Path, name: str) -> None:
    need_tool("bpftool")
    path = tmp_path / "program.o"
    obj = build(tmp_path, PROGRAMS[name])
    obj.write(path, form="libbpf")
    with libbpf_load(path) as theirs:
        if name == "InodeStorage" and isinstance(theirs, str):
            assert "Operation not permitted" in theirs or f"-{errno.EPERM}" in theirs
            return
        if name == "Arena" and "expected PTR, got enum64" in str(theirs):
            return  # 1.1 has no numbers of more than 32 bits
        assert isinstance(theirs, View), theirs
        assert {f.name for f in obj.functions if f.section not in (None, ".text")} >= theirs.programs.keys()


# -- storage


def test_sk_storage(load: Load) -> None:
    bpf = load("SkStorage")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        assert bpf.run.test_run(PACKET, repeat=2).retval == 0
    assert bpf.total == 2 * len(PACKET)


def test_task_storage(load: Load) -> None:
    bpf = load("TaskStorage")
    assert [list(bpf.run.test_run(ctx=[9, 9]).ctx) for _ in range(2)] == [[0, 1], [1, 2]]


def test_inode_storage(tmp_path: Path) -> None:
    """Only LSM programs have it."""
    try:
        bpf = loaded(tmp_path, PROGRAMS["InodeStorage"])
    except LoadError as error:
        assert (error.errno, error.log) == (errno.EPERM, "")
        return
    with bpf, bpf.run.attach():
        Path("/proc/self/comm").read_text()


def test_cgroup_storage(load: Load) -> None:
    bpf = load("CgroupStorage")
    roots = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"]
    number = os.stat(roots[0]).st_ino if roots else 1
    assert [list(bpf.run.test_run(ctx=[number, 0]).ctx) for _ in range(2)] == [[number, 2], [number, 4]]


# -- redirects


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [("DevMap", 0, NO_PROGRAM | {"ifindex": 1}), ("DevMapHash", 1, 1), ("CpuMap", 0, NO_PROGRAM | {"qsize": 64})],
)
def test_redirects(load: Load, name: str, key: int, value: object) -> None:
    bpf = load(name)
    results = [bpf.run.test_run(PACKET).retval]
    bpf.maps[{"CpuMap": "cpus"}.get(name, "ports")][key] = value
    results.append(bpf.run.test_run(PACKET).retval)
    assert results[1] == REDIRECT
    assert results[0] != REDIRECT


def test_xsk_map(load: Load) -> None:
    bpf = load("XskMap")
    assert bpf.run.test_run(PACKET).retval == 2  # XDP_PASS: there is no socket


def test_sockets(load: Load) -> None:
    """A sockops program puts what it sees connect into the map; a message goes where the map says."""
    assert load("SockHash").programs.keys() == {"keep", "send"}
    bpf = load("SockMap")
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as client:
        bpf.peers[1] = client.fileno()
    assert set(bpf.programs) == {"keep", "forward", "send", "choose"}


# -- others


def test_stack_trace(load: Load) -> None:
    bpf = load("StackTrace")
    with bpf.run.attach():
        time.sleep(0.05)
    assert bpf.last >= 0
    assert any(bpf.stacks[bpf.last])


def test_cgroup_array(load: Load) -> None:
    bpf = load("CgroupArray")
    assert bpf.packet.test_run(PACKET).retval == -errno.EAGAIN  # the array is empty


def test_reuseport(load: Load) -> None:
    bpf = load("ReuseportSockArray")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", 0))
        bpf.run.attach(one, reuseport=True)


def test_user_ring_buffer(load: Load) -> None:
    bpf = load("UserRingBuf")
    assert list(bpf.run.test_run(ctx=[0] * 3).ctx) == [0, 0, 1]
    for number, text in ((1, "one"), (2, "skip"), (3, "three")):
        bpf.requests.push((number, text))
    bpf.requests.push(b"short")  # passed over
    bpf.numbers.push(40)
    bpf.numbers.push(2)
    result = bpf.run.test_run(ctx=[0] * 3)
    assert (result.retval, list(result.ctx), bpf.sum) == (0, [3, 42, 1], 4)
    for number in (5, 99, 6):
        bpf.requests.push((number, ""))
    bpf.numbers.push(1001)
    result = bpf.run.test_run(ctx=[0] * 3)
    assert (result.retval, list(result.ctx), bpf.sum) == (7, [2, 0, 0], 4 + 5 + 99)
    assert bpf.run.test_run(ctx=[0] * 3).ctx[0] == 1  # the one behind the break is still there


def test_arena(load: Load) -> None:
    bpf = load("Arena")
    page = bpf.run.test_run(ctx=[0]).ctx[0]
    assert page % 4096 == 0
    assert bpf.maps["memory"].info.max_entries == 16


def test_bloom_filter(load: Load) -> None:
    bpf = load("BloomFilter")
    assert [bpf.run.test_run(PACKET).retval for _ in range(3)] == [2, 1, 1]


def test_lpm_trie(load: Load) -> None:
    bpf = load("LpmTrie")
    assert bpf.run.test_run(PACKET).retval == 0
    assert list(bpf.found) == [2, 1, 77]


def test_hash_of_maps(load: Load) -> None:
    bpf = load("HashOfMaps")
    assert bpf.run.test_run(ctx=[5, 1]).retval == -2
    bpf.users[5] = bpf.mine
    bpf.mine[77] = (1, 1)
    assert [bpf.run.test_run(ctx=[5, 1]).retval for _ in range(2)] == [3, 3]
    assert bpf.mine.as_dict() == {1: (10, 3)}


def test_array_of_maps(load: Load) -> None:
    bpf = load("ArrayOfMaps")
    assert [bpf.run.test_run(ctx=[0, 1]).retval for _ in range(2)] == [5, 10]
    assert bpf.run.test_run(ctx=[1, 2]).retval == 9
    assert (list(bpf.first.values()), list(bpf.second.values())) == ([0, 10, 0, 0], [0, 0, 9, 0])
    assert bpf.run.test_run(ctx=[2, 0]).retval == -1
