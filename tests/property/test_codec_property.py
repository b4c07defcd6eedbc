"""What holds of every `Btf` and `BtfExt`: reading gives back what was written, in every form and byte order."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.property.strategies import BY_KIND, btfs, exts, split_btfs
from tests.unit.codec.hexcases import read_cases

from btfkit.codec import decode_btf, decode_ext, encode_btf, encode_ext
from btfkit.errors import BtfkitError, EncodeError, InternalError
from btfkit.format.btf import Form
from btfkit.format.kinds import KIND_SPECS
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.builder import Builder
from btfkit.model.ext import BtfExt
from btfkit.model.strings import StringTable
from btfkit.model.walk import ids, names, postorder, reachable, remap

OTHER = {"little": "big", "big": "little"}
quick = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def forms(btf: Btf) -> list[Form]:
    """The forms that can hold it."""
    unknown = any(isinstance(type_, t.Unknown) for _, type_ in btf)
    return [f for f in Form if (f.has_instances or not btf.own_instances) and (f.has_layout or not unknown)]


def reread(btf: Btf, data: bytes) -> Btf:
    return decode_btf(data, base=btf.base)


def rebase(btf: Btf, *, byte_order: str | None = None) -> Btf:
    """The same written and read, its bases first."""
    base = rebase(btf.base, byte_order=byte_order) if btf.base is not None else None
    return decode_btf(encode_btf(btf, byte_order=byte_order), base=base)


@quick
@given(st.one_of(btfs(), btfs(with_unknown=True)))
def test_what_is_written_is_read(btf: Btf) -> None:
    for form in forms(btf):
        data = encode_btf(btf, form=form)
        again = decode_btf(data)
        assert again == btf
        assert (again.form, again.byte_order) == (form, btf.byte_order)
        assert encode_btf(again) == data
        by_type = Btf([type_ for _, type_ in again], again.strings, again.own_instances, form=form, layout=again.layout)
        assert encode_btf(by_type, byte_order=btf.byte_order) == data


@quick
@given(split_btfs())
def test_split(btf: Btf) -> None:
    """Whether bases are written before or after what stands on them."""
    top = encode_btf(btf)
    again = rebase(btf)
    assert again == btf
    assert encode_btf(again) == top
    assert again.instances == btf.instances
    assert [again[type_id] for type_id in range(again.next_id)] == [btf[type_id] for type_id in range(btf.next_id)]


@quick
@given(st.one_of(btfs(), split_btfs()))
def test_other_byte_order(btf: Btf) -> None:
    other = rebase(btf, byte_order=OTHER[btf.byte_order])
    assert other.byte_order == OTHER[btf.byte_order]
    assert [type_ for _, type_ in other] == [type_ for _, type_ in btf]
    assert other.own_instances == btf.own_instances
    assert encode_btf(other, byte_order=btf.byte_order) == encode_btf(btf)


@quick
@given(btfs(with_unknown=True))
def test_unknown_kinds_are_of_one_byte_order(btf: Btf) -> None:
    if any(isinstance(type_, t.Unknown) for _, type_ in btf):
        for change in ({"byte_order": OTHER[btf.byte_order]}, {"form": Form.PROPOSED}):
            with pytest.raises(EncodeError):
                encode_btf(decode_btf(encode_btf(btf)), **change)


@quick
@given(st.one_of(*BY_KIND.values()), st.permutations(range(20)))
def test_remap(type_: t.Type, order: list[int]) -> None:
    def there(type_id: int) -> int:
        return order[type_id] if type_id < len(order) else type_id

    def back(type_id: int) -> int:
        return order.index(type_id) if type_id < len(order) else type_id

    assert remap(type_, lambda type_id: type_id) == type_
    moved = remap(type_, there)
    assert list(ids(moved)) == [there(type_id) for type_id in ids(type_)]
    assert list(names(moved)) == list(names(type_))
    assert remap(moved, back) == type_


@quick
@given(st.one_of(*BY_KIND.values()))
def test_parts(type_: t.Type) -> None:
    assert type(type_).of(type_.parts()) == type_


@quick
@given(btfs())
def test_postorder(btf: Btf) -> None:
    """Every type that can be reached, once; what it refers to before it, unless that leads back to it."""
    inside = Builder()
    for _, type_ in btf:
        inside.add(remap(type_, lambda type_id: type_id % btf.next_id))
    whole = inside.build()
    order = postorder(whole, whole.ids())
    assert sorted(order) == list(whole.ids()) == sorted(reachable(whole, whole.ids()))
    place = {type_id: index for index, type_id in enumerate(order)}
    for type_id in order:
        for ref in ids(whole[type_id]):
            assert not ref or place[ref] <= place[type_id] or type_id in reachable(whole, [ref])


@quick
@given(exts())
def test_ext(ext: BtfExt) -> None:
    strings = StringTable()
    data = encode_ext(ext, strings).data
    again = decode_ext(data, strings)
    assert again == ext
    assert encode_ext(again, strings).data == data
    other = encode_ext(again, strings, byte_order=OTHER[ext.byte_order]).data
    turned = decode_ext(other, strings)
    assert turned.byte_order == OTHER[ext.byte_order]
    assert encode_ext(turned, strings, byte_order=ext.byte_order).data == data


# -- bytes that are not what they claim ---------------------------------------------------------------------

SEEDS = [data for case in read_cases("btf").values() for data in case.data.values()]
EXT_SEEDS = [data for case in read_cases("ext").values() for data in case.data.values()]
BASE = decode_btf(read_cases("btf")["base"].data["little"])


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A case with words and bytes replaced, cut, or with something put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        pos = draw(st.integers(0, len(data) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                data[pos] = draw(st.integers(0, 255))
            case 1:
                word = draw(st.sampled_from([0, 1, 4, 8, 12, 24, 0xFF, 0x1000000, 0x7FFFFFFF, 0xFFFFFFFF]))
                order = draw(st.sampled_from(["little", "big"]))
                start = pos // 4 * 4
                data[start : start + 4] = word.to_bytes(4, order)
            case 2:
                data[pos] ^= 1 << draw(st.integers(0, 7))
            case 3:
                del data[pos : pos + draw(st.integers(1, 8))]
            case _:
                data[pos:pos] = draw(st.binary(max_size=8))
    return bytes(data)


def exercise(btf: Btf) -> None:
    """Decode all of it, ask it everything, and write it again."""
    good = 0
    for type_id in btf.ids():
        for ask in (btf.__getitem__, btf.resolve, btf.size_of, btf.align_of, btf.func_proto, btf.map_type):
            try:
                ask(type_id)
            except InternalError:
                raise
            except BtfkitError as error:
                assert str(error)
            else:
                good += ask == btf.__getitem__
        assert btf.describe(type_id)
    for inst_id in btf.inst_ids():
        assert btf.describe_instance(inst_id)
        try:
            btf.instance_kind(inst_id)
        except BtfkitError as error:
            assert str(error)
    if good == len(btf.ids()):
        btf.names()
        data = encode_btf(btf)
        assert reread(btf, data) == btf
        types = [type_ for _, type_ in btf]
        copy = Btf(
            types, None, btf.own_instances, base=btf.base, byte_order=btf.byte_order, form=btf.form, layout=btf.layout
        )
        assert reread(copy, encode_btf(copy)) == copy


@settings(deadline=2000, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(mutated(SEEDS), st.binary(max_size=80)), st.booleans())
@example(b"", False)
@example(b"\x9f\xeb", True)
def test_any_bytes_are_a_btf_or_an_error(data: bytes, split: bool) -> None:
    try:
        btf = decode_btf(data, base=BASE if split else None)
    except InternalError:
        raise
    except BtfkitError as error:
        assert error.section == ".BTF"
        assert str(error)
    else:
        exercise(btf)


@settings(deadline=2000, max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(mutated(EXT_SEEDS), st.binary(max_size=80)))
def test_any_bytes_are_an_ext_or_an_error(data: bytes) -> None:
    strings = StringTable(b"\0xdp\0.text\0a.c\0int x;\0return x;\0000:1\0")
    try:
        ext = decode_ext(data, strings)
    except InternalError:
        raise
    except BtfkitError as error:
        assert error.section == ".BTF.ext"
        assert str(error)
    else:
        assert decode_ext(encode_ext(ext, strings).data, strings) == ext


def test_strategies_cover_every_kind() -> None:
    assert {cls.kind for cls in BY_KIND} == KIND_SPECS.keys()
