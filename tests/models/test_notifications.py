"""Notifications as they are stored: their order, what collapses, and counts that are right whatever happens at once."""

import asyncio
import random
import secrets
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from models import event_log, notifications
from models.database import Database, is_retryable
from models.event_log import Draft
from models.ids import new_id
from models.notifications import Notice, inboxes
from tests.models.conftest import Store

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([None, None, "a", "b"])),
        st.tuples(st.just("mark"), st.booleans(), st.sets(st.integers(0, 20), max_size=4)),
        st.tuples(st.just("mark all"), st.booleans()),
        st.tuples(st.just("delete"), st.sets(st.integers(0, 20), max_size=4)),
        st.tuples(st.just("delete all")),
    ),
    max_size=25,
)


def person() -> str:
    """The id of somebody new."""
    return f"ada-{secrets.token_hex(6)}"


def notice(title: str = "Title", **more: Any) -> Notice:
    """A notice of type SYSTEM."""
    return Notice(title, "Text", "SYSTEM", **more)


async def send(database: Database, *notices: tuple[str, Notice]) -> list[notifications.Delivered]:
    """Deliver notices in a transaction of their own."""
    async with database.write() as conn:
        return await notifications.deliver(conn, notices)


async def listed(database: Database, user_id: str, **which: Any) -> list[Any]:
    """Somebody's newest hundred notifications."""
    async with database.read() as conn:
        return await notifications.page(conn, user_id, **{"limit": 100} | which)


async def counted(database: Database, user_id: str) -> tuple[int, int]:
    """How many unread notifications somebody's inbox says there are, and how many there are."""
    table = notifications.notifications
    async with database.read() as conn:
        there = select(func.count()).select_from(table).where(table.c.user_id == user_id, ~table.c.is_read)
        return await notifications.unread_count(conn, user_id), await conn.scalar(there) or 0


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_after_any_steps_list_and_count_are_what_they_should_be(store: Store, steps: list[Any]) -> None:
    async def work(database: Database) -> None:
        ada = person()
        expected: list[dict[str, Any]] = []  # newest first

        def chosen(places: set[int]) -> list[dict[str, Any]]:
            return [expected[place] for place in places if place < len(expected)]

        for number, (step, *how) in enumerate(steps):
            unread_before = sum(not each["read"] for each in expected)
            async with database.write() as conn:
                if step == "send":
                    sent = notice(f"Title {number}", collapse_key=how[0])
                    [told] = await notifications.deliver(conn, [(ada, sent)])
                    same = [each for each in expected if how[0] and each["key"] == how[0] and not each["read"]]
                    item = {"id": sent.id, "key": how[0], "count": 1}
                    if same:
                        expected.remove(same[0])
                        item = same[0] | {"count": same[0]["count"] + 1}
                    expected.insert(0, item | {"read": False, "title": f"Title {number}"})
                    assert told.unread_count == unread_before + (not same)
                elif step.startswith("mark"):
                    which = expected if step == "mark all" else chosen(how[1])
                    ids = None if step == "mark all" else [each["id"] for each in which]
                    changed, unread = await notifications.mark(conn, ada, ids, how[0])
                    assert changed == sum(each["read"] != how[0] for each in which)
                    for each in which:
                        each["read"] = how[0]
                    assert unread == sum(not each["read"] for each in expected)
                else:
                    which = expected if step == "delete all" else chosen(how[0])
                    ids = None if step == "delete all" else [each["id"] for each in which]
                    gone, unread = await notifications.remove(conn, ada, ids)
                    assert gone == len(which)
                    expected = [each for each in expected if each not in which]
                    assert unread == sum(not each["read"] for each in expected)
        rows = await listed(database, ada)
        found = [{"id": row.id, "title": row.title, "read": row.is_read, "count": row.count} for row in rows]
        assert found == [{name: each[name] for name in ("id", "title", "read", "count")} for each in expected]
        assert [row.id for row in await listed(database, ada, unread=True)] == [
            each["id"] for each in expected if not each["read"]
        ]
        unread = sum(not each["read"] for each in expected)
        assert await counted(database, ada) == (unread, unread)

    store.run(work)


