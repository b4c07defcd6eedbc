"""Programs of many kinds, really loaded and run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kernel.load_support import PACKET, bpftool, bpftool_text
from tests.unit.load.programs import COMPILERS, build, compile_c

import btfkit
from btfkit.errors import LoadError
from btfkit.load.linux import LoadedProgram
from btfkit.load.linux.uapi import ProgType

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

CLANGS = ["clang-22", "clang-14"]

KINDS = """
SEC("socket") int socket_(struct __sk_buff *skb) { return skb->len; }
SEC("tc") int tc_(struct __sk_buff *skb) { skb->mark = 7; return TC_ACT_UNSPEC; }
SEC("xdp") int xdp_(struct xdp_md *ctx)
{
	char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return data + 14 > end ? XDP_ABORTED : data[12] == 8 ? XDP_DROP : XDP_TX;
}
SEC("cgroup_skb/egress") int egress(struct __sk_buff *skb) { return skb->len > 10; }
SEC("cgroup_skb/ingress") int ingress(struct __sk_buff *skb) { return 0; }
SEC("syscall") int syscall_(void *ctx) { return 0x1234; }
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_kinds_run(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, KINDS, compiler).load() as bpf:
        runs = {name: bpf.programs[name].test_run(PACKET) for name in bpf.programs if name != "syscall_"}
        assert {name: run.retval for name, run in runs.items()} == {
            "socket_": len(PACKET) - 14,
            "tc_": -1,
            "xdp_": 1,
            "egress": 1,
            "ingress": 0,
        }
        assert bpf.programs["syscall_"].test_run().retval == 0x1234
        out = bpf.programs["tc_"].test_run(PACKET, ctx={"mark": 3, **_skb_rest(bpf.programs["tc_"])})
        assert out.ctx.mark == 7
        assert runs["xdp_"].duration >= 0


def _skb_rest(program: LoadedProgram) -> dict[str, object]:
    """All other members of the context, as zeros."""
    codec = program.ctx_codec()
    assert codec is not None
    return {name: value for name, value in codec.unpack(bytes(codec.size))._asdict().items() if name != "mark"}


MANY_TYPES = """
SEC("raw_tp/sys_enter") int raw(void *ctx) { return 0; }
SEC("tp/sched/sched_switch") int tracepoint(void *ctx) { return 0; }
SEC("kprobe/do_exit") int kprobe(void *ctx) { return 0; }
SEC("uprobe.s//bin/sh:main") int uprobe(void *ctx) { return 0; }
SEC("perf_event") int perf(void *ctx) { return 0; }
SEC("tcx/ingress") int tcx(struct __sk_buff *skb) { return 0; }
SEC("action") int act(struct __sk_buff *skb) { return 0; }
SEC("xdp.frags") int frags(struct xdp_md *ctx) { return 2; }
SEC("cgroup/connect4") int connect4(void *ctx) { return 1; }
SEC("cgroup/sock") int sock(void *ctx) { return 1; }
SEC("cgroup/dev") int dev(void *ctx) { return 1; }
SEC("cgroup/sysctl") int sysctl(void *ctx) { return 1; }
SEC("cgroup/getsockopt") int getsockopt(void *ctx) { return 1; }
SEC("sockops") int ops(void *ctx) { return 1; }
SEC("sk_skb/stream_verdict") int verdict(struct __sk_buff *skb) { return 1; }
SEC("sk_msg") int msg(void *ctx) { return 1; }
SEC("lwt_xmit") int lwt(struct __sk_buff *skb) { return 0; }
SEC("flow_dissector") int dissector(struct __sk_buff *skb) { return 0; }
SEC("sk_lookup") int lookup(void *ctx) { return 1; }
SEC("netfilter") int nf(void *ctx) { return 1; }
SEC("tp_btf/sched_switch") int tp_btf(void *ctx) { return 0; }
SEC("iter/task") int iter(void *ctx) { return 0; }
"""


def test_many_types_load(tmp_path: Path) -> None:
    with build(tmp_path, MANY_TYPES).load() as bpf:
        types = {name: ProgType(program.info.type) for name, program in bpf.programs.items()}
        assert types["raw"] is ProgType.RAW_TRACEPOINT
        assert types["nf"] is ProgType.NETFILTER
        assert types["iter"] is ProgType.TRACING
        assert len(types) == 22
        assert bpf.programs["iter"].info.attach_btf_id
        assert bpf.programs["tp_btf"].info.attach_btf_id


