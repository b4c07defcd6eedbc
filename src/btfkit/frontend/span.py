"""Where something stands in a source text."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Span(NamedTuple):
    """line, end_line: from 1; col, end_col: bytes from 0 (as `ast` counts); path: the file as the user named it."""

    path: str
    line: int
    col: int
    end_line: int
    end_col: int

    @classmethod
    def of(cls, node: ast.AST, path: str, first_line: int = 1) -> Span:
        """Of a node of a text whose first line is the file's line first_line."""
        line: int = getattr(node, "lineno", 1) + first_line - 1
        last: int | None = getattr(node, "end_lineno", None)
        end_line = line if last is None else last + first_line - 1
        col = getattr(node, "col_offset", 0)
        end_col = getattr(node, "end_col_offset", None)
        return cls(path, line, col, end_line, col + 1 if end_col is None else end_col)


NOWHERE = Span("", 0, 0, 0, 0)

__all__ = ["NOWHERE", "Span"]
