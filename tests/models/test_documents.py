"""Documents in both databases: numbers, what is due when, and who keeps one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from models import document_updates, document_versions, documents
from models.database import Database
from models.documents import Pace
from models.types import ago
from tests.models.conftest import Store

PACE = Pace(2, 10)


def stored(test: Callable[[Database], Awaitable[None]]) -> Callable[[Store], None]:
    """A test of a database, on each of the stores."""

    def on_a_store(store: Store) -> None:
        store.run(test)

    return on_a_store


async def begin(database: Database, owner: str = "ada", **access: str) -> Any:
    """A document of somebody's own, shared with people; its row."""
    async with database.write() as conn:
        row = await documents.create(conn, owner_id=owner, client_id=None, title="Notes", content="", state=b"\0\0")
        everyone = access.pop("everyone", "none")
        await documents.share(conn, row.id, everyone, access)
        return await documents.get(conn, row.id)


async def edit(database: Database, document_id: str, pace: Pace = PACE) -> Any:
    """Append an update; the row as it is then."""
    async with database.write() as conn:
        row = await documents.lock(conn, document_id)
        assert row is not None
        await document_updates.append(conn, [(row.id, row.n + 1, b"\0\0", "ada")])
        await documents.edited(conn, [(row, row.n + 1, 2)], pace)
        return await documents.head(conn, document_id)


@stored
async def test_edits_that_come_at_once_get_numbers_without_holes(database: Database) -> None:
    row = await begin(database)
    await asyncio.gather(*(edit(database, row.id) for _ in range(10)))
    async with database.read() as conn:
        assert [n for n, _ in await document_updates.after(conn, row.id, 0)] == list(range(1, 11))
        assert [n for n, _ in await document_updates.after(conn, row.id, 7)] == [8, 9, 10]
        assert (await documents.head(conn, row.id)).size == 2 + 10 * 2


@stored
async def test_an_edit_is_due_soon_and_the_first_one_is_not_put_off_for_ever(database: Database) -> None:
    row = await begin(database)
    first = await edit(database, row.id)
    assert first.unsaved_since < first.save_due_at
    # Later edits come all the time; the pace now allows two seconds from the first.
    second = await edit(database, row.id, Pace(600, 2))
    assert second.unsaved_since == first.unsaved_since
    assert second.save_due_at < ago(-60)
    third = await edit(database, row.id, Pace(600, 2))
    assert third.save_due_at == second.save_due_at


@stored
async def test_one_worker_keeps_a_document_until_its_time_is_over(database: Database) -> None:
    row = await begin(database)
    await edit(database, row.id, Pace(0.001, 1))
    async with database.write() as conn:
        await documents.hurry(conn, row.id)

    async def keep(worker: str, seconds: float) -> bool:
        async with database.write() as conn:
            return await documents.keep(conn, row.id, worker, seconds)

    async def is_due(worker: str) -> bool:
        async with database.read() as conn:
            return row.id in await documents.due(conn, worker, 10_000)

    taken = await asyncio.gather(*(keep(worker, 60) for worker in ("one", "two", "three")))
    assert taken.count(True) == 1
    keeper = ("one", "two", "three")[taken.index(True)]
    assert await keep(keeper, -1)
    assert await is_due(keeper)
    other = "two" if keeper == "one" else "one"
    assert await keep(other, 60), "the time of the first is over"
    assert not await is_due(keeper)
    async with database.write() as conn:
        held = await documents.lock(conn, row.id)
        await documents.save(
            conn, held, content="x", version=2, state=b"\0\0", state_n=1, size=2, whole=True, pace=PACE
        )
    assert not await is_due(other), "everything is saved"
    assert not await keep(other, 60)


@stored
async def test_what_came_behind_a_version_is_saved_later(database: Database) -> None:
    row = await begin(database)
    for _ in range(3):
        await edit(database, row.id)
    async with database.write() as conn:
        held = await documents.lock(conn, row.id)
        await document_updates.fold(conn, row.id, 2)
        await documents.save(
            conn, held, content="x", version=2, state=b"\0\0", state_n=2, size=4, whole=False, pace=PACE
        )
        found = await documents.head(conn, row.id)
        assert (found.n, found.state_n) == (3, 2)
        assert found.save_due_at is not None
        assert [n for n, _ in await document_updates.after(conn, row.id, found.state_n)] == [3]
        assert await document_updates.size_after(conn, row.id, 2) == 2


@stored
async def test_who_may_do_what(database: Database) -> None:
    row = await begin(database, everyone="read", bo="write", cy="read")
    async with database.read() as conn:
        asked = ("ada", "bo", "cy", "dee", None)
        assert [await documents.right(conn, row, user) for user in asked] == ["owner", "write", "read", "read", "read"]
        assert await documents.readers(conn, row.id, ["dee"]) is None
        assert await documents.readers(conn, "nothing", ["ada"]) == set()
    closed = await begin(database, bo="write")
    async with database.read() as conn:
        assert [await documents.right(conn, closed, user) for user in asked] == [
            "owner",
            "write",
            "none",
            "none",
            "none",
        ]
        assert await documents.readers(conn, closed.id, ["bo", "dee"]) == {"ada", "bo"}


@stored
async def test_visitors_write_nothing_whatever_everyone_may(database: Database) -> None:
    row = await begin(database, everyone="write")
    async with database.read() as conn:
        assert await documents.right(conn, row, None) == "read"
        assert await documents.right(conn, row, "dee") == "write"


@stored
async def test_pages_hold_what_is_ones_own_and_what_is_shared(database: Database) -> None:
    mine = [await begin(database, "eve") for _ in range(3)]
    theirs = [await begin(database, "bo", eve="read") for _ in range(3)]
    everything = sorted((row.id for row in (*mine, *theirs)), reverse=True)
    async with database.read() as conn:
        rows, more = await documents.page(conn, "eve", None, 4)
        assert ([row.id for row in rows], more) == (everything[:4], True)
        rows, more = await documents.page(conn, "eve", rows[-1].id, 4)
        assert ([row.id for row in rows], more) == (everything[4:], False)


@stored
async def test_of_former_versions_the_last_ones_are_kept_for_a_while(database: Database) -> None:
    row = await begin(database)
    async with database.write() as conn:
        for version in range(1, 6):
            await document_versions.note_base(conn, row.id, version, bytes([version]), 3)
        assert [await document_versions.base(conn, row.id, version) for version in range(1, 6)] == [
            *(None, None),
            *(b"\3", b"\4", b"\5"),
        ]
        assert await document_versions.expire(conn, ago(-1)) >= 3
        assert await document_versions.base(conn, row.id, 5) is None
