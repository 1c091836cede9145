"""Deployments with a server beneath them that one test has for itself, to stop, freeze and start again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from tests.support.hubbub import Cluster, two_workers
from tests.support.postgres_server import PostgresServer
from tests.support.process import Process
from tests.support.redis_server import RedisServer

Server = TypeVar("Server", bound=Process)


@dataclass(frozen=True)
class Upon(Generic[Server]):
    """Two workers, and the server that they depend on."""

    cluster: Cluster
    server: Server


@contextmanager
def _running(redis: RedisServer, database_url: str, variables: dict[str, str | None]) -> Iterator[Cluster]:
    cluster = two_workers(redis.url, database_url, **variables)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture
def upon_postgres(
    own_postgres: Callable[[], PostgresServer], redis_server: RedisServer, cluster_variables: dict[str, str | None]
) -> Iterator[Upon[PostgresServer]]:
    """Two workers, configured by the module's `cluster_variables`, upon a PostgreSQL of their own."""
    postgres = own_postgres()
    with _running(redis_server, postgres.create_database(), cluster_variables) as cluster:
        yield Upon(cluster, postgres)


@pytest.fixture
def upon_redis(
    own_redis: Callable[[], RedisServer], postgres_server: PostgresServer, cluster_variables: dict[str, str | None]
) -> Iterator[Upon[RedisServer]]:
    """The same upon a Redis of their own."""
    redis = own_redis()
    with _running(redis, postgres_server.create_database(), cluster_variables) as cluster:
        yield Upon(cluster, redis)
