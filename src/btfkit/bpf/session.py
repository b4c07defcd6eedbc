"""``load()``: compile the programs of the calling module, and load them into the running kernel."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from btfkit.load.linux import LoadedObject


def load(namespace: dict[str, Any] | None = None, **options: Any) -> LoadedObject:
    """The programs of a module (the calling one) or notebook, in the kernel; use it in a ``with`` block.

    options: those of `btfkit.api.Object.load`; btf: what they are compiled with, too. SourceError: what is wrong with
    the programs, all of it.
    """
    from btfkit.api import compile_namespace  # noqa: PLC0415 (only who loads pays for the compiler)

    if namespace is None:
        namespace = sys._getframe(1).f_globals
    return compile_namespace(namespace, btf=options.get("btf")).load(**options)


__all__ = ["load"]
