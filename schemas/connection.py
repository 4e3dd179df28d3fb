"""How to reach Kafka and ClickHouse: the typed settings that every shell takes. No client is imported here."""

import ssl
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


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

    @model_validator(mode="after")
    def _complete(self) -> Self:
        sasl = self.security_protocol.startswith("SASL_")
        if sasl and (self.sasl_username is None or self.sasl_password is None):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if (self.ssl_certfile is None) != (self.ssl_keyfile is None):
            raise ValueError("ssl_certfile and ssl_keyfile go together")
        return self

    def ssl_context(self) -> ssl.SSLContext | None:
        """Build the TLS context, or None where the protocol has no TLS.

        Raises:
            OSError: a certificate or key file cannot be read.
        """
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=str(self.ssl_cafile) if self.ssl_cafile else None)
        if self.ssl_certfile is not None:
            password = self.ssl_key_password.get_secret_value() if self.ssl_key_password else None
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, password)
        return context

    def aiokafka_options(self, client_id: str) -> dict[str, Any]:
        """Give the keyword arguments that every aiokafka client wants.

        Raises:
            OSError: a certificate or key file cannot be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "client_id": client_id,
            "security_protocol": self.security_protocol,
        }
        if (context := self.ssl_context()) is not None:
            options["ssl_context"] = context
        if self.security_protocol.startswith("SASL_") and self.sasl_password is not None:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options


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
