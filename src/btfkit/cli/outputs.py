"""Files that verbs write: whole, or not at all. ``-`` is stdout."""

from __future__ import annotations

import argparse
import sys


def add_output(parser: argparse.ArgumentParser, what: str, *, required: bool = True) -> None:
    """The option -o."""
    parser.add_argument("-o", "--output", metavar="OUT", required=required, help=what)


def write_output(path: str, data: bytes) -> None:
    """Write a file beside the one of that name, then put it in its place. OSError, with the path as it was given."""
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    from btfkit.api import write_file  # noqa: PLC0415 (see main: start quickly)

    try:
        write_file(path, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
