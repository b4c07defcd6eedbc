"""Write src/btfkit/bpf/__init__.pyi: the vocabulary as type checkers and editors see it.

The package makes many of its names from tables; this spells them out. Run: python tools/make_stub.py [--check]
"""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

from btfkit.bpf import constants, contexts, packet, structs, words
from btfkit.bpf.helper_table import HELPERS, Helper
from btfkit.bpf.kinds import KINDS
from btfkit.bpf.maps import MAP_CLASSES

OUT = Path(__file__).resolve().parents[1] / "src" / "btfkit" / "bpf" / "__init__.pyi"
INTS = ["be16", "be32", "be64", "char", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]
RECORDS = ["Bits", "Context", "Header", "Ptr", "Struct", "Union", "sizeof"]
NUMBERS = frozenset({"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "be16", "size"})


def exported(module: object) -> list[str]:
    """The names that `btfkit.bpf` takes from a table's module."""
    import btfkit.bpf as vocabulary  # noqa: PLC0415

    mine = vars(module)
    taken = {*INTS, *RECORDS}
    own = (name for name in vocabulary.__all__ if name in mine and name not in taken)
    return sorted(name for name in own if mine[name] is getattr(vocabulary, name))


def imports(module: str, names: list[str]) -> str:
    return "\n".join([f"from btfkit.bpf.{module} import (", *(f"    {name} as {name}," for name in names), ")"])


def helper(row: Helper) -> str:
    """A helper as a function; sizes of memory can be left out."""
    seen: set[str] = set()
    params = []
    for number, arg in enumerate(row.args):
        name = arg.name if arg.name.isidentifier() and not keyword.iskeyword(arg.name) else f"arg{number}"
        name = name if name not in seen else f"{name}{number}"
        seen.add(name)
        kind = "*args: Any" if arg.kind == "..." else f"{name}: {'int' if arg.kind in NUMBERS else 'Any'}"
        params.append(kind + (" = ..." if arg.kind == "size" or (params and params[-1].endswith("...")) else ""))
    result = "None" if row.returns == "void" else "int" if row.returns in NUMBERS else "Any"
    params = [p.removesuffix(" = ...") if p.startswith("*") else p for p in params]
    return f"def {row.name}({', '.join(params)}) -> {result}: ..."


def stub() -> str:
    """The whole text."""
    parts = [
        "# Written by tools/make_stub.py. What these names are: btfkit/bpf/__init__.py.",
        "# ruff: noqa",
        "from typing import Any, Final as Final",
        "from btfkit.bpf.programs import Decorator",
        "from btfkit.bpf.struct_ops import StructOpsDecorator",
        imports("session", ["load"]),
        imports("ints", INTS),
        imports("records", RECORDS),
        imports("maps", sorted(cls.__name__ for cls in MAP_CLASSES)),
        imports("words", ["Static", "kernel", "kfunc"]),
        "from btfkit.bpf.structs import bpf_spin_lock as SpinLock, bpf_timer as Timer",
    ]
    for name, module in (("constants", constants), ("contexts", contexts), ("structs", structs), ("packet", packet)):
        parts.append(imports(name, exported(module)))
    parts += [f"{name}: {'StructOpsDecorator' if name == 'struct_ops' else 'Decorator'}" for name in sorted(KINDS)]
    parts += [f"def {name}(*args: Any) -> Any: ..." for name in sorted(words.WORDS)]
    parts += [helper(HELPERS[name]) for name in sorted(HELPERS) if name not in words.WORDS and name not in KINDS]
    return "\n".join(parts) + "\n"


def main() -> int:
    text = stub()
    if "--check" in sys.argv[1:]:
        return int(not OUT.is_file() or OUT.read_text() != text)
    OUT.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
