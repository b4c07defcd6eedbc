"""``btfkit attach``: load an object, attach its programs, print what they send."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from btfkit.cli import exits
from btfkit.cli.inputs import add_btf, add_dialect, add_file
from btfkit.cli.plan import add_type, make, program_of
from btfkit.cli.report import say, warn
from btfkit.cli.run import add_set, listed, start_values
from btfkit.errors import LoadError

if TYPE_CHECKING:
    from btfkit.load.plan import LoadPlan, ProgramPlan

DESCRIPTION = """\
Load an object into the running kernel, attach its programs, and print what they send: the records of its ring buffers
and perf event arrays, and what the programs print. Ctrl-C, or --for, ends it: everything is detached and closed again.

A program whose section says what it attaches to (raw_tracepoint/sched_switch) needs no TARGET. Any other gets TARGET:
  xdp, tc, netkit    an interface: eth0. tc also: --option direction=ingress, or egress, unless its section says it
  cgroup             a directory of cgroup v2: /sys/fs/cgroup/user.slice
  kprobe, uprobe     a function: do_unlinkat; PATH:FUNCTION
  raw_tracepoint     a tracepoint: sched_switch. tracepoint: CATEGORY/NAME
  netfilter          a hook: prerouting, input, forward, output or postrouting
Where several need one, --program says which. Iterators run once, and what they write is printed.

A record is a line, after the name of its map. What programs print goes through the kernel's one trace pipe: lines of
programs that are not of this object come too, and others who read it do not get these."""

EXAMPLES = """\
  btfkit attach flows.py eth0
  btfkit attach flows.py lo --option mode=generic --for 10 --maps
  btfkit attach flows.o eth0 --program count --set limit=100 --json
  btfkit attach latency.py"""

_NOT_ATTACHED = ("SYSCALL", "EXT", "STRUCT_OPS")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object of any form")
    parser.add_argument("target", metavar="TARGET", nargs="?", help="what to attach to; see above")
    parser.add_argument("--program", metavar="NAME", action="append", default=[], help="this one only; more than once")
    what = "mode, direction, pid, …: as attach() in Python"
    parser.add_argument("--option", metavar="NAME=VALUE", action="append", default=[], help=what)
    parser.add_argument("--for", dest="seconds", metavar="SECONDS", type=float, help="end by itself after that long")
    add_set(parser)
    parser.add_argument("--maps", action="store_true", help="print the object's maps and variables at the end")
    parser.add_argument("--json", action="store_true", help="records as JSON, a line each")
    add_btf(parser)
    add_type(parser)
    add_dialect(parser)


def run(args: argparse.Namespace) -> int:
    """Load, attach, print until told to end; the exit code."""
    if args.seconds is not None and not 0 <= args.seconds < 1e9:
        exits.usage_error(args, "--for takes seconds, 0 or more")
    options = dict(_option(text, args) for text in args.option)
    plan = make(args)
    chosen = _chosen(plan, args)
    names = [program.name for program in chosen] if args.program else None
    from btfkit.cli.sent import Printer  # noqa: PLC0415 (see main: start quickly)
    from btfkit.load.linux import load  # noqa: PLC0415

    with load(plan, programs=names, variables=start_values(plan, args)) as bpf:
        warn(bpf.warnings)
        with Printer(bpf, chosen, as_json=args.json) as printer:
            with ExitStack() as links:
                for program in chosen:
                    loaded, given = bpf.programs[program.name], args.target if _takes_target(program) else None
                    extra = options if given is not None or args.target is None else {}
                    if program.says == "iter":
                        printer.text(loaded.read(given, **extra))
                        continue
                    link = links.enter_context(loaded.attach(given, **extra))
                    say(f"{program.name} is attached to {getattr(link, 'target', given or program.target)}")
                if any(program.says != "iter" for program in chosen):
                    printer.follow(args.seconds)
            printer.rest()
        if args.maps:
            from btfkit.cli.ran import print_maps  # noqa: PLC0415

            print_maps(bpf)
    return exits.OK


def _chosen(plan: LoadPlan, args: argparse.Namespace) -> list[ProgramPlan]:
    """The programs to be attached. Ends with `exits.USAGE` where it is not said which of several gets TARGET."""
    if args.program:
        return [program_of(plan, name) for name in dict.fromkeys(args.program)]
    if not plan.programs:
        raise LoadError("there is no program in it", path=args.file)
    programs = [program for program in plan.programs if program.autoload]
    others = [program for program in programs if _takes_target(program) and not _is_run(program)]
    ready = [program for program in programs if not _takes_target(program)]
    if args.target is not None:
        if not others:
            exits.usage_error(args, f"none of its programs takes a TARGET: {listed(programs)}")
        if len(others) > 1:
            exits.usage_error(args, f"--program says which one TARGET is for: {listed(others)}")
        return ready + others
    if ready and others:
        say(f"not attached, for want of a TARGET: {listed(others)}")
    if not ready and len(others) != 1:
        exits.usage_error(args, f"--program and TARGET say what is to be attached where: {listed(programs)}")
    return ready or others


def _takes_target(program: ProgramPlan) -> bool:
    return not program.target or program.says == "lsm_cgroup"


def _is_run(program: ProgramPlan) -> bool:
    """It is called, not attached."""
    return program.prog_type is not None and program.prog_type.name in _NOT_ATTACHED


def _option(text: str, args: argparse.Namespace) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        exits.usage_error(args, "--option is NAME=VALUE")
    try:
        return name, int(value, 0)
    except ValueError:
        return name, value
