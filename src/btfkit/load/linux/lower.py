"""A kernel's BTF → BTF that *this* kernel takes: what it does not know is replaced, each type keeping its id.

In: what `btfkit.convert.lower` gives. Each kind is asked for (see `probe`), never guessed from a version, and only if
it occurs. Out: the BTF and what was lost, a line each.
Source: libbpf's bpf_object__sanitize_btf, whose replacements these are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from btfkit.codec import encode_btf
from btfkit.errors import LoadError
from btfkit.format.btf import Form
from btfkit.format.kinds import FuncLinkage, Kind
from btfkit.model import types as t
from btfkit.model.btf import Btf

from .sys import btf_load

__all__ = ["Fitted", "Knows", "fit_kernel"]


class Knows(Protocol):
    """What has to be known of a kernel: attributes of `probe.Features`."""

    @property
    def btf_func(self) -> bool: ...
    @property
    def btf_datasec(self) -> bool: ...
    @property
    def btf_func_global(self) -> bool: ...
    @property
    def btf_float(self) -> bool: ...
    @property
    def btf_decl_tag(self) -> bool: ...
    @property
    def btf_type_tag(self) -> bool: ...
    @property
    def btf_enum64(self) -> bool: ...


@dataclass
class Fitted:
    """btf: what the kernel takes; lost: what it will not be told."""

    btf: Btf
    lost: list[str] = field(default_factory=list)


def fit_kernel(btf: Btf, knows: Knows) -> Fitted:
    """The BTF with what the kernel does not know replaced; the same one where it knows all."""
    out = Fitted(btf)
    types = [type_ for _, type_ in btf]
    placeholder = 0
    for index, type_ in enumerate(types):
        kind = type_.kind
        if kind is Kind.ENUM64 and not knows.btf_enum64 and not placeholder:
            placeholder = len(types) + 1
        new = _replacement(btf, type_, knows, placeholder)
        if new is not type_:
            types[index] = new
            told = "static" if isinstance(new, t.Func) else new.kind.name
            out.lost.append(f"{btf.describe(index + 1)}: this kernel knows no such thing, it is told {told}")
    if placeholder:
        types.append(t.Int("enum64_placeholder", 1))
    if out.lost:
        out.btf = Btf(types, byte_order=btf.byte_order, form=btf.form)
    return out


def _replacement(btf: Btf, type_: t.Type, knows: Knows, placeholder: int) -> t.Type:
    match type_:
        case t.Var() if not knows.btf_datasec:
            return t.Int(type_.name, 1)  # a larger one might not fit where the variable was
        case t.DataSec() if not knows.btf_datasec:
            members = tuple(t.Member(btf[v.type_id].name, v.type_id, v.offset * 8) for v in type_.vars)
            return t.Struct(type_.name.replace(".", "_").replace("?", "_"), type_.size, members)
        case t.DataSec() if not _is_plain(type_.name) and not _takes_datasec_name(type_.name):
            return replace(type_, name="".join(c if c.isalnum() or c in "._" else "_" for c in type_.name))
        case t.FuncProto() if not knows.btf_func:
            return t.Enum("", 4, tuple(t.EnumValue(p.name or f"p{i}", 0) for i, p in enumerate(type_.params)))
        case t.Func() if not knows.btf_func:
            return t.Typedef(type_.name, type_.type_id)
        case t.Func() if type_.linkage != FuncLinkage.STATIC and not knows.btf_func_global:
            return replace(type_, linkage=FuncLinkage.STATIC)
        case t.Float() if not knows.btf_float:
            return t.Struct("", type_.size)
        case t.DeclTag() if not knows.btf_decl_tag:
            return t.Int(type_.name or "tag", 1)
        case t.TypeTag() if not knows.btf_type_tag:
            return t.Const(type_.type_id)
        case t.DeclTag() | t.TypeTag() if type_.kind_flag and not _takes_attributes():
            return replace(type_, kind_flag=False)
        case t.Enum() if type_.kind_flag and not knows.btf_enum64:
            return t.Enum(
                type_.name, type_.size, tuple(t.EnumValue(v.name, v.value & 0xFFFF_FFFF) for v in type_.values)
            )
        case t.Enum64() if not knows.btf_enum64:
            return t.Union(type_.name, type_.size, tuple(t.Member(v.name, placeholder, 0) for v in type_.values))
    return type_


def _is_plain(name: str) -> bool:
    return name.isascii() and all(c.isalnum() or c in "._" for c in name)


def _takes_datasec_name(name: str) -> bool:
    """Whether sections may be called by any printable name (6.12; before, as identifiers with dots)."""
    int_ = t.Int("int", 4)
    return _accepts(Btf([int_, t.Var("v", 1), t.DataSec(name, 4, (t.VarSecInfo(2, 0, 4),))]))


def _takes_attributes() -> bool:
    """Whether a tag may have the kind flag (6.15)."""
    return _accepts(Btf([t.Int("int", 4), t.Var("v", 1), t.DeclTag("a", 2, -1, kind_flag=True)]))


def _accepts(btf: Btf) -> bool:
    try:
        btf_load(encode_btf(btf, form=Form.CLASSIC)).close()
    except LoadError:
        return False
    return True
