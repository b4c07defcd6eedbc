"""Instances may be called anything: kernels and libbpf get legal names, the object keeps its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.judge import View, libbpf_load
from tests.objects import compiled

from btfkit.convert import Target, convert, upgrade
from btfkit.errors import ConvertError
from btfkit.load.linux import load
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.object import BpfObject, read_object, write_object

FUNCTION, MAP, MEMBER, STRUCT = "count::<u64>", "by address", "packets per s", "Stats<u64, [u8; 4]>"


def renamed() -> BpfObject:
    """What another language could write: names that are none in C, for an instance, a function, a struct, a member."""
    obj = upgrade(read_object(compiled("annotated"), "names.o"))

    def change(type_: t.Type) -> t.Type:
        if isinstance(type_, t.Func):
            return replace(type_, name=FUNCTION)
        if isinstance(type_, t.Struct) and type_.name == "stats":
            first, *rest = type_.members
            return replace(type_, name=STRUCT, members=(replace(first, name=MEMBER), *rest))
        return type_

    names = {"by_addr": MAP, "tally": FUNCTION}
    instances = [replace(i, name=names.get(i.name, i.name)) for i in obj.btf.instances]
    obj.btf = Btf([change(type_) for _, type_ in obj.btf], instances=instances)
    return read_object(write_object(obj), "names.o")


def test_the_object_keeps_them() -> None:
    obj = renamed()
    assert obj.instances[MAP].symbol is not None
    assert obj.instances[FUNCTION].is_defined
    for target in (Target.PROPOSED, Target.SIDECAR, Target.INSTANCE):
        assert MAP in upgrade(read_object(write_object(convert(obj, target)))).instances


@pytest.mark.usefixtures("require_bpf")
def test_libbpf_gets_legal_ones_and_the_user_is_told(tmp_path: Path) -> None:
    obj = renamed()
    plain = convert(obj, Target.LIBBPF)
    assert len([loss for loss in plain.warnings if "not legal in C" in loss]) == 2
    with pytest.raises(ConvertError, match="not legal in C"):
        convert(obj, Target.LIBBPF, strict=True)
    path = tmp_path / "names.o"
    path.write_bytes(write_object(plain))
    with libbpf_load(path) as view:
        assert isinstance(view, View), view
        assert view.maps["by_addr"]["has types"]


@pytest.mark.usefixtures("require_bpf")
def test_the_kernel_gets_legal_ones_and_python_the_true_ones() -> None:
    with load(renamed()) as bpf:
        assert bpf.programs[FUNCTION].test_run(bytes(64)).retval == 0
        ((key, value),) = bpf.maps[MAP].items()
        assert key.port == 80
        assert value[MEMBER] == 1
        assert bpf.maps[MAP].info.btf_id
