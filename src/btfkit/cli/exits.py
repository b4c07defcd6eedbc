"""Exit codes."""

from __future__ import annotations

import argparse
from typing import NoReturn

OK = 0
FAILED = 1
"""What was asked for failed: bad input, refused by the kernel, not found, not written."""
USAGE = 2
NO_PERMISSION = 3
"""The kernel refused for want of privileges."""
INTERNAL = 70
"""A bug of btfkit (EX_SOFTWARE of sysexits.h)."""
INTERRUPTED = 130
BROKEN_PIPE = 141
"""The last two as a shell gives them: 128 and the signal's number."""

HELP = """\
exit codes:
  0  all is well
  1  it failed: bad input, refused by the kernel, not found, not written
  2  wrong usage
  3  the kernel wants privileges that are not there (root, or CAP_BPF and its kin)"""


def usage_error(args: argparse.Namespace, text: str) -> NoReturn:
    """Print the verb's usage and the text, and end with `USAGE`."""
    args.parser.error(text)
    raise SystemExit(USAGE)
