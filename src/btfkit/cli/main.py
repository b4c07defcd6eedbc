"""``btfkit VERB …``: find the verb, hand it its arguments, turn what it raises into a message and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from btfkit.cli import exits

VERBS = {
    "build": "compile the BPF programs in a Python source file to an object",
    "cc": "compile a C source file to a BPF object, in instance form",
    "show": "list the maps, functions and variables of an object",
    "dump": "print types: bpftool's raw lines, a C header, JSON",
    "convert": "write an object, or bare BTF, in another form or byte order",
    "plan": "print what loading an object would do, without loading it",
    "run": "load an object, run one of its programs once or more, print what came of it",
    "attach": "load an object, attach its programs, print what they send",
    "map": "list maps in the kernel; read and change them as typed values",
}

_EPILOG = f"""\
verbs:
{chr(10).join(f"  {name:<9} {purpose}" for name, purpose in VERBS.items())}

`btfkit VERB --help` says more. `--json` has every table as JSON.

examples:
  btfkit build flows.py -o flows.o
  btfkit attach flows.py eth0
  btfkit cc flows.c -o flows.o
  btfkit show flows.o
  btfkit run flows.o --program count --data packet.bin --maps
  btfkit map dump flows

{exits.HELP}

environment:
  NO_COLOR           no colours and no fitting to the terminal's width
  BTFKIT_TRACEBACK   not empty: show where in btfkit an error came from (as --traceback does)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. Nothing is raised but what no program can help (an exhausted memory's kin)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    traceback = bool(os.environ.get("BTFKIT_TRACEBACK"))
    _prepare_streams()
    try:
        code = _dispatch(arguments, traceback)
    except BrokenPipeError:
        code = exits.BROKEN_PIPE
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop_stdout()
    return code


def _dispatch(arguments: list[str], traceback: bool) -> int:
    try:
        verb, rest = _verb(arguments)
        if verb is None:
            return exits.OK
        module = import_module(f"btfkit.cli.{verb}")
        parser = _verb_parser(verb, module)
        rest, extra = _split(rest) if getattr(module, "TAKES_EXTRA", False) else (rest, [])
        args = parser.parse_intermixed_args(rest)
        args.extra, args.parser = extra, parser
        traceback = traceback or args.traceback
        code = int(module.run(args))
        sys.stdout.flush()  # a disk that is full says so here
        return code
    except SystemExit as end:  # argparse's
        return end.code if isinstance(end.code, int) else exits.FAILED
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except Exception as error:
        from btfkit.cli.report import report  # noqa: PLC0415 (only where there is something to report)

        return report(error, traceback=traceback)


def _verb(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The verb and what follows it; None where there is nothing left to do. SystemExit for wrong usage."""
    parser = _top_parser()
    if not arguments:
        parser.print_help(sys.stderr)
        raise SystemExit(exits.USAGE)
    if arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
    index = next((i for i, argument in enumerate(arguments) if not argument.startswith("-")), len(arguments))
    args = parser.parse_args(arguments[:index])
    rest = (["--traceback"] if args.traceback else []) + arguments[index + 1 :]
    if args.version:
        _print_version()
        return None, []
    if index == len(arguments):
        parser.error("which verb?")
    verb = arguments[index]
    if verb not in VERBS:
        import difflib  # noqa: PLC0415 (only for a mistake)

        near = difflib.get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(VERBS)}"
        parser.error(f"there is no verb {verb!r}; {hint}")
    return verb, rest


def _top_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="btfkit",
        usage="btfkit [--version] [--help] VERB …",
        description="A toolchain for BPF: compile Python or C, see and convert what an object declares, load it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version, and how this one runs")
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    return parser


def _verb_parser(verb: str, module: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"btfkit {verb}",
        description=module.DESCRIPTION,
        epilog=f"examples:\n{module.EXAMPLES}\n\n{exits.HELP}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    module.add_arguments(parser)
    return parser


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first ``--``, and what behind it."""
    if "--" not in arguments:
        return arguments, []
    index = arguments.index("--")
    return arguments[:index], arguments[index + 1 :]


def _print_version() -> None:
    import platform  # noqa: PLC0415 (these three take longer than the rest)
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    from btfkit._core import COMPILED  # noqa: PLC0415

    try:
        number = version("btfkit")
    except PackageNotFoundError:  # run from its sources
        number = "(not installed)"
    core = "compiled" if COMPILED else "plain Python"
    print(f"btfkit {number}, core: {core}, Python {platform.python_version()}")


def _prepare_streams() -> None:
    """Names in BTF are bytes that are mostly UTF-8: they come out as they went in."""
    if sys.stdout is None:  # the shell's >&-
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open until the end)
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            utf8 = (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
            reconfigure(errors=errors if utf8 else "backslashreplace")


def _drop_stdout() -> None:
    """Let what is still to be written go nowhere: Python's own flush at exit must not complain once more."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (OSError, ValueError):
        pass
