"""A real headless Chromium for tests: one for the whole run, a fresh context (cookies, storage, cache) for each test.

Import the fixtures `browser` and `context` into a conftest.py. A test that asks for one runs in the loop of the
session: `pytestmark = pytest.mark.asyncio(loop_scope="session")`. Where there is no Chromium such tests are skipped
and say so; with CI=true they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

MISSING = "needs Chromium: apt-get install chromium, or name one with CHROMIUM=/path/to/chromium"


def chromium() -> str | None:
    """Give the path of a Chromium, or None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium."""
    path = chromium()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        # No sandbox: in containers the tests run as root, where Chromium's sandbox does not start.
        running = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser without a past. What a page cannot answer within ten seconds fails."""
    fresh = await browser.new_context()
    fresh.set_default_timeout(10_000)
    yield fresh
    await fresh.close()
