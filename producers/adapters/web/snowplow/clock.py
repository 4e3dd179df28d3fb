"""When a Snowplow event happened: its true time if the sender states one, else the device's, corrected by the sending.

`ttm` is the sender's word and is taken as it is. `dtm` is by the device's clock, and `stm`, by the same clock, when it
was sent: where that lies off the arrival by more than two right clocks can differ, the event is dated from the arrival
back by as long as it waited. `stm` may precede `dtm` by a little; then it did not wait.
https://docs.snowplow.io/docs/events/timestamps/
"""

from datetime import datetime, timedelta

from producers.adapters.moments import moment_of, possible
from producers.adapters.payload import Node
from producers.adapters.problem import Problem
from producers.adapters.web.clock import TOLERANCE


def occurred_at(event: Node, received_at: datetime) -> tuple[datetime, str]:
    """Give the moment in UTC, and the path of the time that it is taken from.

    Raises:
        Problem: the time cannot be read, is before 1990 or more than a day ahead.
    """
    name = event.first_present(("ttm", "dtm"))
    if name is None:
        return received_at, event.at("dtm")
    path = event.at(name)
    moment = moment_of(event.values[name], path)
    if name == "dtm" and (sent := _sent(event)) is not None and abs(received_at - sent) > TOLERANCE:
        waited = max(sent - moment, timedelta(0))
        try:
            moment = received_at - waited
        except OverflowError:
            raise Problem(path, "not a time") from None
    return possible(moment, received_at, path), path


def _sent(event: Node) -> datetime | None:
    value = event.values.get("stm")
    try:
        return moment_of(value, event.at("stm")) if value is not None else None
    except Problem:
        return None  # it only serves to correct another time
