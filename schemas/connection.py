"""How to reach Kafka and ClickHouse: the typed settings that every shell takes. No client is imported here."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class KafkaConnection(BaseModel):
    """A Kafka cluster and the way in: plain, TLS, SASL, or SASL over TLS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str = Field(default="127.0.0.1:9092", description="host:port, several by comma")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = Field(default=None, description="PEM file of the authorities that sign the brokers")
    ssl_certfile: Path | None = Field(default=None, description="PEM file of our own certificate")
    ssl_keyfile: Path | None = Field(default=None, description="PEM file of our own key")
    ssl_key_password: SecretStr | None = None

    @property
    def servers(self) -> list[str]:
        """The bootstrap servers, one by one."""
        return [server.strip() for server in self.bootstrap_servers.split(",") if server.strip()]


class ClickHouseConnection(BaseModel):
    """A ClickHouse server (or the laptop's door) and the database that Touchpath owns there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8123, ge=1, le=65535)
    username: str = "default"
    password: SecretStr = SecretStr("")
    database: str = Field(default="touchpath", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    secure: bool = False
    ca_cert: Path | None = None
    connect_timeout: float = Field(default=10, gt=0, description="seconds")
    send_receive_timeout: float = Field(default=300, gt=0, description="seconds")
