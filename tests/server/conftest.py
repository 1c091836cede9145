"""Deployments that one test has for itself, with everything that they depend on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support.hubbub import Cluster, two_workers
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer


@dataclass(frozen=True)
class Deployment:
    """Two workers, and the servers between them, to stop, freeze and start again."""

    cluster: Cluster
    postgres: PostgresServer
    redis: RedisServer


@pytest.fixture
def deployment(
    own_postgres: Callable[[], PostgresServer],
    own_redis: Callable[[], RedisServer],
    cluster_variables: dict[str, str | None],
) -> Iterator[Deployment]:
    """A running deployment, configured by the module's `cluster_variables`."""
    postgres, redis = own_postgres(), own_redis()
    cluster = two_workers(redis.url, postgres.create_database(), **cluster_variables)
    try:
        cluster.start()
        yield Deployment(cluster, postgres, redis)
    finally:
        cluster.kill()
