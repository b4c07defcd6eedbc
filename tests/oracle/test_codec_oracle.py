""".BTF and .BTF.ext of the kernel and of real compilers come out byte for byte, and other tools read what we write.

Byte for byte twice: as the decoder carries them, and built anew type by type on the strings as they were. That the
second holds says that pahole and clang store a name once, whole, and refer to no tail of another: so a name has one
place, and we find it. gcc 12 stores a name as often as it is used: built anew, all of them refer to the first.
"""

from __future__ import annotations

import lzma
import subprocess
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import KERNELS, kernel_btf, need_tool

from btfkit.codec import decode_btf, decode_ext, encode_btf, encode_ext
from btfkit.format.btf import Form
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.strings import StringTable

KERNEL = Path("/sys/kernel/btf/vmlinux")

FLAGS = {"clang-14": ["-O2", "-g"], "clang-22": ["-O2", "-g"], "bpf-gcc": ["-O2", "-gbtf"]}
TARGETS = {
    "clang-14": {"little": ["--target=bpfel"], "big": ["--target=bpfeb"]},
    "clang-22": {"little": ["--target=bpfel"], "big": ["--target=bpfeb"]},
    "bpf-gcc": {"little": ["-mlittle-endian"], "big": ["-mbig-endian"]},
}

COMMON = """
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32; typedef unsigned long long u64; typedef unsigned char u8; typedef long long s64;
char _license[] SEC("license") = "GPL";
"""
PROGRAMS = {
    "prog": """
        int calls; static u64 hidden[4]; const u8 text[] = "text";
        __attribute__((noinline)) static int helper(int a, const char *s) { return a * 3 + s[a & 1] + calls; }
        SEC("xdp") int prog(void *ctx) { calls++; hidden[calls & 3] += 2; return helper(calls, (const char *)text); }
    """,
    "maps": """
        struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; };
        struct bpf_map_def SEC("maps") old = { 1, 4, 8, 16, 0 };
        struct key { u32 a; u8 b; }; struct value { u64 n; struct key k; };
        struct { int (*type)[1]; struct key *key; struct value *value; int (*max_entries)[64]; } table SEC(".maps");
        static void *(*lookup)(void *, const void *) = (void *)1;
        SEC("tc") int prog(void *ctx) {
            struct key k = { 1, 2 }; struct value *v = lookup(&table, &k); return v ? v->n : 0; }
    """,
    "types": """
        enum color { RED, GREEN = 5, BLUE = -7 }; enum big { HUGE = 0x123456789abcdefULL };
        struct node; union either { int i; float f; struct node *n; };
        struct bits { u32 a : 3; u32 b : 29; s64 c : 40; volatile int *restrict p; };
        struct node { struct node *next; enum color c; enum big g; union either e; struct bits b[2]; _Bool t; double d;
            int (*call)(struct node *, int, ...); struct { int in; }; const volatile char *const s; struct later *l; };
        struct node first; extern int outside;
        SEC("socket") int prog(void *ctx) { return first.c + first.b[1].b + first.e.i; }
    """,
    "sections": """
        struct __attribute__((preserve_access_index)) task { int pid; struct task *parent; };
        int one SEC(".data.one") = 1; int zero SEC(".bss.zero");
        SEC("raw_tp/a") int first(struct task *t) { return t->pid + one; }
        SEC("raw_tp/b") int second(struct task *t) { return t->parent->pid + zero; }
        SEC("raw_tp/b") int third(void *ctx) { static int calls; return ++calls; }
    """,
}


def run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], dict[str, bytes]]:
    """(compiler, byte order, program) to the sections of the object."""
    room = tmp_path_factory.mktemp("objects")
    return _Objects(room)


