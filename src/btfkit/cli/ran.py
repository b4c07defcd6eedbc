"""What ``btfkit run`` prints.

In: the loaded object, the program, the result of the run, the arguments. Out: tables or JSON on stdout.
"""

from __future__ import annotations

import argparse
from typing import Any

from btfkit.cli.elements import is_zero, pairs_json, print_elements, types_text
from btfkit.cli.text import print_json, print_table, printable
from btfkit.errors import BtfkitError, FormatError, ValueTypeError
from btfkit.format.maptype import MapType, map_type_word
from btfkit.load.linux import LoadedObject, LoadedProgram, RunResult, Variable
from btfkit.load.maps import TypedQueue
from btfkit.load.plan import ProgramPlan
from btfkit.load.streams import TypedStream

_XDP = ("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT")
_TC = ("UNSPEC", "OK", "RECLASSIFY", "SHOT", "PIPE", "STOLEN", "QUEUED", "REPEAT", "REDIRECT", "TRAP")


def retval_name(program: ProgramPlan, retval: int) -> str:
    """``XDP_PASS``, ``TC_ACT_SHOT``; "" where the number has no name."""
    match program.prog_type.name if program.prog_type is not None else "":
        case "XDP":
            return _XDP[retval] if 0 <= retval < len(_XDP) else ""
        case "SCHED_CLS" | "SCHED_ACT":
            at = (retval + 1) & 0xFFFF_FFFF  # TC_ACT_UNSPEC is -1
            return f"TC_ACT_{_TC[at]}" if at < len(_TC) else ""
    return ""


def print_result(
    program: ProgramPlan,
    loaded: LoadedProgram,
    bpf: LoadedObject,
    data: bytes | None,
    result: RunResult,
    args: argparse.Namespace,
) -> None:
    """Print what the run gave and, where they were asked for, maps and variables. data: the packet that went in."""
    if args.json:
        print_json(_json(program, loaded, bpf, result, args))
        return
    if args.out == "-":
        return
    name = retval_name(program, result.retval)
    rows = [
        ("program", program.name),
        ("retval", f"{result.retval} {name}".rstrip()),
        ("duration", f"{result.duration} ns a run" + (f", {args.repeat} runs" if args.repeat > 1 else "")),
    ]
    if data is not None:
        same = "as it went in" if result.data == data else f"changed; it had {len(data)}"
        rows.append(("data", f"{len(result.data)} bytes, {same}"))
    if result.ctx is not None:
        codec = loaded.ctx_codec()
        is_bytes = isinstance(result.ctx, bytes)
        rows.append(("ctx", result.ctx.hex(" ") if is_bytes or codec is None else codec.format(result.ctx)))
    print_table(rows, styles=("bold",))
    if args.maps:
        print_maps(bpf)


def print_maps(bpf: LoadedObject) -> None:
    """The contents of its maps, and its variables."""
    for map_ in _typed_maps(bpf):
        words = [map_type_word(int(map_.type)), types_text(map_)]
        print(f"\nmap {printable(map_.name)}: {', '.join(filter(None, words))}")
        if _is_readable(map_):
            for record in map_.drain():
                print(printable(record_text(map_, record)))
            continue
        pairs = _pairs(map_)
        if pairs is None:
            print("(its contents cannot be looked at)")
            continue
        shown = [pair for pair in pairs if not (map_.is_array and is_zero(map_, pair[1]))]
        print_elements(map_, shown)
        if len(shown) < len(pairs):
            print(f"({len(pairs) - len(shown)} elements are zero)")
    if bpf.variables:
        print("\nvariables")
        print_table([(name, *_variable_cells(var)) for name, var in bpf.variables.items()], styles=("bold", "cyan"))


def _typed_maps(bpf: LoadedObject) -> list[Any]:
    """The maps that the object declares, without those that hold its variables."""
    return [bpf.maps[planned.name] for planned in bpf.plan.maps if not planned.is_data]


def _is_readable(map_: Any) -> bool:
    """A ring buffer of typed records: what the run has sent is still there."""
    return isinstance(map_, TypedStream) and map_.type == MapType.RINGBUF and map_.record_codec is not None


def record_text(stream: TypedStream, record: Any) -> str:
    """A record in one line; one that is not of the type's size as hex digits."""
    codec = None if isinstance(record, bytes) else stream.record_codec
    return str(record.hex(" ") if codec is None else codec.format(record))


def record_json(stream: TypedStream, record: Any) -> Any:
    """A record as JSON has it."""
    codec = None if isinstance(record, bytes) else stream.record_codec
    return record.hex() if codec is None else codec.to_json(record)


def _pairs(map_: Any) -> list[tuple[Any, Any]] | None:
    """The elements; None for a queue, a ring buffer, a map of sockets, which do not show them."""
    try:
        return None if isinstance(map_, TypedQueue) else list(map_.items())
    except BtfkitError:
        return None


def _variable_cells(var: Variable) -> tuple[str, str]:
    """Type and value; of a variable whose type is not known, or has no size, a word on that."""
    try:
        return var.codec.name, var.codec.format(var.value)
    except (FormatError, ValueTypeError) as error:
        return "", f"({error.reason})"


def _variable_json(var: Variable) -> Any:
    try:
        return var.codec.to_json(var.value)
    except (FormatError, ValueTypeError):
        return None


def _json(
    program: ProgramPlan, loaded: LoadedProgram, bpf: LoadedObject, result: RunResult, args: argparse.Namespace
) -> dict[str, Any]:
    out: dict[str, Any] = {
        "program": program.name,
        "retval": result.retval,
        "retval_name": retval_name(program, result.retval) or None,
        "duration_ns": result.duration,
        "repeat": args.repeat,
        "data": result.data.hex(),
    }
    codec = loaded.ctx_codec()
    if result.ctx is not None:
        is_bytes = isinstance(result.ctx, bytes) or codec is None
        out["ctx"] = result.ctx.hex() if is_bytes or codec is None else codec.to_json(result.ctx)
    if args.maps:
        out["maps"] = {}
        for map_ in _typed_maps(bpf):
            if _is_readable(map_):
                out["maps"][map_.name] = [record_json(map_, record) for record in map_.drain()]
                continue
            pairs = _pairs(map_)
            out["maps"][map_.name] = pairs_json(map_, pairs) if pairs is not None else None
        out["variables"] = {name: _variable_json(var) for name, var in bpf.variables.items()}
    return out
