"""``btfkit run``: load an object, run a program on a packet or a context, print what came of it."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from btfkit.cli import exits
from btfkit.cli.inputs import add_btf, add_dialect, add_file, read_bytes
from btfkit.cli.outputs import write_output
from btfkit.cli.plan import add_type, make, program_of
from btfkit.cli.report import warn
from btfkit.cli.text import printable
from btfkit.errors import LoadError, ValueTypeError

if TYPE_CHECKING:
    from btfkit.load.linux import LoadedProgram, RunResult
    from btfkit.load.plan import LoadPlan, ProgramPlan

DESCRIPTION = """\
Load an object's maps and one program into the running kernel, run the program there (BPF_PROG_TEST_RUN: nothing is
attached to anything), and print what it returned, how long a run took, and what became of the packet. Then everything
is closed again, except for maps that are pinned by name. To have programs see what happens, `btfkit attach` them.

Of a Python file the programs are compiled; its `if __name__ == "__main__":` block is not run: `python FILE` does that.

Programs that see packets get the packet of --data or --hex, or else 64 zero bytes; others get none unless one is given.
--ctx is the context, as JSON of the type that the program's parameter points at, or its bytes as 0x and hex digits;
programs of type syscall, which do not run without, get zeros by default.

With --maps the contents of the object's maps and variables after the run follow, of ring buffers the records that were
sent; elements of arrays that are all zeros are left out (not in JSON)."""

EXAMPLES = """\
  btfkit run flows.py --maps
  btfkit run flows.o --data packet.bin --repeat 1000 --maps
  printf '...' | btfkit run flows.o --program count --data -
  btfkit run flows.o --hex 'ffffffffffff 020000000001 0806' --json
  btfkit run sum.o --ctx '{"a": 2, "b": 3}'
  btfkit run protocols.o --set min_len=100 --maps"""

DEFAULT_PACKET = bytes(64)

NOT_RUN = (errno.EOPNOTSUPP, 524)
"""What the kernel says of a type that BPF_PROG_TEST_RUN does not take. The latter is its ENOTSUPP."""

_SEE_PACKETS = {
    "SOCKET_FILTER", "SCHED_CLS", "SCHED_ACT", "XDP", "CGROUP_SKB", "LWT_IN", "LWT_OUT", "LWT_XMIT", "LWT_SEG6LOCAL",
    "FLOW_DISSECTOR", "SK_SKB", "NETFILTER",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object of any form")
    parser.add_argument("--program", metavar="NAME", help="which one; needed where there are several")
    packet = parser.add_mutually_exclusive_group()
    packet.add_argument("--data", metavar="FILE", help="the packet, Ethernet header first; - is stdin")
    packet.add_argument("--hex", metavar="DIGITS", help="the packet, as hex digits; spaces and colons do not count")
    parser.add_argument("--ctx", metavar="JSON", help="the context")
    parser.add_argument("--repeat", metavar="N", type=int, default=1, help="run it so often; default: 1")
    add_set(parser)
    parser.add_argument("--maps", action="store_true", help="print the object's maps and variables after the run")
    parser.add_argument("--out", metavar="FILE", help="write what became of the packet; - is stdout")
    parser.add_argument("--json", action="store_true", help="as JSON, packets as hex digits")
    parser.add_argument("-v", "--log", action="store_true", help="print the verifier's whole log on stderr")
    add_btf(parser)
    add_type(parser)
    add_dialect(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """The option --set."""
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="what a variable starts with")


def run(args: argparse.Namespace) -> int:
    """Load and run; the exit code."""
    if args.repeat < 1 or args.repeat > 0x7FFFFFFF:
        exits.usage_error(args, "--repeat is 1 or more")
    if args.out == "-" and args.json:
        exits.usage_error(args, "--out - and --json both print")
    plan = make(args)
    program = _program(plan, args)
    data = _packet(program, args)
    variables = start_values(plan, args)
    from btfkit.cli.ran import print_result  # noqa: PLC0415 (see main: start quickly)
    from btfkit.load.linux import load  # noqa: PLC0415

    try:
        with load(plan, programs=[program.name], variables=variables, log_level=int(args.log)) as bpf:
            warn(bpf.warnings)
            loaded = bpf.programs[program.name]
            if args.log:
                sys.stderr.write(_log(loaded.log))
            result = _test_run(loaded, data, args)
            if args.out is not None:
                write_output(args.out, result.data)
            print_result(program, loaded, bpf, data, result, args)
    except LoadError as error:
        if args.log and error.log:
            sys.stderr.write(_log(error.log))
            error.log = ""  # told
        raise
    return exits.OK


def _test_run(loaded: LoadedProgram, data: bytes | None, args: argparse.Namespace) -> RunResult:
    try:
        return loaded.test_run(data, ctx=_context(loaded, args.ctx), repeat=args.repeat)
    except LoadError as error:
        if error.errno in NOT_RUN:
            error.reason += "; programs of this type are not run but attached: `btfkit attach`"
        raise


def _log(log: str) -> str:
    return "".join([f"{printable(line)}\n" for line in log.rstrip("\n").split("\n")]) if log else ""


# -- what goes in -------------------------------------------------------------------------------------------


def _program(plan: LoadPlan, args: argparse.Namespace) -> ProgramPlan:
    if args.program is not None:
        return program_of(plan, args.program)
    if len(plan.programs) == 1:
        return plan.programs[0]
    if not plan.programs:
        raise LoadError("there is no program in it", path=args.file)
    exits.usage_error(args, f"--program is needed, one of {listed(plan.programs)}")


def listed(programs: Iterable[ProgramPlan]) -> str:
    """Their names, and in which sections they are."""
    return ", ".join(printable(f"{program.name} ({program.section})") for program in programs)


def _packet(program: ProgramPlan, args: argparse.Namespace) -> bytes | None:
    if args.data == "-":
        return sys.stdin.buffer.read()
    if args.data is not None:
        return read_bytes(args.data)
    if args.hex is not None:
        try:
            return bytes.fromhex(args.hex.replace(":", " "))
        except ValueError as error:
            exits.usage_error(args, f"--hex: {error}")
    sees = program.prog_type is not None and program.prog_type.name in _SEE_PACKETS
    return DEFAULT_PACKET if sees else None


def start_values(plan: LoadPlan, args: argparse.Namespace) -> dict[str, Any]:
    """What --set says, each value as its variable's type has it."""
    return dict(_variable(plan, text, args) for text in args.set)


