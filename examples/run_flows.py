"""Run examples/flows.c on real packets, and print the map that it filled.

    btfkit cc examples/flows.c -o build/flows.o
    python examples/run_flows.py build/flows.o

Loading a program needs root, or the capabilities CAP_BPF and CAP_NET_ADMIN; without them the plan is printed: what
would be loaded. The exit status is 1 where the map does not say what was sent.
"""

from __future__ import annotations

import errno
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, NamedTuple

import btfkit

TCP, UDP, ICMP = 6, 17, 1


class Flow(NamedTuple):
    """Where packets come from, where they go, and to which port."""

    src: str
    dst: str
    port: int


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(flow: Flow, protocol: int, payload: bytes, *, options: bytes = b"", fragment: int = 0) -> bytes:
    """Return an Ethernet frame with an IPv4 packet; ``fragment`` counts units of eight bytes."""
    length = 20 + len(options)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x40 | length // 4,
        0,
        length + len(payload),
        1,
        fragment,
        64,
        protocol,
        0,
        IPv4Address(flow.src).packed,
        IPv4Address(flow.dst).packed,
    )
    header += options
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return bytes.fromhex("020000000002 020000000001 0800") + header + payload


def udp(flow: Flow, data: bytes, *, options: bytes = b"") -> bytes:
    """Return a frame with a UDP datagram, without a checksum, which UDP allows."""
    return ipv4(flow, UDP, struct.pack(">HHHH", 40000, flow.port, 8 + len(data), 0) + data, options=options)


def tcp(flow: Flow, data: bytes = b"") -> bytes:
    """Return a frame with a TCP segment: SYN where it carries nothing, else ACK."""
    flags = 0x02 if not data else 0x10

    def segment(check: int) -> bytes:
        return struct.pack(">HHIIBBHHH", 40001, flow.port, 1, 0, 5 << 4, flags, 65535, check, 0) + data

    body = segment(0)
    pseudo = IPv4Address(flow.src).packed + IPv4Address(flow.dst).packed + struct.pack(">HH", TCP, len(body))
    return ipv4(flow, TCP, segment(checksum(pseudo + body + b"\0" * (len(body) % 2))))


def packets() -> Iterator[tuple[bytes, Flow | None]]:
    """Yield frames, each with the flow it belongs to; None: it belongs to none."""
    web = Flow("10.0.0.1", "10.0.0.2", 80)
    secure = Flow("10.0.0.1", "10.0.0.2", 443)
    name = Flow("10.0.0.3", "10.0.0.53", 53)
    echo = Flow("10.0.0.4", "10.0.0.2", 0)
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"more"):
        yield tcp(web, data), web
    yield tcp(secure), secure
    for _ in range(5):
        yield udp(name, b"a query"), name
    yield udp(name, b"with a header that has options", options=b"\x01" * 8), name
    yield ipv4(echo, ICMP, struct.pack(">BBHHH", 8, 0, 0xF7FE, 0, 1)), echo
    # The second piece of a datagram has no ports.
    piece = Flow("10.0.0.3", "10.0.0.53", 0)
    yield ipv4(piece, UDP, bytes(32), fragment=185), piece
    # No IPv4 at all, and a header that ends too early.
    yield bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(28), None
    yield tcp(web)[:30], None


def run(bpf: Any) -> int:
    """Send the packets through the program, print the map, and return the exit status."""
    sent: Counter[Flow] = Counter()
    calls = 0
    for packet, flow in packets():
        result = bpf.programs["count"].test_run(packet)
        calls += 1
        if result.retval != 2:
            print(f"count returned {result.retval}, not XDP_PASS", file=sys.stderr)
            return 1
        if flow is not None:
            sent[flow] += 1

    flows = bpf.maps["flows"]
    seen: Counter[Flow] = Counter()
    print(f"{'src':<16}{'dst':<16}{'port':>6}{'packets':>10}")
    for key, value in sorted(flows.items(), key=lambda item: (-item[1], item[0].src, item[0].port)):
        flow = Flow(str(IPv4Address(key.src)), str(IPv4Address(key.dst)), key.port)
        seen[flow] = value
        print(f"{flow.src:<16}{flow.dst:<16}{flow.port:>6}{value:>10}")
    counted = bpf.variables["calls"].value
    if isinstance(counted, bytes):  # GCC's BTF does not say what a static local is
        counted = int.from_bytes(counted, sys.byteorder)
    print(f"calls: {counted}")
    if seen != sent or counted != calls:
        print(f"that is not what was sent: {calls} packets, {dict(sent)}", file=sys.stderr)
        return 1
    return 0


def main(path: str) -> int:
    """Load the object at ``path`` and run it; without the right to, print what would be loaded."""
    obj = btfkit.open(path)
    try:
        with obj.load() as bpf:
            return run(bpf)
    except btfkit.LoadError as error:
        if error.errno != errno.EPERM:
            raise
        print(obj.plan())
        print(f"not loaded: {error}")
        print("Loading needs root, or CAP_BPF and CAP_NET_ADMIN: sudo .venv/bin/python examples/run_flows.py " + path)
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "build/flows.o"))
