"""Decorators that make a function a program: ``@xdp``, ``@raw_tracepoint("sched_switch")``, ``@tc(default=2)``.

In: a function. Out: a `BpfProgram`, which the front end compiles; in plain Python it is called like the function.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, overload

from btfkit.bpf.kinds import ProgramKind

Function = Callable[..., Any]


class BpfProgram:
    """A function that the kernel calls. section: its ELF section; default: what it returns where a fault ends it."""

    def __init__(self, function: Function, kind: ProgramKind, section: str, default: int, license: str = "") -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.kind = kind
        self.section = section
        self.default = default

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<BpfProgram {self.function.__name__}: {self.section}>"


class Decorator:
    """What makes programs of one kind: used bare, or with a target and options."""

    def __init__(self, kind: ProgramKind) -> None:
        self.kind = kind
        self.__name__ = kind.name
        target = {"none": "", "optional": "(target)", "required": "(target)"}[kind.target]
        self.__doc__ = f"``@{kind.name}{target}``: a program of the section ``{kind.section}``."

    @overload
    def __call__(self, function: Function, /) -> BpfProgram: ...
    @overload
    def __call__(
        self, target: str = "", /, *, default: int | None = None, sleepable: bool = False
    ) -> Callable[[Function], BpfProgram]: ...
    def __call__(
        self, target: Any = "", /, *, default: int | None = None, sleepable: bool = False
    ) -> BpfProgram | Callable[[Function], BpfProgram]:
        """target: what it attaches to, where its kind takes one. default: what it returns where a fault ends it.

        TypeError for a target that is missing, or that the kind does not take. What Python calls by the same name (of
        the kinds that is `iter`) does what it does in Python with anything else.
        """
        if not (isinstance(target, (str, BpfProgram)) or callable(target)):
            plain = getattr(builtins, self.kind.name, None)
            if plain is None:
                raise TypeError(f"@{self.kind.name} is for a function, and its target is text, not {target!r}")
            return plain(target)  # type: ignore[no-any-return]
        if isinstance(target, BpfProgram) or (callable(target) and not isinstance(target, str)):
            return self._make(target, "", None, False)
        return lambda function: self._make(function, target, default, sleepable)

    def _make(self, function: Any, target: str, default: int | None, sleepable: bool) -> BpfProgram:
        kind = self.kind
        if isinstance(function, BpfProgram):
            raise TypeError(f"{function.function.__name__} is a program of another kind already")
        if not isinstance(function, FunctionType):
            raise TypeError(f"@{kind.name} is for a function written with def, not {function!r}")
        if kind.target == "required" and not target:
            raise TypeError(f'@{kind.name} needs a target: @{kind.name}("...")')
        if kind.target == "none" and target:
            raise TypeError(f"@{kind.name} takes no target, not {target!r}")
        if sleepable and not kind.sleepable:
            raise TypeError(f"@{kind.name} programs cannot sleep")
        if default is not None and kind.returns is not None and not kind.returns[0] <= default <= kind.returns[1]:
            low, high = kind.returns
            raise TypeError(f"@{kind.name} programs return {low} to {high}: default={default} is none of these")
        section = kind.section.replace("{target}", target).removesuffix("/") if target else kind.section
        if not target:
            section = section.removesuffix("/{target}")
        if sleepable:
            name, slash, rest = section.partition("/")
            section = f"{name}.s{slash}{rest}"
        return BpfProgram(function, kind, section, kind.default if default is None else int(default))

    def __repr__(self) -> str:
        return f"<decorator @{self.kind.name}>"


__all__ = ["BpfProgram", "Decorator"]
