"""The verbs that talk to the running kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import need_tool, skip_or_fail
from tests.unit.cli.conftest import FLOWS_C, ROOT, Cli, cli  # noqa: F401 (a fixture)
from tests.unit.cli.test_main import ENVIRONMENT, spawn

from btfkit import api
from btfkit.cli.main import main
from btfkit.load.linux import LoadedObject, probe

KEY = '{"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}'

PREFIX = f"cli{os.getpid() % 100_000}"
"""Of the maps' names, so that several of these tests can run at once."""

MAPS_C = """
#include <btfkit/bpf.h>
enum colour { RED, GREEN = 5 };
struct rec { enum colour c; char name[8]; s16 n[2]; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 3); __type(key, u32); __type(value, struct rec); }
    cli_array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); __uint(max_entries, 3); __type(key, u8); __type(value, s64); }
    cli_percpu SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 3); __type(value, u32); } cli_queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); __uint(max_entries, 3); __type(value, u32); } cli_bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } cli_ring SEC(".maps");
const volatile int limit = 1;
SEC("tc") int shot(struct __sk_buff *skb) { return skb->len > limit ? 2 : -1; }
SEC("xdp") int grow(struct xdp_md *ctx) { return bpf_xdp_adjust_head(ctx, -4) ? XDP_ABORTED : XDP_TX; }
SEC("xdp") int bad(struct xdp_md *ctx) { return *(u8 *)(long)ctx->data; }
SEC("oddly") int odd(struct xdp_md *ctx) { return XDP_DROP; }
char _license[] SEC("license") = "GPL";
""".replace("cli_", f"{PREFIX}_")


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flows") / "flows.o"
    assert main(["cc", str(FLOWS_C), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    (folder / "maps.c").write_text(MAPS_C)
    assert main(["cc", str(folder / "maps.c"), "-o", str(folder / "maps.o")]) == 0
    return folder / "maps.o"


@pytest.fixture
def packet() -> bytes:
    """Of a TCP segment from 10.0.0.1 to 10.0.0.2, port 80."""
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    ip = bytes.fromhex("4500002800010000400600 00") + addresses
    return bytes.fromhex("020000000002 020000000001 0800") + ip + bytes.fromhex("9c410050") + bytes(16)


@pytest.mark.usefixtures("require_bpf", "no_fd_leak")
class TestRun:
    def test_run(self, cli: Cli, flows: Path, packet: bytes, tmp_path: Path) -> None:  # noqa: F811
        (tmp_path / "packet.bin").write_bytes(packet)
        result = cli("run", flows, "--program", "count", "--data", tmp_path / "packet.bin", "--repeat", 1000, "--maps")
        assert (result.code, result.err) == (0, "")
        words = [line.split() for line in result.out.splitlines()]
        assert ["program", "count"] in words and ["retval", "2", "XDP_PASS"] in words
        assert ["data", "54", "bytes,", "as", "it", "went", "in"] in words
        assert words.index(["10.0.0.1", "10.0.0.2", "80", "1000"]) == words.index(["src", "dst", "port", "value"]) + 1
        assert words[-1] == ["count.calls", "u32", "1000"]

    def test_json(self, cli: Cli, flows: Path, packet: bytes) -> None:  # noqa: F811
        ran = cli("run", flows, "--hex", packet.hex(":"), "--maps", "--json").json
        assert (ran["retval"], ran["retval_name"], ran["data"]) == (2, "XDP_PASS", packet.hex())
        assert ran["maps"] == {"flows": [{"key": json.loads(KEY), "value": 1}]}
        assert ran["variables"] == {"count.calls": 1}

    @pytest.mark.parametrize("form", ["libbpf", "sidecar", "classic", "proposed"])
    def test_any_form(self, cli: Cli, flows: Path, packet: bytes, tmp_path: Path, form: str) -> None:  # noqa: F811
        other = tmp_path / "other.o"
        assert cli("convert", flows, "--to", form, "-o", other).code == 0
        ran = cli("run", other, "--hex", packet.hex(), "--maps", "--json").json
        assert ran["maps"] == {"flows": [{"key": json.loads(KEY), "value": 1}]}

    def test_the_packet_comes_from_stdin(self, flows: Path, packet: bytes) -> None:
        result = spawn("run", flows, "--data", "-", "--maps", packet=packet)
        assert result.returncode == 0 and b"10.0.0.1" in result.stdout

    def test_a_packet_by_default(self, cli: Cli, flows: Path) -> None:  # noqa: F811
        assert cli("run", flows, "--json").json["data"] == bytes(64).hex()

    def test_what_became_of_the_packet(self, cli: Cli, maps: Path, tmp_path: Path) -> None:  # noqa: F811
        out = tmp_path / "out.bin"
        result = cli("run", maps, "--program", "grow", "--out", out)
        assert "XDP_TX" in result.out and "68 bytes, changed; it had 64" in result.out
        assert len(out.read_bytes()) == 68

    def test_names_of_tc_actions_and_variables(self, cli: Cli, maps: Path) -> None:  # noqa: F811
        assert cli("run", maps, "--program", "shot", "--json").json["retval_name"] == "TC_ACT_SHOT"
        ran = cli("run", maps, "--program", "shot", "--set", "limit=100", "--maps", "--json").json
        assert (ran["retval"], ran["retval_name"]) == (-1, "TC_ACT_UNSPEC")
        assert ran["variables"] == {"limit": 100}
        assert ran["maps"][f"{PREFIX}_array"][0] == {"key": 0, "value": {"c": "RED", "name": "", "n": [0, 0]}}
        assert ran["maps"][f"{PREFIX}_percpu"] == []
        assert ran["maps"][f"{PREFIX}_queue"] is None and ran["maps"][f"{PREFIX}_ring"] is None

    def test_zeros_are_left_out(self, cli: Cli, maps: Path) -> None:  # noqa: F811
        result = cli("run", maps, "--program", "shot", "--maps")
        assert result.code == 0
        assert f"map {PREFIX}_array: array, u32 -> struct rec\n(3 elements are zero)\n" in result.out

    def test_contexts(self, cli: Cli, tmp_path: Path) -> None:  # noqa: F811
        sum_o = tmp_path / "sum.o"
        assert cli("cc", ROOT / "examples" / "syscall_sum.c", "-o", sum_o).code == 0
        ctx = {"count": 3, "values": [1, 2, 3, *[0] * 13], "sum": 0}
        ran = cli("run", sum_o, "--ctx", json.dumps(ctx), "--json").json
        assert ran["ctx"] == ctx | {"sum": 6}
        raw = api.open(sum_o).load
        with raw() as bpf:
            codec = bpf.programs["sum"].ctx_codec()
            assert codec is not None
            hexed = "0x" + codec.pack(ctx).hex()
        assert cli("run", sum_o, "--ctx", hexed, "--json").json["ctx"] == codec.pack(ctx | {"sum": 6}).hex()
        assert cli("run", sum_o, "--json").json["ctx"]["sum"] == 0
        assert cli("run", sum_o, "--ctx", '{"cuont": 1}').code == 1
        assert cli("run", sum_o, "--ctx", "0xz").code == 1

    def test_types(self, cli: Cli, maps: Path) -> None:  # noqa: F811
        result = cli("run", maps, "--program", "odd")
        assert result.code == 1 and "'odd'" in result.err
        assert cli("run", maps, "--program", "odd", "--type", "odd=xdp", "--json").json["retval_name"] == "XDP_DROP"

    def test_what_the_verifier_refuses(self, cli: Cli, maps: Path) -> None:  # noqa: F811
        result = cli("run", maps, "--program", "bad")
        assert result.code == 1 and not result.out
        assert "invalid access to packet" in result.err and "maps.c:" in result.err
        assert result.err.count("\n") == 2 and "--log" in result.err
        whole = cli("run", maps, "--program", "bad", "--log")
        assert whole.code == 1 and "processed " in whole.err and whole.err.rstrip().count("\n") > 5
        assert "processed " in cli("run", maps, "--program", "shot", "-v").err

    def test_mistakes(self, cli: Cli, maps: Path, flows: Path) -> None:  # noqa: F811
        result = cli("run", maps)
        assert result.code == 2 and "one of " in result.err
        assert "near: shot" in cli("run", maps, "--program", "shott").err
        assert cli("run", flows, "--hex", "0x1").code == 2
        assert cli("run", flows, "--hex", "00", "--data", "x").code == 2
        assert cli("run", flows, "--repeat", "0").code == 2
        assert cli("run", flows, "--data", "/missing").code == 1
        assert cli("run", flows, "--set", "nothing=1").code == 1
        assert cli("run", flows, "--set", "nothing").code == 2
        assert cli("run", maps, "--program", "shot", "--set", "limit=many").code == 1
        assert cli("run", flows, "--hex", "00").code == 1  # the kernel wants a whole Ethernet header

    def test_the_other_byte_order(self, cli: Cli, flows: Path, tmp_path: Path) -> None:  # noqa: F811
        other = "big" if sys.byteorder == "little" else "little"
        path = tmp_path / "other.o"
        assert cli("convert", flows, "--byte-order", other, "-o", path).code == 0
        result = cli("run", path)
        assert result.code == 1 and f"{other} endian" in result.err

    def test_without_privileges(self, flows: Path) -> None:
        setpriv = need_tool("setpriv")
        command = [setpriv, "--inh-caps=-all", "--bounding-set=-all"]
        tried = subprocess.run([*command, "true"], check=False, capture_output=True)
        if tried.returncode:
            skip_or_fail(f"no process without privileges can be made: {tried.stderr!r}")
        command += [sys.executable, "-m", "btfkit"]
        done = [
            subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, env=ENVIRONMENT)
            for arguments in (["run", str(flows)], ["map", "list"], ["plan", str(flows)])
        ]
        assert [process.returncode for process in done] == [3, 3, 0]
        assert "missing" in done[0].stderr and "missing" in done[1].stderr


@pytest.fixture
def loaded(maps: Path) -> Iterator[LoadedObject]:
    with api.open(maps).load(programs=["shot"]) as bpf:
        yield bpf


@pytest.fixture
def counting(flows: Path) -> Iterator[tuple[LoadedObject, int]]:
    """flows.o in the kernel, and the id of its map."""
    with api.open(flows).load() as bpf:
        yield bpf, bpf.maps["flows"].info.id


def map_id(bpf: LoadedObject, name: str) -> int:
    number: int = bpf.maps[name].info.id
    return number


@pytest.mark.usefixtures("require_bpf")
class TestMap:
    def test_list(self, cli: Cli, loaded: LoadedObject) -> None:  # noqa: F811
        entries = {entry["id"]: entry for entry in cli("map", "list", "--json").json}
        array = entries[map_id(loaded, f"{PREFIX}_array")]
        assert (array["name"], array["type"], array["max_entries"]) == (f"{PREFIX}_array", "array", 3)
        assert (array["key_type"], array["value_type"]) == ("u32", "struct rec")
        lines = cli("map", "list").out.splitlines()
        assert lines[0].split() == ["id", "name", "type", "key", "value", "entries"]
        wanted = [str(map_id(loaded, f"{PREFIX}_array")), f"{PREFIX}_array", "array", "u32", "struct", "rec", "3"]
        assert wanted in [line.split() for line in lines]

    def test_there_and_back(self, cli: Cli, counting: tuple[LoadedObject, int]) -> None:  # noqa: F811
        bpf, number = counting
        assert cli("map", "lookup", number, KEY).code == 1
        assert cli("map", "update", number, KEY, "5", "--exist").code == 1
        assert cli("map", "update", number, KEY, "5", "--noexist") == (0, "", "")
        assert cli("map", "update", number, KEY, "6", "--noexist").code == 1
        assert cli("map", "lookup", number, KEY).out == "5\n"
        assert cli("map", "lookup", number, KEY, "--json").json == 5
        assert cli("map", "update", number, '["10.0.0.1", "10.0.0.2", "0x50"]', "0x10").code == 0
        assert cli("map", "dump", number, "--json").json == [{"key": json.loads(KEY), "value": 16}]
        words = [line.split() for line in cli("map", "dump", number).out.splitlines()]
        assert words == [["src", "dst", "port", "value"], ["10.0.0.1", "10.0.0.2", "80", "16"]]
        assert cli("map", "delete", number, KEY) == (0, "", "")
        assert cli("map", "delete", number, KEY).code == 1
        assert cli("map", "dump", number) == (0, "", "")
        assert len(bpf.maps["flows"]) == 0

    def test_by_name(self, cli: Cli, loaded: LoadedObject) -> None:  # noqa: F811
        assert cli("map", "update", f"{PREFIX}_array", "1", '{"c": "GREEN", "name": "abc", "n": [-1, 2]}').code == 0
        assert cli("map", "lookup", f"{PREFIX}_array", "1", "--json").json == {
            "c": "GREEN",
            "name": "abc",
            "n": [-1, 2],
        }
        table = cli("map", "dump", f"{PREFIX}_array").out.splitlines()
        assert table[0].split() == ["key", "c", "name", "n"]
        assert f"near: {PREFIX}_array" in cli("map", "dump", f"{PREFIX}_arrey").err
        assert cli("map", "delete", f"{PREFIX}_array", "1").code == 1

    def test_by_pin(self, cli: Cli, loaded: LoadedObject, tmp_path: Path) -> None:  # noqa: F811
        from btfkit.load.linux.sys import obj_pin

        mounted = subprocess.run(["mount", "-t", "bpf", "bpf", tmp_path], check=False, capture_output=True)
        if mounted.returncode:
            skip_or_fail(f"no bpf file system can be mounted: {mounted.stderr!r}")
        try:
            pin = tmp_path / "array"
            obj_pin(loaded.maps[f"{PREFIX}_array"].fileno(), pin)
            assert cli("map", "lookup", pin, "0", "--json").json["c"] == "RED"
            assert cli("map", "dump", tmp_path / "missing").code == 1
        finally:
            subprocess.run(["umount", tmp_path], check=True)

    def test_per_cpu(self, cli: Cli, loaded: LoadedObject) -> None:  # noqa: F811
        number = map_id(loaded, f"{PREFIX}_percpu")
        cpus = loaded.maps[f"{PREFIX}_percpu"].store.cpus
        assert cli("map", "update", number, "7", "-3").code == 0
        assert cli("map", "lookup", number, "7", "--json").json == [-3] * cpus
        each = list(range(cpus))
        assert cli("map", "update", number, "7", json.dumps(each)).code == 0
        assert cli("map", "dump", number, "--json").json == [{"key": 7, "value": each}]
        assert cli("map", "dump", number).code == 0
        assert cli("map", "update", number, "7", "[1, 2, 3, 4, 5, 6, 7, 8, 9]" + " " * 3).code == (cpus != 9)

    def test_queues(self, cli: Cli, loaded: LoadedObject) -> None:  # noqa: F811
        number = map_id(loaded, f"{PREFIX}_queue")
        assert cli("map", "lookup", number).code == 1
        for value in (4, 5):
            assert cli("map", "update", number, value).code == 0
        # The kernel takes no BTF for these: the types are not known any more.
        assert cli("map", "lookup", number).out == "04 00 00 00\n"
        assert [cli("map", "delete", number, "--json").json for _ in range(2)] == ["04000000", "05000000"]
        assert "is empty" in cli("map", "delete", number).err
        assert cli("map", "dump", number).code == 1
        assert cli("map", "lookup", number, "1").code == 2
        assert cli("map", "update", number, "1", "2").code == 2

    def test_bloom_filters(self, cli: Cli, loaded: LoadedObject) -> None:  # noqa: F811
        number = map_id(loaded, f"{PREFIX}_bloom")
        assert cli("map", "update", number, 4).code == 0
        assert cli("map", "lookup", number, 4).code == 0
        assert cli("map", "lookup", number, 5).code == 1

    @pytest.mark.parametrize(
        ("arguments", "code", "text"),
        [
            (["update", "cli_array", "9", "{}"], 1, "map 'cli_array'"),
            (["update", "cli_array", "0", '{"c": "BLUE", "name": "", "n": [0, 0]}'], 1, "BLUE"),
            (["update", "cli_array", "x", "{}"], 1, "map 'cli_array': "),
            (["update", "cli_array", "0", "{"], 1, "JSON"),
            (["update", "cli_array", "0"], 2, "wants KEY and VALUE"),
            (["lookup", "cli_array"], 2, "wants KEY"),
            (["lookup", "cli_array", "-1"], 1, "does not fit"),
            (["lookup", "cli_array", "3"], 1, "there is no 3"),
            (["dump", "cli_array", "0"], 2, "wants nothing"),
            (["lookup", "--exist", "cli_array", "0"], 2, "goes with update"),
            (["dump", "cli_ring"], 1, "cli_ring"),
            (["dump", "999999999"], 1, "999999999"),
            (["dump", "99999999999999999999"], 1, ""),
            (["dump", "/sys/fs/bpf/none/such"], 1, "/sys/fs/bpf/none/such"),
            (["dump", ""], 1, ""),
        ],
    )
    def test_mistakes(self, cli: Cli, loaded: Any, arguments: list[str], code: int, text: str) -> None:  # noqa: F811
        result = cli("map", *(word.replace("cli_", f"{PREFIX}_") for word in arguments))
        assert (result.code, result.out) == (code, "")
        assert text.replace("cli_", f"{PREFIX}_") in result.err


def test_permission_is_asked_before(require_bpf: probe.Features) -> None:
    assert require_bpf.permitted
