"""A Python file, run so that its functions and declarations are there.

In: a path, or a text and its path. Out: the module's namespace; `linecache` has the text that was run. What the file
itself raises, an exit among it, is a `SourceError` with the line.
"""

from __future__ import annotations

import ast
import io
import linecache
import os
import sys
import traceback
from importlib.util import decode_source
from types import ModuleType
from typing import Any

from btfkit.errors import BtfkitError, SourceError
from btfkit.frontend.diagnostics import Diagnostic
from btfkit.frontend.span import Span


def run_file(path: str) -> dict[str, Any]:
    """Run it as a module of its own name, with its folder first on the module path, as Python would."""
    with open(path, "rb") as file:
        data, status = file.read(), os.fstat(file.fileno())
    return _run(data, path, status.st_mtime)


def run_text(text: str, path: str) -> dict[str, Any]:
    """Run a text as the file of that path."""
    return _run(text.encode(), path, None)


def _run(data: bytes, path: str, mtime: float | None) -> dict[str, Any]:
    """mtime: of the file; None: the text is in none."""
    name = os.path.splitext(os.path.basename(path))[0]
    full = os.path.abspath(path)
    lines = _lines(data)
    linecache.cache[full] = len(data), mtime, lines, full
    module = ModuleType(name)
    namespace = module.__dict__
    namespace["__file__"] = full
    try:
        code = compile(ast.parse(data, path), full, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax(error, path, lines) from None
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes; the latter two without words
        raise _error(path, [], 1, 0, 1, str(error) or "it is nested too deeply for Python's parser") from None
    folder = os.path.dirname(full)
    sys.path.insert(0, folder)
    is_new = sys.modules.setdefault(name, module) is module
    try:
        exec(code, namespace)
    except BtfkitError:
        raise
    except (Exception, SystemExit) as error:  # whatever it raises is the diagnostic
        raise _raised(error, full, path, lines) from error
    finally:
        if is_new:
            del sys.modules[name]
        if folder in sys.path:
            sys.path.remove(folder)
    return namespace


def _lines(data: bytes) -> list[str]:
    try:
        text = decode_source(data)
    except (SyntaxError, UnicodeDecodeError):  # the parser will say so
        text = data.decode(errors="replace")
    return io.StringIO(text).readlines()


def _syntax(error: SyntaxError, path: str, lines: list[str]) -> SourceError:
    line = error.lineno or 1
    text = lines[line - 1] if line <= len(lines) else ""
    first = max((error.offset or 1) - 1, 0)  # in characters
    last = (error.end_offset or 0) - 1 if error.end_lineno in (None, line) else 0
    col, end = (len(text[:off].encode()) for off in (first, max(last, first + 1)))
    return _error(path, lines, line, col, end, error.msg)


def _raised(error: BaseException, full: str, path: str, lines: list[str]) -> SourceError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == full]
    last = frames[-1] if frames else None
    line, col = (last.lineno or 1, last.colno or 0) if last else (1, 0)
    same_line = last is not None and last.end_lineno == line
    end = (last.end_colno or 0) if last and same_line else len(lines[line - 1]) if line <= len(lines) else 0
    return _error(path, lines, line, col, end, " ".join(f"{type(error).__name__}: {error}".split("\n")))


def _error(path: str, lines: list[str], line: int, col: int, end: int, reason: str) -> SourceError:
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    diagnostic = Diagnostic(Span(path, line, col, line, max(end, col + 1)), reason)
    return SourceError("1 error", path=path, diagnostics=[diagnostic.render(shown)])


__all__ = ["run_file", "run_text"]
