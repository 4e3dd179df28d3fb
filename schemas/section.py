"""What every section of the catalogue shares: frozen, and no unknown fields, so that a typing error is seen."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _compiled(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


Pattern = Annotated[str, AfterValidator(_compiled)]
"""A regular expression."""


class Section(BaseModel):
    """One table of the catalogue file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
