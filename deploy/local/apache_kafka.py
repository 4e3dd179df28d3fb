"""Apache Kafka in KRaft mode: one process that is broker and controller, its data on disk."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from pathlib import Path

from deploy.local.broker import BrokerProcess
from deploy.local.errors import LocalStackError
from deploy.local.kafka_jars import java_command, kafka_jars
from deploy.local.ports import LOOPBACK, free_port

LOG4J = Path(__file__).with_name("kafka_log4j2.properties")
DEFAULT_HEAP_MB = 768
#: Java compiles quickly rather than well: half of the processor time until a broker is ready, and slower from then on.
SHORT_LIVED = "-XX:TieredStopAtLevel=1"

# Settings of a single broker that wants to be up quickly. Internal topics get few partitions, since each
# one is a directory and open files; the cleaner's buffer is 128 MB by default, too much for a small heap.
_SETTINGS = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@{host}:{controller_port}
inter.broker.listener.name=PLAINTEXT
log.dirs={log_dir}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=5000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""


class ApacheKafkaBroker(BrokerProcess):
    """Apache Kafka on 127.0.0.1:`port`, with topics and cluster id in `data_dir`, which outlive a restart.

    One that is `short_lived` starts in half of the processor time and never gets as fast: for tests.
    """

    name = "apache-kafka"
    start_timeout = 60.0

    def __init__(
        self,
        data_dir: Path,
        port: int,
        log_path: Path,
        *,
        heap_mb: int = DEFAULT_HEAP_MB,
        short_lived: bool = False,
        cache: Path | None = None,
    ) -> None:
        super().__init__(port, log_path)
        self.data_dir = data_dir
        self.heap_mb = heap_mb
        self.short_lived = short_lived
        self._cache = cache

    @property
    def cluster_id(self) -> str:
        """The id that was written when the data directory was formatted; raises when it was not."""
        for line in self._meta.read_text().splitlines():
            name, _, value = line.partition("=")
            if name == "cluster.id":
                return value
        raise LocalStackError(f"{self._meta} holds no cluster.id")

    def prepare(self) -> None:
        """Fetch the jars if need be, write the configuration, format the data directory the first time."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        java_command()
        kafka_jars(self._cache)
        # The controller listens for nobody but its own process, so any port will do, a new one each start.
        settings = _SETTINGS.format(
            host=LOOPBACK, port=self.port, controller_port=free_port(), log_dir=self._log_dir.resolve()
        )
        self._config.write_text(settings)
        if not self._meta.exists():
            self._format()

    def argv(self) -> list[str]:
        """Return the command line of the broker."""
        return [*self._java(self.heap_mb, short_lived=self.short_lived), "kafka.Kafka", str(self._config)]

    @property
    def _config(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _log_dir(self) -> Path:
        return self.data_dir / "topics"

    @property
    def _meta(self) -> Path:
        return self._log_dir / "meta.properties"

    def _java(self, heap_mb: int, *, short_lived: bool) -> list[str]:
        return [
            java_command(),
            f"-Xmx{heap_mb}m",
            *([SHORT_LIVED] if short_lived else []),
            # Two cores are shared with everything else: no collector threads, no counters in a file.
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={LOG4J}",
            "-cp",
            f"{kafka_jars(self._cache)}{os.sep}*",
        ]

    def _format(self) -> None:
        tool = ["kafka.tools.StorageTool", "format", "--config", str(self._config)]
        # One argument, because an id may begin with a dash.
        tool.append(f"--cluster-id={_new_cluster_id()}")
        done = subprocess.run(
            [*self._java(256, short_lived=True), *tool, "--ignore-formatted"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LocalStackError(f"Apache Kafka could not format {self._log_dir}:\n{done.stdout}{done.stderr}")


def _new_cluster_id() -> str:
    """16 random bytes the way Kafka writes them: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
