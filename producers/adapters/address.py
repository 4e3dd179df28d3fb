"""Addresses of the internet, cut: what is kept of one names a network, never a household. Pure.

IPv4 is cut to its first 24 bits, IPv6 to its first 48: the widths that the collector's privacy rule names. An IPv4
address written as IPv6 (`::ffff:203.0.113.9`) is cut as the IPv4 address that it is.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

IPV4_BITS = 24
IPV6_BITS = 48

Network = IPv4Network | IPv6Network


def cut_ip(text: str | None) -> str | None:
    """Give the address with its last bits zero: `203.0.113.0`, `2001:db8:1::`; None for what is no address."""
    address = _address(text)
    if address is None:
        return None
    bits = IPV4_BITS if isinstance(address, IPv4Address) else IPV6_BITS
    left_out = address.max_prefixlen - bits
    return str(type(address)(int(address) >> left_out << left_out))


def client_ip(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> str | None:
    """Give whose request it is: the peer, or where the peer is a trusted proxy whom that one names.

    `forwarded_for` is the whole `X-Forwarded-For`. It is read from its end, since a proxy adds at the end, and a sender
    may write what it likes at the beginning.
    """
    current = _address(peer)
    if current is None:
        return None
    for text in reversed((forwarded_for or "").split(",")):
        if not any(current.version == network.version and current in network for network in trusted):
            break
        before = _address(text)
        if before is None:
            break
        current = before
    return str(current)


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    """Also of `[2001:db8::1]:443`, `203.0.113.9:443` and `fe80::1%eth0`, which proxies write."""
    if text is None:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
