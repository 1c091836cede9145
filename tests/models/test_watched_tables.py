"""Watched tables: what their triggers write into the log, with the change and never without it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import orjson
import pytest

from models import event_log, table_rows, table_triggers
from models.database import Database, one_moment
from models.table_columns import TableConfig, Unfit, quoted, shape_of
from tests.support.postgres_server import PostgresServer

ORDERS = TableConfig("public", "orders", ("id", "status", "user_id"), None, 65_536, 1000)


@pytest.fixture
async def database(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    url = postgres_server.create_database()
    opened = Database(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=2)
    yield opened
    await opened.close()


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """The application: a role of its own, with rights on its own tables alone."""
    async with database.line() as owner:
        name = await owner.fetchval("SELECT 'shop_' || md5(random()::text)")
        await owner.execute(
            f"CREATE ROLE {name}; GRANT CREATE ON SCHEMA public TO {name};"
            " REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;"
        )
        await owner.execute(f"SET SESSION AUTHORIZATION {name}")
        await owner.execute("CREATE TABLE orders (id int PRIMARY KEY, status text, user_id text, secret text)")
        yield owner


async def watch(database: Database, config: TableConfig) -> None:
    async with database.write() as conn:
        await table_triggers.install(conn, await shape_of(conn, config))


async def told(database: Database, config: TableConfig = ORDERS, after: int = 0) -> list[tuple[Any, ...]]:
    """Type, id, old, new and audience of the table's events, whose numbers have no holes."""
    async with database.read() as conn:
        found = await event_log.after(conn, config.channel, after)
    assert [event.seq for event in found.events] == list(range(after + 1, found.newest + 1))
    assert {event.event for event in found.events} <= {"table:changed"}
    changes = [(event.data, event.audience) for event in found.events]
    assert all(change.keys() == {"eventType", "id", "new", "old", "version"} for change, _ in changes)
    return [
        (each["eventType"], each["id"], each["old"], each["new"], seen_by and sorted(seen_by.people))
        for each, seen_by in changes
    ]


def order(id: int, status: str, user_id: str | None = "ada") -> dict[str, Any]:
    return {"id": id, "status": status, "user_id": user_id}


async def test_insert_update_and_delete_tell_of_the_configured_columns(
    database: Database, shop: asyncpg.Connection
) -> None:
    await watch(database, ORDERS)
    await shop.execute("INSERT INTO orders VALUES (1, 'open', 'ada', 'x')")
    await shop.execute("UPDATE orders SET status = 'paid'")
    # Nobody is told of what they may not see.
    await shop.execute("UPDATE orders SET secret = 'y'")
    await shop.execute("UPDATE orders SET status = 'never' WHERE id = 7")
    await shop.execute("DELETE FROM orders")
    assert await told(database) == [
        ("INSERT", "1", None, order(1, "open"), None),
        ("UPDATE", "1", order(1, "open"), order(1, "paid"), None),
        ("DELETE", "1", order(1, "paid"), None, None),
    ]


async def test_nothing_is_told_of_what_is_rolled_back(database: Database, shop: asyncpg.Connection) -> None:
    await watch(database, ORDERS)
    transaction = shop.transaction()
    await transaction.start()
    await shop.execute("INSERT INTO orders VALUES (1, 'undone', 'ada')")
    await transaction.rollback()
    async with shop.transaction():
        await shop.execute("INSERT INTO orders VALUES (1, 'open', 'ada')")
        with pytest.raises(asyncpg.UniqueViolationError):
            async with shop.transaction():
                await shop.execute("UPDATE orders SET status = 'undone'")
                await shop.execute("INSERT INTO orders VALUES (1, 'again', 'ada')")
        await shop.execute("INSERT INTO orders VALUES (2, 'open', 'bo')")
        assert await told(database) == []
    assert [(kind, id) for kind, id, *_ in await told(database)] == [("INSERT", "1"), ("INSERT", "2")]


async def test_a_bulk_statement_tells_of_each_row(database: Database, shop: asyncpg.Connection) -> None:
    await watch(database, ORDERS)
    await shop.execute("INSERT INTO orders SELECT n, 'open', 'ada' FROM generate_series(1, 500) AS n")
    await shop.execute("UPDATE orders SET status = 'paid' WHERE id > 400")
    await shop.execute(
        "INSERT INTO orders VALUES (500, 'new', 'bo'), (501, 'new', 'bo') ON CONFLICT (id) DO UPDATE"
        " SET status = 'kept'"
    )
    await shop.execute("TRUNCATE orders")
    found = await told(database)
    assert [kind for kind, *_ in found] == (
        ["INSERT"] * 500 + ["UPDATE"] * 100 + ["UPDATE", "INSERT"] + ["DELETE"] * 501
    )
    assert found[600] == ("UPDATE", "500", order(500, "paid"), order(500, "kept"), None)
    assert {id for _, id, *_ in found[-501:]} == {str(number) for number in range(1, 502)}


