"""What every section of the catalogue shares: frozen, and no unknown fields, so that a typing error is seen."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One table of the catalogue file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
