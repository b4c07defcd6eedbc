"""``struct bpf_map_def``: the attributes of a map, in the section ``maps``.

Source: docs/format.md, section 6.
"""

from __future__ import annotations

from btfkit.format.fields import number, size_of

SECTION_MAPS = "maps"
SECTION_DOT_MAPS = ".maps"

CLASSIC_FIELDS = (
    number("type"),
    number("key_size"),
    number("value_size"),
    number("max_entries"),
    number("map_flags"),
)
EXTENDED_FIELDS = (
    *CLASSIC_FIELDS,
    number("numa_node"),
    number("pinning"),
    number("reserved"),
    number("map_extra", "Q"),
    number("inner", "Q"),
)
CLASSIC_SIZE = size_of(CLASSIC_FIELDS)
EXTENDED_SIZE = size_of(EXTENDED_FIELDS)
INNER_OFF = 40
VALUES_OFF = EXTENDED_SIZE
VALUE_SIZE = 8

DIALECTS: dict[str, tuple[str, ...]] = {
    "samples": ("inner_map_idx", "numa_node"),
    "iproute2": ("id", "pinning", "inner_id", "inner_idx"),
    "aya": ("id", "pinning"),
}
"""The words that other producers put behind the fifth; a definition of 28 or 36 bytes does not say which it is."""
