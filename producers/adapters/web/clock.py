"""When a web event happened, by the sender's clock, corrected where that clock is known to be wrong.

`timestamp` is taken as it is, so that history can be sent and a retry says the same. Only where `sentAt` lies ahead
of the arrival, which no delay can explain, the clock runs fast and is set back by the difference.
`originalTimestamp` alone (RudderStack) comes from a device's clock and is corrected by `sentAt` either way.
A difference that two right clocks can have corrects nothing: it is the way that the request took, and would put calls
that overtook each other into the order of their arrival.
Without any time it is the time of arrival.
"""

from datetime import datetime, timedelta

from producers.adapters.moments import moment_of, possible
from producers.adapters.payload import Node
from producers.adapters.problem import Problem

#: So far may two right clocks differ.
TOLERANCE = timedelta(minutes=1)


def occurred_at(event: Node, sent_at: object, received_at: datetime) -> datetime:
    """Give the moment of the event in UTC; `sent_at` is the request's `sentAt`, if it has one.

    Raises:
        Problem: the time cannot be read, is before 1990 or more than a day ahead.
    """
    name = event.first_present(("timestamp", "originalTimestamp"))
    if name is None:
        return received_at
    path = event.at(name)
    moment = moment_of(event.values[name], path)
    sent = _sent(event, sent_at)
    if sent is not None:
        fast = sent - received_at
        if fast > TOLERANCE or (name == "originalTimestamp" and fast < -TOLERANCE):
            try:
                moment = moment - fast
            except OverflowError:
                raise Problem(path, "not a time") from None
    return possible(moment, received_at, path)


def _sent(event: Node, of_the_request: object) -> datetime | None:
    own = event.values.get("sentAt")
    value = own if own is not None else of_the_request
    if value is None:
        return None
    try:
        return moment_of(value, "sentAt")
    except Problem:
        return None  # it only serves to correct another time
