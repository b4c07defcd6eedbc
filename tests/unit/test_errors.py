"""Errors say where; each layer adds what it knows."""

from __future__ import annotations

import pytest

from btfkit import errors


def test_text() -> None:
    error = errors.FormatError("reason", section=".BTF", off=0x1A4C, type_id=812)
    assert str(error) == ".BTF+0x1a4c: reason"
    error.at(path="prog.o", thing="type 812 STRUCT 'foo'", section="other", field="member 3")
    assert str(error) == "prog.o: .BTF+0x1a4c: type 812 STRUCT 'foo': member 3: reason"
    assert str(errors.FormatError("reason", path="prog.o", off=16)) == "prog.o: byte 0x10: reason"
    assert str(errors.BtfkitError("reason")) == "reason"


def test_family() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), errors.BtfkitError)
    for cls, builtin in (
        (errors.EncodeError, ValueError),
        (errors.ValueTypeError, ValueError),
        (errors.TypeNotFoundError, KeyError),
        (errors.AmbiguousTypeError, KeyError),
        (errors.LoadError, OSError),
    ):
        with pytest.raises(builtin):
            raise cls("reason")
        assert str(cls("reason")) == "reason"
    load = errors.LoadError("refused", errno=13, log="many\nlines", source="flows.c:31: x = 1;")
    assert (load.errno, load.log) == (13, "many\nlines")
    assert str(load) == "refused (at flows.c:31: x = 1;)"
    assert str(errors.TypeNotFoundError("there is no type 'x'", near=["y"])) == "there is no type 'x' (near: y)"
    check = errors.CheckError([("rule", "text"), ("other", "more")], path="a.o")
    assert str(check) == "a.o: text [rule]; more [other]"
    assert str(errors.SourceError("failed", diagnostics=["a.c:1: error"])) == "failed\na.c:1: error"
