"""The catalogue of the local stack: does what was said follow it, and if not, let it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deploy.catalogue_apply import apply, change_to, plan
from deploy.settle_patiently import settling
from deploy.wiring import catalogue_of
from producers.publisher import Publisher, PublishFailed
from sinks.catalogue import put_in_force
from sinks.client import Store

if TYPE_CHECKING:
    from deploy.settings import Settings

#: So long a broker that has just come up may take to answer, in seconds.
CONNECT_SECONDS = 30.0


def is_followed(settings: Settings) -> bool:
    """Say whether journeys and ledger follow the catalogue of the settings.

    Raises:
        StoreError: ClickHouse does not answer, or has no tables.
    """
    store = Store(settings.clickhouse)
    try:
        return change_to(store, catalogue_of(settings))[0].needs == "nothing"
    finally:
        store.close()


def put_in_force_here(settings: Settings) -> None:
    """Write down that everything was derived by the catalogue of the settings, if that is not written down yet.

    Raises:
        StoreError: ClickHouse does not answer, or has no tables.
    """
    store, catalogue = Store(settings.clickhouse), catalogue_of(settings)
    try:
        change, since = change_to(store, catalogue)
        if change.differences or since is None:
            put_in_force(store, catalogue, datetime.now(UTC))
    finally:
        store.close()


def follow_catalogue(settings: Settings, patience: float, say: Callable[[str], None]) -> None:
    """Let everything follow the catalogue of the settings, by workers that have been started with it.

    Raises:
        PublishFailed: no broker answers, or it does not acknowledge.
        SettleTimeout: for `patience` seconds nobody got any further.
        KafkaError, OSError: the broker is gone meanwhile.
        StoreError: ClickHouse does not answer, or has no tables.
    """
    store = Store(settings.clickhouse)
    try:
        found = plan(store, catalogue_of(settings))
        if found.needs == "nothing":
            return
        again = f"; touchpoints that are read again: {found.touchpoints:,}" if found.touchpoints else ""
        say(f"the catalogue has changed: profiles that look at themselves again: {found.profiles:,}{again}")
        with Publisher(settings.kafka, settings.publisher, client_id="touchpath-catalogue") as publisher:
            if not publisher.wait_connected(CONNECT_SECONDS):
                raise PublishFailed(f"no Kafka broker answers at {settings.kafka.bootstrap_servers}")
            done = apply(store, publisher, settling(settings, patience), lambda: datetime.now(UTC), found)
        say(f"everything follows the changed catalogue, after {done.seconds:.1f} s")
        if done.violations:
            say(f"the ledger of {done.violations:,} conversions and models is not whole: see attribution_violations")
    finally:
        store.close()