async def test_a_transaction_that_is_too_large_is_a_reload(database: Database, shop: asyncpg.Connection) -> None:
    """In one statement or in many, and for those who were behind already."""
    few = replace(ORDERS, rows=10)
    await watch(database, few)

    async def follows(after: int) -> event_log.Replay:
        async with database.read() as conn:
            return await event_log.after(conn, ORDERS.channel, after)

    await shop.execute("INSERT INTO orders SELECT n FROM generate_series(1, 10) AS n")
    assert len(await told(database)) == 10
    await shop.execute("INSERT INTO orders SELECT n FROM generate_series(11, 21) AS n")
    assert [(await follows(seq)).recovered for seq in (0, 5, 10, 11)] == [False, False, False, True]
    await shop.execute("UPDATE orders SET status = 'paid' WHERE id = 1")
    assert [(await follows(seq)).recovered for seq in (10, 11)] == [False, True]
    async with shop.transaction():
        for id in range(1, 12):
            await shop.execute("UPDATE orders SET status = 'sent' WHERE id = $1", id)
    assert [(await follows(seq)).recovered for seq in (11, 12, 13)] == [False, False, True]
    await shop.execute("TRUNCATE orders")
    assert [(await follows(seq)).recovered for seq in (13, 14)] == [False, True]
    await shop.execute("INSERT INTO orders VALUES (1)")
    assert [event.seq for event in (await follows(14)).events] == [15]


async def test_writers_of_one_table_do_not_wait_for_each_other(database: Database, shop: asyncpg.Connection) -> None:
    await watch(database, ORDERS)
    async with database.line() as other:
        first = other.transaction()
        await first.start()
        await other.execute("INSERT INTO orders VALUES (1, 'first', 'ada')")
        async with shop.transaction():
            await shop.execute("SET LOCAL lock_timeout = '5s'")
            await shop.execute("INSERT INTO orders VALUES (2, 'second', 'ada')")
        await first.commit()
    # Numbered in the order of the commits.
    assert [id for _, id, *_ in await told(database)] == ["2", "1"]


async def test_an_owners_rows_are_told_to_nobody_else(database: Database, shop: asyncpg.Connection) -> None:
    await watch(database, replace(ORDERS, owner="user_id"))
    await shop.execute("INSERT INTO orders VALUES (1, 'open', 'ada'), (2, 'open', NULL)")
    await shop.execute("UPDATE orders SET user_id = 'bo', status = 'given'")
    await shop.execute("UPDATE orders SET user_id = NULL WHERE id = 1")
    assert await told(database) == [
        ("INSERT", "1", None, order(1, "open"), ["ada"]),
        ("DELETE", "1", order(1, "open"), None, ["ada"]),
        ("INSERT", "1", None, order(1, "given", "bo"), ["bo"]),
        ("INSERT", "2", None, order(2, "given", "bo"), ["bo"]),
        ("DELETE", "1", order(1, "given", "bo"), None, ["bo"]),
    ]


async def test_values_are_json_that_every_client_reads(database: Database, shop: asyncpg.Connection) -> None:
    await shop.execute(
        "CREATE TYPE mood AS ENUM ('fine'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN big AS bigint;"
        "CREATE TABLE kinds (id uuid PRIMARY KEY, small bigint, large bigint, domain big, exact numeric,"
        " long numeric, none numeric, far numeric, ratio float8, endless float8, at timestamptz, day date,"
        " bytes bytea, document jsonb, plain json, deep jsonb, huge jsonb, odd json, numbers bigint[],"
        " texts text[], mood mood, pair pair, span interval, nothing int, yes bool)"
    )
    names = [
        row["attname"]
        for row in await shop.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attnum > 0"
        )
    ]
    kinds = TableConfig("public", "kinds", tuple(names), None, 65_536, 1000)
    await watch(database, kinds)
    await shop.execute("SET timezone = 'Asia/Tokyo'; SET bytea_output = 'escape'; SET intervalstyle = 'sql_standard'")
    await shop.execute("SET extra_float_digits = -10; SET standard_conforming_strings = off")
    deep = "[" * 40 + "]" * 40
    await shop.execute(
        "INSERT INTO kinds VALUES ('00000000-0000-0000-0000-000000000001', 42, 9007199254740993, 9007199254740993,"
        " 12.50, 0.12345678901234567890, 'NaN', 1e400, 0.1, '-Infinity', '2026-11-29 12:00:00.5+09', '2026-11-29',"
        f""" '\\\\x00ff', '{{"a": [1, null]}}', '{{"b":\n 2}}', '{deep}', '[1e400]', '"\\\\u0000"',"""
        " '{1,9007199254740993}', '{a,NULL}', 'fine', '(1,x)', '1 day 2 hours', NULL, true)"
    )
    ((_, id, _, new, _),) = await told(database, kinds)
    assert id == "00000000-0000-0000-0000-000000000001"
    assert new == {
        "id": id,
        "small": 42,
        "large": "9007199254740993",
        "domain": "9007199254740993",
        "exact": 12.5,
        "long": "0.12345678901234567890",
        "none": "NaN",
        "far": "1" + "0" * 400,
        "ratio": 0.1,
        "endless": "-Infinity",
        "at": "2026-11-29T03:00:00.5+00:00",
        "day": "2026-11-29",
        "bytes": "\\x00ff",
        "document": {"a": [1, None]},
        "plain": {"b": 2},
        "deep": None,
        "huge": None,
        "odd": None,
        "numbers": ["1", "9007199254740993"],
        "texts": ["a", None],
        "mood": "fine",
        "pair": "(1,x)",
        "span": "P1DT2H",
        "nothing": None,
        "yes": True,
    }
    assert await rows(database, kinds) == [new]


