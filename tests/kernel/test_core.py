"""CO-RE against the running kernel: the code is libbpf's, byte for byte, and reads what is there."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import kernel_btf, need_tool
from tests.unit.load.programs import build, compile_c

from btfkit import api
from btfkit.codec import decode_btf, encode_btf
from btfkit.codec.raw import RawTypes
from btfkit.errors import LoadError
from btfkit.load.core import resolve_core
from btfkit.load.linux import kernel, load
from btfkit.load.plan import make_plan, plan_to_json
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import CoreRelo

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

CORE = """
#define CORE __attribute__((preserve_access_index))
#define EXISTS(field) __builtin_preserve_field_info(field, 2)
#define INFO(field, kind) __builtin_preserve_field_info(field, kind)
#define TYPE(type, kind) __builtin_preserve_type_info(*(type *)0, kind)
#if __clang_major__ > 14
#define MATCHES(type) TYPE(type, 2)
#else
#define MATCHES(type) TYPE(type, 0)
#endif
#define ENUM(type, value, kind) __builtin_preserve_enum_value(*(type *)value, kind)
#define READ(to, field) bpf_probe_read_kernel(&to, sizeof(to), &field)

struct task_struct {
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
	unsigned sched_reset_on_fork : 1;
	u32 start_time;
	struct list_head *tasks;
} CORE;
struct task_struct___gone { int not_there; struct { long deep[4]; } nor_this; } CORE;
struct nowhere { int x; } CORE;
union sigval { u64 sival_ptr; } CORE;
struct list_head { struct list_head *next, *prev; } CORE;
struct task_struct___short { int tgid; } CORE;
struct list_head___other { int next; } CORE;
enum bpf_map_type___v { BPF_MAP_TYPE_RINGBUF___v = 2, BPF_MAP_TYPE_NONE___v = 3, BPF_MAP_TYPE_HASH___v = 9 };
typedef int (*bpf_func_t)(void);
typedef u32 pid_t;
"""

PROGRAMS = {
    "reads": """
u64 seen[4];
SEC("raw_tp") int f(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader;

	READ(seen[0], task->tgid);
	READ(leader, task->group_leader);
	READ(seen[1], leader->tgid);
	READ(seen[2], leader->comm[1]);
	return EXISTS(task->comm[3]) + INFO(task->comm, 1) + INFO(task->tgid, 3);
}""",
    "bitfields": """
SEC("raw_tp") int f(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 value = 0;

	bpf_probe_read_kernel(&value, INFO(task->sched_reset_on_fork, 1) & 7,
				(void *)task + INFO(task->sched_reset_on_fork, 0));
	value <<= INFO(task->sched_reset_on_fork, 4);
	return value >> INFO(task->sched_reset_on_fork, 5) | INFO(task->sched_reset_on_fork, 3);
}""",
    "guards": """
SEC("raw_tp") int f(void *ctx)
{
	struct task_struct___gone *task = (void *)bpf_get_current_task();
	struct nowhere *nowhere = (void *)task;
	u64 value = 0;

	if (EXISTS(task->not_there))
		READ(value, task->not_there);
	if (EXISTS(task->nor_this.deep[2]))
		value += INFO(task->nor_this.deep[2], 0);
	if (EXISTS(nowhere->x))
		READ(value, nowhere[2].x);
	if (ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_NONE___v, 0))
		value += ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_NONE___v, 1);
	return value;
}""",
    "types": """
SEC("raw_tp") int f(void *ctx)
{
	u64 value = TYPE(struct task_struct, 1) * 3 + MATCHES(struct task_struct___short) * 5 + TYPE(struct nowhere, 0) * 7
		+ MATCHES(struct list_head___other) * 11 + MATCHES(struct list_head) * 13 + TYPE(union sigval, 1)
		+ TYPE(bpf_func_t, 0) * 17 + TYPE(pid_t, 0) * 19 + MATCHES(pid_t) * 23 + TYPE(struct nowhere, 1);

	return value + __builtin_btf_type_id(*(struct list_head *)0, 1) + __builtin_btf_type_id(*(struct nowhere *)0, 1);
}""",
    "enumerators": """
