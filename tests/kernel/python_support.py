"""What the tests of programs in Python share: compile a text, load it, have another loader load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import btfkit
from btfkit.api import Object
from btfkit.load.linux import LoadedObject

HEAD = "from btfkit.bpf import *\n"


def build(folder: Path, text: str, **options: Any) -> Object:
    """The object of a program, whose first line is supplied."""
    path = folder / "program.py"
    path.write_text(HEAD + text)
    return btfkit.compile_file(path, **options)


def loaded(folder: Path, text: str, **options: Any) -> LoadedObject:
    return build(folder, text).load(**options)


__all__ = ["HEAD", "build", "loaded"]
