"""The table of helpers: its lines, read."""

from __future__ import annotations

import pytest

from btfkit.bpf.helper_table import HELPERS, Arg, Helper, parse_helper

KINDS = {
    *("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "be16"),
    *("ctx", "map", "key", "value", "mem", "out", "inout", "str", "size", "func", "addr", "ksym", "..."),
}


def test_lines() -> None:
    assert HELPERS["ktime_get_ns"] == Helper(5, "ktime_get_ns", "u64", ())
    assert HELPERS["trace_printk"] == Helper(
        6, "trace_printk", "i64", (Arg("fmt", "str"), Arg("fmt_size", "size"), Arg("...", "...")), True
    )
    assert HELPERS["map_lookup_elem"] == Helper(1, "map_lookup_elem", "value?", (Arg("map", "map"), Arg("key", "key")))
    assert HELPERS["getsockopt"].args[0] == Arg("bpf_socket", "ctx", other_kind="sock_common*")
    assert HELPERS["redirect_neigh"].args[1] == Arg("params", "mem", nullable=True)
    assert HELPERS["task_storage_get"].args[1] == Arg("task", "task_struct*", nullable=True)


def test_is_a_mapping() -> None:
    assert len(HELPERS) == 211
    assert [HELPERS[name].number for name in HELPERS] == list(range(1, 212))
    assert all(helper.name == name for name, helper in HELPERS.items())
    assert "redirect" in HELPERS
    assert "bpf_redirect" not in HELPERS
    assert HELPERS["redirect"] is HELPERS["redirect"]
    with pytest.raises(KeyError):
        HELPERS["no_such"]


@pytest.mark.parametrize("name", HELPERS)
def test_kinds(name: str) -> None:
    """Known words only, and what belongs together stands together."""
    helper = HELPERS[name]
    assert len(helper.args) <= 5
    kinds = [arg.kind for arg in helper.args]
    for i, arg in enumerate(helper.args):
        assert arg.kind in KINDS or arg.kind.endswith("*"), arg
        assert not arg.other_kind or arg.other_kind in KINDS or arg.other_kind.endswith("*"), arg
        if arg.kind == "size":
            assert kinds[i - 1] in {"mem", "out", "inout", "str"}
        if arg.kind in {"key", "value"}:
            assert "map" in kinds[:i]
    result = helper.returns.removesuffix("?")
    assert result in {"void", "u32", "u64", "i32", "i64", "value", "mem"} or result.endswith("*")


@pytest.mark.parametrize("line", ["", "x f() -> u32", "1 f() u32", "1 f( -> u32"])
def test_not_a_line(line: str) -> None:
    with pytest.raises(ValueError, match="not a helper"):
        parse_helper(line)
