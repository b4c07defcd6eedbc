"""CO-RE relocations resolved against types that are given: no compiler, no kernel."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from btfkit.codec import decode_btf, encode_btf
from btfkit.errors import LoadError
from btfkit.format.ext import CoreRelo as Kind
from btfkit.format.kinds import IntEncoding
from btfkit.load.core import CoreResolver, Resolution, Targets, relo_words, resolve_core
from btfkit.load.core.targets import MANY_NAMES, essential, ids_by_name
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import CoreRelo

U32, U64, S32, U8, PTR, ARRAY4, FLEX = range(1, 8)
BASIC: list[t.Type] = [
    t.Int("u32", 4),
    t.Int("u64", 8),
    t.Int("int", 4, IntEncoding.SIGNED),
    t.Int("u8", 1),
    t.Ptr(U32),
    t.Array(U32, U32, 4),
    t.Array(U32, U32, 0),
]
S = len(BASIC) + 1
"""Id of the first type of a test's own."""


def btf(*types: t.Type, byte_order: str = "little") -> Btf:
    return Btf([*BASIC, *types], byte_order=byte_order)


def struct(name: str, *members: tuple[str, int, int] | tuple[str, int, int, int], size: int = 64) -> t.Struct:
    """Members as name, type id, bit offset, bit size."""
    made = tuple(t.Member(*member) for member in members)
    return t.Struct(name, size, made, any(member.bit_size for member in made))


def relo(kind: Kind, access: str = "0", type_id: int = S) -> CoreRelo:
    return CoreRelo(0, type_id, access, kind)


def one(local: Btf, target: Btf, kind: Kind, access: str = "0", type_id: int = S) -> Resolution:
    (found,) = resolve_core(local, [relo(kind, access, type_id)], target)
    return found


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("a", "a"),
        ("a___b", "a"),
        ("a___b___c", "a___b"),
        ("___b", "___b"),
        ("a___", "a___"),
        ("a____b", "a____b"),
        ("a__b", "a__b"),
        ("", ""),
        ("a\n___b", "a\n"),
    ],
)
def test_essential_names(name: str, want: str) -> None:
    assert essential(name) == want


NAMES = ["a", "aa", "a___x", "ba___x", "", "a___", "b___x___y", "b", "b___x"]


@pytest.mark.parametrize("many", [False, True], ids=["search", "index"])
@pytest.mark.parametrize("raw", [False, True], ids=["values", "bytes"])
def test_types_by_name(raw: bool, many: bool) -> None:
    types = Btf([t.Int(name, 4) for name in NAMES])
    if raw:
        types = decode_btf(encode_btf(types))
    wanted = ["a", "b", "b___x", "none", *(f"n{i}" for i in range(MANY_NAMES if many else 0))]
    found = ids_by_name(types, wanted)
    assert {name: found[name] for name in wanted[:4]} == {"a": [1, 3], "b": [8, 9], "b___x": [7], "none": []}


@pytest.mark.parametrize("raw", [False, True], ids=["values", "bytes"])
def test_types_by_name_of_split_btf(raw: bool) -> None:
    """A module's own types, whose names may stand in the base's strings."""
    base = Btf([t.Int("a", 4)])
    if raw:
        base = decode_btf(encode_btf(base))
    split = Btf([t.Int("a", 4), t.Int("a___m", 4)], base=base)
    if raw:
        split = decode_btf(encode_btf(split), base=base)
    assert ids_by_name(split, ["a"]) == {"a": [2, 3]}


