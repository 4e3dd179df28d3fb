"""The topics a worker wants to find. It creates none: one command of the project does, with the right settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streams.core.stage import Stage
from streams.worker.settings import WorkerSettings


def source_topics(stage: Stage) -> tuple[str, ...]:
    """Full names of all topics that a stage reads; partition n of all of them is one lane."""
    return (stage.input_topic, *stage.also_reads)


@dataclass(frozen=True)
class ChangelogTopic:
    """A changelog to be created: as many partitions as `copartitioned_with`, its stage's input topic."""

    name: str
    copartitioned_with: str
    replication_factor: int
    config: Mapping[str, str]


def changelog_name(app_id: str, stage_name: str) -> str:
    """Name of a stage's changelog, by Faust's convention."""
    return f"{app_id}-{stage_name}-changelog"


def changelog_topics(settings: WorkerSettings, stages: Sequence[Stage]) -> list[ChangelogTopic]:
    """List the changelogs of the stages that have state, in the stages' order."""
    config = {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(int(settings.tombstone_retention * 1000)),
        # A log that is compacted late is a recovery that takes long.
        "min.cleanable.dirty.ratio": "0.2",
        "segment.ms": str(6 * 3600 * 1000),
        "max.message.bytes": str(settings.max_request_bytes + 1024),
    }
    return [
        ChangelogTopic(
            changelog_name(settings.app_id, stage.name),
            stage.input_topic,
            settings.replication_factor,
            config,
        )
        for stage in stages
        if stage.stateful
    ]
