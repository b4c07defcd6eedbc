"""The kinds of programs beside the sections that the loader knows."""

from __future__ import annotations

import re

import pytest

from btfkit.bpf.constants import XDP_PASS
from btfkit.bpf.contexts import xdp_md
from btfkit.bpf.kinds import KINDS, ProgramKind
from btfkit.load.sections import SECTION_TYPES, section_type

BASES = {kind.section.removesuffix("/{target}"): kind for kind in KINDS.values()}


def test_a_kind_for_every_section() -> None:
    assert set(BASES) == {section.name for section in SECTION_TYPES if not section.name.endswith(".s")}
    assert {name for name, kind in BASES.items() if kind.sleepable} == {
        section.name.removesuffix(".s") for section in SECTION_TYPES if section.name.endswith(".s")
    }
    assert {name for name, kind in BASES.items() if kind.target != "none"} == {
        section.name for section in SECTION_TYPES if section.takes_target and not section.name.endswith(".s")
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_row(kind: ProgramKind) -> None:
    base = kind.section.removesuffix("/{target}")
    assert kind.name == re.sub(r"[/.]", "_", base)
    assert kind.name.isidentifier()
    assert section_type(kind.section.format(target="x")).type.name == base
    if kind.returns is not None:
        assert kind.returns[0] <= kind.default <= kind.returns[1]
    if kind.args in {"ctx", "pt_regs"}:
        assert kind.ctx is not None
    fields = set() if kind.ctx is None else kind.ctx.__layout__.fields.keys()
    assert fields >= kind.hidden
    if kind.writable is not None:
        assert kind.ctx is not None
        assert kind.writable <= kind.ctx.writable
        assert not kind.writable & kind.hidden


def test_xdp() -> None:
    assert KINDS["xdp"] == ProgramKind(
        "xdp", "xdp", "none", xdp_md, "ctx", XDP_PASS, hidden=frozenset({"egress_ifindex"})
    )
