"""What the kernel refuses: the last words, the source line, and nothing left behind."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.kernel.load_support import PACKET
from tests.unit.load.programs import COMPILERS, build

from btfkit.errors import LoadError
from btfkit.load.linux import sys
from btfkit.model import types as t

pytestmark = pytest.mark.usefixtures("require_bpf", "no_fd_leak")

NULL_DEREFERENCE = """
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, u32); __type(value, u64); } counts SEC(".maps");
SEC("xdp") int bad(struct xdp_md *ctx)
{
	u32 key = 1;
	u64 *value = bpf_map_lookup_elem(&counts, &key);

	return *value;
}
"""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_last_words_and_source_line(tmp_path: Path, compiler: str) -> None:
    obj = build(tmp_path, NULL_DEREFERENCE, compiler)
    with pytest.raises(LoadError) as caught:
        obj.load()
    error = caught.value
    assert error.errno == errno.EACCES
    assert error.thing == "program 'bad'"
    assert error.path == obj.path
    assert "R0 invalid mem access 'map_value_or_null'" in error.reason
    assert "\n" not in str(error)
    assert "processed" in error.log
    if compiler != "bpf-gcc":
        assert error.source is not None
        assert error.source.endswith("prog.c:11: return *value;")
        assert str(error).endswith(f"(at {error.source})")


REFUSED = {
    "no map type": (
        """struct bpf_map_def SEC("maps") m = { .type = 250, .key_size = 4, .value_size = 4, .max_entries = 1 };""",
        "map 'm': BPF_MAP_CREATE: Invalid argument",
    ),
    "no entries": (
        """struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, u32); __type(value, u32); } m SEC(".maps");""",
        r"map 'm': BPF_MAP_CREATE: .*\(max_entries is 0\)",
    ),
    "kfunc": (
        """extern void no_such(void) __attribute__((section(".ksyms")));
        SEC("tc") int f(struct __sk_buff *skb) { no_such(); return 0; }""",
        "program 'f': needs the function 'no_such', which neither this object nor the kernel defines",
    ),
    "ksym": (
        """extern const void no_such_symbol __attribute__((section(".ksyms")));
        SEC("tc") int f(struct __sk_buff *skb) { return (u64)&no_such_symbol; }""",
        "program 'f': needs the kernel's symbol 'no_such_symbol', which is not in /proc/kallsyms",
    ),
    "kconfig": (
        """extern int CONFIG_NO_SUCH __attribute__((section(".kconfig")));
        SEC("tc") int f(struct __sk_buff *skb) { return CONFIG_NO_SUCH; }""",
        "needs the kernel's CONFIG_NO_SUCH, which is not told",
    ),
    "attach target": (
        """SEC("tp_btf/no_such_tracepoint") int f(void *ctx) { return 0; }""",
        "program 'f': needs 'btf_trace_no_such_tracepoint', which the kernel's BTF does not have",
    ),
    "no attach target": (
        """SEC("fentry") int f(void *ctx) { return 0; }""",
        r"program 'f': section 'fentry' does not say what it attaches to",
    ),
    "freplace": (
        """SEC("freplace/g") int f(struct xdp_md *ctx) { return 0; }""",
        "program 'f': replaces a function of another program",
    ),
    "too many loops": (
        """SEC("xdp") int f(struct xdp_md *ctx) { while (bpf_get_prandom_u32() | 1) ; return 0; }""",
        "program 'f': BPF_PROG_LOAD: .*infinite loop detected",
    ),
    "the second of two": (
        """SEC("xdp") int fine(struct xdp_md *ctx) { return 2; }
        SEC("xdp") int f(struct xdp_md *ctx) { return *(volatile int *)8; }""",
        "program 'f': BPF_PROG_LOAD: Permission denied",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(tmp_path: Path, case: str) -> None:
    source, want = REFUSED[case]
    obj = build(tmp_path, source)
    with pytest.raises(LoadError, match=want) as caught:
        obj.load()
    assert caught.value.path == obj.path


def test_btf_that_is_refused_is_left_out(tmp_path: Path) -> None:
    obj = build(tmp_path, NULL_DEREFERENCE.replace("return *value", "return value ? *value : 5"))
    bad = t.Struct("overlong", 4, (t.Member("m", 1, 1 << 20),))
    obj.btf.types.types.append(bad)  # type: ignore[attr-defined]
    with obj.load() as bpf:
        (warning,) = bpf.warnings
        assert warning.startswith("the kernel refuses its BTF, so it is left out: BPF_BTF_LOAD: Invalid argument")
        assert bpf.btf_fd is None
        assert bpf.programs["bad"].test_run(PACKET).retval == 5
        assert bpf.maps["counts"].info.btf_id == 0
        bpf.maps["counts"][1] = 9  # typed all the same
        assert bpf.programs["bad"].test_run(PACKET).retval == 9


def test_types_that_a_map_does_not_take(tmp_path: Path) -> None:
    """A sockhash key may be anything, an array's only 32 bits of integer."""
    source = """
    struct index { u32 i; };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, struct index); __type(value, u64); }
        odd SEC(".maps");
    """
    with build(tmp_path, source).load() as bpf:
        assert bpf.warnings == [
            "map 'odd': the kernel does not take its types: BPF_MAP_CREATE: Invalid argument (EINVAL)"
        ]
        bpf.maps["odd"][{"i": 3}] = 4
        assert bpf.maps["odd"][(3,)] == 4
        assert bpf.maps["odd"].info.btf_id == 0


def test_nothing_is_left_in_the_kernel(tmp_path: Path) -> None:
    source = NULL_DEREFERENCE.replace("} counts SEC", "} btfkit_leak SEC").replace("&counts", "&btfkit_leak")
    with pytest.raises(LoadError):
        build(tmp_path, source).load()
    names = []
    for map_id in sys.map_ids():
        try:
            with sys.map_get_fd_by_id(map_id) as fd:
                names.append(sys.map_info(fd).name)
        except LoadError:
            continue
    assert names.count("btfkit_leak") <= 1  # the kernel frees maps in its own time
