"""Instances: what is declared, as apart from what it looks like and where it is (docs/format.md, section 4)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instance:
    """A declared function, map or variable.

    type_id: of the object declared; which of the three it is follows from that type (`Btf.instance_kind`)
    name:    as the source has it; it need not be the name of a symbol
    parent:  instance id of the function that contains it, else 0
    """

    type_id: int
    name: str
    parent: int = 0