def _variable(plan: LoadPlan, text: str, args: argparse.Namespace) -> tuple[str, Any]:
    from btfkit.values import codec  # noqa: PLC0415

    name, equals, value = text.partition("=")
    if not equals:
        exits.usage_error(args, "--set is NAME=VALUE")
    found = [v for v in plan.variables if name == v.qualified_name] or [v for v in plan.variables if name == v.name]
    if len(found) != 1 or not found[0].type_id:
        return name, value  # the loader says that it is not there, or there twice
    return name, codec(plan.btf, found[0].type_id).parse(value, field=name)


def _context(program: LoadedProgram, text: str | None) -> Any:
    if text is None:
        return _default_context(program)
    if text.startswith("0x"):
        try:
            return bytes.fromhex(text[2:])
        except ValueError as error:
            raise ValueTypeError(f"is not hex digits: {error}", field="ctx") from None
    codec = program.ctx_codec()
    if codec is None:
        raise ValueTypeError(
            "the type of its context is not known: give its bytes, as 0x and hex digits",
            thing=f"program '{program.name}'",
            field="ctx",
        )
    return codec.parse(text, field="ctx")


def _default_context(program: LoadedProgram) -> Any:
    """A syscall program does not run without; zeros will do."""
    syscall = program.plan.prog_type is not None and program.plan.prog_type.name == "SYSCALL"
    codec = program.ctx_codec() if syscall else None
    return codec.unpack(bytes(codec.size)) if codec is not None else None
