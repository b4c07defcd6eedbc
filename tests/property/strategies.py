"""Everything that a `Btf` or a `BtfExt` can hold, for hypothesis. References need not lead anywhere: decoding is not
validating."""

from __future__ import annotations

from hypothesis import strategies as st

from btfkit.format.btf import Form, layout_entries
from btfkit.format.ext import InstanceKind
from btfkit.format.kinds import KIND_SPECS, FuncLinkage, IntEncoding, VarLinkage
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import BtfExt, CoreRelo, FuncInfo, LineInfo, SymRecord
from btfkit.model.instances import Instance
from btfkit.model.strings import StringTable


def uint(bits: int) -> st.SearchStrategy[int]:
    """Numbers of that width, with those beside powers of two at which fields end."""
    edges = {
        edge for power in (8, 16, 24, 31, 32, 63, 64) if power <= bits for edge in (2**power - 1, 2 ** (power - 1))
    }
    return st.one_of(st.integers(0, 9), st.integers(0, 2**bits - 1), st.sampled_from(sorted(edges)))


U32 = uint(32)
TYPE_ID = st.one_of(st.integers(0, 12), U32)
BOOL = st.booleans()

# Any bytes without NUL are a name; those that are not UTF-8 are text with lone surrogates.
NAME = st.one_of(
    st.sampled_from(["", "a", "int", "flow", "ow", "päth::x"]),
    st.binary(max_size=6).map(lambda raw: raw.replace(b"\0", b"?").decode("utf-8", "surrogateescape")),
)


def tuples(strategy: st.SearchStrategy[t.Type] | st.SearchStrategy[object]) -> st.SearchStrategy[tuple]:
    return st.lists(strategy, max_size=4).map(tuple)


def composite(cls: type[t.Struct] | type[t.Union]) -> st.SearchStrategy[t.Type]:
    plain = st.builds(t.Member, NAME, TYPE_ID, U32)
    bits = st.builds(t.Member, NAME, TYPE_ID, uint(24), uint(8))
    return st.one_of(
        st.builds(cls, NAME, U32, tuples(plain), st.just(False)), st.builds(cls, NAME, U32, tuples(bits), st.just(True))
    )


def enumeration(cls: type[t.Enum] | type[t.Enum64], bits: int) -> st.SearchStrategy[t.Type]:
    unsigned = st.builds(t.EnumValue, NAME, uint(bits))
    signed = st.builds(t.EnumValue, NAME, uint(bits).map(lambda value: value - 2 ** (bits - 1)))
    return st.one_of(
        st.builds(cls, NAME, U32, tuples(unsigned), st.just(False)),
        st.builds(cls, NAME, U32, tuples(signed), st.just(True)),
    )


BY_KIND: dict[type[t.Type], st.SearchStrategy[t.Type]] = {
    t.Int: st.builds(t.Int, NAME, U32, uint(8).map(IntEncoding), uint(16), uint(8)),
    t.Ptr: st.builds(t.Ptr, TYPE_ID),
    t.Array: st.builds(t.Array, TYPE_ID, TYPE_ID, U32),
    t.Struct: composite(t.Struct),
    t.Union: composite(t.Union),
    t.Enum: enumeration(t.Enum, 32),
    t.Fwd: st.builds(t.Fwd, NAME, BOOL),
    t.Typedef: st.builds(t.Typedef, NAME, TYPE_ID),
    t.Volatile: st.builds(t.Volatile, TYPE_ID),
    t.Const: st.builds(t.Const, TYPE_ID),
    t.Restrict: st.builds(t.Restrict, TYPE_ID),
    t.Func: st.builds(t.Func, NAME, TYPE_ID, st.one_of(st.sampled_from(FuncLinkage), uint(24))),
    t.FuncProto: st.builds(t.FuncProto, TYPE_ID, tuples(st.builds(t.Param, NAME, TYPE_ID))),
    t.Var: st.builds(t.Var, NAME, TYPE_ID, st.one_of(st.sampled_from(VarLinkage), U32)),
    t.DataSec: st.builds(t.DataSec, NAME, U32, tuples(st.builds(t.VarSecInfo, TYPE_ID, U32, U32))),
    t.Float: st.builds(t.Float, NAME, U32),
    t.DeclTag: st.builds(t.DeclTag, NAME, TYPE_ID, st.integers(-(2**31), 2**31 - 1), BOOL),
    t.TypeTag: st.builds(t.TypeTag, NAME, TYPE_ID, BOOL),
    t.Enum64: enumeration(t.Enum64, 64),
    t.LocParam: st.builds(t.LocParam, U32, U32, tuples(U32)),
    t.LocProto: st.builds(t.LocProto, tuples(TYPE_ID)),
    t.LocSec: st.builds(t.LocSec, NAME, tuples(st.builds(t.Loc, TYPE_ID, TYPE_ID, U32))),
    t.Map: st.builds(t.Map, TYPE_ID, TYPE_ID),
}
assert set(BY_KIND) == {t.TYPE_CLASSES[kind] for kind in KIND_SPECS}

