"""Network addresses as text: IPv4 in 4 bytes, IPv6 in 16, MAC in 6."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_MAC = re.compile(r"[0-9a-fA-F]{2}([:-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}")


def ipv4_bytes(text: str) -> bytes | None:
    """``10.0.0.1`` in network order; None for what is no dotted quad."""
    try:
        return IPv4Address(text).packed
    except AddressValueError:
        return None


def ipv4_text(data: bytes) -> str:
    a, b, c, d = data
    return f"{a}.{b}.{c}.{d}"


def ipv6_bytes(text: str) -> bytes | None:
    """``fe80::1`` in network order; None for what is no address, or one with a zone (``%eth0``)."""
    try:
        return None if "%" in text else IPv6Address(text).packed
    except AddressValueError:
        return None


def ipv6_text(data: bytes) -> str:
    return str(IPv6Address(data))


def mac_bytes(text: str) -> bytes | None:
    """``aa:bb:cc:dd:ee:ff``, or with dashes."""
    return bytes.fromhex(text.replace("-", "").replace(":", "")) if _MAC.fullmatch(text) else None


def address_bytes(text: str, size: int) -> bytes | None:
    """The address of that many bytes which the text is, if it is one."""
    match size:
        case 4:
            return ipv4_bytes(text)
        case 6:
            return mac_bytes(text)
        case 16:
            return ipv6_bytes(text)
    return None


def address_text(data: bytes) -> str:
    """An IPv4 or IPv6 address, as long as it is."""
    return ipv4_text(data) if len(data) == 4 else ipv6_text(data)


ADDRESS_NAMES = {4: "an IPv4 address", 6: "a MAC address", 16: "an IPv6 address"}
