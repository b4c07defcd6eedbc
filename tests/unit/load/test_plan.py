"""Plans: pure data, no kernel."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.unit.load.programs import COMPILERS, FLOWS, build, compile_c

from btfkit import api
from btfkit.errors import LoadError, TypeNotFoundError
from btfkit.format.insn import OP_CALL, OP_LD_IMM64, Insn, decode_insn
from btfkit.load.linux.uapi import MapFlags, MapType, ProgType
from btfkit.load.plan import LoadPlan, ProgramPlan, Reloc, RelocKind, format_plan, make_plan, plan_to_json
from btfkit.load.plan_maps import data_map_name


def program(plan: LoadPlan, name: str) -> ProgramPlan:
    return next(p for p in plan.programs if p.name == name)


def insns(plan: LoadPlan, name: str) -> list[Insn]:
    data = program(plan, name).insns
    return [decode_insn(data, pos, plan.byte_order) for pos in range(0, len(data), 8)]


def relocs(plan: LoadPlan, name: str) -> list[tuple[RelocKind, str, int]]:
    return [(r.kind, r.name, r.off) for r in program(plan, name).relocs]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_flows(tmp_path: Path, compiler: str) -> None:
    plan = build(tmp_path, FLOWS, compiler).plan()
    flows, bss = plan.maps
    assert (flows.name, flows.type, flows.key_size, flows.value_size, flows.max_entries) == ("flows", 1, 12, 8, 1024)
    assert (bss.name, bss.kernel_name, bss.value_size, bss.data, bss.frozen) == (".bss", "flows.bss", 4, b"", False)
    count = program(plan, "count")
    assert (count.prog_type, count.section, count.problems) == (ProgType.XDP, "xdp", [])
    assert [r.kind for r in count.relocs] == [RelocKind.MAP_VALUE, RelocKind.MAP_FD, RelocKind.MAP_FD]
    for reloc in count.relocs:
        first = decode_insn(count.insns, reloc.insn_idx * 8, "little")
        assert (first.code, first.imm) == (OP_LD_IMM64, 0)
        assert first.src == (1 if reloc.kind is RelocKind.MAP_FD else 2)
    assert [f.name for f in count.functions] == ["count"]
    assert [(idx, plan.btf.instance(inst).name) for idx, inst in count.func_info] == [(0, "count")]
    assert [plan.btf.instance(r.inst_id).name for r in count.map_info] == ["flows"]
    if compiler != "bpf-gcc":  # which tells nothing of static locals, and of no lines
        assert [(v.qualified_name, v.map, v.off, v.size) for v in plan.variables] == [("count.calls", 1, 0, 4)]
        assert [(r.map, r.off, plan.btf.instance(r.inst_id).name) for r in count.var_info] == [(1, 0, "calls")]
        assert count.line_info[0].insn_idx == 0
        assert any("static" not in r.line and "__sync_fetch_and_add(&calls" in r.line for r in count.line_info)
    else:
        assert [(v.symbol, v.name, v.type_id, v.size) for v in plan.variables] == [("calls.0", "calls", 0, 4)]


def test_text_and_json(tmp_path: Path) -> None:
    plan = build(tmp_path, FLOWS).plan()
    text = format_plan(plan)
    assert str(plan) == text
    for line in (
        "  0 flows: hash, key struct flow 12 bytes, value u64 8 bytes, 1024 entries",
        "  1 .bss: array, key 4 bytes, value 4 bytes, 1 entries, data, called flows.bss in the kernel",
        "ld_imm64 map_fd(flows)",
        "ld_imm64 map_value(.bss + 0x0)",
        "func_info insn 0: instance 1 count",
        "  count.calls: u32, 4 bytes at .bss+0x0",
    ):
        assert line in text
    out = json.loads(json.dumps(plan_to_json(plan)))
    assert out["maps"][0]["key_type"] == "struct flow"
    assert out["programs"][0]["type"] == "xdp"
    assert bytes.fromhex(out["programs"][0]["insns"]) == plan.programs[0].insns
    assert out["variables"] == [{"name": "count.calls", "map": 1, "off": 0, "size": 4, "type": "u32", "inst_id": 3}]


def test_big_endian_is_the_same_plan(tmp_path: Path) -> None:
    little = build(tmp_path, FLOWS).plan()
    big = api.open(compile_c(tmp_path, FLOWS, "clang-22", "-target", "bpfeb")).plan()
    assert big.byte_order == "big"
    assert [m.key_size for m in big.maps] == [m.key_size for m in little.maps]
    assert [r.kind for r in big.programs[0].relocs] == [r.kind for r in little.programs[0].relocs]
    for reloc in big.programs[0].relocs:
        assert decode_insn(big.programs[0].insns, reloc.insn_idx * 8, "big").src in (1, 2)


SUBPROGRAMS = """
static __noinline int deep(int x) { return x * bpf_get_prandom_u32(); }
__noinline int shared(int x) { return deep(x) + 1; }
static __noinline int only_b(int x) { return shared(x) + deep(x); }
__noinline int unused(int x) { return x; }
SEC("socket") int a(struct __sk_buff *skb) { return shared(skb->len); }
SEC("socket") int b(struct __sk_buff *skb) { return only_b(skb->len) + shared(2); }
SEC("xdp") static __noinline int beside(int x) { return x + bpf_get_prandom_u32(); }
SEC("xdp") int c(struct xdp_md *ctx) { return beside(1) + 1; }
SEC("tc") int d(struct __sk_buff *skb) { return 0; }
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_subprograms(tmp_path: Path, compiler: str) -> None:
    plan = build(tmp_path, SUBPROGRAMS, compiler).plan()
    assert [p.name for p in plan.programs] == ["a", "b", "c", "d"]
    assert all(p.problems == [] for p in plan.programs)
    # appended where first called, and then what that calls, as libbpf has it
    assert [f.name for f in program(plan, "a").functions] == ["a", "shared", "deep"]
    assert {f.name for f in program(plan, "b").functions} == {"b", "only_b", "shared", "deep"}
    assert [f.name for f in program(plan, "c").functions] == ["c", "beside"]
    for prog in plan.programs:
        starts = {f.insn_idx: f.name for f in prog.functions}
        assert [idx for idx, _ in prog.func_info] == list(starts)
        assert [plan.btf.instance(inst).name for _, inst in prog.func_info] == list(starts.values())
        if compiler != "bpf-gcc":
            assert set(starts) <= {r.insn_idx for r in prog.line_info}
            idxs = [r.insn_idx for r in prog.line_info]
            assert idxs == sorted(set(idxs))
        calls = [(i, insn) for i, insn in enumerate(insns(plan, prog.name)) if insn.code == OP_CALL and insn.src == 1]
        assert [i + 1 + insn.imm for i, insn in calls] == [r.off for r in prog.relocs if r.kind is RelocKind.CALL]
        assert all(i + 1 + insn.imm in starts for i, insn in calls)


