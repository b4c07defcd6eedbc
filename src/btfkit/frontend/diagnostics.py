"""What is wrong with a source text, as data: where, what, and what to write instead; and as text.

In: spans and the text's lines. Out: `SourceError` with every diagnostic of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from btfkit.errors import SourceError
from btfkit.frontend.span import Span


class Bad(Exception):
    """A diagnostic has been written; what it is about is given up."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """reason: one line. hint: what to write instead, or ""."""

    span: Span
    reason: str
    hint: str = ""

    def render(self, line: str) -> str:
        """Place and reason, the line with a caret under what is meant, the hint. line: the source's, "" if unknown."""
        span = self.span
        out = [f"{span.path}:{span.line}:{span.col + 1}: error: {self.reason}"]
        if line.strip():
            shown = line.rstrip("\n")
            start = len(shown.encode()[: span.col].decode(errors="replace"))
            width = span.end_col - span.col if span.end_line == span.line else len(shown) - start
            indent = len(shown) - len(shown.lstrip())
            out.append("    " + shown.lstrip().replace("\t", " "))
            out.append("    " + " " * max(start - indent, 0) + "^" * max(1, min(width, len(shown) - start)))
        if self.hint:
            out.append(f"    {self.hint}")
        return "\n".join(out)


@dataclass(slots=True)
class Diagnostics:
    """Collects them; the same one twice counts once. lines: of a file, by its path."""

    lines: Callable[[str], Sequence[str]]
    found: dict[tuple[Span, str], Diagnostic] = field(default_factory=dict)

    def add(self, span: Span, reason: str, hint: str = "") -> None:
        self.found.setdefault((span, reason), Diagnostic(span, reason, hint))

    def __bool__(self) -> bool:
        return bool(self.found)

    def sorted(self) -> list[Diagnostic]:
        return sorted(self.found.values(), key=lambda d: d.span)

    def render(self) -> list[str]:
        out = []
        for diagnostic in self.sorted():
            lines, number = self.lines(diagnostic.span.path), diagnostic.span.line
            out.append(diagnostic.render(lines[number - 1] if 0 < number <= len(lines) else ""))
        return out

    def check(self, path: str) -> None:
        """SourceError where there are any."""
        if self.found:
            count = len(self.found)
            raise SourceError(f"{count} error{'s' if count > 1 else ''}", path=path, diagnostics=self.render())


__all__ = ["Bad", "Diagnostic", "Diagnostics"]
