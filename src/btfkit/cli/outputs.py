"""Files that verbs write: whole, or not at all.

In: a path and bytes. The bytes go into a new file beside it, which then takes its name; so what was there before stays
as it was until then, whatever happens, and may be what the bytes were made from.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
import tempfile


def add_output(parser: argparse.ArgumentParser, what: str, *, required: bool = True) -> None:
    """The option -o."""
    parser.add_argument("-o", "--output", metavar="OUT", required=required, help=what)


def write_file(path: str, data: bytes) -> None:
    """Write a file; ``-`` is stdout. One that is there keeps its mode. OSError, with the path."""
    if path == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    target = os.path.realpath(path)  # a link stays one
    try:
        mode = _mode(target)
        if mode is None:  # a device, a pipe
            with open(target, "wb") as file:
                file.write(data)
        else:
            _replace(target, data, mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _mode(target: str) -> int | None:
    """The permissions to give; None: what is there is no plain file, and not to be replaced."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        mask = os.umask(0o77)
        os.umask(mask)
        return 0o666 & ~mask
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(21, "Is a directory")
    return stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else None


def _replace(target: str, data: bytes, mode: int) -> None:
    if os.path.exists(target) and not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied")
    number, beside = tempfile.mkstemp(prefix=".btfkit-", dir=os.path.dirname(target))
    try:
        with open(number, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
