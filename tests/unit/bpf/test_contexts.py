"""Contexts and the helpers' structs: that what is said of their fields is said of fields that they have."""

from __future__ import annotations

import pytest

from btfkit.bpf import contexts, structs
from btfkit.bpf.contexts import REGISTERS, KernelContext, Registers
from btfkit.bpf.ints import be32, u32
from btfkit.bpf.records import Record

CONTEXTS = [getattr(contexts, name) for name in contexts.__all__ if name not in {"REGISTERS", "Registers"}]
RECORDS = [*CONTEXTS, *(getattr(structs, name) for name in structs.__all__ if name != "overlay")]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.__name__)
def test_words_are_fields(context: type[KernelContext]) -> None:
    fields = context.__layout__.fields
    assert fields.keys() >= context.writable | context.wire16 | set(context.packet_bounds)
    assert len(context.packet_bounds) in {0, 2}
    assert all(fields[name].type is u32 for name in context.wire16)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_fields_are_sorted(record: type[Record]) -> None:
    """Anonymous unions' too: the kernel takes a struct's members in the order of their places only."""
    places = [(field.off, field.bit_off) for field in record.__layout__.fields.values()]
    assert places == sorted(places)
    assert all(field.off + field.size <= record.__layout__.size for field in record.__layout__.fields.values())


def test_unions_share_their_bytes() -> None:
    fields = structs.bpf_fib_lookup.__layout__.fields
    assert fields["ipv4_src"].off == fields["ipv6_src"].off == 16
    assert (fields["h_vlan_proto"].off, fields["h_vlan_TCI"].off, fields["tbid"].off) == (48, 50, 48)
    assert fields["ipv4_src"].type is be32
    assert structs.bpf_fib_lookup.__layout__.size == 64


@pytest.mark.parametrize("machine", REGISTERS)
def test_registers(machine: str) -> None:
    registers: Registers = REGISTERS[machine]
    known = registers.context.__layout__.fields.keys() | {"orig_x0"}
    named = [*registers.args, *registers.syscall_args, registers.returned, registers.ip, registers.sp, registers.fp]
    assert {name.partition("[")[0] for name in named} <= known
    assert registers.perf_event.__layout__.fields["regs"].type is registers.context


def test_usable_in_plain_python() -> None:
    question = structs.bpf_fib_lookup(family=2, ifindex=1, ipv4_dst=0x0A000001)
    assert (question.family, question.ipv4_dst, question.tot_len) == (2, 0x0A000001, 0)
    key = structs.LpmKey4(prefixlen=24, addr=0x0A000000)
    assert key == structs.LpmKey4(24, 0x0A000000)
