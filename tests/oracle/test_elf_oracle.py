"""Objects of real compilers: unchanged they come out byte for byte, and other tools read in them what we read.

pyelftools and llvm-readelf are the judges; bpftool, llvm-objcopy and bpf-strip make further forms of the objects.
"""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection
from tests.conftest import CASES, need_tool

from btfkit.elf import Elf, Relocation, Section, read_elf, write_elf
from btfkit.format.elf import R_BPF_64_ABS64, R_BPF_DATA_64, SHT_NOBITS, STB_GLOBAL, STB_LOCAL, STT_OBJECT

SOURCE = CASES / "elf" / "sample.c"

COMPILERS = {
    **{
        f"{clang}-{target}{debug}": [clang, f"--target={target}", "-O2", "-c", *debug.split()]
        for clang in ("clang-14", "clang-22")
        for target in ("bpfel", "bpfeb")
        for debug in ("", "-g")
    },
    **{
        f"zig-{target}": ["python-zig", "cc", "-target", f"{target}-freestanding-none", "-g", "-O2", "-c"]
        for target in ("bpfel", "bpfeb")
    },
    **{
        f"bpf-gcc-{order}{debug}": ["bpf-gcc", f"-m{order}-endian", "-O2", "-c", *debug.split()]
        for order in ("little", "big")
        for debug in ("", "-g", "-gbtf")
    },
}

REWRITERS: dict[str, tuple[str, list[str]]] = {
    "llvm-strip-14": ("clang-14-bpfel-g", ["llvm-strip-14", "-g", "{in}", "-o", "{out}"]),
    "llvm-strip-22": ("clang-22-bpfel-g", ["llvm-strip-22", "-g", "{in}", "-o", "{out}"]),
    "llvm-strip-22-eb": ("clang-22-bpfeb-g", ["llvm-strip-22", "-g", "{in}", "-o", "{out}"]),
    "llvm-strip-22-all": ("clang-22-bpfel-g", ["llvm-strip-22", "--strip-unneeded", "{in}", "-o", "{out}"]),
    "llvm-objcopy-14": ("clang-14-bpfel-g", ["llvm-objcopy-14", "{in}", "{out}"]),
    "llvm-objcopy-22": ("clang-22-bpfel-g", ["llvm-objcopy-22", "--remove-section=.BTF.ext", "{in}", "{out}"]),
    "bpftool": ("clang-14-bpfel-g", ["bpftool", "gen", "object", "{out}", "{in}"]),
    "bpftool-two": ("clang-14-bpfel-g", ["bpftool", "gen", "object", "{out}", "{in}", "{other}"]),
    "bpf-strip": ("bpf-gcc-little-g", ["bpf-strip", "-g", "{in}", "-o", "{out}"]),
    "bpf-objcopy": ("bpf-gcc-little-gbtf", ["bpf-objcopy", "{in}", "{out}"]),
    "bpf-objcopy-clang": ("clang-22-bpfel-g", ["bpf-objcopy", "{in}", "{out}"]),
}

OBJECTS = [*COMPILERS, *REWRITERS]
LLVM_OBJECTS = [name for name in COMPILERS if not name.startswith("bpf-gcc")]

OTHER_SOURCE = """
static __attribute__((noinline)) int twice(int a) { return a * a * 2; }
__attribute__((section("xdp"), used)) int other(void *ctx) { return twice((long)ctx); }
char _license[] __attribute__((section("license"), used)) = "GPL";
"""

