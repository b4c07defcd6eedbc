"""The command in this process, and objects that it made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from btfkit.cli.main import main

ROOT = Path(__file__).parents[3]
FLOWS_C = ROOT / "examples" / "flows.c"

EVERYTHING_C = """
#include <btfkit/bpf.h>
struct inner {
    __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64);
} inner SEC(".maps");
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, u32); __array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &inner } };
struct {
    __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, u32); __type(value, u64[2]);
    __uint(pinning, 1); __uint(map_flags, 1);
} pinned SEC(".maps");
extern int CONFIG_HZ __attribute__((section(".kconfig"), weak));
static volatile int counter;
int initial = 3;
static __attribute__((noinline)) int sub(int x) { static int calls; calls += x; return calls + counter; }
SEC("tc") int first(struct __sk_buff *skb)
{
    u32 key = 1; u64 value[2] = { 1 };
    bpf_map_update_elem(&pinned, &key, value, 0);
    initial++;
    return sub(skb->len) + CONFIG_HZ;
}
SEC("xdp") int second(struct xdp_md *ctx)
{
    static int calls;
    u32 key = 1;
    calls++;
    return bpf_map_lookup_elem(&outer, &key) ? sub(3) : XDP_PASS;
}
char _license[] SEC("license") = "GPL";
int _version SEC("version") = 1;
"""


class Result(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run the command with these arguments."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with flows.o and everything.o in instance form, and with .FORM before the .o in all others."""
    folder = tmp_path_factory.mktemp("objects")
    (folder / "everything.c").write_text(EVERYTHING_C)
    for source in (FLOWS_C, folder / "everything.c"):
        for form in ("instance", "plain", "libbpf", "sidecar", "classic", "proposed"):
            name = source.stem if form == "instance" else f"{source.stem}.{form}"
            assert main(["cc", str(source), "--form", form, "-o", str(folder / f"{name}.o")]) == 0
    return folder


@pytest.fixture(scope="session")
def flows(objects: Path) -> Path:
    """examples/flows.c in instance form."""
    return objects / "flows.o"
