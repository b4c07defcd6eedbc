"""What a struct and a union are in Python: a class for each type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from btfkit.errors import ValueTypeError

if TYPE_CHECKING:
    from btfkit.values.structs import StructCodec
    from btfkit.values.unions import UnionCodec


class Record(tuple[Any, ...]):
    """A struct's value: a tuple of its members, in order, that are attributes too. It does not change once made.

    Made by position or by name, ``flow(1, 2, port=80)``, or by `_replace`; what is given is checked, and kept as it
    would be read back. Compares and hashes as the tuple of its values does. ``record["name"]`` reaches a member whose
    name is no Python identifier, or is one that records need themselves.

    Members of an anonymous struct are the record's own. An anonymous union is one member, named by its position
    (``_1``); its views are attributes of the record. A name that is there twice is ``name_2`` the second time.
    """

    __slots__ = ()
    _codec: ClassVar[StructCodec]
    _fields: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, /, *args: Any, **members: Any) -> Self:
        return cls._codec.build(args, members)  # type: ignore[return-value]

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        return self._codec.member(self, key) if isinstance(key, str) else tuple.__getitem__(self, key)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        return _shown(self, self._codec.expand(self))

    def _asdict(self) -> dict[str, Any]:
        """The members by name, all the way down: dicts, lists and scalars, which `Codec.pack` takes again."""
        return {name: _plain(value) for name, value in self._codec.expand(self).items()}

    def _replace(self, /, **members: Any) -> Self:
        """A record with other values for those members."""
        return self._codec.replace(self, members)  # type: ignore[return-value]


class UnionRecord:
    """A union's value: its bytes; each member is a view of them, decoded when asked for. It does not change once made.

    Made from one member by name, ``addr(v4=1)``, or from bytes. Compares and hashes by its bytes, ``bytes(u)``.
    """

    __slots__ = ("_raw",)
    _codec: ClassVar[UnionCodec]
    _fields: ClassVar[tuple[str, ...]] = ()
    _raw: bytes

    def __new__(cls, raw: Any = None, /, **members: Any) -> Self:
        if (raw is None) is not bool(members):
            raise ValueTypeError("a union is made from one member, or from bytes", thing=cls._codec.thing)
        return cls._of(cls._codec.pack(members if raw is None else raw))

    @classmethod
    def _of(cls, raw: bytes) -> Self:
        self = object.__new__(cls)
        object.__setattr__(self, "_raw", raw)
        return self

    def __getattr__(self, name: str) -> Any:
        try:
            return self._codec.view(self._raw, name)
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} has no member {name!r}", name=name, obj=self) from None

    def __getitem__(self, name: str) -> Any:
        return self._codec.view(self._raw, name)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("a union record does not change once made", name=name, obj=self)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{type(self).__name__!r} is a union: ask for a member by its name")

    def __bytes__(self) -> bytes:
        return self._raw

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnionRecord):
            return NotImplemented
        return (
            self._raw == other._raw
            and self._fields == other._fields
            and self._codec.byte_order == other._codec.byte_order
        )

    def __hash__(self) -> int:
        return hash(self._raw)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._raw,)

    def __repr__(self) -> str:
        return _shown(self, self._codec.expand(self._raw))

    def _asdict(self) -> dict[str, Any]:
        """The first member that says all of the bytes, by name; ``{"_raw": bytes}`` where none does."""
        return {name: _plain(value) for name, value in self._codec.expand(self._raw).items()}


def _shown(record: Record | UnionRecord, members: dict[str, Any]) -> str:
    return f"{type(record).__name__}({', '.join(f'{name}={value!r}' for name, value in members.items())})"


def _plain(value: Any) -> Any:
    if isinstance(value, (Record, UnionRecord)):
        return value._asdict()
    return [_plain(elem) for elem in value] if isinstance(value, list) else value


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _hash_lists(record: Record) -> int:
    return hash(tuple(map(_frozen, record)))


_OWN = {name for name in dir(Record) if name.startswith("_")} | {"_codec"}


def record_class(name: str, codec: StructCodec, *, has_lists: bool) -> type[Record]:
    """The class of a struct's records.

    has_lists: a member's values are lists, which do not hash by themselves.
    """
    body: dict[str, Any] = {"__slots__": (), "_codec": codec, "_fields": codec.fields}
    if has_lists:
        body["__hash__"] = _hash_lists
    body["__match_args__"] = codec.fields
    for member, (index, view) in codec.names.items():
        if member not in _OWN and not (member.startswith("__") and member.endswith("__")):
            body[member] = _getter(index) if view is None else property(_viewer(index, view))
    return type(name, (Record,), body)


def union_class(name: str, codec: UnionCodec) -> type[UnionRecord]:
    """The class of a union's records."""
    return type(name, (UnionRecord,), {"__slots__": (), "_codec": codec, "_fields": tuple(codec.names)})


def _slow_getter(index: int, doc: str = "") -> Any:
    return property(lambda self: tuple.__getitem__(self, index))


def _getters() -> Callable[[int, str], Any]:
    """What CPython's named tuples read members with (four times as fast as a property), where there is such a thing."""
    try:
        from _collections import _tuplegetter  # type: ignore[import-not-found] # noqa: PLC0415
    except ImportError:
        return _slow_getter
    return _tuplegetter  # type: ignore[no-any-return]


_new_getter = _getters()


def _getter(index: int) -> Any:
    return _new_getter(index, f"Member {index}")


def _viewer(index: int, view: str) -> Callable[[Record], Any]:
    return lambda self: tuple.__getitem__(self, index)[view]
