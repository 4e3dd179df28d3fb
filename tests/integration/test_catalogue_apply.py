"""A changed catalogue reaches everything that was said: real workers, a real sink, Apache Kafka."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.cli.exits import Exit
from schemas.catalogue import DEFAULT
from schemas.touchpoint import Touchpoint
from tests.integration.sink_parts import a_click, a_purchase, a_visit
from tests.integration.stack_rig import Stack

LINEAR = "SELECT channel, toFloat64(sum(credit)) AS credit FROM credits WHERE model = 'linear' GROUP BY channel"
MANY = 12


def life(customer: str) -> list[Touchpoint]:
    """A visit, a click on a mail, and half an hour later a purchase that a click may have a part in."""
    return [a_visit(customer), a_click(customer, 10), a_purchase(customer)]


def test_what_was_said_follows_the_catalogue_once_workers_go_by_it(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.send(*(one for number in range(MANY) for one in life(f"c{number}")))
    assert sorted(stack.sql(LINEAR)) == [("email", MANY / 2), ("web", MANY / 2)]

    text = DEFAULT.read_text(encoding="utf-8")
    click = text.index("credit = true", text.index("[touchpoints.email_clicked]"))
    changed = text[:click] + "credit = false" + text[click + len("credit = true") :]
    changed = changed.replace(
        "[conversions.purchase]\n",
        '[conversions.big]\ntouchpoints = ["store_purchase"]\n'
        'where = [{ field = "properties.none", present = true }]\n\n[conversions.purchase]\n',
    )
    (tmp_path / "mine.toml").write_text(changed, encoding="utf-8")
    monkeypatch.setenv("TOUCHPATH_CATALOGUE", str(tmp_path / "mine.toml"))

    told = json.loads(stack.touchpath("catalogue", "apply", "--dry-run", "--json"))
    assert (told["needs"], told["profiles"], told["touchpoints"]) == ("reread", MANY, MANY)
    assert [each["place"] for each in told["differences"]] == ["touchpoints.email_clicked", "conversions.big"]
    # The worker still goes by the other one: nobody is asked.
    said = stack.touchpath("catalogue", "apply", code=Exit.NOT_READY)
    assert "1 of 1 workers go by another catalogue" in said

    stack.worker.stop(20)
    stack.start(stack.worker)
    done = json.loads(stack.touchpath("catalogue", "apply", "--timeout", "90", "--json"))
    assert (done["profiles"], done["touchpoints"], done["violations"]) == (MANY, MANY, 0)
    assert stack.sql(f"SELECT * FROM ({LINEAR}) WHERE credit != 0") == [("web", MANY)]
    causes = "SELECT cause, uniqExact(conversion_id) FROM credits WHERE model = 'linear' AND sign = -1 GROUP BY cause"
    assert stack.sql(causes) == [("catalogue", MANY)]
    stack.whole()

    entries = stack.sql("SELECT count() FROM credits")
    assert json.loads(stack.touchpath("catalogue", "apply", "--json"))["profiles"] == 0
    assert "no difference" in stack.touchpath("catalogue", "diff")
    assert stack.sql("SELECT count() FROM credits") == entries
    assert stack.sql("SELECT count(), countIf(in_force) FROM catalogues") == [(2, 1)]
