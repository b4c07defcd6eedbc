"""A struct of operations of the kernel, written as a class.

::

    @struct_ops("tcp_congestion_ops")
    class reno:
        name = "bpf_reno"

        def ssthresh(sk) -> u32:
            return 2

In: a class. Out: a `StructOps`: its functions are programs, its other attributes the values of the struct's fields.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from btfkit.bpf.programs import BpfProgram, Decorator


class StructOps:
    """What the kernel is to register. struct: whose operations these are; link: it stays as long as its link does."""

    def __init__(self, struct: str, name: str, fields: dict[str, Any], link: bool = True) -> None:
        self.struct = struct
        self.__name__ = name
        self.fields = fields
        self.link = link

    @property
    def programs(self) -> dict[str, BpfProgram]:
        return {name: value for name, value in self.fields.items() if isinstance(value, BpfProgram)}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self) -> str:
        return f"<StructOps {self.__name__}: {self.struct}>"


class StructOpsDecorator(Decorator):
    """``@struct_ops(struct)`` of a class; of a function, ``@struct_ops(struct/field)``."""

    def __call__(  # type: ignore[override]
        self, target: Any = "", /, *, default: int | None = None, sleepable: bool = False, link: bool = True
    ) -> BpfProgram | Callable[[Any], Any]:
        """link: registered by a link (kernel 6.4), not until it is removed. Others: see `Decorator`."""
        if not isinstance(target, str):
            return self._make(target, "", None, False)

        def decorate(what: Any) -> Any:
            if not isinstance(what, type):
                return self._make(what, target, default, sleepable)
            fields = {name: value for name, value in vars(what).items() if not name.startswith("__")}
            for name, value in fields.items():
                function = value.__func__ if isinstance(value, staticmethod) else value
                if isinstance(function, FunctionType):
                    fields[name] = self._make(function, f"{target}/{name}", default, sleepable)
            return StructOps(target, what.__name__, fields, link)

        return decorate


__all__ = ["StructOps", "StructOpsDecorator"]
