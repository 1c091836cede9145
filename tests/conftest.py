"""Fixtures that every test may use. What they hand out is described in tests/support."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis that the whole run shares. Whoever stops or freezes one takes `own_redis`."""
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
