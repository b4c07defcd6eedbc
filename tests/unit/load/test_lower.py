"""Instance BTF for a kernel: what becomes of each type; and for an older one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.load.programs import COMPILERS, FLOWS, build

from btfkit.codec import decode_btf, encode_btf
from btfkit.convert.lower import kconfig_layout, lower
from btfkit.elf import Elf, Section
from btfkit.format.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    STB_GLOBAL,
    STB_LOCAL,
    STT_FUNC,
    STT_OBJECT,
)
from btfkit.format.kinds import FuncLinkage, IntEncoding, VarLinkage
from btfkit.load.linux.lower import fit_kernel
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.ext import BtfExt
from btfkit.object import BpfObject, ObjectForm

INT = t.Int("int", 4, IntEncoding.SIGNED)


class Made:
    """An object made by hand: types, and symbols for its instances."""

    def __init__(self) -> None:
        self.elf = Elf()
        self.types = Builder()
        self.int = self.types.add(INT)
        self.obj = BpfObject(self.elf, Btf(), BtfExt(), ObjectForm.INSTANCE)

    def section(self, name: str, size: int, *, code: bool = False, nobits: bool = False) -> Section:
        section = self.elf.add_section(name, flags=SHF_ALLOC | (SHF_EXECINSTR if code else SHF_WRITE), data=bytes(size))
        if nobits:
            section.type, section.data = SHT_NOBITS, b""
            section.size = size
        return section

    def instance(
        self,
        type_id: int,
        name: str,
        section: Section | None,
        off: int = 0,
        size: int = 0,
        *,
        symbol: str = "",
        parent: int = 0,
        bind: int = STB_GLOBAL,
        function: bool = False,
        other: int = 0,
    ) -> int:
        inst_id = self.types.instance(type_id, name, parent)
        kind = STT_FUNC if function else STT_OBJECT
        self.obj.definitions[inst_id] = self.elf.add_symbol(symbol or name, section, off, size, bind, kind, other)
        return inst_id

    def lower(self) -> tuple[list[t.Type], dict[int, int], list[str]]:
        self.obj.btf = self.types.build()
        lowered = lower(self.obj)
        blob = encode_btf(lowered.btf)
        assert len(blob) and blob[4] == 24  # the classic header
        assert decode_btf(blob) == lowered.btf
        return [type_ for _, type_ in lowered.btf], lowered.func_ids, lowered.losses


def test_maps_keep_their_ids() -> None:
    made = Made()
    inner = made.types.add(t.Map(made.int, made.int))
    outer = made.types.add(t.Map(made.int, inner))
    queue = made.types.add(t.Map(0, made.int))
    ring = made.types.add(t.Map(0, 0))
    named = made.types.add(t.Typedef("table", inner))
    of_named = made.types.add(t.Map(made.int, named))
    fwd = made.types.add(t.Fwd("later"))
    of_fwd = made.types.add(t.Map(made.int, fwd))
    pointer = made.types.add(t.Ptr(inner))
    types, _, losses = made.lower()
    assert losses == []
    assert types[inner - 1] == t.FuncProto(made.int, (t.Param("", made.int),))
    assert types[outer - 1] == t.FuncProto(made.int, (t.Param("", 0),))
    assert types[queue - 1] == t.FuncProto(0, (t.Param("", made.int),))
    assert types[ring - 1] == t.FuncProto(0, (t.Param("", 0),))
    assert types[named - 1] == t.Typedef("table", inner)
    assert types[of_named - 1] == types[of_fwd - 1] == t.FuncProto(made.int, (t.Param("", 0),))
    assert types[pointer - 1] == t.Ptr(inner)


def test_functions() -> None:
    made = Made()
    text = made.section("xdp", 64, code=True)
    proto = made.types.add(t.FuncProto(made.int, (t.Param("", made.int), t.Param("arg1", made.int), t.Param("", 0))))
    bare = made.instance(proto, "Rust::path<u8>", text, 0, 8, symbol="_ZN4path", function=True)
    local = made.instance(proto, "inner", text, 8, 8, bind=STB_LOCAL, function=True)
    helper = made.types.add(t.Func("", proto))
    named = made.types.add(t.Func("odd-name", proto, FuncLinkage.EXTERN))
    to_func = made.types.add(t.Ptr(named))
    tag = made.types.add(t.DeclTag("mark", named))
    hidden_type = made.types.add(t.Func("hidden", proto, FuncLinkage.GLOBAL))
    hidden = made.instance(hidden_type, "hidden", text, 16, 8, function=True, other=2)
    types, func_ids, losses = made.lower()
    assert types[proto - 1] == t.FuncProto(
        made.int, (t.Param("arg1_", made.int), t.Param("arg1", made.int), t.Param("", 0))
    )
    assert types[func_ids[bare] - 1] == t.Func("_ZN4path", proto, FuncLinkage.GLOBAL)
    assert types[func_ids[local] - 1] == t.Func("inner", proto, FuncLinkage.STATIC)
    assert func_ids[hidden] == hidden_type
    assert types[hidden_type - 1] == t.Func("hidden", proto, FuncLinkage.STATIC)
    assert types[helper - 1] == t.Ptr(proto)
    assert types[named - 1] == t.Func("odd_name", proto, FuncLinkage.GLOBAL)
    assert types[to_func - 1] == t.Ptr(proto)
    assert types[tag - 1] == t.DeclTag("mark", named)
    assert losses == [f"type {named} FUNC 'odd-name': is called 'odd_name', the name is not legal in C"]


def test_variables() -> None:
    made = Made()
    bss = made.section(".bss", 24, nobits=True)
    made.section(".rodata", 4)
    main = made.types.add(t.Func("f", made.types.add(t.FuncProto(0))))
    parent = made.instance(main, "f", made.section("xdp", 8, code=True), 0, 8, function=True)
    u64 = made.types.add(t.Int("u64", 8))
    nothing = made.types.add(t.Struct("empty", 0))
    fwd = made.types.add(t.Fwd("later"))
    tagged = made.types.add(t.Var("old", made.int, VarLinkage.GLOBAL_ALLOCATED))
    made.types.add(t.DeclTag("mark", tagged))
    made.instance(tagged, "old", bss, 16, 4, symbol="new", bind=STB_LOCAL)
    made.instance(u64, "calls", bss, 8, 8, symbol="f.calls", bind=STB_LOCAL, parent=parent)
    made.instance(made.int, "first", bss, 0, 4)
    made.instance(made.int, "alias", bss, 0, 4)
    made.instance(u64, "long", bss, 20, 8)
    made.instance(nothing, "empty", bss, 4, 0)
    made.instance(fwd, "opaque", bss, 4, 4)
    made.instance(made.int, "elsewhere", None)
    types, _, losses = made.lower()
    sections = {type_.name: type_ for type_ in types if isinstance(type_, t.DataSec)}
    variables = [(types[v.type_id - 1], v.offset, v.size) for v in sections[".bss"].vars]
    assert sections[".bss"].size == 24
    assert variables == [
        (t.Var("first", made.int, VarLinkage.GLOBAL_ALLOCATED), 0, 4),
        (t.Var("f.calls", u64, VarLinkage.STATIC), 8, 8),
        (t.Var("new", made.int, VarLinkage.STATIC), 16, 4),
    ]
    assert sections[".bss"].vars[2].type_id == tagged
    assert sections[".rodata"] == t.DataSec(".rodata", 4)
    assert [loss.partition("' in .bss: ")[::2] for loss in losses] == [
        ("instance 5 'alias", "lies over another variable"),
        ("instance 7 'empty", "has no bytes"),
        ("instance 8 'opaque", "its type has no size"),
        ("instance 6 'long", "runs past its section's end"),
    ]


def test_externs() -> None:
    made = Made()
    char = made.types.add(t.Int("char", 1))
    value = made.types.add(t.Var("CONFIG_A", char, VarLinkage.GLOBAL_EXTERN))
    number = made.types.add(t.Var("CONFIG_Z", made.int, VarLinkage.GLOBAL_EXTERN))
    entries = (t.VarSecInfo(value, 0, 1), t.VarSecInfo(number, 0, 4))
    kconfig = made.types.add(t.DataSec(".kconfig", 0, entries))
    void = made.types.add(t.Var("symbol", made.types.add(t.Const(0)), VarLinkage.GLOBAL_EXTERN))
    func = made.types.add(t.Func("kfunc", made.types.add(t.FuncProto(0)), FuncLinkage.EXTERN))
    ksyms = made.types.add(t.DataSec(".ksyms", 0, (t.VarSecInfo(void, 0, 1), t.VarSecInfo(func, 0, 0))))
    loc = made.types.add(t.LocParam(8))
    types, _, losses = made.lower()
    assert types[kconfig - 1] == t.DataSec(".kconfig", 5, (t.VarSecInfo(number, 0, 4), t.VarSecInfo(value, 4, 1)))
    assert types[value - 1] == t.Var("CONFIG_A", char, VarLinkage.GLOBAL_ALLOCATED)
    dummy = len(types)
    assert types[dummy - 1] == t.Var("dummy_ksym", made.int)
    assert types[ksyms - 1] == t.DataSec(".ksyms", 8, (t.VarSecInfo(void, 0, 4), t.VarSecInfo(dummy, 4, 4)))
    assert types[void - 1] == t.Var("symbol", made.int)
    assert types[func - 1].parts().vlen == FuncLinkage.GLOBAL
    assert types[loc - 1] == t.Int("unknown", 1)
    assert len(losses) == 1
    assert [v.name for v in kconfig_layout(made.types.build())[0]] == ["CONFIG_Z", "CONFIG_A"]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiled(tmp_path: Path, compiler: str) -> None:
    obj = build(tmp_path, FLOWS, compiler)
    lowered = lower(obj)
    kept = [(old, lowered.btf[i]) for i, old in obj.btf if not isinstance(old, (t.Map, t.Func, t.FuncProto, t.Int))]
    assert [old for old, _ in kept] == [new for _, new in kept]
    count = obj.instances["count"]
    assert lowered.btf[lowered.func_ids[count.inst_id]].name == "count"
    assert not any(isinstance(type_, t.Map) for _, type_ in lowered.btf)
    assert {s.name for s in lowered.datasecs if isinstance(s, Section)} >= {"license"}


# -- older kernels ------------------------------------------------------------------------------------------------


@dataclass
class Kernel:
    """A kernel that knows so much."""

    btf_func: bool = True
    btf_datasec: bool = True
    btf_func_global: bool = True
    btf_float: bool = True
    btf_decl_tag: bool = True
    btf_type_tag: bool = True
    btf_enum64: bool = True


TYPES: list[t.Type] = [
    INT,  # 1
    t.FuncProto(1, (t.Param("a", 1),)),  # 2
    t.Func("f", 2, FuncLinkage.GLOBAL),  # 3
    t.Var("v", 1),  # 4
    t.DataSec(".data.x", 8, (t.VarSecInfo(4, 4, 4),)),  # 5
    t.Float("double", 8),  # 6
    t.DeclTag("mark", 4),  # 7
    t.TypeTag("user", 1),  # 8
    t.Enum64("big", 8, (t.EnumValue("BIG", 1 << 40),)),  # 9
    t.Enum("signed", 4, (t.EnumValue("LOW", -1),), kind_flag=True),  # 10
    t.FuncProto(1, (t.Param("", 1),)),  # 11
]

OLD: list[tuple[Kernel, dict[int, t.Type]]] = [
    (Kernel(), {}),
    (Kernel(btf_func_global=False), {3: t.Func("f", 2, FuncLinkage.STATIC)}),
    (
        Kernel(btf_func=False),
        {
            2: t.Enum("", 4, (t.EnumValue("a", 0),)),
            3: t.Typedef("f", 2),
            11: t.Enum("", 4, (t.EnumValue("p0", 0),)),
        },
    ),
    (
        Kernel(btf_datasec=False),
        {4: t.Int("v", 1), 5: t.Struct("_data_x", 8, (t.Member("v", 4, 32),))},
    ),
    (Kernel(btf_float=False), {6: t.Struct("", 8)}),
    (Kernel(btf_decl_tag=False), {7: t.Int("mark", 1)}),
    (Kernel(btf_type_tag=False), {8: t.Const(1)}),
    (
        Kernel(btf_enum64=False),
        {
            9: t.Union("big", 8, (t.Member("BIG", 12, 0),)),
            10: t.Enum("signed", 4, (t.EnumValue("LOW", 0xFFFFFFFF),)),
            12: t.Int("enum64_placeholder", 1),
        },
    ),
]


@pytest.mark.parametrize(("kernel", "changed"), OLD)
def test_older_kernels(kernel: Kernel, changed: dict[int, t.Type]) -> None:
    btf = Btf(TYPES)
    fitted = fit_kernel(btf, kernel)
    want = dict(btf) | changed
    assert dict(fitted.btf) == want
    assert len(fitted.lost) == len([i for i in changed if i in btf])
    assert decode_btf(encode_btf(fitted.btf)) == fitted.btf
    if not changed:
        assert fitted.btf is btf
