"""A Python file, run so that its functions and declarations are there.

In: a path. Out: the module's namespace. What the file itself raises is a `SourceError` with the line.
"""

from __future__ import annotations

import ast
import os
import sys
import traceback
from typing import Any

from btfkit.errors import BtfkitError, SourceError
from btfkit.frontend.diagnostics import Diagnostic
from btfkit.frontend.span import Span


def run_file(path: str) -> dict[str, Any]:
    """Run it as a module of its own name, with its folder first on the module path, as Python would."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return run_text(text, path)


def run_text(text: str, path: str) -> dict[str, Any]:
    """Run a text as the file of that path."""
    name = os.path.splitext(os.path.basename(path))[0]
    full = os.path.abspath(path)
    namespace: dict[str, Any] = {"__name__": name, "__file__": full, "__builtins__": __builtins__}
    try:
        code = compile(ast.parse(text, path), full, "exec")
    except SyntaxError as error:
        raise _syntax(error, path, text) from None
    folder = os.path.dirname(full)
    sys.path.insert(0, folder)
    try:
        exec(code, namespace)
    except BtfkitError:
        raise
    except Exception as error:
        raise _raised(error, full, path, text) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    return namespace


def _syntax(error: SyntaxError, path: str, text: str) -> SourceError:
    line, col = error.lineno or 1, max((error.offset or 1) - 1, 0)
    return _error(path, text, line, col, (error.end_offset or col + 2) - 1, error.msg)


def _raised(error: Exception, full: str, path: str, text: str) -> SourceError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == full]
    line = (frames[-1].lineno or 1) if frames else 1
    col = (frames[-1].colno or 0) if frames else 0
    end = (frames[-1].end_colno or col + 1) if frames else 1
    return _error(path, text, line, col, end, f"{type(error).__name__}: {error}")


def _error(path: str, text: str, line: int, col: int, end: int, reason: str) -> SourceError:
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    diagnostic = Diagnostic(Span(path, line, col, line, max(end, col + 1)), reason)
    return SourceError("1 error", path=path, diagnostics=[diagnostic.render(shown)])


__all__ = ["run_file", "run_text"]
