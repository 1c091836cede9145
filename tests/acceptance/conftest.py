"""Fixtures of the acceptance tests: who calls, and through which door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.acceptance.people import Gathering
from tests.support.hubbub import Cluster
from tests.support.js import JsClients

HERE = Path(__file__).parent
NO_LIMITS: dict[str, str | None] = {
    "HUBBUB_ACTIONS_PER_SECOND": "10000",
    "HUBBUB_ACTIONS_BURST": "10000",
    "HUBBUB_MESSAGES_PER_SECOND": "10000",
    "HUBBUB_MESSAGES_BURST": "10000",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of a module on one event loop, so that they can share a Node process, which is slow to start."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def js() -> AsyncIterator[JsClients]:
    """The official JavaScript client; one process for all tests of a module."""
    async with JsClients() as clients:
        yield clients


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """No limit on the pace, which tests that are quicker than people would meet; test_pace.py has limits."""
    return dict(NO_LIMITS)


@pytest.fixture
def door() -> str:
    """The door that people act through; tests that are parametrized with DOORS go through each in turn."""
    return "socket"


@pytest_asyncio.fixture(loop_scope="module")
async def arrive(cluster: Cluster, js: JsClients, door: str) -> AsyncIterator[Gathering]:
    """Brings people: `ada = await arrive("Ada")`; they leave with the end of the test."""
    gathering = Gathering(cluster, js, door)
    yield gathering
    await gathering.disperse()
