"""Dump the kernel's BTF as raw lines, C and JSON, beside bpftool and libbpf. Run: python benchmarks/dump.py"""

from __future__ import annotations

from pathlib import Path

from measure import Clock, Libbpf, Row, arguments, in_process, process, python, run

from btfkit.codec import decode_btf
from btfkit.dump import dump_c, dump_json, load_json, raw_text
from btfkit.model.btf import Btf


def whole(path: Path, work: str) -> Clock:
    code = (
        "import sys; from btfkit.codec import decode_btf; from btfkit.dump import *; "
        f"btf = decode_btf(open({str(path)!r}, 'rb').read()); sys.stdout.write({work})"
    )
    clock = python(code)
    assert clock is not None
    return clock


def main() -> None:
    options = arguments(__doc__)
    path: Path = options.file
    libbpf = Libbpf()

    def parse() -> Btf:
        return decode_btf(path.read_bytes())

    def bpftool(*more: str) -> dict[str, Clock | None]:
        return {"bpftool": process("bpftool", *more[:-1], "btf", "dump", "file", path, *more[-1].split())}

    text = dump_json(parse())
    rows = [
        Row("raw lines, in process", in_process(raw_text, parse), {}),
        Row("raw lines, whole process", whole(path, "raw_text(btf)"), bpftool("")),
        Row("C, in process", in_process(dump_c, parse), {"libbpf": libbpf.clock("c", path)}),
        Row("C, whole process", whole(path, "dump_c(btf)"), bpftool("format c")),
        Row("C with asserts, in process", in_process(lambda btf: dump_c(btf, asserts=True), parse), {}),
        Row("JSON, in process", in_process(dump_json, parse), {}),
        Row("JSON, whole process", whole(path, "dump_json(btf)"), bpftool("-j", "")),
        Row("JSON read back, in process", in_process(lambda: load_json(text)), {}),
    ]
    run(rows, options.rounds)


if __name__ == "__main__":
    main()
