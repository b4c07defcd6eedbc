"""CO-RE: what a compiler left open because it depends on the layout of another's types.

In: the types an object was compiled with, its relocations, and the types of where it is to run (`Targets`). Out: a
`Resolution` each, and `patch`, which puts one into its instruction. Nothing here asks a kernel. What is decided, and
how, is as libbpf has it (relo_core.c), so that both loaders make the same code of an object.
"""

from __future__ import annotations

from btfkit.load.core.patch import BAD_RELO, patch
from btfkit.load.core.resolve import CoreResolver, Resolution, relo_words, resolve_core
from btfkit.load.core.targets import Targets

__all__ = ["BAD_RELO", "CoreResolver", "Resolution", "Targets", "patch", "relo_words", "resolve_core"]
