"""Files that verbs read: objects, bare BTF, JSON; Python files, which are compiled to objects in memory.

In: a path. Out: bytes, or what the codecs make of them; errors bear the path. Nothing is decoded but what is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any

from btfkit.errors import FormatError, TruncatedError
from btfkit.format.btf import MAGIC
from btfkit.format.elf import ELF_MAGIC
from btfkit.format.mapdef import DIALECTS

if TYPE_CHECKING:
    from btfkit.api import Object
    from btfkit.model.btf import Btf
    from btfkit.object import BpfObject

KERNEL_BTF = "/sys/kernel/btf"
VMLINUX_BTF = f"{KERNEL_BTF}/vmlinux"

SIZE_LIMIT = 1 << 30
"""Bytes of the largest file that is read."""


class Content(Enum):
    """What a file's first bytes say it is."""

    OBJECT = "an ELF object"
    BTF = "bare BTF"
    JSON = "JSON"


def add_file(parser: argparse.ArgumentParser, what: str) -> None:
    """The argument FILE."""
    parser.add_argument("file", metavar="FILE", help=f"{what}; a Python file (.py) is compiled first")


def add_dialect(parser: argparse.ArgumentParser) -> None:
    """The option --dialect."""
    parser.add_argument(
        "--dialect",
        choices=list(DIALECTS),
        help="whose struct bpf_map_def it is, where its words behind the fifth are not zero",
    )


def add_btf(parser: argparse.ArgumentParser) -> None:
    """The option --btf."""
    parser.add_argument("--btf", metavar="FILE", help="a kernel's types, in place of those of the running one")


def kernel_btf(args: argparse.Namespace) -> Btf | None:
    """What --btf names; None: the running kernel's."""
    return read_base(args.btf) if args.btf is not None else None


def read_file(path: str, btf: Btf | None = None) -> bytes:
    """A file's bytes; of a Python file those of the object that it makes. btf: the kernel types to compile it with."""
    if not path.endswith(".py"):
        return read_bytes(path)
    from btfkit.object import write_object  # noqa: PLC0415 (see main: start quickly)

    return write_object(compile_python(path, btf=btf))


def compile_python(path: str, **options: Any) -> Object:
    """The object of a Python file; what the file prints when it is run goes to stderr. See `btfkit.compile_file`."""
    from btfkit.api import compile_file  # noqa: PLC0415

    with contextlib.redirect_stdout(sys.stderr):
        return compile_file(path, **options)


def read_bytes(path: str) -> bytes:
    """A file's bytes. OSError, with the path; FormatError for one that does not end."""
    if os.path.isdir(path):
        raise FormatError("is a directory", path=path)
    try:
        with open(path, "rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    if len(data) > SIZE_LIMIT:
        raise FormatError(f"has more than {SIZE_LIMIT >> 20} MiB", path=path)
    return data


def content(data: bytes, path: str) -> Content:
    """What the bytes are. FormatError: nothing that is known here."""
    if not data:
        raise TruncatedError("the file is empty", path=path)
    if data[: len(ELF_MAGIC)] == ELF_MAGIC:
        return Content.OBJECT
    if data[:2] in (MAGIC.to_bytes(2, "little"), MAGIC.to_bytes(2, "big")):
        return Content.BTF
    if data[:64].lstrip()[:1] == b"{" or path.endswith(".json"):
        return Content.JSON
    raise FormatError(
        f"is neither an ELF object, nor BTF, nor JSON: it starts with {data[:4].hex(' ')}", off=0, path=path
    )


def read_object_file(path: str, dialect: str | None = None, btf: Btf | None = None) -> BpfObject:
    """The object in a file, in the form it has. btf: see `read_file`."""
    data = read_file(path, btf)
    found = content(data, path)
    if found is not Content.OBJECT:
        raise FormatError(f"is {found.value}, not an ELF object", path=path)
    return decode_object(data, path, dialect)


def decode_object(data: bytes, path: str, dialect: str | None = None) -> BpfObject:
    """The object that the bytes are."""
    from btfkit.object import read_object  # noqa: PLC0415 (see main: start quickly)

    return read_object(data, path, dialect=dialect)


def decode_bare(data: bytes, path: str, base: str | None) -> Btf:
    """Bare BTF. base: the path of what it stands on; a module's in /sys/kernel/btf has a base unasked."""
    from btfkit.codec import decode_btf  # noqa: PLC0415

    if base is None and is_kernel_module(path):
        base = VMLINUX_BTF
    if base is not None:
        return decode_btf(data, base=read_base(base), path=path)
    try:
        return decode_btf(data, path=path)
    except FormatError as error:
        if "empty string" in error.reason:
            error.reason += "; if this is split BTF, --base FILE names what it stands on"
        raise


def is_kernel_module(path: str) -> bool:
    """Whether the path is that of a kernel module's BTF."""
    folder, name = os.path.split(os.path.abspath(path))
    return folder == KERNEL_BTF and name != "vmlinux"


def read_base(path: str) -> Btf:
    """The BTF in a file that another one stands on: bare, or an object's."""
    data = read_file(path)
    match content(data, path):
        case Content.OBJECT:
            return decode_object(data, path).btf
        case Content.BTF:
            return decode_bare(data, path, None)
        case Content.JSON:
            from btfkit.dump import load_json  # noqa: PLC0415

            return load_json(data, path=path)[0]
