"""What is wrong with a source text, as data: where, what, and what to write instead; and as text.

In: spans and the text's lines. Out: `SourceError` with every diagnostic of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from btfkit.errors import SourceError
from btfkit.frontend.span import Span

MOST_SHOWN = 160
"""Characters of a line."""


class Bad(Exception):
    """A diagnostic has been written; what it is about is given up."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """reason: one line. hint: what to write instead, or ""."""

    span: Span
    reason: str
    hint: str = ""

    def render(self, line: str) -> str:
        """Place and reason, the line with a caret under what is meant, the hint. line: the source's, "" if unknown.

        The column counts characters, from 1. Of a very long line a part is shown.
        """
        span = self.span
        shown = line.rstrip("\r\n")
        start, end = (len(shown.encode()[:col].decode(errors="replace")) for col in (span.col, span.end_col))
        column = start if shown.strip() else span.col
        out = [f"{span.path}:{span.line}:{column + 1}: error: {self.reason}"]
        if shown.strip():
            end = end if span.end_line == span.line else len(shown)
            first = len(shown) - len(shown.lstrip())
            if len(shown) > MOST_SHOWN:
                first = max(first, start - MOST_SHOWN // 2)
            part = shown[first : first + MOST_SHOWN]
            out.append("    " + "".join(c if c.isprintable() else " " for c in part))
            width = max(1, min(end, first + len(part)) - start)
            out.append("    " + " " * max(start - first, 0) + "^" * width)
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
