"""What the commands on models refuse, and what they say where somebody is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from typer.testing import CliRunner, Result

from deploy.attribution_publish import NameTakenError, refuse_taken, send
from deploy.cli import attribution, attribution_models
from deploy.cli.app import app
from deploy.cli.exits import CommandError, Exit
from deploy.cli.output import say
from deploy.settings import Settings
from producers.publisher import Publisher, PublishFailed
from schemas.catalogue import load
from schemas.topics import MODELS
from sinks.catalogue import load_catalogue
from sinks.client import Store
from tests.unit.deploy.commands import failed
from tests.unit.sinks.fits import LoopPublisher, Models, a_fit, keep
from tests.unit.sinks.pipeline import AT, Pipeline, an_event


@pytest.fixture
def models(store_of_the_cli: Store, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Tables, and no Kafka."""
    monkeypatch.setenv("TOUCHPATH_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("deploy.cli.imports.CONNECT_SECONDS", 0.1)
    load_catalogue(store_of_the_cli, load())
    return Models(store_of_the_cli, Pipeline(store_of_the_cli))


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["attribution", *words])


def test_a_name_of_the_catalogue_is_refused_with_what_to_do(models: Models) -> None:
    fit = a_fit({"web": 1}, name="linear")
    keep(models.store, fit)
    assert "fit --name fitted_linear" in failed(run("publish", str(fit.fit_id)), Exit.USAGE)
    refuse_taken("linear_by_us", load().attribution.models)
    with pytest.raises(NameTakenError):
        refuse_taken("linear", load().attribution.models)


@pytest.mark.parametrize("name", ["Foo Bar", "1st", "märkte", "x" * 101])
def test_a_name_that_no_model_can_have_is_refused_in_words_before_anything_is_learned(name: str) -> None:
    said = failed(run("fit", "--name", name), Exit.USAGE)
    assert said.startswith(f"--name: {name!r} is no name of a model: lower case letters")


def test_a_blank_id_does_not_publish_everything(models: Models) -> None:
    models.publish(a_fit({"web": 1}), minute=1)
    for blank in ("", " "):
        assert failed(run("publish", blank), Exit.USAGE).startswith("FIT: blank")


def test_only_what_is_in_force_can_be_withdrawn(models: Models) -> None:
    models.publish(a_fit({"web": 1}), minute=1)
    said = failed(run("withdraw", "shapley"), Exit.USAGE)
    assert said.startswith("no model 'shapley' was published; in force: markov")


def test_where_no_kafka_answers_it_says_what_was_not_done_and_how_to_do_it_later(models: Models) -> None:
    fit = a_fit({"web": 1})
    models.publish(fit, minute=1)
    for words, said in (
        (["publish"], f"markov is kept, but was not published: .*later: touchpath attribution publish {fit.fit_id}"),
        (["withdraw", "markov"], "markov is not withdrawn: .*later: touchpath attribution withdraw markov"),
        (["restate"], "not restated: no Kafka broker answers at 127.0.0.1:1"),
    ):
        assert re.match(said, failed(run(*words), Exit.NOT_READY))


def test_a_publication_and_a_withdrawal_are_told_also_where_nobody_restates(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_settings: Settings, _timeout: float, done: str = "") -> None:
        raise CommandError(f"not restated: nobody works ({done})", Exit.NOT_READY)

    @contextmanager
    def connected(_settings: Settings) -> Iterator[Publisher]:
        yield models.publisher

    monkeypatch.setattr(attribution_models, "then_restate", nobody)
    monkeypatch.setattr(attribution_models, "connected_publisher", connected)
    assert "no model is in force: nothing to publish" in run("publish").stderr
    assert json.loads(run("publish", "--json").stdout) == {"published": [], "restated": None}
    fit = a_fit({"web": 1})
    models.publish(fit, minute=1)
    again = run("publish", "--json")
    assert failed(again, Exit.NOT_READY) == "not restated: nobody works (already in force)"
    one = {"model": "markov", "fitted_at": fit.fitted_at.isoformat(), "fit_id": str(fit.fit_id), "names": 1}
    assert json.loads(again.stdout) == {"published": [one], "restated": None}
    done = run("withdraw", "markov", "--json")
    assert failed(done, Exit.NOT_READY) == "not restated: nobody works (already withdrawn)"
    assert json.loads(done.stdout) == {"model": "markov", "fit_id": str(fit.fit_id), "restated": None}


def test_a_topic_of_models_that_workers_cannot_read_is_refused_with_what_to_do(models: Models) -> None:
    class Uneven(LoopPublisher):
        def partitions(self, topic: str, timeout: float = 10.0) -> int:
            return 4 if topic == MODELS.name else super().partitions(topic, timeout)

    said = r"touchpath\.models has 4 partitions, touchpath\.resolved 1; .* `touchpath attribution publish`"
    with pytest.raises(PublishFailed, match=said):
        send(Uneven(models.pipeline.loop), [("markov", "{}")], AT)


def test_a_fit_on_a_schedule_that_cannot_restate_goes_on_and_one_by_hand_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(*_: object) -> None:
        raise CommandError("not restated: nobody works", Exit.NOT_READY)

    monkeypatch.setattr(attribution, "then_restate", nobody)
    monkeypatch.setattr(attribution, "tell", lambda *_, **more: say(f"told {more.get('more')}"))
    settings, found = Settings(), cast(Any, None)
    attribution._tell_and_restate(settings, found, 1, as_json=False, again=True)
    assert capsys.readouterr().err == "told None\ntouchpath: not restated: nobody works\n"
    with pytest.raises(CommandError, match="nobody works"):
        attribution._tell_and_restate(settings, found, 1, as_json=True, again=False)
    assert capsys.readouterr().err == "told {'restated': None}\n"


def test_what_is_stale_can_be_asked_without_kafka(models: Models) -> None:
    order = {"touchpoint": "order_completed", "order_id": "o-1"}
    models.pipeline.seen(an_event("look", "customer:ada"), an_event("buy", "customer:ada", minute=1, **order))
    nothing = run("restate", "--dry-run")
    assert (nothing.exit_code, "nothing to restate" in nothing.stderr) == (0, True)
    fit = a_fit({"web": 1})
    models.publish(fit, minute=2)
    assert run("restate", "--dry-run").stdout.splitlines()[1] == f"markov\t\t{fit.fit_id}\t1\t1"
    told = json.loads(run("restate", "--dry-run", "--json").stdout)
    assert (told["conversions"], told["lines"][0]["fit_in_force"]) == (1, str(fit.fit_id))


def test_fits_are_listed_with_those_in_force(models: Models) -> None:
    assert "there is no fit of shapley: `touchpath attribution fit`" in run("fits", "--name", "shapley").stderr
    models.publish(a_fit({"web": 1}), minute=1)
    models.publish(a_fit({"web": 1}, learned=AT + timedelta(days=1)), minute=2)
    listed = json.loads(run("fits", "--json").stdout)
    assert [(one["fitted_at"][:10], one["in_force"]) for one in listed] == [("2026-03-02", True), ("2026-03-01", False)]
