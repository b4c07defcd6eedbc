"""What the tests of the loader share: packets, and bpftool's view of what was loaded."""

from __future__ import annotations

import json
import struct
import subprocess
from typing import Any

from tests.conftest import need_tool


def udp_packet(src: int = 0x0A000001, dst: int = 0x0A000002, port: int = 80, payload: bytes = bytes(26)) -> bytes:
    """An Ethernet frame with a UDP datagram, addresses as numbers."""
    udp = struct.pack(">4H", 4000, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">2B3H2BHII", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, src, dst)
    return bytes.fromhex("020000000002 020000000001 0800") + ip + udp


PACKET = udp_packet()


def bpftool(*args: str) -> Any:
    """bpftool's answer, as JSON."""
    command = [need_tool("bpftool"), "-j", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return json.loads(done.stdout)


def bpftool_text(*args: str) -> str:
    """bpftool's answer, as it is."""
    command = [need_tool("bpftool"), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout
