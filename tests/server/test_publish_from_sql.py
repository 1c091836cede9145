"""Publishing from SQL: in the backend's own transaction, out with its commit, and never without."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import psutil
import pytest

from tests.server.conftest import Upon
from tests.server.talk import enter, heard, hears, numbers, publish, someone, subscribe
from tests.server.test_polling import polled
from tests.support.hubbub import Cluster, Hubbub, two_workers
from tests.support.js import JsClients
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.sse import SseStream
from tests.support.waiting import eventually

LINES = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_notify%'"
"""The connections on which workers listen: they speak on them, too."""
SLOWEST = {"HUBBUB_CATCH_UP_SECONDS": "1000"}


@pytest.fixture(scope="module")
def shop(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[Cluster]:
    """Two workers upon a database of a shop, that hear of what it publishes from nobody else than PostgreSQL."""
    cluster = two_workers(redis_server.url, postgres_server.create_database(), **SLOWEST)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture
async def backend(shop: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """The shop's own connection to its database."""
    connection = await asyncpg.connect(shop.a.env["DATABASE_URL"])
    yield connection
    await connection.close()


async def call(connection: asyncpg.Connection, channel: str, data: str = "{}", event: str = "order:paid") -> int:
    return await connection.fetchval("SELECT hubbub_publish($1, $2, $3)", channel, event, data)


def orders() -> str:
    return f"trip:{someone('orders')}:comments"


