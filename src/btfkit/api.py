"""What most users need: open an object, look at it, plan it, load it, write it in another form.

In: a path, or the bytes of an object. Out: an `Object`, in instance form whatever it came in.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from btfkit.codec import decode_btf
from btfkit.convert import Target, convert, upgrade
from btfkit.elf import read_elf
from btfkit.errors import BtfkitError, FormatError
from btfkit.format.btf import SECTION_BTF, SECTION_INST
from btfkit.format.elf import ELF_MAGIC
from btfkit.model.btf import Btf
from btfkit.object import BpfObject, read_object, write_object

if TYPE_CHECKING:
    from btfkit.load.linux import LoadedObject
    from btfkit.load.plan import LoadPlan

PathOrBytes = str | os.PathLike[str] | bytes | bytearray | memoryview


@dataclass
class Object(BpfObject):
    """An object in instance form that can be planned, loaded and written."""

    @classmethod
    def of(cls, obj: BpfObject) -> Self:
        """The same object (of whatever form, made one of instance form)."""
        up = upgrade(obj)
        return cls(**{field.name: getattr(up, field.name) for field in fields(BpfObject)})

    def __repr__(self) -> str:
        return f"<Object {self.path or ''}: {len(self.functions)} functions, {len(self.maps)} maps>"

    def plan(self, *, types: Mapping[str, str] | None = None, btf: Btf | None = None) -> LoadPlan:
        """What loading would ask of a kernel; ``print`` shows it. Arguments: see `btfkit.load.plan.make_plan`."""
        from btfkit.load.plan import make_plan  # noqa: PLC0415 (only whoever loads pays for it)

        return make_plan(self, types=types, btf=btf)

    def load(
        self,
        *,
        programs: Iterable[str] | None = None,
        variables: Mapping[str, Any] | None = None,
        types: Mapping[str, str] | None = None,
        btf: Btf | None = None,
        pin_root: str = "/sys/fs/bpf",
        skip_unknown: bool = False,
        log_level: int = 0,
    ) -> LoadedObject:
        """Load it into the running kernel; use it in a ``with`` block. Arguments: see `btfkit.load.linux.backend`."""
        from btfkit.load.linux import load  # noqa: PLC0415

        return load(
            self,
            programs=programs,
            variables=variables,
            types=types,
            btf=btf,
            pin_root=pin_root,
            skip_unknown=skip_unknown,
            log_level=log_level,
        )

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        form: Target | str = Target.INSTANCE,
        byte_order: str | None = None,
        strict: bool = False,
        ext: str = "tables",
    ) -> list[str]:
        """Write it in a form and byte order; what the form cannot say, a line each (under ``strict``: ConvertError).

        The file is there whole or not at all.
        """
        out = convert(self, form, byte_order=byte_order, strict=strict)
        write_file(path, write_object(out, ext=ext))
        return out.warnings[len(self.warnings) :]


def open(what: PathOrBytes, *, dialect: str | None = None) -> Object:
    """An object of any form and byte order, from its path or its bytes.

    dialect: whose ``struct bpf_map_def`` it has, where that is larger than 20 bytes (docs/format.md, section 6).
    """
    data, path = _read(what)
    return Object.of(read_object(data, path, dialect=dialect))


def compile_namespace(
    namespace: dict[str, Any],
    path: str | None = None,
    *,
    byte_order: str = sys.byteorder,
    cpu: str = "v3",
    arch: str | None = None,
    btf: PathOrBytes | Btf | None = None,
    llvm: Callable[[str], object] | None = None,
) -> Object:
    """The object of the programs in a Python namespace: a module's globals, a notebook's.

    cpu: v2, v3 or v4; arch: of the machine whose registers probes read; btf: the kernel types to build with, by default
    those of the running kernel; llvm: is given the code as LLVM's IR. SourceError: all that is wrong with the programs.
    """
    from btfkit.frontend.python import Options  # noqa: PLC0415 (only who compiles pays for it)
    from btfkit.frontend.python import compile_namespace as compile_  # noqa: PLC0415

    def kernel_btf() -> Btf:
        if isinstance(btf, Btf):
            return btf
        if btf is not None:
            return read_btf(btf)
        from btfkit.load.linux import vmlinux_btf  # noqa: PLC0415

        return vmlinux_btf()

    path = path or str(namespace.get("__file__") or namespace.get("__name__") or "<program>")
    file = str(namespace.get("__file__") or path)
    options = Options(byte_order, cpu, arch or platform.machine(), kernel_btf, shown={file: path}, llvm=llvm)
    return Object.of(compile_(namespace, path, options))


def compile_file(path: str | os.PathLike[str], **options: Any) -> Object:
    """The object of a Python file, which is run as a module (not as ``__main__``). Options: see `compile_namespace`."""
    from btfkit.frontend.python.module import run_file  # noqa: PLC0415

    path = os.fspath(path)
    return compile_namespace(run_file(path), path, **options)


def read_btf(what: PathOrBytes, *, base: Btf | None = None) -> Btf:
    """The `Btf` of an ELF object, or of a file that is nothing else (``/sys/kernel/btf/vmlinux``).

    base: what it stands on, if it is split BTF.
    """
    data, path = _read(what)
    try:
        if not data.startswith(ELF_MAGIC):
            return decode_btf(data, base=base)
        elf = read_elf(data, path)
        section = elf.section(SECTION_INST) or elf.section(SECTION_BTF)
        if section is None:
            raise FormatError(f"there is no section {SECTION_BTF}")
        return decode_btf(section.data, base=base, section=section.name)
    except BtfkitError as error:
        raise error.at(path=path) from None


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that it is there whole or not at all: beside it, then renamed. An old one's mode is kept."""
    path = os.path.realpath(path)
    try:
        mode = os.stat(path).st_mode & 0o7777
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    if os.path.exists(path) and not os.path.isfile(path):  # /dev/stdout
        with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file:
            file.write(data)
        return
    fd, beside = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=os.path.dirname(path))
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        os.chmod(beside, mode)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _read(what: PathOrBytes) -> tuple[bytes, str | None]:
    if isinstance(what, (bytes, bytearray, memoryview)):
        return bytes(what), None
    path = os.fspath(what)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
        return file.read(), path


__all__ = ["Object", "PathOrBytes", "compile_file", "compile_namespace", "open", "read_btf", "write_file"]
