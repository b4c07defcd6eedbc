"""The kernel's own BPF selftests as a corpus: each program that compiles goes through every form and back.

In: Debian's package linux-source-6.12 (fetched with apt-get, unpacked below build/corpus; GPL, nothing of it is kept
elsewhere), clang, bpftool, the running kernel's BTF for vmlinux.h. Out: a line per failure, and a count; exit status 1
where anything failed. Judge: ``bpftool btf dump`` of each object before and after instance form: the types that were
not map definitions must be the same ones.

    python tools/corpus.py [--only NAME …] [--jobs N] [--btf FILE] [--load]

--load also has bpftool load each object before and after, and compares what the kernel shows of maps and programs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import BtfkitError
from btfkit.object import BpfObject, read_object, write_object

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.judge import View, libbpf_load, lost_types  # noqa: E402 (the judge of the tests, which are no package that is installed)

WORK = ROOT / "build" / "corpus"
PACKAGE = "linux-source-6.12"
SELFTESTS = "tools/testing/selftests/bpf"
WANTED = (SELFTESTS, "tools/lib/bpf", "tools/include", "include/uapi", "scripts/bpf_doc.py")

DIALECTS = {"test_sk_assign": "iproute2"}
"""Objects whose ``struct bpf_map_def`` is another producer's: nothing in the file says so."""


LOCAL_IDS = {"local_kptr_stash", "task_kfunc_success"}
"""Programs whose code holds ids of their own types (BPF_CORE_TYPE_ID_LOCAL): other ids, other code."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run([str(c) for c in command], cwd=cwd, check=True, capture_output=True, text=True).stdout


def newest_clang() -> str:
    for name in ("clang-22", "clang-21", "clang-20", "clang-19", "clang"):
        if shutil.which(name):
            return name
    raise SystemExit("corpus: no clang of version 19 or later")


# -- the sources --------------------------------------------------------------------------------------------


def fetch(btf: Path) -> Path:
    """The unpacked source tree, with the headers that its Makefile would make; vmlinux.h from that BTF."""
    tree = WORK / PACKAGE
    ready = WORK / ".ready"
    if ready.exists() and ready.read_text() == str(btf):
        return tree
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    print(f"corpus: fetching {PACKAGE}", flush=True)
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
    (headers / "vmlinux.h").write_text(run("bpftool", "btf", "dump", "file", btf, "format", "c"))
    ready.write_text(str(btf))
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


def load_both(path: Path) -> list[str]:
    """What the kernel shows differently of the object and of the one that went through instance form."""
    views = []
    for source in (path, path.with_suffix(f".{Target.LIBBPF}")):
        with tempfile.TemporaryDirectory() as folder:  # one name, as libbpf calls data maps by it
            named = Path(folder) / "x.o"
            shutil.copy(source, named)
            with libbpf_load(named) as view:
                views.append(view)
    before, after = views
    if not isinstance(before, View) or not isinstance(after, View):
        return (
            []
            if type(before) is type(after)
            else [f"libbpf: only one of the two loads: {before!s:.200} {after!s:.200}"]
        )
    wrong = [f"libbpf: map {name} differs" for name in before.maps if before.maps[name] != after.maps.get(name)]
    if path.stem not in LOCAL_IDS:
        wrong += [
            f"libbpf: {name}'s code differs"
            for name, code in before.programs.items()
            if code != after.programs.get(name)
        ]
    return wrong


def work_on(job: tuple[str, Path, Path, bool]) -> tuple[str, bool, list[str]]:
    clang, source, output, load = job
    if not compile_one(clang, source, output):
        return source.stem, False, []
    wrong = check(output)
    return source.stem, True, wrong + (load_both(output) if load and not wrong else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of programs, without .c")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--btf", type=Path, default=Path("/sys/kernel/btf/vmlinux"), help="what vmlinux.h is made from")
    parser.add_argument("--load", action="store_true", help="load each object before and after, as root")
    args = parser.parse_args()
    tree, clang = fetch(args.btf), newest_clang()
    objects = WORK / "objects"
    objects.mkdir(exist_ok=True)
    sources = sorted((tree / SELFTESTS / "progs").glob("*.c"))
    jobs = [(clang, s, objects / f"{s.stem}.o", args.load) for s in sources if not args.only or s.stem in args.only]
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
