"""Cases of a codec as text: bytes in hex that a person can read, and what they mean.

A file holds cases, each begun by ``@case name``. Lines of a case:

    @key value     what is to be known of it; see the users of this module for the keys
    @little, @big  the bytes follow, in that byte order
    01 0203  # 0004 what it is     bytes; the comment begins with the offset at which they stand, which is checked
    # text         for the reader
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import CASES

_OFFSET = re.compile(r"\s*([0-9a-f]{4})\b")


@dataclass
class HexCase:
    """keys: each key's values in order; data: byte order to bytes."""

    file: str
    name: str
    keys: dict[str, list[str]] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)

    def one(self, key: str, default: str = "") -> str:
        return self.keys.get(key, [default])[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


def read_cases(room: str) -> dict[str, HexCase]:
    """All cases of a folder under tests/cases, by name."""
    cases: dict[str, HexCase] = {}
    for path in sorted((CASES / room).glob("*.hex")):
        for case in _read_file(path):
            assert case.name not in cases, f"{path.name}: two cases {case.name}"
            cases[case.name] = case
    assert cases
    return cases


def _read_file(path: Path) -> list[HexCase]:
    cases: list[HexCase] = []
    order = ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = f"{path.name}:{number}"
        if line.startswith("@case "):
            cases.append(HexCase(path.stem, line.removeprefix("@case ").strip()))
            order = ""
        elif line in ("@little", "@big"):
            order = line[1:]
            assert order not in cases[-1].data, place
            cases[-1].data[order] = b""
        elif line.startswith("@"):
            key, _, value = line[1:].partition(" ")
            assert not order, f"{place}: @{key} after the bytes"
            cases[-1].keys.setdefault(key, []).append(value)
        elif line.strip() and not line.startswith("#"):
            digits, _, comment = line.partition("#")
            offset = _OFFSET.match(comment)
            off = len(cases[-1].data[order])
            assert offset and int(offset[1], 16) == off, f"{place}: these bytes stand at {off:04x}"
            cases[-1].data[order] += bytes.fromhex(digits)
    return cases
