"""The kernel's logs: which of thousands of lines is the answer.

What comes in: the text that PROG_LOAD or BTF_LOAD wrote into its log buffer. What goes out: its last words in one
line and the last source line it named. Wording that is not recognised counts as a message, never as an error.
Source: kernel/bpf/log.c and verifier.c, kernels 4.14 to 7.3.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["btf_last_words", "last_source", "last_words"]

# Lines in which the verifier tells of its progress: not what it stumbled over.
_NOISE: Final = re.compile(
    r"""
      \s* \d+: .*                                        # an instruction, or the state at one
    | ; .*                                               # a source line
    | \s* (from\ \d+\ to\ \d+ .* : )? \s* (frame\ ?\d+ .*: )? \s* (R\d+(_\w+)?=.* | fp-\d+(_\w+)?=.*)    # registers
    | (from\ \d+\ to\ \d+ | \d+\ to\ \d+) .*             # a jump
    | \s* frame\ ?\d+ .*
    | processed\ \d+\ insns .* | insns\ processed .* | verification\ time .* | stack\ depth .*
    | mark_precise: .* | regs=[0-9a-f]+\ stack= .* | last_idx\ .* | parent\ (didn't|already) .* | propagating .*
    | (old|cur)\ state: .* | caller: | callee: | returning\ from\ callee: | to\ caller\ at\ .*
    | func\#\d+\ @\d+ | Func\#\d+\ .*safe\ for .* | Validating\ \S+\(\)\ func\#\d+ .* | Live\ regs\ before .*
    | max_states_per_insn .* | .*:\ safe
    """,
    re.VERBOSE,
)
_SOURCE: Final = re.compile(r"; (?P<text>.*?)(?: @ (?P<where>[^@]*:\d+))?$")
_LINES_OF_WORDS: Final = 4


def last_words(log: str) -> str:
    """The verifier's reason in one line: the message lines that stand last, joined by ``; ``."""
    lines, reason = _split_report(log.splitlines())
    words: list[str] = []
    for line in reversed(lines):
        if not line.strip():
            continue
        if not _NOISE.fullmatch(line):
            words.append(line.strip())
        elif words:
            break
        if len(words) == _LINES_OF_WORDS:
            break
    return "; ".join([*reversed(words), *reason])


def last_source(log: str) -> str | None:
    """The source line the verifier was at, ``file.c:31: text``; only the text before 6.9, which names no file."""
    lines, _ = _split_report(log.splitlines())
    for line in reversed(lines):
        match = _SOURCE.fullmatch(line.rstrip())
        if match:
            where, text = match["where"], match["text"].strip()
            return f"{where}: {text}" if where else text
    return None


def btf_last_words(log: str) -> str:
    """BTF_LOAD's reason in one line: the log ends with it, after the type it is about."""
    for line in reversed(log.splitlines()):
        if line.strip():
            return " ".join(line.split())
    return ""


def _split_report(lines: list[str]) -> tuple[list[str], list[str]]:
    """The log proper, and the reason from the report that 7.3 appends to it.

    Since 7.3 (ce7c9f6c599b) a ``Verification failed:`` line starts sections named ``Reason:``, ``At:``,
    ``Causal path:`` and ``Suggestion:``, each with indented lines.
    """
    start = next((i for i, line in enumerate(lines) if line.startswith("Verification failed:")), None)
    if start is None:
        return lines, []
    reason: list[str] = []
    inside = False
    for line in lines[start + 1 :]:
        if line and not line[0].isspace():
            inside = line.startswith("Reason:")
        elif inside and line.strip():
            reason.append(line.strip())
    return lines[:start], [" ".join(reason)] if reason else [lines[start].partition(":")[2].strip()]
