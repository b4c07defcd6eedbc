"""What the verbs that compile share: options, and the object written in the form asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from btfkit.cli import exits
from btfkit.cli.outputs import add_output, write_output
from btfkit.cli.report import warn

if TYPE_CHECKING:
    from btfkit.object import BpfObject

FORMS = ("instance", "libbpf", "sidecar", "classic", "proposed")


def add_target(parser: argparse.ArgumentParser, *, cpus: Sequence[str], plain: bool = False) -> None:
    """The options -o, --form, --byte-order, --cpu, --strict. plain: there is a form that nothing is converted for."""
    add_output(parser, "the object; default: SOURCE with .o, in the current directory", required=False)
    forms, more = ((*FORMS, "plain"), "; plain: as the compiler made it") if plain else (FORMS, "")
    parser.add_argument("--form", choices=forms, default="instance", help=f"default: instance{more}")
    parser.add_argument("--strict", action="store_true", help="what the form cannot say is an error")
    parser.add_argument("--byte-order", choices=("little", "big"), default=sys.byteorder, help="default: as here")
    parser.add_argument("--cpu", choices=cpus, default="v3", help="instruction set; default: v3")


def output_of(args: argparse.Namespace) -> str:
    """Where the object goes. Ends with `exits.USAGE` where that is the source file."""
    output = args.output or os.path.splitext(os.path.basename(args.source))[0] + ".o"
    if os.path.realpath(output) == os.path.realpath(args.source):
        exits.usage_error(args, f"{output} is the source file")
    return str(output)


def write_in_form(path: str, obj: BpfObject, args: argparse.Namespace) -> None:
    """Write the object in the form of --form; what that cannot say is a warning."""
    from btfkit.convert import convert  # noqa: PLC0415 (see main: start quickly)
    from btfkit.object import write_object  # noqa: PLC0415

    out = convert(obj, args.form, strict=args.strict)
    warn(out.warnings)
    write_output(path, write_object(out))
