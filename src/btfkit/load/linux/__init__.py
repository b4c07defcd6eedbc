"""Linux as a backend: bpf(2), feature probes, the verifier's log; `load` carries out a plan.

Names are imported when asked for, so that constants can be had without all the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btfkit.load.linux.backend import load
    from btfkit.load.linux.kernel import vmlinux_btf
    from btfkit.load.linux.links import IterLink, Link, LinkGroup
    from btfkit.load.linux.loaded import LoadedObject, LoadedProgram, RunResult, Variable
    from btfkit.load.linux.open import open_map

__all__ = [
    "IterLink",
    "Link",
    "LinkGroup",
    "LoadedObject",
    "LoadedProgram",
    "RunResult",
    "Variable",
    "load",
    "open_map",
    "permitted",
    "vmlinux_btf",
]

_HOMES = {
    "IterLink": "links",
    "Link": "links",
    "LinkGroup": "links",
    "LoadedObject": "loaded",
    "LoadedProgram": "loaded",
    "RunResult": "loaded",
    "Variable": "loaded",
    "load": "backend",
    "open_map": "open",
    "vmlinux_btf": "kernel",
}


def permitted() -> tuple[bool, str]:
    """Whether maps and programs can be made here, and why not."""
    from btfkit.errors import LoadError  # noqa: PLC0415 (see the module's first lines)
    from btfkit.load.linux.probe import features  # noqa: PLC0415

    try:
        refusal = features().refusal
    except LoadError as error:
        refusal = str(error)
    return not refusal, refusal


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{home}"), name)
