"""From the one settings object to what each part wants to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.catalogue import DEFAULT, Catalogue, CatalogueError, line_of, load

if TYPE_CHECKING:
    from deploy.settings import Settings
    from deploy.topics import WantedTopic
    from streams.core.stage import Stage
    from streams.worker.settings import WorkerSettings
    from streams.worker.topics import ChangelogTopic


#: So many things may the fold say in one batch: seconds of work, where a transaction has twenty.
MOST_AT_ONCE = 32_000


def catalogue_of(settings: Settings) -> Catalogue:
    """Read the catalogue that is in force, its blocked identifiers in the writing of the doors.

    Raises:
        CatalogueError: it cannot be used; with file, line and reason.
    """
    from producers.identity_text import identifier_of  # noqa: PLC0415

    catalogue = load(settings.catalogue or DEFAULT)
    if not catalogue.identity.block:
        return catalogue
    rules = settings.identifiers.rules()
    try:
        block = tuple(identifier_of(text, rules).key for text in catalogue.identity.block)
    except ValueError as error:
        raise CatalogueError(f"{place_of(settings, ['identity', 'block'])}: {error}") from error
    return catalogue.model_copy(update={"identity": catalogue.identity.model_copy(update={"block": block})})


def place_of(settings: Settings, where: list[str]) -> str:
    """Say where in the file of the catalogue in force something stands: file, line and path."""
    path = settings.catalogue or DEFAULT
    return f"{path}:{line_of(path.read_text(encoding='utf-8'), where)}: {'.'.join(where)}"


def worker_settings(settings: Settings) -> WorkerSettings:
    """Put together the worker's section and the way to Kafka."""
    from streams.worker.settings import WorkerSettings  # noqa: PLC0415

    section = settings.worker.model_dump()
    section["replication_factor"] = settings.replication_factor
    return WorkerSettings(**section, kafka=settings.kafka)


def stages(catalogue: Catalogue) -> list[Stage]:
    """Give the stages of the stream worker, in the order of the way through.

    Raises:
        UserModelError: a user's own attribution model, which the catalogue names, cannot be loaded here.
    """
    from streams.core.fold import FoldStage  # noqa: PLC0415
    from streams.core.resolve import ResolveStage  # noqa: PLC0415

    return [ResolveStage(catalogue), FoldStage(catalogue, MOST_AT_ONCE)]


def every_topic(settings: Settings) -> list[WantedTopic]:
    """List the topics that must be there: those of `schemas.topics` and the worker's changelogs."""
    from deploy.topics import wanted_topics  # noqa: PLC0415

    return wanted_topics(settings, changelogs(settings))


def changelogs(settings: Settings) -> list[ChangelogTopic]:
    """List Faust's changelogs."""
    from streams.worker.topics import changelog_topics  # noqa: PLC0415

    return changelog_topics(worker_settings(settings), stages(load()))  # what they are called is in no catalogue