Make = Callable[[str], bytes]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Compile, and rewrite, each object once."""
    folder = tmp_path_factory.mktemp("objects")
    done: dict[str, Path] = {}

    def run(command: list[str]) -> None:
        subprocess.run([need_tool(command[0]), *command[1:]], check=True, cwd=folder, timeout=120)

    def path_of(name: str) -> Path:
        if name in done:
            return done[name]
        out = folder / f"{name}.o"
        if name in COMPILERS:
            run([*COMPILERS[name], str(SOURCE), "-o", str(out)])
        else:
            source, command = REWRITERS[name]
            places = {"in": str(path_of(source)), "out": str(out)}
            if "{other}" in command:
                (folder / "other.c").write_text(OTHER_SOURCE)
                run([*COMPILERS[source], "other.c", "-o", "other.o"])
                places["other"] = "other.o"
            run([word.format(**places) for word in command])
        done[name] = out
        return out

    return lambda name: path_of(name).read_bytes()


def same_as_pyelftools(elf: Elf, data: bytes) -> None:
    """All of what we read is what pyelftools reads."""
    theirs = ELFFile(io.BytesIO(data))
    assert elf.byte_order == ("little" if theirs.little_endian else "big")
    assert len(elf.sections) == theirs.num_sections() - 1
    ours_by_number = [None, *elf.sections]
    symbols = [None, *sorted(elf.symbols, key=lambda symbol: symbol.index)]
    relocated = 0
    for number, ours in enumerate(elf.sections, start=1):
        section = theirs.get_section(number)
        header = section.header
        assert ours.index == number
        assert ours.name == section.name
        assert (ours.flags, ours.addr, ours.off) == (header.sh_flags, header.sh_addr, header.sh_offset)
        assert (ours.size, ours.align, ours.entsize) == (header.sh_size, header.sh_addralign, header.sh_entsize)
        assert ours.link is ours_by_number[header.sh_link]
        if not ours.is_nobits:
            assert ours.data == section.data()
        if isinstance(section, SymbolTableSection):
            assert section.num_symbols() == len(symbols)
            for symbol, entry in zip(symbols, section.iter_symbols(), strict=True):
                if symbol is None:
                    continue
                assert (symbol.value, symbol.size) == (entry.entry.st_value, entry.entry.st_size)
                assert entry.entry.st_info.bind in (("STB_LOCAL", "STB_GLOBAL", "STB_WEAK")[symbol.bind],)
                if symbol.name or not symbol.is_section:
                    assert symbol.name == entry.name
                if isinstance(entry.entry.st_shndx, int):
                    assert symbol.section is ours_by_number[entry.entry.st_shndx]
                else:
                    assert symbol.section is None
        if isinstance(section, RelocationSection):
            target = ours_by_number[header.sh_info]
            assert target is not None
            assert [(r.off, symbols.index(r.symbol), r.type) for r in elf.relocations(target)] == [
                (r["r_offset"], r["r_info_sym"], r["r_info_type"]) for r in section.iter_relocations()
            ]
            relocated += section.num_relocations()
    assert relocated == sum(len(table.entries or ()) for table in elf.tables.values())


def readelf_is_content(data: bytes, folder: Path) -> str:
    """llvm-readelf reads all of it without a warning; its output."""
    path = folder / "judged.o"
    path.write_bytes(data)
    command = [need_tool("llvm-readelf-22"), "--all", "--wide", str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("name", OBJECTS)
def test_unchanged_is_identical(name: str, make: Make) -> None:
    data = make(name)
    assert write_elf(read_elf(data, name)) == data


@pytest.mark.parametrize("name", OBJECTS)
def test_pyelftools_reads_the_same(name: str, make: Make) -> None:
    data = make(name)
    same_as_pyelftools(read_elf(data, name), data)


@pytest.mark.parametrize("name", LLVM_OBJECTS)
def test_rebuilt_string_table_is_llvms(name: str, make: Make) -> None:
    data = make(name)
    elf = read_elf(data, name)
    elf.strings.clear()
    assert write_elf(elf) == data


@pytest.mark.parametrize("name", OBJECTS)
def test_edited(name: str, make: Make, tmp_path: Path) -> None:
    """Debug sections out, a section with relocations and symbols in: the rest keeps its bytes and its references."""
    data = make(name)
    elf, before = read_elf(data, name), read_elf(data, name)
    for section in [s for s in elf.sections if s.name.startswith((".debug", ".eh_frame"))]:
        if section in elf.sections:
            elf.remove_section(section)
    table = elf.add_section("added", data=bytes(16), align=8)
    local = elf.add_symbol("added_local", table, 0, 8, STB_LOCAL, STT_OBJECT)
    elf.add_symbol("added_global", table, 8, 8, STB_GLOBAL, STT_OBJECT)
    elf.set_relocations(table, [Relocation(8, local, R_BPF_64_ABS64)])
    for symbol in [s for s in elf.symbols if s.type == 4]:
        elf.remove_symbol(symbol)
    out = write_elf(elf)
    again = read_elf(out, name)
    same_as_pyelftools(again, out)
    text = readelf_is_content(out, tmp_path)
    assert "added_local" in text
    assert ".reladded" in text
    made = (".strtab", ".symtab", ".shstrtab", ".llvm_addrsig")
    for section in before.sections:
        kept = again.section(section.name)
        if kept is not None and section.name not in made and not section.name.startswith(".rel"):
            assert kept.data == section.data
    references = _references(before)
    assert {key: references[key] for key in _references(again) if key[0] != "added"} == {
        key: value for key, value in _references(again).items() if key[0] != "added"
    }
    symtab = again.symtab
    assert symtab is not None
    assert [s.is_local for s in again.symbols] == [i < symtab.info for i in range(1, len(again.symbols) + 1)]


def _references(elf: Elf) -> dict[tuple[str, int], tuple[str, str, int]]:
    """What each relocation refers to, in names."""

    def target(section: Section | None) -> str:
        return section.name if section is not None else ""

    return {
        (section.name, r.off): (r.symbol.name, target(r.symbol.section), r.type)
        for section in elf.sections
        for r in elf.relocations(section)
        if r.symbol is not None
    }


def test_built_from_nothing(tmp_path: Path) -> None:
    elf = Elf(byte_order="big")
    code = elf.add_section("prog", flags=6, data=bytes(16), align=8)
    elf.add_section(".bss", SHT_NOBITS, flags=3, align=8).size = 4096
    prog = elf.add_symbol("prog", code, 0, 16, STB_GLOBAL, 2)
    elf.set_relocations(code, [Relocation(8, prog, 10)])
    data = write_elf(elf)
    same_as_pyelftools(elf, data)
    assert "R_BPF_64_32" in readelf_is_content(data, tmp_path)


def test_more_sections_than_16_bits_number(tmp_path: Path) -> None:
    elf = Elf()
    for _ in range(66000):
        last = elf.add_section("s", data=b"x")
    elf.add_symbol("last", last, 0, 1, STB_GLOBAL, STT_OBJECT)
    path = tmp_path / "wide.o"
    path.write_bytes(write_elf(elf))
    command = [need_tool("llvm-readelf-22"), "--file-header", "--symbols", "--wide", str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert result.stderr == ""
    assert "0 (66004)" in result.stdout
    assert "66000 last" in result.stdout


def test_binutils_names_of_bpf_gcc_relocations(make: Make, tmp_path: Path) -> None:
    """bpf-gcc 12's type 12 is binutils' 64-bit data relocation."""
    data = make("bpf-gcc-little")
    elf = read_elf(data)
    maps = elf.section(".maps")
    assert maps is not None
    assert {r.type for r in elf.relocations(maps)} == {R_BPF_DATA_64}
    path = tmp_path / "gcc.o"
    path.write_bytes(data)
    command = [need_tool("bpf-readelf"), "--relocs", "--wide", str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert "R_BPF_DATA_64" in result.stdout
