"""What ``btfkit attach`` prints while programs are attached.

In: the loaded object. Out: a line on stdout for each record of its streams, and for what its programs print.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Self

from btfkit.cli.ran import record_json, record_text
from btfkit.cli.text import printable
from btfkit.format.insn import INSN_SIZE, OP_CALL, decode_insn
from btfkit.load.linux import LoadedObject
from btfkit.load.linux.tracefs import trace_pipe
from btfkit.load.plan import ProgramPlan
from btfkit.load.streams import TypedStream

PRINTING = frozenset({6, 177})
"""The helpers trace_printk and trace_vprintk."""

_SLICE = 1.0
"""Seconds after which all is looked at, whoever is readable."""
_CHUNK = 1 << 16
_PRINTED = re.compile(r"bpf_trace_printk: (.*)")


class Printer:
    """The object's streams and, where one of the programs prints, the trace pipe; in a ``with`` block."""

    def __init__(self, bpf: LoadedObject, programs: Iterable[ProgramPlan], *, as_json: bool) -> None:
        self._streams = [map_ for map_ in bpf.maps.values() if isinstance(map_, TypedStream)]
        self._as_json = as_json
        self._open = ExitStack()
        prints = any(_prints(program, bpf.plan.byte_order) for program in programs)
        self._pipe = self._open.enter_context(trace_pipe()) if prints else None
        self._half = b""
        if self._pipe is not None:
            self._lines(self._pipe.fileno())  # of programs that were there before

    def follow(self, seconds: float | None) -> None:
        """Print what comes, for so long; None: until Ctrl-C."""
        end = None if seconds is None else time.monotonic() + seconds
        poll = select.poll()
        fds = [stream.fileno() for stream in self._streams]
        for fd in [*fds, self._pipe.fileno()] if self._pipe is not None else fds:
            poll.register(fd, select.POLLIN)
        try:
            while end is None or time.monotonic() < end:
                left = _SLICE if end is None else min(end - time.monotonic(), _SLICE)
                poll.poll(max(left, 0) * 1000)
                self.rest()
        except KeyboardInterrupt:
            pass

    def rest(self) -> None:
        """Print what is there."""
        for stream in self._streams:
            for record in stream.drain():
                self._record(stream, record)
        if self._pipe is not None:
            for text in self._lines(self._pipe.fileno()):
                print(json.dumps({"printed": text}) if self._as_json else printable(text))
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Print what an iterator has written."""
        if self._as_json:
            print(json.dumps({"text": text}))
        else:
            print("\n".join(map(printable, text.split("\n"))), end="")

    def _record(self, stream: TypedStream, record: Any) -> None:
        if self._as_json:
            print(json.dumps({"map": stream.name, "value": record_json(stream, record)}))
        else:
            print(printable(f"{stream.name}: {record_text(stream, record)}"))

    def _lines(self, fd: int) -> list[str]:
        """What was printed since the last time."""
        data = self._half
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(fd, _CHUNK):
                data += chunk
        whole, _, self._half = data.rpartition(b"\n")
        return _PRINTED.findall(whole.decode(errors="replace"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _prints(program: ProgramPlan, byte_order: str) -> bool:
    insns = (decode_insn(program.insns, pos, byte_order) for pos in range(0, len(program.insns), INSN_SIZE))
    return any(insn.code == OP_CALL and not insn.src and insn.imm in PRINTING for insn in insns)
