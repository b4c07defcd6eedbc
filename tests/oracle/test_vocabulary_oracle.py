"""The tables of `btfkit.bpf` beside the kernel's headers, as a compiler reads them, and the running kernel's BTF."""

from __future__ import annotations

import importlib.util
import re
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import kernel_btf, skip_or_fail

from btfkit.bpf import constants, contexts, packet, structs
from btfkit.bpf.helper_table import HELPERS, Arg
from btfkit.bpf.records import Record, Struct
from btfkit.codec import decode_btf
from btfkit.elf import read_elf
from btfkit.frontend.c import compile_c
from btfkit.model import types as t
from btfkit.model.btf import Btf

HELPER_DEFS = Path("/usr/include/bpf/bpf_helper_defs.h")
HEADERS = (
    *(
        "bpf",
        "bpf_perf_event",
        "pkt_cls",
        "if_ether",
        "if_link",
        "in",
        "in6",
        "ip",
        "ipv6",
        "icmp",
        "icmpv6",
        "netfilter",
    ),
    *("tcp", "time", "types", "udp"),
)


@cache
def compiled(source: str, folder: Path) -> bytes:
    """The object that zig's clang makes of C behind the uapi's headers, which zig brings along."""
    spec = importlib.util.find_spec("ziglang")
    if spec is None or spec.origin is None:
        skip_or_fail("ziglang is not installed")
    include = Path(spec.origin).parent / "lib" / "libc" / "include"
    (folder / "sys").mkdir(exist_ok=True)
    (folder / "sys" / "socket.h").write_text("struct sockaddr { unsigned short sa_family; char sa_data[14]; };\n")
    path = folder / "vocabulary.c"
    path.write_text("".join(f"#include <linux/{name}.h>\n" for name in HEADERS) + "#include <asm/socket.h>\n" + source)
    folders = [folder, include / "x86-linux-any", include / "any-linux-any"]
    return compile_c(path, compiler="zig", include_dirs=folders, defines=["__x86_64__"])


# -- helpers ------------------------------------------------------------------------------------------------

