"""A fit reaches the workers and everything that is booked already: real workers, a real sink, Apache Kafka."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from deploy.cli.exits import Exit
from schemas.touchpoint import Touchpoint
from tests.integration.sink_parts import a_click, a_purchase, a_visit
from tests.integration.stack_rig import Stack

CONVERSIONS = 14


def lives() -> list[Touchpoint]:
    """Of 21 customers every third only looks; who clicked a mail buys, of those who did not, one in two."""
    events = []
    for number in range(21):
        name = f"c{number}"
        events.append(a_visit(name))
        if number % 3:
            events.append(a_purchase(name))
        if number % 3 == 1:
            events.append(a_click(name, 10))
    return events


def fit(stack: Stack) -> UUID:
    words = ("attribution", "fit", "--with-open", "--bootstrap", "0", "--json", "--conversion", "purchase")
    said = json.loads(stack.touchpath(*words))
    assert said["restated"]["conversions"] > 0
    assert said["restated"]["left"] == 0
    return UUID(said["model"]["fit_id"])


def test_a_fit_reaches_what_is_booked_the_next_one_restates_it_and_a_withdrawal_takes_it_back(stack: Stack) -> None:
    stack.send(*lives())
    assert stack.sql("SELECT count() FROM conversions") == [(CONVERSIONS,)]
    first = fit(stack)
    of_markov = "SELECT conversion_id, sum(credit), sum(value_minor), groupUniqArray(fit_id), groupUniqArray(cause)"
    of_markov += " FROM credits WHERE model = 'markov' GROUP BY conversion_id"
    lines = stack.sql(of_markov)
    assert len(lines) == CONVERSIONS
    assert {(*line[1:3], *line[3], *line[4]) for line in lines} == {(1, 1299, first, "model")}
    stack.whole()

    # What converts from now on is split by it at once, in whatever partition it lies.
    more = [one for n in range(100, 106) for one in (a_visit(f"c{n}"), a_click(f"c{n}", 30), a_purchase(f"c{n}"))]
    arrived = {"received_at": datetime.now(UTC)}
    stack.send(*(one.model_copy(update=arrived) for one in more))
    causes = "SELECT cause, uniqExact(conversion_id), groupUniqArray(fit_id) FROM credits WHERE model = 'markov'"
    assert stack.sql(f"{causes} AND cause != 'model' GROUP BY cause") == [("conversion", 6, [first])]
    stack.whole()

    second = fit(stack)
    assert stack.sql("SELECT DISTINCT fits['markov'] FROM conversions") == [(second,)]
    changed = stack.sql(f"{causes} AND sign = -1 AND cause = 'model' GROUP BY cause")
    assert [(cause, fits) for cause, _, fits in changed] == [("model", [first])]
    assert 0 < changed[0][1] <= CONVERSIONS + 6
    net = "SELECT sum(credit), sum(value_minor), uniqExact(conversion_id) FROM credits WHERE model = 'markov'"
    assert stack.sql(net) == [(20, 20 * 1299, 20)]
    stack.whole()
    again = stack.touchpath("attribution", "restate")
    assert "nothing to restate" in again

    gone = json.loads(stack.touchpath("attribution", "withdraw", "markov", "--json"))
    assert (gone["fit_id"], gone["restated"]["conversions"]) == (str(second), 20)
    assert stack.sql(net) == [(0, 0, 20)]
    assert stack.sql("SELECT DISTINCT fits FROM conversions") == [({},)]
    assert stack.sql("SELECT count() FROM model_fits WHERE in_force") == [(0,)]
    stack.whole()
    twice = stack.touchpath("attribution", "withdraw", "markov", code=Exit.USAGE)
    assert "markov was withdrawn on" in twice

    # Put in force again, and left; then nobody works, and what was broken off goes on where it stood.
    stack.touchpath("attribution", "publish", str(first), "--no-restate")
    stale = json.loads(stack.touchpath("attribution", "restate", "--dry-run", "--json"))
    assert stale == {
        "conversions": 20,
        "profiles": 20,
        "lines": [
            {"model": "markov", "booked_fit": None, "fit_in_force": str(first), "conversions": 20, "profiles": 20}
        ],
    }
    stack.worker.stop(20)
    stack.touchpath("attribution", "publish", str(first), "--no-restate")
    alone = stack.touchpath("attribution", "restate", "--timeout", "1", code=Exit.NOT_READY)
    assert alone.startswith("not restated: not settled after 1 s: the worker is")
    stack.start(stack.worker)
    done = json.loads(stack.touchpath("attribution", "restate", "--json"))
    assert (done["conversions"], done["left"], done["profiles"]) == (20, 0, 20)
    assert stack.sql(net) == [(20, 20 * 1299, 20)]
    stack.whole()
