"""bpftool as a judge: what it says of types, and what the kernel says through it of maps and programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BPFFS = Path("/sys/fs/bpf")

DEPTH = 4
"""How many references deep two types are compared; a named struct or union ends the way."""


def bpftool(*command: str | Path) -> Any:
    """What ``bpftool -j`` answers."""
    out = subprocess.run(["bpftool", "-j", *map(str, command)], check=True, capture_output=True, text=True).stdout
    return json.loads(out) if out.strip() else {}


# -- types --------------------------------------------------------------------------------------------------


def bpftool_types(*source: str | Path) -> dict[int, dict[str, Any]]:
    """Id to type, as ``bpftool btf dump`` says: of ("file", path), ("prog", "id", n) …"""
    return {t["id"]: t for t in bpftool("btf", "dump", *source)["types"]}


REFERENCES = ("type_id", "ret_type_id", "index_type_id")
ELEMENTS = ("members", "params", "vars")


def references(type_: dict[str, Any]) -> list[int]:
    own = [type_[field] for field in REFERENCES if field in type_]
    return own + [element["type_id"] for name in ELEMENTS for element in type_.get(name, ()) if "type_id" in element]


def shape(types: dict[int, dict[str, Any]], type_id: int, depth: int = DEPTH) -> Any:
    """A type without its id, what it refers to expanded.

    A DATASEC's sizes and offsets are left out: compilers write zeros, libbpf fills them in at load; ours are filled in.
    The name of an anonymous member of an enum made by ``__ulong`` counts up, and is part of a map definition anyway.
    """
    if type_id == 0 or type_id not in types:
        return type_id
    type_ = types[type_id]
    head = (type_["kind"], type_["name"])
    if depth == 0 or (depth < DEPTH and type_["kind"] in ("STRUCT", "UNION") and type_["name"] != "(anon)"):
        return head
    skip = {"id", "kind", "name", *REFERENCES, *ELEMENTS}
    if type_["kind"] == "DATASEC":
        names = sorted(repr(shape(types, element["type_id"], depth - 1)) for element in type_.get("vars", ()))
        return (*head, tuple(names))
    fields = tuple(sorted((key, json.dumps(value)) for key, value in type_.items() if key not in skip))
    own = tuple(shape(types, type_[field], depth - 1) for field in REFERENCES if field in type_)
    elements = tuple(
        (
            element.get("name"),
            element.get("bits_offset"),
            element.get("bitfield_size"),
            shape(types, element["type_id"], depth - 1),
        )
        for name in ("members", "params")
        for element in type_.get(name, ())
    )
    return (*head, fields, own, elements)


def map_definitions(types: dict[int, dict[str, Any]]) -> set[int]:
    """Ids of the DATASECs of maps and of all that only they lead to."""
    roots = {
        i for i, t in types.items() if t["kind"] == "DATASEC" and (t["name"] == "maps" or t["name"].startswith(".maps"))
    }
    tagged = {i for i, t in types.items() if t["kind"] == "DECL_TAG"}
    served = closure(types, roots)
    kept = closure(types, set(types) - served - tagged)
    return served - kept | {i for i in tagged if types[i]["type_id"] in served - kept}


def closure(types: dict[int, dict[str, Any]], roots: set[int]) -> set[int]:
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        type_id = todo.pop()
        if type_id and type_id not in seen and type_id in types:
            seen.add(type_id)
            todo += references(types[type_id])
    return seen


def lost_types(before: Path, after: Path) -> list[str]:
    """Types that were not map definitions, and are not there (or not as often) afterwards."""
    return missing_types(bpftool_types("file", before), bpftool_types("file", after))


def missing_types(old: dict[int, dict[str, Any]], new: dict[int, dict[str, Any]]) -> list[str]:
    """As `lost_types`, of types that bpftool has read."""
    definitions = map_definitions(old)
    wanted = Counter(repr(shape(old, i)) for i in old if i not in definitions)
    have = Counter(repr(shape(new, i)) for i in new)
    return [f"{count}x {text[:160]}" for text, count in (wanted - have).items()]


# -- the kernel's view --------------------------------------------------------------------------------------


@dataclass
class View:
    """What the kernel shows of a loaded object. Data sections' maps are called by their section: ``.bss``."""

    maps: dict[str, Any] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    types: dict[int, dict[str, Any]] = field(default_factory=dict)
    said: str = ""


def kernel_view(maps: dict[str, int], programs: dict[str, int]) -> View:
    """The view of these ids."""
    view = View()
    for name, map_id in maps.items():
        shown = bpftool("map", "show", "id", str(map_id))
        keep = ("type", "flags", "bytes_key", "bytes_value", "max_entries", "frozen")
        told = {key: shown.get(key) for key in keep} | {"has types": "btf_id" in shown}
        if told["has types"]:
            told["key and value"] = _key_value(map_id)
        view.maps[data_name(name)] = told
    for name, prog_id in programs.items():
        text = subprocess.run(
            ["bpftool", "prog", "dump", "xlated", "id", str(prog_id), "linum"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        view.programs[name] = _normal(text)
        shown = bpftool("prog", "show", "id", str(prog_id))
        if shown.get("btf_id"):
            view.types = bpftool_types("prog", "id", str(prog_id))
    return view


def data_name(name: str) -> str:
    """``x.bss`` and ``.bss`` as ``.bss``."""
    return "." + name.split(".", 1)[1] if "." in name else name


def _key_value(map_id: int) -> list[tuple[Any, ...]]:
    """Kind, name and size of the types that the kernel was given for key and value."""
    types = bpftool_types("map", "id", str(map_id), "kv")
    return sorted((t["kind"], t["name"], t.get("size", 0)) for t in types.values())


def _normal(text: str) -> str:
    """Without what differs from load to load: ids, addresses, the hash of a function."""
    text = re.sub(r"map\[id:\d+\]", "map[]", text)
    text = re.sub(r"bpf_prog_[0-9a-f]{16}_", "bpf_prog_", text)
    return re.sub(r"0x[0-9a-f]{8,}", "0x…", text)


def _pinned_map(pin: Path) -> tuple[str, int]:
    """Name and id; a data section's map by its name in the kernel, as libbpf makes its dots lines in pins."""
    shown = bpftool("map", "show", "pinned", pin)
    name = shown.get("name", "")
    return name if "." in name else pin.name, shown["id"]


_COUNT = 0


@contextmanager
def libbpf_load(path: Path) -> Iterator[View | str]:
    """The view of libbpf's own load of an object, or what it said against it."""
    global _COUNT  # noqa: PLW0603 (a name for a folder)
    _COUNT += 1
    folder = BPFFS / f"btfkit-test-{os.getpid()}-{_COUNT}"
    try:
        done = subprocess.run(
            ["bpftool", "prog", "loadall", path, folder, "pinmaps", folder / "maps"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            yield done.stderr
            return
        pins = sorted(folder.iterdir()) if folder.is_dir() else []  # an object may hold nothing
        maps = sorted((folder / "maps").iterdir()) if (folder / "maps").is_dir() else []
        view = kernel_view(
            dict(_pinned_map(pin) for pin in maps),
            {pin.name: bpftool("prog", "show", "pinned", pin)["id"] for pin in pins if pin.is_file()},
        )
        view.said = done.stderr
        yield view
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["rm", "-rf", folder], check=False)


__all__ = ["View", "bpftool", "kernel_view", "libbpf_load", "lost_types", "missing_types", "shape"]