C_INTS = {
    **{f"__u{bits}": f"u{bits}" for bits in (8, 16, 32, 64)},
    **{f"__s{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{"int": "i32", "long": "i64", "unsigned long": "u64", "__be16": "be16", "__wsum": "u32"},
}
RETURNS = {"value": "void *", "value?": "void *", "mem": "void *", "mem?": "void *", "void*?": "void *"}
KERNEL_RETURNS = {
    "tail_call": "nothing comes back",
    "spin_lock": "RET_VOID",
    "spin_unlock": "RET_VOID",
    "task_pt_regs": "RET_PTR_TO_BTF_ID; the header says long",
}
"""Where the header and the verifier disagree, and the table has what the verifier says."""


def c_type(text: str) -> tuple[str, str]:
    """``const void *key`` → (``void *``, ``key``)."""
    match = re.fullmatch(r"(?:const )?(.*?) ?(\*?)(\w+)", text)
    assert match
    return f"{match[1]} {match[2]}".strip(), match[3]


def fits(arg: Arg, type_name: str) -> bool:
    """A parameter of this C type is what the table says."""
    match arg.kind:
        case "size":
            return type_name in C_INTS
        case "str":
            return type_name == "char *"
        case "map" | "key" | "value" | "func" | "addr" | "ksym":
            return type_name == "void *"
        case "ctx" | "mem" | "out" | "inout":
            return type_name.endswith("*")
        case kind if kind.endswith("*"):
            inner = type_name.removesuffix(" *").removeprefix("struct ")
            return kind[:-1] == C_INTS.get(inner, inner) or inner == "void"
        case kind:
            return C_INTS.get(type_name) == kind


def test_helpers() -> None:
    if not HELPER_DEFS.exists():
        skip_or_fail(f"{HELPER_DEFS} is not there")
    declared = re.findall(r"^static (.*?)\(\*bpf_(\w+)\)\((.*)\) = \(void \*\) (\d+);", HELPER_DEFS.read_text(), re.M)
    assert [name for _, name, _, _ in declared] == list(HELPERS)[: len(declared)]
    assert len(declared) >= 208
    for result, name, params, number in declared:
        helper = HELPERS[name]
        assert helper.number == int(number)
        texts = [] if params == "void" else params.split(", ")
        assert len(texts) == len(helper.args), name
        for arg, text in zip(helper.args, texts, strict=True):
            if text == "...":
                assert arg.name == "..."
            else:
                type_name, arg_name = c_type(text)
                assert arg.name == arg_name, name
                assert fits(arg, type_name), (name, arg, type_name)
        if name not in KERNEL_RETURNS:
            known = RETURNS.get(helper.returns, helper.returns.removesuffix("?").replace("*", " *"))
            declares = result.strip().removeprefix("struct ")
            assert C_INTS.get(declares, declares) == known, name


# -- layouts ------------------------------------------------------------------------------------------------

REGISTERS = {"bp": "rbp", "bx": "rbx", "ax": "rax", "cx": "rcx", "dx": "rdx", "si": "rsi", "di": "rdi"}
REGISTERS |= {"orig_ax": "orig_rax", "ip": "rip", "flags": "eflags", "sp": "rsp"}

OUR_OWN = {"LpmKey4", "LpmKey6", "ArpIPv4", "lirc_sample", "KernelContext"}
PARTS = {"MapProgram", "SockTuple4", "SockTuple6"}
NOT_IN_UAPI = {"bpf_nf_ctx", "user_pt_regs", "bpf_perf_event_data_aarch64"}
"""bpf_nf_ctx is the kernel's; the last two are another machine's."""


def records(module: Any) -> list[type[Record]]:
    """The classes that a module makes."""
    classes = [found for found in vars(module).values() if isinstance(found, type) and issubclass(found, Record)]
    return [found for found in classes if found.__module__ == module.__name__]


UAPI = [r for m in (contexts, structs) for r in records(m) if r.__name__ not in OUR_OWN | PARTS | NOT_IN_UAPI]


def members(btf: Btf, type_id: int, base: int = 0) -> Iterator[tuple[str, int, int]]:
    """(name, bit offset, bits) of a struct's members, those of anonymous ones too."""
    record = btf.resolved(type_id)
    assert isinstance(record, (t.Struct, t.Union))
    for member in record.members:
        if member.name:
            size = member.bit_size or (btf.size_of(member.type_id) or 0) * 8
            yield member.name, base + member.bit_off, size
        else:
            yield from members(btf, member.type_id, base + member.bit_off)


def shape(record: type[Record]) -> dict[str, tuple[int, int]]:
    """(bit offset, bits) by the name of the field."""
    fields = record.__layout__.fields.values()
    return {f.name: (f.off * 8 + f.bit_off, f.bit_size or f.size * 8) for f in fields}


@pytest.fixture(scope="module")
def uapi(tmp_path_factory: pytest.TempPathFactory) -> Btf:
    """The BTF of a C file that uses each of the structs, so that a compiler describes it whole."""
    names = [record.__c_name__ for record in UAPI]
    source = "".join(f"int f_{n}(struct {n} *p) {{ struct {n} v = *p; return *(volatile char *)&v; }}\n" for n in names)
    section = read_elf(compiled(source, tmp_path_factory.mktemp("c"))).section(".BTF")
    assert section is not None
    return decode_btf(section.data)


@pytest.mark.parametrize("record", UAPI, ids=lambda record: record.__name__)
def test_layout(record: type[Record], uapi: Btf) -> None:
    type_id = uapi.find(record.__c_name__, t.Struct)
    found = {name: (off, bits) for name, off, bits in members(uapi, type_id)}
    ours = shape(record)
    if record is contexts.pt_regs:
        ours = {REGISTERS.get(name, name): at for name, at in ours.items()}
    if "_opaque" in ours:
        ours = {"__opaque": ours["_opaque"]}
    assert record.__layout__.size == uapi.size_of(type_id)
    assert ours == {name: found[name] for name in ours}
    assert found.keys() - ours.keys() <= {"__opaque"}


def test_nested_layouts(uapi: Btf) -> None:
    """Structs within structs that have no name of their own."""
    for record, member, ours in (
        (structs.bpf_sock_tuple, "ipv4", structs.SockTuple4),
        (structs.bpf_sock_tuple, "ipv6", structs.SockTuple6),
        (structs.bpf_devmap_val, "bpf_prog", structs.MapProgram),
    ):
        outer = uapi[uapi.find(record.__c_name__, t.Struct)]
        assert isinstance(outer, t.Struct)
        while not outer.members[-1].name:
            outer = uapi.resolved(outer.members[-1].type_id)  # type: ignore[assignment]
        inner = next(m.type_id for m in outer.members if m.name == member)
        assert ours.__layout__.size == uapi.size_of(inner)
        assert shape(ours) == {name: (off, bits) for name, off, bits in members(uapi, inner)}


@cache
def vmlinux() -> Btf:
    return decode_btf(kernel_btf())


OUR_FIELDS = {
    (packet.TcpHdr, "flags"),  # the byte has no name there
    (packet.TcpHdr, "ae"),  # a bit of res1 before 6.15
    (packet.TcpHdr, "res1"),
}


HEADER_NAMES = {
    packet.EthHdr: {"dst": "h_dest", "src": "h_source", "proto": "h_proto"},
    packet.VlanHdr: {"tci": "h_vlan_TCI", "proto": "h_vlan_encapsulated_proto"},
    packet.ArpHdr: {"hw_type": "ar_hrd", "proto": "ar_pro", "hw_len": "ar_hln", "proto_len": "ar_pln", "op": "ar_op"},
    packet.IPv4Hdr: {"proto": "protocol", "src": "saddr", "dst": "daddr"},
    packet.IPv6Hdr: {"next_header": "nexthdr", "src": "saddr", "dst": "daddr"},
    packet.IPv6OptHdr: {"next_header": "nexthdr", "hdr_len": "hdrlen"},
    packet.IPv6FragHdr: {"next_header": "nexthdr", "id": "identification"},
    packet.TcpHdr: {"sport": "source", "dport": "dest"},
    packet.UdpHdr: {"sport": "source", "dport": "dest"},
    packet.SctpHdr: {"sport": "source", "dport": "dest", "check": "checksum"},
    packet.IcmpHdr: {"check": "checksum"},
    packet.Icmp6Hdr: {
        **{"type": "icmp6_type", "code": "icmp6_code", "check": "icmp6_cksum"},
        **{"id": "identifier", "mtu": "un_data32", "pointer": "un_data32"},
    },
    packet.IgmpHdr: {"check": "csum"},
    packet.GreHdr: {"proto": "protocol"},
    packet.VxlanHdr: {"flags": "vx_flags", "vni": "vx_vni"},
    packet.GeneveHdr: {"version": "ver", "reserved": "rsvd1", "proto": "proto_type", "reserved2": "rsvd2"},
    packet.EspHdr: {"seq": "seq_no"},
}
"""What the kernel calls the fields that it calls otherwise."""

OUR_FIELDS = {
    (packet.TcpHdr, "flags"),  # the byte has no name there
    (packet.TcpHdr, "ae"),  # a bit of res1 before 6.15
    (packet.TcpHdr, "res1"),
}

OF_MODULES = {"genevehdr", "ip_esp_hdr", "mpls_label", "sctphdr", "vxlanhdr"}
"""Structs that a kernel may have in modules only."""


@pytest.mark.parametrize("header", [h for h in records(packet) if h.__name__ not in OUR_OWN], ids=lambda h: h.__name__)
def test_headers(header: type[Struct]) -> None:
    """The places of all fields, beside the kernel's."""
    btf = vmlinux()
    found = btf.find_all(header.__c_name__, t.Struct)
    if not found and header.__c_name__ in OF_MODULES:
        return
    assert header.__layout__.size == btf.size_of(found[0])
    theirs = {name: (off, bits) for name, off, bits in flat(btf, found[0])}
    names = HEADER_NAMES.get(header, {})
    ours = {names.get(name, name): at for name, at in shape(header).items() if (header, name) not in OUR_FIELDS}
    assert ours == {name: theirs.get(name) for name in ours}


def flat(btf: Btf, type_id: int, base: int = 0) -> Iterator[tuple[str, int, int]]:
    """As `members`, and the members of members."""
    yield from members(btf, type_id, base)
    record = btf.resolved(type_id)
    assert isinstance(record, (t.Struct, t.Union))
    for member in record.members:
        if isinstance(btf.resolved(member.type_id), (t.Struct, t.Union)):
            yield from flat(btf, member.type_id, base + member.bit_off)


def test_netfilter_context() -> None:
    btf = vmlinux()
    found = {name: (off, bits) for name, off, bits in members(btf, btf.find("bpf_nf_ctx", t.Struct))}
    assert shape(contexts.bpf_nf_ctx) == found


# -- constants ----------------------------------------------------------------------------------------------

BESIDE_SOCKET = {"AF_", "SOCK_", "SOL_"}
"""The kernel's header of these is not for users; Python has them."""

OF_THE_KERNEL = {
    **{"TCPHDR_FIN": 1, "TCPHDR_SYN": 2, "TCPHDR_RST": 4, "TCPHDR_PSH": 8},  # include/net/tcp.h
    **{"TCPHDR_ACK": 16, "TCPHDR_URG": 32, "TCPHDR_ECE": 64, "TCPHDR_CWR": 128},
    **{"TCPOPT_NOP": 1, "TCPOPT_EOL": 0, "TCPOPT_MSS": 2, "TCPOPT_WINDOW": 3},
    **{"TCPOPT_SACK_PERM": 4, "TCPOPT_SACK": 5, "TCPOPT_TIMESTAMP": 8},
    **{"IP_DF": 0x4000, "IP_MF": 0x2000, "IP_OFFSET": 0x1FFF},  # include/net/ip.h
    **{"INET_ECN_NOT_ECT": 0, "INET_ECN_ECT_1": 1, "INET_ECN_ECT_0": 2},  # include/net/inet_ecn.h
    **{"INET_ECN_CE": 3, "INET_ECN_MASK": 3},
    **{"VLAN_HLEN": 4, "VLAN_VID_MASK": 0xFFF, "VLAN_PRIO_MASK": 0xE000, "VLAN_PRIO_SHIFT": 13},  # linux/if_vlan.h
    "BPF_MAX_LOOPS": 8 << 20,  # include/linux/bpf_verifier.h
}
"""What no header for users has."""


def numbers() -> dict[str, int]:
    """The module's constants, members of enumerations that have no name of their own included."""
    found = {name: int(v) for name, v in vars(constants).items() if isinstance(v, int) and not name.startswith("_")}
    for enum in vars(constants).values():
        if isinstance(enum, type) and issubclass(enum, IntEnum):
            assert {name: int(v) for name, v in enum.__members__.items()}.items() <= found.items() or enum is IntEnum
    return found


def test_constants(tmp_path: Path) -> None:
    ours = numbers()
    assert len(ours) > 250
    for name in ours:
        if name.split("_")[0] + "_" in BESIDE_SOCKET and hasattr(socket, name):
            assert ours[name] == getattr(socket, name), name
    assert OF_THE_KERNEL.items() <= ours.items()
    asked = [n for n in ours if n not in OF_THE_KERNEL and n.split("_")[0] + "_" not in BESIDE_SOCKET]
    data = compiled(f"long long values[] = {{ {', '.join(f'(long long)({n})' for n in asked)} }};\n", tmp_path)
    section = read_elf(data).section(".data")
    assert section is not None
    theirs = dict(zip(asked, struct.unpack(f"<{len(asked)}q", section.data), strict=True))
    assert {n: v for n, v in theirs.items() if v != ours[n]} == {}


def test_enum_names() -> None:
    btf = vmlinux()
    for enum, name in constants.ENUM_NAMES.items():
        found = btf.find_all(name, t.Enum)
        if found:
            kernels = btf[found[0]]
            assert isinstance(kernels, t.Enum)
            values = {value.name: value.value for value in kernels.values}
            assert {n: int(v) for n, v in enum.__members__.items()}.items() <= values.items()
