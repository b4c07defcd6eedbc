"""The lines of ``bpftool btf dump file X format raw``, with MAP and instances added.

In: a `Btf`; nothing about its meaning is assumed, ids may point nowhere. Out: the same lines as bpftool's, own types
only where there is a base. Source: tools/bpf/bpftool/btf.c (dump_btf_type) of Linux 6.1, bpftool 7.1.

Where the lines differ from bpftool's, and why:

- kinds that bpftool 7.1 does not know (it refuses the file): LOC_PARAM, LOC_PROTO, LOCSEC and MAP are written in the
  same style; any other as ``UNKNOWN(40)`` with its bytes, so that nothing is lost (newer bpftool: ``UNKNOWN``);
- after the types come the instances, ``(id) FUNCTION|MAP|VARIABLE 'name' type_id=… parent=…``;
- a name that is there but empty (an offset other than 0 that points at a NUL) is ``(anon)``: `Btf` does not tell the
  two apart, and no compiler writes it;
- a name offset past the strings is an error with a place (bpftool: ``(invalid)``).

As in bpftool, kind_flag of DECL_TAG and TYPE_TAG is not shown, and an INT with two encodings is ``UNKN``. Names that
are not UTF-8 come out as lone surrogates: write them with errors="surrogateescape".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from btfkit.codec.rows import rows
from btfkit.errors import FormatError
from btfkit.format.kinds import KIND_SPECS, FuncLinkage, IntEncoding, Kind, VarLinkage, kind_name
from btfkit.model.btf import Btf
from btfkit.model.types import Parts

ANON = "(anon)"

_INT_ENCODINGS = {0: "(none)", IntEncoding.SIGNED: "SIGNED", IntEncoding.CHAR: "CHAR", IntEncoding.BOOL: "BOOL"}
_FUNC_LINKAGES = {FuncLinkage.STATIC: "static", FuncLinkage.GLOBAL: "global", FuncLinkage.EXTERN: "extern"}
_VAR_LINKAGES = {VarLinkage.STATIC: "static", VarLinkage.GLOBAL_ALLOCATED: "global", VarLinkage.GLOBAL_EXTERN: "extern"}


def dump_raw(btf: Btf, *, root_ids: Iterable[int] | None = None) -> Iterator[str]:
    """bpftool's raw lines, without newlines. root_ids: only these types (not what they refer to), no instances."""
    for text in _records(btf, root_ids):
        if "\n" in text:
            yield from text.split("\n")
        else:
            yield text


def raw_text(btf: Btf, *, root_ids: Iterable[int] | None = None) -> str:
    """The same as one text, each line ended."""
    return "".join([f"{text}\n" for text in _records(btf, root_ids)])


def _records(btf: Btf, root_ids: Iterable[int] | None) -> Iterator[str]:
    """A text per type, then per instance: its lines, without the last newline."""
    type_ids: Iterable[int] = btf.ids()
    if root_ids is not None:
        type_ids = root_ids = list(root_ids)
    heads, find = {kind: kind_name(kind) for kind in KIND_SPECS}, _BODIES.get
    for type_id, (kind, parts) in zip(type_ids, rows(btf, root_ids), strict=True):
        body = find(kind)
        if body is None:
            yield f"[{type_id}] {kind_name(kind)} '{parts.name or ANON}'{_unknown(parts)}"
        elif kind == Kind.DATASEC:
            yield f"[{type_id}] DATASEC '{parts.name or ANON}'{_datasec(parts, btf)}"
        else:
            yield f"[{type_id}] {heads[kind]} '{parts.name or ANON}'{body(parts)}"
    if root_ids is None:
        for inst_id, inst in zip(btf.inst_ids(), btf.own_instances, strict=True):
            kind_word = _instance_kind(btf, inst_id)
            yield f"({inst_id}) {kind_word} '{inst.name or ANON}' type_id={inst.type_id} parent={inst.parent}"


def _instance_kind(btf: Btf, inst_id: int) -> str:
    try:
        return btf.instance_kind(inst_id).name
    except FormatError:  # its type is not there, or a cycle
        return "UNKNOWN"


# -- what follows the name, a function per shape --------------------------------------------------------------


def _int(p: Parts) -> str:
    word = p.info[0]
    encoding = _INT_ENCODINGS.get(word >> 24 & 0xF, "UNKN")
    return f" size={p.word} bits_offset={word >> 16 & 0xFF} nr_bits={word & 0xFF} encoding={encoding}"


def _reference(p: Parts) -> str:
    return f" type_id={p.word}"


def _array(p: Parts) -> str:
    elem_type, index_type, nelems = p.info
    return f" type_id={elem_type} index_type_id={index_type} nr_elems={nelems}"


