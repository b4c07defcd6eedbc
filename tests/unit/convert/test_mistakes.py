"""C programs whose maps make no sense: each is an error that names the symbol."""

from __future__ import annotations

from pathlib import Path

import pytest

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import ConvertError, UnsupportedError
from btfkit.frontend.c import compile_c
from btfkit.object import BpfObject, read_object, write_object

HEAD = """
#include <btfkit/bpf.h>
struct bpf_map_def SEC("maps") table = { BPF_MAP_TYPE_HASH, 4, 8, 10, 0 };
SEC("xdp") int use(struct xdp_md *ctx) { u32 k = 0; return bpf_map_lookup_elem(&table, &k) ? XDP_DROP : XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""
DOT = """
#include <btfkit/bpf.h>
struct { %s } table SEC(".maps");
SEC("xdp") int use(struct xdp_md *ctx) { u32 k = 0; return bpf_map_lookup_elem(&table, &k) ? XDP_DROP : XDP_PASS; }
"""
TYPE = "__uint(type, BPF_MAP_TYPE_HASH);"


def built(source: str, folder: Path) -> BpfObject:
    path = folder / "bad.c"
    path.write_text(source)
    return read_object(compile_c(path, compiler="clang-22"), "bad.o")


ANNOTATED = [
    ("a map that does not exist", "BPF_ANNOTATE_KV_PAIR(ghost, u32, u64);", "ghost", "annotates a map that does not exist"),
    (
        "twice, in both spellings",
        "BPF_ANNOTATE_KV_PAIR(table, u32, u64);\n"
        'struct ____bpf_map_table { u32 key; u64 value; }; __attribute__((used)) struct ____bpf_map_table SEC(".maps.t") t2;',
        "table",
        "annotated twice",
    ),
    ("another key size", "BPF_ANNOTATE_KV_PAIR(table, u64, u64);", "table", "its key type.*has 8 bytes; the definition says 4"),
    ("another value size", "BPF_ANNOTATE_KV_PAIR(table, u32, u32);", "table", "its value type.*has 4 bytes; the definition says 8"),
    (
        "one member",
        'struct ____btf_map_table { u32 key; }; __attribute__((used)) struct ____btf_map_table SEC(".maps.t") t2;',
        "table",
        "has 1 members, not key and value",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tail", "symbol", "text"), [case[1:] for case in ANNOTATED], ids=[case[0] for case in ANNOTATED]
)
def test_annotations(tail: str, symbol: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match=text) as caught:
        upgrade(built(HEAD + tail, tmp_path))
    assert caught.value.symbol == symbol
    assert f"'{symbol}'" in str(caught.value)


DOTTED = [
    ("no type", "__uint(max_entries, 1); __type(key, u32);", "has no attribute 'type'"),
    ("an unknown attribute", TYPE + "__uint(colour, 3);", "attribute 'colour' is not known"),
    ("a number that is none", TYPE + "u32 max_entries;", "'max_entries' does not hold a number"),
    ("two sizes", TYPE + "__uint(key_size, 8); __type(key, u32);", "key_size is 8, the key type has 4 bytes"),
    ("a key that is not a pointer", TYPE + "u32 key;", "'key' is type .*, not a PTR"),
    ("a key that is only declared", TYPE + "__type(key, struct nowhere);", "the key type, type .* FWD 'nowhere', has no size"),
    ("values that are no array", "__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); u32 values;", "'values' is type .*, not an ARRAY"),
]  # fmt: skip


@pytest.mark.parametrize(("members", "text"), [case[1:] for case in DOTTED], ids=[case[0] for case in DOTTED])
def test_dot_maps(members: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match=text) as caught:
        upgrade(built(DOT % members, tmp_path))
    assert caught.value.symbol == "table"
    assert str(caught.value).startswith("bad.o: .maps: ")


def test_members_of_other_names_are_a_warning(tmp_path: Path) -> None:
    tail = (
        "struct ____btf_map_table { u32 a; u64 b; u8 c; };"
        '__attribute__((used)) struct ____btf_map_table SEC(".maps.t") t2;'
    )
    obj = upgrade(built(HEAD + tail, tmp_path))
    assert obj.warnings == ["map 'table': its annotation's members are a, b, c; the first two are taken"]


def test_the_words_behind_the_fifth(tmp_path: Path) -> None:
    """28 bytes mean one thing in samples/bpf, another in aya and iproute2."""
    source = """
    #define bpf_map_def own
    #include <btfkit/bpf.h>
    #undef bpf_map_def
    struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags, id, pinning; };
    struct bpf_map_def SEC("maps") table = { BPF_MAP_TYPE_HASH, 4, 8, 10, 0, 0, %d };
    SEC("xdp") int use(struct xdp_md *ctx) { u32 k = 0; return bpf_map_lookup_elem(&table, &k) ? XDP_DROP : XDP_PASS; }
    """
    plain = upgrade(built(source % 0, tmp_path))
    assert plain.instances["table"].map_def.pinning == 0
    with pytest.raises(UnsupportedError, match=r"name the dialect \(samples, iproute2, aya\)") as caught:
        upgrade(built(source % 1, tmp_path))
    assert caught.value.section == "maps"
    pinned = built(source % 1, tmp_path)
    pinned.dialect = "aya"
    assert upgrade(pinned).instances["table"].map_def.pinning == 1
    pinned.dialect = "samples"
    assert upgrade(pinned).instances["table"].map_def.pinning == 0


def test_both_sections(tmp_path: Path) -> None:
    source = (
        HEAD
        + 'struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 3); __type(key, u32); __type(value, u32); } two SEC(".maps");'
    )
    obj = upgrade(built(source, tmp_path))
    assert [(d.name, d.map_def.max_entries) for d in obj.maps] == [("table", 10), ("two", 3)]
    assert obj.elf.section(".maps") is None
    for target in Target:
        data = write_object(convert(obj, target))
        back = upgrade(read_object(data))
        assert sorted((d.name, d.map_def.max_entries) for d in back.maps) == [("table", 10), ("two", 3)]
    beside = read_object(write_object(convert(built(source, tmp_path), Target.SIDECAR)))
    assert sorted(d.name for d in upgrade(beside).maps) == ["table", "two"]
