"""What goes on beside a test that kills: round after round, until the test has seen enough."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Rounds(threading.Thread, ABC):
    """Does one round after another, with a pause in seconds before each, until it is told to finish."""

    def __init__(self, pause: float) -> None:
        super().__init__(daemon=True)
        self._pause = pause
        self._end = threading.Event()
        self._failure: BaseException | None = None

    @abstractmethod
    def round(self) -> None:
        """Do it once."""

    def run(self) -> None:
        try:
            while not self._end.wait(self._pause):
                self.round()
        except BaseException as error:
            self._failure = error

    def finish(self) -> None:
        """End the round that is under way and begin no more; raises what has gone wrong in one."""
        self._end.set()
        self.join()
        if self._failure is not None:
            raise self._failure
