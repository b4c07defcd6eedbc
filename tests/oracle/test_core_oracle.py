"""libbpf asked the same: CO-RE relocations of C programs against other layouts of their structs, made at random.

Both sides are compiled; libbpf (the library, through ctypes) is given the one as the other's kernel. What it makes of
each relocated instruction is what we make of it, and where it gives up, so do we.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import skip_or_fail
from tests.unit.load.programs import compile_c

from btfkit import api
from btfkit.errors import LoadError
from btfkit.load.core import CoreResolver, Targets, patch
from btfkit.load.plan import LoadPlan

SEEDS = range(24)
CORE = "__attribute__((preserve_access_index))"
HELPERS = """
#define INFO(field, kind) __builtin_preserve_field_info(field, kind)
#define ENUM(value, kind) __builtin_preserve_enum_value(*(enum e *)value, kind)
#define TYPE(kind) __builtin_preserve_type_info(*(struct s *)0, kind)
"""

# -- the object and its kernel ------------------------------------------------------------------------------------

INTEGERS = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "char", "bool", "enum e")
POINTERS = ("void *", "struct in *", "struct s *")
INNER = f"struct in {{ u32 a; u64 b; }} {CORE};"


@dataclass(frozen=True)
class Field:
    """What a member is: its declaration, and what kind of thing is declared."""

    text: str
    what: str


def field(rng: random.Random, name: str) -> Field:
    what = rng.choice(("integer",) * 5 + ("bits", "bits", "pointer", "array", "array", "table", "struct"))
    integer = rng.choice(INTEGERS)
    text = {
        "integer": f"{integer} {name};",
        "pointer": f"{rng.choice(POINTERS)}{name};",
        "array": f"{integer} {name}[{rng.randint(1, 4)}];",
        "table": f"{rng.choice(('u32', 's32'))} {name}[{rng.randint(1, 3)}][{rng.randint(1, 3)}];",
        "struct": f"struct in {name};",
    }
    if what == "bits":
        base, most = rng.choice([("u32", 32), ("u64", 64), ("s32", 32), ("u8", 8)])
        return Field(f"{base} {name} : {rng.randint(1, most)};", what)
    return Field(text[what], what)


def changed(rng: random.Random, members: dict[str, Field]) -> str:
    """The members as another kernel may have them: elsewhere, of other types, in nameless members, or not at all."""
    out = []
    for name, old in rng.sample(sorted(members.items()), len(members)):
        roll = rng.random()
        if roll < 0.1:
            continue
        text = old.text if roll < 0.7 else field(rng, name).text
        if rng.random() < 0.15:
            text = f"{rng.choice(('struct', 'union'))} {{ u16 pad_{name}; struct {{ {text} }}; }};"
        out.append(text)
    return " ".join([*out, f"u32 pad[{rng.randint(1, 3)}];"])


def function(name: str, what: str) -> str:
    """Everything that can be asked of one field (compilers take shifts and signs of integers only)."""
    path = f"p->{name}"
    kinds = range(6) if what in ("integer", "bits") else range(3)
    asked = [f"INFO({path}, {kind})" for kind in kinds]
    match what:
        case "integer" | "pointer":
            asked.append(f"(u64){path}")
        case "array":
            asked += [f"(u64){path}[0]", f"INFO({path}[0], 0)", f"INFO({path}[0], 1)", f"INFO({path}[0], 2)"]
        case "table":
            asked += [f"(u64){path}[0][0]", f"INFO({path}[0][0], 0)", f"INFO({path}[0], 1)"]
        case "struct":
            asked += [f"{path}.b", f"INFO({path}.a, 1)", f"INFO({path}.a, 0)"]
    return f'SEC("raw_tp") u64 {name}(struct s *p) {{ return {" + ".join(asked)}; }}'


def pair(rng: random.Random) -> tuple[str, str]:
    """A program, and what its kernel is like."""
    members = {f"m{i}": field(rng, f"m{i}") for i in range(rng.randint(2, 8))}
    own = " ".join(["u64 first;", *(f"u64 : 0; {member.text}" for member in members.values())])  # LLVM reads no others
    local = [HELPERS, "enum e { A, B = 7, C };", INNER, f"struct s {{ {own} }} {CORE};"]
    local += [function(name, member.what) for name, member in members.items()]
    local.append('SEC("raw_tp") u64 types(void *p) { return TYPE(0) + TYPE(1) + TYPE(2); }')
    local.append('SEC("raw_tp") u64 enums(void *p) { return ENUM(A, 0) + ENUM(B, 1) + ENUM(C, 0) + ENUM(C, 1); }')
    values = ", ".join(rng.sample(["A", "B = 70", "Z", "C"], rng.randint(1, 4)))
    inner = f"{rng.choice(('u32 c;', ''))} u64 b; {rng.choice(('u32', 'u64'))} a;"
    kernel = [f"enum e {{ {values} }};", f"struct in {{ {inner} }};", f"struct s {{ {changed(rng, members)} }} kept;"]
    if rng.random() < 0.25:
        kernel.append(f"struct s___2 {{ {own} u8 x; }} kept2;")
    kernel.append("int use(enum e e) { return e; }")
    return "\n".join(local), "\n".join(kernel)


# -- libbpf -------------------------------------------------------------------------------------------------------


class OpenOpts(ctypes.Structure):
    """struct bpf_object_open_opts, as far as is needed."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("object_name", ctypes.c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", ctypes.c_char_p),
        ("unused", ctypes.c_uint32),
        ("kconfig", ctypes.c_char_p),
        ("btf_custom_path", ctypes.c_char_p),
    )


