"""Every compiler there is compiles every example, and says what it has to say in our errors."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from tests.conftest import skip_or_fail

from btfkit.errors import SourceError
from btfkit.frontend.c import (
    INCLUDE_DIR,
    ByteOrder,
    Compiler,
    compile_c,
    find_compiler,
    list_compilers,
    run_compiler,
)

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*.c"))
NAMES = ("clang-22", "clang-14", "bpf-gcc", "ziglang")
EM_BPF = 247

EVERY_HEADER = """
#include <btfkit/bpf.h>
#include <btfkit/net.h>
_Static_assert(sizeof(struct __sk_buff) == 192, "__sk_buff");
_Static_assert(__builtin_offsetof(struct __sk_buff, flow_keys) == 144, "flow_keys");
_Static_assert(__builtin_offsetof(struct __sk_buff, hwtstamp) == 184, "hwtstamp");
_Static_assert(sizeof(struct xdp_md) == 24 && sizeof(struct bpf_map_def) == 20, "xdp_md, bpf_map_def");
_Static_assert(sizeof(struct ethhdr) == 14 && sizeof(struct vlan_hdr) == 4, "Ethernet");
_Static_assert(sizeof(struct iphdr) == 20 && sizeof(struct ipv6hdr) == 40, "IP");
_Static_assert(sizeof(struct tcphdr) == 20 && sizeof(struct udphdr) == 8, "TCP, UDP");
struct inner {
    __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64);
} inner SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &inner } };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); __ulong(map_extra, 7); } ring SEC(".maps");
static long each(u32 i, void *context) { *(u64 *)context += i; return 0; }
SEC("tc") int prog(struct __sk_buff *skb)
{
    u64 sum = 0, *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);
    bpf_loop(10, each, &sum, 0);
    bpf_printk("%d of %d", skb->len, (int)sum);
    bpf_printk("no values");
    if (event) {
        *event = bpf_ktime_get_ns() + bpf_get_prandom_u32();
        bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
    }
    return skb->protocol == bpf_htons(ETH_P_IP) ? TC_ACT_OK : TC_ACT_SHOT;
}
char _license[] SEC("license") = "GPL";
"""


@pytest.fixture(params=NAMES)
def compiler(request: pytest.FixtureRequest) -> Compiler:
    try:
        return find_compiler(request.param)
    except SourceError as error:
        skip_or_fail(str(error))


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fake(folder: Path, name: str, script: str) -> None:
    """Put a program into a directory."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def fake_clang(folder: Path, name: str, version: str, target: str = "bpfel") -> None:
    fake(folder, name, f'case "$1" in --version) echo "clang version {version}";; *) echo "    {target}  - it";; esac')


@pytest.mark.usefixtures("in_root")
@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(compiler: Compiler, example: str, byte_order: ByteOrder) -> None:
    made = run_compiler(example, compiler=compiler, byte_order=byte_order, extra_args=["-Wall", "-Wextra", "-nostdinc"])
    assert made.messages == ()
    elf = made.object
    assert elf[:6] == b"\x7fELF\x02" + (b"\x01" if byte_order == "little" else b"\x02")
    assert int.from_bytes(elf[16:18], byte_order) == 1  # ET_REL
    assert int.from_bytes(elf[18:20], byte_order) == EM_BPF
    assert b".BTF.ext\0" in elf
    assert b".eh_frame" not in elf
    if compiler.family != "gcc":  # GCC 12 makes no line information
        assert b"\0" + example.encode() + b"\0" in elf


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_headers_alone(compiler: Compiler, byte_order: ByteOrder, write: Path) -> None:
    (write / "all.c").write_text(EVERY_HEADER)
    made = run_compiler(
        "all.c",
        compiler=compiler,
        byte_order=byte_order,
        extra_args=["-Wall", "-Wextra", "-nostdinc", "-ffreestanding"],
    )
    assert made.messages == ()
    # A helper that is not called leaves nothing behind; one that is called leaves a FUNC, with GCC only.
    section = ELFFile(io.BytesIO(made.object)).get_section_by_name(".BTF")
    assert section is not None
    btf = section.data()
    assert b"\0bpf_tail_call\0" not in btf
    assert (b"\0bpf_loop\0" in btf) == (compiler.family == "gcc")