SUBPROGRAMS = """
int weight = 3;
static __noinline int deep(int x) { return x * weight; }
__noinline int shared(int x) { return deep(x) + 1; }
static __noinline int only_b(int x) { return shared(x) + deep(x); }
SEC("socket") int a(struct __sk_buff *skb) { return shared(skb->len); }
SEC("socket") int b(struct __sk_buff *skb) { return only_b(skb->len) + shared(2); }
SEC("xdp") static __noinline int beside(int x) { return x * weight; }
SEC("xdp") int c(struct xdp_md *ctx) { return beside(ctx->data_end - ctx->data); }
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_subprograms(tmp_path: Path, compiler: str) -> None:
    length = len(PACKET) - 14
    with build(tmp_path, SUBPROGRAMS, compiler).load() as bpf:
        assert bpf.warnings == []
        assert bpf.programs["a"].test_run(PACKET).retval == length * 3 + 1
        assert bpf.programs["b"].test_run(PACKET).retval == length * 6 + 8
        assert bpf.programs["c"].test_run(PACKET).retval == len(PACKET) * 3
        bpf.variables["weight"].value = 4
        assert bpf.programs["a"].test_run(PACKET).retval == length * 4 + 1
        info = bpf.programs["b"].info
        assert info.nr_func_info == 4
        text = bpf_text = bpftool_text("prog", "dump", "xlated", "id", str(info.id))
        for name in ("int b(struct __sk_buff * skb)", "int only_b(int x)", "int shared(int x)", "int deep(int x)"):
            assert name in text, bpf_text


CALLBACK = """
struct state { u64 sum; u32 limit; };
static int step(u32 i, struct state *state) { if (i >= state->limit) return 1; state->sum += i; return 0; }
SEC("syscall") int run(struct state *ctx)
{
	struct state state = { .limit = ctx->limit };
	int n = bpf_loop(1000, step, &state, 0);

	ctx->sum = state.sum;
	return n;
}
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_callback(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, CALLBACK, compiler).load() as bpf:
        result = bpf.programs["run"].test_run(ctx={"sum": 0, "limit": 10})
        assert (result.retval, result.ctx.sum) == (11, 45)


def test_a_hundred_functions(tmp_path: Path) -> None:
    functions = "\n".join(
        f"static __noinline int f{i}(int x) {{ return x + bpf_get_smp_processor_id() * 0 + {i}; }}" for i in range(100)
    )
    calls = " + ".join(f"f{i}(0)" for i in range(100))
    source = f'{functions}\nSEC("socket") int all(struct __sk_buff *skb) {{ return {calls}; }}'
    with build(tmp_path, source).load() as bpf:
        assert bpf.programs["all"].test_run(PACKET).retval == sum(range(100))
        assert len(bpf.programs["all"].plan.functions) == 101


DATA = """
int in_data = 5;
long in_bss;
const volatile int constant = 7;
static volatile u16 hidden = 9;
SEC(".data.own") int own = 1;
SEC("custom") int made = 2;
struct pair { char name[8]; u32 number; } pair = { "abc", 4 };
SEC("socket") int f(struct __sk_buff *skb)
{
	static int calls = 40;

	in_bss += 2;
	pair.number++;
	return in_data + in_bss + constant + hidden + own + made + ++calls;
}
SEC("tc") int g(struct __sk_buff *skb)
{
	static int calls;

	return ++calls;
}
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_variables(tmp_path: Path, compiler: str) -> None:
    obj = build(tmp_path, DATA, compiler)
    with obj.load() as bpf:
        f = bpf.programs["f"]
        assert f.test_run(PACKET).retval == 5 + 2 + 7 + 9 + 1 + 2 + 41
        values = bpf.variables
        assert values["in_bss"].value == 2
        assert values["f.calls"].value == 41
        assert (values["pair"].value.name, values["pair"].value.number) == ("abc", 5)
        assert values["hidden"].value == 9
        with pytest.raises(btfkit.AmbiguousTypeError, match=r"there are 2 variables 'calls': f\.calls, g\.calls"):
            values["calls"]
        values["own"].value = 100
        values["made"].value = 200
        values["hidden"].value = 0
        values["pair"].value = {"name": "xy", "number": 0}
        assert f.test_run(PACKET).retval == 5 + 4 + 7 + 0 + 100 + 200 + 42
        assert values["pair"].value == ("xy", 1)
        with pytest.raises(LoadError, match="variable 'constant': is constant"):
            values["constant"].value = 8
        with pytest.raises(btfkit.ValueTypeError, match="hidden: 65536 does not fit"):
            values["hidden"].value = 65536
        assert bpf.maps[".data"][0].in_data == 5
    started = {"constant": 1000, "in_data": 0, "g.calls": 7}
    with obj.load(variables=started) as bpf:
        assert bpf.programs["f"].test_run(PACKET).retval == 0 + 2 + 1000 + 9 + 1 + 2 + 41
        assert bpf.programs["g"].test_run(PACKET).retval == 8
        assert bpf.variables["constant"].value == 1000
    with obj.load() as bpf:  # and the object is as it was
        assert bpf.variables["constant"].value == 7
    with pytest.raises(btfkit.TypeNotFoundError, match=r"there is no variable 'constnt' \(near: constant\)"):
        obj.load(variables={"constnt": 1})


LITERALS = """
char copy[64];
SEC("syscall") int f(void *ctx)
{
	static const int table[4] = { 10, 20, 30, 40 };
	int i = bpf_get_smp_processor_id() & 3;

	bpf_probe_read_kernel_str(copy, sizeof(copy), "a literal of a section of its own");
	return table[i];
}
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_literals(tmp_path: Path, compiler: str) -> None:
    source = LITERALS.replace("bpf_probe_read_kernel_str", "((long (*)(void *, u32, const void *))115)")
    obj = build(tmp_path, source, compiler)
    assert ".rodata.str1.1" in [m.name for m in obj.plan().maps]
    with obj.load() as bpf:
        assert bpf.programs["f"].test_run().retval in (10, 20, 30, 40)
        assert bpf.variables["copy"].value == "a literal of a section of its own"


