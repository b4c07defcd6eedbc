"""What the tests of the examples share: the examples compiled, run as programs, and packets to send through them.

Packets are made and read here without btfkit, so that what a program did to them is judged by other code.
"""

from __future__ import annotations

import contextlib
import queue
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.conftest import need_tool
from tests.judge import libbpf_load

import btfkit

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATIENCE = 20
"""Seconds after which what has not come will not come."""


def example(name: str) -> Path:
    return EXAMPLES / f"{name}.py"


@cache
def compiled(name: str) -> btfkit.Object:
    """The example's object."""
    return btfkit.compile_file(example(name))


@cache
def module(name: str) -> dict[str, Any]:
    """The names of the example, as a Python module has them."""
    return runpy.run_path(str(example(name)))


def check_forms(name: str, folder: Path) -> None:
    """In instance form it can be read again and loaded; in libbpf's form, bpftool loads it."""
    need_tool("bpftool")
    obj = compiled(name)
    instance, libbpf = folder / f"{name}.o", folder / f"{name}.bpf.o"
    obj.write(instance)
    with btfkit.open(instance).load() as bpf:
        programs = set(bpf.programs)
        assert programs
    lost = obj.write(libbpf, form="libbpf")
    assert all(": its record type, " in line for line in lost), lost  # a form without types of records
    with libbpf_load(libbpf) as view:
        assert not isinstance(view, str), view
        assert len(view.programs) == len(programs)


class Running:
    """An example that runs as a program. lines: what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._coming: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line.rstrip("\n"))

    def wait_for(self, text: str) -> str:
        """The next line with that text in it."""
        deadline = time.monotonic() + PATIENCE
        with contextlib.suppress(queue.Empty):
            while (left := deadline - time.monotonic()) > 0:
                line = self._coming.get(timeout=left)
                self.lines.append(line)
                if text in line:
                    return line
        raise AssertionError(f"no line with {text!r} came, but {self.lines}")


@contextlib.contextmanager
def running(name: str, *args: object) -> Iterator[Running]:
    """``python examples/name.py args``, in this thread's network, until Ctrl-C."""
    command = [sys.executable, "-u", str(example(name)), *map(str, args)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield Running(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


# -- networks ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def veth_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two interfaces ``left`` and ``right``, what goes into the one comes out of the other; a packet socket on each."""
    need_tool("ip")

    def ip(*command: str) -> None:
        subprocess.run(["ip", *command], check=True, capture_output=True)

    ip("link", "add", "left", "type", "veth", "peer", "name", "right")
    try:
        for name in ("left", "right"):
            ip("link", "set", name, "up", "addrgenmode", "none")
        with packet_socket("left") as left, packet_socket("right") as right:
            yield left, right
    finally:
        ip("link", "del", "left")


def packet_socket(interface: str) -> socket.socket:
    """Frames in and out, as they are on the wire."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    sock.bind((interface, 0))
    sock.settimeout(PATIENCE)
    return sock


def arrived(sock: socket.socket, count: int, *, outgoing: bool = False) -> list[bytes]:
    """That many frames that came in; with outgoing, the next ones of any direction."""
    found: list[bytes] = []
    while len(found) < count:
        frame, address = sock.recvfrom(65536)
        if outgoing or address[2] != socket.PACKET_OUTGOING:
            found.append(frame)
    return found


# -- packets -----------------------------------------------------------------------------------------------------

MAC_A, MAC_B = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
IPV4, IPV6, VLAN = 0x0800, 0x86DD, 0x8100


def ones_sum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data: bytes) -> int:
    return ones_sum(data) ^ 0xFFFF


def eth(payload: bytes, proto: int = IPV4, *, vlan: int | None = None, dst: bytes = MAC_B, src: bytes = MAC_A) -> bytes:
    tag = b"" if vlan is None else struct.pack(">HH", VLAN, vlan)
    return dst + src + tag + struct.pack(">H", proto) + payload


def ip(src: str, dst: str, proto: int, payload: bytes, *, options: bytes = b"", fragment: int = 0) -> bytes:
    """An IPv4 packet. fragment: flags << 13 | offset in 8 bytes."""
    length = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), 7, fragment, 64, proto, 0)
    head += ip_address(src).packed + ip_address(dst).packed + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(src: str, dst: str, proto: int, payload: bytes) -> bytes:
    head = struct.pack(">IHBB", 6 << 28, len(payload), proto, 64)
    return head + ip_address(src).packed + ip_address(dst).packed + payload


def pseudo(src: str, dst: str, proto: int, segment: bytes) -> bytes:
    """What is summed before a segment."""
    a, b = ip_address(src), ip_address(dst)
    if a.version == 4:
        return a.packed + b.packed + struct.pack(">HH", proto, len(segment))
    return a.packed + b.packed + struct.pack(">II", len(segment), proto)


def udp(src: str, dst: str, sport: int, dport: int, data: bytes = b"", *, summed: bool = True) -> bytes:
    """A datagram. summed: with a checksum, which IPv4 does without."""
    body = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    check = checksum(pseudo(src, dst, UDP, body) + body) or 0xFFFF
    return body[:6] + struct.pack(">H", check if summed else 0) + data


def tcp(src: str, dst: str, sport: int, dport: int, data: bytes = b"", *, flags: int = 0x02) -> bytes:
    """A segment. flags: 2 is SYN, 16 ACK."""
    body = struct.pack(">HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 1024, 0, 0) + data
    return body[:16] + struct.pack(">H", checksum(pseudo(src, dst, TCP, body) + body)) + body[18:]


def echo(src: str, dst: str, data: bytes = b"ping", *, number: int = 1) -> bytes:
    """An echo request of ICMP or ICMPv6."""
    is_v4 = ip_address(src).version == 4
    body = struct.pack(">BBHHH", 8 if is_v4 else 128, 0, 0, 99, number) + data
    check = checksum(body if is_v4 else pseudo(src, dst, ICMP6, body) + body)
    return body[:2] + struct.pack(">H", check) + body[4:]


def udp4(src: str, dst: str, dport: int = 9, data: bytes = b"", *, sport: int = 40000, **more: Any) -> bytes:
    """A frame with a datagram."""
    return eth(ip(src, dst, UDP, udp(src, dst, sport, dport, data), **more))


def tcp4(src: str, dst: str, dport: int = 80, data: bytes = b"", *, sport: int = 40000, flags: int = 2) -> bytes:
    """A frame with a segment."""
    return eth(ip(src, dst, TCP, tcp(src, dst, sport, dport, data, flags=flags)))


def sums_are_right(frame: bytes) -> bool:
    """The checksums of an Ethernet frame's IP header, and of the TCP, UDP, ICMP or ICMPv6 in it."""
    packet = frame[14:]
    if packet[0] >> 4 == 6:
        src, dst, proto, body = packet[8:24], packet[24:40], packet[6], packet[40:]
    else:
        start = (packet[0] & 15) * 4
        if ones_sum(packet[:start]) != 0xFFFF:
            return False
        src, dst, proto, body = packet[12:16], packet[16:20], packet[9], packet[start:]
    if proto == UDP and body[6:8] == b"\0\0":
        return len(src) == 4
    before = b"" if proto == ICMP else pseudo(str(ip_address(src)), str(ip_address(dst)), proto, body)
    return ones_sum(before + body) == 0xFFFF
