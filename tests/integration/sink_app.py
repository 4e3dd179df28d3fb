"""A sink in a process of its own, for tests that kill it. Argument: JSON of settings, kafka and clickhouse."""

from __future__ import annotations

import json
import logging
import sys

from schemas.connection import ClickHouseConnection, KafkaConnection
from sinks.settings import SinkSettings
from sinks.sink import run_sink

if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    given = json.loads(sys.argv[1])
    sys.exit(
        run_sink(
            SinkSettings.model_validate(given["settings"]),
            KafkaConnection.model_validate(given["kafka"]),
            ClickHouseConnection.model_validate(given["clickhouse"]),
        )
    )
