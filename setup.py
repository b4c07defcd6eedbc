"""The optional part of the build: the core's modules as extension modules.

All else is in pyproject.toml. Where Cython or a C compiler is missing, or BTFKIT_PURE=1 is in the environment, the
package is installed as plain Python: it does the same, slower.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from setuptools import Extension, setup


def core_extensions() -> list[Extension]:
    """Return an extension for each module of btfkit._core, or none with a word on why."""
    if os.environ.get("BTFKIT_PURE") == "1":
        return []
    try:
        from Cython.Build import cythonize  # noqa: PLC0415 (it may be missing)
    except ImportError:
        print("btfkit: Cython is not installed: the core stays plain Python", file=sys.stderr)
        return []
    sources = sorted(path for path in Path("src/btfkit/_core").glob("*.py") if path.stem != "__init__")
    modules = [Extension(f"btfkit._core.{path.stem}", [path.as_posix()]) for path in sources]
    try:
        extensions = list(cythonize(modules, build_dir="build/cython", language_level=3))
    except Exception as error:  # whatever a Cython of another version trips over, plain Python still works
        print(f"btfkit: Cython failed: the core stays plain Python: {error}", file=sys.stderr)
        return []
    for extension in extensions:
        # A C compiler that is missing or fails is a warning, and the module stays plain Python. (To be said here:
        # cythonize makes new objects, and drops it.)
        extension.optional = True
    return extensions


setup(ext_modules=core_extensions())
