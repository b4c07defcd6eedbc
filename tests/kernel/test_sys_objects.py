"""bpf(2) for real: BTF, descriptors, pins, ids, and what is left over after failures."""

from __future__ import annotations

import errno
import json
import os
import resource
import struct
import subprocess
import sys as python_sys
import textwrap
from pathlib import Path

import pytest
from tests.conftest import skip_or_fail
from tests.kernel.conftest import open_fds
from tests.kernel.programs import (
    BTF_INT,
    BTF_MAIN,
    XDP_PASS,
    btf_blob,
    btf_type,
)

from btfkit.errors import LoadError
from btfkit.load.linux import sys
from btfkit.load.linux.probe import Features
from btfkit.load.linux.uapi import MapType, ProgType

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")


# BTF


def test_btf_there_and_back() -> None:
    blob = btf_blob(BTF_MAIN)
    with sys.btf_load(blob) as fd:
        info = sys.btf_info(fd)
        assert (info.data, info.kernel_btf, info.name) == (blob, False, "")
        assert info.id in sys.btf_ids()
        with sys.btf_get_fd_by_id(info.id) as again:
            assert sys.btf_info(again) == info


def test_btf_of_the_kernel() -> None:
    for number in sys.btf_ids():
        with sys.btf_get_fd_by_id(number) as fd:
            info = sys.btf_info(fd)
        if info.name == "vmlinux":
            assert info.kernel_btf
            with open("/sys/kernel/btf/vmlinux", "rb") as file:
                assert info.data == file.read()
            return
    skip_or_fail("this kernel has no BTF of its own")


BAD_BTF = [
    ("magic", btf_blob(BTF_INT, magic=0xEB9E), errno.EINVAL, "Invalid magic"),
    ("no types", btf_blob(b""), errno.EINVAL, "No type found"),
    ("kind", btf_blob(btf_type(0, 31, 0, 0)), errno.EINVAL, "Invalid kind"),
    ("reference", btf_blob(btf_type(0, 2, 0, 77)), errno.EINVAL, "Invalid type_id"),
    ("string", btf_blob(BTF_INT, strings=b"\0int"), errno.EINVAL, "Invalid string section"),
    ("name", btf_blob(btf_type(4000, 1, 0, 4, 32)), errno.EINVAL, "Invalid name_offset"),
    ("header", struct.pack("=HBB", 0xEB9F, 1, 0), errno.EINVAL, "hdr_len not found"),
]


@pytest.mark.parametrize(("blob", "code", "words"), [row[1:] for row in BAD_BTF], ids=[row[0] for row in BAD_BTF])
def test_bad_btf(blob: bytes, code: int, words: str) -> None:
    with pytest.raises(LoadError) as refused:
        sys.btf_load(blob)
    error = refused.value
    assert error.errno == code
    assert words in error.reason
    assert words in error.log
    assert str(error).startswith("BTF: BPF_BTF_LOAD: ")


# descriptors and ids


def test_fd_is_closed_once() -> None:
    fd = sys.map_create(MapType.ARRAY, 4, 4, 1)
    number = fd.fileno()
    assert not os.get_inheritable(number)
    fd.close()
    fd.close()
    assert fd.closed
    with pytest.raises(ValueError, match="closed"):
        fd.fileno()
    with pytest.raises(OSError):
        os.fstat(number)
    kept = sys.map_create(MapType.ARRAY, 4, 4, 1).detach()
    os.close(kept)


def test_fd_goes_with_its_last_reference() -> None:
    before = open_fds()
    sys.map_create(MapType.ARRAY, 4, 4, 1)
    assert open_fds() == before


def test_fd_keeps_clear_of_stdio() -> None:
    """A map as descriptor 0 would read as "none" in union bpf_attr."""
    code = """
        import os
        os.close(0)
        from btfkit.load.linux import sys
        fd = sys.map_create(2, 4, 4, 1)
        assert fd.fileno() > 2 and not os.get_inheritable(fd.fileno())
        try:
            os.fstat(0)
        except OSError:  # not in use: the map was moved, not copied
            print("well")
    """
    assert in_a_child(code) == "well"


