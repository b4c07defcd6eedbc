"""Tables, plain and on a terminal."""

from __future__ import annotations

import contextlib
import io

import pytest

from btfkit.cli.text import print_table, printable

PRINTABLE = [
    ("", ""),
    ("flows", "flows"),
    ("Größe …", "Größe …"),
    ("a\nb", "a\\nb"),
    ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    ("\udc80\udcff", "\\x80\\xff"),
    ("\ud800", "\\ud800"),
    ("a\u202eb", "a\\u202eb"),
    ("a\tb", "a\tb"),
]


@pytest.mark.parametrize(("text", "want"), PRINTABLE)
def test_printable(text: str, want: str) -> None:
    assert printable(text) == want


def test_columns_are_as_wide_as_their_contents(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("a", "1", "x"), ("bcd", "22", ""), ("", "", "")], header=("n", "c", "t"), right=(1,))
    assert capsys.readouterr().out == "n     c  t\na     1  x\nbcd  22\n\n"


def test_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([])
    assert capsys.readouterr().out == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def test_a_terminal_gets_colours(terminal: Terminal) -> None:
    with contextlib.redirect_stdout(terminal):
        print_table([("flows", "[red]map[/red]")], header=("name", "kind"), styles=("bold",))
    text = terminal.getvalue()
    assert "\x1b[" in text and "[red]map[/red]" in text


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_unless_it_wants_none(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with contextlib.redirect_stdout(terminal):
        print_table([("flows", "map")], styles=("bold",))
    assert terminal.getvalue() == "flows  map\n"