def test_object_does_not_depend_on_the_place(
    compiler: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for place in (tmp_path / "here", tmp_path / "and" / "there"):
        place.mkdir(parents=True)
        shutil.copy(ROOT / "examples" / "flows.c", place)
        monkeypatch.chdir(place)
        made.append(compile_c("flows.c", compiler=compiler))
    if compiler.family == "gcc":  # a quirk of GCC 12, see compile.py
        assert bytes(tmp_path) in made[0]
        return
    assert made[0] == made[1]
    assert b"\0flows.c\0" in made[0]
    assert b"__sync_fetch_and_add(packets, 1);" in made[0]
    assert bytes(tmp_path) not in made[0]
    assert bytes(INCLUDE_DIR) not in made[0]


def test_syntax_error(compiler: Compiler, write: Path) -> None:
    (write / "bad.c").write_text("int f(void)\n{\n\treturn 1 +;\n}\n")
    with pytest.raises(SourceError) as caught:
        compile_c("bad.c", compiler=compiler)
    error = caught.value
    assert error.path == "bad.c"
    assert any(line.startswith("bad.c:3:") and "error: " in line for line in error.diagnostics)
    text = str(error)
    assert text.startswith(f"bad.c: {compiler.name} {compiler.version}: exit status 1: ")
    assert "bad.c:3:" in text
    assert " -c bad.c -o " in text


def test_warnings_are_handed_on(compiler: Compiler, write: Path) -> None:
    (write / "warn.c").write_text("int f(void)\n{\n\tint unused;\n\treturn 1;\n}\n")
    for _ in range(2):  # a compiler with a cache repeats them
        made = run_compiler("warn.c", compiler=compiler, extra_args=["-Wall"])
        assert any("warn.c:3:" in line and "unused" in line for line in made.messages)


def test_options(compiler: Compiler, write: Path) -> None:
    (write / "inc").mkdir()
    (write / "inc" / "mine.h").write_text("#define SECTION NAME\n")
    (write / "-o.c").write_text('#include <btfkit/bpf.h>\n#include "mine.h"\nu64 SEC(SECTION) FLAG = EXTRA;\n')
    made = compile_c(
        "-o.c",
        compiler=compiler,
        cpu=None,
        opt="-Os",
        defines=['NAME=".data.mine"', "FLAG"],
        include_dirs=[write / "inc"],
        extra_args=["-UFLAG", "-DFLAG=chosen", "-DEXTRA=1"],
    )
    assert b".data.mine\0" in made
    assert b"chosen\0" in made


def test_nothing_is_left_behind(compiler: Compiler, write: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = write / "tmp"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (write / "good.c").write_text("int f(void) { return 1; }\n")
    (write / "bad.c").write_text("int f(void) { return }\n")
    compile_c("good.c", compiler=compiler)
    with pytest.raises(SourceError):
        compile_c("bad.c", compiler=compiler)
    with pytest.raises(SourceError, match=r"no object was written|exit status"):
        compile_c("good.c", compiler=compiler, extra_args=["-fsyntax-only"])
    assert list(scratch.iterdir()) == []
    assert sorted(path.name for path in write.iterdir()) == ["bad.c", "good.c", "tmp"]


def test_no_such_source(write: Path) -> None:
    fake(write, "bpf-gcc", "exit 1")
    with pytest.raises(SourceError, match=r"^nowhere\.c: no such source file$"):
        compile_c("nowhere.c", compiler=Compiler("none", "gcc", "0", ("none",)))


def test_compiler_that_does_not_start(write: Path) -> None:
    (write / "a.c").write_text("")
    with pytest.raises(SourceError, match=r"^a\.c: none 0 cannot be started: .*No such file"):
        compile_c("a.c", compiler=Compiler("none", "clang", "0", (str(write / "none"),)))


def test_compiler_that_crashes(write: Path) -> None:
    (write / "a.c").write_text("")
    fake(write, "crash", "kill -SEGV $$")
    with pytest.raises(SourceError, match="killed by signal 11"):
        compile_c("a.c", compiler=Compiler("crash", "clang", "0", (str(write / "crash"),)))


def test_bad_byte_order(write: Path) -> None:
    (write / "a.c").write_text("")
    with pytest.raises(SourceError, match="byte order 'middle'"):
        compile_c("a.c", compiler=Compiler("none", "clang", "0", ("none",)), byte_order="middle")  # type: ignore[arg-type]


class TestFinding:
    """PATH holds only what the test puts there."""

    @pytest.fixture(autouse=True)
    def only_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def test_none_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "a.c").write_text("")
        assert list_compilers() == []
        with pytest.raises(SourceError, match=r"pip install btfkit\[c\].*clang"):
            compile_c(tmp_path / "a.c")
        with pytest.raises(SourceError, match=r"compiler clang-99: not found; .*pip install btfkit\[c\]"):
            find_compiler("clang-99")

    def test_newest_clang_first(self, tmp_path: Path) -> None:
        for number in (9, 14, 22):
            fake_clang(tmp_path, f"clang-{number}", f"{number}.1.2 (of somewhere)")
        fake_clang(tmp_path, "clang-format-23", "23.0.0")
        (tmp_path / "clang").symlink_to(tmp_path / "clang-14")
        assert [(found.name, found.version) for found in list_compilers()] == [
            ("clang-22", "22.1.2"),
            ("clang", "14.1.2"),
            ("clang-9", "9.1.2"),
        ]
        assert find_compiler().name == "clang-22"
        assert find_compiler("clang").version == "14.1.2"
        assert find_compiler(tmp_path / "clang-9").command == (str(tmp_path / "clang-9"),)

    def test_the_family_stands_for_its_best(self, tmp_path: Path) -> None:
        fake_clang(tmp_path, "clang-22", "22.1.2")
        assert find_compiler("clang").name == "clang-22"

    def test_clang_without_the_target(self, tmp_path: Path) -> None:
        fake_clang(tmp_path, "clang", "15.0.0", target="arm64")
        assert list_compilers() == []
        with pytest.raises(SourceError, match="compiler clang: this clang was built without the BPF target"):
            find_compiler("clang")

    @pytest.mark.parametrize(
        ("machine", "good"), [("bpf", True), ("bpf-unknown-none", True), ("x86_64-linux-gnu", False)]
    )
    def test_gcc(self, tmp_path: Path, machine: str, good: bool) -> None:
        banner = "bpf-gcc (Some build 12) 12.2.0; Free Software Foundation, Inc."
        fake(tmp_path, "bpf-gcc", f'[ "$1" = -dumpmachine ] && echo {machine} || echo "{banner}"')
        if good:
            assert find_compiler() == Compiler("bpf-gcc", "gcc", "12.2.0", (str(tmp_path / "bpf-gcc"),))
            assert find_compiler("gcc") == find_compiler()
        else:
            with pytest.raises(SourceError, match=f"this GCC makes code for {machine}, not for BPF"):
                find_compiler("bpf-gcc")

    def test_zig_on_the_path(self, tmp_path: Path) -> None:
        fake(tmp_path, "zig", '[ "$1" = version ] && echo 0.16.0 || exit 1')
        assert find_compiler("zig") == Compiler("zig", "zig", "0.16.0", (str(tmp_path / "zig"), "cc"))

    def test_no_compiler(self, tmp_path: Path) -> None:
        fake(tmp_path, "python", "echo hello")
        with pytest.raises(SourceError, match="compiler python: neither clang, GCC nor zig"):
            find_compiler("python")


def test_numbers_are_the_kernels() -> None:
    """The running kernel's enums say what the headers say, as far as it knows the names."""
    kernel = Path("/sys/kernel/btf/vmlinux")
    bpftool = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if bpftool is None or not kernel.exists():
        skip_or_fail("needs bpftool and a kernel with BTF")
    dump = subprocess.run([bpftool, "btf", "dump", "file", kernel], capture_output=True, text=True, check=True).stdout
    known = {name: int(number) for name, number in re.findall(r"^\t'(\w+)' val=(\d+)$", dump, re.MULTILINE)}

    helpers = (INCLUDE_DIR / "btfkit" / "helpers.h").read_text()
    table = re.findall(r"^BTFKIT_HELPER\((\d+), [^,]+, bpf_(\w+), \(", helpers, re.MULTILINE)
    assert len(table) == helpers.count("\nBTFKIT_HELPER(")
    ours = {f"BPF_FUNC_{name}": int(number) for number, name in table}
    header = (INCLUDE_DIR / "btfkit" / "bpf.h").read_text()
    ours |= {
        name: int(number)
        for name, number in re.findall(r"^\t((?:BPF_MAP_TYPE|XDP)_\w+) = (\d+),$", header, re.MULTILINE)
    }
    assert len(ours) > 80
    both = ours.keys() & known.keys()
    assert "BPF_FUNC_map_lookup_elem" in both
    assert {name: ours[name] for name in both} == {name: known[name] for name in both}
