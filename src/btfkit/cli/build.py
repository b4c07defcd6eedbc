"""``btfkit build``: a Python source file to an object."""

from __future__ import annotations

import argparse

from btfkit.cli import exits
from btfkit.cli.compiling import add_target, output_of, write_in_form
from btfkit.cli.inputs import add_btf, compile_python, kernel_btf
from btfkit.cli.outputs import write_output

DESCRIPTION = """\
Compile the BPF programs in a Python source file to an object, in instance form unless --form says otherwise. Nothing
else is needed: no C compiler, no headers. docs/python.md describes the language.

The file is run as a module, so that its types, maps and constants are there: its `if __name__ == "__main__":` block is
not run, and what it prints goes to stderr. Everything that is wrong with the programs is reported at once, and then
there is no object.

Fields of the kernel's types are found again in the kernel that loads the object, whatever --btf it was built with."""

EXAMPLES = """\
  btfkit build flows.py
  btfkit build flows.py -o flows.o --form libbpf
  btfkit build flows.py --byte-order big --cpu v4 -o flows.be.o
  btfkit build probes.py --arch aarch64 --btf vmlinux-arm64.btf"""

ARCHES = ("x86_64", "aarch64")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a Python source file")
    add_target(parser, cpus=("v2", "v3", "v4"))
    parser.add_argument("--arch", choices=ARCHES, help="of the machine whose registers probes read; default: this one")
    add_btf(parser)
    parser.add_argument("--emit-llvm", metavar="FILE", help="also write the code as LLVM's IR; - is stdout")


def run(args: argparse.Namespace) -> int:
    """Compile; the exit code."""
    output = output_of(args)
    texts: list[str] = []
    try:
        obj = compile_python(
            args.source,
            byte_order=args.byte_order,
            cpu=args.cpu,
            arch=args.arch,
            btf=kernel_btf(args),
            llvm=texts.append,
        )
    finally:
        if args.emit_llvm is not None and texts:
            write_output(args.emit_llvm, texts[0].encode())
    write_in_form(output, obj, args)
    return exits.OK