@pytest.mark.parametrize("opener", [sys.map_get_fd_by_id, sys.prog_get_fd_by_id, sys.btf_get_fd_by_id])
def test_id_that_is_not_there(opener: object) -> None:
    assert callable(opener)
    with pytest.raises(LoadError, match=r"id 4294967290: BPF_\w+_GET_FD_BY_ID: No such file or directory") as refused:
        opener(0xFFFFFFFA)
    assert refused.value.errno == errno.ENOENT


def test_ids_end() -> None:
    assert sys.map_get_next_id(0x7FFFFFF0) is None
    assert sys.prog_get_next_id(0x7FFFFFF0) is None
    assert sys.btf_get_next_id(0x7FFFFFF0) is None


def test_closed_descriptor_is_an_error() -> None:
    with pytest.raises(LoadError, match="EBADF"):
        sys.map_info(999_999)


def test_no_more_descriptors() -> None:
    """EMFILE in the middle of things leaves nothing open, and the features open to be asked again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(open_fds())
    fillers = [os.dup(1) for _ in range(highest + 1 - len(open_fds()) + 1)]
    features = Features()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_fds()) + 1, hard))
        for attempt in (
            lambda: sys.map_create(MapType.ARRAY, 4, 4, 1),
            lambda: sys.btf_load(btf_blob(BTF_INT)),
            lambda: sys.prog_load(ProgType.XDP, XDP_PASS, "GPL"),
            lambda: features.btf,
        ):
            with pytest.raises(LoadError) as refused:
                attempt()
            assert refused.value.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in fillers:
            os.close(fd)
    assert features.btf


# a process of its own


def in_a_child(code: str, *, uid: int | None = None) -> str:
    """What `code` prints, run by a Python of its own; fails with its traceback."""
    src = Path(sys.__file__).parents[3]
    result = subprocess.run(
        [python_sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(src)},
        user=uid,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_pin_and_get() -> None:
    """In a bpf file system of the child's own mount namespace, which goes with it."""
    code = """
        import ctypes, errno, json, os, struct, tempfile
        from btfkit.errors import LoadError
        from btfkit.load.linux import sys
        libc = ctypes.CDLL(None, use_errno=True)
        CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
        where = tempfile.mkdtemp()
        try:
            if (
                libc.unshare(CLONE_NEWNS)
                or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
                or libc.mount(b"bpf", where.encode(), b"bpf", 0, None)
            ):
                print(json.dumps({"skip": "no bpf file system: " + os.strerror(ctypes.get_errno())}))
                raise SystemExit
            out = {}
            with sys.map_create(2, 4, 4, 1, name="pinned") as fd:
                sys.map_update(fd, struct.pack("=I", 0), b"abcd")
                sys.obj_pin(fd, where + "/pinned")
                out["id"] = sys.map_info(fd).id
                try:
                    sys.obj_pin(fd, where + "/pinned")
                except LoadError as error:
                    out["again"] = [error.errno, str(error).replace(where, "")]
            with sys.obj_get(where + "/pinned") as fd:
                out["same"] = sys.map_info(fd).id == out["id"]
                out["value"] = sys.map_lookup(fd, struct.pack("=I", 0), 4).decode()
            with sys.prog_load(6, struct.pack("=2Bhi2Bhi", 0xB7, 0, 0, 2, 0x95, 0, 0, 0), "GPL") as prog:
                sys.obj_pin(prog, where + "/prog")
                tag = sys.prog_info(prog).tag
            with sys.obj_get(where + "/prog") as prog:
                out["prog"] = sys.prog_info(prog).tag == tag
            os.unlink(where + "/pinned")
            try:
                sys.obj_get(where + "/pinned")
            except LoadError as error:
                out["gone"] = [error.errno, str(error).replace(where, "")]
            out["fds"] = sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if int(n) > 2
                                and os.path.exists(f"/proc/self/fd/{n}"))
            print(json.dumps(out))
            libc.umount2(where.encode(), 2)
        finally:
            os.rmdir(where)
    """
    out = json.loads(in_a_child(code))
    if "skip" in out:
        skip_or_fail(out["skip"])
    assert out["same"]
    assert out["prog"]
    assert out["value"] == "abcd"
    assert out["again"] == [errno.EEXIST, "/pinned: BPF_OBJ_PIN: File exists (EEXIST)"]
    assert out["gone"] == [errno.ENOENT, "/pinned: BPF_OBJ_GET: No such file or directory (ENOENT)"]
    assert not [what for what in out["fds"] if "bpf" in what]