SEC("raw_tp") int f(void *ctx)
{
	return ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_RINGBUF___v, 1) * 3 + ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_RINGBUF___v, 0)
		+ ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_HASH___v, 1) * 1000;
}""",
    "loads": """
u64 seen;
static __attribute__((noinline)) int inner(struct task_struct *task) { return task->group_leader->tgid; }
SEC("tp_btf/sched_switch") int f(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	seen = task->start_time; /* u32 here, u64 there */
	return task->comm[2] + task->group_leader->group_leader->tgid + ((struct task_struct___short *)task)->tgid;
}""",
}


def source(case: str) -> str:
    return CORE + PROGRAMS[case]


@pytest.fixture
def pins() -> Iterator[Path]:
    root = Path("/sys/fs/bpf")
    if not os.path.ismount(root):
        subprocess.run(["mount", "-t", "bpf", "bpf", str(root)], check=True)
    place = root / f"btfkit-core-{os.getpid()}"
    yield place
    place.unlink(missing_ok=True)


def xlated(tmp_path: Path, *what: str) -> bytes:
    out = tmp_path / "xlated"
    command = [need_tool("bpftool"), "prog", "dump", "xlated", *what, "file", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def without_maps(code: bytes) -> bytes:
    """The kernel has put the addresses of maps' values into it."""
    out = bytearray(code)
    for pos in range(0, len(code) - 8, 8):
        if code[pos] == 0x18 and code[pos + 1] >> 4:
            out[pos + 4 : pos + 8] = out[pos + 12 : pos + 16] = bytes(4)
    return bytes(out)


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14"])
@pytest.mark.parametrize("case", PROGRAMS)
def test_as_libbpf_relocates_it(tmp_path: Path, pins: Path, case: str, compiler: str) -> None:
    path = compile_c(tmp_path, source(case), compiler)
    done = subprocess.run(
        [need_tool("bpftool"), "prog", "load", str(path), str(pins)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs = xlated(tmp_path, "pinned", str(pins))
    with api.open(path).load() as bpf:
        ours = xlated(tmp_path, "id", str(bpf.programs["f"].info.id))
    assert without_maps(ours) == without_maps(theirs)


def test_it_reads_what_is_there(tmp_path: Path) -> None:
    with build(tmp_path, source("reads")).load() as bpf:
        result = bpf.programs["f"].test_run(ctx=bytes(8))
        assert result.retval == 1 + 16 + 1
        seen = list(bpf.variables["seen"].value)
    assert (seen[0] & 0xFFFF_FFFF, seen[1] & 0xFFFF_FFFF) == (os.getpid(), os.getpid())


def test_enumerators_and_types_are_the_kernels(tmp_path: Path) -> None:
    with build(tmp_path, source("enumerators")).load() as bpf:
        assert bpf.programs["f"].test_run(ctx=bytes(8)).retval == 27 * 3 + 1 + 1000
    with build(tmp_path, source("guards")).load() as bpf:
        assert bpf.programs["f"].test_run(ctx=bytes(8)).retval == 0


# -- what is missing ----------------------------------------------------------------------------------------------

UNGUARDED = {
    "field": (
        """SEC("raw_tp") int f(void *ctx)
        {
            struct task_struct___gone *task = (void *)bpf_get_current_task();
            return INFO(task->nor_this.deep[1], 0);
        }""",
        r"needs field 'nor_this.deep\[1\]' of 'struct task_struct', which this kernel does not have \(CO-RE, insn \d+\)",
    ),
    "type": (
        'SEC("raw_tp") int f(struct nowhere *p) { return p->x; }',
        r"needs 'struct nowhere', which this kernel does not have \(CO-RE, insn 0\)",
    ),
    "enumerator": (
        'SEC("raw_tp") int f(void *p) { return ENUM(enum bpf_map_type___v, BPF_MAP_TYPE_NONE___v, 1); }',
        r"needs enumerator 'BPF_MAP_TYPE_NONE___v' of 'enum bpf_map_type', which this kernel does not have",
    ),
    "size": (
        """struct task_struct___size { int start_time; } CORE;
        SEC("tp_btf/sched_switch") int f(u64 *ctx) { return ((struct task_struct___size *)ctx[1])->start_time; }""",
        r"task_struct___size.start_time has 8 bytes in this kernel, 4 in the object",
    ),
}


@pytest.mark.parametrize("case", UNGUARDED)
def test_what_the_kernel_lacks_is_named(tmp_path: Path, case: str) -> None:
    text, want = UNGUARDED[case]
    obj = build(tmp_path, CORE + text)
    with pytest.raises(LoadError, match=want) as caught:
        obj.load()
    assert caught.value.errno == errno.EINVAL
    assert caught.value.thing == "program 'f'"
    assert "unknown#195896080" in caught.value.log


def test_only_programs_that_are_loaded_are_relocated(tmp_path: Path) -> None:
    text = """struct nowhere___2 { int x[1 << 20]; } CORE;
    SEC("?raw_tp") int off(struct nowhere *p) { return p->x; }
    SEC("raw_tp") int on(void *p) { return 3; }"""
    with build(tmp_path, CORE + text).load() as bpf:
        assert [*bpf.programs] == ["on"]


# -- types that are given -----------------------------------------------------------------------------------------


def other_kernel() -> Btf:
    """Where task_struct is another one, with what this kernel has not."""
    fields = (t.Member("not_there", 1, 32), t.Member("tgid", 1, 64))
    return Btf([t.Int("int", 4), t.Struct("task_struct", 12, fields)])


GIVEN = """SEC("raw_tp") int f(void *ctx)
{
	struct task_struct___gone *task = 0;
	return EXISTS(task->not_there) + INFO(task->not_there, 0) + (EXISTS(task->nor_this) ? INFO(task->nor_this, 1) : 0);
}"""


def test_types_that_are_given(tmp_path: Path) -> None:
    obj = build(tmp_path, CORE + GIVEN)
    with load(obj, btf=other_kernel()) as bpf:
        assert bpf.programs["f"].test_run(ctx=bytes(8)).retval == 1 + 4
    with pytest.raises(LoadError, match="which this kernel does not have"):
        obj.load()
    nothing = Btf([t.Int("int", 4)])
    with pytest.raises(LoadError, match="needs 'struct task_struct', which the given BTF does not have"):
        load(obj, btf=nothing)


def test_modules_are_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module's types, as the kernel shows them: split BTF on its own."""
    module = Btf([t.Struct("nowhere", 64, (t.Member("x", 1, 320),))], base=kernel.vmlinux_btf())
    for name, data in (("vmlinux", b""), ("unreadable", None), ("mod", encode_btf(module))):
        if data is not None:
            (tmp_path / name).write_bytes(data)
        else:
            (tmp_path / name).mkdir()
    obj = build(tmp_path.parent, CORE + 'SEC("raw_tp") int f(struct nowhere *p) { return INFO(p->x, 0); }')
    monkeypatch.setattr(kernel, "BTF_FOLDER", str(tmp_path))
    with obj.load() as bpf:
        assert bpf.programs["f"].test_run(ctx=bytes(8)).retval == 40


def test_first_use_looks_at_few_types() -> None:
    """A handful of relocations decodes a handful of the kernel's types."""
    vmlinux = decode_btf(kernel_btf())
    local = Btf([t.Int("int", 4), t.Struct("task_struct", 4, (t.Member("tgid", 1, 0),))])
    assert resolve_core(local, [CoreRelo(0, 2, "0:0", 0)], vmlinux)[0].number > 0
    assert isinstance(vmlinux.types, RawTypes)
    assert len(vmlinux.types._cache) < 100 < len(vmlinux)


def test_plans_show_them(tmp_path: Path) -> None:
    obj = build(tmp_path, CORE + GIVEN)
    text = str(make_plan(obj))
    assert re.search(r"  insn \d: CO-RE: task_struct___gone.not_there field_exists\n", text)
    text = str(make_plan(obj, btf=other_kernel()))
    assert "CO-RE: task_struct___gone.not_there byte_off = 4\n" in text
    assert "byte_sz: needs field 'nor_this' of 'struct task_struct', which the given BTF does not have\n" in text
    (program,) = plan_to_json(make_plan(obj))["programs"]
    assert "task_struct___gone.not_there field_exists" in [core["text"] for core in program["core"]]
