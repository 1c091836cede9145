"""Tables of the application's own: its transactions, heard by every door on every worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from tests.server.talk import connect, data_of, enter, error_of, heard, numbers, someone, subscribe
from tests.server.test_polling import polled
from tests.server.watching import declared, shop, verb
from tests.support.hubbub import Cluster, two_workers
from tests.support.js import JsClients, JsSocket
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.sse import SseStream
from tests.support.waiting import eventually

ORDERS, CARTS, REFUNDS = "table:public.orders", "table:public.carts", "table:public.refunds"
# Who is not woken looks into the log after 15 s.
SOON = 5.0


@pytest.fixture(scope="module")
def cluster(
    redis_server: RedisServer, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Two workers, and a shop whose tables they watch."""
    url = postgres_server.create_database()
    variables = {"HUBBUB_COLLECTIONS": declared(tmp_path_factory.mktemp("shop"))}
    started = two_workers(redis_server.url, url, HUBBUB_CATCH_UP_SECONDS="1000", **variables)

    async def open_shop() -> None:
        await (await shop(url, f"shop_{started.a.port}")).close()

    asyncio.run(open_shop())
    try:
        for table in ("orders", "carts", "refunds"):
            status, said = verb({"DATABASE_URL": url, **variables}, "watch", f"public.{table}")
            assert (status, said) == (0, f"public.{table} is watched: its changes are told on table:public.{table}.")
        started.start()
        yield started
    finally:
        started.kill()


