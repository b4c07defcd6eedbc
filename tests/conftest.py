"""What all tests share: other tools, and bytes that a person can read."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

CASES = Path(__file__).parent / "cases"

KERNELS = Path(os.environ.get("BTFKIT_KERNELS", Path(__file__).parent.parent / "build" / "kernels"))
"""A folder with BTF of other kernels than the running one (``vmlinux-*.btf.xz``); used where it is there."""


def skip_or_fail(reason: str) -> NoReturn:
    """Leave a test out, except where CI=true: such a machine is there to run it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def kernel_btf() -> bytes:
    """The running kernel's own BTF."""
    path = Path("/sys/kernel/btf/vmlinux")
    return path.read_bytes() if path.exists() else skip_or_fail(f"{path} is not there")


def need_tool(name: str) -> str:
    """Path of a program, from PATH or beside Python. Where it is missing the test is skipped, or fails if CI=true."""
    path = shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))
    if path is None:
        skip_or_fail(f"{name} is not installed")
    return path


def read_hex(case: str) -> bytes:
    """The bytes of a file under tests/cases: hex digits, spaces, and comments from # to the end of the line."""
    lines = (CASES / case).read_text().splitlines()
    return bytes.fromhex("".join(line.split("#")[0] for line in lines))
