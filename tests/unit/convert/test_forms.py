"""Every program of tests/cases/c, from every compiler, through every form and back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.objects import EVERY, compiled

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import ConvertError
from btfkit.format.btf import Form
from btfkit.frontend.c import ByteOrder
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object import BpfObject, ObjectForm, read_object, write_object

HEADERS = {
    Target.INSTANCE: Form.INSTANCE,
    Target.PROPOSED: Form.PROPOSED,
    Target.SIDECAR: Form.INSTANCE,
    Target.LIBBPF: Form.CLASSIC,
    Target.CLASSIC: Form.CLASSIC,
}
CLASSIC_LOSES = {"dotmaps", "per_cpu", "map_in_map", "tail_calls"}
"""Programs whose maps the form of 2018 cannot say whole: values by reference, keys without a type."""


def shape(btf: Btf, type_id: int, depth: int = 6) -> Any:
    """A type without ids: what two forms of one object must agree on."""
    type_ = btf[type_id]
    if depth == 0 or (depth < 6 and isinstance(type_, (t.Struct, t.Union)) and type_.name):
        return type_.kind.name, type_.name
    from btfkit.model.walk import ids, remap

    return remap(type_, lambda _: 0), tuple(shape(btf, ref, depth - 1) for ref in ids(type_))


def declared(obj: BpfObject) -> list[Any]:
    """Kind, name, type, symbol and section of each instance, and each map's attributes."""
    out = []
    for d in obj.instances:
        home = d.section.name if d.section else None
        attributes = None
        if d.kind.word == "map" and d.is_defined:
            m = d.map_def
            numbers = (
                m.type,
                m.key_size,
                m.value_size,
                m.max_entries,
                m.map_flags,
                m.numa_node,
                m.pinning,
                m.map_extra,
            )
            attributes = (numbers, m.inner is not None, [v and v.name for v in m.values])
        symbol = d.symbol.name if d.symbol else None
        out.append((d.kind.word, d.qualified_name, shape(obj.btf, d.type_id), symbol, home, attributes))
    return sorted(out, key=repr)


def maps_only_by_size(instances: list[Any]) -> list[Any]:
    """Without what the classic form cannot say of maps: the types of what is not held by value."""
    return [(kind, name, None if kind == "map" else type_, *rest) for kind, name, type_, *rest in instances]


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize(("program", "compiler"), EVERY)
def test_every_form_and_back(program: str, compiler: str, byte_order: ByteOrder) -> None:
    plain = read_object(compiled(program, compiler, byte_order), program)
    up = upgrade(plain)
    wanted = declared(up)
    assert wanted
    for target in Target:
        data = write_object(convert(plain, target))
        again = read_object(data, program)
        assert again.btf.form is HEADERS[target]
        back = declared(upgrade(again))
        if target is Target.CLASSIC and program in CLASSIC_LOSES:
            assert maps_only_by_size(back) == maps_only_by_size(wanted)
        else:
            assert back == wanted, target
        for second in Target:  # from each form to each
            assert {d[:2] for d in declared(upgrade(convert(again, second)))} == {d[:2] for d in wanted}


@pytest.mark.parametrize(("program", "compiler"), EVERY)
def test_byte_orders(program: str, compiler: str) -> None:
    """There and back gives the same object; and the other order's maps are those that the compiler makes for it."""
    up = upgrade(read_object(compiled(program, compiler), program))
    big = convert(up, byte_order="big")
    assert big.byte_order == "big"
    assert declared(read_object(write_object(big), program)) == declared(up)
    little = convert(big, byte_order="little")
    for section in up.elf.sections:
        if section.is_alloc:
            twin = little.elf.section(section.name)
            assert twin is not None and twin.data == section.data, section.name
    theirs = upgrade(read_object(compiled(program, compiler, "big"), program))
    assert [d for d in declared(theirs) if d[0] == "map"] == [d for d in declared(big) if d[0] == "map"]


