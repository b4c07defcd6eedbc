"""Compile a C source file to a BPF object.

In: the path of a source file, a compiler (`compilers.find_compiler`), and options that mean the same for every
compiler. Out: the ELF object's bytes, as the compiler made them, with BTF. Files are written to a temporary directory
only. Left to others: linking, and whatever turns the object into instance form.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from btfkit.errors import SourceError
from btfkit.frontend.c.compilers import Compiler, Family, find_compiler

__all__ = ["INCLUDE_DIR", "ByteOrder", "Compiled", "Cpu", "compile_c", "run_compiler"]

ByteOrder = Literal["little", "big"]
Cpu = Literal["v1", "v2", "v3", "v4"]

INCLUDE_DIR = Path(__file__).resolve().parent / "include"
"""The directory of ``<btfkit/bpf.h>`` and ``<btfkit/net.h>``."""

_CWD = "/btfkit.cwd"
"""Stands for the working directory in the debug information, until it is mapped to nothing."""

# Paths in the debug information are as the user wrote them: the working directory and the place where this package
# is installed are left out. So an object does not depend on where it was made. The source lines are still found.
# (GCC 12 has no line information; it leaves the absolute path as a string in .BTF, whatever the options, that nothing
# refers to.)
_CLANG_PATHS = (
    f"-fdebug-compilation-dir={_CWD}",
    f"-fdebug-prefix-map={_CWD}=",
    f"-fdebug-prefix-map={INCLUDE_DIR / 'btfkit'}=btfkit",
)


@dataclass(frozen=True, slots=True)
class _Flags:
    """One family's way to say what all of them are told."""

    byte_order: dict[ByteOrder, tuple[str, ...]]
    always: tuple[str, ...]


_FLAGS: dict[Family, _Flags] = {
    "clang": _Flags(
        byte_order={"little": ("-target", "bpfel"), "big": ("-target", "bpfeb")},
        always=("-g", *_CLANG_PATHS, "-fno-stack-protector"),
    ),
    # zig makes unwind tables (.eh_frame) unless told otherwise, adds checks that trap below -O2, and takes memset()
    # for a function that somebody else has to supply.
    "zig": _Flags(
        byte_order={"little": ("-target", "bpfel-freestanding-none"), "big": ("-target", "bpfeb-freestanding-none")},
        always=(
            "-g",
            *_CLANG_PATHS,
            "-fno-stack-protector",
            "-fno-asynchronous-unwind-tables",
            "-fno-unwind-tables",
            "-fno-sanitize=undefined",
            "-fhosted",
            "-fbuiltin",
        ),
    ),
    # With the two passes on, GCC changes the parameters of a static subprogram behind the back of its BTF: packet
    # pointers become integers on the way, and the verifier refuses them.
    "gcc": _Flags(
        byte_order={"little": ("-mlittle-endian",), "big": ("-mbig-endian",)},
        always=("-gbtf", "-fno-ipa-sra", "-fno-ipa-cp"),
    ),
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiler made.

    object:   the bytes of the ELF object
    messages: what the compiler said nevertheless, a line each: warnings and notes
    command:  the command line, to be shown
    """

    object: bytes
    messages: tuple[str, ...]
    compiler: Compiler
    command: tuple[str, ...]


def compile_c(
    source: str | os.PathLike[str],
    *,
    compiler: Compiler | str | os.PathLike[str] | None = None,
    byte_order: ByteOrder = "little",
    cpu: Cpu | None = "v3",
    opt: str = "-O2",
    defines: Sequence[str] = (),
    include_dirs: Sequence[str | os.PathLike[str]] = (),
    extra_args: Sequence[str] = (),
) -> bytes:
    """Return the ELF object that a C compiler makes of a source file; see `run_compiler`."""
    return run_compiler(
        source,
        compiler=compiler,
        byte_order=byte_order,
        cpu=cpu,
        opt=opt,
        defines=defines,
        include_dirs=include_dirs,
        extra_args=extra_args,
    ).object


def run_compiler(
    source: str | os.PathLike[str],
    *,
    compiler: Compiler | str | os.PathLike[str] | None = None,
    byte_order: ByteOrder = "little",
    cpu: Cpu | None = "v3",
    opt: str = "-O2",
    defines: Sequence[str] = (),
    include_dirs: Sequence[str | os.PathLike[str]] = (),
    extra_args: Sequence[str] = (),
) -> Compiled:
    """Compile a C source file and return the object with the compiler's messages.

    compiler:     as `find_compiler` takes it
    cpu:          the instruction set; None is the compiler's own choice
    opt:          anything but -O1, -O2 and -Os is at your own risk: at -O0 helpers are no calls of numbers, and at -O3
                  clang rewrites the parameters of static subprograms as it likes
    defines:      ``NAME`` or ``NAME=VALUE``
    include_dirs: searched after this package's own, before the compiler's
    extra_args:   options for the compiler, as they are; they come last

    Raises SourceError with the compiler's messages where it fails, or where there is no compiler.
    """
    if not isinstance(compiler, Compiler):
        compiler = find_compiler(compiler)
    path = os.fspath(source)
    if not os.path.isfile(path):
        raise SourceError("no such source file", path=path)
    flags = _FLAGS[compiler.family]
    if byte_order not in flags.byte_order:
        raise SourceError(f"byte order {byte_order!r}: neither 'little' nor 'big'", path=path)
    options = [
        *flags.byte_order[byte_order],
        *((f"-mcpu={cpu}",) if cpu else ()),
        opt,
        *flags.always,
        f"-I{INCLUDE_DIR}",
        *(f"-I{os.fspath(folder)}" for folder in include_dirs),
        *(f"-D{define}" for define in defines),
        *extra_args,
    ]
    with tempfile.TemporaryDirectory(prefix="btfkit-cc-") as scratch:
        output = Path(scratch) / "out.o"
        # A name that begins with a dash would be an option.
        command = (*compiler.command, *options, "-c", f"./{path}" if path.startswith("-") else path, "-o", str(output))
        messages = _run(compiler, command, path, _environment(scratch))
        try:
            data = output.read_bytes()
        except FileNotFoundError:
            raise SourceError(
                f"{compiler}: no object was written: {shlex.join(command)}", path=path, diagnostics=messages
            ) from None
    return Compiled(data, messages, compiler, command)


def _run(compiler: Compiler, command: tuple[str, ...], path: str, environment: dict[str, str]) -> tuple[str, ...]:
    """Run a compiler where we are, and return the lines it printed; raise SourceError where it fails."""
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SourceError(f"{compiler} cannot be started: {error}: {shlex.join(command)}", path=path) from error
    messages = tuple((result.stdout + result.stderr).splitlines())
    if result.returncode != 0:
        end = f"exit status {result.returncode}" if result.returncode > 0 else f"killed by signal {-result.returncode}"
        raise SourceError(f"{compiler}: {end}: {shlex.join(command)}", path=path, diagnostics=messages)
    return messages


def _environment(scratch: str) -> dict[str, str]:
    """Return the environment for a compiler: messages in plain English, and zig's caches in a place to be removed.

    Without a home directory zig does not start unless told where its caches are; with a cache that is kept, it does
    not repeat its warnings.
    """
    cache = os.path.join(scratch, "zig")
    return {**os.environ, "LC_ALL": "C", "NO_COLOR": "1", "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
