"""Each file under cases/python/err has the diagnostics that its comments say, on their lines, and no other."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from tests.conftest import CASES, kernel_btf

import btfkit
from btfkit.errors import SourceError

ERR = CASES / "python" / "err"
PLACE = re.compile(r"[^\n]*?:(\d+):\d+: error: ")
FILES = sorted(path.name for path in ERR.glob("*.py"))


def expected(text: str) -> dict[int, list[str]]:
    """``# expect: ...`` by line."""
    out = {}
    for number, line in enumerate(text.splitlines(), 1):
        if wanted := [part.strip() for part in line.split("# expect:")[1:]]:
            out[number] = wanted
    return out


def found(path: Path) -> dict[int, list[str]]:
    try:
        btfkit.compile_file(path, arch="x86_64")
    except SourceError as error:
        out = defaultdict(list)
        for diagnostic in error.diagnostics:
            match = PLACE.match(diagnostic)
            out[int(match[1]) if match else 0].append(diagnostic)
        return out
    return {}


def said(diagnostic: str) -> str:
    """The reason and the hint: the line of the source has the expectation in it."""
    reason, *rest = diagnostic.splitlines()
    return "\n".join([reason, *rest[2:]])


@pytest.mark.parametrize("name", FILES)
def test_diagnostics(name: str) -> None:
    kernel_btf()
    want, got = expected((ERR / name).read_text()), found(ERR / name)
    assert want
    for line in sorted({*want, *got}):
        left = list(got.get(line, ()))
        for text in want.get(line, ()):
            hit = next((diagnostic for diagnostic in left if text in said(diagnostic)), None)
            assert hit is not None, f"{name}:{line}: nothing says {text!r} in {left}"
            left.remove(hit)
        assert not left, f"{name}:{line}: {left[0]}"


def test_there_are_many() -> None:
    assert sum(len(texts) for name in FILES for texts in expected((ERR / name).read_text()).values()) > 300


@pytest.mark.parametrize("path", sorted(ERR.glob("*.err")), ids=lambda path: path.stem)
def test_rendered(path: Path) -> None:
    """The whole text, as a user sees it."""
    with pytest.raises(SourceError) as caught:
        btfkit.compile_file(path.with_suffix(".py"), arch="x86_64")
    assert str(caught.value).replace(f"{ERR}/", "") + "\n" == path.read_text()


@pytest.mark.parametrize("name", FILES)
def test_voice(name: str) -> None:
    """One line a reason, no full stop, no object's address, and a caret where the source is shown."""
    for diagnostics in found(ERR / name).values():
        for diagnostic in diagnostics:
            first, *rest = diagnostic.splitlines()
            assert not first.endswith((".", ":")) and " at 0x" not in diagnostic and "Traceback" not in diagnostic
            assert rest and set(rest[1].strip()) == {"^"}
            assert len(first) < 220