CALLBACK = """
static __noinline int step(u32 i, u64 *sum) { *sum += i; return 0; }
SEC("syscall") int run(void *ctx) { u64 sum = 0; bpf_loop(10, step, &sum, 0); return sum; }
"""


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14"])
def test_callback(tmp_path: Path, compiler: str) -> None:
    plan = build(tmp_path, CALLBACK, compiler).plan()
    run = program(plan, "run")
    (func,) = [r for r in run.relocs if r.kind is RelocKind.FUNC]
    load = decode_insn(run.insns, func.insn_idx * 8, "little")
    assert (load.src, func.insn_idx + 1 + load.imm) == (4, func.off)
    assert [f.name for f in run.functions] == ["run", "step"]


DATA = """
int in_data = 5;
int in_bss;
const volatile int constant = 7;
static volatile int hidden_data = 9;
SEC(".data.own") int own = 1;
SEC("custom") int made = 2;
struct big { u64 a[3]; };
SEC("socket") int f(struct __sk_buff *skb)
{
	static int calls;
	static const char *volatile text;
	char fmt[] = "a longer text that goes to a section of its own";

	text = "literal";
	bpf_trace_printk("%d of a text", 13, calls++);
	bpf_trace_printk(fmt, sizeof(fmt));
	return in_data + ++in_bss + constant + hidden_data++ + own + made;
}
SEC("tc") int g(struct __sk_buff *skb)
{
	static int calls;

	return ++calls;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_data(tmp_path: Path, compiler: str) -> None:
    obj = build(tmp_path, DATA, compiler)
    plan = obj.plan()
    assert all(p.problems == [] for p in plan.programs)
    maps = {m.name: m for m in plan.maps}
    assert {".data", ".bss", ".data.own", "custom"} <= set(maps)
    assert (".rodata" in maps) == (compiler != "bpf-gcc")  # which puts what is const and volatile into .data
    for name, map_ in maps.items():
        section = obj.elf.section(name)
        assert section is not None
        assert (map_.type, map_.key_size, map_.max_entries, map_.value_size) == (MapType.ARRAY, 4, 1, section.size)
        assert map_.frozen == name.startswith(".rodata")
        assert bool(map_.flags & MapFlags.RDONLY_PROG) == map_.frozen
    assert maps[".data.own"].kernel_name == ".data.own"
    assert maps[".data"].kernel_name == "prog.data"
    assert maps[".data.own"].flags & MapFlags.MMAPABLE
    by_name = {v.symbol: v for v in plan.variables}
    own = by_name["own"]
    assert struct.unpack_from("<i", plan.maps[own.map].data or b"", own.off) == (1,)
    if compiler != "bpf-gcc":
        assert {"f.calls", "g.calls"} <= set(by_name)
        assert [v.qualified_name for v in plan.variables if v.name == "calls"] == ["f.calls", "g.calls"]
    places = {(r.name, r.off) for r in program(plan, "f").relocs if r.kind is RelocKind.MAP_VALUE}
    assert ("custom", 0) in places
    assert any(name.startswith(".rodata") for name, _ in places)


@pytest.mark.parametrize(
    ("section", "want"),
    [
        (".bss", "my_objec.bss"),
        (".rodata", "my_objec.rodata"),
        (".data", "my_objec.data"),
        (".data.own", ".data.own"),
        (".rodata.str1.1", ".rodata.str1.1"),
        (".rodata.cst16.and.more", ".rodata.cst16.a"),
        ("custom", "my_objeccustom"),
        (".kconfig", "my_obje.kconfig"),
    ],
)
def test_names_of_data_maps(section: str, want: str) -> None:
    assert data_map_name("my_object", section) == want


MAP_KINDS = """
struct pair { u32 a; u16 b; };
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 3); __type(key, u32); __type(value, struct pair); };
struct inner one SEC(".maps"), two SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &one, [3] = &two } };
int tail(struct __sk_buff *skb);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4);
	__array(values, int (struct __sk_buff *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&tail } };
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 9); __type(key, struct pair); __type(value, u64);
	__uint(map_flags, BPF_F_NO_COMMON_LRU); __uint(pinning, LIBBPF_PIN_BY_NAME);
} attributes SEC(".maps");
SEC("socket") int tail(struct __sk_buff *skb) { return 3; }
SEC("socket") int entry(struct __sk_buff *skb) { bpf_tail_call(skb, &jumps, 1); return 0; }
"""


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14"])
def test_map_kinds(tmp_path: Path, compiler: str) -> None:
    plan = build(tmp_path, MAP_KINDS, compiler).plan()
    maps = {m.name: m for m in plan.maps}
    names = [m.name for m in plan.maps]
    outer = maps["outer"]
    assert [(v.element, names[v.map]) for v in outer.values] == [(1, "one"), (3, "two")]
    assert outer.inner is not None
    assert (outer.inner.type, outer.inner.max_entries, outer.inner.value_size) == (MapType.ARRAY, 3, 8)
    assert [(v.element, v.program) for v in maps["jumps"].values] == [(1, "tail")]
    attributes = maps["attributes"]
    assert (attributes.type, attributes.flags, attributes.pinning) == (MapType.LRU_HASH, 2, 1)
    assert relocs(plan, "entry") == [(RelocKind.MAP_FD, "jumps", 0)]
    text = format_plan(plan)
    assert "[1] = map one" in text
    assert "[1] = program tail" in text
    assert "each: outer.inner: array" in text


EXTERNS = """
extern int CONFIG_HZ __attribute__((section(".kconfig")));
extern unsigned LINUX_KERNEL_VERSION __attribute__((section(".kconfig")));
extern bool CONFIG_NOT_THERE __attribute__((section(".kconfig"), weak));
extern const void bpf_prog_put __attribute__((section(".ksyms")));
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern void bpf_rcu_read_unlock(void) __attribute__((section(".ksyms"), weak));
SEC("tc") int f(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return CONFIG_HZ + LINUX_KERNEL_VERSION + CONFIG_NOT_THERE + ((u64)&bpf_prog_put >> 32);
}
"""


@pytest.mark.parametrize("compiler", ["clang-22", "clang-14"])
def test_externs(tmp_path: Path, compiler: str) -> None:
    plan = build(tmp_path, EXTERNS, compiler).plan()
    (kconfig,) = plan.maps
    assert (kconfig.name, kconfig.kernel_name, kconfig.value_size, kconfig.frozen) == (
        ".kconfig",
        "prog.kconfig",
        9,
        True,
    )
    assert [(v.name, v.off, v.size) for v in kconfig.externs] == [
        ("CONFIG_HZ", 0, 4),
        ("LINUX_KERNEL_VERSION", 4, 4),
        ("CONFIG_NOT_THERE", 8, 1),
    ]
    f = program(plan, "f")
    assert f.problems == []
    by_name = {r.name: r for r in f.relocs}
    assert by_name["bpf_rcu_read_lock"] == Reloc(0, RelocKind.KFUNC, name="bpf_rcu_read_lock")
    assert by_name["bpf_rcu_read_unlock"].weak
    assert (by_name["bpf_prog_put"].kind, by_name["bpf_prog_put"].typed) == (RelocKind.KSYM, False)
    assert insns(plan, "f")[0].src == 2
    assert {v.name for v in plan.variables} == {"CONFIG_HZ", "LINUX_KERNEL_VERSION", "CONFIG_NOT_THERE"}


PROBLEMS: dict[str, tuple[str, str]] = {
    "unknown section": (
        'SEC("xdp_prog") int f(struct xdp_md *ctx) { return 2; }',
        r"section 'xdp_prog' names no program type \(near: xdp",
    ),
    "extern variable": (
        'extern int elsewhere; SEC("xdp") int f(struct xdp_md *ctx) { return elsewhere; }',
        "xdp\\+0x0 \\(f\\): needs the variable 'elsewhere', which is not defined here: link it first",
    ),
    "struct_ops": ('SEC("struct_ops/init") int f(void *x) { return 0; }', "is in no struct of operations"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problems_are_the_programs(tmp_path: Path, case: str) -> None:
    source, want = PROBLEMS[case]
    plan = build(tmp_path, source + '\nSEC("xdp") int fine(struct xdp_md *ctx) { return 2; }').plan()
    (problem,) = program(plan, "f").problems
    assert re.search(want, problem), problem
    assert program(plan, "fine").problems == []
    assert f"cannot be loaded: {problem}" in format_plan(plan)


def test_types_from_the_user(tmp_path: Path) -> None:
    obj = build(tmp_path, 'SEC("mine") int f(void *ctx) { return 0; } int g(void *ctx) { return 1; }')
    assert [p.name for p in obj.plan().programs] == ["f"]
    plan = obj.plan(types={"mine": "kprobe/do_exit", "g": "xdp"})
    assert {p.name: p.prog_type for p in plan.programs} == {"f": ProgType.KPROBE, "g": ProgType.XDP}
    assert program(plan, "f").target == "do_exit"
    with pytest.raises(TypeNotFoundError, match="there is no program or section 'h'"):
        obj.plan(types={"h": "xdp"})


def test_local_type_id(tmp_path: Path) -> None:
    plan = build(
        tmp_path,
        """struct mine { int a; };
        SEC("socket") int f(struct __sk_buff *skb)
        { return __builtin_btf_type_id(*(struct mine *)0, 0); }""",
    ).plan()
    f = program(plan, "f")
    assert f.problems == []
    type_id = plan.btf.find("mine")
    assert type_id in [insn.imm for insn in insns(plan, "f")]


def test_two_in_one_section_and_optional(tmp_path: Path) -> None:
    plan = build(
        tmp_path,
        """SEC("xdp") int a(struct xdp_md *c) { return 1; }
        SEC("xdp") int b(struct xdp_md *c) { return 2; }
        SEC("?xdp") int c(struct xdp_md *c) { return 3; }""",
    ).plan()
    assert [(p.name, p.autoload, insns(plan, p.name)[0].imm) for p in plan.programs] == [
        ("a", True, 1),
        ("b", True, 2),
        ("c", False, 3),
    ]


def test_pointers_in_data_are_told(tmp_path: Path) -> None:
    plan = build(
        tmp_path,
        """static int x = 1;
        int *volatile pointer = &x;
        SEC("socket") int f(struct __sk_buff *skb) { return pointer != 0; }""",
    ).plan()
    (warning,) = plan.warnings
    assert re.fullmatch(
        r"\.data\+0x[08] holds the address of something in '\.data', "
        "which no kernel can fill in: it stays a bare offset",
        warning,
    )


@pytest.mark.parametrize("form", ["proposed", "sidecar", "libbpf", "classic"])
def test_other_forms_give_the_same_plan(tmp_path: Path, form: str) -> None:
    obj = build(tmp_path, FLOWS)
    obj.write(tmp_path / "flows.o", form=form)
    other = plan_to_json(api.open(tmp_path / "flows.o").plan())
    want = plan_to_json(obj.plan())

    def essence(plan: dict[str, Any]) -> Any:
        return [{k: m[k] for k in ("name", "type", "key_size", "value_type")} for m in plan["maps"]], [
            (p["name"], p["insns"], p["functions"][0]["name"], len(p["line_info"])) for p in plan["programs"]
        ]

    assert essence(other) == essence(want)


def test_code_that_is_cut_off(tmp_path: Path) -> None:
    obj = build(tmp_path, FLOWS)
    section = obj.elf.section("xdp")
    assert section is not None
    section.data = section.data[:-4]
    with pytest.raises(LoadError, match="xdp: its 492 bytes are not whole instructions"):
        make_plan(obj)


def test_call_into_the_middle(tmp_path: Path) -> None:
    plan = build(
        tmp_path,
        """static __noinline int sub(int x) { return x * bpf_get_prandom_u32(); }
        SEC("socket") int f(struct __sk_buff *skb) { return sub(1); }""",
    )
    section = plan.elf.section("socket")
    assert section is not None
    data = bytearray(section.data)
    pos = next(p for p in range(0, len(data), 8) if data[p] == OP_CALL)
    data[pos + 4 : pos + 8] = struct.pack("<i", 1)
    section.data = bytes(data)
    (problem,) = plan.plan().programs[0].problems
    assert "where no function starts" in problem