EXTERNS = """
extern int CONFIG_HZ __attribute__((section(".kconfig")));
extern char CONFIG_DEFAULT_HOSTNAME[16] __attribute__((section(".kconfig"), weak));
extern u32 LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern bool CONFIG_BPF_SYSCALL __attribute__((section(".kconfig")));
extern bool CONFIG_NOT_THERE __attribute__((section(".kconfig"), weak));
extern const void bpf_prog_put __attribute__((section(".ksyms")));
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern void bpf_rcu_read_unlock(void) __attribute__((section(".ksyms")));
extern void no_such_kfunc(void) __attribute__((section(".ksyms"), weak));
u64 address;
int hz, version, syscall_on, absent, length;
SEC("tc") int f(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	hz = CONFIG_HZ;
	version = LINUX_KERNEL_VERSION;
	syscall_on = CONFIG_BPF_SYSCALL;
	absent = CONFIG_NOT_THERE;
	length = CONFIG_DEFAULT_HOSTNAME[0];
	address = (u64)&bpf_prog_put;
	bpf_rcu_read_unlock();
	if (no_such_kfunc)
		no_such_kfunc();
	return 0;
}
"""


@pytest.mark.parametrize("compiler", CLANGS)
def test_kernel_externs(tmp_path: Path, compiler: str) -> None:
    with build(tmp_path, EXTERNS, compiler).load() as bpf:
        assert bpf.warnings == []
        assert bpf.programs["f"].test_run(PACKET).retval == 0
        values = {name: bpf.variables[name].value for name in ("hz", "version", "syscall_on", "absent")}
        assert values["hz"] in (100, 250, 300, 1000)
        assert values["version"] >> 16 >= 4
        assert (values["syscall_on"], values["absent"]) == (1, 0)
        assert bpf.variables["address"].value
        assert bpf.variables["LINUX_KERNEL_VERSION"].value == values["version"]
        assert bpf.variables["CONFIG_BPF_SYSCALL"].value is True


def test_named_programs_only(tmp_path: Path) -> None:
    source = """
    SEC("xdp") int a(struct xdp_md *c) { return 1; }
    SEC("xdp") int b(struct xdp_md *c) { return 2; }
    SEC("?xdp") int c(struct xdp_md *c) { return 3; }
    SEC("nothing") int d(struct xdp_md *c) { return 0; }
    """
    obj = build(tmp_path, source)
    with pytest.raises(LoadError, match="program 'd': section 'nothing' names no program type"):
        obj.load()
    with obj.load(skip_unknown=True) as bpf:
        assert list(bpf.programs) == ["a", "b"]
    with obj.load(programs=["b", "c"]) as bpf:
        assert {name: bpf.programs[name].test_run(PACKET).retval for name in bpf.programs} == {"b": 2, "c": 3}
    with obj.load(programs=[]) as bpf:
        assert len(bpf.programs) == 0
    with obj.load(programs="d", types={"nothing": "xdp"}) as bpf:
        assert bpf.programs.d.test_run(PACKET).retval == 0
    with pytest.raises(btfkit.TypeNotFoundError, match="there is no program 'e'"):
        obj.load(programs=["e"])


def test_verifier_log_on_request(tmp_path: Path) -> None:
    with build(tmp_path, 'SEC("xdp") int a(struct xdp_md *c) { return 1; }').load(log_level=2) as bpf:
        assert "processed 2 insns" in bpf.programs["a"].log


def test_stripped_of_all_btf(tmp_path: Path) -> None:
    """Without a word of BTF code still loads; maps and data are bytes."""
    source = """
    struct bpf_map_def SEC("maps") counts = { .type = 1, .key_size = 4, .value_size = 8, .max_entries = 4 };
    int calls;
    static __noinline int twice(int x) { return 2 * x; }
    SEC("socket") int f(struct __sk_buff *skb)
    {
        u32 key = 1; u64 value = 5;
        bpf_map_update_elem(&counts, &key, &value, 0);
        return twice(++calls);
    }
    """
    path = compile_c(tmp_path, source, "clang-22", "-g0")
    with btfkit.open(path).load() as bpf:
        assert bpf.programs["f"].test_run(PACKET).retval == 2
        assert dict(bpf.maps["counts"]) == {b"\1\0\0\0": b"\5" + bytes(7)}
        assert bpf.variables["calls"].value == b"\1\0\0\0"
        assert "btf_id" not in bpftool("map", "show", "id", str(bpf.maps["counts"].info.id))