@pytest.fixture(scope="module")
def libbpf() -> ctypes.CDLL:
    if os.geteuid():
        skip_or_fail("libbpf loads what it relocates, which takes root")
    name = ctypes.util.find_library("bpf")
    if name is None:
        skip_or_fail("libbpf.so is not installed")
    lib = ctypes.CDLL(name)
    for function in ("bpf_object__open_file", "bpf_object__next_program", "bpf_program__insns", "bpf_program__name"):
        getattr(lib, function).restype = ctypes.c_void_p
    lib.bpf_program__insn_cnt.restype = ctypes.c_size_t
    return lib


_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)


def libbpf_code(lib: ctypes.CDLL, path: Path, btf: Path) -> dict[str, bytes] | None:
    """Each program's instructions as libbpf hands them to the kernel; None where it gave up before.

    Whether the kernel takes them does not matter: poison that is reached it does not take.
    """
    said: list[str] = []

    def keep(_level: int, text: bytes, _args: int) -> int:
        said.append(text.decode(errors="replace"))
        return 0

    printer = _PRINT(keep)
    lib.libbpf_set_print(printer)
    try:
        opts = OpenOpts(sz=ctypes.sizeof(OpenOpts), btf_custom_path=bytes(btf))
        obj = lib.bpf_object__open_file(bytes(path), ctypes.byref(opts))
        assert obj
        handle = ctypes.c_void_p(obj)
        lib.bpf_object__load(handle)
        code, program = {}, None
        while program := lib.bpf_object__next_program(handle, ctypes.c_void_p(program)):
            at = ctypes.c_void_p(program)
            name = ctypes.string_at(lib.bpf_program__name(at)).decode()
            code[name] = ctypes.string_at(lib.bpf_program__insns(at), 8 * lib.bpf_program__insn_cnt(at))
        lib.bpf_object__close(handle)
    finally:
        lib.libbpf_set_print(None)
    return None if any("failed to perform CO-RE" in text for text in said) else code


def our_code(plan: LoadPlan, btf: Path) -> dict[str, bytes] | None:
    resolver = CoreResolver(plan.btf, Targets(api.read_btf(btf)))
    out = {}
    try:
        for program in plan.programs:
            code = bytearray(program.insns)
            for core in program.core:
                patch(code, 8 * core.insn_idx, plan.byte_order, resolver.resolve(core.relo))
            out[program.name] = bytes(code)
    except LoadError:
        return None
    return out


@pytest.mark.parametrize("seed", SEEDS)
def test_random_layouts(tmp_path: Path, libbpf: ctypes.CDLL, seed: int) -> None:
    local, target = pair(random.Random(seed))
    path = compile_c(tmp_path, local, name="local")
    kernel = compile_c(tmp_path, target, name="kernel")
    plan = api.open(path).plan()
    assert any(program.core for program in plan.programs)
    theirs = libbpf_code(libbpf, path, kernel)
    assert our_code(plan, kernel) == theirs
