"""Who imports whom, as data: a new edge fails here until it is written down. And what every kind must have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.codec.hexcases import read_cases

from btfkit.format.kinds import KIND_SPECS, Kind
from btfkit.model import types as t
from btfkit.model.btf import Btf

SRC = Path(__file__).parents[2] / "src" / "btfkit"

# A room is a folder or module of btfkit; the longest name that fits counts. It may import what is listed, itself, and
# what stands in the rooms that are listed.
LOW = {"errors", "_core"}
MODEL = {*LOW, "format", "model"}
CODEC = {*MODEL, "codec"}
OBJECT = {*CODEC, "elf", "object"}
BELOW_API = {*OBJECT, "values", "check", "convert", "dedup", "dump", "link", "load", "frontend", "bpf"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "_core": {"errors"},
    "format": LOW,
    "model": {*LOW, "format"},
    "codec": MODEL,
    "elf": {*LOW, "format.elf", "format.fields"},
    "object": {*CODEC, "elf"},
    "values": {"errors", "format", "model"},
    # Siblings: they do not import each other.
    "check": OBJECT,
    "convert": OBJECT,
    "dedup": OBJECT,
    "dump": OBJECT,
    "link": {*OBJECT, "dedup"},
    "load": {*OBJECT, "convert", "values"},
    "frontend": {*OBJECT, "convert", "bpf"},
    "frontend.c": {"errors"},
    "bpf": {"errors", "format"},
    "bpf.session": {"bpf", "api", "load"},
    # On top.
    "api": BELOW_API,
    "": {*BELOW_API, "api"},
    "cli": {*BELOW_API, "api", ""},
    "__main__": {"cli"},
}
"""(The empty name is the package's own __init__.)"""

MAY_IMPORT_FROM_OUTSIDE = {
    "ctypes": {"load.linux"},
    "fcntl": {"load.linux", "cli"},
    "subprocess": {"frontend.c", "cli"},
    "multiprocessing": set(),
    "llvmlite": {"frontend.python"},
    "rich": {"cli"},
    "ziglang": {"frontend.c"},
}
"""Modules from outside that only some rooms may import: what touches the kernel, processes and the terminal."""

KERNEL_PATHS = ("/sys/kernel", "/proc")
MAY_NAME_KERNEL_PATHS = {"load.linux", "cli"}


def sources() -> list[Path]:
    found = sorted(path for path in SRC.rglob("*.py") if "__pycache__" not in path.parts)
    assert found
    return found


def module_name(path: Path) -> str:
    """``model.types``; "" for the package itself."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str, rooms: object = MAY_IMPORT) -> str:
    """The longest listed name that the module stands in."""
    parts = module.split(".")
    for size in range(len(parts), 0, -1):
        name = ".".join(parts[:size])
        if name in rooms:  # type: ignore[operator]
            return name
    return "" if module == "" else module


def inside(module: str, room: str) -> bool:
    return module == room or (bool(room) and module.startswith(room + "."))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import, those inside functions and of relative names too."""
    package = [*path.relative_to(SRC.parent).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            origin = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*origin, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from btfkit.model import types` imports a module; `from btfkit.errors import X` a name.
                as_module = SRC.parent.joinpath(*module.split("."), alias.name)
                whole = as_module.is_dir() or as_module.with_suffix(".py").is_file()
                yield node.lineno, f"{module}.{alias.name}" if whole else module


def edges(path: Path) -> Iterator[tuple[int, str, str]]:
    """(line, importing module, imported module), both within btfkit."""
    for line, module in imports(path):
        if module == "btfkit" or module.startswith("btfkit."):
            yield line, module_name(path), module.removeprefix("btfkit").removeprefix(".")


def is_type_checking(path: Path, line: int) -> bool:
    """Whether that line stands under ``if TYPE_CHECKING``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return any(line == inner.lineno for inner in ast.walk(node) if hasattr(inner, "lineno"))
    return False


def ids(path: Path) -> str:
    return module_name(path) or "btfkit"


@pytest.mark.parametrize("path", sources(), ids=ids)
def test_imports_point_up(path: Path) -> None:
    wrong = []
    for line, importer, imported in edges(path):
        room = room_of(importer)
        allowed = MAY_IMPORT.get(room, set())
        if not inside(imported, room) and not any(inside(imported, name) for name in allowed):
            wrong.append(f"{path.name}:{line}: {room or 'btfkit'} imports {imported or 'btfkit'}")
    assert not wrong


def test_every_room_is_listed() -> None:
    assert {room_of(module_name(path)) for path in sources()} <= MAY_IMPORT.keys()


@pytest.mark.parametrize("path", sources(), ids=ids)
def test_who_touches_the_outside(path: Path) -> None:
    rooms = {room for allowed in MAY_IMPORT_FROM_OUTSIDE.values() for room in allowed}
    room = room_of(module_name(path), rooms)
    for line, module in imports(path):
        allowed = MAY_IMPORT_FROM_OUTSIDE.get(module.partition(".")[0])
        assert allowed is None or room in allowed, f"{path.name}:{line}: {room} imports {module}"


@pytest.mark.parametrize("path", sources(), ids=ids)
def test_who_names_the_kernels_files(path: Path) -> None:
    """Text that a program would open; in docstrings and comments anyone may."""
    if room_of(module_name(path), MAY_NAME_KERNEL_PATHS) in MAY_NAME_KERNEL_PATHS:
        return
    tree = ast.parse(path.read_text())
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            assert not node.value.startswith(KERNEL_PATHS), f"{path.name}:{node.lineno}: {node.value!r}"


def test_nothing_of_cython_is_needed_to_run() -> None:
    for path in sources():
        for line, module in imports(path):
            if module.partition(".")[0].lower() == "cython":
                assert is_type_checking(path, line), f"{path.name}:{line}: imports {module} when it runs"


def test_the_rules_hold_no_rooms_that_are_gone_wrong() -> None:
    """Each allowed name is a room or a module in one."""
    for allowed in MAY_IMPORT.values():
        for name in allowed:
            assert room_of(name) in MAY_IMPORT


# -- every kind ---------------------------------------------------------------------------------------------

INT = t.Int("int", 4)
SAMPLES: dict[Kind, t.Type] = {
    Kind.INT: INT,
    Kind.PTR: t.Ptr(1),
    Kind.ARRAY: t.Array(1, 1, 3),
    Kind.STRUCT: t.Struct("s", 4, (t.Member("m", 1, 0),)),
    Kind.UNION: t.Union("u", 4, (t.Member("m", 1, 0, 3),), True),
    Kind.ENUM: t.Enum("e", 4, (t.EnumValue("A", -1),), True),
    Kind.FWD: t.Fwd("f"),
    Kind.TYPEDEF: t.Typedef("t", 1),
    Kind.VOLATILE: t.Volatile(1),
    Kind.CONST: t.Const(1),
    Kind.RESTRICT: t.Restrict(2),
    Kind.FUNC: t.Func("fn", 13),
    Kind.FUNC_PROTO: t.FuncProto(1, (t.Param("a", 1),)),
    Kind.VAR: t.Var("v", 1),
    Kind.DATASEC: t.DataSec(".data", 4, (t.VarSecInfo(14, 0, 4),)),
    Kind.FLOAT: t.Float("double", 8),
    Kind.DECL_TAG: t.DeclTag("tag", 4, 0),
    Kind.TYPE_TAG: t.TypeTag("user", 1),
    Kind.ENUM64: t.Enum64("e64", 8, (t.EnumValue("B", 1 << 40),)),
    Kind.LOC_PARAM: t.LocParam(4, 8, (3,)),
    Kind.LOC_PROTO: t.LocProto((20,)),
    Kind.LOCSEC: t.LocSec("inline.text", (t.Loc(12, 21, 16),)),
    Kind.MAP: t.Map(1, 4),
}
"""In the order of their kinds, so that the ids are 1 to 22, and MAP is 23."""


def test_every_kind_has_a_sample_and_a_case() -> None:
    assert list(SAMPLES) == sorted(KIND_SPECS)
    assert {kind.name.lower() for kind in SAMPLES} <= read_cases("btf").keys()


@pytest.mark.parametrize("kind", SAMPLES, ids=[kind.name for kind in SAMPLES])
def test_every_dump_handles_every_kind(kind: Kind) -> None:
    from btfkit.dump.c import dump_c
    from btfkit.dump.json import dump_json
    from btfkit.dump.raw import dump_raw

    btf = Btf(list(SAMPLES.values()))
    type_id = list(SAMPLES).index(kind) + 1
    lines = "\n".join(dump_raw(btf)).splitlines()
    assert sum(line.startswith(f"[{type_id}] {kind.name} ") for line in lines) == 1
    assert "UNKNOWN" not in "".join(lines)
    assert f'"{kind.name}"' in "".join(dump_json(btf))
    assert "".join(dump_c(btf))