@pytest.fixture
async def sql(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """The shop's connection; its tables are empty."""
    connection = await asyncpg.connect(cluster.a.env["DATABASE_URL"])
    await connection.execute(f"SET SESSION AUTHORIZATION shop_{cluster.a.port}")
    for table in ("orders", "carts", "refunds"):
        await connection.execute(f"DELETE FROM {table}")
    yield connection
    await connection.close()


def changes(socket: JsSocket, channel: str) -> list[tuple[Any, ...]]:
    """What a connection heard of a table: type, id, old, new."""
    return [tuple(each["data"][name] for name in ("eventType", "id", "old", "new")) for each in heard(socket, channel)]


def order(id: int, status: str, user_id: str = "ada") -> dict[str, Any]:
    return {"id": id, "status": status, "user_id": user_id}


async def test_a_commit_is_heard_at_once_by_all_doors_on_all_workers(
    cluster: Cluster, sql: asyncpg.Connection, js: JsClients
) -> None:
    a, b = [await enter(js, worker, someone()) for worker in cluster.workers]
    start = (await subscribe(a, ORDERS))["seq"]
    await subscribe(b, ORDERS)
    async with SseStream(f"{cluster.b.url}/api/subscribe?channel={ORDERS}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        poll = asyncio.create_task(polled(cluster.b, ORDERS, after=start, wait=25))
        undone = sql.transaction()
        await undone.start()
        await sql.execute("INSERT INTO orders VALUES (1, 'undone', 'ada')")
        await undone.rollback()
        async with sql.transaction():
            await sql.execute("INSERT INTO orders VALUES (1, 'open', 'ada', 'hidden')")
            await sql.execute("UPDATE orders SET status = 'paid'")
            assert heard(a, ORDERS) == heard(b, ORDERS) == []
        await eventually(lambda: len(heard(a, ORDERS)) == len(heard(b, ORDERS)) == 2, "both workers", SOON)
        told = await stream.has(2)
        assert told == heard(a, ORDERS) == heard(b, ORDERS) == (await poll)["events"]
    assert numbers(told) == [start + 1, start + 2]
    assert [each["event"] for each in told] == ["table:changed"] * 2
    assert told[0]["data"] == {"eventType": "INSERT", "id": "1", "new": order(1, "open"), "old": None, "version": None}
    assert changes(a, ORDERS)[1] == ("UPDATE", "1", order(1, "open"), order(1, "paid"))


async def test_a_transaction_that_is_too_large_has_everybody_reload(
    cluster: Cluster, sql: asyncpg.Connection, js: JsClients
) -> None:
    """Whoever is connected comes back without recovery, and what they ask for is not recovered."""
    bo = await enter(js, cluster.b, someone())
    await bo.wait_for("recovery:ready")
    seq = (await subscribe(bo, ORDERS))["seq"]
    async with SseStream(f"{cluster.a.url}/api/subscribe?channel={ORDERS}") as stream:
        await eventually(lambda: stream.last_id, "the stream")
        await sql.execute("INSERT INTO orders SELECT n FROM generate_series(1, 10001) AS n")
        await stream.until_ended()
        last = stream.last_id
    async with SseStream(f"{cluster.a.url}/api/subscribe?channel={ORDERS}", last_id=last) as stream:
        await eventually(lambda: stream.messages, "the reset")
        assert [each.type for each in stream.messages] == ["reset"]
    await bo.wait_for("recovery:ready", timeout=20)
    assert not bo.recovered
    reply = await subscribe(bo, ORDERS, after=seq, snapshot=True)
    assert (reply["recovered"], reply["events"]) == (False, [])
    assert reply["snapshot"]["hasMore"]
    await sql.execute("DELETE FROM orders WHERE id > 5")
    again = await subscribe(bo, ORDERS, snapshot=True)
    assert [row["id"] for row in again["snapshot"]["records"]] == [5, 4, 3, 2, 1]
    await sql.execute("DELETE FROM orders WHERE id = 5")
    await eventually(lambda: ("DELETE", "5") in [change[:2] for change in changes(bo, ORDERS)], "what comes after")


async def test_a_filter_tells_of_rows_that_begin_and_stop_to_match(
    cluster: Cluster, sql: asyncpg.Connection, js: JsClients
) -> None:
    bo = await enter(js, cluster.b, someone())
    reply = await subscribe(bo, ORDERS, filter="status=eq.open&id=lt.10")
    async with SseStream(
        f"{cluster.a.url}/api/subscribe?channel={ORDERS}&filter={quote('id=lt.10&status=eq.open')}"
    ) as stream:
        await eventually(lambda: stream.last_id, "the stream")
        await sql.execute("INSERT INTO orders VALUES (1, 'new'), (10, 'open')")
        await sql.execute("UPDATE orders SET status = 'open' WHERE id = 1")
        await sql.execute("UPDATE orders SET user_id = 'bo'")
        await sql.execute("UPDATE orders SET status = 'paid'")
        expected = [
            ("INSERT", "1", None, {"id": 1, "status": "open", "user_id": None}),
            ("UPDATE", "1", {"id": 1, "status": "open", "user_id": None}, order(1, "open", "bo")),
            ("DELETE", "1", order(1, "open", "bo"), None),
        ]
        await eventually(lambda: len(heard(bo, ORDERS)) == 3, "three changes")
        assert changes(bo, ORDERS) == expected
        assert await stream.has(3) == heard(bo, ORDERS)
    again = await subscribe(bo, ORDERS, filter="status=eq.open&id=lt.10", after=reply["seq"])
    assert again["events"] == heard(bo, ORDERS)


async def test_a_filter_on_a_column_that_is_not_shown_is_invalid(cluster: Cluster, js: JsClients) -> None:
    ada = await enter(js, cluster.a, someone())
    wanted = {"channel": ORDERS, "filter": "secret=like.a%"}
    error = error_of(await ada.emit("channel:subscribe", wanted), "invalid")
    assert error["fields"]["filter"] == ["secret is none of id, status, user_id."]
    refused = await cluster.a.rest("GET", f"/api/subscribe?channel={ORDERS}&filter=secret%3Deq.1")
    assert error_of(refused, "invalid")["fields"]["filter"]
    error_of(await ada.emit("channel:subscribe", {"channel": "table:public.nowhere"}), "not_found")


async def test_an_owner_hears_of_their_own_rows_alone(cluster: Cluster, sql: asyncpg.Connection, js: JsClients) -> None:
    ada_id, bo_id = someone("ada"), someone("bo")
    ada, bo = await enter(js, cluster.a, ada_id), await enter(js, cluster.b, bo_id)
    backend = await connect(js, cluster.a, {"apiKey": cluster.api_key})
    visitor = await connect(js, cluster.a)
    for each in (ada, bo, backend):
        await subscribe(each, CARTS, snapshot=True)
    error_of(await visitor.emit("channel:subscribe", {"channel": CARTS}), "unauthenticated")
    await sql.execute("INSERT INTO carts VALUES (1, 1, $1), (2, 1, $2)", ada_id, bo_id)
    await sql.execute("UPDATE carts SET user_id = $1, items = 2 WHERE id = 1", bo_id)
    await sql.execute("UPDATE carts SET items = 3 WHERE id = 2")
    await eventually(lambda: (len(heard(ada, CARTS)), len(heard(bo, CARTS))) == (2, 3), "their changes")
    row = {"id": 1, "items": 1}
    assert changes(ada, CARTS) == [("INSERT", "1", None, row), ("DELETE", "1", row, None)]
    assert changes(bo, CARTS) == [
        ("INSERT", "2", None, {"id": 2, "items": 1}),
        ("INSERT", "1", None, {"id": 1, "items": 2}),
        ("UPDATE", "2", {"id": 2, "items": 1}, {"id": 2, "items": 3}),
    ]
    # An API key passes every policy.
    await eventually(lambda: len(heard(backend, CARTS)) == 5, "everything")
    snapshots = [(await subscribe(each, CARTS, snapshot=True))["snapshot"] for each in (ada, bo, backend)]
    both = [{"id": 2, "items": 3}, {"id": 1, "items": 2}]
    assert snapshots == [{"records": rows, "hasMore": False} for rows in ([], both, both)]


async def test_a_policy_of_a_role(cluster: Cluster, sql: asyncpg.Connection, js: JsClients) -> None:
    ada = await enter(js, cluster.a, someone())
    error_of(await ada.emit("channel:subscribe", {"channel": REFUNDS}), "forbidden")
    token = cluster.token(someone("mo"), role="moderator")
    moderator = await connect(js, cluster.b, {"token": token})
    await subscribe(moderator, REFUNDS)
    await sql.execute("INSERT INTO refunds VALUES (1)")
    await eventually(lambda: changes(moderator, REFUNDS) == [("INSERT", "1", None, {"id": 1})], "the refund")


async def test_nobody_else_publishes_to_a_table(cluster: Cluster) -> None:
    event = {"channel": ORDERS, "event": "table:changed", "data": {}}
    error_of(await cluster.a.rest("POST", "/api/publish", event, token=cluster.api_key), "invalid")


@pytest.mark.parametrize("filter", [None, "status=in.(open,paid)"])
async def test_an_old_snapshot_and_its_events_are_a_fresh_snapshot(
    cluster: Cluster, sql: asyncpg.Connection, js: JsClients, filter: str | None
) -> None:
    """Snapshots taken in the midst of writes miss nothing and have nothing twice."""
    more = {} if filter is None else {"filter": filter}
    await sql.execute("INSERT INTO orders SELECT n, 'open', 'ada' FROM generate_series(1, 20) AS n")

    async def write(number: int) -> None:
        connection = await asyncpg.connect(cluster.a.env["DATABASE_URL"])
        await connection.execute(f"SELECT setseed(0.{number})")
        for _ in range(25):
            await connection.execute(
                "WITH gone AS (DELETE FROM orders WHERE id = 1 + floor(random() * 30)::int)"
                " INSERT INTO orders VALUES (1 + floor(random() * 30)::int, 'open', 'ada') ON CONFLICT (id)"
                " DO UPDATE SET status = (ARRAY['open', 'paid', 'sent', 'lost'])[1 + floor(random() * 4)::int]"
            )
        await connection.close()

    writing = asyncio.gather(*(write(number) for number in range(1, 4)))
    sockets, replies = [], []
    for number in range(6):
        sockets.append(await enter(js, cluster.workers[number % 2], someone()))
        replies.append(await subscribe(sockets[-1], ORDERS, snapshot=True, **more))
    await writing
    late = await enter(js, cluster.a, someone())
    fresh = await subscribe(late, ORDERS, snapshot=True, **more)
    expected = {str(row["id"]): row for row in fresh["snapshot"]["records"]}
    assert expected

    def state(socket: JsSocket, reply: dict[str, Any]) -> dict[str, Any]:
        rows = {str(row["id"]): row for row in reply["snapshot"]["records"]}
        for each in heard(socket, ORDERS):
            assert each["seq"] > reply["seq"]
            data = each["data"]
            # Nothing arrives that is there, and nothing goes that is not.
            assert (data["id"] in rows) == (data["old"] is not None)
            if data["new"] is None:
                del rows[data["id"]]
            else:
                rows[data["id"]] = data["new"]
        return rows

    for socket, reply in zip(sockets, replies, strict=True):
        await eventually(lambda: state(socket, reply) == expected, "the same rows")  # noqa: B023 - called at once


def of(table: str, columns: str) -> str:
    """A file that declares one table."""
    return f'[tables."public.{table}"]\nread = "public"\ncolumns = [{columns}]\n'


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["public.nowhere"], "", 'public.nowhere is not declared: give it an entry [tables."public.nowhere"]'),
        (
            ["public.orders"],
            '[tables."public.orders"]\nread = "public"\ncolumns = ["id", "colour"]',
            "has no column colour",
        ),
        (["public.orders"], '[tables."public.orders"]\nread = "public"\ncolumns = ["status"]', "hold the primary key"),
        (["public.missing"], '[tables."public.missing"]\nread = "public"\ncolumns = ["id"]', "there is no such table"),
        ([], "", "watch needs SCHEMA.TABLE"),
        (["public.orders", "public.carts"], "", "unknown argument public.carts"),
    ],
)
def test_watch_says_in_one_line_why_it_cannot(
    cluster: Cluster, tmp_path: Path, words: list[str], text: str, said: str
) -> None:
    environment = {"DATABASE_URL": cluster.a.env["DATABASE_URL"], "HUBBUB_COLLECTIONS": declared(tmp_path, text)}
    status, line = verb(environment, "watch", *words)
    assert status == 2
    assert said in line


