"""``btfkit dump``: types as text, from bare BTF or from a section of an object, as it is there."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from btfkit.cli import exits
from btfkit.cli.inputs import Content, add_file, content, decode_bare, read_base, read_file
from btfkit.cli.text import printable
from btfkit.errors import FormatError
from btfkit.format.btf import SECTION_BTF, SECTION_INST

if TYPE_CHECKING:
    from btfkit.model.btf import Btf
    from btfkit.model.ext import BtfExt

DESCRIPTION = """\
Print types. FILE is an object, or bare BTF such as /sys/kernel/btf/vmlinux. Of an object the BTF is printed as it is
in the file, nothing is converted: the section .BTF.inst where there is one, else .BTF.

formats:
  raw   the lines of `bpftool btf dump`, with MAP types and, after the types, instances:
        (id) FUNCTION|MAP|VARIABLE 'name' type_id=... parent=...
  c     a C header; --asserts adds a _Static_assert of every size and offset
  json  everything, .BTF.ext too; `btfkit convert` makes the same bytes of it again"""

EXAMPLES = """\
  btfkit dump flows.o
  btfkit dump --format c --asserts flows.o > flows.h
  btfkit dump --format c --name task_struct /sys/kernel/btf/vmlinux
  btfkit dump --format json flows.o > flows.json
  btfkit dump /sys/kernel/btf/veth --base /sys/kernel/btf/vmlinux"""

_LINES_AT_ONCE = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object, or bare BTF")
    parser.add_argument("ids", metavar="ID", nargs="*", type=int, help="only these types (c: and what they need)")
    parser.add_argument("--name", action="append", default=[], help="only types, or what instances are, of this name")
    parser.add_argument("--format", choices=("raw", "c", "json"), default="raw", help="default: raw")
    parser.add_argument("--asserts", action="store_true", help="c: have the compiler check sizes and offsets")
    parser.add_argument(
        "--base", metavar="FILE", help="what split BTF stands on; default for kernel modules: that of vmlinux"
    )
    parser.add_argument("--section", metavar="NAME", help="of an object: the section to be dumped, e.g. .BTF")


def run(args: argparse.Namespace) -> int:
    """Dump the file; the exit code."""
    if args.asserts and args.format != "c":
        exits.usage_error(args, "--asserts goes with --format c")
    if args.format == "json" and (args.ids or args.name):
        exits.usage_error(args, "--format json is of the whole BTF: no ID, no --name")
    btf, ext = _read(args)
    try:
        roots = _roots(btf, args)
        match args.format:
            case "raw":
                _raw(btf, roots)
            case "c":
                from btfkit.dump import dump_c  # noqa: PLC0415 (see main: start quickly)

                sys.stdout.write(dump_c(btf, root_ids=roots, asserts=args.asserts))
            case "json":
                from btfkit.dump import dump_json  # noqa: PLC0415

                sys.stdout.write(dump_json(btf, ext))
    except FormatError as error:
        raise error.at(path=args.file) from None
    return exits.OK


def _read(args: argparse.Namespace) -> tuple[Btf, BtfExt | None]:
    data = read_file(args.file)
    match content(data, args.file):
        case Content.BTF:
            if args.section:
                exits.usage_error(args, "--section is of an object, and FILE is bare BTF")
            return decode_bare(data, args.file, args.base), None
        case Content.JSON:
            raise FormatError("is JSON; `btfkit convert` makes BTF of it", path=args.file)
        case Content.OBJECT:
            return _read_section(data, args)


def _read_section(data: bytes, args: argparse.Namespace) -> tuple[Btf, BtfExt | None]:
    """The section's BTF and, for JSON, the .ext beside it: what else is in the object need not be sound."""
    from btfkit.codec import decode_btf, decode_ext  # noqa: PLC0415
    from btfkit.elf import read_elf  # noqa: PLC0415

    elf = read_elf(data, args.file)
    name = args.section or (SECTION_INST if elf.section(SECTION_INST) is not None else SECTION_BTF)
    section = elf.section(name)
    if section is None or not section.data:
        hint = "" if args.section else " (a compiler makes one under -g, GCC under -gbtf)"
        raise FormatError(f"there is no section {name}{hint}", path=args.file)
    base = read_base(args.base) if args.base else None
    btf = decode_btf(section.data, base=base, section=name, path=args.file)
    beside = elf.section(name + ".ext") if args.format == "json" else None
    if beside is None or not beside.data:
        return btf, None
    return btf, decode_ext(beside.data, btf.strings, section=beside.name, path=args.file)


def _roots(btf: Btf, args: argparse.Namespace) -> list[int] | None:
    """The ids asked for; None: all. Errors for names and ids that are not there."""
    if not args.ids and not args.name:
        return None
    out = []
    for type_id in args.ids:
        if type_id <= 0:
            exits.usage_error(args, f"{type_id} is no type's id: they start at 1")
        btf[type_id]  # BadReferenceError for one that is not there
        out.append(type_id)
    for name in args.name:
        found = btf.find_all(name) + [inst.type_id for inst in btf.instances if inst.name == name]
        out += found or [btf.find(name)]  # the latter says what is near
    return list(dict.fromkeys(out))


def _raw(btf: Btf, roots: list[int] | None) -> None:
    from btfkit.dump import dump_raw  # noqa: PLC0415

    lines = dump_raw(btf, root_ids=roots)
    if sys.stdout.isatty():
        lines = map(printable, lines)
    batch = []
    for line in lines:
        batch.append(line)
        if len(batch) == _LINES_AT_ONCE:
            sys.stdout.write("\n".join([*batch, ""]))
            batch.clear()
    sys.stdout.write("".join([f"{line}\n" for line in batch]))