def test_instances_of_a_static_local_have_its_function_as_parent() -> None:
    for compiler in ("clang-14", "clang-22"):
        obj = upgrade(read_object(compiled("statics", compiler), "statics"))
        names = sorted((d.qualified_name, d.symbol.name if d.symbol else "") for d in obj.variables)
        assert names == [
            ("_license", "_license"),
            ("helper.calls", "helper.calls"),
            ("outer.calls", "outer.calls"),
            ("outer.calls", "outer.calls.1"),
        ]
        assert obj.instances["helper.calls"].parent == obj.instances["helper"]


def test_annotations_leave_nothing_behind() -> None:
    obj = read_object(write_object(upgrade(read_object(compiled("annotated"), "annotated"))), "annotated")
    assert obj.form is ObjectForm.INSTANCE
    assert not [s.name for s in obj.elf.sections if s.name.startswith((".maps", ".rel.maps"))]
    assert not [s.name for s in obj.elf.symbols if "btf_map" in s.name]
    assert not [type_ for _, type_ in obj.btf if "btf_map" in type_.name or isinstance(type_, (t.Var, t.DataSec))]
    map_ = obj.instances["by_addr"].type
    assert isinstance(map_, t.Map)
    assert (obj.btf[map_.key_type].name, obj.btf[map_.value_type].name) == ("addr", "stats")


def test_the_older_spelling() -> None:
    data = compiled("annotated").replace(b"____btf_map_by_addr", b"____bpf_map_by_addr")
    map_ = upgrade(read_object(data, "annotated")).instances["by_addr"].type
    assert isinstance(map_, t.Map) and map_.key_type


def test_untyped_maps_are_bytes_and_a_warning() -> None:
    obj = upgrade(read_object(compiled("legacy"), "legacy"))
    assert len(obj.warnings) == 3
    assert "BPF_ANNOTATE_KV_PAIR" in obj.warnings[0]
    map_ = obj.instances["table"].type
    assert isinstance(map_, t.Map)
    assert (obj.btf.size_of(map_.key_type), obj.btf.size_of(map_.value_type)) == (4, 16)
    hidden = obj.instances["hidden"].symbol
    assert hidden is not None and hidden.is_local


def test_tags_keep_their_variables() -> None:
    obj = upgrade(read_object(compiled("tags"), "tags"))
    assert isinstance(obj.instances["variable"].type, t.Var)
    assert not isinstance(obj.instances["record"].type, t.Var)
    assert sorted(type_.name for _, type_ in obj.btf if isinstance(type_, t.DeclTag)) == [
        "argument", "function", "member", "variable",
    ]  # fmt: skip


def test_maps_of_maps_and_program_arrays_are_typed() -> None:
    obj = upgrade(read_object(compiled("map_in_map"), "map_in_map"))
    outer = obj.instances["filled"].type
    assert isinstance(outer, t.Map) and isinstance(obj.btf.resolved(outer.value_type), t.Map)
    values = obj.instances["filled"].map_def.values
    assert [v and v.name for v in values] == ["first", None, "second"]
    calls = upgrade(read_object(compiled("tail_calls"), "tail_calls"))
    jumps = calls.instances["jumps"].type
    assert isinstance(jumps, t.Map)
    assert calls.btf.func_proto(jumps.value_type) is not None
    assert [v and v.name for v in calls.instances["jumps"].map_def.values] == [None, "one", None, "two"]


def test_strict_lists_what_is_lost() -> None:
    plain = read_object(compiled("map_in_map"), "map_in_map.o")
    with pytest.raises(ConvertError, match="what its values are") as caught:
        convert(plain, Target.CLASSIC, strict=True)
    assert caught.value.losses and caught.value.path == "map_in_map.o"
    assert not convert(plain, Target.LIBBPF, strict=True).warnings


def test_unknown_form() -> None:
    with pytest.raises(ConvertError, match="there is no form 'btf'"):
        convert(read_object(compiled("types"), "types"), "btf")


@pytest.mark.parametrize("ext", ["tables", "single", "tagged"])
def test_every_style_of_symbol_records(ext: str) -> None:
    up = upgrade(read_object(compiled("statics"), "statics"))
    assert declared(read_object(write_object(up, ext=ext), "statics")) == declared(up)
