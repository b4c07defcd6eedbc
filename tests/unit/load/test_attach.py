"""What attaching says where the target is missing or wrong, before any kernel is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from btfkit.errors import LoadError
from btfkit.load.linux.attach import attach_all
from btfkit.load.linux.fd import Fd
from btfkit.load.linux.loaded import LoadedProgram
from btfkit.load.plan import ProgramPlan
from btfkit.load.sections import SECTION_TYPES, section_type
from btfkit.model.btf import Btf


@pytest.fixture
def fd() -> Iterator[Fd]:
    with Fd(os.open(os.devnull, os.O_RDONLY)) as fd:
        yield fd


def program(section: str, fd: Fd) -> LoadedProgram:
    found = section_type(section)
    type_ = found.type
    plan = ProgramPlan("f", section, type_.prog_type, type_.attach_type, target=found.target, says=type_.name)
    return LoadedProgram(plan, Btf(), fd)


WRONG: list[tuple[str, Any, dict[str, Any], str]] = [
    ("xdp", None, {}, "attaches to a network interface: give its name or number (known: "),
    ("xdp", "no-such-one", {}, "there is no network interface 'no-such-one'"),
    ("xdp", 1 << 40, {}, "there is no number 1099511627776 here"),
    ("xdp", True, {}, "attaches to a network interface"),
    ("xdp", "lo", {"mode": "quick"}, "mode='quick' is not one of None, 'native', 'generic', 'offload'"),
    ("xdp", "lo", {"modes": "native"}, "knows no option 'modes' (near: mode)"),
    ("xdp", "lo", {"target_": 1}, "knows no option 'target_' (there are mode)"),
    ("xdp/devmap", "lo", {}, "is put into an element of a map of devices"),
    ("tc", "lo", {}, "give direction='ingress' or 'egress'"),
    ("tc/ingress", "lo", {"direction": "in"}, "direction='in' is not one of 'ingress', 'egress'"),
    ("cgroup/skb", "/", {}, "give direction='ingress' or 'egress'"),
    ("cgroup/dev", "/", {"direction": "ingress"}, "has no direction"),
    ("cgroup/dev", None, {}, "attaches to a cgroup: the path of its directory, or a descriptor"),
    ("cgroup/dev", "/no/such", {}, "'/no/such' cannot be opened: No such file or directory"),
    ("cgroup/dev", 1.5, {}, "1.5 cannot be opened"),
    ("sockops", "", {}, "attaches to a cgroup"),
    ("sk_lookup", "/no/such", {}, "attaches to a network namespace"),
    ("netfilter", None, {}, "one of prerouting, input, forward, output, postrouting"),
    ("netfilter", "input", {"pf": "ipx"}, "pf='ipx' is not one of 'ipv4', 'ipv6'"),
    ("socket", None, {}, "attaches to a socket: give it, or its descriptor"),
    ("socket", object(), {}, "attaches to a socket, which <object"),
    ("sk_msg", "map", {}, "attaches to a map of type sockmap or sockhash"),
    ("raw_tp", None, {}, "attaches to a raw tracepoint: its name, as 'sched_switch'"),
    ("raw_tp", 7, {}, "attaches to a raw tracepoint"),
    ("tp", None, {}, "attaches to a tracepoint: 'category/name'"),
    ("tp/syscalls", None, {}, "a tracepoint, 'category/name', which 'syscalls' is not"),
    ("tp_btf/sys_enter", "sys_exit", {}, "was loaded for 'sys_enter'"),
    ("fentry/do_exit", 1, {}, "was loaded for 'do_exit'"),
    ("iter/task", "x", {}, "goes over all there is of task: give no target"),
    ("iter/bpf_map_elem", None, {}, "goes over the elements of a map: give the map"),
    ("iter/cgroup", "/", {"order": "up"}, "order='up' is not one of self_only"),
    ("kprobe", None, {}, "attaches to a function of the kernel: its name"),
    ("kprobe/f", "f+x", {}, "'x' behind the + of 'f+x' is not a number"),
    ("kprobe", "f", {"symbol": "x"}, "knows no option 'symbol' (there are offset, cookie)"),
    ("ksyscall", None, {}, "attaches to a system call: its name"),
    ("uprobe", None, {}, "'path:function'"),
    ("uprobe.s", "/no/such:f", {}, "there is no file '/no/such'"),
    ("uprobe", "no-such-program:f", {}, "there is no file 'no-such-program'"),
    ("uprobe", __file__, {}, "'path:function', or a path and symbol= or offset="),
    ("uprobe", f"{__file__}:f", {}, "is not an ELF file"),
    ("uprobe.multi", __file__, {}, "attaches to functions: 'path:pattern'"),
    ("kprobe.multi", [], {}, "there is no function that the pattern fits"),
    ("perf_event", "cpu", {}, "'cpu' is none of cpu-clock"),
    ("perf_event", 5, {}, "give its name, as 'cpu-clock', or (type, config)"),
    ("perf_event", None, {"period": 1, "frequency": 1}, "by frequency or by period, not both"),
    ("syscall", None, {}, "is not attached but run: test_run()"),
    ("action", None, {}, "with tc(8)"),
    ("lwt_in", None, {}, "with ip(8)"),
    ("usdt/x", None, {}, "there is no way here to attach a program of type usdt"),
    ("struct_ops/x", None, {}, "there is no way here to attach a program of type struct_ops"),
]


@pytest.mark.parametrize(("section", "target", "options", "want"), WRONG)
def test_wrong(fd: Fd, section: str, target: Any, options: dict[str, Any], want: str) -> None:
    with pytest.raises(LoadError) as caught:
        program(section, fd).attach(target, **options)
    assert want in str(caught.value)
    assert caught.value.thing == "program 'f'" or caught.value.path


@pytest.mark.parametrize("section", [section.name for section in SECTION_TYPES])
def test_every_section_says_what_is_wanted_or_is_refused(fd: Fd, section: str) -> None:
    """With a target that fits nothing (and no program behind the descriptor)."""
    with pytest.raises(LoadError):
        program(section, fd).attach(b"")


def test_attach_all_wants_one_that_says_where(fd: Fd) -> None:
    programs = [program(section, fd) for section in ("xdp", "iter/task", "syscall", "lsm_cgroup/bind", "kprobe")]
    with pytest.raises(LoadError, match="no program's section says what it attaches to"):
        attach_all(programs)
    with pytest.raises(LoadError, match="no way here to attach a program of type usdt"):
        attach_all([program("usdt/x", fd)])
