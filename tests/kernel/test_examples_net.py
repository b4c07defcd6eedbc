"""The network examples: each is built in both forms, loaded, and given packets whose fate is known."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.kernel import examples_support as s
from tests.kernel.examples_support import compiled, eth, ip, ip6, module, tcp4, udp4
from tests.kernel.namespaces import in_own_network, own_cgroup, run_in_cgroup

pytestmark = pytest.mark.usefixtures("require_bpf")

DROP, PASS, TX = 1, 2, 3
ALL = (
    "cgroup_bytes", "connections", "firewall", "flows", "heavy_hitters", "load_balancer", "many_ports", "packet_parser",
    "ping_responder", "rate_limiter", "token_bucket", "traffic",
)  # fmt: skip


@contextlib.contextmanager
def loaded(name: str) -> Iterator[Any]:
    with compiled(name).load() as bpf:
        yield bpf


@pytest.mark.parametrize("name", ALL)
def test_forms(name: str, tmp_path: Path) -> None:
    s.check_forms(name, tmp_path)


def retvals(program: Any, *frames: bytes) -> list[int]:
    return [program.test_run(frame).retval for frame in frames]


# -- flows -------------------------------------------------------------------------------------------------------


def test_flows() -> None:
    with loaded("flows") as bpf:
        bpf.limit = 2
        name = udp4("10.0.0.1", "10.0.0.53", 53)
        web = tcp4("10.0.0.1", "10.0.0.2", 443)
        ping_ = eth(ip("10.0.0.1", "10.0.0.2", s.ICMP, s.echo("10.0.0.1", "10.0.0.2")))
        no_flow = (eth(ip6("::1", "::2", s.UDP, bytes(8)), s.IPV6), eth(bytes(28), 0x0806), name[:30])
        assert retvals(bpf.count, name, name, name, web, ping_, *no_flow) == [PASS, PASS, DROP, *[PASS] * 5]
        flows = {(str(IPv4Address(k.src)), str(IPv4Address(k.dst)), k.port): n for k, n in bpf.counts.items()}
        assert flows == {
            ("10.0.0.1", "10.0.0.53", 53): 3,
            ("10.0.0.1", "10.0.0.2", 443): 1,
            ("10.0.0.1", "10.0.0.2", 0): 1,
        }
        (event,) = bpf.events.drain()
        assert (IPv4Address(event.flow.dst), event.flow.port) == (IPv4Address("10.0.0.53"), 53)
        assert event.comm == Path("/proc/thread-self/comm").read_text().strip()
        assert 0 <= time.monotonic_ns() - event.when < 60e9


# -- firewall ----------------------------------------------------------------------------------------------------


def test_firewall() -> None:
    verdict = module("firewall")["Verdict"]
    with loaded("firewall") as bpf:
        for network in map(IPv4Network, ("198.51.100.0/24", "10.0.0.0/8", "10.1.0.0/16")):
            bpf.blocked[network.prefixlen, str(network.network_address)] = 0
        bpf.open_ports[22] = bpf.open_ports[443] = True
        frames = {
            tcp4("192.0.2.1", "192.0.2.9", 443): (PASS, "PASSED"),
            tcp4("192.0.2.1", "192.0.2.9", 80): (DROP, "CLOSED_PORT"),
            udp4("192.0.2.1", "192.0.2.9", 22, options=b"\1" * 40): (PASS, "PASSED"),
            udp4("192.0.2.1", "192.0.2.9", 23, options=b"\1" * 40): (DROP, "CLOSED_PORT"),
            udp4("192.0.2.1", "192.0.2.9", 23, fragment=185): (PASS, "PASSED"),
            tcp4("198.51.100.77", "192.0.2.9", 443): (DROP, "BLOCKED_NETWORK"),
            tcp4("198.51.101.77", "192.0.2.9", 443): (PASS, "PASSED"),
            tcp4("10.1.2.3", "192.0.2.9", 443): (DROP, "BLOCKED_NETWORK"),
            tcp4("10.2.2.3", "192.0.2.9", 443): (DROP, "BLOCKED_NETWORK"),
            eth(ip("192.0.2.1", "192.0.2.9", s.ICMP, s.echo("192.0.2.1", "192.0.2.9"))): (PASS, "PASSED"),
            eth(ip("192.0.2.1", "192.0.2.9", s.TCP, b"\0\x50")): (DROP, "MALFORMED"),
            eth(b"\x41" + bytes(27)): (DROP, "MALFORMED"),
            eth(bytes(40), 0x0806): (PASS, "PASSED"),
        }
        assert retvals(bpf.firewall, *frames) == [retval for retval, _ in frames.values()]
        counted = {v.name: sum(bpf.verdicts[v]) for v in verdict}
        assert counted == Counter(name for _, name in frames.values())
        met = {str(IPv4Network((key.addr, key.bits))): n for key, n in bpf.blocked.items()}
        assert met == {"198.51.100.0/24": 1, "10.0.0.0/8": 1, "10.1.0.0/16": 1}
        del bpf.blocked[24, "198.51.100.0"]
        del bpf.open_ports[443]
        bpf.open_ports[80] = True
        assert retvals(bpf.firewall, tcp4("198.51.100.77", "192.0.2.9", 443), *list(frames)[:2]) == [DROP, DROP, PASS]


# -- load balancer -----------------------------------------------------------------------------------------------

SERVERS = [(f"10.0.0.{n}", f"02:00:00:00:00:{n:02x}") for n in (11, 12, 13)]
SERVICE = "192.0.2.80"


def addresses(frame: bytes) -> tuple[bytes, bytes, str, str]:
    """Ethernet's and IPv4's, of each the destination first."""
    return frame[:6], frame[6:12], str(IPv4Address(frame[30:34])), str(IPv4Address(frame[26:30]))


@pytest.mark.parametrize("build", [tcp4, udp4])
def test_load_balancer(build: Callable[..., bytes]) -> None:
    with loaded("load_balancer") as bpf:
        module("load_balancer")["configure"](bpf, SERVICE, SERVERS)
        share: Counter[str] = Counter()
        for i in range(300):
            frame = build(f"198.51.100.{i % 250}", SERVICE, 80, b"request" * (i % 3), sport=30000 + i)
            result = bpf.balance.test_run(frame)
            assert result.retval == TX
            mac, source_mac, dst, src = addresses(result.data)
            assert (dst, mac.hex(":")) in SERVERS
            assert (source_mac, src) == (s.MAC_B, f"198.51.100.{i % 250}")
            assert s.sums_are_right(result.data)
            untouched = slice(34, 50 if build is tcp4 else 40)  # up to the checksum
            assert result.data[untouched] == frame[untouched] and len(result.data) == len(frame)
            assert addresses(bpf.balance.test_run(frame).data) == addresses(result.data)
            share[dst] += 1
        assert len(share) == 3 and min(share.values()) > 60
        assert sum(sum(per_cpu) for per_cpu in bpf.packets.values()) == 600


def test_load_balancer_lets_pass_what_is_not_for_it() -> None:
    with loaded("load_balancer") as bpf:
        to_service = udp4("198.51.100.1", SERVICE, 80)
        bpf.service = SERVICE
        assert retvals(bpf.balance, to_service) == [PASS]  # no backend: KeyError
        module("load_balancer")["configure"](bpf, SERVICE, SERVERS)
        others = (
            udp4("198.51.100.1", "192.0.2.81", 80),
            udp4("198.51.100.1", SERVICE, 80, fragment=1 << 13),
            eth(ip("198.51.100.1", SERVICE, s.ICMP, s.echo("198.51.100.1", SERVICE))),
        )
        for frame in others:
            result = bpf.balance.test_run(frame)
            assert (result.retval, result.data) == (PASS, frame)
        assert retvals(bpf.balance, to_service, to_service[:40]) == [TX, DROP]
        bare = eth(ip("198.51.100.1", SERVICE, s.UDP, s.udp("198.51.100.1", SERVICE, 1, 80, summed=False)))
        result = bpf.balance.test_run(bare)
        assert result.data[40:42] == b"\0\0" and s.sums_are_right(result.data)


def test_load_balancer_moves_few() -> None:
    """Where a backend goes, the slots of the others stay theirs."""
    shares = module("load_balancer")["shares"]
    before, after = shares([1, 2, 3]), shares([1, 3])
    assert all(new == old for old, new in zip(before, after, strict=True) if old != 2)
    assert set(after) == {1, 3}


# -- limits ------------------------------------------------------------------------------------------------------


def test_token_bucket() -> None:
    with loaded("token_bucket") as bpf:
        bpf.rate, bpf.burst = 1, 5
        one, other = (udp4(f"10.0.0.{n}", "10.0.0.9") for n in (1, 2))
        assert retvals(bpf.limit, *[one] * 8, other) == [PASS] * 5 + [DROP] * 3 + [PASS]
        bucket = bpf.buckets["10.0.0.1"]
        assert (bucket.passed, bucket.dropped) == (5, 3)
        bpf.rate = 1000
        time.sleep(0.1)  # for which there are more tokens than a burst has
        assert retvals(bpf.limit, *[one] * 5) == [PASS] * 5
        assert bpf.buckets["10.0.0.1"].passed == 10
        assert retvals(bpf.limit, eth(bytes(40), 0x0806)) == [PASS]


def test_token_bucket_with_many_at_once() -> None:
    """Runs in several threads take no token twice."""
    with loaded("token_bucket") as bpf:
        bpf.rate, bpf.burst = 0, 1000
        frame = udp4("10.0.0.1", "10.0.0.9")
        runs = [threading.Thread(target=bpf.limit.test_run, args=(frame,), kwargs={"repeat": 2000}) for _ in range(4)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        bucket = bpf.buckets["10.0.0.1"]
        assert (bucket.passed, bucket.dropped, bucket.tokens) == (1000, 7000, 0)


def test_rate_limiter() -> None:
    with loaded("rate_limiter") as bpf:
        bpf.interval, bpf.tolerance = 10**9, 4 * 10**9
        one, other = (udp4(f"10.0.0.{n}", "10.0.0.9") for n in (1, 2))
        assert retvals(bpf.limit, *[one] * 8, other) == [PASS] * 5 + [DROP] * 3 + [PASS]
        source = bpf.sources["10.0.0.1"]
        assert (source.passed, source.dropped) == (5, 3)
        assert 4e9 < source.due - time.monotonic_ns() < 5e9
        runs = [threading.Thread(target=bpf.limit.test_run, args=(other,), kwargs={"repeat": 500}) for _ in range(4)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        source = bpf.sources["10.0.0.2"]
        assert (source.passed, source.dropped) == (5, 1996)


# -- counters ----------------------------------------------------------------------------------------------------


def test_traffic() -> None:
    with loaded("traffic") as bpf:
        frames = {
            udp4("10.0.0.1", "10.0.0.2", data=b"12345"): "udp",
            udp4("10.0.0.1", "10.0.0.2"): "udp",
            tcp4("10.0.0.1", "10.0.0.2"): "tcp",
            eth(ip6("::1", "::2", s.TCP, s.tcp("::1", "::2", 1, 2)), s.IPV6): "tcp",
            eth(ip("10.0.0.1", "10.0.0.2", 254, bytes(20))): "254",
            eth(bytes(28), 0x0806): "other",
            eth(bytes(10)): "other",
        }
        assert retvals(bpf.count, *frames) == [PASS] * len(frames)
        packets, sizes = Counter(frames.values()), Counter[str]()
        for frame, name in frames.items():
            sizes[name] += len(frame)
        assert module("traffic")["table"](bpf) == {name: (packets[name], sizes[name]) for name in packets}


def test_heavy_hitters() -> None:
    next_window = module("heavy_hitters")["next_window"]
    with loaded("heavy_hitters") as bpf:
        bpf.threshold = 5000
        sent = {f"10.0.{n % 3}.{n}": n % 7 + (60 if n in (3, 57, 90) else 1) for n in range(100)}
        for source, count in sent.items():
            bpf.watch.test_run(udp4(source, "10.0.0.9", data=bytes(72)), repeat=count)  # 100 bytes of IP
        heavy = {source: count * 100 for source, count in sent.items() if count >= 50}
        for row in bpf.even.values():
            assert sum(row) == sum(sent.values()) * 100
        assert not any(map(sum, bpf.odd.values()))
        top = next_window(bpf)
        assert [size for _, size in top] == sorted((size for _, size in top), reverse=True)
        assert {source: size for source, size in top if source in heavy} == dict(top)
        assert all(heavy[source] <= size <= heavy[source] * 1.1 for source, size in top) and len(top) == 3
        bpf.watch.test_run(udp4("10.9.9.9", "10.0.0.9", data=bytes(72)), repeat=51)
        assert [sum(row) for row in bpf.odd.values()] == [5100] * 4
        assert next_window(bpf) == [("10.9.9.9", 5100)]
        assert not any(map(sum, bpf.even.values()))
        assert next_window(bpf) == []


# -- on the way out ----------------------------------------------------------------------------------------------

QUESTION = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\7example\3org\0" + struct.pack(">HH", 1, 1)


def test_connections() -> None:
    text = module("connections")["text"]

    def test() -> None:
        with loaded("connections") as bpf, bpf.watch.attach("lo", direction="egress"):
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                socket.create_connection(server.getsockname()).close()
                server.accept()[0].close()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(QUESTION, ("127.0.0.53", 53))
                sock.sendto(QUESTION[:2] + b"\x81" + QUESTION[3:], ("127.0.0.53", 53))  # an answer
                sock.sendto(QUESTION, ("127.0.0.53", 54))
                sock.sendto(QUESTION[:12] + b"\x3f" + b"a" * 63 + bytes(400), ("127.0.0.54", 53))
                sock.sendto(QUESTION[:12], ("127.0.0.55", 53))
            events = bpf.events.drain()
        assert [text(event) for event in events] == [
            f"connection to 127.0.0.1:{port}",
            "question to 127.0.0.53: example.org",
            f"question to 127.0.0.54: {'a' * 63}",
            "question to 127.0.0.55: ",
        ]
        assert events[1].length == len(QUESTION) - 12
        assert sorted(event.when for event in events) == [event.when for event in events]

    in_own_network(test)


def test_cgroup_bytes() -> None:
    with own_cgroup() as group, loaded("cgroup_bytes") as bpf, bpf.account.attach(group):
        out = run_in_cgroup(group, "in_own_network(lambda: print(ping(5, size=100)))")
        assert out == "5\n"
        assert (bpf.total, bpf.refused) == (5 * 128, 0)
        six = """
