"""What of a sender's own fields is kept: never the ones that its source forbids, and addresses of machines only cut.

An address is known by its field's name, since four numbers with dots may be a version. In what is quarantined it is cut
too, in the bytes themselves, so that even there no whole one lies; a replay would have cut it all the same.
"""

import re
from typing import Any

from producers.adapters.address import cut_ip
from producers.adapters.sender import Sender

#: Names of fields that hold the address of somebody's device, in lower case and without `_` and `-`.
_NAMES = frozenset(
    {"ip", "ipaddress", "ipaddr", "ipv4", "ipv6", "clientip", "clientipaddress", "remoteip", "remoteaddr", "userip"}
    | {"useripaddress", "networkuserip", "deviceip", "visitorip", "customerip", "xforwardedfor"}
)
_LONGEST = max(map(len, _NAMES)) + 4
_IN_TEXT = re.compile(rb'("[A-Za-z_-]{2,24}"\s*:\s*")([0-9A-Fa-f.:]{3,45})(?=")')


def kept_of(properties: dict[str, Any], sender: Sender) -> dict[str, Any]:
    """Give a sender's fields as they are kept, with the device's cut address as `ip` where it is known."""
    kept: dict[str, Any] = _kept(properties, sender.never_keep, keep_ip=sender.keep_ip)
    if sender.ip is not None and "ip" not in sender.never_keep:
        kept.setdefault("ip", sender.ip)
    return kept


def without_addresses(raw: bytes) -> bytes:
    """Give the bytes of some JSON, with the addresses in it cut."""
    return _IN_TEXT.sub(_cut_in_text, raw) if b'"' in raw else raw


def is_address(name: str) -> bool:
    """Say whether a field of that name holds an address."""
    return len(name) <= _LONGEST and name.lower().replace("_", "").replace("-", "") in _NAMES


def _cut_in_text(match: re.Match[bytes]) -> bytes:
    name = match[1].partition(b'"')[2].partition(b'"')[0].decode()
    cut = cut_ip(match[2].decode()) if is_address(name) else None
    return match[0] if cut is None else match[1] + cut.encode()


def _kept(value: Any, never: frozenset[str], *, keep_ip: bool) -> Any:
    if isinstance(value, dict):
        found = {}
        for name, inner in value.items():
            if never and name.lower() in never:
                continue
            if isinstance(inner, str):
                if is_address(name):
                    cut = cut_ip(inner)
                    if cut is not None and not keep_ip:
                        continue
                    found[name] = inner if cut is None else cut
                    continue
                found[name] = inner
            else:
                found[name] = _kept(inner, never, keep_ip=keep_ip) if isinstance(inner, dict | list) else inner
        return found
    return [_kept(inner, never, keep_ip=keep_ip) if isinstance(inner, dict | list) else inner for inner in value]
