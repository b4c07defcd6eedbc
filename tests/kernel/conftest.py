"""Tests against the running kernel: skipped with the reason where bpf(2) is not permitted, failed there under CI."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

import pytest
from tests.conftest import skip_or_fail

from btfkit.load.linux import probe


@pytest.fixture(scope="session")
def require_bpf() -> probe.Features:
    """The kernel's features, given that it lets us make maps and programs."""
    features = probe.features()
    if features.refusal:
        skip_or_fail(features.refusal)
    return features


def open_fds() -> dict[int, str]:
    """The descriptors of this process, and what each is of."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one of listdir itself
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
    return found


@pytest.fixture
def no_fd_leak() -> Iterator[None]:
    """The test leaves no descriptor open."""
    gc.collect()
    before = open_fds()
    yield
    gc.collect()
    after = open_fds()
    assert {fd: what for fd, what in after.items() if fd not in before} == {}
