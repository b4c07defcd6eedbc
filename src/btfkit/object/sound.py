"""Whether an object's numbers point at something: what every step that follows references may then assume.

In: an object as read. Checked: type ids in types, instances and .BTF.ext; the rules of instances (docs/format.md,
section 3). Not checked: what a kernel thinks of the types.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from btfkit.codec.raw import RawTypes
from btfkit.errors import BadReferenceError, FormatError
from btfkit.format.btf import SECTION_BTF, SECTION_BTF_EXT, SECTION_INST
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import KIND_SPECS, Kind, refers_to_types
from btfkit.format.mapdef import SECTION_MAPS
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object.mapdef import size_problem
from btfkit.object.object import BpfObject, ObjectForm

ELEMENT = {
    Kind.STRUCT: "member",
    Kind.UNION: "member",
    Kind.FUNC_PROTO: "parameter",
    Kind.DATASEC: "variable",
    Kind.LOC_PROTO: "parameter",
    Kind.LOCSEC: "location",
}
"""What an element of a kind is called where it is at fault."""


def require_sound(obj: BpfObject) -> None:
    """BadReferenceError or FormatError for the first thing that points nowhere, or breaks a rule."""
    try:
        section = SECTION_INST if obj.form is ObjectForm.SIDECAR else SECTION_BTF
        _types(obj.btf, section)
        _instances(obj.btf, section)
        _maps(obj)
        if obj.plain is not None:
            _types(obj.plain[0], SECTION_BTF)
        btf, ext = obj.plain or (obj.btf, obj.ext)
        _records(btf, "func_info", [(name, [r.type_id for r in rs]) for name, rs in ext.func_info])
        _records(btf, "core_relo", [(name, [r.type_id for r in rs]) for name, rs in ext.core_relo])
    except FormatError as error:
        raise error.at(path=obj.path) from None


def _records(btf: Btf, table: str, blocks: list[tuple[str, list[int]]]) -> None:
    for name, type_ids in blocks:
        for index, type_id in enumerate(type_ids):
            if type_id not in btf:
                thing = f"{table} of {name!r}"
                raise BadReferenceError(
                    _past(type_id, btf), section=SECTION_BTF_EXT, thing=thing, field=f"record {index}"
                )


def _past(type_id: int, btf: Btf) -> str:
    return f"type_id {type_id} is past the last id {btf.next_id - 1}"


def _types(btf: Btf, section: str) -> None:
    end = btf.next_id
    for type_id, type_ in btf:
        for field, ref in references(type_):
            if ref >= end:
                raise BadReferenceError(
                    _past(ref, btf),
                    section=section,
                    off=_place(btf, type_id),
                    type_id=type_id,
                    thing=btf.describe(type_id),
                    field=field,
                )


def references(type_: t.Type) -> Iterator[tuple[str | None, int]]:
    """Each type id in a record, with what holds it: None for the record itself, or ``member 3``."""
    spec = KIND_SPECS.get(type_.kind)
    if spec is None:
        return
    parts = type_.parts()
    if refers_to_types(spec.word):
        yield None, parts.word
    for field, value in zip(spec.info, parts.info, strict=True):
        if refers_to_types(field):
            yield field.name, value
    places = [index for index, field in enumerate(spec.elem) if refers_to_types(field)]
    if places:
        word = ELEMENT[spec.kind]
        for number, elem in enumerate(parts.elems):
            for place in places:
                yield f"{word} {number}", elem[place]


def _place(btf: Btf, type_id: int) -> int | None:
    return btf.types.place(type_id - btf.start_id) if isinstance(btf.types, RawTypes) else None


def _instances(btf: Btf, section: str) -> None:
    for inst_id in btf.inst_ids():
        instance = btf.instance(inst_id)
        problem = _problem(btf, inst_id)
        if problem:
            raise FormatError(problem, section=section, inst_id=inst_id, thing=f"instance {inst_id} {instance.name!r}")


def _maps(obj: BpfObject) -> None:
    """Each definition in ``maps`` is one, and says the sizes that the types have."""
    for inst_id, symbol in obj.definitions.items():
        map_ = obj.btf.map_type(obj.btf.instance(inst_id).type_id)
        if map_ is None or symbol.section is None or symbol.section.name != SECTION_MAPS:
            continue
        problem = size_problem(obj.btf, map_, obj.map_def(inst_id))
        if problem:
            raise FormatError(
                f"{obj.btf.describe_instance(inst_id)}: {problem}",
                section=SECTION_MAPS,
                off=symbol.value,
                thing=symbol.label,
            )


def _problem(btf: Btf, inst_id: int) -> str | None:
    """Which rule an instance breaks."""
    instance = btf.instance(inst_id)
    if instance.type_id not in btf:
        return _past(instance.type_id, btf)
    if not instance.name:
        return "has no name"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in instance.name):
        return "its name holds a control character, or is not UTF-8"
    kind = btf.instance_kind(inst_id)
    if kind is InstanceKind.VARIABLE and btf.size_of(instance.type_id) is None:
        type_ = btf.resolved(instance.type_id)
        if not isinstance(type_, (t.Void, t.Fwd, t.Var)):  # an extern's type may be unknown
            return f"{btf.describe(instance.type_id)} is neither a function, a map, nor a type with a size"
    if not instance.parent:
        return None
    if instance.parent >= inst_id:
        return f"parent {instance.parent} is not lower than its own id"
    if kind is InstanceKind.MAP:
        return "is a map, and has a parent"
    if btf.instance_kind(instance.parent) is not InstanceKind.FUNCTION:
        return f"parent {instance.parent} {btf.instance(instance.parent).name!r} is not a function"
    return None
