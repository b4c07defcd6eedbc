"""Constants: that the names are there and the members are they."""

from __future__ import annotations

from enum import IntEnum

import pytest

from btfkit.bpf import constants as c

ENUMS = [v for v in vars(c).values() if isinstance(v, type) and issubclass(v, IntEnum) and v is not IntEnum]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_members_are_names_of_the_module(enum: type[IntEnum]) -> None:
    for name, value in enum.__members__.items():
        assert getattr(c, name) is value


def test_what_a_star_takes() -> None:
    names = {name for name in vars(c) if not name.startswith("_")}
    assert {name for name in names if not name.isupper()} == {enum.__name__ for enum in ENUMS}
    assert all(isinstance(getattr(c, name), (int, dict)) for name in names if name.isupper())


def test_some() -> None:
    assert (c.XDP_PASS, c.TC_ACT_UNSPEC, c.SK_PASS, c.ETH_P_IPV6, c.IPPROTO_UDP) == (2, -1, 1, 0x86DD, 17)
    assert isinstance(c.XDP_PASS, c.XdpAction)
    assert c.ENUM_NAMES[c.XdpAction] == "xdp_action"
    assert set(c.ENUM_NAMES) <= set(ENUMS)
    assert c.IpProto.IPPROTO_HOPOPTS is c.IPPROTO_IP
