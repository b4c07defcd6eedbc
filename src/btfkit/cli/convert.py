"""``btfkit convert``: an object in another form; bare BTF under another header; JSON back to BTF."""

from __future__ import annotations

import argparse

from btfkit.cli import exits
from btfkit.cli.inputs import Content, add_dialect, add_file, content, decode_bare, decode_object, read_base, read_file
from btfkit.cli.outputs import add_output, write_output
from btfkit.cli.report import warn
from btfkit.errors import ConvertError, EncodeError

DESCRIPTION = """\
Write an object in another form:
  instance   types, instances and symbols each in their own place: what btfkit works with
  libbpf     what mainline tools read: the section .maps, VAR, DATASEC; loads with libbpf, bpftool, ebpf-go, Aya
  sidecar    as libbpf, with the instances in sections of their own beside it
  classic    as of 2018: the section maps and BPF_ANNOTATE_KV_PAIR
  proposed   instances, under the header as it was first proposed

The object may be in any of these forms, or as clang or GCC made it. What the new form cannot say is a warning, and
under --strict an error.

Bare BTF (a file that is only a .BTF section) is written under another header, in another byte order: --to instance,
proposed, layout or classic. JSON from `btfkit dump --format json` is made bare BTF again, as it was unless --to or
--byte-order say otherwise.

OUT is written whole or not at all, and may be FILE; `-` is stdout."""

EXAMPLES = """\
  btfkit convert flows.o --to libbpf -o flows.libbpf.o
  btfkit convert flows.o --to instance --byte-order big -o flows.be.o
  btfkit convert edited.json -o edited.btf
  btfkit convert /sys/kernel/btf/vmlinux --to layout -o vmlinux.btf"""

_OBJECT_FORMS = ("instance", "libbpf", "sidecar", "classic", "proposed")
_BARE_FORMS = ("instance", "proposed", "layout", "classic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_file(parser, "an object, bare BTF, or JSON")
    forms = list(dict.fromkeys((*_OBJECT_FORMS, *_BARE_FORMS)))
    parser.add_argument("--to", choices=forms, help="the form; default: instance, of bare BTF and JSON the one it has")
    add_output(parser, "the file to be written")
    parser.add_argument("--byte-order", choices=("little", "big"), help="default: as it is")
    parser.add_argument("--strict", action="store_true", help="what the form cannot say is an error")
    parser.add_argument(
        "--ext",
        choices=("tables", "single", "tagged"),
        default="tables",
        help="how .BTF.ext ties instances to symbols: a table for functions, maps and variables each (the default), or "
        "one for all, without or with the kind in each record",
    )
    parser.add_argument("--base", metavar="FILE", help="what bare BTF or JSON stands on, if it is split BTF")
    add_dialect(parser)


def run(args: argparse.Namespace) -> int:
    """Convert the file; the exit code."""
    data = read_file(args.file)
    found = content(data, args.file)
    allowed = _OBJECT_FORMS if found is Content.OBJECT else _BARE_FORMS
    if args.to is not None and args.to not in allowed:
        exits.usage_error(args, f"{args.file} is {found.value}: --to is one of {', '.join(allowed)}")
    out = _object(data, args) if found is Content.OBJECT else _bare(data, found, args)
    write_output(args.output, out)
    return exits.OK


def _object(data: bytes, args: argparse.Namespace) -> bytes:
    from btfkit.convert import convert  # noqa: PLC0415 (see main: start quickly)
    from btfkit.object import write_object  # noqa: PLC0415

    obj = decode_object(data, args.file, args.dialect)
    out = convert(obj, args.to or "instance", byte_order=args.byte_order, strict=args.strict)
    warn(out.warnings)
    return write_object(out, ext=args.ext)


def _bare(data: bytes, found: Content, args: argparse.Namespace) -> bytes:
    from btfkit.codec import encode_btf  # noqa: PLC0415
    from btfkit.format.btf import Form  # noqa: PLC0415

    losses = []
    if found is Content.JSON:
        from btfkit.dump import load_json  # noqa: PLC0415

        base = read_base(args.base) if args.base else None
        btf, ext = load_json(data, base=base, path=args.file)
        if ext is not None:
            losses.append("its .BTF.ext is left out: that belongs into an object")
    else:
        btf = decode_bare(data, args.file, args.base)
    if args.strict and losses:
        raise ConvertError("; ".join(losses), losses=losses, path=args.file)
    warn(losses)
    form = Form(args.to) if args.to else btf.form
    if btf.own_instances and not form.has_instances:
        raise ConvertError(
            f"declares {len(btf.own_instances)} instances, for which the {form} form has no place; "
            "what they become depends on symbols, so convert the object",
            path=args.file,
        )
    try:
        return encode_btf(btf, form=form, byte_order=args.byte_order)
    except EncodeError as error:
        raise error.at(path=args.file) from None
