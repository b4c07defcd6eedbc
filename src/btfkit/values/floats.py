"""FLOAT: half, single and double as float; what Python has no type for as its bytes."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

from btfkit.errors import ValueTypeError
from btfkit.values.base import PACK_ERRORS, Bytes, Codec, Site

_CODES = {2: "e", 4: "f", 8: "d"}


class FloatCodec(Codec):
    """A float. Takes anything with ``__float__``. (A signalling NaN may come back as a quiet one.)"""

    direct = True

    def __init__(self, site: Site, size: int) -> None:
        super().__init__(site, size, _CODES[size])

    def lower(self, value: Any) -> Any:
        try:
            self._struct.pack(value)
        except OverflowError:
            raise ValueTypeError(f"{value!r} does not fit {self.name} ({self.size} bytes)") from None
        except PACK_ERRORS:
            self.refuse(value, f"a number ({self.name})")
        return value

    def to_json(self, value: Any) -> Any:
        """inf and nan, which JSON does not have, as text."""
        return value if math.isfinite(value) else str(value)

    def loosen(self, obj: Any) -> Any:
        if isinstance(obj, str):
            try:
                return float(obj)
            except ValueError:
                pass
        return obj

    @staticmethod
    def known(size: int) -> bool:
        return size in _CODES


class RawCodec(Codec):
    """A value that Python has no type for (FLOAT of 10, 12 or 16 bytes): bytes, as they lie in memory; hex in JSON."""

    direct = False

    def lower(self, value: Any) -> bytes:
        if isinstance(value, str):
            with suppress(ValueError):
                value = bytes.fromhex(value.removeprefix("0x"))
        if not isinstance(value, Bytes) or len(bytes(value)) != self.size:
            self.refuse(value, f"{self.size} bytes ({self.name})")
        return bytes(value)

    def encode(self, value: Any) -> bytes:
        return self.lower(value)

    def to_json(self, value: Any) -> Any:
        return value.hex()

    def format(self, value: Any) -> str:
        return f"0x{value.hex()}"
