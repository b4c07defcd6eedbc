"""A `Btf` as text: bpftool's raw lines, a C header, JSON that reads back to the same bytes."""

from btfkit.dump.raw import dump_raw, raw_text

__all__ = ["dump_raw", "raw_text"]
