"""A token bucket: how many events a second a key may send, and how many at once. Pure: the time is an argument."""


class Bucket:
    """Holds `burst` tokens at most and gains `rate` a second; an event takes one.

    A batch is taken whole as soon as there is one token, whatever its size, and the debt is paid before the next: so no
    batch is too large to be ever taken, and over time nobody gets more than `rate`. Times are seconds of one clock.
    """

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._tokens = self._burst
        self._at = now

    def wait(self, now: float) -> float:
        """Give the seconds until an event may come; 0: now."""
        self._fill(now)
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate

    def take(self, events: int, now: float) -> None:
        """Take a token for each event, if need be on credit."""
        self._fill(now)
        self._tokens -= events

    def _fill(self, now: float) -> None:
        if now > self._at:  # a clock that stands still or goes back gives nothing
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