class _Objects(dict[tuple[str, str, str], dict[str, bytes]]):
    def __init__(self, room: Path) -> None:
        super().__init__()
        self.room = room

    def __missing__(self, key: tuple[str, str, str]) -> dict[str, bytes]:
        compiler, order, program = key
        source, obj = self.room / f"{program}.c", self.room / "-".join([*key, "o"])
        source.write_text(COMMON + PROGRAMS[program])
        run(need_tool(compiler), *FLAGS[compiler], *TARGETS[compiler][order], "-w", "-c", source, "-o", obj)
        out = {}
        for name in (".BTF", ".BTF.ext"):
            dumped = self.room / "section"
            # (It writes the object again: not in place.)
            run(need_tool("llvm-objcopy-22"), f"--dump-section={name}={dumped}", obj, self.room / "copy.o")
            out[name] = dumped.read_bytes()
        self[key] = out
        return out


OBJECTS = [(compiler, order, program) for compiler in FLAGS for order in ("little", "big") for program in PROGRAMS]


def rebuilt(btf: Btf) -> Btf:
    """The same, built type by type on the strings as they were."""
    builder = Builder(btf.base)
    for _, type_ in btf:
        builder.add(type_)
    made = builder.build(byte_order=btf.byte_order, form=btf.form)
    strings = StringTable(btf.strings.data, btf.base.strings if btf.base is not None else None)
    return Btf(made.types, strings, base=btf.base, byte_order=btf.byte_order, form=btf.form)


def check_btf(data: bytes, base: Btf | None = None, *, names_once: bool = True) -> Btf:
    """Byte for byte, both ways, and to the other byte order and back; but for names that are there twice."""
    btf = decode_btf(data, base=base)
    assert encode_btf(btf) == data
    again = rebuilt(btf)
    assert decode_btf(encode_btf(again), base=base) == btf
    assert again.strings.data == btf.strings.data
    if names_once:
        assert Counter(btf.strings.data[:-1].split(b"\0")).most_common(1)[0][1] == 1
        assert encode_btf(again) == data
    if base is None:
        other = "big" if btf.byte_order == "little" else "little"
        turned = decode_btf(encode_btf(btf, byte_order=other))
        assert turned.byte_order == other
        assert turned == btf
        if names_once:
            assert encode_btf(turned, byte_order=btf.byte_order) == data
    return btf


def test_kernel() -> None:
    btf = check_btf(kernel_btf())
    assert len(btf) > 50_000
    assert btf.form is Form.CLASSIC


def test_kernel_in_every_form() -> None:
    """There and back through each form, and with strings made anew."""
    data = kernel_btf()
    btf = decode_btf(data)
    for form in Form:
        again = decode_btf(encode_btf(btf, form=form))
        assert again.form is form
        assert encode_btf(again, form=Form.CLASSIC) == data


@pytest.mark.parametrize(("compiler", "order", "program"), OBJECTS, ids=map("-".join, OBJECTS))
def test_compiled(compiler: str, order: str, program: str, sections: _Objects) -> None:
    found = sections[compiler, order, program]
    btf = check_btf(found[".BTF"], names_once=compiler != "bpf-gcc")
    assert btf.byte_order == order
    ext = decode_ext(found[".BTF.ext"], btf.strings)
    assert ext.byte_order == order
    ours = encode_ext(ext, btf.strings).data
    if compiler == "bpf-gcc":
        # gcc 12 has nothing but CO-RE relocations, writes the rec_size of a table of none behind the last table, and
        # stores an access string as often as it is used.
        assert decode_ext(ours, btf.strings) == ext
        assert found[".BTF.ext"].startswith(ours) or program == "sections"
    else:
        assert ext.func_info
        assert ext.line_info
        assert ours == found[".BTF.ext"]
    assert encode_btf(btf) == found[".BTF"]  # no text was added
    other = "big" if order == "little" else "little"
    turned = encode_ext(ext, btf.strings, byte_order=other).data
    assert encode_ext(decode_ext(turned, btf.strings), btf.strings, byte_order=order).data == ours


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("compiler", [c for c in FLAGS if c.startswith("clang")])
def test_byte_orders_agree(compiler: str, program: str, sections: _Objects) -> None:
    """clang's big-endian .BTF is what its little-endian one becomes when it is turned."""
    little, big = (sections[compiler, order, program][".BTF"] for order in ("little", "big"))
    assert encode_btf(decode_btf(little), byte_order="big") == big


