"""Python functions and their syntax trees.

In: function objects, as decorators and calls name them. Out: their `ast.FunctionDef`, with the file it stands in. Texts
come from `linecache`, which knows notebook cells too.
"""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from btfkit.errors import SourceError

FunctionNode = ast.FunctionDef


@dataclass(slots=True)
class SourceFile:
    """path: as shown to users. nodes: the functions of the file by name and the line that they start at."""

    path: str
    lines: list[str]
    nodes: dict[tuple[str, int], FunctionNode | ast.AsyncFunctionDef] = field(default_factory=dict)
    tree: ast.Module | None = None


class Sources:
    """Files, read and parsed when first asked for. texts: of files that are not on disk, or not as they are there."""

    def __init__(self, texts: dict[str, str] | None = None, shown: dict[str, str] | None = None) -> None:
        self._texts = texts or {}
        self._shown = shown or {}
        self._files: dict[str, SourceFile] = {}
        self._by_shown: dict[str, SourceFile] = {}

    def file(self, path: str) -> SourceFile:
        if path not in self._files:
            text = self._texts.get(path)
            linecache.checkcache(path)
            lines = text.splitlines(keepends=True) if text is not None else linecache.getlines(path)
            shown = self._shown.get(path, path)
            file = self._files[path] = self._by_shown[shown] = SourceFile(shown, lines)
            if not lines:
                raise SourceError("its source text is not to be had: write it in a file or a notebook", path=shown)
            try:
                file.tree = ast.parse("".join(lines), path)
            except (SyntaxError, ValueError) as error:
                raise SourceError(f"this is not Python: {error}", path=shown) from None
            for node in ast.walk(file.tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                    file.nodes[node.name, first] = node
        return self._files[path]

    def lines(self, shown: str) -> list[str]:
        file = self._by_shown.get(shown)
        return file.lines if file else []

    def function(self, function: FunctionType) -> tuple[SourceFile, FunctionNode | ast.AsyncFunctionDef | None]:
        """The file and the tree of a function, or None where none starts at its line. SourceError: there is no text."""
        code: CodeType = function.__code__
        file = self.file(code.co_filename)
        return file, file.nodes.get((code.co_name, code.co_firstlineno))


def evaluate(node: ast.expr, namespace: dict[str, Any], path: str) -> Any:
    """The Python object that an expression (an annotation) stands for; what goes wrong is raised as it is."""
    expression = ast.Expression(node)
    found = eval(compile(ast.fix_missing_locations(expression), path, "eval"), namespace)
    return eval(found, namespace) if isinstance(found, str) else found


__all__ = ["FunctionNode", "SourceFile", "Sources", "evaluate"]
