"""What only the running kernel knows: its types, its symbols' addresses, its configuration.

In: names. Out: ids in the kernel's BTF, addresses, values of CONFIG_*; LoadError that says what is needed and missing.
Source: /sys/kernel/btf/vmlinux, /proc/kallsyms, /proc/config.gz; libbpf's bpf_object__read_kconfig_file and
bpf_object__resolve_externs.
"""

from __future__ import annotations

import functools
import gzip
import os
from collections.abc import Iterator

from btfkit.codec import decode_btf
from btfkit.convert.lower import ExternVar
from btfkit.errors import LoadError, ValueTypeError
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import codec

__all__ = ["kallsyms", "kconfig_bytes", "kernel_version", "module_btfs", "vmlinux_btf", "vmlinux_id"]

BTF_FOLDER = "/sys/kernel/btf"
VMLINUX = f"{BTF_FOLDER}/vmlinux"
CONFIG_FILES = ("/proc/config.gz", "/boot/config-{release}")


@functools.cache
def vmlinux_btf() -> Btf:
    """The kernel's own types. LoadError where it has none."""
    try:
        with open(VMLINUX, "rb") as file:
            return decode_btf(file.read(), path=VMLINUX)
    except OSError as error:
        raise LoadError(
            f"the kernel tells nothing of its types: {error.strerror} (it needs CONFIG_DEBUG_INFO_BTF)",
            errno=error.errno,
            path=VMLINUX,
        ) from None


def vmlinux_id(name: str, *kinds: type[t.Type]) -> int | None:
    """The id of the first type of that name and one of those kinds, as the kernel itself would find it."""
    found = vmlinux_btf().find_all(name, *kinds)
    return found[0] if found else None


def module_btfs() -> Iterator[tuple[str, Btf]]:
    """Name and types of each loaded module that tells them; none where they may not be read."""
    for name in sorted(os.listdir(BTF_FOLDER)) if os.path.isdir(BTF_FOLDER) else ():
        if name != "vmlinux":
            try:
                with open(f"{BTF_FOLDER}/{name}", "rb") as file:
                    yield name, decode_btf(file.read(), base=vmlinux_btf(), path=file.name)
            except OSError:
                continue  # gone meanwhile


def kallsyms(names: set[str]) -> dict[str, int]:
    """Addresses of those of the kernel's symbols that there are; without the privilege to see them, 0."""
    out: dict[str, int] = {}
    try:
        with open("/proc/kallsyms") as file:
            for line in file:
                parts = line.split()
                if parts[2] in names and parts[2] not in out:
                    out[parts[2]] = int(parts[0], 16)
    except OSError:
        pass
    return out


def kernel_version() -> int:
    """LINUX_VERSION_CODE: of the release's three numbers (where distributions put it, of /proc/version_signature)."""
    release = os.uname().release
    try:
        with open("/proc/version_signature") as file:  # Ubuntu: "Ubuntu 5.4.0-12.15-generic 5.4.8"
            release = file.read().split()[-1]
    except (OSError, IndexError):
        pass
    numbers = []
    for part in release.split("-")[0].split(".")[:3]:
        digits = "".join(c for c in part if c.isdigit())
        numbers.append(int(digits or 0))
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major << 16 | minor << 8 | min(patch, 255)


@functools.cache
def kernel_config() -> dict[str, str]:
    """CONFIG_* as the kernel was built; empty where it does not tell."""
    release = os.uname().release
    for pattern in CONFIG_FILES:
        path = pattern.format(release=release)
        try:
            with gzip.open(path, "rt") if path.endswith(".gz") else open(path) as file:
                pairs = (line.rstrip("\n").split("=", 1) for line in file if line.startswith("CONFIG_"))
                return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
        except OSError:
            continue
    return {}


def kconfig_bytes(btf: Btf, externs: list[ExternVar], size: int, weak: set[str]) -> bytes:
    """The value of the map for ``.kconfig``. LoadError for one that the kernel does not tell and that is not weak."""
    out = bytearray(size)
    for extern in externs:
        value = _config_value(btf, extern)
        if value is None:
            if extern.name not in weak:
                raise LoadError(
                    f"needs the kernel's {extern.name}, which is not told ({' or '.join(CONFIG_FILES)})",
                    section=".kconfig",
                )
            continue
        try:
            packed = codec(btf, extern.type_id).pack(value)
        except ValueTypeError as error:
            raise LoadError(f"{extern.name} is {value!r} in this kernel: {error}", section=".kconfig") from None
        out[extern.off : extern.off + len(packed)] = packed
    return bytes(out)


def _config_value(btf: Btf, extern: ExternVar) -> int | str | None:
    match extern.name:
        case "LINUX_KERNEL_VERSION":
            return kernel_version()
        case "LINUX_HAS_BPF_COOKIE" | "LINUX_HAS_SYSCALL_WRAPPER":
            return _virtual(extern.name)
    text = kernel_config().get(extern.name)
    if text is None:
        return None
    type_ = btf.resolved(extern.type_id)
    if text.startswith('"'):
        return text.strip('"')[: extern.size - 1]
    if text in ("y", "n", "m"):
        if isinstance(type_, t.Enum):  # enum libbpf_tristate
            return {"n": 0, "y": 1, "m": 2}[text]
        return ord(text) if isinstance(type_, t.Int) and type_.is_char else int(text == "y")
    try:
        return int(text, 0)
    except ValueError:
        return None


def _virtual(name: str) -> int:
    """What libbpf finds out for itself: a helper that came in 5.15; how system calls are named."""
    if name == "LINUX_HAS_SYSCALL_WRAPPER":
        prefix = {"x86_64": "__x64_", "aarch64": "__arm64_", "s390x": "__s390x_", "riscv64": "__riscv_"}
        symbol = f"{prefix.get(os.uname().machine, '__')}sys_bpf"
        return int(symbol in kallsyms({symbol}))
    return int(kernel_version() >= 0x050F00)