def test_watch_needs_postgresql(tmp_path: Path) -> None:
    status, line = verb(
        {"HUBBUB_VAR": str(tmp_path), "HUBBUB_COLLECTIONS": declared(tmp_path)}, "watch", "public.orders"
    )
    assert status == 2
    assert "PostgreSQL" in line


async def test_watch_by_a_role_that_may_not_says_what_to_grant(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.create_database(migrated=False)
    owner = await asyncpg.connect(url)
    hub, role = someone("hub").replace("-", "_"), someone("shop").replace("-", "_")
    await owner.execute(f"CREATE ROLE {hub} LOGIN; CREATE SCHEMA {hub} AUTHORIZATION {hub}")
    connection = await shop(url, role)
    environment = {
        "DATABASE_URL": url.replace("//hubbub@", f"//{hub}@"),
        "HUBBUB_COLLECTIONS": declared(tmp_path),
    }
    assert verb(environment, "watch", "public.orders") == (
        2,
        "hubbub: The database's schema is not this program's (DATABASE_URL): run hubbub migrate first.",
    )
    assert verb(environment, "migrate")[0] == 0
    grant = f"GRANT TRIGGER, SELECT ON public.orders TO {hub}"
    status, line = verb(environment, "watch", "public.orders")
    assert status == 2
    assert grant in line
    await connection.execute(grant)
    assert verb(environment, "watch", "public.orders")[0] == 0
    await connection.execute("INSERT INTO orders VALUES (1, 'open', 'ada')")
    assert await owner.fetchval(f"SELECT data::json->>'id' FROM {hub}.event_log") == "1"
    # By itself only the owner of a table may drop its triggers.
    assert verb(environment, "unwatch", "public.orders") == (0, "public.orders is watched no longer.")
    assert verb(environment, "unwatch", "public.orders") == (0, "public.orders was not watched; nothing is changed.")
    await connection.execute("INSERT INTO orders VALUES (2, 'open', 'ada')")
    assert await owner.fetchval(f"SELECT count(*) FROM {hub}.event_log") == 1
    await connection.close()
    await owner.close()


async def test_serve_warns_of_tables_that_are_not_watched_as_declared(
    postgres_server: PostgresServer, tmp_path: Path, start_hubbub: Any
) -> None:
    url = postgres_server.create_database()
    connection = await shop(url, someone("shop").replace("-", "_"))
    environment = {"DATABASE_URL": url, "HUBBUB_COLLECTIONS": declared(tmp_path)}
    for table in ("carts", "refunds"):
        assert verb(environment, "watch", f"public.{table}")[0] == 0
    changed = of("orders", '"id"') + of("carts", '"id"')
    hubbub = start_hubbub(DATABASE_URL=url, HUBBUB_COLLECTIONS=declared(tmp_path, changed))
    log = hubbub.log_tail()
    assert "public.orders is not watched; run hubbub watch public.orders" in log
    assert "public.carts is watched, but not as declared; run hubbub watch public.carts again" in log
    assert "run hubbub unwatch public.refunds" in log
    await connection.close()
    assert data_of(await hubbub.rest("GET", f"/api/poll?channel={ORDERS}"))["events"] == []
