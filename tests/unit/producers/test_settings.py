"""What the settings refuse, and what they never show."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from producers.settings import CollectorSettings, PublisherSettings, WriteKey


def test_no_write_key_is_configured_until_somebody_does() -> None:
    assert CollectorSettings().write_keys == ()
    assert CollectorSettings().host == "127.0.0.1"


def test_a_write_key_is_never_shown() -> None:
    settings = CollectorSettings.model_validate({"write_keys": [{"key": "hush", "source": "shop"}]})
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()


@pytest.mark.parametrize(
    "wrong",
    [{"key": "", "source": "s"}, {"key": "k", "source": " "}, {"key": "k", "source": "s", "default_currency": "XXQ"}],
)
def test_a_key_that_cannot_be_meant_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WriteKey.model_validate(wrong)


def test_a_request_must_fit_into_the_time_of_a_delivery() -> None:
    with pytest.raises(ValidationError, match="delivery_timeout"):
        PublisherSettings(request_timeout=5, delivery_timeout=4)