TYPES = st.lists(st.one_of(*BY_KIND.values()), max_size=12)
ORDER = st.sampled_from(["little", "big"])

UNKNOWN_SIZES = {23: (4, 0), 40: (0, 8), 127: (4, 12)}
"""Per unknown kind, the sizes that `LAYOUT` gives it."""
LAYOUT = tuple(
    (*UNKNOWN_SIZES[kind], 0) if kind in UNKNOWN_SIZES else entry for kind, entry in enumerate(layout_entries(127))
)


@st.composite
def instances(draw: st.DrawFn, start_id: int = 1) -> list[Instance]:
    """Parents come before, as the format wants it."""
    out: list[Instance] = []
    for _ in range(draw(st.integers(0, 5))):
        out.append(Instance(draw(TYPE_ID), draw(NAME), draw(st.integers(0, start_id - 1 + len(out)))))
    return out


@st.composite
def unknown(draw: st.DrawFn, byte_order: str) -> t.Unknown:
    number = draw(st.sampled_from(sorted(UNKNOWN_SIZES)))
    info_size, elem_size = UNKNOWN_SIZES[number]
    vlen = draw(st.integers(0, 3))
    size = info_size + elem_size * vlen
    data = draw(st.binary(min_size=size, max_size=size))
    return t.Unknown(number, draw(NAME), vlen, draw(BOOL), draw(U32), data, byte_order)


@st.composite
def btfs(draw: st.DrawFn, base: Btf | None = None, with_unknown: bool = False) -> Btf:
    """A whole Btf, in any form that can hold it."""
    byte_order = base.byte_order if base is not None else draw(ORDER)
    types = draw(TYPES)
    layout = None
    if with_unknown:
        types += draw(st.lists(unknown(byte_order), max_size=3))
        types = draw(st.permutations(types))
        layout = LAYOUT
    form = draw(st.sampled_from([Form.LAYOUT, Form.INSTANCE] if with_unknown else list(Form)))
    inst = draw(instances(base.next_inst_id if base is not None else 1)) if form.has_instances else []
    return Btf(types, None, inst, base=base, byte_order=byte_order, form=form, layout=layout)


@st.composite
def split_btfs(draw: st.DrawFn) -> Btf:
    """On a base, which may stand on one itself, and may have no types."""
    btf = draw(btfs())
    for _ in range(draw(st.integers(1, 2))):
        btf = draw(btfs(base=btf))
    return btf


def _blocks(record: st.SearchStrategy[tuple], tail: int) -> st.SearchStrategy[list]:
    with_tail = st.tuples(record, st.binary(min_size=tail, max_size=tail)).map(
        lambda both: both[0]._replace(tail=both[1])
    )
    return st.lists(st.tuples(NAME, st.lists(with_tail, min_size=1, max_size=3)), max_size=3)


@st.composite
def _symbols(draw: st.DrawFn, tagged: bool, tail: int) -> list[SymRecord]:
    kind = st.sampled_from(InstanceKind) if tagged else st.none()
    return draw(st.lists(st.builds(SymRecord, U32, U32, kind, st.binary(min_size=tail, max_size=tail)), max_size=3))


@st.composite
def exts(draw: st.DrawFn) -> BtfExt:
    tail = st.sampled_from([0, 0, 4, 12])
    tagged = draw(BOOL)
    return BtfExt(
        func_info=draw(_blocks(st.builds(FuncInfo, U32, U32), draw(tail))),
        line_info=draw(_blocks(st.builds(LineInfo, U32, NAME, NAME, uint(22), uint(10)), draw(tail))),
        core_relo=draw(_blocks(st.builds(CoreRelo, U32, U32, NAME, U32), draw(tail))),
        func_sym=draw(_symbols(False, draw(tail))),
        map_sym=draw(_symbols(False, draw(tail))),
        var_sym=draw(_symbols(False, draw(tail))),
        inst_sym=draw(_symbols(tagged, draw(tail) if tagged else 0)),
        byte_order=draw(ORDER),
    )


def fresh(data: bytes = b"\0") -> StringTable:
    return StringTable(data)
