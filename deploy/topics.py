"""The topics that Touchpath needs, with their settings and who may do what: pure, no client is imported here.

Declared in `schemas.topics`; the worker adds Faust's changelogs. Topics are made, never shrunk, grown or removed:
a keyed topic with another number of partitions would send a profile's next event to another worker's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from schemas.topics import COLLECTED, IDENTITY, MODELS, RESOLVED, TOPICS, Part

if TYPE_CHECKING:
    from deploy.settings import Settings
    from streams.worker.topics import ChangelogTopic

#: One copy more than this may be lost before writes stop; with fewer than three copies the broker's own rule holds.
COPIES_FOR_A_QUORUM = 3

#: Topics that a stage reads together with its input: they need as many partitions as that.
READ_TOGETHER = {IDENTITY.name: COLLECTED.name, MODELS.name: RESOLVED.name}

#: A topic that cannot be used with the partitions that it has, and how it is made anew without losing anything.
MADE_ANEW = {
    MODELS.name: f"workers need as many as {RESOLVED.name} has: remove the topic {MODELS.name}, then run"
    " `touchpath topics` and `touchpath attribution publish`, which publishes again what is in force",
}


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be; made beside the topic `like`, it gets as many partitions as that one has."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    purpose: str
    like: str | None = None


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as a cluster has it. `config` holds only what the cluster told."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting of an existing topic that is not as it should be; left as it is, and said. `advice`: what to do."""

    topic: str
    setting: str
    wanted: str
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Acl:
    """One right that one part needs. `pattern` is Kafka's resource pattern type."""

    part: Part | str
    resource: str
    name: str
    pattern: str
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to create, what is there, and what of it differs."""

    create: tuple[WantedTopic, ...]
    present: tuple[WantedTopic, ...]
    differences: tuple[Difference, ...]


def wanted_topics(settings: Settings, changelogs: Sequence[ChangelogTopic]) -> list[WantedTopic]:
    """List every topic: those of `schemas.topics`, then the worker's changelogs."""
    copies = settings.replication_factor
    quorum = {"min.insync.replicas": "2"} if copies >= COPIES_FOR_A_QUORUM else {}
    topics = [
        WantedTopic(
            topic.name,
            settings.partitions,
            copies,
            {**quorum, **topic.settings()},
            f"{' and '.join(topic.writers)} → {' and '.join(topic.readers)}",
            READ_TOGETHER.get(topic.name),
        )
        for topic in TOPICS
    ]
    topics += [
        WantedTopic(
            log.name,
            settings.partitions,
            copies,
            {**quorum, **log.config},
            f"state of {log.copartitioned_with}",
            log.copartitioned_with,
        )
        for log in changelogs
    ]
    return topics


def plan(wanted: Iterable[WantedTopic], found: Mapping[str, FoundTopic]) -> Plan:
    """Compare; a setting that the cluster did not tell (Tansu tells few) is no difference."""
    create, present, differences = [], [], list[Difference]()
    for declared in wanted:
        there, model = found.get(declared.name), found.get(declared.like or "")
        topic = declared if model is None else replace(declared, partitions=model.partitions)
        if there is None:
            create.append(topic)
            continue
        present.append(topic)
        pairs = [
            ("partitions", str(topic.partitions), str(there.partitions)),
            ("replication.factor", str(topic.replication_factor), str(there.replication_factor)),
            *((name, value, there.config.get(name, value)) for name, value in topic.config.items()),
        ]
        differences += [
            Difference(topic.name, *pair, MADE_ANEW.get(topic.name, "") if pair[0] == "partitions" else "")
            for pair in pairs
            if pair[1] != pair[2]
        ]
    return Plan(tuple(create), tuple(present), tuple(differences))


def acls(app_id: str, changelogs: Sequence[ChangelogTopic]) -> list[Acl]:
    """List the rights of each part, enough and no more, for a cluster that checks them.

    Who fits models waits until what is booked has followed: he needs the rights of `settle` beside those of `fit`.
    """
    rights: list[Acl] = []
    for topic in TOPICS:
        for part in dict.fromkeys((*topic.writers, *topic.readers)):
            operations = ("WRITE",) * (part in topic.writers) + ("READ",) * (part in topic.readers)
            rights.append(Acl(part, "TOPIC", topic.name, "LITERAL", (*operations, "DESCRIBE")))
    rights += [Acl("worker", "TOPIC", log.name, "LITERAL", ("WRITE", "READ", "DESCRIBE")) for log in changelogs]
    rights += [
        Acl("worker", "GROUP", app_id, "LITERAL", ("READ", "DESCRIBE")),
        # One id per input partition, `<app>-<topic>-<partition>`: it fences the worker that had it before.
        Acl("worker", "TRANSACTIONAL_ID", f"{app_id}-", "PREFIXED", ("WRITE", "DESCRIBE")),
        Acl("settle", "GROUP", app_id, "LITERAL", ("DESCRIBE",)),
        Acl("topics", "TOPIC", "touchpath.", "PREFIXED", ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS")),
        Acl("topics", "TOPIC", f"{app_id}-", "PREFIXED", ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS")),
    ]
    order = ("collector", "importer", "worker", "sink", "settle", "tail", "admin", "fit", "topics")
    return sorted(rights, key=lambda acl: order.index(acl.part))


def as_json(plan: Plan, rights: Sequence[Acl], *, created: bool) -> dict[str, Any]:
    """Give the report that `touchpath topics --json` prints."""
    missing = {topic.name for topic in plan.create}
    state = "created" if created else "missing"
    every = sorted((*plan.create, *plan.present), key=lambda topic: topic.name)
    return {
        "topics": [{**asdict(topic), "status": state if topic.name in missing else "present"} for topic in every],
        "differences": [asdict(difference) for difference in plan.differences],
        "acls": [asdict(acl) for acl in rights],
    }
