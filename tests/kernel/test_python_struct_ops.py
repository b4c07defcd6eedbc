"""Structs of operations written as classes: libbpf registers them, so does our loader, and the kernel calls them."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conftest import need_tool
from tests.kernel.python_support import build
from tests.unit.load.programs import build as build_c

from btfkit.errors import LoadError, SourceError
from btfkit.load.linux import LoadedObject
from btfkit.load.plan import plan_to_json

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

NAME = f"bk_{os.getpid()}"

RENO = f"""
calls: u64 = 0
acks: u64 = 0

@struct_ops("tcp_congestion_ops", link=True)
class reno:
    name = "{NAME}"

    def init(sk) -> None:
        global calls
        calls += 1

    def ssthresh(sk) -> u32:
        return max(cast(kernel.tcp_sock, sk).snd_cwnd >> 1, 2)

    def undo_cwnd(sk) -> u32:
        return cast(kernel.tcp_sock, sk).snd_cwnd

    def cong_avoid(sk, ack, acked) -> None:
        global acks
        acks += acked
        kfunc.tcp_reno_cong_avoid(sk, ack, acked)
"""
UNLINKED = RENO.replace("link=True", "link=False")


def send(count: int) -> int:
    """Bytes that arrive through a connection with the algorithm."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, NAME.encode())
        client.connect(server.getsockname())
        other, _ = server.accept()
        with other:
            sender = threading.Thread(target=lambda: (client.sendall(bytes(count)), client.shutdown(socket.SHUT_WR)))
            sender.start()
            got = 0
            while data := other.recv(1 << 16):
                got += len(data)
            sender.join()
    return got


def is_registered() -> bool:
    return NAME in Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()


def check(bpf: LoadedObject) -> None:
    assert not is_registered()
    with bpf.reno.attach() as link:
        assert is_registered()
        assert send(1_000_000) == 1_000_000
        assert (bpf.calls, bpf.acks > 0) == (1, True)
        with pytest.raises(LoadError) as caught:
            bpf.reno.attach()
        assert caught.value.errno in (errno.EBUSY, errno.EINVAL, errno.EPERM)
    assert link.closed
    assert not is_registered()


@pytest.mark.parametrize("text", [RENO, UNLINKED], ids=["link", "no link"])
def test_the_kernel_calls_it(tmp_path: Path, text: str) -> None:
    with build(tmp_path, text).load() as bpf:
        assert repr(bpf.reno) == "<LoadedStructOps 'reno': tcp_congestion_ops>"
        check(bpf)


def test_the_plan_shows_it(tmp_path: Path) -> None:
    plan = build(tmp_path, RENO).plan()
    text = str(plan)
    assert "struct reno: tcp_congestion_ops, by a link\n  ssthresh = program reno.ssthresh\n" in text
    assert f"  name = {NAME.encode().ljust(16, bytes(1)).hex(' ')}\n" in text
    (shown,) = plan_to_json(plan)["struct_ops"]
    assert (shown["struct"], shown["programs"]["init"]) == ("tcp_congestion_ops", "reno.init")


def test_closing_the_object_unregisters_it(tmp_path: Path) -> None:
    with build(tmp_path, RENO).load() as bpf:
        bpf.reno.attach()
    assert not is_registered()


@contextmanager
def registered(path: Path) -> Iterator[str]:
    """What bpftool (libbpf) says of registering it; it is removed afterwards."""
    bpftool = need_tool("bpftool")
    done = subprocess.run([bpftool, "struct_ops", "register", path], capture_output=True, text=True, check=False)
    try:
        yield done.stdout + done.stderr
    finally:
        subprocess.run([bpftool, "struct_ops", "unregister", "name", "reno"], capture_output=True, check=False)


def test_libbpf_registers_it(tmp_path: Path) -> None:
    path = tmp_path / "reno.o"
    build(tmp_path, UNLINKED).write(path, form="libbpf")
    with registered(path) as said:
        assert "Registered tcp_congestion_ops reno" in said
        assert send(100_000) == 100_000
        shown = subprocess.run(["bpftool", "-j", "struct_ops", "dump", "name", "reno"], capture_output=True, check=True)
        assert json.loads(shown.stdout)
    assert not is_registered()


def test_one_from_c(tmp_path: Path) -> None:
    """What clang makes of libbpf's convention is loaded alike."""
    text = f"""
    struct sock; struct tcp_congestion_ops {{ u32 (*ssthresh)(struct sock *); u32 (*undo_cwnd)(struct sock *);
        void (*cong_avoid)(struct sock *, u32, u32); char name[16]; u32 flags; }};
    u64 calls, acks;
    SEC("struct_ops") u32 BPF_ssthresh(u64 *ctx) {{ calls = 1; return 10; }}
    SEC("struct_ops") u32 BPF_undo(u64 *ctx) {{ return 10; }}
    SEC("struct_ops") void BPF_avoid(u64 *ctx) {{ calls = 1; acks += ctx[2]; }}
    SEC(".struct_ops.link") struct tcp_congestion_ops reno = {{ .ssthresh = (void *)BPF_ssthresh,
        .undo_cwnd = (void *)BPF_undo, .cong_avoid = (void *)BPF_avoid, .name = "{NAME}" }};
    """
    with build_c(tmp_path, text).load() as bpf:
        check(bpf)


WRONG = {
    "no struct": (
        '@struct_ops("tcp_congestion_op")\nclass x:\n    def init(sk): pass\n',
        "has no struct 'tcp_congestion_op'",
    ),
    "no operations": (
        '@struct_ops("task_struct")\nclass x:\n    pid = 1\n',
        "takes no programs for struct task_struct",
    ),
    "no field": (
        '@struct_ops("tcp_congestion_ops")\nclass x:\n    def sstresh(sk): pass\n',
        "struct tcp_congestion_ops has no field 'sstresh'.*did you mean ssthresh",
    ),
    "long name": (
        f'@struct_ops("tcp_congestion_ops")\nclass x:\n    name = "{"n" * 16}"\n',
        "'name' is char\\[16\\], not 'nnnnnnnnnnnnnnnn'",
    ),
    "no function": (
        '@struct_ops("tcp_congestion_ops")\nclass x:\n    init = 3\n',
        "'init' is an operation: a function, not 3",
    ),
    "no argument": (
        '@struct_ops("tcp_congestion_ops")\nclass x:\n    def init(sk, more): pass\n',
        "tcp_congestion_ops.init has no argument 'more'",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    text, want = WRONG[case]
    with pytest.raises(SourceError) as caught:
        build(tmp_path, text)
    assert re.search(want, str(caught.value), re.DOTALL), caught.value


def test_a_program_that_no_struct_names(tmp_path: Path) -> None:
    text = '@struct_ops("tcp_congestion_ops/ssthresh")\ndef alone(sk) -> u32:\n    return 1\n'
    with pytest.raises(LoadError, match="is in no struct of operations"):
        build(tmp_path, text).load()


def test_in_plain_python() -> None:
    space: dict[str, object] = {}
    exec(compile(f"from btfkit.bpf import *\n{RENO}", "reno.py", "exec"), space)
    reno = space["reno"]
    assert (reno.name, repr(reno)) == (NAME, "<StructOps reno: tcp_congestion_ops>")  # type: ignore[attr-defined]
