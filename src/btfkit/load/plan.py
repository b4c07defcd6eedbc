"""`LoadPlan`: what an object asks of a kernel, as data.

In: an object in instance form. Out: the maps to create; per program its instructions with its subprograms behind it,
every call resolved, and placeholders where only a kernel can say the number (map descriptors, kernel symbols).
Nothing here touches a kernel, and nothing fails that is the matter of one program only: such things are its
``problems``, and an error of whoever loads it. Source: docs/format.md, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from btfkit.convert import upgrade
from btfkit.convert.lower import ExternVar
from btfkit.elf import Section
from btfkit.errors import BtfkitError
from btfkit.load.linux.uapi import ProgFlags, ProgType
from btfkit.model.btf import Btf
from btfkit.model.ext import CoreRelo
from btfkit.object import BpfObject


class RelocKind(StrEnum):
    """What an instruction's number stands for."""

    MAP_FD = "map_fd"
    """ld_imm64: a map."""
    MAP_VALUE = "map_value"
    """ld_imm64: an address in the value of a map of one element."""
    FUNC = "func"
    """ld_imm64: a function of the program; done already."""
    CALL = "call"
    """call: a function of the program; done already."""
    KSYM = "ksym"
    """ld_imm64: a variable or function of the kernel."""
    KFUNC = "kfunc"
    """call: a function of the kernel."""


class Reloc(NamedTuple):
    """insn_idx: the instruction, in 8-byte slots from the program's start. map: an index in the plan's maps, or -1.

    off: bytes in the map's value; of a FUNC or CALL, the function's first instruction. name: of the map, function or
    symbol. weak: the kernel need not have it. typed: a KSYM of which the BTF says what it is.
    """

    insn_idx: int
    kind: RelocKind
    map: int = -1
    off: int = 0
    name: str = ""
    weak: bool = False
    typed: bool = False


class CoreAt(NamedTuple):
    """What insn_idx holds depends on the kernel's types. relo: as in the object; its type id is in the plan's Btf."""

    insn_idx: int
    relo: CoreRelo


class FuncAt(NamedTuple):
    """A function of a program, from insn_idx on. inst_id: 0 where no instance says its type."""

    insn_idx: int
    inst_id: int
    name: str


class LineAt(NamedTuple):
    """From insn_idx on, the code comes from that line."""

    insn_idx: int
    file_name: str
    line: str
    line_num: int
    line_col: int


class MapInfo(NamedTuple):
    """bpf_map_info of a plan: the map (an index in its maps) is that instance."""

    map: int
    inst_id: int


class VarInfo(NamedTuple):
    """bpf_var_info of a plan: the variable lies off bytes into that map's value."""

    map: int
    off: int
    inst_id: int


class Initial(NamedTuple):
    """An initial element: of a map of maps a map (an index in the plan's maps), of a program array a program's name."""

    element: int
    map: int = -1
    program: str = ""


@dataclass
class MapPlan:
    """A map to be created.

    name:        of the instance, or of the section whose bytes it holds; kernel_name: at most 15 characters
    type … map_extra: as BPF_MAP_CREATE takes them; pinning: 0 none, 1 by name
    key_type_id, value_type_id: in the plan's Btf; 0 where unknown, or void. inst_id: 0 for data and inner maps
    inner:       what the maps in it are like; values: what is in it from the start
    data:        the first bytes of its one value; None: not a data map. b"": all zeros
    section:     of a data map: the section. externs: of ``.kconfig``: what the kernel's configuration has to give
    frozen:      not to be written once it is filled
    """

    name: str
    kernel_name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    numa_node: int = 0
    map_extra: int = 0
    pinning: int = 0
    key_type_id: int = 0
    value_type_id: int = 0
    inst_id: int = 0
    inner: MapPlan | None = None
    values: list[Initial] = field(default_factory=list)
    data: bytes | None = None
    section: Section | None = field(default=None, repr=False, compare=False)
    externs: list[ExternVar] = field(default_factory=list)
    frozen: bool = False

    @property
    def is_data(self) -> bool:
        return self.data is not None


@dataclass(frozen=True, slots=True)
class VarPlan:
    """A variable in a data map: off bytes into its value. type_id: in the plan's Btf; 0 where only its size is known.

    qualified_name: with the function it is local to; symbol: the name of its symbol, which tells equal ones apart
    """

    name: str
    qualified_name: str
    symbol: str
    map: int
    off: int
    size: int
    type_id: int
    inst_id: int


