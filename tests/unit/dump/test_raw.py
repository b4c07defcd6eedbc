"""Raw lines: a golden of every kind, and the same lines from values, from bytes, and on a base."""

from __future__ import annotations

import pytest
from tests.conftest import CASES
from tests.unit.dump.samples import INT, btf_of, every_kind

from btfkit.codec import decode_btf, encode_btf
from btfkit.codec.rows import kinds, rows, value_row
from btfkit.dump import dump_raw, raw_text
from btfkit.errors import BadReferenceError
from btfkit.format.btf import Form
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.instances import Instance

GOLDEN = (CASES / "dump" / "every-kind.raw").read_text()


def test_every_kind() -> None:
    assert "".join(f"{line}\n" for line in dump_raw(every_kind())) == GOLDEN


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_from_bytes(byte_order: str) -> None:
    btf = decode_btf(encode_btf(every_kind(), byte_order=byte_order))
    assert raw_text(btf) == GOLDEN
    assert [row for row in rows(btf)] == [value_row(type_) for _, type_ in btf]
    assert list(kinds(btf)) == list(kinds(every_kind())) == [kind for kind, _ in rows(btf)]


def test_root_ids() -> None:
    assert list(dump_raw(every_kind(), root_ids=[13, 6])) == [
        "[13] FWD 'later' fwd_kind=struct",
        "[6] PTR '(anon)' type_id=0",
    ]
    with pytest.raises(BadReferenceError):
        list(dump_raw(every_kind(), root_ids=[37]))


@pytest.mark.parametrize("encoded", [False, True])
def test_split(encoded: bool) -> None:
    base = btf_of(INT, t.Var("v", 1))
    split = btf_of(t.Ptr(1), t.DataSec(".data", 4, (t.VarSecInfo(2, 0, 4),)), instances=(Instance(1, "w"),), base=base)
    if encoded:
        base = decode_btf(encode_btf(base))
        split = decode_btf(encode_btf(split), base=base)
    assert list(dump_raw(split)) == [
        "[3] PTR '(anon)' type_id=1",
        "[4] DATASEC '.data' size=4 vlen=1",
        "\ttype_id=2 offset=0 size=4 (VAR 'v')",
        "(1) VARIABLE 'w' type_id=1 parent=0",
    ]
    assert list(dump_raw(split, root_ids=[1, 3])) == [
        "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED",
        "[3] PTR '(anon)' type_id=1",
    ]


@pytest.mark.parametrize("encoded", [False, True])
def test_unknown_kind(encoded: bool) -> None:
    unknown = t.Unknown(40, "x", 2, True, 7, bytes(range(8)), "little")
    layout = (*[(0, 0, 0)] * 40, (0, 4, 0))
    btf = Btf([INT, unknown], layout=layout, form=Form.LAYOUT)
    if encoded:
        btf = decode_btf(encode_btf(btf))
    assert list(dump_raw(btf))[1] == "[2] UNKNOWN(40) 'x' size_type=7 vlen=2 kind_flag=1 data=0001020304050607"


def test_what_no_one_knows() -> None:
    """Linkages without a word, an instance of a type that is not there, one in a cycle."""
    btf = btf_of(
        t.Func("f", 9, 7), t.Var("v", 9, 7), t.Typedef("a", 4), t.Typedef("b", 3),
        instances=(Instance(99, "gone"), Instance(3, "round")),
    )  # fmt: skip
    assert list(dump_raw(btf)) == [
        "[1] FUNC 'f' type_id=9 linkage=(unknown)",
        "[2] VAR 'v' type_id=9, linkage=(unknown)",
        "[3] TYPEDEF 'a' type_id=4",
        "[4] TYPEDEF 'b' type_id=3",
        "(1) UNKNOWN 'gone' type_id=99 parent=0",
        "(2) UNKNOWN 'round' type_id=3 parent=0",
    ]


def test_bad_name_says_where() -> None:
    data = bytearray(encode_btf(btf_of(INT, t.Typedef("t", 1))))
    data[24 + 16] = 0xFF
    with pytest.raises(BadReferenceError, match=r"type 2") as caught:
        raw_text(decode_btf(bytes(data)))
    assert caught.value.off == 24 + 16
