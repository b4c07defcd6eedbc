"""``btfkit cc``: a C source file to an object, by way of an installed compiler."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from btfkit.cli import exits
from btfkit.cli.compiling import add_target, output_of, write_in_form
from btfkit.cli.outputs import write_output
from btfkit.cli.report import say
from btfkit.cli.text import print_json, print_table, printable

if TYPE_CHECKING:
    from btfkit.elf import Elf

DESCRIPTION = """\
Compile a C source file to a BPF object, in instance form unless --form says otherwise. The compiler is clang or GCC
for BPF as installed, or else the Python package ziglang (`pip install btfkit[c]`); `btfkit cc --list` says what there
is. It is told to optimise (-O2) and to make BTF, and finds <btfkit/bpf.h> and <btfkit/net.h>: SEC, struct bpf_map_def,
BPF_ANNOTATE_KV_PAIR, helpers, the structs of packets. What stands behind `--` is handed on to it as it is.

Its warnings go to stderr. DWARF (the sections .debug_*), which nothing here needs, is dropped unless --keep-dwarf."""

EXAMPLES = """\
  btfkit cc flows.c -o flows.o
  btfkit cc flows.c -DMAX=64 -I include --compiler gcc -o flows.o
  btfkit cc flows.c --byte-order big --form libbpf -o flows.be.o -- -Wall -Wextra
  btfkit cc --list"""

TAKES_EXTRA = True
"""What stands behind ``--`` is not ours to parse."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.usage = "btfkit cc SOURCE [-o OUT] [options] [-- compiler options]\n       btfkit cc --list [--json]"
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="a C source file")
    add_target(parser, cpus=("v1", "v2", "v3", "v4"), plain=True)
    parser.add_argument("--compiler", metavar="X", help="a path, a program's name, or a family: clang, gcc, zig")
    parser.add_argument("-O", dest="opt", metavar="LEVEL", default="2", help="optimisation, 1, 2 or s; default: 2")
    parser.add_argument("-D", dest="defines", metavar="NAME[=VALUE]", action="append", default=[], help="a macro")
    parser.add_argument("-I", dest="include_dirs", metavar="DIR", action="append", default=[], help="where headers are")
    parser.add_argument("--keep-dwarf", action="store_true", help="keep the sections .debug_*")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the compiler's command line")
    parser.add_argument("--list", action="store_true", help="list the compilers there are, the preferred one first")
    parser.add_argument("--json", action="store_true", help="--list as JSON")


def run(args: argparse.Namespace) -> int:
    """Compile, or list the compilers; the exit code."""
    if args.list:
        return _list(args)
    if args.source is None:
        exits.usage_error(args, "SOURCE is needed")
    if args.json:
        exits.usage_error(args, "--json goes with --list")
    from btfkit.frontend.c import run_compiler  # noqa: PLC0415 (see main: start quickly)

    output = output_of(args)
    compiled = run_compiler(
        args.source,
        compiler=args.compiler,
        byte_order=args.byte_order,
        cpu=args.cpu,
        opt=f"-O{args.opt}",
        defines=args.defines,
        include_dirs=args.include_dirs,
        extra_args=args.extra,
    )
    if args.verbose:
        import shlex  # noqa: PLC0415

        say(shlex.join(compiled.command))
    for line in compiled.messages:
        print(printable(line), file=sys.stderr)
    _write(output, compiled.object, args)
    return exits.OK


def _write(path: str, data: bytes, args: argparse.Namespace) -> None:
    """Write the compiler's object in the form asked for. Errors name the source file."""
    from btfkit.elf import write_elf  # noqa: PLC0415
    from btfkit.object import read_object  # noqa: PLC0415

    obj = read_object(data, args.source)
    if not args.keep_dwarf:
        drop_dwarf(obj.elf)
    if args.form == "plain":
        write_output(path, write_elf(obj.elf))
    else:
        write_in_form(path, obj, args)


def drop_dwarf(elf: Elf) -> None:
    """Take out the sections .debug_*, with their relocations and symbols, and what other sections say of these."""
    from btfkit.convert.work import drop_dangling  # noqa: PLC0415

    for section in [section for section in elf.sections if section.name.startswith(".debug_")]:
        if section in elf.sections:
            elf.remove_section(section)
    drop_dangling(elf)


def _list(args: argparse.Namespace) -> int:
    from btfkit.frontend.c import list_compilers  # noqa: PLC0415
    from btfkit.frontend.c.compilers import INSTALL_HINT  # noqa: PLC0415

    found = list_compilers()
    if args.json:
        print_json([{"name": c.name, "family": c.family, "version": c.version, "command": c.command} for c in found])
    elif found:
        rows = [(c.name, c.family, c.version, " ".join(c.command)) for c in found]
        print_table(rows, header=("name", "family", "version", "command"), styles=("bold",))
    else:
        say(INSTALL_HINT)
        return exits.FAILED
    return exits.OK
