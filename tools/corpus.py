"""The kernel's own BPF selftests as a corpus: each program that compiles goes through every form and back.

In: Debian's package linux-source-6.12 (fetched with apt-get, unpacked below build/corpus; GPL, nothing of it is kept
elsewhere), clang, bpftool, the running kernel's BTF for vmlinux.h. Out: a line per failure, and a count; exit status 1
where anything failed. Judge: ``bpftool btf dump`` of each object before and after instance form: the types that were not
map definitions must be the same ones.

    python tools/corpus.py [--only NAME …] [--jobs N]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import BtfkitError
from btfkit.object import BpfObject, read_object, write_object

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "corpus"
PACKAGE = "linux-source-6.12"
SELFTESTS = "tools/testing/selftests/bpf"
WANTED = (SELFTESTS, "tools/lib/bpf", "tools/include", "include/uapi", "scripts/bpf_doc.py")

DIALECTS = {"test_sk_assign": "iproute2"}
"""Objects whose ``struct bpf_map_def`` is another producer's: nothing in the file says so."""

DEPTH = 4
"""How many references deep two types are compared; a named struct or union ends the way."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run([str(c) for c in command], cwd=cwd, check=True, capture_output=True, text=True).stdout


def newest_clang() -> str:
    for name in ("clang-22", "clang-21", "clang-20", "clang-19", "clang"):
        if shutil.which(name):
            return name
    raise SystemExit("corpus: no clang of version 19 or later")


# -- the sources --------------------------------------------------------------------------------------------


def fetch() -> Path:
    """The unpacked source tree, with the headers that its Makefile would make."""
    tree = WORK / PACKAGE
    if (WORK / ".ready").exists():
        return tree
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"corpus: fetching {PACKAGE}", flush=True)
    for old in WORK.glob("*.deb"):
        old.unlink()
    run("apt-get", "download", PACKAGE, cwd=WORK)
    (deb,) = WORK.glob("*.deb")
    unpacked = WORK / "deb"
    run("dpkg-deb", "-x", deb, unpacked)
    archive = unpacked / "usr" / "src" / f"{PACKAGE}.tar.xz"
    run("tar", "xf", archive, "-C", WORK, *(f"{PACKAGE}/{part}" for part in WANTED))
    shutil.rmtree(unpacked)
    deb.unlink()
    headers = WORK / "include"
    (headers / "bpf").mkdir(parents=True, exist_ok=True)
    for header in (tree / "tools/lib/bpf").glob("*.h"):
        shutil.copy(header, headers / "bpf")
    helpers = run(sys.executable, tree / "scripts/bpf_doc.py", "--header", "--file", tree / "include/uapi/linux/bpf.h")
    (headers / "bpf" / "bpf_helper_defs.h").write_text(helpers)
    (headers / "vmlinux.h").write_text(run("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"))
    (WORK / ".ready").touch()
    return tree


def compile_one(clang: str, source: Path, output: Path) -> bool:
    """Compile as the selftests' Makefile does; False where this kernel's types or this clang will not do."""
    if output.exists():
        return True
    base, headers = source.parent.parent, WORK / "include"
    command = [
        clang, "--target=bpf", "-mcpu=v3", "-g", "-O2", "-std=gnu11", "-fno-strict-aliasing", "-w",
        "-D__TARGET_ARCH_x86", "-DENABLE_ATOMICS_TESTS", "-mlittle-endian",
        f"-I{headers}", f"-I{base}", f"-I{base.parents[2]}/include/uapi", f"-I{headers / 'bpf'}",
        "-idirafter", "/usr/include/x86_64-linux-gnu", "-idirafter", "/usr/include",
        "-c", str(source), "-o", str(output),
    ]  # fmt: skip
    return subprocess.run(command, cwd=base, capture_output=True, check=False).returncode == 0


# -- the judge ----------------------------------------------------------------------------------------------


def bpftool_types(path: Path) -> dict[int, dict[str, Any]]:
    """Id to type, as ``bpftool -j btf dump file`` says."""
    return {t["id"]: t for t in json.loads(run("bpftool", "-j", "btf", "dump", "file", path))["types"]}


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
    old, new = bpftool_types(before), bpftool_types(after)
    definitions = map_definitions(old)
    wanted = Counter(repr(shape(old, i)) for i in old if i not in definitions)
    have = Counter(repr(shape(new, i)) for i in new)
    return [f"{count}x {text[:160]}" for text, count in (wanted - have).items()]


# -- the conversions ----------------------------------------------------------------------------------------


def declared(obj: BpfObject) -> list[tuple[str, str, str]]:
    return sorted((d.kind.word, d.qualified_name, d.symbol.name if d.symbol else "") for d in obj.instances)


def check(path: Path) -> list[str]:
    """What is wrong with this object's ways through the forms."""
    name = path.stem
    wrong = []
    try:
        data = path.read_bytes()
        up = upgrade(read_object(data, path.name, dialect=DIALECTS.get(name)))
        again = read_object(write_object(up), path.name)
        if again.btf != up.btf or declared(again) != declared(up):
            wrong.append("the instance object reads back differently")
        for target in Target:
            out = path.with_suffix(f".{target}")
            out.write_bytes(write_object(convert(again, target)))
            back = upgrade(read_object(out.read_bytes(), out.name))
            if target is not Target.CLASSIC and declared(back) != declared(up):
                wrong.append(f"{target}: other instances come back")
        wrong += [f"libbpf: lost {text}" for text in lost_types(path, path.with_suffix(f".{Target.LIBBPF}"))]
    except BtfkitError as error:
        wrong.append(f"{type(error).__name__}: {error}")
    except Exception as error:
        wrong.append(f"TRACEBACK {type(error).__name__}: {error}")
    return wrong


def work_on(job: tuple[str, Path, Path]) -> tuple[str, bool, list[str]]:
    clang, source, output = job
    if not compile_one(clang, source, output):
        return source.stem, False, []
    return source.stem, True, check(output)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of programs, without .c")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    tree, clang = fetch(), newest_clang()
    objects = WORK / "objects"
    objects.mkdir(exist_ok=True)
    sources = sorted((tree / SELFTESTS / "progs").glob("*.c"))
    jobs = [(clang, s, objects / f"{s.stem}.o") for s in sources if not args.only or s.stem in args.only]
    compiled = failed = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for name, ok, wrong in pool.map(work_on, jobs, chunksize=4):
            compiled += ok
            failed += bool(wrong)
            for text in wrong:
                print(f"{name}: {text}", flush=True)
    print(
        f"corpus: {len(jobs)} programs, {compiled} compiled with {clang}, {compiled - failed} convert, {failed} do not"
    )
    return 1 if failed or not compiled else 0


if __name__ == "__main__":
    sys.exit(main())
