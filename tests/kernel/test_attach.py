"""Programs of each kind attached for real, and what happens then: packets, system calls, samples."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.conftest import skip_or_fail
from tests.kernel.namespaces import in_own_network, own_cgroup, ping, run_in_cgroup

import btfkit
from btfkit.errors import LoadError
from btfkit.frontend.c import compile_c
from btfkit.load.linux import IterLink, Link, LinkGroup, LoadedObject, attach_net, attach_trace
from btfkit.load.linux.uapi import LinkType

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

Network = Callable[[Callable[[], None]], None]


@cache
def attached() -> btfkit.Object:
    return btfkit.open(compile_c(Path(__file__).parent / "attached.c", compiler="clang-22"))


@contextlib.contextmanager
def loaded(*programs: str) -> Iterator[LoadedObject]:
    with attached().load(programs=programs, variables={"me": os.getpid()}) as bpf:
        yield bpf


def refused(bpf: LoadedObject, program: str, target: object = None, **options: object) -> str:
    with pytest.raises(LoadError) as caught:
        bpf.programs[program].attach(target, **options)
    return str(caught.value)


# -- interfaces ----------------------------------------------------------------------------------------------


def test_xdp() -> None:
    def test() -> None:
        with loaded("xdp_count", "xdp_drop") as bpf:
            with bpf.xdp_count.attach("lo", mode="generic") as link:
                assert ping(5) == 5
                assert bpf.seen == 5
                assert (link.info.type, link.info.prog_id) == (LinkType.XDP, bpf.xdp_count.info.id)
                assert "another XDP program is attached there" in refused(bpf, "xdp_drop", 1, mode="generic")
                link.update(bpf.xdp_drop)
                assert ping(2) == 0
                assert link.info.prog_id == bpf.xdp_drop.info.id
            assert link.closed
            assert ping() == 1
            assert bpf.seen == 5
            bpf.xdp_drop.attach(1)
            assert ping() == 0
        assert ping() == 1

    in_own_network(test)


def test_what_is_wrong_with_an_interface() -> None:
    def test() -> None:
        with loaded("xdp_count", "tc_drop") as bpf:
            assert refused(bpf, "xdp_count") == (
                "program 'xdp_count': attaches to a network interface: give its name or number (known: lo)"
            )
            assert "no network interface 'eth0' (known: lo)" in refused(bpf, "xdp_count", "eth0")
            assert "no number 77 here" in refused(bpf, "xdp_count", 77)
            assert "mode='fast' is not one of None, 'native'" in refused(bpf, "xdp_count", "lo", mode="fast")
            assert "no option 'mod' (near: mode)" in refused(bpf, "xdp_count", "lo", mod="generic")
            assert "direction='ingress' or 'egress'" in refused(bpf, "tc_drop", "lo")

    in_own_network(test)


def test_tcx() -> None:
    def test() -> None:
        with loaded("tcx_count", "tc_drop") as bpf:
            with bpf.tcx_count.attach("lo") as link, bpf.tcx_count.attach("lo", direction="ingress"):
                assert link.info.type == LinkType.TCX
                assert ping(3) == 3
                assert bpf.seen == 6
            with bpf.tc_drop.attach("lo", direction="egress"):
                assert ping() == 0
            assert bpf.seen == 7

    in_own_network(test)


def test_netfilter() -> None:
    def test() -> None:
        with loaded("nf_drop") as bpf:
            with bpf.nf_drop.attach("input", priority=5) as link:
                assert link.info.type == LinkType.NETFILTER
                assert ping() == 0
            with bpf.nf_drop.attach(hook="input", pf="ipv6"):
                assert ping() == 1
            assert bpf.seen == 1
            assert "one of prerouting, input" in refused(bpf, "nf_drop")

    in_own_network(test)


def test_network_namespace() -> None:
    def test() -> None:
        with loaded("lookup", "dissect") as bpf:
            with bpf.lookup.attach() as link:
                assert link.info.type == LinkType.NETNS
                assert ping(2) == 2
                assert bpf.seen > 0
            with bpf.dissect.attach("/proc/thread-self/ns/net"):
                assert "another program is attached there" in refused(bpf, "dissect")
            assert "cannot be opened: No such file" in refused(bpf, "lookup", "/nowhere")

    in_own_network(test)


# -- cgroups and sockets ---------------------------------------------------------------------------------------


def test_cgroup() -> None:
    def test() -> None:
        with own_cgroup() as path, loaded("cgroup_count", "cgroup_deny", "cgroup_sock") as bpf:
            with bpf.cgroup_count.attach(path) as link:
                assert link.info.type == LinkType.CGROUP
                assert run_in_cgroup(path, "print(ping(3))") == "3\n"
                assert bpf.seen == 3
                ping()
                assert bpf.seen == 3
            with bpf.cgroup_deny.attach(path, direction="egress"):
                assert run_in_cgroup(path, "print(ping(3))") == "0\n"
            assert "direction='ingress' or 'egress'" in refused(bpf, "cgroup_deny", path)
            with bpf.cgroup_sock.attach(path):
                code = "try: ping()\nexcept PermissionError: print('no')"
                assert run_in_cgroup(path, code) == "no\n"
            assert "attaches to a cgroup" in refused(bpf, "cgroup_count")
            assert "not a cgroup v2 directory" in refused(bpf, "cgroup_count", "/")
            assert "has no direction" in refused(bpf, "cgroup_sock", path, direction="egress")

    in_own_network(test)


def test_socket_filter() -> None:
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with loaded("keep_10") as bpf, first, second:
        with bpf.keep_10.attach(second) as link:
            first.send(bytes(100))
            assert len(second.recv(200)) == 10
            with pytest.raises(LoadError, match="without a link"):
                _ = link.info
        first.send(bytes(100))
        assert len(second.recv(200)) == 100
        bpf.keep_10.attach(second.fileno())
        first.send(bytes(50))
        assert len(second.recv(200)) == 10
        assert "attaches to a socket" in refused(bpf, "keep_10")
        assert "'eth0' is not" in refused(bpf, "keep_10", "eth0") or "give it" in refused(bpf, "keep_10", "eth0")
        assert "which 99999 is not" in refused(bpf, "keep_10", 99999)


def test_socket_map() -> None:
    def test() -> None:
        with loaded("message") as bpf, socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client, server.accept()[0] as peer:
                with bpf.message.attach(bpf.sockets):
                    bpf.sockets[0] = client
                    client.send(b"hello")
                    assert peer.recv(10) == b"hello"
                assert bpf.seen == 1
                del bpf.sockets[0]  # the kernel asks at the time when a socket is put in
                bpf.sockets[0] = client
                client.send(b"again")
                assert peer.recv(10) == b"again"
                assert bpf.seen == 1
            assert "give the map" in refused(bpf, "message", "sockets")

    in_own_network(test)


# -- tracing -----------------------------------------------------------------------------------------------------


def test_raw_tracepoints() -> None:
    with loaded("raw", "raw_any", "typed") as bpf:
        for program, target in ((bpf.raw, None), (bpf.raw_any, "sys_enter"), (bpf.typed, None)):
            before = bpf.mine
            with program.attach(target) as link:
                for _ in range(1000):
                    os.getppid()
                assert link.info.type in (LinkType.RAW_TRACEPOINT, LinkType.TRACING)
            counted = bpf.mine - before
            assert 1000 <= counted < 1500
            os.getppid()
            assert bpf.mine - before - counted <= 20
        assert "attaches to a raw tracepoint" in refused(bpf, "raw_any")
        assert "no raw tracepoint 'sys_entr'" in refused(bpf, "raw_any", "sys_entr")
        assert "was loaded for 'sys_enter'" in refused(bpf, "typed", "sys_exit")


def test_tracepoint() -> None:
    with loaded("point") as bpf:
        with bpf.point.attach(cookie=77) as link:
            assert link.info.type == LinkType.PERF_EVENT
            for _ in range(10):
                os.getpgid(0)
        assert (bpf.mine, bpf.cookie) == (10, 77)
        with bpf.point.attach("syscalls/sys_enter_getsid"):
            os.getsid(0)
            os.getpgid(0)
        assert bpf.mine == 11
        assert "no tracepoint 'syscalls/sys_enter_getpgi' (near: " in refused(bpf, "point", "syscalls/sys_enter_getpgi")
        assert "'category/name', which 'x' is not" in refused(bpf, "point", "x")


def test_attach_all() -> None:
    with loaded("raw", "point", "xdp_count") as bpf:
        group = bpf.attach()
        assert isinstance(group, LinkGroup)
        assert [link.program.name for link in group if isinstance(link, Link)] == ["raw", "point"]
        os.getpgid(0)
        assert bpf.mine >= 2
        group.close()
        assert group.closed
    with loaded("xdp_count") as bpf, pytest.raises(LoadError, match="no program's section says"):
        bpf.attach()


def test_perf_event() -> None:
    with loaded("sampled") as bpf:
        with bpf.sampled.attach(frequency=1000) as group:
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                sum(range(1000))
            assert isinstance(group, LinkGroup)
        assert bpf.mine > 20
        with bpf.sampled.attach("task-clock", period=1_000_000, pid=os.getpid()):
            pass
        assert "'cpu-clok' is none of cpu-clock" in refused(bpf, "sampled", "cpu-clok")
        assert "not both" in refused(bpf, "sampled", period=1, frequency=1)


def c_library() -> tuple[str, ctypes.CDLL]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        if "/libc.so" in line or "/libc-" in line:
            path = line.split()[-1]
            return path, ctypes.CDLL(path)
    skip_or_fail("this Python has no C library")


def test_uprobes() -> None:
    path, libc = c_library()
    with loaded("probed", "returned", "probed_many") as bpf:
        for program in ("probed", "returned"):
            before = bpf.mine
            with bpf.programs[program].attach(f"{path}:strverscmp"):
                for _ in range(7):
                    libc.strverscmp(b"a", b"b")
            libc.strverscmp(b"a", b"b")
            assert bpf.mine - before == 7
        from btfkit.load.linux.symbols import symbol_offset

        with bpf.probed.attach(path, offset=symbol_offset(path, "strverscmp"), pid=os.getpid()):
            libc.strverscmp(b"a", b"b")
        with bpf.probed.attach(Path(path).name, symbol="strverscmp"):
            libc.strverscmp(b"a", b"b")
        assert bpf.mine == 16
        with bpf.probed_many.attach(f"{path}:strverscm*") as link:
            libc.strverscmp(b"a", b"b")
            assert link.info.type == LinkType.UPROBE_MULTI
        assert bpf.mine == 17
        assert "has no function 'strverscm' (near: " in refused(bpf, "probed", f"{path}:strverscm")
        assert "there is no file '/nowhere'" in refused(bpf, "probed", "/nowhere:main")
        assert "is not an ELF file" in refused(bpf, "probed", "/etc/passwd:main")
        assert "'path:function'" in refused(bpf, "probed")
        assert "'path:function'" in refused(bpf, "probed", path)


def test_kprobes() -> None:
    """Where the kernel has none, that is what the error says."""
    with loaded("kernel_probe") as bpf:
        try:
            with bpf.kernel_probe.attach():
                time.sleep(0.001)
            assert bpf.mine >= 1
        except LoadError as error:
            assert "this kernel has no kprobes" in str(error)


# -- iterators ----------------------------------------------------------------------------------------------------


def test_iterators() -> None:
    with loaded("tasks", "elements") as bpf:
        with bpf.tasks.attach() as link:
            assert isinstance(link, IterLink)
            lines = list(link)
            assert lines[:2] == ["task 0", "task 1"]
            assert len(lines) >= len(os.listdir("/proc/self/task"))
            assert link.read().splitlines()[0] == "task 0"
        assert bpf.tasks.read(tid=threading.get_native_id()) == "task 0\n"
        for i in range(3):
            bpf.squares[i] = i * i
        assert bpf.elements.read(bpf.squares) == "0: 0\n1: 1\n2: 4\n"
        assert "give the map" in refused(bpf, "elements")
        assert "goes over all there is of task" in refused(bpf, "tasks", bpf.squares)


# -- all of them ---------------------------------------------------------------------------------------------------


def test_what_is_not_attached() -> None:
    with loaded("run") as bpf:
        assert refused(bpf, "run") == "program 'run': is not attached but run: test_run()"
        with pytest.raises(LoadError, match="is not attached"):
            bpf.run.read()


def test_pinned_links_stay(tmp_path: Path) -> None:
    pin = Path("/sys/fs/bpf") / f"btfkit-link-{os.getpid()}"
    with loaded("raw") as bpf:
        with bpf.raw.attach() as link:
            try:
                link.pin(pin)
            except LoadError as error:
                skip_or_fail(str(error))
        try:
            before = bpf.mine
            os.getppid()
            assert bpf.mine > before
        finally:
            pin.unlink()


def test_detach() -> None:
    def test() -> None:
        with loaded("xdp_drop") as bpf:
            link = bpf.xdp_drop.attach("lo")
            assert ping() == 0
            link.detach()
            assert ping() == 1
            link.close()
            assert repr(link) == "<Link 'xdp_drop': closed>"
            with pytest.raises(LoadError, match="link of program 'xdp_drop': is closed"):
                _ = link.info

    in_own_network(test)


def test_attributes() -> None:
    with loaded("raw") as bpf:
        assert bpf.raw is bpf.programs["raw"]
        assert bpf.squares is bpf.maps["squares"]
        assert bpf.me == os.getpid()
        bpf.me = 5
        assert bpf.variables["me"].value == 5
        assert {"raw", "squares", "me", "close"} <= set(dir(bpf))
        with pytest.raises(AttributeError, match=r"no program, map or variable 'square' \(near: squares"):
            _ = bpf.square
        with pytest.raises(AttributeError, match=r"no variable 'mee' \(near: me"):
            bpf.mee = 1
        with pytest.raises(AttributeError, match="'squares' is a map"):
            bpf.squares = {}
        assert sys.getrefcount(bpf.raw) > 0


# -- what older kernels do -----------------------------------------------------------------------------------------


def no_links(*_: object, **__: object) -> None:
    raise LoadError("BPF_LINK_CREATE: Invalid argument", errno=errno.EINVAL)


def test_events_without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 5.15 a perf event runs the program itself."""
    monkeypatch.setattr(attach_trace, "link_create", no_links)
    with loaded("point") as bpf:
        with bpf.point.attach():
            os.getpgid(0)
        os.getpgid(0)
        assert bpf.mine == 1
        assert "Invalid argument" in refused(bpf, "point", cookie=1)


def test_socket_maps_without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 6.10 programs are put into a map of sockets, and taken out."""
    monkeypatch.setattr(attach_net, "link_create", no_links)

    def test() -> None:
        with loaded("message") as bpf:
            for _ in range(2):
                with bpf.message.attach(bpf.sockets) as link:
                    assert not link.closed
                assert link.closed

    in_own_network(test)
