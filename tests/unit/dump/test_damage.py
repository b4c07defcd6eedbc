"""Whatever the bytes are, every dump ends, with text or with an error of ours."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.dump.samples import btf_of, every_kind, graph_types

from btfkit.codec import decode_btf, encode_btf
from btfkit.dump import dump_c, dump_json, load_json, raw_text
from btfkit.errors import BtfkitError
from btfkit.model.spell import spell
from btfkit.model.types import Type

SOUND = btf_of(*(type_ for _, type_ in every_kind() if type_.name != "flags"))
BYTES = [encode_btf(every_kind()), encode_btf(SOUND, byte_order="big")]


def dump_all(data: bytes) -> None:
    try:
        btf = decode_btf(data)
        raw_text(btf)
        for type_id in btf.ids():
            spell(btf, type_id)
        assert encode_btf(load_json(dump_json(btf))[0]) == encode_btf(btf)
        dump_c(btf, asserts=True)
    except BtfkitError as error:
        assert str(error)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BYTES), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes(data: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(data)] = value
    dump_all(bytes(damaged))


@settings(deadline=None, max_examples=300)
@given(graph_types)
def test_types_that_refer_to_anything(types: list[Type]) -> None:
    dump_all(encode_btf(btf_of(*types)))
