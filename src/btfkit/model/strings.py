"""The string section: offset to text, text to offset. Append-only, so an offset once given stays true.

A split table's offsets go on from its base's end, so a table that another one stands on is closed: it grows no more.
"""

from __future__ import annotations

from btfkit.errors import BadReferenceError, EncodeError


class StringTable:
    """NUL-terminated strings back to back; the first is the empty one. A split table numbers on from its base's end.

    Bytes that are not UTF-8 are kept as lone surrogates, so that they come out again as they went in.
    """

    __slots__ = ("_added", "_closed", "_data", "_index", "base", "start")

    def __init__(self, data: bytes = b"\0", base: StringTable | None = None) -> None:
        self._data = data
        self._added = bytearray()
        self._index: dict[bytes, int] | None = None
        self._closed = False
        self.base = base
        self.start = 0
        if base is not None:
            self.start = base.end
            base._closed = True

    @property
    def end(self) -> int:
        """The first offset past the table."""
        return self.start + len(self._data) + len(self._added)

    @property
    def data(self) -> bytes:
        """The table's own bytes."""
        if self._added:
            self._data = self._data + bytes(self._added)
            self._added.clear()
        return self._data

    def get(self, off: int) -> str:
        """The text at byte ``off``: of a whole string, or of the tail of one. BadReferenceError past the end."""
        if off < self.start and self.base is not None:
            return self.base.get(off)
        data = self.data
        pos = off - self.start
        end = data.find(b"\0", pos)
        if end < 0:
            raise BadReferenceError(f"string offset 0x{off:x} is past the end 0x{self.end:x} of the strings")
        return data[pos:end].decode("utf-8", "surrogateescape")

    def holds(self, off: int) -> bool:
        return off < self.end

    def texts(self) -> dict[int, str]:
        """Offset to text of every whole string of this table and its base, made at one go."""
        out = self.base.texts() if self.base is not None else {}
        pos = self.start
        for raw in self.data[:-1].split(b"\0") if self.data else ():
            out[pos] = raw.decode("utf-8", "surrogateescape")
            pos += len(raw) + 1
        return out

    def places(self, text: str) -> list[int]:
        """Every offset at which ``text`` can be read, tails of longer strings among them."""
        out = self.base.places(text) if self.base is not None else []
        raw = _raw(text)
        if raw is None:
            return []
        needle = raw + b"\0"
        data = self.data
        pos = data.find(needle)
        while pos >= 0:
            out.append(self.start + pos)
            pos = data.find(needle, pos + 1)
        return out

    def find(self, text: str) -> int | None:
        """The offset of the first whole string that is ``text``."""
        if not text and self.start == 0:
            return 0
        if self.base is not None:
            found = self.base.find(text)
            if found is not None:
                return found
        raw = _raw(text)
        return None if raw is None else self._strings().get(raw)

    def add(self, text: str) -> int:
        """The offset of ``text``, which is appended unless it is there.

        EncodeError if it holds a NUL or a lone surrogate that stands for no byte, or if the table is closed.
        """
        found = self.find(text)
        if found is not None:
            return found
        raw = _raw(text)
        if raw is None:
            raise EncodeError(f"name {text!r} holds a NUL or a character that is none")
        if self._closed:
            raise EncodeError(f"{text!r} cannot be added to strings that a split table stands on")
        off = self.end
        self._strings()[raw] = off
        self._added += raw + b"\0"
        return off

    def _strings(self) -> dict[bytes, int]:
        if self._index is None:
            self._index = {}
            pos = self.start
            for raw in self.data[:-1].split(b"\0") if self.data else ():
                self._index.setdefault(raw, pos)
                pos += len(raw) + 1
        return self._index


def _raw(text: str) -> bytes | None:
    """The text's bytes without the NUL; None where no string of a table can be it."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return None if b"\0" in raw else raw
