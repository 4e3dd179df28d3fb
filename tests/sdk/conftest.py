"""Fixtures of the SDK tests. What is missing is said, and skips; with CI=true it fails."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.tansu import TansuBroker
from tests.integration.collector_rig import CollectorProcess, make_topics
from tests.sdk.sdk_rig import CHROMIUM, HERE, Browser, Missing, Pages, Sdks, installed, program

#: One write key for each SDK, so that each leaves its events under a source of its own.
SOURCES = (
    "lost_segment_node",
    "lost_rudder_node",
    "lost_snowplow_node",
    "lost_segment_python",
    "lost_rudder_python",
    "lost_snowplow_python",
    "segment_node",
    "segment_browser",
    "segment_browser_batch",
    "segment_python",
    "rudder_node",
    "rudder_browser",
    "rudder_batch",
    "rudder_beacon",
    "rudder_python",
    "snowplow_node",
    "snowplow_node_get",
    "snowplow_browser",
    "snowplow_browser_get",
    "snowplow_anonymous",
    "snowplow_python",
    "snowplow_python_get",
)


def _unless_possible(missing: Missing) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(str(missing), pytrace=False)
    pytest.skip(f"NOT TESTED WITH THE REAL SDK: {missing}")


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder that holds the npm packages."""
    try:
        return installed()
    except Missing as missing:
        _unless_possible(missing)
        raise


@pytest.fixture(scope="session")
def root(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with scripts, pages and packages, as a sender's project has them."""
    home = tmp_path_factory.mktemp("sdk")
    shutil.copytree(HERE / "scripts", home / "scripts")
    shutil.copytree(HERE / "pages", home, dirs_exist_ok=True)
    (home / "node_modules").symlink_to(packages / "node_modules")
    return home


@pytest.fixture(scope="session")
def pages(root: Path) -> Iterator[Pages]:
    """A web site that uses the SDKs."""
    server = Pages(root)
    yield server
    server.shutdown()


@pytest.fixture(scope="session")
def browser(root: Path) -> Iterator[Browser]:
    """A running Chromium."""
    try:
        running = Browser(root, program(*CHROMIUM))
    except Missing as missing:
        _unless_possible(missing)
        raise
    yield running
    running.close()


@pytest.fixture(scope="session")
def sdk_collector(
    tansu_broker: TansuBroker, free_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CollectorProcess]:
    """A collector on Tansu with a key for each SDK."""
    keys = [
        {"key": "good", "source": "nobody"},
        *({"key": f"key_{name}", "source": name, "snowplow_app_ids": [name]} for name in SOURCES),
    ]
    asyncio.run(make_topics(tansu_broker.bootstrap))
    log = tmp_path_factory.mktemp("collector") / "collector.log"
    collector = CollectorProcess(tansu_broker.bootstrap, free_port(), "nobody", log, write_keys=keys)
    with collector as running:
        yield running


@pytest.fixture
def python_sdks(sdk_collector: CollectorProcess, tansu_broker: TansuBroker, tmp_path: Path) -> Sdks:
    """SDKs that run in this process."""
    return Sdks(sdk_collector, tansu_broker.bootstrap, tmp_path)


@pytest.fixture
def sdks(sdk_collector: CollectorProcess, tansu_broker: TansuBroker, root: Path) -> Sdks:
    """SDKs that Node and Chromium run."""
    return Sdks(sdk_collector, tansu_broker.bootstrap, root)
