"""The hot loops: integers, bytes and arrays in and out. Each module is plain Python that Cython also compiles.

`COMPILED` says which of the two is in use. Types for Cython stand in a ``.pxd`` beside the module, if there is one,
so that nothing here needs Cython when it runs.
"""

from __future__ import annotations

import importlib.machinery
import os

__all__ = ["COMPILED"]


def _all_compiled() -> bool:
    """Whether every module of this package has an extension module, which Python takes before the source."""
    try:
        files = os.listdir(os.path.dirname(__file__))
    except OSError:  # imported from an archive, where no extension module can be
        return False
    modules = {name.removesuffix(".py") for name in files if name.endswith(".py")} - {"__init__"}
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    compiled = {name.partition(".")[0] for name in files if name.endswith(suffixes)}
    return bool(modules) and modules <= compiled


COMPILED: bool = _all_compiled()
"""True if all of the core modules are extension modules."""
