"""What the nodes of a batch say: to each other, to profiles, and to the log. In the order in which it was said."""

from datetime import datetime
from functools import lru_cache

from schemas import topics
from schemas.policy import POLICIES, Policy
from streams.core.clock import moment
from streams.core.identity.label import Label
from streams.core.identity.messages import (
    Asked,
    Envelope,
    Evidence,
    Followed,
    Labelled,
    Message,
    Ordered,
    Parted,
    Seen,
    Sighted,
    WriteChange,
    WriteForwarding,
    WriteMove,
    WriteRoute,
    encode,
    to_wire,
)
from streams.core.identity.node import Mention
from streams.core.identity.orders import said_in
from streams.core.identity.plan import Move
from streams.core.ids import derived
from streams.core.stage import Output


@lru_cache(maxsize=65_536)
def profile_named(key: str) -> str:
    """Give the id of the profile that an identifier names; see `schemas.base.profile_id`."""
    return derived("profile", key)


class Outbox:
    """The outputs of one batch. `timestamp` is that of the input record in hand, in milliseconds."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.timestamp = 0

    def say(self, message: Message) -> None:
        """Write to a node."""
        self._put(topics.IDENTITY.name, message.to, Envelope(message))

    def seen(  # a message's fields, by name
        self,
        to: str,
        sender: str,
        evidence: Evidence,
        label: Label | None,
        *,
        verified: bool = True,
        sighted: int | None = None,
        joined: int | None = None,
    ) -> None:
        """Tell a node that it was seen together with the sender; times in microseconds."""
        self.say(
            Seen(
                to,
                sender,
                evidence,
                verified,
                None if sighted is None else moment(sighted),
                None if joined is None else moment(joined),
                None if label is None else to_wire(label),
            )
        )

    def labelled(self, to: str, sender: str, evidence: Evidence, label: Label | None) -> None:
        """Tell a node the sender's label."""
        self.say(Labelled(to, sender, evidence, None if label is None else to_wire(label)))

    def asked(self, to: str, sender: str, evidence: Evidence) -> None:
        """Ask a node of a unique kind for every time that it was seen with the sender."""
        self.say(Asked(to, sender, evidence))

    def sighted(self, to: str, sender: str, evidence: Evidence, seen: list[int], unverified_seen: list[int]) -> None:
        """Tell a node when the sender was seen with it; times in microseconds."""
        self.say(Sighted(to, sender, evidence, tuple(map(moment, seen)), tuple(map(moment, unverified_seen))))

    def parted(self, to: str, sender: str, evidence: Evidence, decided: int) -> None:
        """Tell a node that a person has parted it from the sender."""
        self.say(Parted(to, sender, moment(decided), evidence))

    def ordered(self, to: str, sender: str, evidence: Evidence, mention: Mention) -> None:
        """Tell an order where an event of the sender that names it belongs."""
        self.say(Ordered(to, sender, evidence, *_spelled(mention)))

    def followed(self, to: str, sender: str, evidence: Evidence, mention: Mention) -> None:
        """Ask to be told whenever an event that names the sender, an order, is in another profile."""
        self.say(Followed(to, sender, evidence, *_spelled(mention)))

    def forward(  # a record's fields, by name
        self, owner: str, policy: int, version: int, cause: str, evidence: Evidence, moves: list[Move], *, final: bool
    ) -> None:
        """Tell the one profile that all moves lead from where to send the owner's touchpoints."""
        home = profile_named(moves[0].old)
        routes = [WriteRoute(_moment(m.since), _moment(m.until), profile_named(m.new)) for m in moves]
        forwarding = WriteForwarding(
            owner, POLICIES[policy], version, cause, evidence.id, evidence.recorded_at, routes, final
        )
        self._put(topics.RESOLVED.name, home, WriteMove(home, forwarding))

    def log(self, change: WriteChange) -> None:
        """Write a line of the log of profiles."""
        self._put(topics.PROFILES.name, change.profile_id, change)

    def _put(self, topic: str, key: str, record: object) -> None:
        self.outputs.append(Output(topic, key.encode(), encode(record), self.timestamp))


def _spelled(mention: Mention) -> tuple[bool, bool, datetime, Policy, str]:
    verified, priced = said_in(mention.rank)
    return verified, priced, moment(mention.at), POLICIES[mention.policy], mention.named


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)