def _composite(p: Parts) -> str:
    if p.kind_flag:
        members = [
            f"\n\t'{name or ANON}' type_id={type_id} bits_offset={off & 0xFFFFFF}"
            + (f" bitfield_size={off >> 24}" if off >> 24 else "")
            for name, type_id, off in p.elems
        ]
    else:
        members = [f"\n\t'{name or ANON}' type_id={type_id} bits_offset={off}" for name, type_id, off in p.elems]
    return f" size={p.word} vlen={p.vlen}" + "".join(members)


def _enum(p: Parts) -> str:
    if p.kind_flag:
        values = [f"\n\t'{name or ANON}' val={(val ^ 1 << 31) - (1 << 31)}" for name, val in p.elems]
        return f" encoding=SIGNED size={p.word} vlen={p.vlen}" + "".join(values)
    values = [f"\n\t'{name or ANON}' val={val}" for name, val in p.elems]
    return f" encoding=UNSIGNED size={p.word} vlen={p.vlen}" + "".join(values)


def _enum64(p: Parts) -> str:
    out = [f" encoding={'SIGNED' if p.kind_flag else 'UNSIGNED'} size={p.word} vlen={p.vlen}"]
    for name, low, high in p.elems:
        value = high << 32 | low
        text = f"{(value ^ 1 << 63) - (1 << 63)}LL" if p.kind_flag else f"{value}ULL"
        out.append(f"\n\t'{name or ANON}' val={text}")
    return "".join(out)


def _fwd(p: Parts) -> str:
    return f" fwd_kind={'union' if p.kind_flag else 'struct'}"


def _func(p: Parts) -> str:
    return f" type_id={p.word} linkage={_FUNC_LINKAGES.get(p.vlen, '(unknown)')}"  # type: ignore[call-overload]


def _func_proto(p: Parts) -> str:
    params = [f"\n\t'{name or ANON}' type_id={type_id}" for name, type_id in p.elems]
    return f" ret_type_id={p.word} vlen={p.vlen}" + "".join(params)


def _var(p: Parts) -> str:
    return f" type_id={p.word}, linkage={_VAR_LINKAGES.get(p.info[0], '(unknown)')}"  # type: ignore[call-overload]


def _datasec(p: Parts, btf: Btf | None = None) -> str:
    out = [f" size={p.word} vlen={p.vlen}"]
    for type_id, offset, size in p.elems:
        out.append(f"\n\ttype_id={type_id} offset={offset} size={size}")
        if btf is not None and type_id in btf:
            kind, name = ("UNKNOWN", "") if type_id == 0 else _kind_and_name(btf, type_id)
            out.append(f" ({kind} '{name or ANON}')")
    return "".join(out)


def _kind_and_name(btf: Btf, type_id: int) -> tuple[str, str]:
    kind, parts = next(iter(rows(btf, (type_id,))))
    return kind_name(kind), parts.name


def _float(p: Parts) -> str:
    return f" size={p.word}"


def _decl_tag(p: Parts) -> str:
    return f" type_id={p.word} component_idx={p.info[0]}"


def _loc_param(p: Parts) -> str:
    values = [f"\n\tvalue={value}" for (value,) in p.elems]
    return f" size={p.word} flags=0x{p.info[0]:x} vlen={p.vlen}" + "".join(values)


def _loc_proto(p: Parts) -> str:
    return f" vlen={p.vlen}" + "".join([f"\n\ttype_id={param}" for (param,) in p.elems])


def _locsec(p: Parts) -> str:
    locs = [f"\n\tfunc_type_id={func} loc_proto_type_id={proto} offset={off}" for func, proto, off in p.elems]
    return f" vlen={p.vlen}" + "".join(locs)


def _map(p: Parts) -> str:
    key_type, value_type = p.info
    return f" key_type_id={key_type} value_type_id={value_type}"


def _unknown(p: Parts) -> str:
    ((data,),) = p.elems
    return f" size_type={p.word} vlen={p.vlen} kind_flag={int(p.kind_flag)} data={data.hex()}"


_BODIES: dict[int, Callable[[Parts], str]] = {
    Kind.INT: _int,
    Kind.PTR: _reference,
    Kind.ARRAY: _array,
    Kind.STRUCT: _composite,
    Kind.UNION: _composite,
    Kind.ENUM: _enum,
    Kind.FWD: _fwd,
    Kind.TYPEDEF: _reference,
    Kind.VOLATILE: _reference,
    Kind.CONST: _reference,
    Kind.RESTRICT: _reference,
    Kind.FUNC: _func,
    Kind.FUNC_PROTO: _func_proto,
    Kind.VAR: _var,
    Kind.DATASEC: _datasec,
    Kind.FLOAT: _float,
    Kind.DECL_TAG: _decl_tag,
    Kind.TYPE_TAG: _reference,
    Kind.ENUM64: _enum64,
    Kind.LOC_PARAM: _loc_param,
    Kind.LOC_PROTO: _loc_proto,
    Kind.LOCSEC: _locsec,
    Kind.MAP: _map,
}
