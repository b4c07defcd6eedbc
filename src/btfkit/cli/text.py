"""Text for people: tables, fitted to a terminal if there is one; what must not reach a terminal is escaped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

_GAP = "  "


def printable(text: str) -> str:
    """The text with control characters, and bytes that are no UTF-8, as escapes: names come from files."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape's
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def is_terminal() -> bool:
    """Whether stdout is a terminal that takes colours, and may have them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_table(
    rows: Sequence[Sequence[str]],
    *,
    header: Sequence[str] = (),
    styles: Sequence[str] = (),
    right: Sequence[int] = (),
) -> None:
    """Print columns that are as wide as what is in them.

    styles: per column, as rich has them. right: columns to be aligned to the right.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if is_terminal():
        _print_rich(cells, header, styles, right)
        return
    if header:
        cells.insert(0, list(header))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print(_GAP.join(parts).rstrip())


def _print_rich(cells: list[list[str]], header: Sequence[str], styles: Sequence[str], right: Sequence[int]) -> None:
    from rich.console import Console  # noqa: PLC0415 (it takes longer to import than most verbs to run)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not cells:
        return
    table = Table(box=None, show_header=bool(header), pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index in range(len(cells[0])):
        table.add_column(
            Text(header[index]) if header else "",
            style=styles[index] if index < len(styles) else "",
            justify="right" if index in right else "left",
            overflow="fold",
        )
    for row in cells:
        table.add_row(*map(Text, row))
    Console(file=sys.stdout, highlight=False).print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, in ASCII: what is no UTF-8 comes as lone surrogates."""
    print(json.dumps(value, indent=2))
