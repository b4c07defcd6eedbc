"""Relocations and the target's types → what each instruction is to hold.

In: the object's types, its records, `Targets`. Out: a `Resolution` each. Whatever the target lacks makes no error: the
instruction is to be poisoned, and the kernel refuses it only where it is reached. Source: libbpf's
bpf_core_calc_relo_insn.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final, NamedTuple

from btfkit.errors import BtfkitError, LoadError
from btfkit.format.ext import CoreRelo as Kind
from btfkit.load.core.place import ENUM_KINDS, FIELD_KINDS, Place, local_place, path_words, target_place
from btfkit.load.core.targets import Candidate, Side, Targets, core_kind, essential
from btfkit.load.core.value import Value, can_resize, value
from btfkit.model import types as t
from btfkit.model.btf import Btf
from btfkit.model.ext import CoreRelo

KIND_WORDS: Final = {
    Kind.FIELD_BYTE_OFFSET: "byte_off",
    Kind.FIELD_BYTE_SIZE: "byte_sz",
    Kind.FIELD_EXISTS: "field_exists",
    Kind.FIELD_SIGNED: "signed",
    Kind.FIELD_LSHIFT_U64: "lshift_u64",
    Kind.FIELD_RSHIFT_U64: "rshift_u64",
    Kind.TYPE_ID_LOCAL: "local_type_id",
    Kind.TYPE_ID_TARGET: "target_type_id",
    Kind.TYPE_EXISTS: "type_exists",
    Kind.TYPE_SIZE: "type_size",
    Kind.ENUMVAL_EXISTS: "enumval_exists",
    Kind.ENUMVAL_VALUE: "enumval_value",
    Kind.TYPE_MATCHES: "type_matches",
}
"""libbpf's."""

ZERO_IF_MISSING: Final = {
    Kind.FIELD_EXISTS,
    Kind.TYPE_ID_TARGET,
    Kind.TYPE_EXISTS,
    Kind.TYPE_SIZE,
    Kind.TYPE_MATCHES,
    Kind.ENUMVAL_EXISTS,
}


class Resolution(NamedTuple):
    """What an instruction is to hold.

    number:   its new number; expected: what the compiler left there (None: anything)
    old_size, size: bytes that a load or store moved, and is to move; 0: it is left as it is
    bad_size: why a load or store cannot move the new number of bytes; lack: why there is no number at all (poison)
    """

    number: int = 0
    expected: int | None = None
    old_size: int = 0
    size: int = 0
    bad_size: str = ""
    lack: str = ""


