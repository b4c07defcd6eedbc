"""Random programs, run by CPython and by the kernel: what differs.

In: a `Module`. Out: `Failure`s. On CPython's side maps are mappings that hold copies of their declared types, ``m[k] += v``
counts from 0, a Static is a variable that stays, and an exception that is not caught gives the program's default.
"""

from __future__ import annotations

import ast
import operator
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.random_model import Module, Record

from btfkit import api
from btfkit.bpf.ints import ArrayType
from btfkit.bpf.records import Bits
from btfkit.bpf.records import Record as Struct
from btfkit.errors import BtfkitError, LoadError, SourceError
from btfkit.frontend.python.module import run_text

Fault = (KeyError, IndexError, ZeroDivisionError, AssertionError, ValueError, RuntimeError)
DEFAULT = -1
"""What a program returns that an exception ended."""
LIMITS = (
    "jumps is too complex", "program is too large", "bytes of stack", "cpu v2 has this operation",
    "combined stack size",
)  # fmt: skip
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.BitOr: "or_", ast.BitXor: "xor", ast.BitAnd: "and_",
}  # fmt: skip


@dataclass
class Failure:
    """kind: differs, refused (the kernel), diagnostic, or the name of an exception of ours."""

    kind: str
    program: str
    detail: str
    ctx: bytes = b""

    @property
    def is_limit(self) -> bool:
        """The program asks for more than there is: of the verifier, of the stack, of cpu v2."""
        return any(words in self.detail for words in LIMITS)


# -- bytes, on their own: not as the front end packs them


def pack(type_: Any, value: Any) -> bytes:
    """A value of a vocabulary type as it lies in memory (little endian)."""
    if isinstance(type_, ArrayType):
        return b"".join(pack(type_.elem, item) for item in value)
    if issubclass(type_, Struct):
        out = bytearray(type_.__layout__.size)
        for f in type_.__layout__.fields.values():
            part = getattr(value, f.name)
            if isinstance(f.type, Bits):
                bits = (int(part) & ((1 << f.bit_size) - 1)) << f.bit_off
                old = int.from_bytes(out[f.off : f.off + f.size], "little")
                out[f.off : f.off + f.size] = (old | bits).to_bytes(f.size, "little")
            else:
                data = pack(f.type, part)
                out[f.off : f.off + len(data)] = data
        return bytes(out)
    if issubclass(type_, bool):
        return bytes([value])
    size = type_.bits // 8
    return (int(value) % (1 << type_.bits)).to_bytes(size, "big" if type_.byte_order == "big" else "little")


def unpack(type_: Any, data: bytes) -> Any:
    """The other way."""
    if isinstance(type_, ArrayType):
        size = len(data) // type_.count
        return type_([unpack(type_.elem, data[i * size : i * size + size]) for i in range(type_.count)])
    if issubclass(type_, Struct):
        fields = {}
        for f in type_.__layout__.fields.values():
            part = data[f.off : f.off + f.size]
            if isinstance(f.type, Bits):
                number = int.from_bytes(part, "little") >> f.bit_off & ((1 << f.bit_size) - 1)
                if f.type.base.signed and number >> (f.bit_size - 1):
                    number -= 1 << f.bit_size
                fields[f.name] = number
            else:
                fields[f.name] = unpack(f.type, part)
        return type_(**fields)
    if issubclass(type_, bool):
        return bool(data[0])
    return type_(int.from_bytes(data, "big" if type_.byte_order == "big" else "little"))


