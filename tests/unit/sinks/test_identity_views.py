"""The views of identity on the real engine: where touchpoints and identifiers are now, and the Customer 360."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from deploy.local.door_process import ClickHouseDoor
from schemas import topics
from schemas.base import WireModel, derived_id, profile_id
from schemas.bodies import OtherBody
from schemas.connection import ClickHouseConnection
from schemas.conversion import ConversionRecord
from schemas.identifier import Identifier
from schemas.identity import Command, IdentityMessage
from schemas.journey import JourneySnapshot
from schemas.moves import Arrival, MovedTouch
from schemas.profile import ProfileChange
from schemas.resolved import Resolved
from schemas.touchpoint import Touchpoint
from sinks import migrations
from sinks.client import Store
from tests.integration.sink_rig import count
from tests.unit.sinks.landing import Landing

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA, BOB, COOKIE, MAIL = "customer:ada", "customer:bob", "anonymous:a1", "email:ada@example.org"


def an_id(*parts: str) -> UUID:
    return derived_id(*parts)


def at(minute: float) -> datetime:
    return AT + timedelta(minutes=minute)


def a_touch(name: str, *identifiers: str, minute: float = 0, **more: Any) -> Touchpoint:
    fields: dict[str, Any] = {
        "event_id": an_id(name), "source": "web", "touchpoint": "page_view", "channel": "web",
        "occurred_at": at(minute), "received_at": at(minute), "body": OtherBody(),
        "identifiers": tuple(Identifier(kind=k, value=v) for k, _, v in (i.partition(":") for i in identifiers)),
    }  # fmt: skip
    return Touchpoint(**fields | more)


def resolved(touch: Touchpoint, home: str, owner: str | None, version: int = 0) -> Resolved:
    return Resolved(profile_id=profile_id(home), owner=owner, version=version, touchpoint=touch)


def arrival(home: str, owner: str, version: int, *names: str) -> Resolved:
    touches = tuple(MovedTouch(event_id=an_id(n), occurred_at=AT, touchpoint="page_view", channel="web") for n in names)
    move = Arrival(
        owner=owner, version=version, cause="merge", evidence=an_id("why"), recorded_at=AT,
        from_profile=profile_id(owner), revision=1, touches=touches,
    )  # fmt: skip
    return Resolved(profile_id=profile_id(home), arrival=move)


def a_change(identifier: str, version: int, change: str, named_by: str, **more: Any) -> ProfileChange:
    fields: dict[str, Any] = {
        "profile_id": profile_id(named_by), "identifier": identifier, "version": version, "change": change,
        "named_by": named_by, "cause": "event", "evidence": an_id("why", str(version)), "recorded_at": at(version),
    }  # fmt: skip
    return ProfileChange(**fields | more)


def homes(store: Store) -> dict[UUID, UUID | None]:
    return dict(store.rows(f"SELECT event_id, profile_id FROM {store.database}.touchpoints"))


def test_a_touchpoint_is_in_the_profile_that_it_was_moved_to_last_whatever_order_the_moves_land_in(
    store: Store,
) -> None:
    moves: list[WireModel] = [
        resolved(a_touch("a", COOKIE), COOKIE, COOKIE),
        resolved(a_touch("b", COOKIE), COOKIE, COOKIE),
        resolved(a_touch("c"), COOKIE, None).model_copy(update={"profile_id": None}),
        arrival(MAIL, COOKIE, 1, "a"),
        arrival(ADA, COOKIE, 3, "a"),
        arrival(BOB, COOKIE, 2, "a"),
    ]
    land = Landing(store)
    wanted = {an_id("a"): profile_id(ADA), an_id("b"): profile_id(COOKIE), an_id("c"): None}
    for order in (moves, moves, moves[::-1]):
        land(topics.RESOLVED, *order)
        assert homes(store) == wanted
    store.command(f"OPTIMIZE TABLE {store.database}.placements_log FINAL")
    assert homes(store) == wanted
    assert store.rows(f"SELECT count(), uniqExact(profile_id) FROM {store.database}.touchpoints") == [(3, 2)]


def test_a_move_moves_what_its_owner_owns_and_nobody_elses_event_of_the_same_id(store: Store) -> None:
    land = Landing(store)
    land(topics.RESOLVED, resolved(a_touch("a", MAIL), MAIL, MAIL), arrival(ADA, COOKIE, 5, "a"))
    assert homes(store) == {an_id("a"): profile_id(MAIL)}


def test_an_older_record_that_does_not_name_its_owner_moves_with_its_strongest_identifier(store: Store) -> None:
    land = Landing(store)
    land(topics.RESOLVED, resolved(a_touch("a", COOKIE, MAIL), MAIL, None), arrival(ADA, MAIL, 1, "a"))
    assert store.rows(f"SELECT owner, profile_id FROM {store.database}.touchpoints") == [(MAIL, profile_id(ADA))]


def test_a_record_of_a_later_plan_than_the_move_stands(store: Store) -> None:
    land = Landing(store)
    land(topics.RESOLVED, arrival(ADA, COOKIE, 2, "a"), resolved(a_touch("a", COOKIE), BOB, COOKIE, version=3))
    assert homes(store) == {an_id("a"): profile_id(BOB)}


def test_what_an_older_cluster_moved_counts_until_a_newer_one_has_said_it_anew(store: Store) -> None:
    touch = a_touch("a", COOKIE)
    first, second = Landing(store, epoch=1), Landing(store, epoch=2)
    first(topics.RESOLVED, resolved(touch, COOKIE, COOKIE), arrival(BOB, COOKIE, 7, "a"))
    assert homes(store) == {touch.event_id: profile_id(BOB)}
    second(topics.RESOLVED, resolved(touch, COOKIE, COOKIE))
    assert homes(store) == {touch.event_id: profile_id(COOKIE)}
    second(topics.RESOLVED, arrival(ADA, COOKIE, 1, "a"))
    assert homes(store) == {touch.event_id: profile_id(ADA)}


def stretches(store: Store, identifier: str) -> list[tuple[Any, ...]]:
    return store.rows(
        f"SELECT named_by, valid_from, valid_until, shared, plan FROM {store.database}.identifiers"
        " WHERE identifier = {i:String} ORDER BY policy, valid_from NULLS FIRST",
        {"i": identifier},
    )


def test_an_identifier_is_where_the_newest_change_brought_it(store: Store) -> None:
    log = [
        a_change(COOKIE, 0, "created", COOKIE),
        a_change(COOKIE, 1, "merged", MAIL, previous_profile_id=profile_id(COOKIE)),
        a_change(COOKIE, 2, "merged", ADA, previous_profile_id=profile_id(MAIL)),
        a_change(COOKIE, 0, "stopped", ADA, guard="unique", other=BOB),
    ]
    land = Landing(store)
    for order in (log, log[::-1]):
        land(topics.PROFILES, *order)
        assert stretches(store, COOKIE) == [(ADA, None, None, False, 2)]
    found = store.rows(f"SELECT kind, value, profile_id, since, evidence FROM {store.database}.identifiers")
    assert found == [("anonymous", "a1", profile_id(ADA), at(2).replace(tzinfo=found[0][3].tzinfo), an_id("why", "2"))]


def test_a_shared_identifier_has_a_stretch_per_customer_and_a_line_changes_its_own_stretch_only(store: Store) -> None:
    land = Landing(store)
    land(
        topics.PROFILES,
        a_change(COOKIE, 0, "created", COOKIE),
        a_change(COOKIE, 1, "merged", ADA),
        a_change(COOKIE, 2, "merged", BOB, since=at(60)),
        a_change(COOKIE, 3, "merged", ADA, since=at(90), until=at(120)),
    )
    found = [(who, f and f.timestamp(), u and u.timestamp()) for who, f, u, *_ in stretches(store, COOKIE)]
    one, two, three = (at(n).replace(tzinfo=None).timestamp() for n in (60, 90, 120))
    assert found == [(ADA, None, one), (BOB, one, two), (ADA, two, three), (BOB, three, None)]
    assert all(shared for *_, shared, _ in stretches(store, COOKIE))
    # Bob parts from it: one stretch again.
    land(topics.PROFILES, a_change(COOKIE, 4, "unmerged", ADA, since=at(60)))
    assert [(who, f, u) for who, f, u, *_ in stretches(store, COOKIE)] == [(ADA, None, None)]


def painted(log: list[ProfileChange], minute: int) -> str | None:
    """Who has the minute: the newest line that covers it."""
    lines = [
        line
        for line in log
        if line.change != "stopped"
        and (line.since is None or line.since <= at(minute))
        and (line.until is None or at(minute) < line.until)
    ]
    return max(lines, key=lambda line: line.version).named_by if lines else None


def test_stretches_are_what_painting_the_lines_one_over_the_other_gives(store: Store) -> None:
    chance = random.Random(5)
    logs: dict[str, list[ProfileChange]] = {}
    for number in range(150):
        identifier = f"device:d{number}"
        log = [a_change(identifier, 0, "created", identifier)]
        for version in range(1, chance.randint(1, 8)):
            begin, end = sorted(chance.sample(range(1, 20), 2))
            border = {"since": chance.choice([None, at(begin)]), "until": chance.choice([None, at(end)])}
            log.append(a_change(identifier, version, "merged", f"customer:c{chance.randint(1, 3)}", **border))
        logs[identifier] = log
    every = [line for log in logs.values() for line in log]
    chance.shuffle(every)
    Landing(store)(topics.PROFILES, *every, *every[:50])
    rows = store.rows(f"SELECT identifier, named_by, valid_from, valid_until FROM {store.database}.identifiers")
    for identifier, log in logs.items():
        mine = [row[1:] for row in rows if row[0] == identifier]
        for minute in range(22):
            moment = at(minute).replace(tzinfo=None)
            has = [who for who, f, u in mine if (f is None or f <= moment) and (u is None or moment < u)]
            assert has == [painted(log, minute)], (identifier, minute)
        borders = sorted((f for _, f, _ in mine if f is not None))
        assert len(mine) == len(borders) + 1
        for before, after in zip(sorted(mine, key=lambda s: (s[1] is not None, s[1]))[:-1],
                                 sorted(mine, key=lambda s: (s[1] is not None, s[1]))[1:], strict=True):  # fmt: skip
            assert before[0] != after[0]


def test_policies_have_stretches_of_their_own_and_a_newer_cluster_says_them_anew(store: Store) -> None:
    land = Landing(store)
    land(
        topics.PROFILES,
        a_change(COOKIE, 3, "merged", ADA),
        a_change(COOKIE, 1, "merged", BOB, policy="split_at_login"),
    )
    assert [row[0] for row in stretches(store, COOKIE)] == [ADA, BOB]
    Landing(store, epoch=2)(topics.PROFILES, a_change(COOKIE, 0, "created", COOKIE))
    assert [row[0] for row in stretches(store, COOKIE)] == [COOKIE, BOB]


def test_the_log_is_told_in_words_and_no_line_replaces_another(store: Store) -> None:
    log = [
        a_change(COOKIE, 0, "created", COOKIE),
        a_change(COOKIE, 1, "merged", ADA, previous_profile_id=profile_id(COOKIE), since=at(60)),
        a_change(COOKIE, 1, "merged", BOB, previous_profile_id=profile_id(COOKIE), until=at(60)),
        a_change(COOKIE, 2, "unmerged", COOKIE, cause="unmerge", previous_profile_id=profile_id(ADA)),
        a_change(ADA, 0, "stopped", ADA, guard="unique", other=BOB),
        a_change(ADA, 0, "stopped", ADA, guard="unique", other="customer:eve"),
        a_change(MAIL, 0, "stopped", MAIL, guard="cap"),
    ]
    land = Landing(store)
    land(topics.PROFILES, *log, *log)
    words = store.rows(f"SELECT words FROM {store.database}.profile_changes ORDER BY words")
    assert [text for (text,) in words] == [
        "anonymous:a1 was seen for the first time",
        "anonymous:a1 went back to the profile of anonymous:a1",
        "anonymous:a1 went to the profile of customer:ada, from 2026-03-01 13:00:00.000000 on",
        "anonymous:a1 went to the profile of customer:bob, until 2026-03-01 13:00:00.000000",
        "customer:ada was not joined with customer:bob: both are of a kind of which one person has one",
        "customer:ada was not joined with customer:eve: both are of a kind of which one person has one",
        "email:ada@example.org was not joined: it was seen with more others than one person has",
    ]


def test_what_guards_stopped_is_listed_once_with_its_first_and_last_time(store: Store) -> None:
    land = Landing(store)
    land(
        topics.PROFILES,
        a_change(ADA, 0, "stopped", ADA, guard="unique", other=BOB, recorded_at=at(5)),
        a_change(ADA, 1, "stopped", ADA, guard="unique", other=BOB, recorded_at=at(50)),
        a_change(MAIL, 0, "stopped", MAIL, guard="cap"),
    )
    found = store.rows(
        "SELECT identifier, other, guard, dateDiff('minute', first_stopped_at, last_stopped_at)"
        f" FROM {store.database}.identity_stops"
    )
    assert found == [(ADA, BOB, "unique", 45), (MAIL, None, "cap", 0)]


def attributes(store: Store, home: str) -> dict[str, str]:
    where = f"FROM {store.database}.profile_attributes WHERE profile_id = {{p:UUID}}"
    return dict(store.rows(f"SELECT name, value {where}", {"p": profile_id(home)}))


def known(name: str, minute: float, traits: dict[str, Any], *identifiers: str, **more: Any) -> Touchpoint:
    properties = {"traits": traits, **more}
    return a_touch(name, *identifiers, minute=minute, touchpoint="identified", properties=properties)


def test_the_last_word_by_event_time_on_each_attribute_counts_and_null_takes_it_back(store: Store) -> None:
    land = Landing(store)
    land(
        topics.RESOLVED,
        resolved(known("a", 9, {"region": "north", "age": 31, "vip": True}, ADA), ADA, ADA),
        resolved(known("b", 5, {"region": "south", "name": 'A "da" ü', "phone": "1"}, ADA), ADA, ADA),
        resolved(known("c", 10, {"phone": None, "address": {"city": "Köln"}}, ADA), ADA, ADA),
        resolved(known("d", 11, {"region": "group's"}, ADA, groupId="g"), ADA, ADA),
        resolved(a_touch("e", ADA, minute=12, properties={"traits": "none"}), ADA, ADA),
        resolved(known("f", 3, {"colour": "red", "region": "west"}, COOKIE), COOKIE, COOKIE),
    )
    assert attributes(store, ADA) == {
        "region": "north", "age": "31", "vip": "true", "name": 'A "da" ü', "address": '{"city":"Köln"}'
    }  # fmt: skip
    # What the cookie said earlier joins what is known, and replaces nothing newer.
    land(topics.RESOLVED, arrival(ADA, COOKIE, 1, "f"))
    assert attributes(store, COOKIE) == {}
    assert attributes(store, ADA)["colour"] == "red"
    assert attributes(store, ADA)["region"] == "north"


def test_the_last_word_by_event_time_on_each_purpose_counts(store: Store) -> None:
    def banner(**allowed: bool) -> dict[str, Any]:
        return {"context": {"consent": {"categoryPreferences": allowed}}}

    changed = {"touchpoint": "consent_changed"}
    land = Landing(store)
    land(
        topics.RESOLVED,
        resolved(a_touch("a", ADA, minute=1, properties=banner(analytics=True, advertising=True)), ADA, ADA),
        # Withdrawn: the event still goes out under what was allowed before, and says what is from now on.
        resolved(
            a_touch(
                "b", ADA, minute=2,
                properties={"analytics": True, "ads": False, **banner(analytics=True, advertising=True)},
                **changed,
            ),
            ADA, ADA,
        ),
        resolved(a_touch("c", ADA, minute=3, touchpoint="newsletter_subscribed"), ADA, ADA),
        resolved(a_touch("d", ADA, minute=4, touchpoint="email_unsubscribed"), ADA, ADA),
        resolved(a_touch("e", ADA, minute=5, properties={"consent": "of another kind"}), ADA, ADA),
    )  # fmt: skip
    found = store.rows(f"SELECT purpose, allowed, touchpoint FROM {store.database}.profile_consent ORDER BY purpose")
    assert found == [
        ("advertising", False, "consent_changed"),
        ("analytics", True, "consent_changed"),
        ("email", False, "email_unsubscribed"),
    ]


def a_conversion(name: str, home: str, net: int, currency: str | None = "EUR", **more: Any) -> ConversionRecord:
    fields: dict[str, Any] = {
        "conversion_id": an_id(name), "profile_id": profile_id(home), "journey_id": an_id("j", home), "revision": 1,
        "conversion": "purchase", "closing": True, "occurred_at": AT, "touchpoint": "order_completed",
        "channel": "web", "source": "shop", "currency": currency, "minor_digits": 2, "gross_minor": net,
        "net_minor": net, "recorded_at": AT,
    }  # fmt: skip
    return ConversionRecord(**fields | more)


def a_journey(home: str, **more: Any) -> JourneySnapshot:
    fields: dict[str, Any] = {
        "journey_id": an_id("j", home), "profile_id": profile_id(home), "revision": 1, "status": "open",
        "opening_event": an_id("a"), "opened_at": AT, "last_at": AT, "touchpoints": 1, "touches": 1, "visits": 1,
        "conversions": 0, "first_touchpoint": "page_view", "last_touchpoint": "page_view", "recorded_at": AT,
    }  # fmt: skip
    return JourneySnapshot(**fields | more)


def test_the_customer_360_puts_a_profile_together_and_follows_a_merge(store: Store) -> None:
    before: list[tuple[topics.Topic, WireModel]] = [
        (topics.PROFILES, a_change(ADA, 0, "created", ADA)),
        (topics.PROFILES, a_change(COOKIE, 0, "created", COOKIE)),
        (topics.RESOLVED, resolved(a_touch("a", COOKIE, minute=-5, channel="search"), COOKIE, COOKIE)),
        (topics.RESOLVED, resolved(known("b", 3, {"segments": ["vip", "north"], "age": 30}, ADA), ADA, ADA)),
        (topics.RESOLVED, resolved(a_touch("c", ADA, minute=4, touchpoint="complaint"), ADA, ADA)),
        (topics.RESOLVED, resolved(a_touch("d", ADA, minute=4, touchpoint="complaint.delivery"), ADA, ADA)),
        (topics.JOURNEYS, a_journey(COOKIE)),
        (topics.JOURNEYS, a_journey(ADA)),
        (topics.CONVERSIONS, a_conversion("b", ADA, 1299)),
        (topics.CONVERSIONS, a_conversion("c", ADA, 501)),
        (topics.CONVERSIONS, a_conversion("d", ADA, 3000, "CHF")),
        (topics.CONVERSIONS, a_conversion("x", ADA, 0, None)),
    ]
    merge: list[tuple[topics.Topic, WireModel]] = [
        (topics.PROFILES, a_change(COOKIE, 1, "merged", ADA, previous_profile_id=profile_id(COOKIE))),
        (topics.RESOLVED, arrival(ADA, COOKIE, 1, "a")),
        (topics.JOURNEYS, a_journey(COOKIE, revision=2, withdrawn=True)),
    ]
    columns = "identifiers, attributes, segments, touchpoints, journeys, conversions, value, complaints, first_channel"
    value = {"EUR": Decimal("18"), "CHF": Decimal("30")}
    known_of_ada = {"age": "30", "segments": '["vip","north"]'}, ["vip", "north"]
    apart = [
        ([COOKIE], {}, [], 1, 1, 0, {}, 0, "search"),
        ([ADA], *known_of_ada, 3, 1, 4, value, 2, "web"),
    ]
    together = [([COOKIE, ADA], *known_of_ada, 4, 1, 4, value, 2, "search")]
    land = Landing(store)
    for records, wanted in ((before, apart), (merge, together)):
        for order in (records, records[::-1]):
            for topic, record in order:
                land(topic, record)
            query = f"SELECT {columns} FROM {store.database}.customer_360 ORDER BY first_contact"
            assert store.rows(query) == wanted
    assert count(store, "profiles") == 1
    contacts = store.rows(f"SELECT dateDiff('minute', first_contact, last_contact) FROM {store.database}.profiles")
    assert contacts == [(9,)]


def test_segments_may_be_a_list_or_names_parted_by_commas(store: Store) -> None:
    land = Landing(store)
    for number, traits in enumerate(({"segments": "vip, north"}, {"segment": "vip"}, {"segments": []}, {"x": 1})):
        who = f"customer:c{number}"
        land(topics.RESOLVED, resolved(known(str(number), number, traits, who), who, who))
    found = store.rows(f"SELECT segments FROM {store.database}.customer_360 ORDER BY first_contact")
    assert found == [(["vip", "north"],), (["vip"],), ([],), ([],)]


def test_a_decision_is_archived_once_and_what_identifiers_say_is_not(store: Store) -> None:
    command = Command(to=COOKIE, action="block", command_id=an_id("k"), requested_at=AT, requested_by="data team")
    Landing(store)(topics.IDENTITY, IdentityMessage(message=command))
    Landing(store, epoch=2)(topics.IDENTITY, IdentityMessage(message=command), IdentityMessage(message=command))
    found = store.rows(f"SELECT identifier, action, other, requested_by FROM {store.database}.identity_commands")
    assert found == [(COOKIE, "block", None, "data team")]
    assert count(store, "commands_log FINAL", "epoch = 1") == 1


def test_a_database_from_before_identity_keeps_its_touchpoints_and_learns_their_attributes(
    clickhouse_door: ClickHouseDoor, door_database: str
) -> None:
    store = Store(ClickHouseConnection(port=clickhouse_door.port, database=door_database))
    known_then = [one for one in migrations.available() if one.name < "0006"]
    migrations.apply(store, migrations=known_then)
    store.insert(
        "touchpoints_log",
        ("event_id", "profile_id", "touchpoint", "occurred_at", "properties", "epoch", "version"),
        [(an_id("a"), profile_id(ADA), "identified", 1_772_366_400_000_000, '{"traits":{"region":"north"}}', 1, 1)],
    )
    migrations.apply(store)
    assert homes(store) == {an_id("a"): profile_id(ADA)}
    assert attributes(store, ADA) == {"region": "north"}
    store.close()