def bpftool_lines(data: bytes, room: Path, base: Path | None = None) -> list[str]:
    path = room / "btf"
    path.write_bytes(data)
    on = ["-B", str(base)] if base else []
    return run(need_tool("bpftool"), *on, "btf", "dump", "file", path).splitlines()


@pytest.mark.parametrize(("compiler", "order", "program"), OBJECTS, ids=map("-".join, OBJECTS))
def test_bpftool_reads_what_we_write(
    compiler: str, order: str, program: str, sections: _Objects, tmp_path: Path
) -> None:
    """The same lines for the compiler's bytes, for ours in the other byte order, for ours with strings made anew."""
    data = sections[compiler, order, program][".BTF"]
    btf = decode_btf(data)
    want = bpftool_lines(data, tmp_path)
    assert sum(line.startswith("[") for line in want) == len(btf)
    anew = Builder()
    for _, type_ in btf:
        anew.add(type_)
    other = "big" if order == "little" else "little"
    for ours in (
        encode_btf(btf, byte_order=other),
        encode_btf(anew.build(form=Form.CLASSIC)),
        encode_btf(anew.build(form=Form.CLASSIC, byte_order="big")),
    ):
        assert bpftool_lines(ours, tmp_path) == want


def test_bpftool_reads_split(sections: _Objects, tmp_path: Path) -> None:
    """A split Btf of ours on one of ours."""
    base = decode_btf(sections["clang-22", "little", "types"][".BTF"])
    builder = Builder(base)
    for _, type_ in decode_btf(sections["clang-22", "little", "types"][".BTF"]):
        builder.add(type_)
    split = encode_btf(builder.build(form=Form.CLASSIC))
    base_path = tmp_path / "base"
    base_path.write_bytes(encode_btf(base, form=Form.CLASSIC))
    lines = [line for line in bpftool_lines(split, tmp_path, base_path) if line.startswith("[")]
    own = [line for line in bpftool_lines(base_path.read_bytes(), tmp_path) if line.startswith("[")]
    assert len(lines) == len(own)
    assert lines[0] == own[0].replace("[1]", f"[{base.next_id}]")


@pytest.mark.parametrize("program", PROGRAMS)
def test_pahole_reads_what_we_write(program: str, sections: _Objects, tmp_path: Path) -> None:
    """What it prints of our bytes is what it prints of clang's."""
    data = sections["clang-14", "little", program][".BTF"]
    anew = Builder()
    for _, type_ in decode_btf(data):
        anew.add(type_)
    prints = []
    for name, content in (("theirs", data), ("ours", encode_btf(anew.build(form=Form.CLASSIC)))):
        path = tmp_path / name
        path.write_bytes(content)
        prints.append(run(need_tool("pahole"), "-F", "btf", path))
    assert prints[0] == prints[1]


# -- further kernels, where somebody has left their BTF -----------------------------------------------------


def other_kernel(name: str) -> bytes:
    path = KERNELS / name
    if not path.exists():
        pytest.skip(f"{name} is not in {KERNELS}: optional data")
    return lzma.decompress(path.read_bytes())


@pytest.mark.parametrize("name", ["vmlinux-6.1.0.btf.xz", "vmlinux-6.12.117+deb12-amd64.btf.xz"])
def test_other_kernels(name: str) -> None:
    check_btf(other_kernel(name))


def test_modules() -> None:
    """Split BTF of modules on their kernel's."""
    base = decode_btf(other_kernel("vmlinux-6.12.117+deb12-amd64.btf.xz"))
    path = KERNELS / "modules-6.12.117+deb12-amd64.tar.xz"
    if not path.exists():
        pytest.skip(f"{path.name} is not in {KERNELS}: optional data")
    with tarfile.open(path) as tar:
        modules = [file.read() for member in tar if (file := tar.extractfile(member)) is not None]
    assert modules
    for data in modules:
        btf = check_btf(data, base)
        assert btf.start_id == base.next_id
        assert len(btf.ids()) > 0
        for type_id in btf.ids():
            assert btf.describe(type_id)
