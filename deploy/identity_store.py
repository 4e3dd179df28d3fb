"""What ClickHouse knows of identifiers and profiles: the questions of `touchpath identity` and the collector's door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from deploy.identity_states import blocked_by
from deploy.identity_story import Change, Decision, Member, Stop, Story, Stretch, Why
from schemas.catalogue import IdentitySettings
from schemas.connection import ClickHouseConnection
from schemas.identifier import STRENGTH, is_pseudonym
from sinks.cells import micros
from sinks.client import Store, StoreError
from sinks.sql import query

_EARLIEST = -(2**62)
#: So many identifiers of a profile, changes of one decision, and stops are shown.
MOST = 1000
MOST_NEAR = 5


class UnknownIdentifierError(LookupError):
    """Nobody is known by this identifier. `near` are some that are alike, `stopped` what guards kept apart from it."""

    def __init__(self, identifier: str, near: list[str], stopped: Sequence[Stop] = ()) -> None:
        alike = f"; there is {', '.join(near)}" if near else ""
        if stopped:
            alike = f" but that {stopped[0].words} ({stopped[0].why})"
        hidden = ""
        if is_pseudonym(identifier.partition(":")[2]):
            hidden = " (its value is kept as a pseudonym: has the key that makes it changed?)"
        super().__init__(f"nothing is known of {identifier}{hidden}{alike}")
        self.near = near


@dataclass(frozen=True, slots=True)
class Weight:
    """What hangs on an identifier: the touchpoints that it is the strongest identifier of, and their conversions."""

    touchpoints: int
    conversions: int


class IdentityStore:
    """Questions about identifiers; `store` stays the caller's, `rules` are the catalogue's."""

    def __init__(self, store: Store, rules: IdentitySettings) -> None:
        self._store = store
        self._rules = rules

    def story(self, identifier: str) -> Story:
        """Give all that is known of an identifier.

        Raises:
            UnknownIdentifierError: nothing is.
            StoreError: ClickHouse does not answer, or has no tables.
        """
        stretches = self.stretches(identifier)
        home = self._home(stretches)
        stopped = self.stops(identifier=identifier)
        if home is None:
            raise UnknownIdentifierError(identifier, self.near(identifier), stopped)
        decisions = self.decisions(identifier)
        return Story(
            identifier=identifier,
            profile_id=home.profile_id,
            named_by=home.named_by,
            stretches=stretches,
            members=self.members(home.profile_id),
            history=self._changes("identity_history", {"identifier": identifier, "most": MOST})[::-1],
            stopped=stopped,
            decisions=decisions,
            blocked=blocked_by(identifier, decisions, stopped, self._rules.block),
            figures=self.figures(home.profile_id),
        )

    def stretches(self, identifier: str) -> list[Stretch]:
        """Say where its events belong, by policy and time; nothing where it is not known."""
        found = self._rows("identity_belongs", {"identifier": identifier})
        return [Stretch(policy, _utc(since), _utc(until), id_, named) for policy, since, until, id_, named in found]

    def home(self, identifier: str) -> Stretch | None:
        """Say whose its newest events are, under the policy that most sources have; None where it is not known."""
        return self._home(self.stretches(identifier))

    def _home(self, stretches: list[Stretch]) -> Stretch | None:
        usual = [one for one in stretches if one.policy == self._rules.policy] or stretches[:1]
        return usual[-1] if usual else None

    def members(self, profile_id: UUID) -> list[Member]:
        """List the identifiers of a profile."""
        found = self._rows("identity_members", {"profile_id": profile_id, "most": MOST})
        why = self._why((row[5], row[4]) for row in found)
        return [
            Member(one, bool(shared), _at(at), change, why[id_, cause]) for one, shared, at, change, cause, id_ in found
        ]

    def caused_by(self, evidence: UUID) -> list[Change]:
        """Give what came of an event or a decision."""
        return self._changes("identity_caused", {"evidence": evidence, "most": MOST})

    def stops(
        self, *, guard: str = "", identifier: str = "", since: datetime | None = None, most: int = MOST
    ) -> list[Stop]:
        """List what guards have stopped, the latest first."""
        wanted = {
            "guard": guard,
            "identifier": identifier,
            "since": micros(since) if since else _EARLIEST,
            "most": most,
        }
        found = self._rows("identity_stopped", wanted)
        why = self._why((row[7], row[6]) for row in found)
        return [
            Stop(_at(last), _at(first), kept_by, one, other, words, why[id_, cause])
            for last, first, kept_by, one, other, words, cause, id_ in found
        ]

    def decisions(self, identifier: str) -> list[Decision]:
        """List what people have decided about an identifier and whom it was merged with, the oldest first."""
        found = self._rows("identity_decisions", {"identifier": identifier, "most": MOST})
        return [_decision(row) for row in reversed(found)]

    def blocked(self, identifier: str) -> str:
        """Say what keeps an identifier from joining anybody; "" where nothing does."""
        return blocked_by(identifier, self.decisions(identifier), self.stops(identifier=identifier), self._rules.block)

    def decided(self, command_id: UUID) -> Decision | None:
        """Give the decision of that id, if it has come through."""
        found = self._rows("identity_decided", {"command_id": command_id})
        return _decision(found[0]) if found else None

    def figures(self, profile_id: UUID) -> dict[str, int]:
        """Count what is in a profile."""
        [counts] = self._rows("identity_figures", {"profile_id": profile_id})
        names = ("identifiers", "touchpoints", "journeys", "conversions")
        return {name: int(count) for name, count in zip(names, counts, strict=True)}

    def weight(self, identifier: str) -> Weight:
        """Count what goes wherever an identifier goes."""
        [(touchpoints, conversions)] = self._rows("identity_own", {"identifier": identifier})
        return Weight(int(touchpoints), int(conversions))

    def near(self, identifier: str) -> list[str]:
        """List identifiers that somebody may have meant; none where values are pseudonyms."""
        kind, _, value = identifier.partition(":")
        if is_pseudonym(value):
            return []
        wanted = {
            "identifier": identifier,
            "same_value": [f"{other}:{value}" for other in (*STRENGTH, *self._rules.unique) if other != kind],
            "lower": f"{kind}:{value[:1].lower()}",
            "upper": f"{kind}:{value[:1].upper()}",
            "most_distance": max(1, min(3, len(value) // 4)),
            "most": MOST_NEAR,
        }
        return [row[0] for row in self._rows("identity_near", wanted)]

    def _changes(self, name: str, parameters: dict[str, Any]) -> list[Change]:
        found = self._rows(name, parameters)
        why = self._why((row[12], row[11]) for row in found)
        return [
            Change(
                recorded_at=_at(row[0]),
                identifier=row[1],
                words=row[2],
                policy=row[3],
                version=row[4],
                change=row[5],
                profile_id=row[6],
                previous=row[7],
                named_by=row[8],
                since=_utc(row[9]),
                until=_utc(row[10]),
                why=why[row[12], row[11]],
            )
            for row in found
        ]

    def _why(self, evidence: Iterable[tuple[UUID, str]]) -> Mapping[tuple[UUID, str], Why]:
        """Explain what is behind things: ids and causes."""
        wanted = set(evidence)
        ids = sorted({str(id_) for id_, _ in wanted})
        known = {row[0]: row[1:] for row in self._rows("identity_evidence", {"ids": ids})} if ids else {}
        return {(id_, cause): Why(cause, id_, *known.get(id_, ())) for id_, cause in wanted}

    def _rows(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self._store.rows(query(name, self._store.database), parameters)


@dataclass(frozen=True, slots=True)
class IdentityLookup:
    """What the collector's GET of an identifier answers. A value that can be pickled; each call asks anew."""

    clickhouse: ClickHouseConnection
    rules: IdentitySettings

    def __call__(self, identifier: str) -> dict[str, Any]:
        """Give the identifier's story as JSON.

        Raises:
            UnknownIdentifierError: nothing is known of it.
            OSError: ClickHouse does not answer.
        """
        store = Store(self.clickhouse, retries=())
        try:
            return IdentityStore(store, self.rules).story(identifier).as_json()
        except StoreError as error:
            raise ConnectionError("ClickHouse does not answer, or has no tables yet") from error
        finally:
            store.close()


def _decision(row: tuple[Any, ...]) -> Decision:
    id_, action, identifier, other, at, by, why = row
    return Decision(id_, action, identifier, other, _at(at), by, why)


def _at(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else _at(moment)
