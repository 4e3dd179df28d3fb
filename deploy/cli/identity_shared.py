"""What the commands of `touchpath identity` share: an identifier as it is typed, and the way to what is known of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.cli.exits import CommandError, Exit
from deploy.cli.options import checked_catalogue
from deploy.cli.tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.identity_store import IdentityStore
    from deploy.settings import Settings
    from schemas.identifier import Identifier


def identifier_typed(settings: Settings, text: str, region: str | None, what: str = "KEY") -> Identifier:
    """Read an identifier as the doors would pass it on; what is none ends the command."""
    from producers.identity_text import identifier_of

    try:
        return identifier_of(text, settings.identifiers.rules(), region)
    except ValueError as error:
        raise CommandError(f"{what}: {error}", Exit.USAGE) from error


@contextmanager
def identity_store(settings: Settings) -> Iterator[IdentityStore]:
    """Give the way to ClickHouse; where nobody answers, or no tables are, the command ends."""
    from deploy.identity_store import IdentityStore

    rules = checked_catalogue(settings).identity
    with tables_of(settings, patient=False) as store:
        yield IdentityStore(store, rules)
