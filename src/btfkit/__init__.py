"""BTF with the layer it lacks: instances, maps as types, symbols; and the tools that make it useful.

    import btfkit
    obj = btfkit.open("flows.o")
    with obj.load() as bpf:
        bpf.programs["count"].test_run(packet)
        for key, value in bpf.maps["flows"].items(): ...

Names are imported when first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # importing `typing` for it would take ten times as long as all the rest
if TYPE_CHECKING:
    from typing import Any

    from btfkit import convert, dump
    from btfkit.api import Object, compile_file, compile_namespace, open, read_btf
    from btfkit.dump import dump_c, dump_json, dump_raw, load_json
    from btfkit.errors import (
        AmbiguousTypeError,
        BadReferenceError,
        BtfkitError,
        CheckError,
        ConvertError,
        EncodeError,
        FormatError,
        InternalError,
        LinkError,
        LoadError,
        SourceError,
        TruncatedError,
        TypeNotFoundError,
        UnsupportedError,
        ValueTypeError,
    )
    from btfkit.frontend.objects import ObjectBuilder
    from btfkit.load.linux import open_map
    from btfkit.model import types
    from btfkit.model.btf import Btf
    from btfkit.model.builder import Builder
    from btfkit.model.instances import Instance
    from btfkit.values import codec

_HOMES = {
    "Object": "api",
    "compile_file": "api",
    "compile_namespace": "api",
    "open": "api",
    "read_btf": "api",
    "ObjectBuilder": "frontend.objects",
    "open_map": "load.linux",
    "Btf": "model.btf",
    "Builder": "model.builder",
    "Instance": "model.instances",
    "codec": "values",
    "dump_c": "dump",
    "dump_json": "dump",
    "dump_raw": "dump",
    "load_json": "dump",
    "AmbiguousTypeError": "errors",
    "BadReferenceError": "errors",
    "BtfkitError": "errors",
    "CheckError": "errors",
    "ConvertError": "errors",
    "EncodeError": "errors",
    "FormatError": "errors",
    "InternalError": "errors",
    "LinkError": "errors",
    "LoadError": "errors",
    "SourceError": "errors",
    "TruncatedError": "errors",
    "TypeNotFoundError": "errors",
    "UnsupportedError": "errors",
    "ValueTypeError": "errors",
}
_MODULES = {"types": "model.types", "convert": "convert", "dump": "dump", "errors": "errors"}

__all__ = [
    "open",
    "Object",
    "read_btf",
    "compile_file",
    "compile_namespace",
    "ObjectBuilder",
    "open_map",
    "Btf",
    "Builder",
    "Instance",
    "types",
    "codec",
    "convert",
    "dump",
    "dump_raw",
    "dump_c",
    "dump_json",
    "load_json",
    "BtfkitError",
    "FormatError",
    "TruncatedError",
    "BadReferenceError",
    "UnsupportedError",
    "EncodeError",
    "ValueTypeError",
    "TypeNotFoundError",
    "AmbiguousTypeError",
    "CheckError",
    "SourceError",
    "ConvertError",
    "LinkError",
    "LoadError",
    "InternalError",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"btfkit.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = import_module(f"btfkit.{_MODULES[name]}")
    else:
        raise AttributeError(f"module 'btfkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
