"""``btfkit map``: the kernel's maps, listed, read and changed as typed values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from btfkit.cli import exits
from btfkit.cli.report import say
from btfkit.cli.text import print_json, print_table, printable

DESCRIPTION = """\
List the maps in the running kernel; read and change one.

  list                      all maps: id, name, type, types of key and value, entries
  dump MAP                  all elements
  lookup MAP KEY            one value (of a queue or stack, without KEY: the next, which stays)
  update MAP KEY VALUE      set a value (of a queue or stack, without KEY: put it in)
  delete MAP KEY            take an element out (of a queue or stack, without KEY: the next, which is printed)

MAP is a name, an id, or a path below a bpf file system (a text with a slash in it).

KEY and VALUE are of the types that the map's BTF says, and are written as JSON: '{"src": "10.0.0.1", "port": 80}',
'[1, 2]', 5, '"text"'; also 0x1f, enumerators by name, IP addresses as bare text. Where no type is known: the bytes,
as hex digits. The value of a per-CPU map is a list of one for each CPU, or one that all of them get. A Bloom filter is
asked with `lookup MAP VALUE` whether it may hold a value.

The exit code of lookup and delete is 1 where there is no such element."""

EXAMPLES = """\
  btfkit map list
  btfkit map dump flows
  btfkit map lookup 17 '{"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}'
  btfkit map update flows '{"src": "10.0.0.1", "dst": "10.0.0.2", "port": 80}' 5 --noexist
  btfkit map dump /sys/fs/bpf/flows --json"""

_ACTIONS = ("list", "dump", "lookup", "update", "delete")
_FLAGS = {"any": 0, "noexist": 1, "exist": 2}
"""BPF_ANY, BPF_NOEXIST, BPF_EXIST."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.usage = (
        "btfkit map list [--json]\n"
        "       btfkit map dump MAP [--json]\n"
        "       btfkit map lookup MAP KEY [--json]\n"
        "       btfkit map update MAP KEY VALUE [--any|--exist|--noexist]\n"
        "       btfkit map delete MAP KEY"
    )
    parser.add_argument("action", metavar="ACTION", choices=_ACTIONS, help=", ".join(_ACTIONS))
    parser.add_argument("words", metavar="MAP, KEY, VALUE", nargs="*", help="see above")
    parser.add_argument("--json", action="store_true", help="as JSON")
    how = parser.add_mutually_exclusive_group()
    for name, purpose in (("any", "there or not: the default"), ("exist", "if it is there"), ("noexist", "if not")):
        text = f"update: set the value {'whether it is ' if name == 'any' else 'only '}{purpose}"
        how.add_argument(f"--{name}", dest="flags", action="store_const", const=name, help=text)


def run(args: argparse.Namespace) -> int:
    """Do the action; the exit code."""
    if args.flags is not None and args.action != "update":
        exits.usage_error(args, f"--{args.flags} goes with update")
    if args.action == "list":
        return _list(args)
    if not args.words:
        exits.usage_error(args, f"{args.action} wants a MAP")
    from btfkit.load.linux import open_map  # noqa: PLC0415 (see main: start quickly)
    from btfkit.load.maps import TypedQueue  # noqa: PLC0415

    with open_map(args.words[0]) as map_:
        actions = _QUEUE if isinstance(map_, TypedQueue) else _MAP
        return actions[args.action](map_, args)


def _rest(args: argparse.Namespace, *wanted: str) -> list[str]:
    """The words behind MAP: as many as are wanted, else wrong usage."""
    rest: list[str] = args.words[1:]
    if len(rest) != len(wanted):
        what = " and ".join(wanted) if wanted else "nothing"
        exits.usage_error(args, f"{args.action} of this map wants {what} behind MAP, not {len(rest)} words")
    return rest


def _list(args: argparse.Namespace) -> int:
    from btfkit.cli.map_list import listed  # noqa: PLC0415

    if args.words:
        exits.usage_error(args, "list wants no MAP")
    found = listed()
    if args.json:
        print_json([entry.as_json() for entry in found])
    elif found:
        header = ("id", "name", "type", "key", "value", "entries")
        styles = ("", "bold", "magenta", "cyan", "cyan")
        print_table([entry.cells() for entry in found], header=header, styles=styles, right=(0, 5))
    return exits.OK


# -- maps with keys -----------------------------------------------------------------------------------------


def _dump(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import pairs_json, print_elements  # noqa: PLC0415

    _rest(args)
    pairs = list(map_.pairs())  # list(items()) would ask for the length first
    if args.json:
        print_json(pairs_json(map_, pairs))
    else:
        print_elements(map_, pairs)
    return exits.OK


def _lookup(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key  # noqa: PLC0415

    (text,) = _rest(args, "KEY")
    key = parse_key(map_, text)
    try:
        value = map_[key]
    except KeyError:
        return _missing(map_, text)
    return _print_value(map_, value, args)


def _update(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key, parse_value  # noqa: PLC0415

    key, value = _rest(args, "KEY", "VALUE")
    map_.put(parse_key(map_, key), parse_value(map_, value), _FLAGS[args.flags or "any"])
    return exits.OK


def _delete(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_key  # noqa: PLC0415

    (text,) = _rest(args, "KEY")
    key = parse_key(map_, text)
    try:
        del map_[key]
    except KeyError:
        return _missing(map_, text)
    return exits.OK


def _missing(map_: Any, text: str) -> int:
    say(f"map '{map_.name}': there is no {text}")
    return exits.FAILED


def _print_value(map_: Any, value: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import value_json, value_text  # noqa: PLC0415

    if args.json:
        print_json(value_json(map_, value))
    else:
        print(printable(value_text(map_, value)))
    return exits.OK


# -- queues, stacks, Bloom filters --------------------------------------------------------------------------


def _queue_dump(map_: Any, args: argparse.Namespace) -> int:
    _rest(args)
    iter(map_)  # says why not
    return exits.OK


def _queue_next(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.format.maptype import MapType  # noqa: PLC0415

    if map_.type == MapType.BLOOM_FILTER and args.action == "lookup":
        return _bloom(map_, args)
    _rest(args)
    try:
        value = map_.peek() if args.action == "lookup" else map_.pop()
    except IndexError:
        say(f"map '{map_.name}' is empty")
        return exits.FAILED
    return _print_value(map_, value, args)


def _bloom(map_: Any, args: argparse.Namespace) -> int:
    """A Bloom filter is asked whether it may hold a value."""
    from btfkit.cli.elements import parse_value  # noqa: PLC0415

    (text,) = _rest(args, "VALUE")
    if parse_value(map_, text) not in map_:
        return _missing(map_, text)
    if args.json:
        print_json(True)
    else:
        print("it may be there")
    return exits.OK


def _queue_update(map_: Any, args: argparse.Namespace) -> int:
    from btfkit.cli.elements import parse_value  # noqa: PLC0415

    (text,) = _rest(args, "VALUE")
    map_.push(parse_value(map_, text), replace=args.flags == "exist")
    return exits.OK


_Action = Callable[[Any, argparse.Namespace], int]
_MAP: dict[str, _Action] = {"dump": _dump, "lookup": _lookup, "update": _update, "delete": _delete}
_QUEUE: dict[str, _Action] = {
    "dump": _queue_dump,
    "lookup": _queue_next,
    "update": _queue_update,
    "delete": _queue_next,
}
