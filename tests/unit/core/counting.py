"""Helper: what the fold counts of some events in one batch."""

from collections.abc import Sequence

from schemas.catalogue import Catalogue
from schemas.touchpoint import Touchpoint
from streams.core.fold import FoldStage
from streams.core.resolve import ResolveStage
from tests.properties.folding import ARecord


def counted(touchpoints: Sequence[Touchpoint], catalogue: Catalogue) -> dict[str, int]:
    """The named counts of the fold's batch."""
    collected = [
        ARecord(n, touchpoint.key.encode(), touchpoint.model_dump_json().encode(), 1_700_000_000_000)
        for n, touchpoint in enumerate(touchpoints)
    ]
    outputs = ResolveStage(catalogue).process(0, collected, lambda _: None).outputs
    resolved = [
        ARecord(n, output.key, output.value, output.timestamp, output.topic)
        for n, output in enumerate(outputs)
        if output.topic == "touchpath.resolved"
    ]
    return dict(FoldStage(catalogue).process(0, resolved, lambda _: None).counts)