class CoreResolver:
    """Resolves one object's relocations. names: relocations to come, whose types are looked for at one go.

    A candidate for a type that did not fit a relocation, where another one did, is none any more (as in libbpf).
    """

    def __init__(self, btf: Btf, targets: Targets, relos: Iterable[CoreRelo] = ()) -> None:
        self.local = Side(btf, "this object", pointer_size=8)
        self.targets = targets
        self._left: dict[int, list[Candidate]] = {}
        self._done: dict[tuple[int, str, int], Resolution] = {}
        ids = {relo.type_id for relo in relos}
        targets.expect({essential(btf[type_id].name) for type_id in ids if type_id in btf} - {""})

    def resolve(self, relo: CoreRelo) -> Resolution:
        """LoadError where candidates disagree, and for a relocation that makes no sense."""
        key = relo.type_id, relo.access, relo.kind
        if key not in self._done:
            try:
                self._done[key] = self._resolve(relo)
            except LoadError as error:
                error.errno = error.errno or errno.EINVAL
                error.reason = f"CO-RE relocation ({relo_words(self.local.btf, relo)}): {error.reason}"
                raise
        return self._done[key]

    def _resolve(self, relo: CoreRelo) -> Resolution:
        if relo.kind not in KIND_WORDS:
            raise LoadError("its kind is not known")
        if relo.kind == Kind.TYPE_ID_LOCAL:
            return Resolution(relo.type_id)
        name = essential(self.local.btf[relo.type_id].name)
        if not name:
            raise LoadError("its type has no name to be found by")
        mine = local_place(self.local, relo)
        if relo.type_id not in self._left:
            kind = core_kind(self.local.btf[relo.type_id])
            self._left[relo.type_id] = self.targets.candidates(name, kind)
        candidates = self._left[relo.type_id]
        found = [(c, place) for c in candidates if (place := target_place(mine, relo.kind, c)) is not None]
        was = value(relo.kind, mine)
        expected = was.number if was.is_sure else None
        if not found:
            if relo.kind in ZERO_IF_MISSING:
                return Resolution(0, expected)
            return Resolution(lack=self._lack(mine, relo, bool(candidates)))
        out = [self._decide(relo, mine, was, expected, place) for _, place in found]
        said = [(decided.number, place.bit_off) for decided, (_, place) in zip(out, found, strict=True)]
        if len(set(said)) > 1:
            told = "; ".join(f"{c} says {n} (bit {bit})" for (c, _), (n, bit) in zip(found, said, strict=True))
            raise LoadError(f"it is ambiguous: {told}")
        self._left[relo.type_id] = [candidate for candidate, _ in found]
        return out[0]

    def _decide(self, relo: CoreRelo, mine: Place, was: Value, expected: int | None, place: Place) -> Resolution:
        now = value(relo.kind, place)
        number = now.number
        if relo.kind == Kind.ENUMVAL_VALUE:
            number = _as_signed(number, mine, place)
        if was.size == now.size:
            return Resolution(number, expected)
        bad = ""
        if not can_resize(self.local, was, place.side, now):
            bad = (
                f"{mine.words} has {now.size} bytes in {self.targets.name}, {was.size} in the object: "
                "only pointers and unsigned integers can be read in another size"
            )
        return Resolution(number, expected, was.size, now.size, bad)

    def _lack(self, mine: Place, relo: CoreRelo, has_type: bool) -> str:
        btf = self.local.btf
        what = _c_name(btf, relo.type_id)
        if relo.kind in ENUM_KINDS:
            what = f"enumerator '{mine.steps[0].name}' of {what}"
        elif relo.kind in FIELD_KINDS and has_type:
            what = f"field '{path_words(mine.steps).removeprefix('.')}' of {what}"
        return f"needs {what}, which {self.targets.name} does not have"


def _as_signed(number: int, mine: Place, place: Place) -> int:
    """Compilers from before 2022 tell no signs; where the object's enumeration has some, the target's has.

    libbpf (1.8) takes every enum of 32 bits for signed, and so refuses code with an enumerator of 2**31 or more.
    """
    local, target = mine.side.btf[mine.steps[0].type_id], place.side.btf[place.steps[0].type_id]
    if isinstance(target, t.Enum) and isinstance(local, (t.Enum, t.Enum64)) and local.is_signed and number >> 31 == 1:
        return number - (1 << 32)
    return number


def _c_name(btf: Btf, type_id: int) -> str:
    type_ = btf[type_id]
    word = {t.Struct: "struct ", t.Union: "union ", t.Enum: "enum ", t.Enum64: "enum ", t.Fwd: "struct "}
    return f"'{word.get(type(type_), '')}{essential(type_.name)}'"


def relo_words(btf: Btf, relo: CoreRelo) -> str:
    """``task_struct.pid byte_off``; for what cannot be read, its numbers."""
    kind = KIND_WORDS.get(relo.kind, f"kind {relo.kind}")  # type: ignore[call-overload]
    try:
        return f"{local_place(Side(btf, 'this object', 8), relo).words} {kind}"
    except BtfkitError:
        return f"{btf.describe(relo.type_id)}, access {relo.access!r}, {kind}"


def resolve_core(btf: Btf, relos: Iterable[CoreRelo], targets: Targets | Btf) -> list[Resolution]:
    """What each relocation of an object comes to. btf: the object's types."""
    relos = list(relos)
    if isinstance(targets, Btf):
        targets = Targets(targets, name="the given BTF")
    resolver = CoreResolver(btf, targets, relos)
    return [resolver.resolve(relo) for relo in relos]


__all__ = ["CoreResolver", "Resolution", "relo_words", "resolve_core"]
