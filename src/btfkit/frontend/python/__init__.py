"""BPF programs written in typed Python, compiled.

In: a module's namespace. Out: an object in instance form. One file a stage: `source`, `unit` and `body` with what they
use (checking), `ir`, `emit` and `llvm` (code), `describe` (types and declarations), `build` (all of it).
"""

from btfkit.frontend.python.build import Options, compile_namespace

__all__ = ["Options", "compile_namespace"]
