"""The network examples as programs: ``python examples/...``, which print what goes over lo."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from tests.kernel import examples_support as s
from tests.kernel.examples_support import running
from tests.kernel.namespaces import in_own_network, own_cgroup, ping

pytestmark = pytest.mark.usefixtures("require_bpf")

QUESTION = bytes.fromhex("0007 0100 0001 0000 0000 0000 07") + b"example\3org" + bytes.fromhex("00 0001 0001")

PROGRAMS = [
    (("flows", "lo", "--limit", 1), "127.0.0.1 -> 127.0.0.1:"),
    (("firewall", "lo", "--block", "127.0.0.0/24", "--open", 9), "127.0.0.0/24: "),
    (("token_bucket", "lo"), "127.0.0.1: "),
    (("rate_limiter", "lo"), "127.0.0.1: "),
    (("traffic", "lo"), "udp "),
    (("heavy_hitters", "lo", "--window", 1, "--threshold", 50), "127.0.0.1 "),
    (("packet_parser", "lo"), "protocol 17 in VLAN 0, behind 0 extension headers: "),
    (("load_balancer", "lo", "127.0.0.1", "--backend", "10.0.0.1,02:00:00:00:00:01"), "'10.0.0.1,02:00:00:00:00:01': "),
    (("ping_responder", "lo"), "pings answered: 0 of IPv4"),
]


@pytest.mark.parametrize(("command", "line"), PROGRAMS, ids=[command[0] for command, _ in PROGRAMS])
def test_runs(command: tuple[str, *tuple[object, ...]], line: str) -> None:
    """``python examples/...``, while datagrams go over lo."""

    def test() -> None:
        stop = threading.Event()

        with running(*command) as program:
            waiting = threading.Thread(target=lambda: (program.wait_for(line), stop.set()))
            waiting.start()
            while waiting.is_alive():
                ping(2)
                waiting.join(0.1)
            assert stop.is_set(), program.lines

    in_own_network(test)


def test_connections_runs() -> None:
    def test() -> None:
        with running("connections", "lo") as program, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            seen: list[str] = []
            waiting = threading.Thread(target=lambda: seen.append(program.wait_for("example.org")))
            waiting.start()
            while waiting.is_alive():
                sock.sendto(QUESTION, ("127.0.0.1", 53))
                waiting.join(0.1)
            assert seen == ["question to 127.0.0.1: example.org"]

    in_own_network(test)


def test_cgroup_bytes_runs() -> None:
    with own_cgroup() as group, running("cgroup_bytes", group, "--quota", 1) as program:
        assert program.wait_for("bytes sent") == "0 bytes sent, 0 packets refused"


def test_many_ports_runs() -> None:
    def test() -> None:
        with running("many_ports", 7000, 7001):
            deadline = time.monotonic() + s.PATIENCE
            while time.monotonic() < deadline:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", 7001)) as sock:
                    assert sock.recv(100) == b"you called port 7001\n"
                    return
                time.sleep(0.1)
            raise AssertionError("nobody answers at port 7001")

    in_own_network(test)
