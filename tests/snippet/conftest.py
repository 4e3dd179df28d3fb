"""The stage for the snippet's tests: a browser, a collector and pages, once for all of them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from tests.browser import browser, context
from tests.snippet.rig import Stage, Visitor

__all__ = ["browser", "context"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    running = Stage()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def visitor(stage: Stage, context: BrowserContext) -> Visitor:
    return Visitor(stage, context)
