"""Fixtures that every test may use. What they hand out is described in tests/support."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.async_api import Browser

from tests.support.browser import FAILED, Pages, launch, observed
from tests.support.hubbub import Cluster, Hubbub, one_worker, two_workers
from tests.support.js import JsClients
from tests.support.postgres_server import PostgresServer
from tests.support.process import Process
from tests.support.redis_server import RedisServer
from tests.support.s3_server import S3Server

DEPLOYMENTS = ("one-sqlite", "two-redis-postgres")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what Hubbub said beside a failure, and remember it for the fixtures' clean-up."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for process in Process.running:
            if isinstance(process, Hubbub):
                report.sections.append((f"log of {process.name}", process.log_tail()))
    return report


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis that the whole run shares. Whoever stops, freezes or flushes one takes `own_redis`."""
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL cluster that the whole run shares; each test makes its own database in it."""
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis() -> Iterator[Callable[[], RedisServer]]:
    """Factory of Redis servers that one test has for itself, to stop, freeze and start again."""
    with ExitStack() as stack:

        def start() -> RedisServer:
            server = RedisServer()
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def own_postgres() -> Iterator[Callable[..., PostgresServer]]:
    """Factory of PostgreSQL clusters that one test has for itself; takes PostgresServer's arguments."""
    with ExitStack() as stack:

        def start(**options: bool) -> PostgresServer:
            server = PostgresServer(**options)
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def own_s3() -> Iterator[Callable[[], S3Server]]:
    """Factory of S3 servers that one test has for itself."""
    with ExitStack() as stack:

        def start() -> S3Server:
            server = S3Server()
            server.start()
            stack.callback(server.kill)
            return server

        yield start


@pytest.fixture
def start_hubbub() -> Iterator[Callable[..., Hubbub]]:
    """Factory of ready servers: `start_hubbub(VARIABLE="value", REMOVED=None)`; without a database named, on SQLite."""
    with ExitStack() as stack:

        def start(**variables: str | None) -> Hubbub:
            server = Hubbub(**variables)
            stack.callback(server.kill)
            server.start()
            return server

        yield start


@contextmanager
def _deployment(request: pytest.FixtureRequest, variables: dict[str, str | None]) -> Iterator[Cluster]:
    if request.param == "one-sqlite":
        cluster = one_worker(**variables)
    else:
        redis: RedisServer = request.getfixturevalue("redis_server")
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        cluster = two_workers(redis.url, postgres.create_database(), **variables)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """Variables for the servers of `cluster` and `own_cluster`: a module that needs some overrides this fixture."""
    return {}


@pytest.fixture(scope="module", params=DEPLOYMENTS)
def cluster(request: pytest.FixtureRequest, cluster_variables: dict[str, str | None]) -> Iterator[Cluster]:
    """Both deployments that the chat suite runs on, shared by a module: its tests use users and rooms of their own."""
    with _deployment(request, cluster_variables) as started:
        yield started


@pytest.fixture(params=DEPLOYMENTS)
def own_cluster(request: pytest.FixtureRequest, cluster_variables: dict[str, str | None]) -> Iterator[Cluster]:
    """The same for one test, which may kill, freeze and restart workers."""
    with _deployment(request, cluster_variables) as started:
        yield started


@pytest.fixture
async def js() -> AsyncIterator[JsClients]:
    """The official JavaScript client."""
    async with JsClients() as clients:
        yield clients


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium."""
    async with launch() as started:
        yield started


@pytest.fixture
async def pages(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Pages]:
    """Pages for the people of a test; photographed if it fails, else they must have been free of errors."""
    opened = Pages(browser)
    async with observed(opened, request):
        yield opened
