"""The importer of POS files by hand: what `touchpath import store` calls. `file_import` does the work.

Here is what a person is told before anything is sent: which option is missing, what is wrong with the heading.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from producers.adapters.pieces import BAD_GZIP, unzipped
from producers.adapters.problem import Problem
from producers.adapters.sender import Sender
from producers.adapters.store import pos_csv
from producers.adapters.store.lines import Declared
from producers.file_import import FileImportError, FileImportSummary, Pace, Progress, import_file
from producers.identity_text import PLAIN, IdentifierRules
from producers.publisher import Publisher
from schemas.catalogue import Catalogue, StoreSettings, load
from schemas.money import Currency

__all__ = ["Progress", "StoreImportError", "StoreImportSettings", "StoreImportSummary", "import_store"]

StoreImportError = FileImportError


class StoreImportSettings(BaseModel):
    """What the user says of the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(default="store", min_length=1, max_length=100)
    timezone: str | None = Field(default=None, description="IANA zone of times without one: Europe/Berlin")
    currency: Currency | None = Field(default=None, description="of lines without one")
    window_lines: int = Field(default=pos_csv.WINDOW, ge=1, description="a receipt is whole after so many other lines")
    chunk_receipts: int = Field(default=500, ge=1, description="receipts sent and acknowledged together")
    chunks_under_way: int = Field(default=6, ge=1)
    give_up_after: float = Field(default=60, gt=0, description="seconds without Kafka")


@dataclass(frozen=True, slots=True)
class StoreImportSummary(FileImportSummary):
    """What became of a file, counted in receipts (and stray lines). `lines` are those that were read."""

    lines: int = 0


def import_store(
    path: Path,
    settings: StoreImportSettings,
    publisher: Publisher,
    *,
    catalogue: Catalogue | None = None,
    rules: IdentifierRules = PLAIN,
    state_dir: Path | None = None,
    restart: bool = False,
    progress: Callable[[Progress], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StoreImportSummary:
    """Import one POS file, as `import_file` does. `catalogue` None: the one that ships. `rules` are of identifiers.

    Raises:
        StoreImportError: as `import_file`; no receipt lines; no zone or currency where one is needed.
    """
    catalogue = catalogue or _shipped()
    declared = _declared(settings)
    _check(path, declared, catalogue.store)
    lines = 0

    def count() -> None:
        nonlocal lines
        lines += 1

    adapter = replace(pos_csv.ADAPTER, file=partial(pos_csv.file, window=settings.window_lines, on_line=count))
    sender = Sender(settings.source, "file", settings.currency, zone=declared.zone, rules=rules)
    pace = Pace(
        chunk_pieces=settings.chunk_receipts,
        chunks_under_way=settings.chunks_under_way,
        give_up_after=settings.give_up_after,
    )
    done = import_file(
        adapter,
        path,
        sender,
        catalogue,
        publisher,
        state_dir=state_dir,
        restart=restart,
        progress=progress,
        now=now,
        pace=pace,
    )
    return StoreImportSummary(**{one.name: getattr(done, one.name) for one in fields(done)}, lines=lines)


def _check(path: Path, declared: Declared, settings: StoreSettings) -> None:
    """Look whether the heading is one, and whether the first line needs something that was not declared."""
    try:
        with path.open("rb") as file:
            content = unzipped(file)
            first, second = (content.readline(pos_csv.LONGEST_LINE) for _ in range(2))
    except BAD_GZIP as error:
        raise StoreImportError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        layout = pos_csv.layout_in(first, settings)
    except Problem as problem:
        where = "line 1: " if problem.path == "$.line[1]" else ""
        raise StoreImportError(f"{path}: {where}{problem.message}") from problem
    if "currency" not in layout.positions and declared.currency is None:
        raise StoreImportError(f"{path}: there is no column currency; name the currency, for example --currency EUR")
    if pos_csv.zone_is_missing(second, layout, declared):
        raise StoreImportError(
            f"{path}: line 2: the time has no time zone; name the stores' zone, for example --timezone Europe/Berlin"
        )


def _declared(settings: StoreImportSettings) -> Declared:
    try:
        zone = ZoneInfo(settings.timezone) if settings.timezone else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreImportError(f"{settings.timezone!r} is not a time zone; one is Europe/Berlin") from error
    return Declared(zone, settings.currency)


@lru_cache(maxsize=1)
def _shipped() -> Catalogue:
    return load()