async def rows(database: Database, config: TableConfig, owner: str | None = None) -> list[Any]:
    """All rows, as a snapshot reads them."""
    async with database.read() as conn, one_moment(conn):
        shape = await shape_of(conn, config)
        return [orjson.loads(row) async for page in table_rows.pages(conn, shape, owner) for row in page]


async def test_a_key_of_several_columns_and_one_that_changes(database: Database, shop: asyncpg.Connection) -> None:
    await shop.execute("CREATE TABLE seats (row_name text, number int, taken bool, PRIMARY KEY (number, row_name))")
    seats = TableConfig("public", "seats", ("row_name", "number", "taken"), None, 65_536, 1000)
    await watch(database, seats)
    await shop.execute("""INSERT INTO seats VALUES ('A"', 1, false)""")
    await shop.execute("UPDATE seats SET number = 2")
    assert [(kind, orjson.loads(id)) for kind, id, *_ in await told(database, seats)] == [
        ("INSERT", [1, 'A"']),
        ("DELETE", [1, 'A"']),
        ("INSERT", [2, 'A"']),
    ]


async def test_a_row_that_is_too_large_is_told_without_what_is_long(
    database: Database, shop: asyncpg.Connection
) -> None:
    small = replace(ORDERS, row_bytes=1000)
    await watch(database, small)
    await shop.execute("INSERT INTO orders VALUES (1, repeat('x', 2000), 'ada')")
    await shop.execute("UPDATE orders SET status = repeat('y', 2000)")
    await shop.execute("UPDATE orders SET status = 'short'")
    cut = {"id": 1, "user_id": "ada"}
    assert await told(database) == [
        ("INSERT", "1", None, cut, None),
        ("UPDATE", "1", cut, cut, None),
        ("UPDATE", "1", cut, order(1, "short"), None),
    ]
    assert await rows(database, small) == [order(1, "short")]


