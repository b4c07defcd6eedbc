"""Read a map of the running kernel as typed values, beside bpftool; load an object. Run: python benchmarks/maps.py

Needs root. The map holds 100,000 elements of ``map<u32, u64>``, filled through bpf(2).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import HERE, Row, arguments, in_process, process, python, run

import btfkit
from btfkit.frontend.c import compile_c

SOURCE = """
#include <btfkit/bpf.h>
struct {
    __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 100000); __type(key, u32); __type(value, u64);
} big SEC(".maps");
SEC("socket") int use(struct __sk_buff *skb) { u32 k = 1; return bpf_map_lookup_elem(&big, &k) != 0; }
char _license[] SEC("license") = "GPL";
"""
COUNT = 100_000


def main() -> None:
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "big.c"
        source.write_text(SOURCE)
        plain = Path(folder) / "big.o"
        plain.write_bytes(compile_c(source))
        flows = Path(folder) / "flows.o"
        flows.write_bytes(compile_c(HERE.parent / "examples" / "protocols.c"))
        pin = "/sys/fs/bpf/btfkit-benchmark"
        with btfkit.open(plain).load() as bpf:
            big = bpf.maps["big"]
            big.update({number: number * 3 for number in range(COUNT)})
            map_id = str(big.info.id)

            def items() -> int:
                return sum(1 for _ in big.items())

            def load() -> None:
                btfkit.open(flows).load().close()

            dump = f"from btfkit.cli.main import main; main(['map', 'dump', '{map_id}'])"
            loaded = python(f"import btfkit; btfkit.open({str(flows)!r}).load().close()")
            with_bpftool = process("sh", "-c", f"bpftool prog loadall {flows} {pin} && rm -r {pin}")
            whole = python(dump)
            assert whole is not None and loaded is not None
            rows = [
                Row("items() of 100,000, in process", in_process(items), {}),
                Row(
                    "map dump of 100,000, whole process",
                    whole,
                    {"bpftool": process("bpftool", "map", "dump", "id", map_id)},
                ),
                Row("open, upgrade, load an object, in process", in_process(load), {}),
                Row("load an object, whole process", loaded, {"bpftool": with_bpftool}),
            ]
            run(rows, options.rounds)


if __name__ == "__main__":
    main()
