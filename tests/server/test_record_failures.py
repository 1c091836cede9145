"""Records while something fails beneath them: what is told of a queue then, and what is left of the past."""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.acceptance.recorders import new_id, variables
from tests.support.hubbub import Hubbub
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import eventually

PATH = "/api/collections/notes/records"


def upsert(id: str, data: Any, **more: Any) -> dict[str, Any]:
    """A mutation that writes."""
    named = {"mutationId": secrets.token_hex(8), "op": "upsert", "collection": "notes"}
    return named | {"id": id, "data": data} | more


async def syncs(server: Hubbub, queue: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send a queue of Ada's; its results."""
    reply = await server.rest("POST", "/api/sync", {"mutations": queue}, token=server.token("ada"))
    assert reply.status == 200, reply
    results: list[dict[str, Any]] = reply.body["data"]["results"]
    return results


def outcomes(results: list[dict[str, Any]]) -> list[Any]:
    """The version, or the error's code, of each result."""
    return [each["data"]["version"] if each["ok"] else each["error"]["code"] for each in results]


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A database of the test's own."""
    return postgres_server.create_database()


async def test_what_cannot_be_carried_out_now_is_not_overtaken(
    start_hubbub: Callable[..., Hubbub], postgres_url: str
) -> None:
    quick = {"HUBBUB_SYNC_BATCH": "3", "HUBBUB_DATABASE_TIMEOUT_SECONDS": "1"}
    server = start_hubbub(DATABASE_URL=postgres_url, **variables(**quick))
    one, two, three = new_id(), new_id(), new_id()
    await syncs(server, [upsert(two, {"n": 0})])
    queue = [upsert(one, {"n": 1}), upsert(one, {"n": 2}), upsert(three, {"n": 1})]
    queue += [upsert(one, {"n": 3}), upsert(two, {"n": 1}), upsert(two, {"n": 2}), upsert(three, {"n": 2})]
    conn = await asyncpg.connect(postgres_url)
    try:
        async with conn.transaction():
            # Somebody else's transaction takes longer than anybody waits.
            await conn.execute("SELECT 1 FROM records WHERE id = $1 FOR UPDATE", two)
            results = await syncs(server, queue)
        assert outcomes(results) == [1, 2, 1, *["unavailable"] * 4]
        reply = await server.rest("GET", f"{PATH}/{one}", token=server.token("ada"))
        assert reply.body["data"]["data"] == {"n": 2}
        again = await syncs(server, queue)
        assert outcomes(again) == [1, 2, 1, 3, 2, 3, 2]
        assert again[:3] == results[:3]
    finally:
        await conn.close()


@pytest.mark.parametrize("batch", ["1", "50"])
async def test_a_defect_holds_up_its_own_record_alone(
    start_hubbub: Callable[..., Hubbub], postgres_url: str, batch: str
) -> None:
    server = start_hubbub(DATABASE_URL=postgres_url, **variables(HUBBUB_SYNC_BATCH=batch))
    one, two, three = new_id(), new_id(), new_id()
    conn = await asyncpg.connect(postgres_url)
    try:
        await conn.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'a defect'; END $$;"
            " CREATE TRIGGER refuse BEFORE UPDATE ON records FOR EACH ROW"
            """ WHEN (NEW.data LIKE '%"refused"%') EXECUTE FUNCTION refuse()"""
        )
        queue = [upsert(one, {"n": 1}), upsert(two, {"refused": 1}), upsert(two, {"n": 2}), upsert(three, {"n": 3})]
        results = await syncs(server, queue)
        assert outcomes(results) == [1, "internal", "unavailable", 1]
        assert "a defect" not in str(results)
        await conn.execute("DROP TRIGGER refuse ON records")
        again = await syncs(server, queue)
        assert outcomes(again) == [1, 1, 2, 1]
        assert [again[0], again[3]] == [results[0], results[3]]
    finally:
        await conn.close()


async def test_a_queue_that_a_killed_server_had_begun_is_finished_by_sending_it_again(
    start_hubbub: Callable[..., Hubbub],
) -> None:
    server = start_hubbub(**variables(HUBBUB_SYNC_BATCH="5"))
    ids = [new_id() for _ in range(3)]
    queue = [upsert(ids[n % 3], {"n": n}) for n in range(300)]
    sending = asyncio.create_task(syncs(server, queue))
    with sqlite3.connect(server.folder / "hubbub.db") as conn:

        def begun() -> int:
            found = conn.execute("SELECT sum(version) FROM records WHERE id IN (?, ?, ?)", ids).fetchone()[0]
            return found or 0

        await eventually(lambda: begun() >= 20, "the first changes", 15)
        server.kill()
        with pytest.raises(aiohttp.ClientError):
            await sending
        assert begun() < 300
        server.start()
        assert outcomes(await syncs(server, queue)) == [n // 3 + 1 for n in range(300)]
        assert begun() == 300


async def test_what_records_were_is_kept_for_a_while(start_hubbub: Callable[..., Hubbub]) -> None:
    server = start_hubbub(**variables(HUBBUB_RECORD_HISTORY_SECONDS="1"))
    token = server.token("ada")
    path = f"{PATH}/{new_id()}"

    async def writes(status: int, **body: Any) -> Any:
        reply = await server.rest("PUT", path, body, token=token)
        assert reply.status == status, reply
        return reply.body

    await writes(201, data={"a": 1, "b": 1})
    await writes(200, data={"a": 1, "b": 2, "c": 2})
    await writes(409, data={}, baseVersion=1, strategy="manual")
    open_one = (await server.rest("GET", "/api/conflicts", token=token)).body["data"]["conflicts"][0]
    await server.rest("POST", f"/api/conflicts/{open_one['id']}", {"resolution": "remote"}, token=token)
    await writes(409, data={"d": 1}, baseVersion=1, strategy="manual")
    with sqlite3.connect(server.folder / "hubbub.db") as conn:

        def left() -> list[int]:
            return [
                conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("record_versions", "conflicts", "records")
            ]

        # The conflict that is still open stays, and so does the record as it is.
        await eventually(lambda: left() == [0, 1, 1], "what is old to be gone", 15)
    # Nobody knows what there was: nothing that either side has is lost unseen.
    merged = await writes(200, data={"a": 5, "b": 2}, baseVersion=1, strategy="merge")
    assert merged["data"]["data"] == {"a": 5, "b": 2, "c": 2}
    assert merged["data"]["conflict"]["lost"] == {"a": 1}
