"""The test infrastructure itself: what every other test relies on."""

import signal
import subprocess
import sys
from collections.abc import Callable

import asyncpg
import psutil
import pytest
import redis

from tests.support.postgres_server import PostgresServer
from tests.support.process import ROOT, has_ended
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until


def test_a_stopped_redis_comes_back_empty_on_its_port(own_redis: Callable[[], RedisServer]) -> None:
    server = own_redis()
    client = redis.Redis.from_url(server.url)
    client.set("key", "value")
    server.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert client.get("key") is None


def test_a_frozen_redis_answers_nothing_until_resumed(own_redis: Callable[[], RedisServer]) -> None:
    server = own_redis()
    server.pause()
    with pytest.raises(redis.TimeoutError):
        redis.Redis.from_url(server.url, socket_timeout=0.1).ping()
    server.resume()
    assert redis.Redis.from_url(server.url, socket_timeout=10).ping()


async def test_each_database_is_fresh(postgres_server: PostgresServer) -> None:
    for _ in range(2):
        connection = await asyncpg.connect(postgres_server.create_database(migrated=False))
        await connection.execute("CREATE TABLE things (id int)")
        await connection.close()


async def test_a_killed_postgres_keeps_what_was_committed(own_postgres: Callable[[], PostgresServer]) -> None:
    server = own_postgres()
    url = server.create_database(migrated=False)
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE things (id int)")
    server.kill()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("SELECT * FROM things")
    server.start()
    connection = await asyncpg.connect(url)
    assert await connection.fetch("SELECT * FROM things") == []
    await connection.close()


def test_a_killed_run_leaves_no_server_behind() -> None:
    run = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from tests.support.redis_server import RedisServer\n"
            "server = RedisServer(); server.start(); server.pause(); print(server.pid, flush=True); input()",
        ],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    server = psutil.Process(int(run.stdout.readline()))
    assert server.status() == psutil.STATUS_STOPPED
    run.send_signal(signal.SIGKILL)
    run.communicate()
    wait_until(lambda: has_ended(server), "the redis-server of the killed run to end")