async def test_it_reaches_all_three_transports_on_all_workers(
    shop: Cluster, backend: asyncpg.Connection, js: JsClients
) -> None:
    channel = orders()
    socket = await enter(js, shop.a, someone())
    await subscribe(socket, channel)
    async with SseStream(f"{shop.b.url}/api/subscribe?channel={channel}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        poll = asyncio.create_task(polled(shop.b, channel, after=0, wait=25))
        assert await call(backend, channel, '{"total":\n 12.50}') == 1
        (event,) = await stream.has(1)
        assert event["data"] == {"total": 12.5}
        assert event.keys() == {"event", "channel", "seq", "at", "data"}
        await hears(socket, channel, [1])
        assert heard(socket, channel) == (await poll)["events"] == [event]


async def test_not_before_the_commit_and_never_without(shop: Cluster, backend: asyncpg.Connection) -> None:
    channel = orders()
    async with SseStream(f"{shop.a.url}/api/subscribe?channel={channel}") as stream:
        transaction = backend.transaction()
        await transaction.start()
        await call(backend, channel, '"undone"')
        await transaction.rollback()
        async with backend.transaction():
            assert await call(backend, channel, '"first"') == 1
            assert await call(backend, channel, '"second"') == 2
            assert (await polled(shop.b, channel, after=0))["events"] == []
            assert stream.events() == []
        heard = await stream.has(2)
        assert [each["data"] for each in heard] == ["first", "second"]


async def test_it_counts_on_with_what_others_publish(shop: Cluster, backend: asyncpg.Connection) -> None:
    channel = orders()

    async def from_sql() -> None:
        connection = await asyncpg.connect(shop.a.env["DATABASE_URL"])
        for _ in range(20):
            await call(connection, channel)
        await connection.close()

    async def over_rest(worker: Hubbub) -> None:
        for _ in range(20):
            await publish(worker, channel)

    async with SseStream(f"{shop.b.url}/api/subscribe?channel={channel}") as stream:
        await asyncio.gather(from_sql(), from_sql(), over_rest(shop.a), over_rest(shop.b))
        assert numbers(await stream.has(80)) == list(range(1, 81))


BAD = [
    ("boat", "a:b", "{}"),
    ("collection:tasks", "a:b", "{}"),
    ("table:public.orders", "a:b", "{}"),
    ("document:1", "a:b", "{}"),
    ("access", "a:b", "{}"),
    ("trip:1/2:likes", "a:b", "{}"),
    ("app:" + "x" * 300, "a:b", "{}"),
    ("app:x", "connect", "{}"),
    ("app:x", "a:b:c", "{}"),
    ("app:x", "a:b", '"\\u0000"'),
    ("app:x", "a:b", '"\\ud800"'),
    ("app:x", "a:b", "[1e400]"),
    ("app:x", "a:b", "[" * 40 + "]" * 40),
    ("app:x", "a:b", '"' + "x" * 1_100_000 + '"'),
    ("app:x", "a:b", "{"),
    ("app:x", "a:b", None),
    (None, "a:b", "{}"),
]


@pytest.mark.parametrize(("channel", "event", "data"), BAD)
async def test_what_the_other_door_refuses_is_refused(
    backend: asyncpg.Connection, channel: str | None, event: str, data: str | None
) -> None:
    before = await backend.fetchval("SELECT count(*) FROM event_log")
    with pytest.raises(asyncpg.PostgresError):
        await backend.fetchval("SELECT hubbub_publish($1, $2, $3)", channel, event, data)
    assert await backend.fetchval("SELECT count(*) FROM event_log") == before


async def test_a_role_needs_leave_to_call_it_and_nothing_else(backend: asyncpg.Connection) -> None:
    role = someone("clerk").replace("-", "_")
    await backend.execute(f"CREATE ROLE {role}")
    await backend.execute(f"SET ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await call(backend, "app:x")
    await backend.execute("RESET ROLE")
    await backend.execute(f"GRANT EXECUTE ON FUNCTION hubbub_publish(text, text, json) TO {role}")
    await backend.execute(f"SET ROLE {role}; SET search_path = public, pg_catalog")
    assert await call(backend, orders()) == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await backend.execute("INSERT INTO channels VALUES ('app:x', 100)")
    await backend.execute("RESET ROLE")


async def test_a_worker_that_lost_its_line_catches_up(shop: Cluster, backend: asyncpg.Connection) -> None:
    channel = orders()
    async with SseStream(f"{shop.a.url}/api/subscribe?channel={channel}") as stream:
        await call(backend, channel)
        await stream.has(1)
        pids = [row["pid"] for row in await backend.fetch(f"{LINES} AND pid <> pg_backend_pid()")]
        assert len(pids) == 2
        async with backend.transaction():
            for pid in pids:
                await backend.execute("SELECT pg_terminate_backend($1)", pid)
            await call(backend, channel)
        assert numbers(await stream.has(2)) == [1, 2]

        async def lines() -> bool:
            found = await backend.fetch(f"{LINES} AND pid <> pg_backend_pid()")
            return len(found) == 2

        await eventually(lines, "both lines to be open again")
        await call(backend, channel)
        assert numbers(await stream.has(3)) == [1, 2, 3]


async def test_one_worker_without_redis_hears_of_it_as_well(
    start_hubbub: Callable[..., Hubbub], postgres_server: PostgresServer
) -> None:
    url = postgres_server.create_database()
    worker, channel = start_hubbub(DATABASE_URL=url, **SLOWEST), orders()
    connection = await asyncpg.connect(url)
    async with SseStream(f"{worker.url}/api/subscribe?channel={channel}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        await call(connection, channel)
        await stream.has(1)
    await connection.close()


async def test_what_is_not_announced_is_found_all_the_same(
    start_hubbub: Callable[..., Hubbub], postgres_server: PostgresServer
) -> None:
    url = postgres_server.create_database()
    connection = await asyncpg.connect(url)
    source = await connection.fetchval("SELECT pg_get_functiondef('hubbub_publish'::regproc)")
    await connection.execute(source.replace("PERFORM pg_notify", "PERFORM concat"))
    worker, channel = start_hubbub(DATABASE_URL=url), orders()
    async with SseStream(f"{worker.url}/api/subscribe?channel={channel}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        await call(connection, channel)
        await stream.has(1, timeout=30)
    await connection.close()


async def test_a_worker_that_is_deaf_looks_into_the_log(
    start_hubbub: Callable[..., Hubbub], own_postgres: Callable[[], PostgresServer]
) -> None:
    """Its line hangs, as where a firewall has forgotten it."""
    url = own_postgres().create_database()
    worker = start_hubbub(
        DATABASE_URL=url,
        HUBBUB_CATCH_UP_SECONDS="0.2",
        HUBBUB_BUS_NONCE_SECONDS="0.1",
        HUBBUB_BUS_DEAF_SECONDS="0.5",
        # So that it goes on waiting for an answer on that line.
        HUBBUB_DATABASE_TIMEOUT_SECONDS="60",
    )
    connection, channel = await asyncpg.connect(url), orders()
    async with SseStream(f"{worker.url}/api/subscribe?channel={channel}") as stream:
        await call(connection, channel)
        await stream.has(1)
        line = await connection.fetchval(f"{LINES} AND pid <> pg_backend_pid()")
        psutil.Process(line).suspend()
        try:
            await call(connection, channel)
            assert numbers(await stream.has(2)) == [1, 2]
        finally:
            psutil.Process(line).resume()
    await connection.close()


async def test_channels_that_only_sql_writes_to_keep_what_all_keep(
    start_hubbub: Callable[..., Hubbub], postgres_server: PostgresServer
) -> None:
    url = postgres_server.create_database()
    start_hubbub(DATABASE_URL=url, HUBBUB_RETENTION_EVENTS="5")
    connection = await asyncpg.connect(url)
    channel = orders()
    for _ in range(12):
        await call(connection, channel)

    async def kept() -> bool:
        return await connection.fetchval("SELECT count(*) FROM event_log WHERE channel = $1", channel) == 5

    await eventually(kept, "what is too old to go", 15)
    await connection.close()


async def test_a_database_that_comes_back_is_listened_to_again(upon_postgres: Upon[PostgresServer]) -> None:
    cluster, channel = upon_postgres.cluster, orders()
    async with SseStream(f"{cluster.a.url}/api/subscribe?channel={channel}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        upon_postgres.server.stop()
        upon_postgres.server.start()
        connection = await asyncpg.connect(cluster.a.env["DATABASE_URL"])
        await call(connection, channel)
        assert numbers(await stream.has(1, timeout=30)) == [1]
        await connection.close()