def random_bytes(type_: Any, random: Random) -> bytes:
    """A value with interesting numbers in it; no bytes that are padding."""
    if isinstance(type_, ArrayType):
        if type_.elem.__name__ == "char":
            return random.choice([b"", b"a", b"ab", b"abc", b"b"]).ljust(type_.count, b"\0")
        return b"".join(random_bytes(type_.elem, random) for _ in range(type_.count))
    if issubclass(type_, Struct):
        parts = {}
        for f in type_.__layout__.fields.values():
            if isinstance(f.type, Bits):
                parts[f.name] = random.getrandbits(f.bit_size) - (1 << f.bit_size - 1 if f.type.base.signed else 0)
            else:
                parts[f.name] = unpack(f.type, random_bytes(f.type, random))
        return pack(type_, type_(**parts))
    if issubclass(type_, bool):
        return bytes([random.randrange(2)])
    low = -(1 << type_.bits - 1) if type_.signed else 0
    high = low + (1 << type_.bits) - 1
    kind = random.randrange(6)
    number = random.choice([low, high, 0, 1, -1, high - 1, low + 1, high // 2 + 1])
    if kind > 0:
        spans = [(low, high), (-9, 9), (0, 5), (0, 300), (-100, 70000)]
        number = random.randint(*spans[kind - 1])
    return pack(type_, type_(number))


# -- CPython


class PlainMap(dict[Any, Any]):
    """A map as it is meant: of copies, of its types."""

    def __init__(self, key: Any, value: Any) -> None:
        super().__init__()
        self.key, self.value = key, value

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.key(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self.key(key), self.value(value))

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(self.key(key))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self.key(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(self.key(key), None if default is None else self.value(default))

    def pop(self, key: Any, *default: Any) -> Any:
        return super().pop(self.key(key), *map(self.value, default))

    def setdefault(self, key: Any, default: Any = None) -> Any:
        return super().setdefault(self.key(key), self.value(default))

    def augment(self, key: Any, how: str, value: Any) -> None:
        """``m[k] op= v``: from 0 where it is missing."""
        self[key] = getattr(operator, how)(self.get(key, 0), value)


class PlainArray(PlainMap):
    """Of elements that are all there."""

    def __init__(self, key: Any, value: Any, size: int) -> None:
        super().__init__(key, value)
        self.size = size
        for index in range(size):
            dict.__setitem__(self, key(index), value())

    def _check(self, key: Any) -> None:
        if not 0 <= int(self.key(key)) < self.size:
            raise IndexError(key)

    def __getitem__(self, key: Any) -> Any:
        self._check(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check(key)
        super().__setitem__(key, value)

    def augment(self, key: Any, how: str, value: Any) -> None:
        self[key] = getattr(operator, how)(self[key], value)


class _Plain(ast.NodeTransformer):
    """What CPython says otherwise: statics, and ``m[k] += v``."""

    def __init__(self, maps: set[str]) -> None:
        self.maps = maps
        self.statics: dict[str, tuple[ast.expr, ast.expr]] = {}
        self.names: list[dict[str, str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        found = {}
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and ast.unparse(part.annotation).startswith("Static["):
                assert isinstance(part.target, ast.Name) and isinstance(part.annotation, ast.Subscript) and part.value
                name = part.target.id
                found[name] = f"static_{node.name}_{name}"
                self.statics[found[name]] = part.annotation.slice, part.value
        node.body = [
            p
            for p in node.body
            if not (isinstance(p, ast.AnnAssign) and ast.unparse(p.annotation).startswith("Static["))
        ]
        if found:
            node.body.insert(0, ast.Global(list(found.values())))
        self.names.append(found)
        self.generic_visit(node)
        self.names.pop()
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        for names in self.names:
            node.id = names.get(node.id, node.id)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        target = node.target
        if not (
            isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name) and target.value.id in self.maps
        ):
            return node
        called = ast.Attribute(ast.Name(target.value.id, ast.Load()), "augment", ast.Load())
        return ast.Expr(ast.Call(called, [target.slice, ast.Constant(OPERATORS[type(node.op)]), node.value], []))


class Plain:
    """A module, run by CPython."""

    def __init__(self, module: Module) -> None:
        self.module = module
        change = _Plain({m.name for m in module.maps})
        tree = ast.fix_missing_locations(change.visit(ast.parse(module.text)))
        self.space: dict[str, Any] = {"__name__": "plain"}
        exec(compile(tree, "<plain>", "exec"), self.space)
        self.statics = {
            name: eval(ast.unparse(type_), self.space)(ast.literal_eval(value))
            for name, (type_, value) in change.statics.items()
        }
        self.first = {name: self.space[name] for name in module.variables}
        self.args = self.space["Args"]
        self.reset()

    def type(self, what: str | Record) -> Any:
        return self.space[what.name if isinstance(what, Record) else what]

    def reset(self) -> None:
        """Everything as it was at first, but the statics."""
        for m in self.module.maps:
            key, value = self.type(m.key), self.type(m.value)
            self.space[m.name] = PlainArray(key, value, m.size) if m.size else PlainMap(key, value)
        for name, type_ in self.module.variables.items():
            self.space[name] = self.type(type_)(self.first[name])
        self.space.update(self.statics)

    def run(self, program: str, ctx: bytes) -> tuple[int, bytes]:
        """(what it returns, the context afterwards)"""
        args = unpack(self.args, ctx)
        try:
            result = int(self.space[program](args))
        except Fault:
            result = DEFAULT
        return result & 0xFFFFFFFF, pack(self.args, args)

    def state(self) -> dict[str, Any]:
        """Maps and variables, as bytes."""
        found: dict[str, Any] = {
            name: pack(self.type(type_), self.space[name]) for name, type_ in self.module.variables.items()
        }
        for m in self.module.maps:
            key, value = self.type(m.key), self.type(m.value)
            found[m.name] = {pack(key, k): pack(value, v) for k, v in self.space[m.name].items()}
        return found


# -- the kernel


class Compiled:
    """The same module, in the kernel."""

    def __init__(self, module: Module, bpf: Any) -> None:
        self.module, self.bpf = module, bpf
        self.first = {name: self._variable(name) for name in module.variables if self._has(name)}

    def _has(self, name: str) -> bool:
        return name in self.bpf.variables

    def _variable(self, name: str) -> bytes:
        variable = self.bpf.variables[name]
        return bytes(variable.codec.pack(variable.value))

    def reset(self) -> None:
        for m in self.module.maps:
            store = self.bpf.maps[m.name].store
            for key in list(store.keys()):
                if m.size:
                    store.update(key, bytes(store.value_size))
                else:
                    store.delete(key)
        for name, data in self.first.items():
            variable = self.bpf.variables[name]
            variable.value = variable.codec.unpack(data)

    def run(self, program: str, ctx: bytes) -> tuple[int, bytes]:
        result = self.bpf.programs[program].test_run(ctx=ctx)
        return result.retval & 0xFFFFFFFF, bytes(result.ctx)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: self._variable(name) for name in self.first}
        for m in self.module.maps:
            size = self.bpf.maps[m.name].value_codec.size
            found[m.name] = {k: bytes(v)[:size] for k, v in self.bpf.maps[m.name].store.items()}
        return found


@contextmanager
def loaded(module: Module, cpu: str) -> Iterator[Compiled]:
    """The module, compiled and in the kernel."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random_module.py"
        path.write_text(module.text)
        obj = api.compile_namespace(run_text(module.text, str(path)), str(path), cpu=cpu)
    with obj.load() as bpf:
        yield Compiled(module, bpf)


def compile_only(module: Module, **options: Any) -> None:
    """As `loaded`, up to the object."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random_module.py"
        path.write_text(module.text)
        api.compile_namespace(run_text(module.text, str(path)), str(path), **options)


def compare(module: Module, seed: int, *, cpu: str = "v3", runs: int = 8) -> list[Failure]:
    """Each program on that many contexts. What the kernel refuses is looked for half by half."""
    try:
        plain = Plain(module)
        with loaded(module, cpu) as compiled:
            return [f for name in module.programs for f in _compare(plain, compiled, name, seed, runs)]
    except (LoadError, SourceError, BtfkitError) as error:
        if len(module.programs) == 1:
            kind = {LoadError: "refused", SourceError: "diagnostic"}.get(type(error), type(error).__name__)
            return [Failure(kind, module.programs[0], str(error))]
        middle = len(module.programs) // 2
        halves = module.programs[:middle], module.programs[middle:]
        return [f for half in halves for f in compare(part_of(module, half), seed, cpu=cpu, runs=runs)]


def _compare(plain: Plain, compiled: Compiled, name: str, seed: int, runs: int) -> list[Failure]:
    random = Random(f"{seed} {name}")
    plain.reset()
    compiled.reset()
    for _ in range(runs):
        ctx = random_bytes(plain.args, random)
        want, got = plain.run(name, ctx), compiled.run(name, ctx)
        if want != got:
            return [Failure("differs", name, _difference(plain, want, got), ctx)]
    want_state, got_state = plain.state(), compiled.state()
    wrong = [f"{k}: Python {want_state[k]}, kernel {v}" for k, v in got_state.items() if want_state[k] != v]
    return [Failure("differs", name, "; ".join(wrong))] if wrong else []


def _difference(plain: Plain, want: tuple[int, bytes], got: tuple[int, bytes]) -> str:
    parts = [f"returned: Python {want[0]:#x}, kernel {got[0]:#x}"] if want[0] != got[0] else []
    a, b = unpack(plain.args, want[1]), unpack(plain.args, got[1])
    for f in plain.args.__layout__.fields:
        if getattr(a, f) != getattr(b, f):
            parts.append(f"ctx.{f}: Python {getattr(a, f)}, kernel {getattr(b, f)}")
    return "; ".join(parts) or f"padding: Python {want[1].hex()}, kernel {got[1].hex()}"


def part_of(module: Module, programs: list[str]) -> Module:
    """The module with some of its programs."""
    tree = ast.parse(module.text)
    tree.body = [n for n in tree.body if not _is_program(n) or getattr(n, "name", "") in programs]
    return _without_unused(Module(ast.unparse(tree) + "\n", programs, module.maps, module.variables))


def alone(module: Module, program: str) -> Module:
    return part_of(module, [program])


def _is_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and bool(node.decorator_list)


def _without_unused(module: Module) -> Module:
    """Helpers that nothing calls are left out."""
    tree = ast.parse(module.text)
    while True:
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        kept = [n for n in tree.body if not isinstance(n, ast.FunctionDef) or n.decorator_list or n.name in used]
        if len(kept) == len(tree.body):
            break
        tree.body = kept
    return Module(ast.unparse(tree) + "\n", module.programs, module.maps, module.variables)


__all__ = ["Failure", "alone", "compare", "compile_only"]