def test():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        for _ in range(3): sock.sendto(bytes(10), ("::1", 9))
in_own_network(test)
"""
        run_in_cgroup(group, six)
        sent = {str(ip_address(address)): (t.packets, t.bytes) for address, t in bpf.sent.items()}
        expected = {str(ip_address("::ffff:127.0.0.1")): (5, 5 * 128), "::1": (3, 3 * 58)}
        assert expected.items() <= sent.items()  # answers to the last go to ::1 too
        bpf.quota = bpf.total + 2 * 128
        assert run_in_cgroup(group, "in_own_network(lambda: print(ping(5, size=100)))") == "2\n"
        assert bpf.refused == 3


# -- tail calls --------------------------------------------------------------------------------------------------


def test_packet_parser() -> None:
    def behind(*options: tuple[int, int], proto: int) -> tuple[int, bytes]:
        """Extension headers, each a number and a length in 8 bytes behind the first; and the first one's number."""
        following, data = proto, bytes(20)
        for number, length in reversed(options):
            data = struct.pack("BB6x", following, length) + bytes(8 * length) + data
            following = number
        return following, data

    six = [ip6("::1", "::2", *behind(*options, proto=s.TCP)) for options in ([], [(0, 0)], [(0, 1), (43, 2), (60, 0)])]
    frames = {
        udp4("10.0.0.1", "10.0.0.2"): (17, 0, 0),
        eth(ip("10.0.0.1", "10.0.0.2", s.TCP, bytes(20)), vlan=0x2123): (6, 0x123, 0),
        eth(struct.pack(">HH", 7, s.IPV4) + ip("10.0.0.1", "10.0.0.2", s.TCP, bytes(20)), 0x8100, vlan=5): (6, 7, 0),
        eth(six[0], s.IPV6): (6, 0, 0),
        eth(six[1], s.IPV6, vlan=9): (6, 9, 1),
        eth(six[2], s.IPV6): (6, 0, 3),
        eth(six[2][:50], s.IPV6): None,
        eth(bytes(60), 0x0806): None,
        eth(b"\0", s.IPV4, vlan=3): None,
    }
    with loaded("packet_parser") as bpf:
        for frame, kind in frames.items():
            assert bpf.parse.test_run(frame).retval == PASS
            assert [(k.proto, k.vlan, k.extensions) for k in bpf.kinds] == [kind] * (kind is not None)
            assert sum(bpf.kinds.values()) == (kind is not None)
            bpf.kinds.clear()
        bpf.layers[2] = bpf.transport
        assert bpf.parse.test_run(eth(six[2], s.IPV6)).retval == PASS
        assert len(bpf.kinds) == 1
        del bpf.layers[3]
        assert bpf.parse.test_run(eth(ip("10.0.0.1", "10.0.0.2", s.TCP, bytes(20)))).retval == PASS
        assert len(bpf.kinds) == 1


