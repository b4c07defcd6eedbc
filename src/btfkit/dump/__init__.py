"""A `Btf` as text: bpftool's raw lines, a C header, JSON that reads back to the same bytes."""

from btfkit.dump.c import dump_c
from btfkit.dump.json import dump_json, load_json
from btfkit.dump.raw import dump_raw, raw_text

__all__ = ["dump_c", "dump_json", "dump_raw", "load_json", "raw_text"]
