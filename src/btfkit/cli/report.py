"""What went wrong, on stderr, and the exit code that says it.

In: whatever a verb raised, and warnings. Out: lines that start with ``btfkit:``; a traceback only where it was asked
for.
"""

from __future__ import annotations

import errno
import sys
import traceback as tracebacks
from collections.abc import Iterable

from btfkit.cli import exits
from btfkit.cli.text import printable
from btfkit.errors import BtfkitError, InternalError, LoadError

_CAPABILITIES = ("CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_SYS_ADMIN")


def report(error: Exception, *, traceback: bool = False) -> int:
    """Print the error; the exit code."""
    if traceback:
        tracebacks.print_exception(error)
    if isinstance(error, InternalError) or not isinstance(error, (BtfkitError, OSError, MemoryError)):
        say(f"internal error: {type(error).__name__}: {error}")
        say("this is a bug of btfkit; --traceback shows where, and the input that causes it would help to mend it")
        return exits.INTERNAL
    if isinstance(error, MemoryError):
        say("out of memory")
        return exits.FAILED
    if isinstance(error, BtfkitError):
        say(str(error))
        if isinstance(error, LoadError) and "\n" in error.log.strip():
            say(f"the verifier's log has {len(error.log.splitlines())} lines; `btfkit run --log` shows them")
        return exits.NO_PERMISSION if lacks_privileges(error) else exits.FAILED
    text = error.strerror or str(error)
    say(f"{error.filename}: {text}" if error.filename is not None else text)
    return exits.FAILED


def lacks_privileges(error: BaseException) -> bool:
    """The kernel said EPERM, and a capability that bpf(2) may want is missing."""
    if not isinstance(error, LoadError) or error.errno != errno.EPERM:
        return False
    from btfkit.load.linux.raw import has_capability  # noqa: PLC0415 (only for this)

    return not all(has_capability(name) for name in _CAPABILITIES)


def warn(warnings: Iterable[str]) -> None:
    """A line for each, each only once."""
    for text in dict.fromkeys(warnings):
        say(f"warning: {text}")


def say(text: str) -> None:
    """``btfkit: text`` on stderr. Texts of several lines (a compiler's messages) keep them."""
    print("btfkit: " + "\n".join(map(printable, text.split("\n"))), file=sys.stderr)