async def test_the_application_needs_no_rights_of_hubbubs_and_gets_none(
    database: Database, shop: asyncpg.Connection
) -> None:
    await watch(database, ORDERS)
    await shop.execute("INSERT INTO orders VALUES (1, 'open', 'ada')")
    for statement in (
        "SELECT * FROM event_log",
        "SELECT * FROM table_changes",
        "INSERT INTO table_changes (transaction, channel, data) VALUES (pg_current_xact_id(), 'admin', '{}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await shop.execute(statement)
    # Whoever could put the function behind a table of theirs could tell anything of this one.
    function = await shop.fetchval("SELECT tgfoid::regproc FROM pg_trigger WHERE tgname = 'hubbub_insert'")
    await shop.execute("CREATE TABLE forged (LIKE orders INCLUDING ALL)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await shop.execute(
            "CREATE TRIGGER x AFTER INSERT ON forged REFERENCING NEW TABLE AS new_rows"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


async def test_functions_and_casts_of_the_applications_never_run_with_our_rights(
    database: Database, shop: asyncpg.Connection
) -> None:
    """Whatever looks like PostgreSQL's own, and fits the application's types better."""
    steal = "RETURNS {0} LANGUAGE plpgsql AS $$ BEGIN INSERT INTO stolen VALUES (current_user); RETURN {1}; END $$"
    await shop.execute("CREATE TABLE stolen (who text); GRANT ALL ON stolen TO PUBLIC; CREATE TYPE point3 AS (a int)")
    for signature, result, value in (
        ("format(text, point3)", "text", "''"),
        ("to_jsonb(point3)", "jsonb", "'{}'::jsonb"),
        ("to_jsonb(text)", "jsonb", "'{}'::jsonb"),
        ("to_jsonb(integer)", "jsonb", "'{}'::jsonb"),
        ("to_jsonb(bigint)", "jsonb", "'{}'::jsonb"),
        ("as_json(point3)", "json", "'{}'::json"),
        ("as_text(point3)", "text", "''"),
        ("abs(integer)", "integer", "1"),
    ):
        await shop.execute(f"CREATE FUNCTION public.{signature} {steal.format(result, value)}")
    await shop.execute("CREATE CAST (point3 AS json) WITH FUNCTION as_json(point3)")
    await shop.execute("CREATE CAST (point3 AS text) WITH FUNCTION as_text(point3)")
    await shop.execute("CREATE TABLE traps (id bigint PRIMARY KEY, place point3, number int)")
    await watch(database, TableConfig("public", "traps", ("id", "place", "number"), None, 1000, 1000))
    await shop.execute("INSERT INTO traps VALUES (1, ROW(1), 1)")
    await shop.execute("UPDATE traps SET place = ROW(2)")
    assert await shop.fetchval("SELECT count(*) FROM stolen") == 0


@pytest.mark.parametrize("name", ["select", 'quo"te', "semi; DROP TABLE orders; --", "it's", "$hubbub$", "Ünï", "a%s"])
async def test_names_are_only_names(database: Database, shop: asyncpg.Connection, name: str) -> None:
    await shop.execute(f"CREATE TABLE {quoted(name)} ({quoted(name)} int PRIMARY KEY, v text)")
    config = TableConfig("public", name, (name, "v"), "v", 1000, 1000)
    await watch(database, config)
    await shop.execute(f"INSERT INTO {quoted(name)} VALUES (1, 'ada')")
    assert await told(database, config) == [("INSERT", "1", None, {name: 1, "v": "ada"}, ["ada"])]
    assert await rows(database, config, "ada") == [{name: 1, "v": "ada"}]
    assert await rows(database, config, "bo") == []
    async with database.write() as conn:
        assert await table_triggers.remove(conn, config.title)
    assert await shop.fetchval("SELECT count(*) FROM orders") == 0


async def test_watching_again_follows_the_configuration_and_unwatching_ends_it(
    database: Database, shop: asyncpg.Connection
) -> None:
    async def state(config: TableConfig = ORDERS) -> bool | None:
        async with database.read() as conn:
            return await table_triggers.is_current(conn, await shape_of(conn, config))

    assert await state() is None
    await watch(database, ORDERS)
    await watch(database, ORDERS)
    assert await state() is True
    fewer = replace(ORDERS, columns=("id", "user_id"))
    assert await state(fewer) is False
    await watch(database, fewer)
    assert await state(fewer) is True
    await shop.execute("INSERT INTO orders VALUES (1, 'open', 'ada')")
    async with database.read() as conn:
        assert list(await table_triggers.watched(conn)) == ["public.orders"]
    await shop.execute("ALTER TABLE orders DISABLE TRIGGER hubbub_update")
    assert await state(fewer) is None
    async with database.write() as conn:
        assert await table_triggers.remove(conn, ORDERS.title)
        assert not await table_triggers.remove(conn, ORDERS.title)
    await shop.execute("INSERT INTO orders VALUES (2, 'open', 'ada')")
    assert await told(database) == [("INSERT", "1", None, {"id": 1, "user_id": "ada"}, None)]


@pytest.mark.parametrize(
    ("config", "cause"),
    [
        (replace(ORDERS, name="nowhere"), "there is no such table"),
        (replace(ORDERS, name="ordered"), "is no table"),
        (replace(ORDERS, columns=("id", "colour")), "it has no column colour; it has id, status, user_id, secret"),
        (replace(ORDERS, owner="colour"), "it has no column colour"),
        (replace(ORDERS, columns=("status",)), "columns must hold the primary key, and id is missing there"),
        (replace(ORDERS, name="keyless", columns=("id",)), "has no primary key"),
    ],
)
async def test_what_cannot_be_watched_says_why(
    database: Database, shop: asyncpg.Connection, config: TableConfig, cause: str
) -> None:
    await shop.execute("CREATE VIEW ordered AS SELECT * FROM orders; CREATE TABLE keyless (id int)")
    async with database.read() as conn:
        with pytest.raises(Unfit, match=cause):
            await shape_of(conn, config)
