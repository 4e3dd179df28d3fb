"""What the collector counts, in one place, each with its meaning."""

import os
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from producers.collector.reason_class import Classes
from producers.collector.tally import tally_of
from schemas.outcome import Outcome, Quarantined

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One registry a collector. Always: received = accepted + duplicate + quarantined, for each source.

    So `received` counts an event when its outcome is told, not when it arrives; what was answered 503 has no outcome
    yet, since its sender will send it again, and counts as `refused`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("received", "Events whose outcome was told to the sender")
        self.accepted = self._counter("accepted", "Events that Kafka acknowledged as touchpoints")
        self.duplicate = self._counter("duplicate", "Events that this process had taken before")
        self.quarantined = self._counter("quarantined", "Events that Kafka acknowledged as quarantined")
        self.reasons = Counter(
            "touchpath_collector_quarantine_reasons",
            "Quarantined events by the place that the reason names, without its numbers; the rarer ones are `other`",
            ["source", "reason"],
            registry=self.registry,
        )
        self._classes = Classes()
        self._of_source: dict[str, tuple[Counter, ...]] = {}  # looking labels up costs more than counting
        self._of_path: dict[tuple[str, int], Histogram] = {}
        self.refused = self._counter("refused", "Events that were answered 503, to be sent again")
        self.unauthorized = Counter(
            "touchpath_collector_unauthorized", "Requests without a good write key", registry=self.registry
        )
        self.turned_away = Counter(
            "touchpath_collector_turned_away",
            "Requests with a good key that were not read: forbidden, above the key's rate, or busy",
            ["source", "why"],
            registry=self.registry,
        )
        self.bad_signatures = Counter(
            "touchpath_collector_bad_signatures",
            "Hooks whose signature was missing, wrong or too old",
            ["source", "adapter"],
            registry=self.registry,
        )
        self.publish_errors = Counter(
            "touchpath_collector_publish_errors", "Requests that Kafka did not acknowledge", registry=self.registry
        )
        self.seconds = Histogram(
            "touchpath_collector_request_seconds",
            "Seconds from the request's arrival to its answer",
            ["path", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """Give all of it in Prometheus's format; where several processes share the work, of all of them together."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call] # it leaves its constructor without types
        return generate_latest(together)

    def tell(self, source: str, outcomes: Sequence[Outcome]) -> None:
        """Count a request whose outcomes are told."""
        tally = tally_of(outcomes)
        counters = self._of_source.get(source)
        if counters is None:
            each = (self.accepted, self.duplicate, self.quarantined, self.received)
            counters = self._of_source[source] = tuple(counter.labels(source) for counter in each)
        for counter, count in zip(
            counters, (tally.accepted, tally.duplicate, tally.quarantined, tally.received), strict=True
        ):
            if count:
                counter.inc(count)
        if tally.quarantined:
            for outcome in outcomes:
                if isinstance(outcome, Quarantined):
                    self.reasons.labels(source, self._classes.name(source, outcome.record.reason)).inc()

    def took(self, path: str, status: int, seconds: float) -> None:
        """Note how long a request took; `path` is one of the few that the table of doors has."""
        histogram = self._of_path.get((path, status))
        if histogram is None:
            histogram = self._of_path[path, status] = self.seconds.labels(path, str(status))
        histogram.observe(seconds)

    def refuse(self, source: str, events: int) -> None:
        """Count a request that was answered 503."""
        self.refused.labels(source).inc(events)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"touchpath_collector_events_{name}", meaning, ["source"], registry=self.registry)
