"""Where a life is cut into sealed chunks, nothing else is: what concerns a conversion does so across the cut."""

import pytest

from streams.core import touch_log
from tests.unit.core.life import HOUR, call, path, purchase, tell


def test_a_late_event_reaches_a_conversion_of_the_same_moment_from_which_it_is_cut_off_as_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(touch_log, "TAIL", 5)
    monkeypatch.setattr(touch_log, "SEALED", 3)
    life = [call(1, HOUR), call(2, 2 * HOUR), purchase(3, 3 * HOUR), call(5, 5 * HOUR), call(6, 6 * HOUR)]
    late = call(4, 3 * HOUR)  # behind the purchase by its id, and in its window by its time
    assert path(tell([*life, late]), 3) == [1, 2, 4]
