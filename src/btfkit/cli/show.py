"""``btfkit show``: what an object declares, a line an instance; of what declares nothing, how many types there are."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from btfkit.cli import exits
from btfkit.cli.inputs import (
    Content,
    add_dialect,
    add_file,
    content,
    decode_bare,
    decode_object,
    read_file,
)
from btfkit.cli.report import warn
from btfkit.cli.text import print_json, print_table
from btfkit.errors import FormatError

if TYPE_CHECKING:
    from btfkit.model.btf import Btf
    from btfkit.object import BpfObject

DESCRIPTION = """\
List what an object declares: its maps, its functions, each with the static variables that live in it, and its other
variables. A column each: kind, name, type, attributes, place (section and byte offset), and the ELF symbol that
defines it. An object of any form is shown as it is in instance form; symbol numbers are those of the file.

Not shown unless --all is given: variables in the sections `license` and `version`, and functions that are only
declared, for which no symbol stands. --json has them all.

Of bare BTF (/sys/kernel/btf/vmlinux) and of objects that declare nothing: how many types of each kind there are."""

EXAMPLES = """\
  btfkit show flows.o
  btfkit show --json flows.o
  btfkit show /sys/kernel/btf/vmlinux"""

_STYLES = ("magenta", "bold", "cyan", "", "green", "dim")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object of any form, or bare BTF")
    parser.add_argument("--all", action="store_true", help="also what is only there for loaders or only declared")
    parser.add_argument("--json", action="store_true", help="as JSON, with everything that is known")
    parser.add_argument("--base", metavar="FILE", help="what bare BTF stands on, if it is split BTF")
    add_dialect(parser)


def run(args: argparse.Namespace) -> int:
    """Show the file; the exit code."""
    data = read_file(args.file)
    found = content(data, args.file)
    if found is Content.BTF:
        _show_types(decode_bare(data, args.file, args.base), args)
        return exits.OK
    if found is Content.JSON:
        raise FormatError("is JSON; `btfkit convert` makes BTF of it", path=args.file)
    _show_object(decode_object(data, args.file, args.dialect), args)
    return exits.OK


def _show_object(obj: BpfObject, args: argparse.Namespace) -> None:
    from btfkit.cli import declared  # noqa: PLC0415 (not needed for bare BTF)
    from btfkit.convert.forms import upgrade  # noqa: PLC0415

    up = upgrade(obj)
    warn(up.warnings)
    rows = declared.rows(up)
    if args.json:
        print_json(
            {
                "path": args.file,
                "form": str(obj.form),
                "byte_order": obj.byte_order,
                "license": obj.license,
                "instances": [declared.as_json(row) for row in rows],
            }
        )
    elif not rows:
        _show_types(obj.btf, args)
    else:
        print_table([row.cells() for row in rows if args.all or not row.is_minor], styles=_STYLES)


def _show_types(btf: Btf, args: argparse.Namespace) -> None:
    from btfkit.codec.rows import kinds  # noqa: PLC0415
    from btfkit.format.kinds import kind_name  # noqa: PLC0415

    counts = Counter(kinds(btf))
    instances = len(btf.own_instances)
    if args.json:
        out = {
            "path": args.file,
            "form": str(btf.form),
            "byte_order": btf.byte_order,
            "base_types": btf.start_id - 1,
            "types": counts.total(),
            "kinds": {kind_name(kind): count for kind, count in sorted(counts.items())},
            "instances": [
                {"id": inst_id, "name": btf.instance(inst_id).name, "type_id": btf.instance(inst_id).type_id,
                 "parent": btf.instance(inst_id).parent}
                for inst_id in btf.inst_ids()
            ],
        }  # fmt: skip
        print_json(out)
        return
    base = f", on a base of {btf.start_id - 1}" if btf.base is not None else ""
    print(f"{btf.form} form, {btf.byte_order} endian: {counts.total()} types{base}, {instances} instances")
    print_table([(kind_name(kind), str(count)) for kind, count in sorted(counts.items())], right=(1,))
