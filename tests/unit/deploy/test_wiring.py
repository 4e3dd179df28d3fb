"""From settings to parts: what is in force is what was meant."""

from pathlib import Path

import pytest

from deploy.settings import Settings
from deploy.wiring import catalogue_of
from producers.identity_text import identifier_of
from producers.settings import IdentifierSettings
from schemas.catalogue import DEFAULT, CatalogueError

KEY = "0123456789abcdef0123456789abcdef"


def settings(tmp_path: Path, block: str, **identifiers: str) -> Settings:
    path = tmp_path / "catalogue.toml"
    path.write_text(DEFAULT.read_text(encoding="utf-8").replace("block = []", f"block = [{block}]"), encoding="utf-8")
    return Settings(catalogue=path, identifiers=IdentifierSettings.model_validate(identifiers))


def test_blocked_identifiers_are_compared_in_the_writing_of_the_doors(tmp_path: Path) -> None:
    given = settings(tmp_path, '"email: Service@Shop.Example", "phone:+49 30 123456"')
    assert catalogue_of(given).identity.block == ("email:service@shop.example", "phone:+4930123456")


def test_blocked_identifiers_are_hidden_as_the_doors_hide_them(tmp_path: Path) -> None:
    given = settings(tmp_path, '"email:service@shop.example"', pseudonym_key=KEY)
    hidden = identifier_of("email:service@shop.example", given.identifiers.rules()).key
    assert catalogue_of(given).identity.block == (hidden,)
    assert hidden.startswith("email:hmac:")


def test_a_blocked_identifier_that_is_none_is_refused_with_file_line_and_reason(tmp_path: Path) -> None:
    given = settings(tmp_path, '"service@shop.example"')
    with pytest.raises(CatalogueError, match=r"catalogue\.toml:\d+: identity\.block: .*kind:value"):
        catalogue_of(given)
