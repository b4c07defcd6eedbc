"""Parse the kernel's BTF and look names up in it, beside libbpf. Run: python benchmarks/parse.py"""

from __future__ import annotations

import random
from pathlib import Path

from measure import Libbpf, Row, arguments, in_process, python, run

from btfkit.codec import decode_btf
from btfkit.format.kinds import Kind
from btfkit.model.btf import Btf


def sample(btf: Btf, count: int) -> list[str]:
    """Names of types, evenly spread, the same ones each time."""
    named = sorted(
        {type_.name for _, type_ in btf if type_.name and type_.kind in (Kind.STRUCT, Kind.FUNC, Kind.TYPEDEF)}
    )
    return random.Random(1).sample(named, min(count, len(named)))


def find(btf: Btf, names: list[str]) -> None:
    for name in names:
        if not btf.find_all(name):
            raise SystemExit(f"{name} is not found")


def main() -> None:
    options = arguments(__doc__)
    path: Path = options.file
    libbpf = Libbpf()

    def parse() -> Btf:
        return decode_btf(path.read_bytes())

    every = parse()
    rows = [Row("parse", in_process(parse), {"libbpf": libbpf.clock("parse", path)})]
    for count in (1, 100, 10_000):
        names = sample(every, count)
        plural = "name" if count == 1 else "names"
        rows.append(
            Row(
                f"parse and find {count:,} {plural}",
                in_process(lambda names=names: find(parse(), names)),
                {"libbpf": libbpf.clock("find", path, names)},
            )
        )
        rows.append(
            Row(
                f"find {count:,} {plural} in what is parsed",
                in_process(lambda btf, names=names: find(btf, names), parse),
                {"libbpf": libbpf.clock("found", path, names)},
            )
        )
    types = "list(btf)"
    rows.append(Row("parse and decode every type", in_process(lambda: list(parse())), {}))
    code = "from btfkit.codec import decode_btf; btf = decode_btf(open({!r}, 'rb').read()); {}"
    for what, work in (("parse", ""), ("find task_struct", "btf.find_all('task_struct')"), ("every type", types)):
        clock = python(code.format(str(path), work))
        assert clock is not None
        rows.append(Row(f"whole process: {what}", clock, {}))
    run(rows, options.rounds)


if __name__ == "__main__":
    main()