# -- sockets -----------------------------------------------------------------------------------------------------


def test_many_ports() -> None:
    def call(port: int) -> int:
        """The port that the server thinks was called."""
        with socket.create_connection(("127.0.0.1", port), timeout=s.PATIENCE):
            client, _ = server.accept()
            with client:
                return int(client.getsockname()[1])

    def test() -> None:
        with loaded("many_ports") as bpf:
            bpf.first, bpf.last = 7000, 7999
            with bpf.steer.attach():
                with pytest.raises(OSError):
                    call(7000)  # no server yet
                bpf.servers[0] = server.fileno()
                assert [call(port) for port in (7000, 7999, 7500, 7500)] == [7000, 7999, 7500, 7500]
                assert call(server.getsockname()[1]) == server.getsockname()[1]
                for port in (6999, 8000):
                    with pytest.raises(ConnectionRefusedError):
                        call(port)
                assert bpf.calls.as_dict() == {7000: 1, 7999: 1, 7500: 2}
            with pytest.raises(ConnectionRefusedError):
                call(7000)

    def with_server() -> None:
        nonlocal server
        with socket.create_server(("127.0.0.1", 0)) as server:
            test()

    server: socket.socket
    in_own_network(with_server)


# -- packets rewritten -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("src", "dst"), [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
def test_ping_responder(src: str, dst: str) -> None:
    version = ip_address(src).version

    def frame(body: bytes, src: str = src, dst: str = dst) -> bytes:
        return eth(
            ip(src, dst, s.ICMP, body) if version == 4 else ip6(src, dst, s.ICMP6, body),
            s.IPV4 if version == 4 else s.IPV6,
        )

    with loaded("ping_responder") as bpf:
        for number in range(0, 70000, 257):
            asked = frame(s.echo(src, dst, number.to_bytes(3, "big"), number=number & 0xFFFF))
            result = bpf.reply.test_run(asked)
            assert result.retval == TX and s.sums_are_right(result.data)
            assert result.data[:12] == s.MAC_A + s.MAC_B
            start = 34 if version == 4 else 54
            half = start - (8 if version == 4 else 32)
            size = (start - half) // 2
            assert result.data[half:start] == asked[half + size : start] + asked[half : half + size]
            assert result.data[start] == (0 if version == 4 else 129)
            assert result.data[start + 4 :] == asked[start + 4 :]
        for body in (b"\0" + s.echo(src, dst)[1:], s.echo(src, dst)[:6]):
            result = bpf.reply.test_run(frame(body))
            assert (result.retval, result.data) == (PASS, frame(body))


def test_ping_responder_on_the_wire() -> None:
    """Its answers come back over a pair of interfaces, of which the one that answers has no address at all."""

    def test() -> None:
        with s.veth_pair() as (left, _), loaded("ping_responder") as bpf, bpf.reply.attach("right", mode="generic"):
            for number in range(1, 4):
                left.send(eth(ip("10.0.0.1", "10.0.0.2", s.ICMP, s.echo("10.0.0.1", "10.0.0.2", number=number))))
            answers = s.arrived(left, 3)
            assert [frame[34] for frame in answers] == [0, 0, 0]
            assert [frame[40:42] for frame in answers] == [b"\0\1", b"\0\2", b"\0\3"]
            assert all(s.sums_are_right(frame) for frame in answers)
            assert sum(bpf.answered[0]) == 3

    in_own_network(test)