def test_pin_outside_of_a_bpf_file_system(tmp_path: Path) -> None:
    with sys.map_create(MapType.ARRAY, 4, 4, 1) as fd, pytest.raises(LoadError, match="bpf file system") as refused:
        sys.obj_pin(fd, tmp_path / "pinned")
    assert refused.value.errno == errno.EPERM
    assert refused.value.path == str(tmp_path / "pinned")


def test_without_capabilities() -> None:
    """A nobody is told what is missing; the session's features say the same in `refusal`."""
    if os.geteuid() != 0:
        skip_or_fail("only root can become nobody")
    with open("/proc/sys/kernel/unprivileged_bpf_disabled") as file:
        if file.read().strip() == "0":
            skip_or_fail("anybody may use bpf(2) here: nothing is refused that could be looked at")
    code = """
        import json, os
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        from btfkit.errors import LoadError
        from btfkit.load.linux import probe, sys
        out = [probe.features().refusal, probe.features().permitted]
        for attempt in (lambda: sys.prog_load(6, bytes(8), "GPL", name="p"), lambda: sys.map_get_fd_by_id(1)):
            try:
                attempt()
            except LoadError as error:
                out.append(str(error))
        try:
            probe.features().btf
        except LoadError as error:
            out.append(error.errno)
        print(json.dumps(out))
    """
    # Imported before the privileges go: a nobody may not be able to read the checkout.
    code = textwrap.dedent(code)
    head = "import json, os, ctypes, resource\nfrom btfkit.load.linux import probe, sys\n"
    refusal, permitted, prog, by_id, code_of_btf = json.loads(in_a_child(head + code))
    assert "CAP_BPF is missing; kernel.unprivileged_bpf_disabled=" in refusal
    assert refusal.startswith("map: BPF_MAP_CREATE: Operation not permitted (EPERM)")
    assert permitted is False
    assert prog.startswith("program 'p': BPF_PROG_LOAD: ")
    assert "CAP_BPF and CAP_NET_ADMIN are missing" in prog
    assert "CAP_SYS_ADMIN is missing" in by_id
    assert code_of_btf == errno.EPERM


# features


def test_features(require_bpf: Features) -> None:
    """What all supported kernels have, and what follows from what; each is asked once."""
    assert require_bpf.permitted
    assert require_bpf.btf
    assert require_bpf.map_name
    assert require_bpf.prog_name
    order = [
        "btf",
        "btf_func",
        "btf_datasec",
        "btf_func_global",
        "btf_float",
        "btf_decl_tag",
        "btf_type_tag",
        "btf_enum64",
    ]
    have = [getattr(require_bpf, name) for name in order]
    assert have == sorted(have, reverse=True)
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release >= (6, 0):
        assert all(have)
        assert require_bpf.global_data
        assert require_bpf.array_mmap
        assert require_bpf.func_info
        assert require_bpf.line_info
        assert require_bpf.btf_nameless_proto
        assert require_bpf.dotted_name
    assert require_bpf.memlock_charged == (release < (5, 11))
    assert require_bpf.btf_layout in (True, False)
    assert "btf_enum64" in vars(require_bpf)
