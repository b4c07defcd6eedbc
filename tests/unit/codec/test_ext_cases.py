"""Every hex case of .BTF.ext, both ways.

Keys: @ext: the model's arguments, in Python; @symbols: where the symbol fields lie; @encoded, @error as for .BTF.
"""

from __future__ import annotations

import pytest
from tests.unit.codec.hexcases import HexCase, read_cases

from btfkit import errors
from btfkit.codec import decode_ext, encode_ext
from btfkit.format.ext import InstanceKind
from btfkit.model import ext as model
from btfkit.model.ext import BtfExt
from btfkit.model.strings import StringTable

STRINGS = b"\0xdp\0.text\0a.c\0int x;\0return x;\0000:1\0"
CASES = read_cases("ext")
GOOD = [(case, order) for case in CASES.values() if "error" not in case.keys for order in case.data]
BAD = [(case, order) for case in CASES.values() if "error" in case.keys for order in case.data]
NAMES = {**vars(model), "InstanceKind": InstanceKind}


def ids(params: list[tuple[HexCase, str]]) -> list[str]:
    return [f"{case}-{order}" for case, order in params]


def strings() -> StringTable:
    return StringTable(STRINGS)


def model_of(case: HexCase) -> BtfExt:
    ext = eval(f"BtfExt({' '.join(case.keys.get('ext', []))})", NAMES)  # (our own files)
    assert isinstance(ext, BtfExt)
    return ext


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_decode(case: HexCase, order: str) -> None:
    ext, want = decode_ext(case.data[order], strings()), model_of(case)
    assert ext == want
    assert ext.byte_order == order
    assert ext.hdr_len == int.from_bytes(case.data[order][4:8], order)
    if "symbols" in case.keys:
        assert ext.symbol_offs == eval(case.one("symbols"))


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_encode(case: HexCase, order: str) -> None:
    """The model, what was decoded, and what was decoded turned round: no text is added to the strings."""
    table = strings()
    want = CASES[case.one("encoded")] if "encoded" in case.keys else case
    decoded = decode_ext(case.data[order], strings())
    assert encode_ext(model_of(case), table, byte_order=order).data.hex(" ", 4) == want.data[order].hex(" ", 4)
    assert encode_ext(decoded, table).data == want.data[order]
    other = "big" if order == "little" else "little"
    if other in want.data:
        assert encode_ext(decoded, table, byte_order=other).data == want.data[other]
    assert table.data == STRINGS


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_where_relocations_belong(case: HexCase, order: str) -> None:
    """encode_ext says where the fields lie that a relocation is made for."""
    ext = model_of(case)
    out = encode_ext(ext, strings(), byte_order=order)

    def word(off: int) -> int:
        return int.from_bytes(out.data[off : off + 4], order)

    assert [(word(off), symbol) for off, symbol in out.symbol_fields] == [
        (record.symbol, record.symbol) for _, _, record in ext.sym_records()
    ]
    blocks = [*ext.func_info, *ext.line_info, *ext.core_relo]
    assert [(word(off), section) for off, section in out.insn_fields] == [
        (record.insn_off, section) for section, records in blocks for record in records
    ]
    again = decode_ext(out.data, strings())
    offs = [off for table in again.symbol_offs.values() for off in table]
    assert offs == [off for off, _ in out.symbol_fields]


@pytest.mark.parametrize(("case", "order"), BAD, ids=ids(BAD))
def test_errors(case: HexCase, order: str) -> None:
    name, _, text = case.one("error").partition(" ")
    with pytest.raises(errors.BtfkitError) as caught:
        decode_ext(case.data[order], strings())
    assert (type(caught.value).__name__, str(caught.value)) == (name, text)


@pytest.mark.parametrize(("case", "order"), GOOD, ids=ids(GOOD))
def test_every_cut(case: HexCase, order: str) -> None:
    data = case.data[order]
    for size in range(len(data)):
        with pytest.raises(errors.FormatError):
            decode_ext(data[:size], strings())


BAD_MODELS = [
    ("sizes", BtfExt(func_sym=[model.SymRecord(1, 1), model.SymRecord(2, 2, None, bytes(4))]), "several sizes"),
    ("tail", BtfExt(func_sym=[model.SymRecord(1, 1, None, b"abc")]), "11 bytes, not a multiple of 4"),
    ("big", BtfExt(func_sym=[model.SymRecord(1 << 32, 1)]), "does not fit"),
    ("negative", BtfExt(func_info=[("xdp", [model.FuncInfo(-8, 1)])]), "does not fit"),
    ("line", BtfExt(line_info=[("xdp", [model.LineInfo(0, "a.c", "", 1 << 22, 0)])]), "line 4194304, column 0"),
    ("column", BtfExt(line_info=[("xdp", [model.LineInfo(0, "a.c", "", 1, 1024)])]), "line 1, column 1024"),
    ("block", BtfExt(func_info=[("xdp", [])]), "a block of no records for 'xdp'"),
    ("kind", BtfExt(map_sym=[model.SymRecord(1, 1, InstanceKind.FUNCTION)]), "another kind than the table's"),
    ("mixed", BtfExt(inst_sym=[model.SymRecord(1, 1), model.SymRecord(2, 2, InstanceKind.MAP)]), "without a kind"),
    ("untagged", BtfExt(inst_sym=[model.SymRecord(1, 1, None, bytes(4))]), "a tail that reads as one"),
    ("nul", BtfExt(func_info=[("x\0", [model.FuncInfo(0, 1)])]), "NUL"),
]


@pytest.mark.parametrize(("ext", "text"), [m[1:] for m in BAD_MODELS], ids=[m[0] for m in BAD_MODELS])
def test_what_cannot_be_encoded(ext: BtfExt, text: str) -> None:
    with pytest.raises(errors.EncodeError) as caught:
        encode_ext(ext, strings())
    assert text in str(caught.value)


def test_tables_of_a_kind_may_say_it() -> None:
    """A kind that is the table's is not written."""
    ext = BtfExt(map_sym=[model.SymRecord(1, 1, InstanceKind.MAP)])
    assert encode_ext(ext, strings()).data == encode_ext(BtfExt(map_sym=[model.SymRecord(1, 1)]), strings()).data


def test_new_texts_are_added() -> None:
    table = strings()
    encode_ext(BtfExt(func_info=[("tc", [model.FuncInfo(0, 1)])]), table)
    assert table.data == STRINGS + b"tc\0"


def test_records_by_section() -> None:
    ext = model_of(CASES["three"])
    assert ext.records("func_info", ".text") == [model.FuncInfo(0, 3), model.FuncInfo(24, 4)]
    assert ext.records("line_info", ".text") == []
    assert not ext.has_symbols
    assert [(table, index) for table, index, _ in model_of(CASES["tables"]).sym_records()] == [
        ("func_sym", 0),
        ("map_sym", 0),
        ("var_sym", 0),
        ("var_sym", 1),
    ]