def test_modules_are_asked_where_the_kernel_has_none() -> None:
    asked = []
    base = btf(struct("known", ("x", U32, 0)))
    module = Btf([struct("known", ("x", U32, 32)), struct("s", ("x", U32, 96))], base=base)

    def modules() -> Iterable[tuple[str, Btf]]:
        asked.append(1)
        yield "mod", module

    local = btf(struct("known", ("x", U32, 0)), struct("s___mine", ("x", U32, 0)))
    resolver = CoreResolver(local, Targets(base, modules))
    assert resolver.resolve(relo(Kind.FIELD_BYTE_OFFSET, "0:0")).number == 0
    assert not asked
    assert resolver.resolve(relo(Kind.FIELD_BYTE_OFFSET, "0:0", S + 1)).number == 12
    assert resolver.resolve(relo(Kind.TYPE_ID_TARGET, "0", S + 1)).number == S + 2
    assert asked == [1]


# -- fields -------------------------------------------------------------------------------------------------------

LOCAL = btf(
    struct("s", ("a", U32, 0), ("in", S + 1, 64), ("array", ARRAY4, 128), ("", S + 2, 256), ("flex", FLEX, 512)),
    struct("inner___v1", ("p", PTR, 0), ("b", U32, 64, 3), ("s", S32, 96)),
    t.Union("", 8, (t.Member("deep", U64, 0),)),
)
TARGET = btf(
    struct("s", ("", S + 2, 64), ("in", S + 1, 160), ("array", S + 3, 320), ("flex", FLEX, 640), size=80),
    struct("other", ("b", U8, 5, 2), ("p", PTR, 64), ("s", U64, 128)),
    struct("", ("x", U8, 0), ("", S + 4, 8)),
    t.Array(U32, U32, 2),
    t.Union("", 8, (t.Member("a", S + 5, 0), t.Member("deep", U64, 16))),
    t.Typedef("u32_t", S + 6),
    t.Volatile(U32),
)
FIELDS: dict[str, tuple[Kind, str, Resolution]] = {
    "in anonymous members": (Kind.FIELD_BYTE_OFFSET, "0:0", Resolution(9, 0)),
    "out of one": (Kind.FIELD_BYTE_OFFSET, "0:3:0", Resolution(11, 32)),
    "member of a member": (Kind.FIELD_BYTE_OFFSET, "0:1:0", Resolution(28, 8)),
    "of another size": (
        Kind.FIELD_BYTE_OFFSET,
        "0:1:2",
        Resolution(36, 20, 4, 8, "s.in.s has 8 bytes in the given BTF, 4 in the object: only pointers and unsigned "
                   "integers can be read in another size"),
    ),
    "whole array": (Kind.FIELD_BYTE_SIZE, "0:2", Resolution(8, 16)),
    "element": (Kind.FIELD_BYTE_OFFSET, "0:2:1", Resolution(44, 20)),
    "element's size": (Kind.FIELD_BYTE_SIZE, "0:2:1", Resolution(4, 4)),
    "element of an array without size": (Kind.FIELD_BYTE_OFFSET, "0:4:7", Resolution(108, 92)),
    "next struct": (Kind.FIELD_BYTE_OFFSET, "2:0", Resolution(169, 128)),
    "element that is not there": (Kind.FIELD_EXISTS, "0:2:2", Resolution(0, 1)),
    "exists": (Kind.FIELD_EXISTS, "0:3:0", Resolution(1, 1)),
    "size": (Kind.FIELD_BYTE_SIZE, "0:1:2", Resolution(8, 4)),
    "sign": (Kind.FIELD_SIGNED, "0:1:2", Resolution(0, 1)),
    "shift right": (Kind.FIELD_RSHIFT_U64, "0:0", Resolution(32, 32)),
    "shift left": (Kind.FIELD_LSHIFT_U64, "0:0", Resolution(32, 32)),
    "bitfield's offset": (Kind.FIELD_BYTE_OFFSET, "0:1:1", Resolution(20, None)),
    "bitfield's load": (Kind.FIELD_BYTE_SIZE, "0:1:1", Resolution(1, None)),
    "bitfield's shift left": (Kind.FIELD_LSHIFT_U64, "0:1:1", Resolution(64 - 7, None)),
    "bitfield's shift right": (Kind.FIELD_RSHIFT_U64, "0:1:1", Resolution(62, 61)),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_fields(case: str) -> None:
    kind, access, want = FIELDS[case]
    assert one(LOCAL, TARGET, kind, access) == want


def test_shifts_depend_on_the_byte_order() -> None:
    types = struct("s", ("b", U32, 5, 3))
    little, big = btf(types), btf(types, byte_order="big")
    assert one(little, little, Kind.FIELD_LSHIFT_U64, "0:0").number == 64 - 8
    assert one(big, big, Kind.FIELD_LSHIFT_U64, "0:0").number == 32 + 5


@pytest.mark.parametrize(("off", "bits", "want"), [(30, 3, (0, 8)), (60, 4, (4, 4)), (7, 2, (0, 4))])
def test_bitfields_are_loaded_whole(off: int, bits: int, want: tuple[int, int]) -> None:
    types = btf(struct("s", ("b", U32, off, bits)))
    kinds = (Kind.FIELD_BYTE_OFFSET, Kind.FIELD_BYTE_SIZE)
    assert tuple(one(types, types, kind, "0:0").number for kind in kinds) == want


def test_pointers_of_a_kernel_of_32_bits() -> None:
    local = btf(struct("s", ("p", PTR, 0)))
    target = btf(struct("s", ("x", U32, 0), ("p", PTR, 32)), t.Int("long int", 4))
    assert one(local, target, Kind.FIELD_BYTE_OFFSET, "0:0") == Resolution(4, 0, 8, 4)


LACKS: dict[str, tuple[Btf, Kind, str, str]] = {
    "type": (btf(), Kind.FIELD_BYTE_OFFSET, "0:0", "needs 'struct s', which the given BTF does not have"),
    "kind": (btf(t.Fwd("s")), Kind.FIELD_BYTE_OFFSET, "0:0", "needs 'struct s', which the given BTF does not have"),
    "member": (
        btf(struct("s", ("x", U32, 0))),
        Kind.FIELD_BYTE_SIZE,
        "0:2:1",
        "needs field 'array[1]' of 'struct s', which the given BTF does not have",
    ),
    "member's type": (
        btf(struct("s", ("a", PTR, 0))),
        Kind.FIELD_SIGNED,
        "0:0",
        "needs field 'a' of 'struct s', which the given BTF does not have",
    ),
    "array": (btf(struct("s", ("array", U32, 0))), Kind.FIELD_BYTE_OFFSET, "0:2:1", "needs field 'array[1]'"),
}


@pytest.mark.parametrize("case", LACKS)
def test_what_is_missing_is_poison(case: str) -> None:
    target, kind, access, want = LACKS[case]
    assert one(LOCAL, target, kind, access).lack.startswith(want)


@pytest.mark.parametrize(
    ("mine", "theirs", "want"),
    [
        (t.Int("a", 4), t.Int("b", 8, IntEncoding.SIGNED), True),
        (t.Int("a", 4), t.Int("b", 4, bits=3, bit_off=2), False),
        (t.Float("float", 4), t.Float("double", 8), True),
        (t.Enum("e___1", 4), t.Enum64("e", 8), True),
        (t.Enum("e", 4), t.Enum("f", 4), False),
        (t.Enum("", 4), t.Enum("f", 4), True),
        (t.Ptr(U32), t.Ptr(0), True),
        (t.Struct("x", 4), t.Union("y", 8), True),
        (t.Array(U32, U32, 4), t.Array(U64, U32, 1), True),
        (t.Array(U32, U32, 4), t.Array(PTR, U32, 4), False),
        (t.Int("a", 4), t.Enum("b", 4), False),
    ],
    ids=lambda value: value.kind.name if isinstance(value, t.Type) else str(value),
)
def test_which_fields_are_compatible(mine: t.Type, theirs: t.Type, want: bool) -> None:
    local = btf(struct("s", ("m", S + 1, 0)), mine)
    target = btf(struct("s", ("m", S + 1, 0)), theirs)
    assert one(local, target, Kind.FIELD_EXISTS, "0:0").number == want


# -- types and enumerators ----------------------------------------------------------------------------------------


def test_types() -> None:
    target = btf(t.Struct("x", 1), struct("s___old", size=24))
    assert one(LOCAL, target, Kind.TYPE_ID_LOCAL).number == S
    assert one(LOCAL, target, Kind.TYPE_ID_TARGET) == Resolution(S + 1)
    assert one(LOCAL, target, Kind.TYPE_EXISTS) == Resolution(1, 1)
    assert one(LOCAL, target, Kind.TYPE_SIZE) == Resolution(24, 64)
    for kind in (Kind.TYPE_ID_TARGET, Kind.TYPE_EXISTS, Kind.TYPE_SIZE, Kind.TYPE_MATCHES):
        assert one(LOCAL, btf(), kind).number == 0
        assert not one(LOCAL, btf(), kind).lack


CALLBACK = (t.Typedef("cb", S + 1), t.Ptr(S + 2))
EXISTS: dict[str, tuple[list[t.Type], list[t.Type], bool]] = {
    "callback": (
        [*CALLBACK, t.FuncProto(U32, (t.Param("a", U64),))],
        [*CALLBACK, t.FuncProto(S32, (t.Param("b", U8),))],
        True,
    ),
    "fewer parameters": ([*CALLBACK, t.FuncProto(U32, (t.Param("a", U64),))], [*CALLBACK, t.FuncProto(U32)], False),
    "other parameter": (
        [*CALLBACK, t.FuncProto(U32, (t.Param("a", U64),))],
        [*CALLBACK, t.FuncProto(U32, (t.Param("a", PTR),))],
        False,
    ),
    "takes itself": (
        [*CALLBACK, t.FuncProto(0, (t.Param("a", S), t.Param("b", S)))],
        [*CALLBACK, t.FuncProto(0, (t.Param("a", S), t.Param("b", S)))],
        True,
    ),
    "array": ([t.Typedef("a", ARRAY4)], [t.Typedef("a", FLEX)], True),
    "void": ([t.Typedef("a", 0)], [t.Typedef("a", 0)], True),
    "other kind": ([t.Typedef("a", U32)], [t.Typedef("a", PTR)], False),
    "float": ([t.Float("double", 8)], [t.Float("double", 8)], False),  # libbpf's verdict
}


@pytest.mark.parametrize("case", EXISTS)
def test_which_types_exist(case: str) -> None:
    mine, theirs, want = EXISTS[case]
    assert one(btf(*mine), btf(*theirs), Kind.TYPE_EXISTS).number == want


def holder(*members: tuple[str, int, int]) -> t.Struct:
    return struct("h", *members)


MATCHES: dict[str, tuple[list[t.Type], list[t.Type], bool]] = {
    "same": ([holder(("a", U32, 0))], [holder(("b", U64, 0), ("a", U32, 64))], True),
    "more than the target": ([holder(("a", U32, 0), ("b", U32, 32))], [holder(("a", U32, 0))], False),
    "sign": ([holder(("a", U32, 0))], [holder(("a", S32, 0))], False),
    "pointer to a declaration": (
        [holder(("p", S + 1, 0)), t.Ptr(S + 2), t.Fwd("q")],
        [holder(("p", S + 1, 0)), t.Ptr(S + 2), struct("q___2")],
        True,
    ),
    "pointer to another kind": (
        [holder(("p", S + 1, 0)), t.Ptr(S + 2), t.Fwd("q")],
        [holder(("p", S + 1, 0)), t.Ptr(S + 2), t.Union("q", 4)],
        False,
    ),
    "pointer to itself": ([holder(("p", S + 1, 0)), t.Ptr(S)], [holder(("p", S + 1, 0)), t.Ptr(S)], True),
    "anonymous members": (
        [holder(("", S + 1, 0)), t.Union("", 8, (t.Member("b", U32, 0),))],
        [
            holder(("", S + 1, 0), ("", S + 2, 64)),
            t.Union("", 8, (t.Member("a", U32, 0),)),
            t.Union("", 8, (t.Member("b", U32, 0),)),
        ],
        True,
    ),
    "arrays of other lengths": ([holder(("a", ARRAY4, 0))], [holder(("a", FLEX, 0))], False),
    "enumerators by name": (
        [t.Enum("e", 4, (t.EnumValue("A___1", 1),))],
        [t.Enum("e", 4, (t.EnumValue("B", 1), t.EnumValue("A", 2)))],
        True,
    ),
    "enumerations of other sizes": ([t.Enum("e", 4)], [t.Enum64("e", 8)], False),
    "functions": (
        [holder(("f", S + 1, 0)), t.Ptr(S + 2), t.FuncProto(U32, (t.Param("x", U8),))],
        [holder(("f", S + 1, 0)), t.Ptr(S + 2), t.FuncProto(U32, (t.Param("y", U8),))],
        True,
    ),
}


@pytest.mark.parametrize("case", MATCHES)
def test_which_types_match(case: str) -> None:
    mine, theirs, want = MATCHES[case]
    assert one(btf(*mine), btf(*theirs), Kind.TYPE_MATCHES).number == want


def enum(*values: tuple[str, int], signed: bool = False, name: str = "e") -> t.Enum:
    return t.Enum(name, 4, tuple(t.EnumValue(*value) for value in values), signed)


def test_enumerators() -> None:
    local = btf(enum(("A___x", 1), ("B", -2), signed=True), t.Typedef("e_t", S))
    target = btf(t.Enum64("e", 8, (t.EnumValue("Z", 9), t.EnumValue("A", 1 << 40))), t.Typedef("e_t", S))
    assert one(local, target, Kind.ENUMVAL_VALUE, "0") == Resolution(1 << 40, 1)
    assert one(local, target, Kind.ENUMVAL_VALUE, "0", S + 1) == Resolution(1 << 40, 1)
    assert one(local, target, Kind.ENUMVAL_EXISTS, "0") == Resolution(1, 1)
    assert one(local, target, Kind.ENUMVAL_EXISTS, "1") == Resolution(0, 1)
    assert one(local, target, Kind.ENUMVAL_VALUE, "1").lack == (
        "needs enumerator 'B' of 'enum e', which the given BTF does not have"
    )


def test_enumerators_without_a_sign() -> None:
    """Kernels' BTF from before 2022 says of none that it is signed; the object's own type knows."""
    unsigned, signed = btf(enum(("A", 1))), btf(enum(("A", -1), signed=True))
    target = btf(enum(("A", 0xFFFF_FFFE)))
    assert one(unsigned, target, Kind.ENUMVAL_VALUE).number == 0xFFFF_FFFE
    assert one(signed, target, Kind.ENUMVAL_VALUE).number == -2


# -- several candidates -------------------------------------------------------------------------------------------


def test_candidates_that_agree() -> None:
    target = btf(struct("s", ("a", U32, 32)), struct("s___2", ("a", S32, 32)), struct("s___3", ("b", U32, 0)))
    assert one(LOCAL, target, Kind.FIELD_BYTE_OFFSET, "0:0") == Resolution(4, 0)


@pytest.mark.parametrize("kind", [Kind.FIELD_BYTE_OFFSET, Kind.FIELD_EXISTS, Kind.TYPE_ID_TARGET])
def test_candidates_that_do_not(kind: Kind) -> None:
    target = btf(struct("s", ("a", U32, 32)), struct("s___2", ("a", U32, 64)))
    with pytest.raises(LoadError) as caught:
        one(LOCAL, target, kind, "0" if kind == Kind.TYPE_ID_TARGET else "0:0")
    assert f"type {S} STRUCT 's' of the given BTF says" in caught.value.reason
    assert f"type {S + 1} STRUCT 's___2' of the given BTF says" in caught.value.reason


def test_candidates_that_one_relocation_rules_out() -> None:
    target = btf(struct("s", ("a", U32, 32)), struct("s___2", ("a", U32, 64), ("array", ARRAY4, 0)))
    relos = [relo(Kind.FIELD_BYTE_OFFSET, "0:2"), relo(Kind.FIELD_BYTE_OFFSET, "0:0")]
    assert [found.number for found in resolve_core(LOCAL, relos, target)] == [0, 8]
    with pytest.raises(LoadError, match="it is ambiguous"):
        resolve_core(LOCAL, relos[::-1], target)


# -- nonsense -----------------------------------------------------------------------------------------------------

NONSENSE: dict[str, tuple[Kind | int, str, int, str]] = {
    "no number": (Kind.FIELD_EXISTS, "0:x", S, "'0:x' is not made of numbers and colons"),
    "nothing": (Kind.FIELD_EXISTS, "", S, "'' is not made of numbers"),
    "too long": (Kind.FIELD_EXISTS, ":".join(["0"] * 65), S, "is not made of numbers"),
    "past the members": (Kind.FIELD_EXISTS, "0:5", S, "leads to 5 in type 8 STRUCT 's', which has none such"),
    "past the elements": (Kind.FIELD_EXISTS, "0:2:4", S, "leads to 4 in type 6 ARRAY"),
    "into an integer": (Kind.FIELD_EXISTS, "0:0:0", S, "leads to 0 in type 1 INT 'u32'"),
    "member of a type": (Kind.TYPE_SIZE, "0:1", S, "access '0:1' of a relocation to a whole type"),
    "enumerator of a struct": (Kind.ENUMVAL_VALUE, "0", S, "no value of an enumeration in type 8 STRUCT"),
    "no name": (Kind.TYPE_EXISTS, "0", S + 2, "its type has no name"),
    "kind": (13, "0", S, "its kind is not known"),
    "sign of an element": (Kind.FIELD_SIGNED, "0:2:1", S, "an offset and a size, and nothing else"),
    "large": (Kind.FIELD_BYTE_OFFSET, "4294967296:0", S, "more than 31 bits"),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_an_error(case: str) -> None:
    kind, access, type_id, want = NONSENSE[case]
    with pytest.raises(LoadError) as caught:
        resolve_core(LOCAL, [CoreRelo(0, type_id, access, kind)], TARGET)
    assert want in caught.value.reason
    assert caught.value.reason.startswith("CO-RE relocation (")


def test_nesting_has_an_end() -> None:
    """A struct that holds itself, which no compiler makes."""
    target = btf(struct("s", ("", S, 0)))
    with pytest.raises(LoadError, match="nested too deeply"):
        one(LOCAL, target, Kind.FIELD_EXISTS, "0:0")


def test_words() -> None:
    local = btf(*[LOCAL[i] for i in range(S, S + 3)], enum(("A", 1)))
    assert relo_words(local, relo(Kind.FIELD_BYTE_OFFSET, "0:1:0")) == "s.in.p byte_off"
    assert relo_words(local, relo(Kind.FIELD_EXISTS, "3:2:1")) == "s[3].array[1] field_exists"
    assert relo_words(local, relo(Kind.TYPE_SIZE)) == "s type_size"
    assert relo_words(local, relo(Kind.ENUMVAL_VALUE, "0", S + 3)) == "e::A enumval_value"
    assert relo_words(local, relo(Kind.FIELD_EXISTS, "0:9")) == "type 8 STRUCT 's', access '0:9', field_exists"


def test_a_resolution_is_made_once() -> None:
    resolver = CoreResolver(LOCAL, Targets(TARGET))
    first = resolver.resolve(relo(Kind.FIELD_BYTE_OFFSET, "0:0"))
    assert resolver.resolve(relo(Kind.FIELD_BYTE_OFFSET, "0:0")) is first