@dataclass
class ProgramPlan:
    """A program to be loaded.

    prog_type:   None where the section's name says none (then that is one of the problems)
    says:        the name of its `SectionType`: ``kretprobe``
    flags:       prog_flags; target: what the section's name says it attaches to
    target_prefix: what the target's name in the kernel's BTF starts with; None: it is not looked up there
    insns:       in the object's byte order; placeholders are 0
    core:        CO-RE relocations, not resolved; of insns it has what the compiler left there
    functions:   its own and its subprograms, in the order of the code
    func_info:   (insn_idx, inst_id) of each function; empty where one of them has no type
    operation:   of struct_ops: the kernel's struct, and the field
    problems:    why it cannot be loaded
    """

    name: str
    section: str
    prog_type: ProgType | None
    expected_attach_type: int = 0
    flags: ProgFlags = ProgFlags(0)  # noqa: RUF009 (an immutable number)
    target: str = ""
    target_prefix: str | None = None
    autoload: bool = True
    inst_id: int = 0
    insns: bytes = b""
    relocs: list[Reloc] = field(default_factory=list)
    core: list[CoreAt] = field(default_factory=list)
    says: str = ""
    functions: list[FuncAt] = field(default_factory=list)
    func_info: list[tuple[int, int]] = field(default_factory=list)
    line_info: list[LineAt] = field(default_factory=list)
    map_info: list[MapInfo] = field(default_factory=list)
    var_info: list[VarInfo] = field(default_factory=list)
    operation: tuple[str, str] | None = None
    problems: list[str] = field(default_factory=list)


@dataclass
class StructOpsPlan:
    """A struct of operations. link: it is registered by a link. By field: the bytes of values, programs' names."""

    name: str
    struct: str
    link: bool
    values: dict[str, bytes] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)


@dataclass
class LoadPlan:
    """Everything that is to be created. ``str(plan)`` prints it.

    name:   the object's, as libbpf takes it from the path; license, kern_version: as the object says ("", 0: nothing)
    btf:    in instance form; ``source``: the object it came from, whose symbols the lowering asks for
    target: the types that CO-RE relocations ask for; None: those of the kernel that it is loaded into
    """

    name: str
    path: str | None
    byte_order: str
    btf: Btf = field(repr=False)
    source: BpfObject = field(repr=False, compare=False)
    license: str = ""
    kern_version: int = 0
    maps: list[MapPlan] = field(default_factory=list)
    programs: list[ProgramPlan] = field(default_factory=list)
    variables: list[VarPlan] = field(default_factory=list)
    struct_ops: list[StructOpsPlan] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    target: Btf | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return format_plan(self)

    def names(self, program: ProgramPlan) -> tuple[str, ...]:
        """What a program can be called: its symbol's name, and its instance's, which may be anything."""
        if not program.inst_id:
            return (program.name,)
        return program.name, self.btf.instance(program.inst_id).name


def make_plan(obj: BpfObject, *, types: Mapping[str, str] | None = None, btf: Btf | None = None) -> LoadPlan:
    """The plan of an object.

    Of another form it is upgraded first. types: section name that says the type (``xdp``, ``kprobe/do_exit``), by
    program name or section name, for those whose own section says nothing or something else. btf: the kernel's types,
    if not those of the running one.
    """
    from btfkit.load.plan_code import plan_programs  # noqa: PLC0415 (they build what is defined here)
    from btfkit.load.plan_maps import Maps, object_name  # noqa: PLC0415
    from btfkit.load.plan_struct_ops import plan_struct_ops  # noqa: PLC0415

    try:
        obj = upgrade(obj)
        version = obj.elf.section("version")
        plan = LoadPlan(
            object_name(obj.path),
            obj.path,
            obj.byte_order,
            obj.btf,
            obj,
            license=obj.license,
            kern_version=_number(version.data, obj.byte_order) if version is not None else 0,
            warnings=list(obj.warnings),
            target=btf,
        )
        maps = Maps(plan, obj)
        plan_programs(plan, obj, maps, types or {})
        plan_struct_ops(plan, obj)
        maps.finish()
        return plan
    except BtfkitError as error:
        raise error.at(path=obj.path) from None


def _number(data: bytes, byte_order: str) -> int:
    return int.from_bytes(data[:4], "little" if byte_order == "little" else "big")


def format_plan(plan: LoadPlan) -> str:
    """The plan as text."""
    from btfkit.load.plan_text import plan_lines  # noqa: PLC0415

    return "\n".join(plan_lines(plan))


def plan_to_json(plan: LoadPlan) -> dict[str, Any]:
    """The plan as JSON has it: bytes as hex digits, types by their names."""
    from btfkit.load.plan_text import plan_json  # noqa: PLC0415

    return plan_json(plan)


__all__ = [
    "CoreAt",
    "FuncAt",
    "Initial",
    "LineAt",
    "LoadPlan",
    "MapInfo",
    "MapPlan",
    "ProgramPlan",
    "Reloc",
    "RelocKind",
    "StructOpsPlan",
    "VarInfo",
    "VarPlan",
    "format_plan",
    "make_plan",
    "plan_to_json",
]
