"""Addresses of machines are cut before Kafka, wherever they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from producers.adapters.address import client_ip, cut_ip
from producers.adapters.kept import kept_of
from producers.adapters.quarantine import quarantined
from producers.adapters.sender import Limits, Sender

SENDER = Sender("shop", "test")
PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:f::/48")]


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ("203.0.113.9", "203.0.113.0"),
        ("203.0.113.0", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:203.0.113.9", "203.0.113.0"),
        ("[2001:db8:1:2::6]:443", "2001:db8:1::"),
        ("203.0.113.9:51234", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        (" 203.0.113.9 ", "203.0.113.0"),
        ("203.0.113", None),
        ("unknown", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_cut_to_its_network(whole: str | None, cut: str | None) -> None:
    assert cut_ip(whole) == cut


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", "203.0.113.9"),  # a sender who is no proxy may write what it likes
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.1, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "192.0.2.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("2001:db8:f::1", "2001:db8:1::7", "2001:db8:1::7"),
        (None, "198.51.100.7", None),
    ],
)
def test_a_trusted_proxy_names_the_client_and_nobody_else_does(
    peer: str | None, forwarded_for: str | None, client: str | None
) -> None:
    assert client_ip(peer, forwarded_for, PROXIES) == client


def test_addresses_are_cut_wherever_they_stand_and_versions_are_left_alone() -> None:
    sent = {"ip": "203.0.113.9", "version": "1.2.3.4", "list": [{"client_ip": "2001:db8:1:2::3"}], "ip_name": "x"}
    assert kept_of(sent, SENDER) == {
        "ip": "203.0.113.0",
        "version": "1.2.3.4",
        "list": [{"client_ip": "2001:db8:1::"}],
        "ip_name": "x",
    }


def test_where_no_address_is_kept_none_is() -> None:
    sender = Sender("shop", "test", keep_ip=False)
    assert kept_of({"ip": "203.0.113.9", "a": 1}, sender) == {"a": 1}


def test_the_devices_own_address_is_put_in_and_does_not_replace_what_the_sender_said() -> None:
    sender = Sender("shop", "test", ip="203.0.113.0")
    assert kept_of({}, sender) == {"ip": "203.0.113.0"}
    assert kept_of({"ip": "198.51.100.7"}, sender) == {"ip": "198.51.100.0"}


def test_fields_that_the_source_forbids_are_not_kept_at_any_depth() -> None:
    sender = Sender("shop", "test", never_keep=frozenset({"recording"}))
    assert kept_of({"Recording": "x", "legs": [{"recording": {"url": "x"}, "a": 1}]}, sender) == {"legs": [{"a": 1}]}


def test_what_is_quarantined_holds_no_whole_address_either() -> None:
    raw = b'{"context": {"ip": "203.0.113.9", "version": "1.2.3.4"}, "ip":"2001:db8:1:2::3", "n": "\xff"}'
    outcome = quarantined("$: bad", raw, SENDER, datetime(2024, 5, 1, tzinfo=UTC), Limits())
    assert outcome.record.original == (
        b'{"context": {"ip": "203.0.113.0", "version": "1.2.3.4"}, "ip":"2001:db8:1::", "n": "\xff"}'
    )
