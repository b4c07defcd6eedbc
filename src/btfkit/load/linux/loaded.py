"""What a load gives: programs to be run, maps and variables as Python values; and the table that holds them by name.

In: descriptors that the loader has made, and the plan they came from. Everything is closed with the `LoadedObject`,
what was attached or opened through it too.
"""

from __future__ import annotations

import contextlib
import difflib
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

from btfkit.errors import AmbiguousTypeError, BtfkitError, LoadError, TypeNotFoundError, ValueTypeError
from btfkit.load.maps import AnyCodec, BytesOf, TypedMap, TypedQueue
from btfkit.load.plan import LoadPlan, ProgramPlan, VarPlan
from btfkit.load.streams import TypedSink, TypedStream
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.values import Codec, codec

from .store import KernelMap
from .sys import Fd, ProgInfo, map_lookup, map_update, prog_info, prog_test_run
from .uapi import MapFlags

if TYPE_CHECKING:
    from .links import Link, LinkGroup
    from .struct_ops import LoadedStructOps

__all__ = ["LoadedObject", "LoadedProgram", "RunResult", "Table", "Variable", "names_of", "var_codec"]

T = TypeVar("T")


class Table(Mapping[str, T], Generic[T]):
    """Things by name, and by qualified name. As attributes too: ``bpf.maps.flows``.

    TypeNotFoundError (a KeyError) with near names; AmbiguousTypeError where several have the name.
    """

    def __init__(self, what: str, entries: Iterable[tuple[tuple[str, ...], T]]) -> None:
        """entries: (names, thing): the name that tells most first, the one that most may share last."""
        self._what = what
        self._entries = list(entries)

    def __getitem__(self, key: str) -> T:
        for level in range(max((len(names) for names, _ in self._entries), default=0)):
            found = [(names[0], thing) for names, thing in self._entries if names[level : level + 1] == (key,)]
            if len(found) == 1:
                return found[0][1]
            if found:
                shown = ", ".join(name for name, _ in found)
                raise AmbiguousTypeError(
                    f"there are {len(found)} {self._what}s {key!r}: {shown}",
                    ids=[i for i, (names, _) in enumerate(self._entries) if names[level : level + 1] == (key,)],
                )
        known = dict.fromkeys(name for names, _ in self._entries for name in names)
        raise TypeNotFoundError(
            f"there is no {self._what} {key!r}", near=difflib.get_close_matches(str(key), known, n=3)
        )

    def __getattr__(self, name: str) -> T:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except BtfkitError as error:
            raise AttributeError(str(error), name=name, obj=self) from None

    def __iter__(self) -> Iterator[str]:
        return (names[0] for names, _ in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return any(key in names for names, _ in self._entries)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s: {', '.join(self)}>"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave.

    retval:   what the function returned; signed where its type says so
    data:     the packet afterwards. ctx: the context afterwards, as it was given: bytes, or a value of its type
    duration: nanoseconds of one run, the mean of ``repeat``
    """

    retval: int
    data: bytes
    ctx: Any
    duration: int


class LoadedProgram:
    """A program in the kernel. log: what the verifier said, where that was asked for."""

    def __init__(self, plan: ProgramPlan, btf: Btf, fd: Fd, log: str = "") -> None:
        self.plan = plan
        self.btf = btf
        self.log = log
        self._fd = fd
        self._links: list[Link | LinkGroup] = []

    def __repr__(self) -> str:
        return f"<LoadedProgram {self.name!r}: {self.plan.prog_type.name.lower() if self.plan.prog_type else '?'}>"

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def fd(self) -> int:
        return self._fd.fileno()

    def fileno(self) -> int:
        return self._fd.fileno()

    @property
    def info(self) -> ProgInfo:
        return prog_info(self._fd)

    def test_run(
        self,
        data: bytes | None = None,
        *,
        ctx: Any = None,
        repeat: int = 1,
        data_size_out: int | None = None,
    ) -> RunResult:
        """Run the program ``repeat`` times on a packet, a context, or both.

        ctx: bytes, or a value of what the function's first parameter points at (a dict, a tuple, a record); it comes
        back in the same way. data_size_out: bytes of room for the packet afterwards.
        """
        packed: bytes | None = None
        typed: Codec | None = None
        if isinstance(ctx, (bytes, bytearray, memoryview)):
            packed = bytes(ctx)
        elif ctx is not None:
            typed = self.ctx_codec()
            if typed is None:
                raise ValueTypeError(
                    "the type of its context is not known: give bytes", thing=f"program '{self.name}'", field="ctx"
                )
            packed = typed.pack(ctx, field="ctx")
        try:
            run = prog_test_run(
                self._fd,
                None if data is None else bytes(data),
                ctx=packed,
                repeat=repeat,
                data_size_out=data_size_out,
                ctx_size_out=len(packed) if packed is not None and data is not None else None,
            )
        except LoadError as error:
            error.thing = f"program '{self.name}'"
            raise
        after: Any = run.ctx
        if typed is not None and len(run.ctx) == typed.size:
            after = typed.unpack(run.ctx)
        return RunResult(self._signed(run.retval), run.data, after if packed is not None else None, run.duration_ns)

    def attach(self, target: Any = None, **options: Any) -> Any:
        """Attach the program, until the `Link` (or `LinkGroup`) that this gives is closed, or the object is.

        target, and options, by the program's type; by default what the section's name says:
        XDP              an interface's name or number; mode: native, generic, offload
        tc, netkit       an interface; direction: ingress, egress
        tracepoint       ``category/name``; raw_tracepoint: a name; both, and the next two: cookie
        kprobe           a function; offset. kprobe.multi: names, or a pattern
        uprobe           ``path:function``; or a path and symbol, offset; pid. uprobe.multi: ``path:pattern``
        tp_btf, fentry … nothing: it is fixed when the program is loaded
        perf_event       an event, by default ``cpu-clock``; frequency or period; pid, cpu
        iter             nothing, a map or a cgroup; pid, tid; order. The link is read: `IterLink`
        cgroup, sockops  a cgroup's directory; of cgroup/skb direction
        netfilter        prerouting, input, forward, output, postrouting; pf: ipv4, ipv6; priority; defrag
        sk_lookup, flow_dissector  a network namespace, by default this one
        socket           a socket; reuseport. sk_skb, sk_msg: a map of sockets
        LoadError where the target is missing, or the kernel refuses.
        """
        from .attach import attach  # noqa: PLC0415 (only whoever attaches pays for it)

        link = attach(self, target, **options)
        self._links = [*(other for other in self._links if not other.closed), link]
        return link

    def read(self, target: Any = None, **options: Any) -> str:
        """Run an iterator once: the text that it writes. Arguments: as for `attach`."""
        with self.attach(target, **options) as link:
            if not hasattr(link, "read"):
                raise LoadError("is no iterator: only those are read", thing=f"program '{self.name}'")
            return str(link.read())

    def ctx_codec(self) -> Codec | None:
        """Of what the function's first parameter points at; None where that is not known, or has no size."""
        proto = self._proto()
        if proto is None or not proto.params:
            return None
        pointer = self.btf.resolved(proto.params[0].type_id)
        if not isinstance(pointer, t.Ptr) or self.btf.size_of(pointer.type_id) is None:
            return None
        return codec(self.btf, pointer.type_id)

    def _proto(self) -> t.FuncProto | None:
        return self.btf.func_proto(self.btf.instance(self.plan.inst_id).type_id) if self.plan.inst_id else None

    def _signed(self, retval: int) -> int:
        proto = self._proto()
        returned = self.btf.resolved(proto.return_type) if proto is not None else None
        signed = isinstance(returned, t.Int) and returned.is_signed
        return retval - (1 << 32) if signed and retval >> 31 else retval

    def close(self) -> None:
        """Detach it from where `attach` has put it, and close it."""
        while self._links:
            self._links.pop().close()
        self._fd.close()


class Variable:
    """A variable of the program, in the map that holds its section: ``variable.value``, read and written."""

    def __init__(self, plan: VarPlan, btf: Btf, store: KernelMap) -> None:
        self.plan = plan
        self.btf = btf
        self._store = store
        self._codec: AnyCodec | None = None

    def __repr__(self) -> str:
        return f"<Variable {self.name!r}: {self.codec.name}>"

    @property
    def name(self) -> str:
        """With the function that it is local to: ``count.calls``."""
        return self.plan.qualified_name

    @property
    def type(self) -> t.Type | None:
        """None where only the size is known; the value is bytes then."""
        return self.btf[self.plan.type_id] if self.plan.type_id else None

    @property
    def codec(self) -> AnyCodec:
        if self._codec is None:
            self._codec = var_codec(self.plan, self.btf)
        return self._codec

    @property
    def value(self) -> Any:
        return self.codec.unpack(self._section(), self.plan.off)

    @value.setter
    def value(self, value: Any) -> None:
        data = self.codec.pack(value, field=self.name)
        if self._store.frozen:
            raise LoadError(
                "is constant: its map is frozen; set it when loading (``variables=``)", thing=f"variable '{self.name}'"
            )
        off = self.plan.off
        if self._store.info.map_flags & MapFlags.MMAPABLE and self._write_mapped(data):
            return
        whole = self._section()
        map_update(self._store.fd, bytes(4), whole[:off] + data + whole[off + len(data) :])

    def _section(self) -> bytes:
        whole = map_lookup(self._store.fd, bytes(4), self._store.value_size)
        if whole is None:
            raise LoadError("its map has no element", thing=f"variable '{self.name}'")
        return whole

    def _write_mapped(self, data: bytes) -> bool:
        """Only the variable's own bytes, so that what a program writes beside it meanwhile stays."""
        with contextlib.suppress(OSError, ValueError):
            with mmap.mmap(self._store.fileno(), self._store.value_size) as memory:
                memory[self.plan.off : self.plan.off + len(data)] = data
            return True
        return False


def var_codec(var: VarPlan, btf: Btf) -> AnyCodec:
    """The codec of a variable's value."""
    return codec(btf, var.type_id) if var.type_id else BytesOf(var.size, btf.byte_order)


def names_of(var: VarPlan) -> tuple[str, ...]:
    """What a variable can be called in a `Table`."""
    return var.symbol, var.qualified_name, var.name


class LoadedObject:
    """An object in the kernel: ``programs``, ``maps``, ``variables`` by name; closed by `close` or the ``with`` block.

    As attributes too, where nothing else here has the name: ``bpf.count`` is a program, ``bpf.flows`` a map,
    ``bpf.limit`` a variable's value, which can be set, and ``bpf.reno`` a struct of operations (``struct_ops``). Of
    equal names a program's counts, then a map's.

    btf_fd: the object's BTF in the kernel, None where it takes none. warnings: what had to be left out, a line each.
    """

    def __init__(
        self,
        plan: LoadPlan,
        stack: ExitStack,
        *,
        programs: list[LoadedProgram],
        maps: list[TypedMap | TypedQueue],
        variables: list[Variable],
        struct_ops: Sequence[LoadedStructOps] = (),
        warnings: list[str],
        btf_fd: Fd | None,
    ) -> None:
        self.plan = plan
        self.btf = plan.btf
        self.btf_fd = btf_fd
        self.warnings = warnings
        self.programs: Table[LoadedProgram] = Table("program", ((plan.names(p.plan), p) for p in programs))
        self.maps: Table[Any] = Table(
            "map", (((m.name, p.kernel_name), m) for m, p in zip(maps, plan.maps, strict=True))
        )
        self.variables: Table[Variable] = Table("variable", ((names_of(v.plan), v) for v in variables))
        self.struct_ops: Table[LoadedStructOps] = Table("struct", (((ops.name,), ops) for ops in struct_ops))
        self._stack = stack

    def __repr__(self) -> str:
        return f"<LoadedObject {self.plan.name!r}: {len(self.programs)} programs, {len(self.maps)} maps>"

    def __getattr__(self, name: str) -> Any:
        tables = tuple(self.__dict__.get(what) for what in ("programs", "maps", "variables", "struct_ops"))
        if name.startswith("__") or None in tables:
            raise AttributeError(name)
        every: tuple[Table[Any], ...] = (self.programs, self.maps, self.variables, self.struct_ops)
        for table in every:
            if name in table:
                try:
                    found = table[name]
                except AmbiguousTypeError as error:
                    raise AttributeError(str(error), name=name, obj=self) from None
                return found.value if isinstance(found, Variable) else found
        known = [known for table in every for known in table]
        near = difflib.get_close_matches(name, known, n=3)
        hint = f" (near: {', '.join(near)})" if near else ""
        raise AttributeError(f"there is no program, map or variable {name!r}{hint}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        elif name in self.programs or name in self.maps:
            kind = "program" if name in self.programs else "map: set its elements"
            raise AttributeError(f"{name!r} is a {kind}", name=name, obj=self)
        elif name in self.variables:
            try:
                variable = self.variables[name]
            except AmbiguousTypeError as error:
                raise AttributeError(str(error), name=name, obj=self) from None
            variable.value = value
        else:
            near = difflib.get_close_matches(name, self.variables, n=3)
            hint = f" (near: {', '.join(near)})" if near else ""
            raise AttributeError(f"there is no variable {name!r}{hint}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        tables: tuple[Table[Any], ...] = (self.programs, self.maps, self.variables, self.struct_ops)
        return sorted({*super().__dir__(), *(name for table in tables for name in table if name.isidentifier())})

    def attach(self) -> LinkGroup:
        """Attach every program whose section's name says where (``tracepoint/sched/sched_switch``)."""
        from .attach import attach_all  # noqa: PLC0415 (only whoever attaches pays for it)

        return attach_all(self.programs.values())

    def close(self) -> None:
        """Detach what was attached, close every descriptor; what is pinned stays in the kernel."""
        for program in self.programs.values():
            program.close()
        for map_ in self.maps.values():
            if isinstance(map_, (TypedStream, TypedSink)):
                map_.close()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("descriptors cannot be copied or pickled")


_OWN = frozenset({"plan", "btf", "btf_fd", "warnings", "programs", "maps", "variables", "struct_ops", "_stack"})
