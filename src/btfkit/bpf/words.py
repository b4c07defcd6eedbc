"""Words of the language that are neither types, maps nor tables: what the front end knows by identity.

In plain Python those that make sense there work; the others say that they need a program.
"""

from __future__ import annotations

import copy as _copy
from collections.abc import Callable
from typing import Any, Final

from btfkit.bpf.helper_table import HELPERS, Helper


class Word:
    """A function of the language. plain: what it does in plain Python, if anything."""

    def __init__(self, name: str, doc: str, plain: Callable[..., Any] | None = None) -> None:
        self.__name__ = name
        self.__doc__ = doc
        self._plain = plain

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._plain is None:
            raise TypeError(f"{self.__name__}() works in a BPF program only")
        return self._plain(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.__name__}: {self.__doc__}>"


class HelperFunction:
    """One of the kernel's helpers, by its name without ``bpf_``."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    @property
    def helper(self) -> Helper:
        return HELPERS[self.__name__]

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self.__name__}() works in a BPF program only")

    def __repr__(self) -> str:
        return f"<helper {self.__name__}>"


class Kfunc:
    """A function of the kernel, by its name in the kernel's BTF."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{self.__name__}() works in a BPF program only")

    def __repr__(self) -> str:
        return f"<kfunc {self.__name__}>"


class KernelType:
    """A struct or union of the kernel, by its name; its fields are those of the BTF that the program is built with."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<kernel type {self.__name__}>"

    def __or__(self, other: Any) -> Any:
        return Optional(self) if other is None else NotImplemented


class Optional:
    """``T | None`` of a type that is no class."""

    def __init__(self, type_: Any) -> None:
        self.type = type_

    @property
    def __name__(self) -> str:
        return f"{getattr(self.type, '__name__', self.type)} | None"


class _Namespace:
    """Names that the kernel gives a meaning: ``kernel.task_struct``, ``kfunc.bpf_strlen``."""

    def __init__(self, make: Callable[[str], Any], doc: str) -> None:
        self._make = make
        self.__doc__ = doc

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        made = self._make(name)
        self.__dict__[name] = made
        return made


class Static:
    """``calls: Static[u32] = 0`` in a function: a variable that keeps its value from call to call."""

    def __init__(self, type_: Any) -> None:
        self.type = type_

    def __class_getitem__(cls, type_: Any) -> Static:
        return cls(type_)

    def __repr__(self) -> str:
        return f"Static[{getattr(self.type, '__name__', self.type)}]"


kernel: Final = _Namespace(KernelType, "Types of the kernel by name: ``kernel.task_struct``.")
kfunc: Final = _Namespace(Kfunc, "Functions of the kernel by name: ``kfunc.bpf_strlen``.")

WORDS: dict[str, Word] = {
    word.__name__: word
    for word in (
        Word("copy", "a copy of a record or array", _copy.copy),
        Word("current_task", "the running task, as a kernel.task_struct"),
        Word("current_comm", "the running task's name, a char[16]"),
        Word("current_pid", "the running thread's id, a u32"),
        Word("current_tgid", "the running process's id, a u32"),
        Word("current_uid", "the running task's user id, a u32"),
        Word("current_gid", "the running task's group id, a u32"),
        Word("ktime_ns", "nanoseconds since boot, a u64"),
        Word("cpu_id", "the number of this CPU, a u32"),
        Word("random_u32", "a random u32"),
        Word("field_exists", "whether the running kernel's type has that field: field_exists(task.mm)"),
        Word("type_exists", "whether the running kernel has that type"),
        Word("cast", "cast(kernel.tcp_sock, pointer): the same address, as of another type"),
        Word("read_user", "read_user(T, address): a value of type T from user memory"),
        Word("read_kernel", "read_kernel(T, address): a value of type T from kernel memory"),
        Word("xchg", "xchg(place, value): set it, and return what it was, in one go"),
        Word("cmpxchg", "cmpxchg(place, old, new): set it if it is old; returns what it was"),
        Word("fetch_add", "fetch_add(place, n): add, and return what it was, in one go"),
        Word("tail_call", "tail_call(ctx, programs, index): goes on in that program; returns where there is none"),
        Word("htons", "a u16 with its bytes swapped on little endian"),
        Word("htonl", "a u32 with its bytes swapped on little endian"),
        Word("ntohs", "a u16 with its bytes swapped on little endian"),
        Word("ntohl", "a u32 with its bytes swapped on little endian"),
        Word("printk", "what print does: printk(f'{x}')"),
    )
}

HELPER_FUNCTIONS: dict[str, HelperFunction] = {name: HelperFunction(name) for name in HELPERS}

__all__ = [
    "HELPER_FUNCTIONS",
    "HelperFunction",
    "KernelType",
    "Kfunc",
    "Optional",
    "Static",
    "WORDS",
    "Word",
    "kernel",
    "kfunc",
]
