"""``btfkit plan``: what loading would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from btfkit.cli import exits
from btfkit.cli.inputs import add_btf, add_dialect, add_file, kernel_btf, read_object_file
from btfkit.cli.report import warn
from btfkit.cli.text import print_json, printable
from btfkit.errors import TypeNotFoundError

if TYPE_CHECKING:
    from btfkit.load.plan import LoadPlan, ProgramPlan

DESCRIPTION = """\
Print the load plan of an object: the maps that would be made; per program its instructions with its subprograms behind
it, which of them wait for a map's descriptor, where in the code each function starts; and where variables lie. Nothing
is loaded, and no privilege is needed."""

EXAMPLES = """\
  btfkit plan flows.o
  btfkit plan flows.o --program count --json
  btfkit plan latency.py --btf vmlinux-6.1.btf
  btfkit plan prog.o --type xdp --program my_prog"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object of any form")
    parser.add_argument("--program", metavar="NAME", action="append", default=[], help="only this program; all maps")
    add_type(parser)
    add_btf(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, instructions as hex digits")
    add_dialect(parser)


def add_type(parser: argparse.ArgumentParser) -> None:
    """The option --type."""
    parser.add_argument(
        "--type",
        metavar="NAME=SECTION",
        action="append",
        default=[],
        help="the type of the program NAME, or of those in the section NAME, whose section's own name does not say it: "
        "a section name that does, such as xdp, tc, kprobe/do_exit",
    )


def make(args: argparse.Namespace) -> LoadPlan:
    """The plan of the file."""
    from btfkit.convert.forms import upgrade  # noqa: PLC0415 (see main: start quickly)
    from btfkit.load.plan import make_plan  # noqa: PLC0415

    types = dict(text.partition("=")[::2] for text in args.type)
    if not all(types.values()):
        exits.usage_error(args, "--type is NAME=SECTION")
    btf = kernel_btf(args)
    return make_plan(upgrade(read_object_file(args.file, args.dialect, btf)), types=types, btf=btf)


def program_of(plan: LoadPlan, name: str) -> ProgramPlan:
    """The program of that name. TypeNotFoundError, with near names."""
    import difflib  # noqa: PLC0415 (only for a mistake)

    found = [program for program in plan.programs if name in plan.names(program)]
    if not found:
        names = [program.name for program in plan.programs]
        near = difflib.get_close_matches(name, names, n=3) or names[:5]
        raise TypeNotFoundError(f"there is no program {name!r}", near=near, path=plan.path)
    return found[0]


def run(args: argparse.Namespace) -> int:
    """Print the plan; the exit code."""
    from btfkit.load.plan import format_plan, plan_to_json  # noqa: PLC0415

    plan = make(args)
    if args.program:
        wanted = [program_of(plan, name) for name in args.program]
        plan.programs = [program for program in plan.programs if program in wanted]
    warn(plan.warnings)
    if args.json:
        print_json(plan_to_json(plan))
    else:
        plan.warnings = []  # they are on stderr
        print("\n".join(map(printable, format_plan(plan).split("\n"))))
    return exits.OK
