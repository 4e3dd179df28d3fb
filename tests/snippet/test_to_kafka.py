"""From a page to Kafka: the collector as the process that it is, the script from its own door, a broker behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from deploy.local.tansu import TansuBroker
from schemas.touchpoint import Touchpoint
from tests.integration.collector_rig import CollectorProcess, make_topics, read_source
from tests.snippet.rig import Stage, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def collector(
    stage: Stage, tansu_broker: TansuBroker, free_port: Callable[[], int], tmp_path: Path
) -> AsyncIterator[CollectorProcess]:
    await make_topics(tansu_broker.bootstrap)
    keys = [{"key": "pk", "source": "page-to-kafka", "public": True, "origins": [stage.url("")]}]
    log = tmp_path / "collector.log"
    with CollectorProcess(tansu_broker.bootstrap, free_port(), "page-to-kafka", log, write_keys=keys) as running:
        yield running


async def test_the_line_that_the_collector_tells_brings_a_page_and_an_order_to_kafka(
    stage: Stage, context: BrowserContext, collector: CollectorProcess, tansu_broker: TansuBroker
) -> None:
    line = collector.client.get("/touchpath.json").json()["script"].replace("YOUR_PUBLIC_KEY", "pk")
    stage.site.pages["/thanks"] = (f'<!doctype html><link rel="icon" href="data:,"><title>Thanks</title>{line}', {})
    page = await context.new_page()
    await page.goto(stage.url("/thanks"))
    await page.wait_for_function("window.touchpath && touchpath.version")
    await page.evaluate("touchpath.consent('session')")
    await page.evaluate("touchpath.order({order_id: 'W-1', revenue: 9.9, currency: 'EUR'})")
    await until(lambda: collector.metric("accepted") == 3, lambda: "three events")
    values = await read_source(tansu_broker.bootstrap, "touchpath.collected", collector.source)
    found = {value["touchpoint"]: Touchpoint.model_validate(value) for value in values}
    assert set(found) == {"page_view", "consent_changed", "order_completed"}
    order = found["order_completed"]
    assert (order.order_id, order.verified) == ("W-1", False)
    assert [identifier.kind for identifier in order.identifiers] == ["anonymous"]