def test_several_of_a_key_in_one_delivery_are_one(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo = person(), person()
        told = await send(
            database,
            (ada, notice("First", collapse_key="key")),
            (bo, notice("Another's", collapse_key="key")),
            (ada, notice("Apart")),
            (ada, notice("Last", collapse_key="key")),
        )
        assert [(each.user_id, each.notification["title"], each.notification["count"]) for each in told] == [
            (ada, "Last", 2),
            (bo, "Another's", 1),
            (ada, "Apart", 1),
        ]
        assert [each.unread_count for each in told] == [2, 1, 2]
        [again] = await send(database, (ada, notice("Later", collapse_key="key")))
        assert again.notification["id"] == told[0].notification["id"]
        assert again.notification["count"] == 3
        assert again.unread_count == 2
        assert [row.title for row in await listed(database, ada)] == ["Later", "Apart"]

    store.run(work)


def test_what_belongs_to_others_cannot_be_changed_and_then_nothing_is(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo = person(), person()
        [mine], [other] = await send(database, (ada, notice())), await send(database, (bo, notice()))
        ids = [mine.notification["id"], other.notification["id"]]
        for attempt in (
            lambda conn: notifications.mark(conn, ada, ids, True),
            lambda conn: notifications.remove(conn, ada, ids),
            lambda conn: notifications.mark(conn, ada, ["nothing"], True),
        ):
            with pytest.raises(LookupError):
                async with database.write() as conn:
                    await attempt(conn)
        for user_id in (ada, bo):
            assert [row.is_read for row in await listed(database, user_id)] == [False]
            assert await counted(database, user_id) == (1, 1)

    store.run(work)


def test_pages_go_on_behind_one_that_was_deleted(store: Store) -> None:
    async def work(database: Database) -> None:
        ada = person()
        sent = [(await send(database, (ada, notice(str(number)))))[0].notification["id"] for number in range(5)]
        async with database.write() as conn:
            await notifications.remove(conn, ada, [sent[2]])
        assert [row.title for row in await listed(database, ada, before=sent[2])] == ["1", "0"]
        assert [row.title for row in await listed(database, ada, before=sent[3], limit=1)] == ["1", "0"]

    store.run(work)


def test_what_quotes_a_deleted_message_goes_or_loses_its_text(store: Store) -> None:
    async def work(database: Database) -> None:
        ada, bo, first, second = person(), person(), new_id(), new_id()
        await send(database, (ada, notice(collapse_key="room", subject=first)), (bo, notice(subject=first)))
        await send(database, (ada, notice(collapse_key="room", subject=second)))
        async with database.write() as conn:
            withdrawn = await notifications.withdraw(conn, first)
        assert [(user_id, unread) for user_id, _, unread in withdrawn] == [(bo, 0)]
        assert await listed(database, bo) == []
        assert [row.message for row in await listed(database, ada)] == ["Text"]
        async with database.write() as conn:
            assert await notifications.withdraw(conn, second) == []
        assert [(row.message, row.count) for row in await listed(database, ada)] == [("", 2)]
        assert await counted(database, ada) == (1, 1)
        assert await counted(database, bo) == (0, 0)

    store.run(work)


PEOPLE, TASKS, CHANGES = 5, 8, 25


async def change(database: Database, people: list[str], chance: random.Random) -> None:
    """One transaction of somebody's, with its events, as the handlers have it; run again if another was in its way."""
    while True:
        try:
            async with database.write() as conn:
                drafts = await _change(database, conn, people, chance)
                await event_log.append(conn, drafts)
            return
        except LookupError:
            return  # another task has deleted it meanwhile
        except Exception as error:
            if not is_retryable(error):
                raise


async def _change(database: Database, conn: Any, people: list[str], chance: random.Random) -> list[Draft]:
    kind = chance.choice(["send", "send", "send", "mark", "delete", "mark all", "delete all"])
    if kind == "send":
        # In any order: it is for the models to take the inboxes in the order of their ids.
        to = chance.sample(people, chance.randint(1, len(people)))
        key = chance.choice([None, "a", "b"])
        sent = notice(collapse_key=key)
        told = await notifications.deliver(conn, [(user_id, sent) for user_id in to])
        return [
            Draft(f"user:{each.user_id}", "created", {"id": each.notification["id"], "unread": each.unread_count})
            for each in told
        ]
    user_id = chance.choice(people)
    ids = None
    if not kind.endswith("all"):
        rows = await listed(database, user_id, limit=5)
        ids = [row.id for row in rows if chance.random() < 0.5]
    if kind.startswith("mark"):
        is_read = chance.random() < 0.8
        _, unread = await notifications.mark(conn, user_id, ids, is_read)
        return [Draft(f"user:{user_id}", "read" if is_read else "unread", {"ids": ids, "unread": unread})]
    _, unread = await notifications.remove(conn, user_id, ids)
    return [Draft(f"user:{user_id}", "deleted", {"ids": ids, "unread": unread})]


async def check_log(database: Database, user_id: str) -> int:
    """Hold what every event says is unread against what the events before it make; returns how many there were."""
    read: dict[str, bool] = {}
    async with database.read() as conn:
        events = (await event_log.after(conn, f"user:{user_id}", 0)).events
    for event in events:
        ids = list(read) if event.data.get("ids") is None else event.data["ids"]
        match event.event:
            case "created":
                read[event.data["id"]] = False
            case "deleted":
                for each in ids:
                    del read[each]
            case kind:
                read |= dict.fromkeys(ids, kind == "read")
        assert event.data["unread"] == sum(not each for each in read.values()), (user_id, event)
    rows = await listed(database, user_id, limit=1000)
    assert {row.id: row.is_read for row in rows} == read
    return len(events)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_counts_are_right_however_many_change_things_at_once(store: Store, seed: int) -> None:
    async def work(database: Database) -> None:
        people = [person() for _ in range(PEOPLE)]

        async def task(number: int) -> None:
            chance = random.Random(seed + number)
            for _ in range(CHANGES):
                await change(database, people, chance)

        await asyncio.gather(*(task(number) for number in range(TASKS)))
        seen = Counter({user_id: await check_log(database, user_id) for user_id in people})
        assert seen.total() > CHANGES
        for user_id in people:
            unread, there = await counted(database, user_id)
            assert unread == there >= 0
        async with database.read() as conn:
            known = await conn.scalar(select(func.count()).select_from(inboxes).where(inboxes.c.user_id.in_(people)))
        assert known == PEOPLE

    store.run(work)
