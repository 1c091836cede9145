"""Records as they are stored: versions that never go back, what is kept of them, and conflicts, on both databases."""

import asyncio
from typing import Any

from models import conflicts, record_versions, records
from models.database import Database
from models.ids import new_id
from models.types import ago, ahead
from tests.models.conftest import Store

NOTES = "notes"


async def write(database: Database, id: str, *datas: Any, by: str = "ada") -> Any:
    """Give a record these data, one after the other; its row then."""
    for data in datas:
        async with database.write() as conn:
            row = await records.write(conn, await records.take(conn, NOTES, id), data, by=by, owner_id=by)
    return row


async def kept(database: Database, id: str, *versions: int) -> list[Any]:
    """What is kept of these versions: their data, or ``gone``."""
    async with database.read() as conn:
        found = [await record_versions.get(conn, NOTES, id, each) for each in versions]
    return ["gone" if row is None else row.data for row in found]


def test_a_record_goes_on_where_its_versions_were(store: Store) -> None:
    async def work(database: Database) -> None:
        id = new_id()
        first = await write(database, id, {"n": 1})
        row = await write(database, id, {"n": 2}, None)
        assert (row.version, row.data, row.owner_id, row.position) == (3, None, "ada", first.position)
        row = await write(database, id, {"n": 4}, by="bo")
        assert (row.version, row.data, row.owner_id) == (4, {"n": 4}, "bo")
        assert row.position > first.position
        assert await kept(database, id, 0, 1, 2, 3, 4) == ["gone", {"n": 1}, {"n": 2}, None, "gone"]

    store.run(work)


def test_a_place_that_nothing_came_to_is_undone(store: Store) -> None:
    async def work(database: Database) -> None:
        id = new_id()
        try:
            async with database.write() as conn:
                assert (await records.take(conn, NOTES, id)).version == 0
                raise LookupError
        except LookupError:
            pass
        async with database.read() as conn:
            assert await records.get(conn, NOTES, id) is None

    store.run(work)


def test_those_who_write_at_once_take_their_turns(store: Store) -> None:
    async def work(database: Database) -> None:
        id = new_id()
        await asyncio.gather(*(write(database, id, {"n": n}) for n in range(10)))
        async with database.read() as conn:
            assert (await records.get(conn, NOTES, id)).version == 10
        assert len({str(each) for each in await kept(database, id, *range(1, 10))}) == 9

    store.run(work)


def test_a_version_is_kept_from_when_it_was_replaced(store: Store) -> None:
    async def work(database: Database) -> None:
        id = new_id()
        await write(database, id, {"n": 1}, {"n": 2}, {"n": 3})
        async with database.write() as conn:
            await record_versions.expire(conn, ago(60), 100)
        assert await kept(database, id, 1, 2) == [{"n": 1}, {"n": 2}]
        async with database.write() as conn:
            assert await record_versions.expire(conn, ahead(60), 1) == 1
            await record_versions.expire(conn, ahead(60), 1000)
        assert await kept(database, id, 1, 2) == ["gone", "gone"]
        # The version that stands is none of them, however old it is.
        await write(database, id, {"n": 4})
        assert await kept(database, id, 3) == [{"n": 3}]

    store.run(work)


def test_pages_are_of_what_is_there_and_of_one_owner(store: Store) -> None:
    async def work(database: Database) -> None:
        made = [(await write(database, new_id(), {"n": n}, by=f"owner-{n % 2}")) for n in range(6)]
        await write(database, made[4].id, None)
        async with database.read() as conn:
            rows = await records.page(conn, NOTES, owner_id="owner-0", before=None, limit=2)
            assert [row.id for row in rows] == [made[2].id, made[0].id]
            assert records.listed(rows[0])["data"] == {"n": 2}
            place = await records.get(conn, NOTES, made[4].id)
            rows = await records.page(conn, NOTES, owner_id=None, before=place.position, limit=3)
            assert [row.id for row in rows] == [made[3].id, made[2].id, made[1].id]

    store.run(work)


def test_a_change_is_parked_once_and_an_open_conflict_is_never_forgotten(store: Store) -> None:
    async def work(database: Database) -> None:
        wanted: dict[str, Any] = {"remote": {"n": 2}, "base": None, "version": 2, "base_version": 1}
        async with database.write() as conn:
            first, fresh = await conflicts.park(conn, NOTES, "r", "ada", local={"a": 1, "b": 2}, **wanted)
            again, repeated = await conflicts.park(conn, NOTES, "r", "ada", local={"b": 2, "a": 1}, **wanted)
            other, _ = await conflicts.park(conn, NOTES, "r", "bo", local={"a": 1, "b": 2}, **wanted)
            deletion, _ = await conflicts.park(conn, NOTES, "r", "ada", local=None, **wanted)
        assert (fresh, repeated) == (True, False)
        assert again.id == first.id
        assert len({first.id, other.id, deletion.id}) == 3
        async with database.write() as conn:
            await conflicts.resolve(conn, first.id, resolution="remote", by="mo")
            await conflicts.expire(conn, ahead(60), 1000)
            assert await conflicts.get(conn, first.id) is None
            assert (await conflicts.get(conn, other.id)).status == "open"

    store.run(work)


def test_places_that_were_taken_are_given_back(store: Store) -> None:
    async def work(database: Database) -> None:
        there, used, unused = new_id(), new_id(), new_id()
        await write(database, there, {"n": 1})
        pairs = [(NOTES, each) for each in (there, used, unused)]
        async with database.write() as conn:
            await records.take_all(conn, pairs)
            await records.write(conn, await records.take(conn, NOTES, used), {"n": 1}, by=None, owner_id=None)
            await records.give_back(conn, pairs)
        async with database.read() as conn:
            assert [(await records.get(conn, NOTES, each)).version for each in (there, used)] == [1, 1]
            assert await records.get(conn, NOTES, unused) is None

    store.run(work)
