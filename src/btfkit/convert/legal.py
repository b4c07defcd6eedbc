"""Names that the kernel takes. Instances may be called anything; mainline's FUNC, VAR, STRUCT … may not.

Source: kernel/bpf/btf.c, btf_name_valid_identifier (up to 6.18: letters, digits, _ and ., not starting with a digit).
"""

from __future__ import annotations

import re
from dataclasses import replace

from btfkit.convert.work import Work
from btfkit.format.kinds import IntEncoding
from btfkit.model import types as t

_ILLEGAL = re.compile(r"[^A-Za-z0-9_.]")
_ENCODINGS = (0, IntEncoding.SIGNED, IntEncoding.CHAR, IntEncoding.BOOL)

MAX_LENGTH = 511
"""KSYM_NAME_LEN - 1 since 6.1."""

NAMED = (t.Struct, t.Union, t.Enum, t.Enum64, t.Fwd, t.Typedef, t.Func, t.Var)
"""Kinds whose own name the kernel checks; INT, FLOAT, tags and (since 6.8) DATASEC may be called anything printable."""


def legal_name(name: str) -> str:
    """The name with what is not legal replaced by ``_``; a legal one as it is."""
    out = _ILLEGAL.sub("_", name)[:MAX_LENGTH]
    return f"_{out}" if out[:1].isdigit() else out


def legal_type(type_: t.Type) -> t.Type:
    """The type with legal names, its elements' too, and a legal encoding."""
    type_ = one_encoding(type_)
    changes: dict[str, object] = {}
    name = type_.name
    if name and isinstance(type_, NAMED) and legal_name(name) != name:
        changes["name"] = legal_name(name)
    for field in ("members", "values", "params"):
        elements = getattr(type_, field, ())
        if elements and hasattr(elements[0], "name") and any(legal_name(e.name) != e.name for e in elements):
            changes[field] = tuple(replace(e, name=legal_name(e.name)) for e in elements)
    return replace(type_, **changes) if changes else type_


def make_legal(work: Work) -> None:
    """Every type of the work gets a legal name; each one changed is a loss."""
    for type_id, type_ in list(work.btf):
        legal = legal_type(type_)
        if legal is type_:
            continue
        work.types.set(type_id, legal)
        if not isinstance(type_, t.Int):
            work.losses.append(f"{work.btf.describe(type_id)}: its name, or one in it, is not legal in C")


def one_encoding(type_: t.Type) -> t.Type:
    """An INT with one bit of encoding at most: the kernel takes no more; bpf-gcc 12 writes SIGNED | CHAR for char."""
    if isinstance(type_, t.Int) and type_.encoding not in _ENCODINGS:
        return replace(type_, encoding=type_.encoding & ~IntEncoding.CHAR)
    return type_


def named_params(proto: t.FuncProto) -> t.FuncProto:
    """A FUNC's parameters must have names; bpf-gcc's helpers have none. (The last, of type void, is C's ``...``.)"""
    if all(param.name or not param.type_id for param in proto.params):
        return proto
    names = {param.name for param in proto.params}
    params = []
    for index, param in enumerate(proto.params):
        name = param.name
        if not name and param.type_id:
            name = f"arg{index + 1}"
            while name in names:
                name += "_"
        params.append(replace(param, name=name))
    return replace(proto, params=tuple(params))
