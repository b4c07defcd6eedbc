"""The vocabulary of BPF programs written in Python: ``from btfkit.bpf import *``.

Types (`u32`, `Struct`, `char`), maps (`LruHash`, `RingBuf`), decorators (`xdp`, `raw_tracepoint`), contexts, packet
headers, constants and helpers, by the names that the kernel and libbpf give them; and `load`, for the module itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from btfkit.bpf import constants, contexts, ints, packet, records, structs
from btfkit.bpf.kinds import KINDS
from btfkit.bpf.maps import MAP_CLASSES
from btfkit.bpf.programs import Decorator
from btfkit.bpf.session import load
from btfkit.bpf.struct_ops import StructOpsDecorator
from btfkit.bpf.words import HELPER_FUNCTIONS, WORDS, Static, kernel, kfunc

_INTS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "be16", "be32", "be64", "char")
_RECORDS = ("Struct", "Union", "Header", "Context", "Bits", "Ptr", "sizeof")

_EXPORTED: dict[str, Any] = {name: getattr(ints, name) for name in _INTS}
_EXPORTED |= {name: getattr(records, name) for name in _RECORDS}
for _module in (constants, contexts, structs, packet):
    _EXPORTED |= {
        name: value
        for name, value in vars(_module).items()
        if (isinstance(value, int) and not name.startswith("_"))
        or (isinstance(value, type) and value.__module__ == _module.__name__ and not name.startswith("_IntEnum"))
    }
_EXPORTED |= HELPER_FUNCTIONS
_EXPORTED |= WORDS
_EXPORTED |= {name: Decorator(kind) for name, kind in KINDS.items()}
_EXPORTED |= {"struct_ops": StructOpsDecorator(KINDS["struct_ops"])}
_EXPORTED |= {cls.__name__: cls for cls in MAP_CLASSES}
_EXPORTED |= {
    "SpinLock": structs.bpf_spin_lock,
    "Timer": structs.bpf_timer,
    "Static": Static,
    "Final": Final,
    "kernel": kernel,
    "kfunc": kfunc,
    "load": load,
}
globals().update(_EXPORTED)

__all__ = list(_EXPORTED)  # pyright: ignore

if not TYPE_CHECKING:
    del _module
