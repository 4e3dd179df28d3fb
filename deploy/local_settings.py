"""What the parts of the local stack are told: the user's settings, with everything on this machine and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from deploy.local.ports import LOOPBACK
from producers.settings import WriteKey
from schemas.catalogue import DEFAULT
from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.settings import DatabaseSettings

if TYPE_CHECKING:
    from deploy.settings import Settings

Broker = Literal["tansu", "kafka"]
WRITE_KEY = "local"
#: Joining a group waits this long for members that left; on a laptop nobody is far away.
_QUICK_GROUP = {"session_timeout": 6.0, "rebalance_timeout": 6.0, "hand_over_timeout": 4.0}


def local_settings(settings: Settings, broker: Broker, kafka_port: int) -> Settings:
    """Give the settings of a stack on this machine: loopback only, no secrets, the write key `local`.

    Admin keys are those that the user has set: one that everybody knows could be used by a page of somebody else's.
    """
    return settings.model_copy(
        update={
            "kafka": KafkaConnection(bootstrap_servers=f"{LOOPBACK}:{kafka_port}"),
            "clickhouse": ClickHouseConnection(
                host=LOOPBACK, port=settings.clickhouse.port, database=settings.clickhouse.database
            ),
            "collector": settings.collector.model_copy(
                update={
                    "host": LOOPBACK,
                    "write_keys": (WriteKey(key=SecretStr(WRITE_KEY), source=WRITE_KEY, snowplow_app_ids=("*",)),),
                    "tls_cert": None,
                    "tls_key": None,
                }
            ),
            "worker": settings.worker.model_copy(
                update={
                    **_QUICK_GROUP,
                    "guarantee": "unfenced" if broker == "tansu" else "exactly_once",
                    # Tansu forgets its changelogs, so a state on disk would be of another life.
                    "store": "memory" if broker == "tansu" else settings.worker.store,
                }
            ),
            "database": DatabaseSettings(),
            "replication_factor": 1,
            "catalogue": (settings.catalogue or DEFAULT).absolute(),
            "data_dir": settings.data_dir.absolute(),
        }
    )


def write(settings: Settings, path: Path) -> None:
    """Write settings as a file that `--config` reads, for our eyes only: it holds what is secret in the clear."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(_plain(settings.model_dump(exclude_none=True)), file, indent=2)


def environment(config: Path, **extra: str) -> dict[str, str]:
    """Give the environment of a part: ours, with the settings from one file and from nowhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOUCHPATH_")}
    # Lines come when they are written, not when a buffer is full.
    return {**kept, "PYTHONUNBUFFERED": "1", "TOUCHPATH_CONFIG": str(config), **extra}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
