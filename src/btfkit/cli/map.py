"""``btfkit map``: the kernel's maps, listed, read and changed as typed values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from btfkit.cli import exits
from btfkit.cli.report import say
from btfkit.cli.text import print_json, print_table

DESCRIPTION = """\
List the maps in the running kernel; read and change one. MAP is a name, an id, or a path below a bpf file system (a
text with a slash in it).

Keys and values are of the types that the map's BTF says, and are written as JSON: '{"src": "10.0.0.1", "port": 80}',
'[1, 2]', 5, '"text"'; also 0x1f, enumerators by name, IP addresses as bare text. Where no type is known: the bytes,
as hex digits. The value of a per-CPU map is a list of one for each CPU, or one that all of them get.

  map list                        all maps: id, name, type, types of key and value, entries
  map dump MAP                    all elements
  map lookup MAP KEY              one value (of a queue, without KEY: the next, which stays)
  map update MAP KEY VALUE        set a value (of a queue, without KEY: put it in)
  map delete MAP KEY              take an element out (of a queue, without KEY: the next, which is printed)"""

EXAMPLES = """\
  btfkit map list
  btfkit map dump flows
  btfkit map lookup 17 '{"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}'
  btfkit map update flows '{"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}' 5 --noexist
  btfkit map dump /sys/fs/bpf/flows --json"""

_FLAGS = {"any": 0, "noexist": 1, "exist": 2}
"""BPF_ANY, BPF_NOEXIST, BPF_EXIST."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help=argparse.SUPPRESS)
    for name, purpose in (
        ("list", "List the maps in the kernel."),
        ("dump", "Print all elements of a map."),
        ("lookup", "Print the value of a key; the exit code is 1 where it is not there."),
        ("update", "Set the value of a key."),
        ("delete", "Take an element out; the exit code is 1 where it is not there."),
    ):
        action = actions.add_parser(
            name,
            description=purpose,
            epilog=f"`btfkit map --help` says how maps, keys and values are written.\n\n{exits.HELP}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        action.add_argument("--traceback", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name != "list":
            action.add_argument("map", metavar="MAP", help="a name, an id, or a path")
        if name in ("lookup", "update", "delete"):
            action.add_argument("key", metavar="KEY", nargs="?", help="not for queues, stacks and Bloom filters")
        if name == "update":
            action.add_argument("value", metavar="VALUE", nargs="?")
            how = action.add_mutually_exclusive_group()
            how.add_argument("--any", dest="flags", action="store_const", const="any", help="in any case (default)")
            how.add_argument("--exist", dest="flags", action="store_const", const="exist", help="only if it is there")
            how.add_argument("--noexist", dest="flags", action="store_const", const="noexist", help="only if it is not")
            action.set_defaults(flags="any")
        else:
            action.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace) -> int:
    """Do the action; the exit code."""
    if args.action == "list":
        from btfkit.cli.map_list import listed  # noqa: PLC0415 (see main: start quickly)

        found = listed()
        if args.json:
            print_json([entry.as_json() for entry in found])
        elif found:
            header = ("id", "name", "type", "key", "value", "entries")
            styles = ("", "bold", "magenta", "cyan", "cyan")
            print_table([entry.cells() for entry in found], header=header, styles=styles, right=(0, 5))
        return exits.OK
    from btfkit.load.linux import open_map  # noqa: PLC0415
    from btfkit.load.maps import TypedQueue  # noqa: PLC0415

    with open_map(args.map) as map_:
        actions = _QUEUE if isinstance(map_, TypedQueue) else _MAP
        return actions[args.action](map_, args)


# -- maps with keys -----------------------------------------------------------------------------------------


def _dump(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import pairs_json, print_elements  # noqa: PLC0415

    pairs = list(map_.items())
    if args.json:
        print_json(pairs_json(map_, pairs))
    else:
        print_elements(map_, pairs)
    return exits.OK


def _lookup(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key  # noqa: PLC0415

    key = parse_key(map_, _key(args))
    try:
        value = map_[key]
    except KeyError:
        return _missing(map_, args)
    return _print_value(map_, value, args)


def _update(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key, parse_value  # noqa: PLC0415

    if args.value is None:
        exits.usage_error(args, "map update: KEY and VALUE are needed")
    map_.put(parse_key(map_, args.key), parse_value(map_, args.value), _FLAGS[args.flags])
    return exits.OK


def _delete(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key  # noqa: PLC0415

    key = parse_key(map_, _key(args))
    try:
        del map_[key]
    except KeyError:
        return _missing(map_, args)
    return exits.OK


def _key(args: argparse.Namespace) -> str:
    if args.key is None:
        exits.usage_error(args, f"map {args.action}: KEY is needed")
    key: str = args.key
    return key


def _missing(map_: Any, args: argparse.Namespace) -> int:
    say(f"map '{map_.name}': there is no key {args.key}")
    return exits.FAILED


def _print_value(map_: Any, value: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import value_json, value_text  # noqa: PLC0415
    from btfkit.cli.text import printable  # noqa: PLC0415

    if args.json:
        print_json(value_json(map_, value))
    else:
        print(printable(value_text(map_, value)))
    return exits.OK


# -- queues, stacks, Bloom filters --------------------------------------------------------------------------


def _queue_dump(map_: Any, args: argparse.Namespace) -> int:
    iter(map_)  # says why not
    return exits.OK


def _queue_next(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.format.maptype import MapType  # noqa: PLC0415

    if map_.type == MapType.BLOOM_FILTER and args.action == "lookup" and args.key is not None:
        return _bloom(map_, args)
    if args.key is not None:
        exits.usage_error(args, f"map {args.action}: '{map_.name}' has no keys")
    try:
        value = map_.peek() if args.action == "lookup" else map_.pop()
    except IndexError:
        say(f"map '{map_.name}' is empty")
        return exits.FAILED
    return _print_value(map_, value, args)


def _bloom(map_: Any, args: argparse.Namespace) -> int:
    """A Bloom filter is asked whether it may hold a value."""
    from btfkit.cli.elements import parse_value  # noqa: PLC0415

    if parse_value(map_, args.key) not in map_:
        return _missing(map_, args)
    print_json(True) if args.json else print("it may be there")
    return exits.OK


def _queue_update(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_value  # noqa: PLC0415

    if args.value is not None or args.key is None:
        exits.usage_error(args, f"map update: '{map_.name}' has no keys: only a VALUE is needed")
    map_.push(parse_value(map_, args.key), replace=args.flags == "exist")
    return exits.OK


_Action = Callable[[Any, argparse.Namespace], int]
_MAP: dict[str, _Action] = {"dump": _dump, "lookup": _lookup, "update": _update, "delete": _delete}
_QUEUE: dict[str, _Action] = {
    "dump": _queue_dump,
    "lookup": _queue_next,
    "update": _queue_update,
    "delete": _queue_next,
}
