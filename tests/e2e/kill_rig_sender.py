"""What customers do, as Segment events in batches, and an SDK that sends them until it is told what became of each."""

from __future__ import annotations

import itertools
import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

Event = dict[str, Any]
LIFE = timedelta(days=60)
BATCH = 25
_NAMES = (
    ["Product Viewed"] * 6
    + ["Email Link Clicked", "Email Opened", "Call", "Chat", "Direct Mail Delivered", "Watched Trailer"] * 2
    + ["Order Completed"] * 3
    + ["Signed Up", "Complaint", "Branch Visit"]
)
_BAD: list[dict[str, Any]] = [
    {"event": "Order Completed", "properties": {"revenue": "a lot", "currency": "EUR"}},
    {"event": "Order Completed", "properties": {"revenue": 3, "currency": "XXQ"}},
    {"event": "Page", "timestamp": "1989-12-31T23:59:59Z"},
    {"event": "Page", "timestamp": "2199-01-01T00:00:00Z"},
    {"event": None},
    {"event": "Page", "userId": ["ada"]},
    {"type": "dance"},
]


@dataclass(frozen=True)
class Plan:
    """What is to be sent. `good` are the ids that must come to be accepted, `bad` how many different bad events."""

    batches: list[list[Event]]
    good: set[str]
    bad: int

    def further(self, number: int) -> list[Event]:
        """One more batch, of customers who come once: something must flow for as long as a trap waits for it."""
        ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"further-{number}-{n}")) for n in range(BATCH)]
        self.good.update(ids)
        now = datetime.now(UTC).isoformat()
        return [
            {"type": "page", "userId": f"further-{number}-{n}", "messageId": id_, "timestamp": now}
            for n, id_ in enumerate(ids)
        ]


def make_plan(seed: int, customers: int) -> Plan:
    """Lives of some 20 to 45 events each, two of them of hundreds; some late, some twice, some bad, refunds too."""
    chance = random.Random(seed)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - LIFE - timedelta(days=1)
    queue: list[tuple[float, Event]] = []  # when to send, in seconds of the lives' time
    for number in range(customers):
        for at, event in _life(chance, number, 260 if number < 2 else chance.randrange(20, 46)):
            sent = at.total_seconds() + chance.uniform(0, 600)
            if chance.random() < 0.1:
                sent += chance.uniform(0, LIFE.total_seconds() / 2)
            stamped = {**event, "timestamp": (begin + at).isoformat(), "messageId": _uuid(chance)}
            queue.append((sent, stamped))
            if chance.random() < 0.05:
                queue.append((sent + chance.choice([0, 1, 86_400, 864_000]), stamped))
    good = {event["messageId"] for _, event in queue}
    bad = [{"type": "track", "userId": f"c{n}", "messageId": _uuid(chance), **_BAD[n % len(_BAD)]} for n in range(50)]
    queue += [(chance.uniform(0, LIFE.total_seconds()), event) for event in bad]
    events = [event for _, event in sorted(queue, key=lambda pair: pair[0])]
    return Plan([events[i : i + BATCH] for i in range(0, len(events), BATCH)], good, len(bad))


def _life(chance: random.Random, number: int, length: int) -> Iterator[tuple[timedelta, Event]]:
    at = timedelta(hours=chance.uniform(0, 48))
    orders: list[str] = []
    for n in range(length):
        near = chance.random() < 0.6
        pause = chance.uniform(0, 50 * 60) if near else chance.expovariate(length / LIFE.total_seconds())
        at = min(at + timedelta(seconds=pause), LIFE)
        person = _person(chance, number, n / length)
        campaign = {"campaign": {"name": chance.choice(["spring", "summer"])}} if chance.random() < 0.3 else {}
        context = {**person.pop("context", {}), **campaign}
        name = chance.choice(_NAMES)
        properties: dict[str, Any] = {}
        if orders and chance.random() < 0.12:
            name, order = chance.choice(["Order Refunded", "Order Delivered"]), chance.choice(orders)
            properties = {"order_id": order, "currency": "EUR"}
            if name == "Order Refunded":
                properties["revenue"] = chance.randrange(100, 9000) / 100
        elif name == "Order Completed":
            again = bool(orders) and chance.random() < 0.05
            order = orders[-1] if again else f"o{number}-{n}"
            orders.append(order)
            properties = {"order_id": order, "revenue": chance.randrange(500, 25_000) / 100, "currency": "EUR"}
        if name == "Product Viewed" and chance.random() < 0.5:
            yield at, {"type": "page", **person, "context": context}
        else:
            yield at, {"type": "track", "event": name, **person, "context": context, "properties": properties}


def _person(chance: random.Random, number: int, lived: float) -> dict[str, Any]:
    """Most are known by name, some by e-mail, some tell their name late; now and then nothing says who it was."""
    if chance.random() < 0.01:
        return {}
    device = {"anonymousId": f"d{number}-{chance.randrange(2)}"}
    match number % 10:
        case 0:
            return {"anonymousId": f"d{number}", **({"userId": f"c{number}"} if lived > 0.7 else {})}
        case 1:
            return {**device, "context": {"traits": {"email": f"c{number}@example.org"}}}
        case _:
            return {"userId": f"c{number}", **(device if chance.random() < 0.8 else {})}


def _uuid(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


@dataclass
class Told:
    """What the collector said with a 200. Ids as text."""

    accepted: set[str] = field(default_factory=set)
    duplicate: set[str] = field(default_factory=set)
    quarantined: dict[str, str] = field(default_factory=dict)  # quarantine id -> reason
    #: Tries that were not answered 200: an SDK sends the same again.
    sent_again: int = 0


class Sender:
    """Threads that each send batch after batch, at a pace: the plan, and further ones until they are to finish."""

    def __init__(self, url: str, plan: Plan, *, burst: int, pause: float) -> None:
        self.told = Told()
        self.failure: BaseException | None = None
        self._url = url
        self._plan = plan
        self._numbers = itertools.count()
        self._burst, self._pause = burst, pause
        self._lock = threading.Lock()
        self._hurry = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(2)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def finish(self, timeout: float = 120) -> Told:
        """Send the rest of the plan without pauses; give what was said of all."""
        self._hurry.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        assert not self.busy, "the sender cannot get rid of its batches"
        if self.failure is not None:
            raise self.failure
        return self.told

    def _run(self) -> None:
        try:
            with httpx.Client(base_url=self._url, auth=("local", ""), timeout=20) as client:
                while True:
                    with self._lock:
                        number, planned = next(self._numbers), len(self._plan.batches)
                        if number >= planned and self._hurry.is_set():
                            return
                        batch = self._plan.batches[number] if number < planned else self._plan.further(number)
                    self._remember(self._send(client, batch))
                    self._hurry.wait(self._pause if number >= self._burst else 0)
        except BaseException as error:
            self.failure = error

    def _send(self, client: httpx.Client, batch: list[Event]) -> dict[str, Any]:
        while True:
            try:
                answer = client.post("/v1/batch", json={"batch": batch})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                return dict(answer.json())
            assert answer is None or answer.status_code == 503, answer.text
            with self._lock:
                self.told.sent_again += 1
            time.sleep(0.2)

    def _remember(self, answer: dict[str, Any]) -> None:
        with self._lock:
            for event in answer["events"]:
                match event["status"]:
                    case "accepted":
                        self.told.accepted.add(event["event_id"])
                    case "duplicate":
                        self.told.duplicate.add(event["event_id"])
                    case _:
                        self.told.quarantined[event["quarantine_id"]] = event["reason"]
