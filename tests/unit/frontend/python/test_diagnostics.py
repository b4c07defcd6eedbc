"""What is wrong, as text."""

from __future__ import annotations

import pytest

from btfkit.errors import SourceError
from btfkit.frontend.diagnostics import MOST_SHOWN, Diagnostic, Diagnostics
from btfkit.frontend.span import Span

# (id, span's line col end_line end_col, source line, hint, want)
RENDERED = [
    ("plain", (3, 4, 3, 7), "x = abc\n", "", "p.py:3:5: error: no\n    x = abc\n        ^^^"),
    ("hint", (3, 4, 3, 7), "x = abc\n", "write y", "p.py:3:5: error: no\n    x = abc\n        ^^^\n    write y"),
    ("indented", (1, 8, 1, 9), "    x = a", "", "p.py:1:9: error: no\n    x = a\n        ^"),
    ("tabs", (1, 5, 1, 6), "\tx = a\tb", "", "p.py:1:6: error: no\n    x = a b\n        ^"),
    ("bytes are characters", (1, 5, 1, 8), "é = öä", "", "p.py:1:5: error: no\n    é = öä\n        ^^"),
    ("to the line's end", (1, 4, 3, 2), "x = f(", "", "p.py:1:5: error: no\n    x = f(\n        ^^"),
    ("past the end", (1, 40, 1, 50), "x = a", "", "p.py:1:6: error: no\n    x = a\n         ^"),
    ("carriage return", (1, 0, 1, 1), "x\r\n", "", "p.py:1:1: error: no\n    x\n    ^"),
    ("no line", (9, 2, 9, 3), "", "", "p.py:9:3: error: no"),
    ("blank line", (9, 2, 9, 3), "   \n", "", "p.py:9:3: error: no"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "line", "hint", "want"), [row[1:] for row in RENDERED], ids=[r[0] for r in RENDERED])
def test_render(place: tuple[int, int, int, int], line: str, hint: str, want: str) -> None:
    assert Diagnostic(Span("p.py", *place), "no", hint).render(line) == want


def test_long_line() -> None:
    """The part where the mistake is."""
    line = "x = " + "a + " * 2000 + "wrong + " + "b + " * 2000 + "c"
    col = line.index("wrong")
    _, shown, caret = Diagnostic(Span("p.py", 1, col, 1, col + 5), "no").render(line).splitlines()
    assert len(shown) == MOST_SHOWN + 4
    assert shown[caret.index("^") :].startswith("wrong") and caret.count("^") == 5


def test_collected() -> None:
    """In the order of the text, each once, with what is in the line."""
    found = Diagnostics(lambda path: ["one\n", "two\n"] if path == "p.py" else [])
    found.check("p.py")
    assert not found
    for line in (2, 1, 2):
        found.add(Span("p.py", line, 0, line, 3), "no")
    found.add(Span("q.py", 7, 0, 7, 3), "nor this")
    with pytest.raises(SourceError) as caught:
        found.check("p.py")
    assert caught.value.reason == "3 errors"
    assert caught.value.diagnostics == (
        "p.py:1:1: error: no\n    one\n    ^^^",
        "p.py:2:1: error: no\n    two\n    ^^^",
        "q.py:7:1: error: nor this",
    )
