"""What became of an import so far: the same counting for files and topics. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar

from schemas.outcome import Accepted, Duplicate, Outcome, Quarantined

SHOWN_REASONS = 10


class Counts(Protocol):
    """A frozen dataclass in which received = accepted + duplicate + quarantined; `reasons` are the first few."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def received(self) -> int:
        """All events with an outcome."""

    @property
    def accepted(self) -> int:
        """Those that Kafka has as touchpoints."""

    @property
    def duplicate(self) -> int:
        """Those that came before in the same import."""

    @property
    def quarantined(self) -> int:
        """Those that Kafka has as quarantined."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the first of them were."""


C = TypeVar("C", bound=Counts)


def counted(counts: C, outcomes: Sequence[Outcome]) -> C:
    """Give the counts with these outcomes in them."""
    kinds = Counter(map(type, outcomes))
    bad = [outcome.record.reason for outcome in outcomes if isinstance(outcome, Quarantined)]
    return replace(
        counts,
        received=counts.received + len(outcomes),
        accepted=counts.accepted + kinds[Accepted],
        duplicate=counts.duplicate + kinds[Duplicate],
        quarantined=counts.quarantined + kinds[Quarantined],
        reasons=(*counts.reasons, *bad[: max(0, SHOWN_REASONS - len(counts.reasons))]),
    )
