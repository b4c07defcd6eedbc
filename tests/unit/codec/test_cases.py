"""Every hex case of .BTF, both ways: what the bytes mean, and that what they mean gives the bytes.

Keys: @form; @layout N: that many layout entries were read; @base CASE; @type and @instance: the model, in Python;
@encoded CASE: encoding gives that case's bytes; @error CLASS TEXT: reading, or decoding every type, raises it.
"""

from __future__ import annotations

import pytest
from tests.unit.codec.hexcases import HexCase, read_cases

from btfkit import errors
from btfkit.codec import decode_btf, encode_btf
from btfkit.format import kinds
from btfkit.format.btf import Form
from btfkit.format.kinds import Kind
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.instances import Instance

CASES = read_cases("btf")
GOOD = [(case, order) for case in CASES.values() if "error" not in case.keys for order in case.data]
BAD = [(case, order) for case in CASES.values() if "error" in case.keys for order in case.data]
CANONICAL = [(case, order) for case, order in GOOD if "encoded" not in case.keys]
NAMES = {**vars(kinds), **vars(t), "Instance": Instance}


def ids(params: list[tuple[HexCase, str]]) -> list[str]:
    return [f"{case}-{order}" for case, order in params]


def decoded(case: HexCase, order: str) -> Btf:
    base = CASES[case.one("base")] if "base" in case.keys else None
    return decode_btf(case.data[order], base=decoded(base, order) if base else None)


def model_of(case: HexCase, order: str) -> Btf:
    """The case's model, made without the decoder."""
    base = CASES[case.one("base")] if "base" in case.keys else None
    layout = None
    if "layout" in case.keys:  # as read: which entries there are is not the model's to choose
        layout = decoded(case, order).layout
    return Btf(
        [eval(text, NAMES) for text in case.keys.get("type", [])],  # (our own files)
        None,
        [eval(text, NAMES) for text in case.keys.get("instance", [])],
        base=model_of(base, order) if base else None,
        byte_order=order,
        form=Form(case.one("form", "classic")),
        layout=layout,
    )


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_decode(case: HexCase, order: str) -> None:
    btf, want = decoded(case, order), model_of(case, order)
    assert [type_ for _, type_ in btf] == [type_ for _, type_ in want]
    assert btf.own_instances == want.own_instances
    assert (btf.byte_order, btf.form) == (order, Form(case.one("form", "classic")))
    if case.one("form", "classic") in ("classic", "proposed"):
        assert btf.layout is None
    else:
        assert btf.layout is not None
        assert len(btf.layout) == int(case.one("layout", "32"))


@pytest.mark.parametrize(("case", "order"), CANONICAL, ids=ids(CANONICAL))
def test_encode(case: HexCase, order: str) -> None:
    assert encode_btf(model_of(case, order)).hex(" ", 4) == case.data[order].hex(" ", 4)


@pytest.mark.parametrize(("case", "order"), CANONICAL, ids=ids(CANONICAL))
def test_encode_what_was_decoded(case: HexCase, order: str) -> None:
    """Untouched; type by type with the strings as read; in the other byte order."""
    btf = decoded(case, order)
    assert encode_btf(btf) == case.data[order]
    types = [type_ for _, type_ in btf]
    again = Btf(
        types, btf.strings, btf.own_instances, base=btf.base, byte_order=order, form=btf.form, layout=btf.layout
    )
    assert encode_btf(again) == case.data[order]
    other = "big" if order == "little" else "little"
    if other in case.data:
        assert encode_btf(btf, byte_order=other) == case.data[other]


@pytest.mark.parametrize(("case", "order"), [g for g in GOOD if g not in CANONICAL])
def test_encode_otherwise(case: HexCase, order: str) -> None:
    """What was not canonical: its model is written as another case's bytes; what was read, as the same model."""
    assert encode_btf(model_of(case, order)) == CASES[case.one("encoded")].data[order]
    assert decode_btf(encode_btf(decoded(case, order))) == model_of(case, order)


@pytest.mark.parametrize(("case", "order"), BAD, ids=ids(BAD))
def test_errors(case: HexCase, order: str) -> None:
    name, _, text = case.one("error").partition(" ")
    with pytest.raises(errors.BtfkitError) as caught:
        for _ in decoded(case, order):
            pass
    assert (type(caught.value).__name__, str(caught.value)) == (name, text)


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_every_cut(case: HexCase, order: str) -> None:
    """No beginning of a case is one itself, but where only padding is missing."""
    base = decoded(CASES[case.one("base")], order) if "base" in case.keys else None
    data = case.data[order]
    end = max(
        len(data.rstrip(b"\0")),
        *(int.from_bytes(data[4:8], order) + int.from_bytes(data[off : off + 4], order) for off in (8, 16)),
    )
    for size in range(min(len(data), end)):
        try:
            btf = decode_btf(data[:size], base=base)
        except errors.FormatError as error:
            assert error.section == ".BTF"
        else:
            assert btf == decoded(case, order)  # nothing but what no section holds was cut


def test_every_kind_has_a_case() -> None:
    seen = {type_.kind for case, order in GOOD for _, type_ in decoded(case, order)}
    assert seen >= set(Kind) - {Kind.VOID}
    assert {kind.name.lower() for kind in Kind if kind} <= CASES.keys()
